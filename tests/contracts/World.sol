// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Accreditation, IOrganizationRegistry} from "../../contracts/interfaces/IOrganizationRegistry.sol";
import {IProvenanceLedger} from "../../contracts/interfaces/IProvenanceLedger.sol";
import {HoldKind, Kind, Method, Outcome, Phase, Role} from "../../contracts/types/Numbers.sol";
import {Entry, Member, Pen, Told} from "./Pen.sol";
import {vm} from "./Vm.sol";

/// @dev A consortium with one organization of each sort, and items brought to any stage by real events. This contract
/// owns the registry.
abstract contract World is Pen {
    uint48 internal constant RECOVERY_PERIOD = 30 days;
    uint48 internal constant RULING_PERIOD = 30 days;
    uint48 internal constant START = 1_750_000_000;
    uint8 internal constant HANDBAG = 1;
    uint8 internal constant WATCH = 2;

    // Consumers' claim keys
    uint256 internal constant ALICE = 0xA11CE;
    uint256 internal constant BOB = 0xB0B;
    uint256 internal constant CAROL = 0xCA401;

    IOrganizationRegistry internal registry;
    Member internal consortium;
    Member internal maison; // the brand of most items
    Member internal rival; // another brand
    Member internal tannery; // supplier
    Member internal shop; // retailer, accredited by the maison
    Member internal platform;
    Member internal store; // authenticator, accredited by the maison
    Member internal outsider; // every role, nobody's accreditation
    bytes32 internal oldHouse = keccak256("did:web:old-house.example"); // a brand that is no member
    uint256 private _serials;

    function setUp() public virtual {
        vm.warp(START);
        vm.roll(1000);
        consortium = _key("did:web:consortium.example");
        registry = deployRegistry("did:web:consortium.example", consortium.signer);
        ledger = deployLedger(RECOVERY_PERIOD, RULING_PERIOD);
        maison = member("did:web:maison.example", Role.BRAND);
        rival = member("did:web:rival.example", Role.BRAND);
        tannery = member("did:web:tannery.example", Role.SUPPLIER);
        shop = member("did:web:shop.example", Role.RETAILER);
        platform = member("did:web:platform.example", Role.PLATFORM);
        store = member("did:web:store.example", Role.AUTHENTICATOR);
        outsider = member("did:web:outsider.example", Role.ALL);
        accredit(maison.id, shop, Role.RETAILER);
        accredit(maison.id, store, Role.AUTHENTICATOR);
    }

    // Contracts: by artifact and not by import, so that the tests are compiled on their own and meet the code that ships

    function deployRegistry(string memory did, address signer) internal returns (IOrganizationRegistry) {
        bytes memory arguments = abi.encode(address(this), did, signer);
        return IOrganizationRegistry(vm.deployCode("OrganizationRegistry.sol:OrganizationRegistry", arguments));
    }

    function deployLedger(uint48 recoveryPeriod, uint48 rulingPeriod) internal returns (IProvenanceLedger) {
        bytes memory arguments = abi.encode(registry, recoveryPeriod, rulingPeriod);
        return IProvenanceLedger(vm.deployCode("ProvenanceLedger.sol:ProvenanceLedger", arguments));
    }

    // Members

    function member(string memory did, uint8 roles) internal returns (Member memory m) {
        m = _key(did);
        registry.admit(did, roles, m.signer);
    }

    /// @dev By the brand for every category and time; by the consortium when that is the brand.
    function accredit(bytes32 brand, Member memory m, uint8 role) internal {
        accredit(brand, m, role, type(uint64).max, 0, 0);
    }

    function accredit(bytes32 brand, Member memory m, uint8 role, uint64 scope, uint48 from, uint48 until) internal {
        if (brand == maison.id) vm.prank(maison.signer);
        else if (brand == rival.id) vm.prank(rival.signer);
        registry.accredit(
            Accreditation({brand: brand, organization: m.id, role: role, scope: scope, from: from, until: until})
        );
    }

    function holderOf(uint256 key) internal pure returns (bytes32) {
        return bytes32(uint256(uint160(vm.addr(key))));
    }

    // Carrying one entry

    function lands(Member memory by, Entry memory n) internal {
        Told memory told = carry(only(batchOf(by, n)));
        vm.assertEq(told.lastReason, 0, "reason");
        vm.assertEq(told.batchReason, 0, "batch reason");
        vm.assertEq(told.recorded, 1, "recorded");
    }

    function refused(Member memory by, Entry memory n, uint8 reason) internal {
        uint256 before = wordOf(n.e.item);

        Told memory told = carry(only(batchOf(by, n)));

        vm.assertEq(told.lastReason, reason, "reason");
        vm.assertEq(told.recorded, 0, "recorded");
        vm.assertEq(told.refusedItem, n.e.item, "the refusal names the item");
        vm.assertEq(told.carrier, address(this), "the refusal names the carrier");
        vm.assertEq(wordOf(n.e.item), before, "a refusal changes nothing");
    }

    // Entries

    function birth(Member memory by) internal returns (Entry memory) {
        bytes32 commitment = freshCommitment();
        bytes32 item = itemOf(by.id, commitment);
        return write(Kind.MANUFACTURE, item, commitment, detailOf(0, 0, 0, HANDBAG, false));
    }

    function lotBirth(Member memory by) internal returns (Entry memory) {
        bytes32 commitment = freshCommitment();
        return write(Kind.RAW_MATERIAL, itemOf(by.id, commitment), commitment, 0);
    }

    /// @dev With the presenter's consent, without an endorsement.
    function enrolment(bytes32 brand, uint256 presenter) internal returns (Entry memory n) {
        bytes32 commitment = freshCommitment();
        uint64 detail = detailOf(Outcome.AUTHENTIC, Method.IN_PERSON, 0, HANDBAG, true);
        n = write(Kind.ENROLMENT, itemOf(brand, commitment), holderOf(presenter), detail);
        return agreed(named(n, brand, commitment), presenter);
    }

    function opinion(bytes32 item, uint8 outcome, uint8 method) internal returns (Entry memory) {
        return write(Kind.VERDICT, item, 0, detailOf(outcome, method, 0, 0, false));
    }

    function holding(bytes32 item, uint8 hold, bool consented) internal returns (Entry memory) {
        uint40 until = hold == HoldKind.IN_VERIFICATION ? uint40(now_() + 7 days) : 0;
        return write(Kind.HOLD, item, 0, detailOf(hold, 0, until, 0, consented));
    }

    function releasing(bytes32 item, uint8 hold, bool consented) internal returns (Entry memory) {
        return write(Kind.RELEASE, item, 0, detailOf(hold, 0, 0, 0, consented));
    }

    function consentedTo(uint8 kind, bytes32 item) internal returns (Entry memory) {
        return write(kind, item, 0, detailOf(0, 0, 0, 0, true));
    }

    function recovering(bytes32 item, uint8 phase, bytes32 key) internal returns (Entry memory) {
        return write(Kind.RECOVERY, item, key, detailOf(phase, 0, 0, 0, phase == Phase.VETO));
    }

    function correcting(bytes32 item, uint8 outcome, uint32 sequence) internal returns (Entry memory) {
        return historyFrom(write(Kind.CORRECTION, item, 0, detailOf(outcome, 0, sequence, 0, false)), sequence);
    }

    // Items at a stage

    function lot() internal returns (bytes32) {
        Entry memory n = lotBirth(tannery);
        lands(tannery, n);
        return n.e.item;
    }

    function unsold() internal returns (bytes32) {
        Entry memory n = birth(maison);
        lands(maison, n);
        return n.e.item;
    }

    /// @dev Held by Alice's key.
    function sold() internal returns (bytes32 item) {
        item = unsold();
        lands(maison, write(Kind.SALE, item, holderOf(ALICE), 0));
    }

    /// @dev Sold, and bought in by the shop.
    function boughtIn() internal returns (bytes32 item) {
        item = sold();
        lands(shop, agreed(write(Kind.TRANSFER, item, shop.id, 0), ALICE));
    }

    /// @dev Of the brand that is no member, held by Alice's key.
    function enrolled() internal returns (bytes32) {
        accredit(consortium.id, store, Role.AUTHENTICATOR);
        Entry memory n = enrolment(oldHouse, ALICE);
        lands(store, n);
        return n.e.item;
    }

    function retired() internal returns (bytes32 item) {
        item = unsold();
        lands(maison, write(Kind.RETIRE, item));
    }

    /// @dev Sold, and held by its owner as stolen.
    function stolen() internal returns (bytes32 item) {
        item = sold();
        lands(platform, agreed(holding(item, HoldKind.STOLEN, true), ALICE));
    }

    /// @dev Sold, disputed by its brand.
    function disputed() internal returns (bytes32 item) {
        item = sold();
        lands(maison, write(Kind.DISPUTE, item));
    }

    /// @dev Sold, and judged not authentic by photo.
    function fake() internal returns (bytes32 item) {
        item = sold();
        lands(store, opinion(item, Outcome.NOT_AUTHENTIC, Method.PHOTO));
    }

    function freshCommitment() internal returns (bytes32) {
        return keccak256(abi.encode("commitment", ++_serials));
    }

    function itemOf(bytes32 brand, bytes32 commitment) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(brand, commitment));
    }

    function _key(string memory did) private pure returns (Member memory m) {
        m.id = keccak256(bytes(did));
        m.key = uint256(keccak256(abi.encode("key", m.id)));
        m.signer = vm.addr(m.key);
    }
}
