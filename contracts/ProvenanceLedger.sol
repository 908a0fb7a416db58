// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Bytes} from "@openzeppelin/contracts/utils/Bytes.sol";
import {LowLevelCall} from "@openzeppelin/contracts/utils/LowLevelCall.sol";
import {Memory} from "@openzeppelin/contracts/utils/Memory.sol";
import {ERC165, IERC165} from "@openzeppelin/contracts/utils/introspection/ERC165.sol";

import {Authority} from "./Authority.sol";
import {Hashing} from "./Hashing.sol";
import {Judgement} from "./Judgement.sol";
import {State} from "./State.sol";
import {Transition, Turn} from "./Transition.sol";
import {IERC5646} from "./interfaces/IERC5646.sol";
import {IOrganizationRegistry} from "./interfaces/IOrganizationRegistry.sol";
import {Approval, Event, IProvenanceLedger, SignedBatch, Witness} from "./interfaces/IProvenanceLedger.sol";
import {Facts} from "./types/Facts.sol";
import {ItemWord} from "./types/ItemWord.sol";
import {Kind, Reason} from "./types/Numbers.sol";

/// @title One word for the life of every item
/// @dev A word is opened with the carrier's witness, judged, changed by the pure transition and stored again. Who may
/// do what is asked in `Authority`; what it does to an item is in `Transition`.
contract ProvenanceLedger is Judgement, ERC165 {
    using Transition for State;

    /// @dev A word behind a reference, so that its place is hashed once for reading and writing.
    struct Shelf {
        ItemWord word;
    }

    mapping(bytes32 item => Shelf shelf) private _shelves;

    constructor(IOrganizationRegistry registry, uint48 recoveryPeriod, uint48 rulingPeriod)
        Authority(registry, recoveryPeriod, rulingPeriod)
    {}

    // Record

    /// @inheritdoc IProvenanceLedger
    function record(SignedBatch[] calldata batches) external {
        for (uint256 i = 0; i < batches.length; ++i) {
            _recordBatch(batches[i]);
        }
    }

    /// @inheritdoc IProvenanceLedger
    function recordGroup(SignedBatch calldata batch, uint8 roles, bytes32[] calldata eventHashes) external {
        if (msg.sender != address(this)) revert NotTheLedger(msg.sender);

        Turn memory turn = _newTurn(batch.organization, batch.signer);
        turn.roles = roles;
        _recordEvents(batch, batch.events, batch.witnesses, turn, eventHashes, 0);
    }

    // Reads

    /// @inheritdoc IProvenanceLedger
    function word(bytes32 item) external view returns (ItemWord) {
        return _shelves[item].word;
    }

    /// @inheritdoc IProvenanceLedger
    function stateOf(bytes32 item) external view returns (uint32 sequence, uint8 stage, uint8 verdict, uint8 holds) {
        ItemWord current = _shelves[item].word;
        return (current.sequence(), current.stage(), current.verdict(), current.holds());
    }

    /// @inheritdoc IERC5646
    function getStateFingerprint(uint256 item) external view returns (bytes32) {
        return bytes32(ItemWord.unwrap(_shelves[bytes32(item)].word));
    }

    /// @inheritdoc IProvenanceLedger
    function hashEvent(Event calldata occurrence) external pure returns (bytes32) {
        return Hashing.hashEvent(occurrence);
    }

    /// @inheritdoc IProvenanceLedger
    function hashBatch(SignedBatch calldata batch) external pure returns (bytes32) {
        return Hashing.hashBatch(batch, Hashing.hashEvents(batch.events));
    }

    /// @inheritdoc IProvenanceLedger
    function hashConsent(Event calldata occurrence, bytes32 head, bytes32 oldHolder, Approval calldata approval)
        external
        pure
        returns (bytes32)
    {
        return Hashing.hashConsent(occurrence, head, oldHolder, approval);
    }

    /// @inheritdoc IProvenanceLedger
    function DOMAIN_SEPARATOR() external view returns (bytes32) {
        return _domainSeparatorV4();
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId) public view override returns (bool) {
        return interfaceId == type(IERC5646).interfaceId || super.supportsInterface(interfaceId);
    }

    // Batches

    function _recordBatch(SignedBatch calldata batch) private {
        Event[] calldata events = batch.events;
        Witness[] calldata witnesses = batch.witnesses;
        if (witnesses.length != events.length) revert CarrierFault();
        Turn memory turn = _newTurn(batch.organization, batch.signer);
        bytes32[] memory eventHashes = Hashing.hashEvents(events);
        bytes32 batchHash = Hashing.hashBatch(batch, eventHashes);

        uint256 reason = _judgeBatch(batch, events, witnesses, turn, batchHash);
        if (reason != Reason.NONE) {
            emit BatchRefused(turn.organization, batchHash, uint8(reason), msg.sender);
        } else if (batch.allOrNothing) {
            _recordAllOrNothing(batch, uint8(turn.roles), eventHashes, batchHash);
        } else {
            _recordEvents(batch, events, witnesses, turn, eventHashes, batchHash);
        }
    }

    /// @dev The ledger calls itself, because only the end of a call undoes what it wrote.
    function _recordAllOrNothing(
        SignedBatch calldata batch,
        uint8 roles,
        bytes32[] memory eventHashes,
        bytes32 batchHash
    ) private {
        try this.recordGroup(batch, roles, eventHashes) {
            return;
        } catch (bytes memory why) {
            (uint256 guilty, uint8 reason) = _groupEnd(why);
            for (uint256 i = 0; i < eventHashes.length; ++i) {
                uint8 itsReason = i == guilty ? reason : Reason.GROUP_REFUSED;
                emit Refused(batch.events[i].item, eventHashes[i], batchHash, itsReason, msg.sender);
            }
        }
    }

    /// @dev Passes on what is the carrier's fault. A call that ran out of gas says nothing.
    function _groupEnd(bytes memory why) private pure returns (uint256 guilty, uint8 reason) {
        if (why.length == 0) revert GasStarved();
        if (bytes4(why) != GroupEnds.selector) LowLevelCall.bubbleRevert(why);
        return abi.decode(Bytes.slice(why, 4), (uint256, uint8));
    }

    // Events

    function _recordEvents(
        SignedBatch calldata batch,
        Event[] calldata events,
        Witness[] calldata witnesses,
        Turn memory turn,
        bytes32[] memory eventHashes,
        bytes32 batchHash
    ) private {
        State memory state;
        Memory.Pointer free = Memory.getFreeMemoryPointer();
        for (uint256 i = 0; i < events.length; ++i) {
            turn.index = i;
            bytes32 eventHash = eventHashes[i];
            uint256 reason = _recordEvent(batch, turn, state, events[i], witnesses[i], eventHash);
            if (reason != Reason.NONE) {
                if (batch.allOrNothing) revert GroupEnds(i, uint8(reason));
                emit Refused(events[i].item, eventHash, batchHash, uint8(reason), msg.sender);
            }
            // What one event left in memory is not looked at in the next; kept, it would make each dearer than the last.
            Memory.unsafeSetFreeMemoryPointer(free);
        }
        if (turn.asked) _requireOrder(batch, turn, events.length);
    }

    function _recordEvent(
        SignedBatch calldata batch,
        Turn memory turn,
        State memory state,
        Event calldata occurrence,
        Witness calldata witness,
        bytes32 eventHash
    ) private returns (uint256 reason) {
        Shelf storage shelf = _shelves[occurrence.item];
        turn.kind = occurrence.kind;
        turn.detail = occurrence.detail;
        turn.occurredAt = occurrence.occurredAt;
        state.word = shelf.word;
        _open(batch, turn, state, occurrence, witness);
        reason = _judge(batch, turn, state, occurrence);
        if (reason != Reason.NONE) return reason;

        shelf.word = state.advance(occurrence, eventHash, turn);

        if (turn.kind > Kind.VERDICT) _emitForeword(batch, turn, occurrence.item);
        _emitRecorded(turn, occurrence, eventHash);
    }

    /// @dev What only some of the rarer kinds tell beside.
    function _emitForeword(SignedBatch calldata batch, Turn memory turn, bytes32 item) private {
        if (turn.kind == Kind.ENROLMENT) {
            emit Enrolled(item, turn.enrolledBrand, _opening(batch, turn).serialCommitment);
        }
        if (turn.kind == Kind.RELEASE && turn.byOrder) emit ReleasedByOrder(item, turn.detail.a());
    }

    function _emitRecorded(Turn memory turn, Event calldata occurrence, bytes32 eventHash) private {
        // The casts give back what was read from fields of these sizes.
        emit Recorded({
            item: occurrence.item,
            eventHash: eventHash,
            organization: turn.organization,
            signer: turn.signer,
            kind: uint8(turn.kind),
            occurredAt: uint48(turn.occurredAt),
            party: occurrence.party,
            detail: turn.detail,
            payload: occurrence.payload
        });
    }

    /// @dev Fills all of `state`, which served the event before. Reverts with `WitnessMismatch` for what does not open
    /// the word.
    function _open(
        SignedBatch calldata batch,
        Turn memory turn,
        State memory state,
        Event calldata occurrence,
        Witness calldata witness
    ) private pure {
        if (state.aside.length != 0) state.clearAside();
        state.head = witness.head;
        state.holder = witness.holder;
        state.brand = witness.brand;
        state.facts = witness.facts;
        bool isOpen;
        if (state.word.isUnborn()) {
            isOpen = state.head | state.holder | state.brand == 0 && Facts.unwrap(state.facts) == 0;
        } else {
            _fillIn(turn, state, occurrence.head);
            if (state.facts.hasAside()) state.fillAside(_opening(batch, turn).aside);
            isOpen = state.isOpen();
        }
        if (!isOpen) revert WitnessMismatch(occurrence.item);
    }

    /// @dev Zeros in a born item's witness stand for what repeats.
    function _fillIn(Turn memory turn, State memory state, bytes32 head) private pure {
        if (state.head == 0) state.head = head;
        if (state.holder == 0) state.holder = turn.organization;
        if (state.brand == 0) state.brand = turn.brand;
        else turn.brand = state.brand;
    }
}
