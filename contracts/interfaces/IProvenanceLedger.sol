// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Detail} from "../types/Detail.sol";
import {Facts} from "../types/Facts.sol";
import {ItemWord} from "../types/ItemWord.sol";
import {IERC5646} from "./IERC5646.sol";
import {IOrganizationRegistry} from "./IOrganizationRegistry.sol";

/// @dev One thing that happened to an item or a lot (docs/protocol.md §4). Numbers are not enums: one that is out of
/// range is refused as malformed. All fields are static: their calldata words, in this order, are hashed as they lie.
struct Event {
    bytes32 item;
    uint8 kind;
    bytes32 head; // the head it follows: it lands once, and only on the history its signer saw
    uint48 occurredAt; // a claim, unix seconds
    bytes32 party;
    Detail detail;
    bytes32 payload; // commitment to what stays off chain
}

/// @dev The rest of an item that its word commits to. All zero for an unborn item; for a born one a zero stands for
/// what repeats.
struct Witness {
    bytes32 head; // zero: the event's
    bytes32 holder; // zero: the batch's organization
    bytes32 brand; // zero: the last one named in this batch by a born item's witness; at first the batch's organization
    Facts facts;
}

/// @dev The rare rest: the only place where block times live. Zero fields are the normal case.
struct Aside {
    bytes32[5] setters; // by hold index: who may release it
    uint48 verificationUntil;
    uint48 stolenReleaseAt; // when a pending release of *stolen* may be completed
    uint48 disputedAt;
    address recoveryKey;
    uint48 recoveryReadyAt;
}

/// @dev One past event, enough to walk the heads.
struct Link {
    bytes32 eventHash;
    bytes32 organization;
}

/// @dev What some events need beside the witness: the aside of an item that has one, the names behind an enrolled
/// item's id with the brand's endorsement, the history from a corrected event to the tip.
struct Opening {
    uint16 index; // of the event in its batch
    Aside aside;
    bytes32 brand;
    bytes32 serialCommitment;
    bytes32 priorHead; // the head before the corrected event
    Link[] history; // from the corrected event to the tip
    address endorser;
    uint48 endorsementDeadline;
    bytes endorsement;
}

/// @dev The holder's key agrees (ECDSA). `store` zero: to this event on the head it names. Else to this event inside
/// an all-or-nothing batch of that store, at whose start the item has the signed head, and only after an *authentic*
/// in-person verdict on it in the same batch.
struct Approval {
    uint16 index; // of the event in its batch
    bytes32 carrier; // organization that may carry it; zero: any
    bytes32 store;
    uint48 deadline;
    bytes signature;
}

/// @dev Events of one organization under one signature, and what their carrier adds. The calldata words of the first
/// four fields, in this order, are hashed as they lie.
struct SignedBatch {
    bytes32 organization;
    address signer;
    uint48 deadline;
    bool allOrNothing;
    Event[] events;
    Witness[] witnesses; // one for each event
    Opening[] openings; // rising by index; looked at when an event asks for an entry of either list
    Approval[] approvals; // rising by index
    bytes signature; // EIP-712 over `Batch`: ECDSA, or ERC-1271 where the signer has code
}

/// @title One record of the life of every item
/// @notice Anybody may carry signed batches; events that break a rule are refused one by one, loudly, and change
/// nothing. There is no owner, no proxy and no pause.
/// @dev Authority is judged at block time. A word is opened with the carrier's witness, judged, and stored again.
/// @dev Warning: `occurredAt`, `payload` and everything off chain are claims of the organization that signed.
/// @dev Warning: a carrier can delay. It can also make a refusal by leaving out an approval or an endorsement: a
/// `Refused` in somebody else's transaction means nothing, a `Recorded` counts in anyone's.
/// @dev Warning: a carrier in the same block can land an event first, after which other transactions with the same
/// witness revert. Carry again.
interface IProvenanceLedger is IERC5646 {
    /// @notice An event stands. Together with the block's time these are all inputs of the transition.
    event Recorded(
        bytes32 indexed item,
        bytes32 eventHash,
        bytes32 organization,
        address signer,
        uint8 kind,
        uint48 occurredAt,
        bytes32 party,
        Detail detail,
        bytes32 payload
    );
    /// @notice Right before the `Recorded` of an enrolment: what the item's id is made of.
    event Enrolled(bytes32 indexed item, bytes32 brand, bytes32 serialCommitment);
    /// @notice Right before the `Recorded` of a release: the consortium lifts a hold that only others could.
    event ReleasedByOrder(bytes32 indexed item, uint8 hold);
    /// @notice An event changed nothing. It may be carried again.
    event Refused(bytes32 indexed item, bytes32 eventHash, bytes32 batchHash, uint8 reason, address carrier);
    /// @notice None of a batch's events was looked at.
    event BatchRefused(bytes32 indexed organization, bytes32 batchHash, uint8 reason, address carrier);

    /// @notice A witness, aside, history or enrolled name does not open what it claims to open.
    error WitnessMismatch(bytes32 item);
    /// @notice A list of the carrier's is out of order, too long, too short, or an entry is missing.
    error CarrierFault();
    /// @notice Too little gas to ask a contract wallet, or to carry an all-or-nothing batch to its end.
    error GasStarved();
    error InvalidPeriod(uint48 period);
    /// @notice An all-or-nothing batch ends at its first refusal. Seen by nobody: `record` turns it into logs.
    error GroupEnds(uint256 index, uint8 reason);
    /// @notice `recordGroup` is the ledger's own door.
    error NotTheLedger(address caller);

    /// @notice Carry batches. Each ends as `BatchRefused`, or each of its events as `Recorded` or `Refused`.
    /// @dev Reverts, as a whole, only for what the carrier alone can get wrong: `WitnessMismatch`, `CarrierFault`,
    /// `GasStarved`.
    /// @dev Warning: when an event is refused, the witness of a later event of the same item in the same transaction no
    /// longer opens, and the transaction reverts. Simulate, and carry what hangs together as all or nothing.
    /// @dev Warning: a contract wallet's answer is its own; it may change from block to block. It gets exactly 150,000
    /// gas and cannot write.
    function record(SignedBatch[] calldata batches) external;

    /// @notice The ledger calls itself to undo an all-or-nothing batch at its first refusal.
    function recordGroup(SignedBatch calldata batch, uint8 roles, bytes32[] calldata eventHashes) external;

    /// @notice All that is stored of an item; zero while it is unborn.
    function word(bytes32 item) external view returns (ItemWord);

    /// @notice What anybody may read of an item in clear.
    /// @param verdict the effective opinion's outcome; whether it expired is known only to who has the witness
    /// @param holds bit `1 << index`
    /// @dev Warning: *in verification* ends by itself at a time that only a witness shows; the bit may outlive it.
    function stateOf(bytes32 item) external view returns (uint32 sequence, uint8 stage, uint8 verdict, uint8 holds);

    /// @notice EIP-712 hash of the struct, without domain.
    function hashEvent(Event calldata occurrence) external pure returns (bytes32);

    /// @notice EIP-712 hash of `Batch(organization, signer, deadline, allOrNothing, events)`, without domain.
    function hashBatch(SignedBatch calldata batch) external pure returns (bytes32);

    /// @notice EIP-712 hash of the consent to an event, without domain.
    /// @param head the event's, or with a `store` the head at which its batch starts
    function hashConsent(Event calldata occurrence, bytes32 head, bytes32 oldHolder, Approval calldata approval)
        external
        pure
        returns (bytes32);

    function DOMAIN_SEPARATOR() external view returns (bytes32);

    function REGISTRY() external view returns (IOrganizationRegistry);

    /// @notice Seconds in which the present key may veto a recovery.
    function RECOVERY_PERIOD() external view returns (uint48);

    /// @notice Seconds after which the consortium may rule in the brand's place.
    function RULING_PERIOD() external view returns (uint48);
}
