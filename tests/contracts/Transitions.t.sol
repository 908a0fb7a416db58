// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Accreditation, IOrganizationRegistry} from "../../contracts/interfaces/IOrganizationRegistry.sol";
import {
    Approval,
    Aside,
    Event,
    IProvenanceLedger,
    Link,
    Opening,
    SignedBatch,
    Witness
} from "../../contracts/interfaces/IProvenanceLedger.sol";
import {ItemWord} from "../../contracts/types/ItemWord.sol";
import {Kind} from "../../contracts/types/Numbers.sol";
import {Hashes} from "./Hashes.sol";
import {Vm, vm} from "./Vm.sol";

/// @dev One row of tests/vectors/transitions.json; its README has the fields.
struct Case {
    bytes32 word;
    Witness witness;
    Aside aside;
    Event event_;
    bytes32 organization;
    uint48 blockTime;
    uint8 consent;
    uint8 endorsement;
    bytes32 brand;
    bytes32 serialCommitment;
    bytes32 priorHead;
    Link[] history;
    uint8 reason;
    bytes32 wordAfter;
    bool byOrder;
}

/// @dev The Python twin's answers, case by case, asked of the whole contract through its front door: real registry,
/// real signatures, the stored word put in place, the event carried, the word and the logs compared.
contract TransitionsTest {
    bytes32 private constant REFUSED = keccak256("Refused(bytes32,bytes32,bytes32,uint8,address)");
    bytes32 private constant BY_ORDER = keccak256("ReleasedByOrder(bytes32,uint8)");
    bytes32 private constant RECORDED =
        keccak256("Recorded(bytes32,bytes32,bytes32,address,uint8,uint48,bytes32,uint64,bytes32)");
    string private constant PATH = "tests/vectors/transitions.json";

    IOrganizationRegistry private registry;
    IProvenanceLedger private ledger;
    mapping(address key => uint256 secret) private secrets;
    uint256 private anotherSecret;

    function setUp() public {
        vm.warp(1_700_000_000);
        string memory json = vm.readFile(PATH);
        _deploy(json);
        _admit(json);
        _accredit(json);
        uint256[] memory keys = vm.parseJsonUintArray(json, ".world.keys.secret");
        for (uint256 i = 0; i < keys.length; i++) {
            secrets[vm.addr(keys[i])] = keys[i];
        }
        anotherSecret = 0xDEAD;
    }

    function test_EveryTransitionIsThePythonTwins() public {
        string memory json = vm.readFile(PATH);
        bytes[] memory cases = vm.parseJsonBytesArray(json, ".cases.encoded");
        string[] memory names = vm.parseJsonStringArray(json, ".cases.name");

        for (uint256 i = 0; i < cases.length; i++) {
            _check(abi.decode(cases[i], (Case)), names[i]);
        }

        vm.assertGt(cases.length, 500, "several hundred cases");
    }

    function _check(Case memory c, string memory name) private {
        vm.warp(c.blockTime);
        vm.store(address(ledger), _slotOf(c.event_.item), c.word);
        SignedBatch[] memory batches = new SignedBatch[](1);
        batches[0] = _batch(c);
        vm.recordLogs();

        try ledger.record(batches) {}
        catch (bytes memory why) {
            vm.assertEq(string(why), "", string.concat("reverted: ", name));
        }

        (uint8 reason, uint256 recorded, uint256 byOrder) = _read(vm.getRecordedLogs());
        vm.assertEq(reason, c.reason, string.concat("reason: ", name));
        vm.assertEq(recorded, c.reason == 0 ? 1 : 0, string.concat("recorded: ", name));
        vm.assertEq(byOrder, c.byOrder ? 1 : 0, string.concat("by order: ", name));
        uint256 word = ItemWord.unwrap(ledger.word(c.event_.item));
        vm.assertEq(bytes32(word), c.wordAfter, string.concat("word: ", name));
    }

    function _batch(Case memory c) private view returns (SignedBatch memory batch) {
        batch.organization = c.organization;
        batch.signer = vm.addr(_keyOf(c.organization));
        batch.deadline = c.blockTime;
        batch.events = new Event[](1);
        batch.events[0] = c.event_;
        batch.witnesses = new Witness[](1);
        batch.witnesses[0] = c.witness;
        batch.openings = new Opening[](1);
        batch.openings[0] = _opening(c);
        if (c.consent != 0) {
            batch.approvals = new Approval[](1);
            batch.approvals[0] = _approval(c);
        }
        batch.signature = _sign(_keyOf(c.organization), Hashes.ofBatch(batch));
    }

    function _opening(Case memory c) private view returns (Opening memory opening) {
        (opening.aside, opening.brand, opening.serialCommitment) = (c.aside, c.brand, c.serialCommitment);
        (opening.priorHead, opening.history) = (c.priorHead, c.history);
        if (c.endorsement == 0) return opening;
        uint256 key = c.endorsement == 1 ? _keyOf(c.brand) : anotherSecret;
        opening.endorser = vm.addr(key);
        opening.endorsementDeadline = c.blockTime;
        bytes32 hash = Hashes.ofEndorsement(c.brand, Hashes.ofEvent(c.event_), c.blockTime);
        opening.endorsement = _sign(key, hash);
    }

    function _approval(Case memory c) private view returns (Approval memory approval) {
        bool enrols = c.event_.kind == Kind.ENROLMENT;
        approval.deadline = c.blockTime;
        uint256 key = secrets[address(uint160(uint256(enrols ? c.event_.party : c.witness.holder)))];
        if (c.consent == 2 || key == 0) key = anotherSecret;
        bytes32 oldHolder = enrols ? bytes32(0) : c.witness.holder;
        approval.signature = _sign(key, Hashes.ofConsent(c.event_, c.event_.head, oldHolder, approval));
    }

    function _sign(uint256 key, bytes32 structHash) private view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, Hashes.digest(ledger.DOMAIN_SEPARATOR(), structHash));
        return abi.encodePacked(r, s, v);
    }

    function _read(Vm.Log[] memory logs) private pure returns (uint8 reason, uint256 recorded, uint256 byOrder) {
        for (uint256 i = 0; i < logs.length; i++) {
            if (logs[i].topics[0] == RECORDED) recorded++;
            if (logs[i].topics[0] == BY_ORDER) byOrder++;
            if (logs[i].topics[0] != REFUSED) continue;
            (,, reason,) = abi.decode(logs[i].data, (bytes32, bytes32, uint8, address));
        }
    }

    /// @dev Whichever slot the ledger reads for the item: the layout is the ledger's own affair.
    function _slotOf(bytes32 item) private returns (bytes32) {
        vm.record();
        ledger.word(item);
        (bytes32[] memory reads,) = vm.accesses(address(ledger));
        vm.assertEq(reads.length, 1, "one word per item");
        return reads[0];
    }

    // The world of the vectors

    function _deploy(string memory json) private {
        string[] memory dids = vm.parseJsonStringArray(json, ".world.organizations.did");
        bytes32 consortium = vm.parseJsonBytes32(json, ".world.consortium");
        vm.assertEq(keccak256(bytes(dids[0])), consortium, "the first is the consortium");
        bytes memory arguments = abi.encode(address(this), dids[0], vm.addr(_keyOf(consortium)));
        registry = IOrganizationRegistry(vm.deployCode("OrganizationRegistry.sol:OrganizationRegistry", arguments));
        uint256 recoveryPeriod = vm.parseJsonUint(json, ".world.recoveryPeriod");
        uint256 rulingPeriod = vm.parseJsonUint(json, ".world.rulingPeriod");
        arguments = abi.encode(registry, recoveryPeriod, rulingPeriod);
        ledger = IProvenanceLedger(vm.deployCode("ProvenanceLedger.sol:ProvenanceLedger", arguments));
    }

    function _admit(string memory json) private {
        string[] memory dids = vm.parseJsonStringArray(json, ".world.organizations.did");
        bytes32[] memory ids = vm.parseJsonBytes32Array(json, ".world.organizations.id");
        bool[] memory admitted = vm.parseJsonBoolArray(json, ".world.organizations.admitted");
        bool[] memory suspended = vm.parseJsonBoolArray(json, ".world.organizations.suspended");
        uint256[] memory roles = vm.parseJsonUintArray(json, ".world.organizations.roles");
        for (uint256 i = 1; i < dids.length; i++) {
            if (admitted[i]) registry.admit(dids[i], uint8(roles[i]), vm.addr(_keyOf(ids[i])));
            if (suspended[i]) registry.suspend(ids[i]);
        }
        bytes32[] memory brands = vm.parseJsonBytes32Array(json, ".world.successors.brand");
        bytes32[] memory successors = vm.parseJsonBytes32Array(json, ".world.successors.successor");
        for (uint256 i = 0; i < brands.length; i++) {
            registry.nameSuccessor(brands[i], successors[i]);
        }
    }

    function _accredit(string memory json) private {
        bytes32[] memory brands = vm.parseJsonBytes32Array(json, ".world.accreditations.brand");
        bytes32[] memory members = vm.parseJsonBytes32Array(json, ".world.accreditations.organization");
        uint256[] memory roles = vm.parseJsonUintArray(json, ".world.accreditations.role");
        uint256[] memory scopes = vm.parseJsonUintArray(json, ".world.accreditations.scope");
        for (uint256 i = 0; i < brands.length; i++) {
            vm.prank(vm.addr(_keyOf(brands[i])));
            registry.accredit(
                Accreditation({
                    brand: brands[i],
                    organization: members[i],
                    role: uint8(roles[i]),
                    scope: uint64(scopes[i]),
                    from: 0,
                    until: 0
                })
            );
        }
    }

    function _keyOf(bytes32 organization) private pure returns (uint256) {
        return uint256(keccak256(abi.encode("key", organization)));
    }
}
