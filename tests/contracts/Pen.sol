// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

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
import {Detail} from "../../contracts/types/Detail.sol";
import {ItemWord} from "../../contracts/types/ItemWord.sol";
import {Reason} from "../../contracts/types/Numbers.sol";
import {Context, Fold, State} from "./Fold.sol";
import {Hashes} from "./Hashes.sol";
import {vm, Vm} from "./Vm.sol";

/// @dev An organization of the tests with its key.
struct Member {
    bytes32 id;
    uint256 key;
    address signer;
}

/// @dev One event with everything its carrier adds. Tests bend whatever they like before it is carried.
struct Entry {
    Event e;
    Witness witness;
    Opening[] opening; // none or one
    Approval[] approval; // none or one
}

/// @dev What a call to `record` said in its logs.
struct Told {
    uint256 recorded;
    uint256 refused;
    uint256 batchesRefused;
    uint8 firstReason;
    uint8 lastReason;
    uint8 batchReason;
    bytes32 refusedItem;
    bytes32 refusedHash;
    bytes32 batchHash;
    address carrier;
}

/// @dev Keeps every item's full state by folding logs alone, writes the next entry on it, signs, carries, and compares
/// the word after each call with the fold (law 5). `_tips` run ahead of `_known` while a batch is being written.
abstract contract Pen {
    using Fold for State;

    bytes32 internal constant RECORDED =
        keccak256("Recorded(bytes32,bytes32,bytes32,address,uint8,uint48,bytes32,uint64,bytes32)");
    bytes32 internal constant ENROLLED = keccak256("Enrolled(bytes32,bytes32,bytes32)");
    bytes32 internal constant BY_ORDER = keccak256("ReleasedByOrder(bytes32,uint8)");
    bytes32 internal constant REFUSED = keccak256("Refused(bytes32,bytes32,bytes32,uint8,address)");
    bytes32 internal constant BATCH_REFUSED = keccak256("BatchRefused(bytes32,bytes32,uint8,address)");

    IProvenanceLedger internal ledger;
    mapping(bytes32 item => State) private _known;
    mapping(bytes32 item => State) private _tips;
    mapping(bytes32 item => Link[]) internal trail;
    mapping(bytes32 item => bytes32[]) internal heads; // after each event, and zero first
    bytes32[] internal items;
    uint256 private _written;

    // State

    function known(bytes32 item) internal view returns (State memory) {
        return _known[item];
    }

    function now_() internal view returns (uint48) {
        return uint48(vm.getBlockTimestamp());
    }

    // Writing

    /// @dev The next event of an item, on its tip, now, with witness and aside as an honest carrier gives them.
    function write(uint8 kind, bytes32 item, bytes32 party, uint64 detail) internal returns (Entry memory n) {
        State memory s = _tips[item];
        n.e = Event({
            item: item,
            kind: kind,
            head: s.head,
            occurredAt: now_(),
            party: party,
            detail: Detail.wrap(detail),
            payload: keccak256(abi.encode("payload", ++_written))
        });
        n.witness = s.witness();
        if (s.hasAside()) {
            _open(n);
            n.opening[0].aside = s.aside;
        }
    }

    function write(uint8 kind, bytes32 item) internal returns (Entry memory) {
        return write(kind, item, 0, 0);
    }

    function detailOf(uint8 a, uint8 b, uint40 time, uint8 c, bool consented) internal pure returns (uint64) {
        return uint64(a) | uint64(b) << 8 | uint64(time) << 16 | uint64(c) << 56 | (consented ? uint64(1) << 63 : 0);
    }

    /// @dev The names behind an enrolled item's id.
    function named(Entry memory n, bytes32 brand, bytes32 commitment) internal pure returns (Entry memory) {
        _open(n);
        (n.opening[0].brand, n.opening[0].serialCommitment) = (brand, commitment);
        return n;
    }

    function endorsed(Entry memory n, bytes32 brand, Member memory by) internal view returns (Entry memory) {
        _open(n);
        n.opening[0].endorser = by.signer;
        n.opening[0].endorsementDeadline = now_() + 1 hours;
        bytes32 hash = Hashes.ofEndorsement(brand, Hashes.ofEvent(n.e), n.opening[0].endorsementDeadline);
        n.opening[0].endorsement = signature(by.key, hash);
        return n;
    }

    /// @dev The links from the corrected event to the tip.
    function historyFrom(Entry memory n, uint256 sequence) internal view returns (Entry memory) {
        _open(n);
        Link[] storage all = trail[n.e.item];
        Link[] memory links = new Link[](all.length - sequence + 1);
        for (uint256 i = 0; i < links.length; i++) {
            links[i] = all[sequence - 1 + i];
        }
        n.opening[0].history = links;
        n.opening[0].priorHead = heads[n.e.item][sequence - 1];
        return n;
    }

    /// @dev The holder's key agrees to this event on its head, for any carrier, for an hour.
    function agreed(Entry memory n, uint256 key) internal view returns (Entry memory) {
        return agreed(n, key, 0, 0, n.e.head, now_() + 1 hours);
    }

    function agreed(Entry memory n, uint256 key, bytes32 carrier, bytes32 store, bytes32 head, uint48 deadline)
        internal
        view
        returns (Entry memory)
    {
        n.approval = new Approval[](1);
        n.approval[0].carrier = carrier;
        n.approval[0].store = store;
        n.approval[0].deadline = deadline;
        bytes32 hash = Hashes.ofConsent(n.e, head, _tips[n.e.item].holder, n.approval[0]);
        n.approval[0].signature = signature(key, hash);
        return n;
    }

    function signature(uint256 key, bytes32 structHash) internal view returns (bytes memory) {
        bytes32 domain = Hashes.domain("ProvenanceLedger", address(ledger));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, Hashes.digest(domain, structHash));
        return abi.encodePacked(r, s, v);
    }

    /// @dev Suppose the entry lands in this block, so that the next one can be written on it.
    function suppose(Entry memory n, Member memory by) internal {
        bytes32 brand = n.opening.length == 0 ? bytes32(0) : n.opening[0].brand;
        State memory s = _tips[n.e.item];
        s.apply_(n.e, _context(by.id, by.signer, brand, false));
        _tips[n.e.item] = s;
    }

    /// @dev Forget what was supposed: the tip is again what logs say.
    function forget(bytes32 item) internal {
        _tips[item] = _known[item];
    }

    // Batches

    function batchOf(Member memory by, Entry memory n) internal view returns (SignedBatch memory) {
        Entry[] memory entries = new Entry[](1);
        entries[0] = n;
        return batchOf(by, entries, false);
    }

    function batchOf(Member memory by, Entry[] memory entries, bool allOrNothing)
        internal
        view
        returns (SignedBatch memory batch)
    {
        batch.organization = by.id;
        batch.signer = by.signer;
        batch.deadline = now_() + 1 hours;
        batch.allOrNothing = allOrNothing;
        _fill(batch, entries);
        return sealed_(batch, by.key);
    }

    function sealed_(SignedBatch memory batch, uint256 key) internal view returns (SignedBatch memory) {
        batch.signature = signature(key, Hashes.ofBatch(batch));
        return batch;
    }

    function only(SignedBatch memory batch) internal pure returns (SignedBatch[] memory batches) {
        batches = new SignedBatch[](1);
        batches[0] = batch;
    }

    function list(Entry memory first, Entry memory second) internal pure returns (Entry[] memory entries) {
        entries = new Entry[](2);
        (entries[0], entries[1]) = (first, second);
    }

    // Carrying

    function carry(SignedBatch[] memory batches) internal returns (Told memory told) {
        vm.recordLogs();
        ledger.record(batches);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        _dropUndone(logs, batches);
        told = _read(logs);
        for (uint256 i = 0; i < batches.length; i++) {
            for (uint256 j = 0; j < batches[i].events.length; j++) {
                bytes32 item = batches[i].events[j].item;
                forget(item);
                vm.assertEq(wordOf(item), known(item).word(), "law 5: the fold of the logs is the word");
            }
        }
    }

    function wordOf(bytes32 item) internal view returns (uint256) {
        return ItemWord.unwrap(ledger.word(item));
    }

    /// @dev Put an item into a state that no test has to reach by events.
    function implant(bytes32 item, State memory s) internal {
        (_known[item], _tips[item]) = (s, s);
        vm.store(address(ledger), slotOf(item), bytes32(s.word()));
    }

    /// @dev Whichever slot the ledger reads for the item: its layout is its own affair.
    function slotOf(bytes32 item) internal returns (bytes32) {
        vm.record();
        ledger.word(item);
        (bytes32[] memory reads,) = vm.accesses(address(ledger));
        vm.assertEq(reads.length, 1, "one word per item");
        return reads[0];
    }

    /// @dev What a subclass checks on every recorded event; the state before is still `known`.
    function onRecorded(Event memory, Context memory, State memory beforeIt, State memory afterIt) internal virtual {
        vm.assertEq(afterIt.sequence, beforeIt.sequence + 1, "law 1: a sequence grows by one");
    }

    function _fill(SignedBatch memory batch, Entry[] memory entries) private pure {
        (uint256 openings, uint256 approvals) = (0, 0);
        batch.events = new Event[](entries.length);
        batch.witnesses = new Witness[](entries.length);
        for (uint256 i = 0; i < entries.length; i++) {
            (batch.events[i], batch.witnesses[i]) = (entries[i].e, entries[i].witness);
            openings += entries[i].opening.length;
            approvals += entries[i].approval.length;
        }
        batch.openings = new Opening[](openings);
        batch.approvals = new Approval[](approvals);
        for (uint256 i = entries.length; i > 0; i--) {
            Entry memory n = entries[i - 1];
            if (n.opening.length == 1) {
                batch.openings[--openings] = n.opening[0];
                n.opening[0].index = uint16(i - 1);
            }
            if (n.approval.length == 1) {
                batch.approvals[--approvals] = n.approval[0];
                n.approval[0].index = uint16(i - 1);
            }
        }
    }

    function _open(Entry memory n) private pure {
        if (n.opening.length == 0) n.opening = new Opening[](1);
    }

    function _context(bytes32 organization, address signer, bytes32 enrolledBrand, bool byOrder)
        private
        view
        returns (Context memory)
    {
        return Context({
            organization: organization,
            signer: signer,
            enrolledBrand: enrolledBrand,
            byOrder: byOrder,
            blockTime: now_(),
            recoveryPeriod: ledger.RECOVERY_PERIOD()
        });
    }

    // Reading logs

    /// @dev Foundry's recorder also keeps logs of calls that were undone, which no chain does. A refused group's are
    /// those of the events before the guilty one, right before its first refusal; they lose their emitter here.
    function _dropUndone(Vm.Log[] memory logs, SignedBatch[] memory batches) private pure {
        for (uint256 b = 0; b < batches.length; b++) {
            if (!batches[b].allOrNothing) continue;
            bytes32 hash = Hashes.ofBatch(batches[b]);
            for (uint256 first = 0; first < logs.length; first++) {
                if (!_isRefusalIn(logs[first], hash)) continue;
                uint256 guilty = first;
                while (_reasonOf(logs[guilty]) == Reason.GROUP_REFUSED) guilty++;
                _dropBefore(logs, first, guilty - first);
                break;
            }
        }
    }

    function _dropBefore(Vm.Log[] memory logs, uint256 first, uint256 recorded) private pure {
        for (uint256 i = first; i > 0; i--) {
            bool isRecorded = logs[i - 1].topics[0] == RECORDED;
            if (isRecorded && recorded-- == 0) return;
            if (logs[i - 1].topics[0] == REFUSED || logs[i - 1].topics[0] == BATCH_REFUSED) return;
            logs[i - 1].emitter = address(0);
        }
    }

    function _isRefusalIn(Vm.Log memory log, bytes32 batchHash) private pure returns (bool) {
        if (log.topics[0] != REFUSED) return false;
        (, bytes32 its,,) = abi.decode(log.data, (bytes32, bytes32, uint8, address));
        return its == batchHash;
    }

    function _reasonOf(Vm.Log memory log) private pure returns (uint8 reason) {
        (,, reason,) = abi.decode(log.data, (bytes32, bytes32, uint8, address));
    }

    function _read(Vm.Log[] memory logs) private returns (Told memory told) {
        (bytes32 enrolledBrand, bool byOrder) = (bytes32(0), false);
        for (uint256 i = 0; i < logs.length; i++) {
            if (logs[i].emitter != address(ledger)) continue;
            bytes32 topic = logs[i].topics[0];
            if (topic == ENROLLED) {
                (enrolledBrand,) = abi.decode(logs[i].data, (bytes32, bytes32));
            } else if (topic == BY_ORDER) {
                byOrder = true;
            } else if (topic == REFUSED) {
                _readRefused(told, logs[i]);
            } else if (topic == BATCH_REFUSED) {
                _readBatchRefused(told, logs[i]);
            } else if (topic == RECORDED) {
                _readRecorded(logs[i], enrolledBrand, byOrder);
                (enrolledBrand, byOrder) = (bytes32(0), false);
                told.recorded++;
            }
        }
    }

    function _readRecorded(Vm.Log memory log, bytes32 enrolledBrand, bool byOrder) private {
        bytes32 item = log.topics[1];
        State memory s = _known[item];
        State memory beforeIt = _known[item];
        Event memory e =
            Event({item: item, kind: 0, head: s.head, occurredAt: 0, party: 0, detail: Detail.wrap(0), payload: 0});
        bytes32 hash;
        bytes32 organization;
        address signer;
        (hash, organization, signer, e.kind, e.occurredAt, e.party, e.detail, e.payload) =
            abi.decode(log.data, (bytes32, bytes32, address, uint8, uint48, bytes32, Detail, bytes32));
        vm.assertEq(hash, Hashes.ofEvent(e), "a log carries every input: its event hash follows from it");

        Context memory ctx = _context(organization, signer, enrolledBrand, byOrder);
        s.apply_(e, ctx);
        onRecorded(e, ctx, beforeIt, s);
        _keep(item, s, hash, organization);
    }

    function _keep(bytes32 item, State memory s, bytes32 hash, bytes32 organization) private {
        if (s.sequence == 1) {
            items.push(item);
            heads[item].push(0);
        }
        _known[item] = s;
        trail[item].push(Link({eventHash: hash, organization: organization}));
        heads[item].push(s.head);
    }

    function _readRefused(Told memory told, Vm.Log memory log) private pure {
        (told.refusedItem, told.lastReason) = (log.topics[1], 0);
        (told.refusedHash, told.batchHash, told.lastReason, told.carrier) =
            abi.decode(log.data, (bytes32, bytes32, uint8, address));
        if (told.refused++ == 0) told.firstReason = told.lastReason;
    }

    function _readBatchRefused(Told memory told, Vm.Log memory log) private pure {
        (told.batchHash, told.batchReason, told.carrier) = abi.decode(log.data, (bytes32, uint8, address));
        told.batchesRefused++;
    }
}
