// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Approval, Aside, Event, SignedBatch, Witness} from "../../contracts/interfaces/IProvenanceLedger.sol";
import {Detail} from "../../contracts/types/Detail.sol";
import {Kind, Method} from "../../contracts/types/Numbers.sol";
import {Fold, State} from "./Fold.sol";
import {Hashes} from "./Hashes.sol";
import {Entry} from "./Pen.sol";
import {Rows} from "./Rows.sol";
import {vm} from "./Vm.sol";

struct Batch {
    bytes32 organization;
    address signer;
    uint48 deadline;
    bool allOrNothing;
    Event[] events;
}

struct Consent {
    uint8 action;
    bytes32 item;
    bytes32 head;
    bytes32 oldHolder;
    bytes32 newHolder;
    uint64 detail;
    bytes32 carrier;
    bytes32 store;
    uint48 deadline;
}

struct Endorsement {
    bytes32 brand;
    bytes32 eventHash;
    uint48 deadline;
}

struct Opened {
    uint32 sequence;
    uint8 stage;
    uint8 verdict;
    uint8 holds;
    Witness witness;
    Aside aside;
}

/// @dev tests/vectors/*.json, made by the Python twin: hashes, names, words and the order of precedence.
contract VectorsTest is Rows {
    using Fold for State;

    function test_EveryEventsHashAndNextHeadIsThePythonTwins() public view {
        string memory json = vm.readFile("tests/vectors/hashes.json");
        bytes[] memory encoded = vm.parseJsonBytesArray(json, ".events.encoded");
        bytes32[] memory hashes = vm.parseJsonBytes32Array(json, ".events.hash");
        bytes32[] memory organizations = vm.parseJsonBytes32Array(json, ".events.organization");
        bytes32[] memory heads_ = vm.parseJsonBytes32Array(json, ".events.nextHead");

        for (uint256 i = 0; i < encoded.length; i++) {
            Event memory e = abi.decode(encoded[i], (Event));
            vm.assertEq(ledger.hashEvent(e), hashes[i], "event hash");
            vm.assertEq(keccak256(abi.encode(e.head, hashes[i], organizations[i])), heads_[i], "next head");
        }
        vm.assertGt(encoded.length, 0, "rows");
    }

    function test_EveryBatchsHashIsThePythonTwins() public view {
        string memory json = vm.readFile("tests/vectors/hashes.json");
        bytes[] memory encoded = vm.parseJsonBytesArray(json, ".batches.encoded");
        bytes32[] memory hashes = vm.parseJsonBytes32Array(json, ".batches.hash");
        bytes32[] memory digests = vm.parseJsonBytes32Array(json, ".batches.digest");
        bytes32 separator = vm.parseJsonBytes32(json, ".domain.separator");

        for (uint256 i = 0; i < encoded.length; i++) {
            Batch memory told = abi.decode(encoded[i], (Batch));
            SignedBatch memory batch;
            (batch.organization, batch.signer, batch.deadline) = (told.organization, told.signer, told.deadline);
            (batch.allOrNothing, batch.events) = (told.allOrNothing, told.events);
            vm.assertEq(ledger.hashBatch(batch), hashes[i], "batch hash");
            vm.assertEq(Hashes.digest(separator, hashes[i]), digests[i], "signed digest");
        }
        vm.assertGt(encoded.length, 0, "rows");
    }

    function test_TheDomainIsThePythonTwins() public {
        string memory json = vm.readFile("tests/vectors/hashes.json");
        vm.chainId(vm.parseJsonUint(json, ".domain.chainId"));
        address target = vm.parseJsonAddress(json, ".domain.contract");

        vm.assertEq(
            Hashes.domain("ProvenanceLedger", target), vm.parseJsonBytes32(json, ".domain.separator"), "separator"
        );
    }

    function test_EveryConsentAndEndorsementIsThePythonTwins() public view {
        string memory json = vm.readFile("tests/vectors/hashes.json");
        bytes32 separator = vm.parseJsonBytes32(json, ".domain.separator");
        bytes[] memory encoded = vm.parseJsonBytesArray(json, ".consents.encoded");
        bytes32[] memory digests = vm.parseJsonBytes32Array(json, ".consents.digest");
        for (uint256 i = 0; i < encoded.length; i++) {
            bytes32 hash = _hashBySolidity(abi.decode(encoded[i], (Consent)));
            vm.assertEq(Hashes.digest(separator, hash), digests[i], "consent");
        }

        encoded = vm.parseJsonBytesArray(json, ".endorsements.encoded");
        digests = vm.parseJsonBytes32Array(json, ".endorsements.digest");
        for (uint256 i = 0; i < encoded.length; i++) {
            Endorsement memory told = abi.decode(encoded[i], (Endorsement));
            bytes32 hash = Hashes.ofEndorsement(told.brand, told.eventHash, told.deadline);
            vm.assertEq(Hashes.digest(separator, hash), digests[i], "endorsement");
        }
    }

    function test_EveryNameIsThePythonTwins() public view {
        string memory json = vm.readFile("tests/vectors/hashes.json");
        string[] memory dids = vm.parseJsonStringArray(json, ".organizations.did");
        bytes32[] memory ids = vm.parseJsonBytes32Array(json, ".organizations.id");
        for (uint256 i = 0; i < dids.length; i++) {
            vm.assertEq(keccak256(bytes(dids[i])), ids[i], "organization");
        }
        bytes32[] memory brands = vm.parseJsonBytes32Array(json, ".serials.brand");
        bytes32[] memory commitments = vm.parseJsonBytes32Array(json, ".serials.commitment");
        bytes32[] memory named_ = vm.parseJsonBytes32Array(json, ".serials.item");
        for (uint256 i = 0; i < brands.length; i++) {
            vm.assertEq(itemOf(brands[i], commitments[i]), named_[i], "item");
        }
    }

    /// @dev The word is put in place; an event that is carried on it must find its witness true. A word packed in
    /// another order would revert.
    function test_EveryWordOpensAsThePythonTwinPacksIt() public {
        string memory json = vm.readFile("tests/vectors/words.json");
        bytes[] memory encoded = vm.parseJsonBytesArray(json, ".encoded");
        bytes32[] memory words = vm.parseJsonBytes32Array(json, ".word");
        uint256 opened = 0;

        for (uint256 i = 0; i < encoded.length; i++) {
            if (words[i] == 0) continue;
            bytes32 item = keccak256(abi.encode("vector", i));
            vm.store(address(ledger), slotOf(item), words[i]);
            Opened memory told = abi.decode(encoded[i], (Opened));
            Entry memory n = write(Kind.SERVICE, item);
            n.witness = told.witness;
            n = named(n, 0, 0);
            n.opening[0].aside = told.aside;
            ledger.record(only(batchOf(maison, n)));
            opened++;
        }

        vm.assertGt(opened, 20, "rows");
    }

    /// @dev All ordered pairs, each through the contract: a verdict or a ruling on an item whose effective verdict is
    /// put in place.
    function test_EveryPairOfOpinionsIsThePythonTwins() public {
        string memory json = vm.readFile("tests/vectors/precedence.json");
        uint256[] memory effective = vm.parseJsonUintArray(json, ".effective");
        uint256[] memory effectiveMethods = vm.parseJsonUintArray(json, ".effectiveMethod");
        bool[] memory expired = vm.parseJsonBoolArray(json, ".expired");
        uint256[] memory outcomes = vm.parseJsonUintArray(json, ".outcome");
        uint256[] memory methods = vm.parseJsonUintArray(json, ".method");
        bool[] memory replaces = vm.parseJsonBoolArray(json, ".replaces");
        bytes32 item = disputed();
        State memory base = known(item);
        vm.warp(now_() + 100);

        for (uint256 i = 0; i < effective.length; i++) {
            State memory s = _judged(base, uint8(effective[i]), uint8(effectiveMethods[i]), expired[i]);
            implant(item, s);
            bool rules = methods[i] == Method.RULING;
            uint64 detail = detailOf(uint8(outcomes[i]), rules ? 0 : uint8(methods[i]), 0, 0, false);
            lands(maison, write(rules ? Kind.RULING : Kind.VERDICT, item, 0, detail));
            vm.assertTrue((known(item).verdictSequence == s.sequence + 1) == replaces[i], "replaces");
        }
        vm.assertGt(effective.length, 200, "rows");
    }

    function _judged(State memory base, uint8 verdict, uint8 method, bool expired)
        private
        view
        returns (State memory s)
    {
        s = abi.decode(abi.encode(base), (State));
        if (verdict == 0) return s;
        (s.verdict, s.verdictMethod, s.verdictSequence) = (verdict, method, 1);
        s.verdictAt = now_() - 100;
        s.verdictExpiry = expired ? now_() - 50 : 0;
    }

    function _hashBySolidity(Consent memory told) private view returns (bytes32) {
        Event memory e;
        (e.kind, e.item, e.party, e.detail) = (told.action, told.item, told.newHolder, Detail.wrap(told.detail));
        Approval memory approval;
        (approval.carrier, approval.store, approval.deadline) = (told.carrier, told.store, told.deadline);
        return ledger.hashConsent(e, told.head, told.oldHolder, approval);
    }
}
