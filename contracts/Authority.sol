// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {BoundedSignature} from "./BoundedSignature.sol";
import {Hashing} from "./Hashing.sol";
import {Circumstance, State, Transition} from "./Transition.sol";
import {IOrganizationRegistry} from "./interfaces/IOrganizationRegistry.sol";
import {Approval, Event, IProvenanceLedger, Opening, SignedBatch} from "./interfaces/IProvenanceLedger.sol";
import {Kind, Method, Outcome, Reason} from "./types/Numbers.sol";

/// @dev One event's turn in a batch, and the last answer to each question: in a batch they repeat.
struct Docket {
    uint256 index; // of the event
    uint256 opening; // the next of the carrier's openings, and the event it is for
    uint256 openingFor;
    uint256 approval;
    uint256 approvalFor;
    uint256 roles;
    Circumstance circumstance;
    bytes32 brandAsked;
    bool speaks;
    bytes32 accreditorAsked;
    uint256 roleAndCategoryAsked;
    bool accredited;
    bytes32 partyAsked;
    bool partyAdmitted;
    bool partySuspended;
}

/// @title Who signed, who agreed, who speaks for whom: every question that needs the registry or a signature
/// @dev Nothing here writes storage.
abstract contract Authority is IProvenanceLedger, EIP712 {
    /// @dev Longer ones would outlive an owner's patience.
    uint48 private constant LONGEST_PERIOD = 3650 days;

    /// @dev No event has this index.
    uint256 private constant NEVER = type(uint256).max;

    /// @inheritdoc IProvenanceLedger
    IOrganizationRegistry public immutable REGISTRY;
    /// @inheritdoc IProvenanceLedger
    uint48 public immutable RECOVERY_PERIOD;
    /// @inheritdoc IProvenanceLedger
    uint48 public immutable RULING_PERIOD;

    bytes32 internal immutable CONSORTIUM;

    constructor(IOrganizationRegistry registry, uint48 recoveryPeriod, uint48 rulingPeriod)
        EIP712("ProvenanceLedger", "1")
    {
        if (recoveryPeriod == 0 || recoveryPeriod > LONGEST_PERIOD) revert InvalidPeriod(recoveryPeriod);
        if (rulingPeriod == 0 || rulingPeriod > LONGEST_PERIOD) revert InvalidPeriod(rulingPeriod);

        REGISTRY = registry;
        CONSORTIUM = registry.CONSORTIUM();
        RECOVERY_PERIOD = recoveryPeriod;
        RULING_PERIOD = rulingPeriod;
    }

    // What the carrier adds, in the order of the events

    function _newDocket(SignedBatch calldata batch, uint8 roles) internal view returns (Docket memory docket) {
        docket.roles = roles;
        docket.circumstance.organization = batch.organization;
        docket.circumstance.moment = block.timestamp;
        docket.circumstance.recoveryPeriod = RECOVERY_PERIOD;
        docket.openingFor = batch.openings.length > 0 ? batch.openings[0].index : NEVER;
        docket.approvalFor = batch.approvals.length > 0 ? batch.approvals[0].index : NEVER;
    }

    /// @dev Passes what was for this event. An entry that is out of order is never reached.
    function _turnPage(SignedBatch calldata batch, Docket memory docket) internal pure {
        uint256 index = docket.index;
        if (docket.openingFor == index) {
            uint256 opening = ++docket.opening;
            docket.openingFor = opening < batch.openings.length ? batch.openings[opening].index : NEVER;
        }
        if (docket.approvalFor == index) {
            uint256 approval = ++docket.approval;
            docket.approvalFor = approval < batch.approvals.length ? batch.approvals[approval].index : NEVER;
        }
        docket.circumstance.byOrder = false;
        docket.circumstance.brandHasTime = false;
        docket.index = index + 1;
    }

    /// @dev Whatever was not reached was out of order.
    function _requireAllReached(SignedBatch calldata batch, Docket memory docket) internal pure {
        bool reached = docket.opening == batch.openings.length && docket.approval == batch.approvals.length;
        if (!reached) revert CarrierFault();
    }

    function _opening(SignedBatch calldata batch, Docket memory docket) internal pure returns (Opening calldata) {
        if (docket.openingFor != docket.index) revert CarrierFault();
        return batch.openings[docket.opening];
    }

    // The batch

    /// @return reason why none of the events is looked at
    /// @return roles of the organization
    function _judgeBatch(SignedBatch calldata batch, bytes32 batchHash)
        internal
        view
        returns (uint8 reason, uint8 roles)
    {
        bool admitted;
        bool suspended;
        bool active;
        (admitted, suspended, roles, active) = REGISTRY.credentials(batch.organization, batch.signer);
        if (!admitted) return (Reason.UNKNOWN_ORGANIZATION, roles);
        if (suspended) return (Reason.SUSPENDED, roles);
        if (!active) return (Reason.SIGNER_INVALID, roles);
        if (!BoundedSignature.isSigners(batch.signer, _hashTypedDataV4(batchHash), batch.signature)) {
            return (Reason.SIGNER_INVALID, roles);
        }
        // A deadline of hours does not care about the seconds a block's maker may shift.
        if (block.timestamp > batch.deadline) return (Reason.DEADLINE_PASSED, roles);
    }

    // Agreement

    /// @dev What only the holder may do: an organization by its own batch, a key by its consent.
    /// @param bySignature whether the event leans on a signature at all
    function _judgeHolder(
        SignedBatch calldata batch,
        Docket memory docket,
        State memory state,
        Event calldata occurrence,
        bool bySignature
    ) internal view returns (uint8) {
        bytes32 holder = state.holder;
        if (docket.circumstance.organization == holder) return Reason.NONE;
        if (Transition.isOrganization(holder)) return Reason.NOT_THE_HOLDER;
        return bySignature ? _judgeConsent(batch, docket, occurrence, holder, holder) : Reason.CONSENT_MISSING;
    }

    /// @dev A consented event's consent must be good, whether or not its kind asks for it. That an organization which
    /// holds signs the batch was judged with the event's form.
    function _judgeConsented(
        SignedBatch calldata batch,
        Docket memory docket,
        State memory state,
        Event calldata occurrence
    ) internal view returns (uint8) {
        bytes32 holder = state.holder;
        if (!occurrence.detail.consented() || docket.circumstance.organization == holder) return Reason.NONE;
        return _judgeConsent(batch, docket, occurrence, holder, holder);
    }

    /// @param key whose signature is asked
    /// @param oldHolder whom the consent names: the key, or nobody where an item is born
    function _judgeConsent(
        SignedBatch calldata batch,
        Docket memory docket,
        Event calldata occurrence,
        bytes32 key,
        bytes32 oldHolder
    ) internal view returns (uint8) {
        if (docket.approvalFor != docket.index) return Reason.CONSENT_MISSING;
        Approval calldata approval = batch.approvals[docket.approval];
        if (approval.carrier != 0 && approval.carrier != batch.organization) return Reason.CONSENT_INVALID;
        // A deadline of minutes is moved by a block's maker by seconds.
        if (block.timestamp > approval.deadline) return Reason.CONSENT_INVALID;
        bytes32 head = occurrence.head;
        if (approval.store != 0) {
            bool booked;
            (booked, head) = _booking(batch, docket.index);
            if (!booked || approval.store != batch.organization) return Reason.CONSENT_INVALID;
        }
        bytes32 digest = _hashTypedDataV4(Hashing.hashConsent(occurrence, head, oldHolder, approval));
        // The upper 96 bits of a key are zero.
        bool signed = BoundedSignature.isKeysOwn(address(uint160(uint256(key))), digest, approval.signature);
        return signed ? Reason.NONE : Reason.CONSENT_INVALID;
    }

    /// @return booked whether an all-or-nothing batch holds, before `index`, an *authentic* in-person verdict on the item
    /// @return start the head the item has when the batch starts
    function _booking(SignedBatch calldata batch, uint256 index) private pure returns (bool booked, bytes32 start) {
        if (!batch.allOrNothing) return (false, 0);
        bytes32 item = batch.events[index].item;
        start = batch.events[index].head;
        for (uint256 i = index; i > 0; --i) {
            Event calldata earlier = batch.events[i - 1];
            if (earlier.item != item) continue;
            start = earlier.head;
            bool authentic = earlier.detail.a() == Outcome.AUTHENTIC && earlier.detail.b() == Method.IN_PERSON;
            if (earlier.kind == Kind.VERDICT && authentic) booked = true;
        }
    }

    /// @dev The presenter of an enrolled item agrees; a member brand co-signs, unless the batch is its own.
    function _judgePresenting(
        SignedBatch calldata batch,
        Docket memory docket,
        Event calldata occurrence,
        Opening calldata opening
    ) internal view returns (uint8) {
        bool isMember;
        bool isEntitled;
        if (opening.brand != batch.organization) {
            (isMember, isEntitled) = REGISTRY.endorsers(opening.brand, opening.endorser);
        }
        if (isMember && opening.endorsement.length == 0) return Reason.CONSENT_MISSING;
        uint8 reason = _judgeConsent(batch, docket, occurrence, occurrence.party, 0);
        if (reason != Reason.NONE || !isMember) return reason;
        return isEntitled && _isEndorsed(occurrence, opening) ? Reason.NONE : Reason.CONSENT_INVALID;
    }

    function _isEndorsed(Event calldata occurrence, Opening calldata opening) private view returns (bool) {
        // A deadline of hours does not care about the seconds a block's maker may shift.
        if (block.timestamp > opening.endorsementDeadline) return false;
        bytes32 eventHash = Hashing.hashEvent(occurrence);
        bytes32 endorsement = Hashing.hashEndorsement(opening.brand, eventHash, opening.endorsementDeadline);
        return BoundedSignature.isSigners(opening.endorser, _hashTypedDataV4(endorsement), opening.endorsement);
    }

    // The registry, asked once for what repeats

    function _speaksFor(Docket memory docket, bytes32 brand) internal view returns (bool) {
        bytes32 organization = docket.circumstance.organization;
        if (organization == brand) return true;
        if (docket.brandAsked != brand) {
            docket.brandAsked = brand;
            docket.speaks = REGISTRY.speaksFor(organization, brand);
        }
        return docket.speaks;
    }

    function _isAccredited(Docket memory docket, bytes32 brand, uint8 role, uint8 category)
        internal
        view
        returns (bool)
    {
        uint256 roleAndCategory = uint256(role) << 8 | category;
        if (docket.accreditorAsked != brand || docket.roleAndCategoryAsked != roleAndCategory) {
            docket.accreditorAsked = brand;
            docket.roleAndCategoryAsked = roleAndCategory;
            docket.accredited = REGISTRY.isAccredited(brand, docket.circumstance.organization, role, category);
        }
        return docket.accredited;
    }

    /// @dev Answers for a receiver that is an organization; whoever signs the batch is known to be in good standing.
    function _standingOf(Docket memory docket, bytes32 party) internal view returns (bool admitted, bool suspended) {
        if (party == docket.circumstance.organization) return (true, false);
        if (docket.partyAsked != party) {
            docket.partyAsked = party;
            (docket.partyAdmitted, docket.partySuspended,) = REGISTRY.standing(party);
        }
        return (docket.partyAdmitted, docket.partySuspended);
    }
}
