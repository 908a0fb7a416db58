// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {BoundedSignature} from "./BoundedSignature.sol";
import {Hashing} from "./Hashing.sol";
import {State} from "./State.sol";
import {Transition, Turn} from "./Transition.sol";
import {IOrganizationRegistry} from "./interfaces/IOrganizationRegistry.sol";
import {Approval, Event, IProvenanceLedger, Opening, SignedBatch, Witness} from "./interfaces/IProvenanceLedger.sol";
import {Kind, Method, Outcome, Reason} from "./types/Numbers.sol";
import {Standing} from "./types/Standing.sol";

/// @title Who signed, who agreed, who speaks for whom: every question that needs the registry or a signature
/// @dev Nothing here writes storage.
abstract contract Authority is IProvenanceLedger, EIP712 {
    /// @dev Longer ones would outlive an owner's patience.
    uint48 private constant LONGEST_PERIOD = 3650 days;

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

    function _newTurn(bytes32 organization, address signer) internal view returns (Turn memory turn) {
        turn.organization = organization;
        turn.moment = block.timestamp;
        turn.signer = signer;
        turn.brand = organization;
        turn.speaksFor = organization;
        turn.receiver = organization;
    }

    // What the carrier adds, in the order of the events. A list that nothing asks for is not looked at

    function _opening(SignedBatch calldata batch, Turn memory turn) internal pure returns (Opening calldata) {
        Opening[] calldata openings = batch.openings;
        turn.asked = true;
        for (uint256 place = turn.openings; place < openings.length; ++place) {
            uint256 index = openings[place].index;
            if (index > turn.index) break;
            // Not passed yet: an event may ask for it again.
            turn.openings = place;
            if (index == turn.index) return openings[place];
            turn.skipped = true;
        }
        revert CarrierFault();
    }

    /// @return place of the approval for this event; the length of the list where there is none
    function _placeOfApproval(Approval[] calldata approvals, Turn memory turn) private pure returns (uint256 place) {
        turn.asked = true;
        for (place = turn.approvals; place < approvals.length; ++place) {
            uint256 index = approvals[place].index;
            if (index > turn.index) break;
            turn.approvals = place + 1;
            if (index == turn.index) return place;
            turn.skipped = true;
        }
        return approvals.length;
    }

    /// @dev What is out of order was not found, and the carrier alone is to blame. Found in rising order to the last
    /// one, a list is in order.
    function _requireOrder(SignedBatch calldata batch, Turn memory turn, uint256 end) internal pure {
        Opening[] calldata openings = batch.openings;
        uint256 lowest = 0;
        for (uint256 i = 0; i < openings.length; ++i) {
            lowest = _requireRise(openings[i].index, lowest, end);
        }
        Approval[] calldata approvals = batch.approvals;
        if (turn.approvals == approvals.length && !turn.skipped) return;
        lowest = 0;
        for (uint256 i = 0; i < approvals.length; ++i) {
            lowest = _requireRise(approvals[i].index, lowest, end);
        }
    }

    function _requireRise(uint256 index, uint256 lowest, uint256 end) private pure returns (uint256) {
        if (index < lowest || index >= end) revert CarrierFault();
        return index + 1;
    }

    // The batch

    /// @return reason why none of the events is looked at
    function _judgeBatch(
        SignedBatch calldata batch,
        Event[] calldata events,
        Witness[] calldata witnesses,
        Turn memory turn,
        bytes32 batchHash
    ) internal view returns (uint256 reason) {
        Standing standing = _askStanding(events, witnesses, turn);
        if (!standing.speaks()) {
            if (!standing.isAdmitted()) return Reason.UNKNOWN_ORGANIZATION;
            return standing.isSuspended() ? Reason.SUSPENDED : Reason.SIGNER_INVALID;
        }
        if (!BoundedSignature.isSigners(turn.signer, _hashTypedDataV4(batchHash), batch.signature)) {
            return Reason.SIGNER_INVALID;
        }
        // A deadline of hours does not care about the seconds a block's maker may shift.
        return block.timestamp > batch.deadline ? Reason.DEADLINE_PASSED : Reason.NONE;
    }

    /// @dev Asks along what the first event is likely to ask. The witness is not opened yet: at worst it makes a
    /// question that nobody asks again.
    function _askStanding(Event[] calldata events, Witness[] calldata witnesses, Turn memory turn)
        private
        view
        returns (Standing standing)
    {
        bytes32 organization = turn.organization;
        bytes32 brand;
        uint16 roleAndCategory;
        if (events.length != 0) {
            Witness calldata witness = witnesses[0];
            brand = witness.brand;
            bool isOwn = brand == 0 || brand == organization;
            if (!isOwn) roleAndCategory = _inCategory(Transition.actingRole(events[0].kind), witness.facts.category());
        }
        standing = REGISTRY.standingOf(organization, turn.signer, roleAndCategory, brand);
        turn.roles = standing.roles();
        if (standing.isAccredited()) {
            turn.accreditedBy = brand;
            turn.accreditedIn = roleAndCategory;
        }
    }

    // Agreement

    /// @dev What only the holder may do: an organization by its own batch, a key by its consent.
    /// @param bySignature whether the event leans on a signature at all
    function _judgeHolder(
        SignedBatch calldata batch,
        Turn memory turn,
        State memory state,
        Event calldata occurrence,
        bool bySignature
    ) internal view returns (uint256) {
        bytes32 holder = state.holder;
        if (turn.organization == holder) return Reason.NONE;
        if (Transition.isOrganization(holder)) return Reason.NOT_THE_HOLDER;
        return bySignature ? _judgeConsent(batch, turn, occurrence, holder, holder) : Reason.CONSENT_MISSING;
    }

    /// @dev A consented event's consent must be good, whether or not its kind asks for it. That an organization which
    /// holds signs the batch was judged with the event's form.
    function _judgeConsented(
        SignedBatch calldata batch,
        Turn memory turn,
        State memory state,
        Event calldata occurrence
    ) internal view returns (uint256) {
        bytes32 holder = state.holder;
        if (!turn.detail.consented() || turn.organization == holder) return Reason.NONE;
        return _judgeConsent(batch, turn, occurrence, holder, holder);
    }

    /// @param key whose signature is asked
    /// @param oldHolder whom the consent names: the key, or nobody where an item is born
    function _judgeConsent(
        SignedBatch calldata batch,
        Turn memory turn,
        Event calldata occurrence,
        bytes32 key,
        bytes32 oldHolder
    ) internal view returns (uint256) {
        Approval[] calldata approvals = batch.approvals;
        uint256 place = _placeOfApproval(approvals, turn);
        if (place == approvals.length) return Reason.CONSENT_MISSING;
        Approval calldata approval = approvals[place];
        if (approval.carrier != 0 && approval.carrier != batch.organization) return Reason.CONSENT_INVALID;
        // A deadline of minutes is moved by a block's maker by seconds.
        if (block.timestamp > approval.deadline) return Reason.CONSENT_INVALID;
        bytes32 head = occurrence.head;
        if (approval.store != 0) {
            bool booked;
            (booked, head) = _booking(batch, turn.index);
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
        Turn memory turn,
        Event calldata occurrence,
        Opening calldata opening
    ) internal view returns (uint256) {
        bool isMember;
        bool isEntitled;
        if (opening.brand != batch.organization) {
            (isMember, isEntitled) = REGISTRY.endorsers(opening.brand, opening.endorser);
        }
        if (isMember && opening.endorsement.length == 0) return Reason.CONSENT_MISSING;
        uint256 reason = _judgeConsent(batch, turn, occurrence, occurrence.party, 0);
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

    function _speaksFor(Turn memory turn, bytes32 brand) internal view returns (bool) {
        if (turn.speaksFor == brand) return true;
        bool speaks = REGISTRY.speaksFor(turn.organization, brand);
        if (speaks) turn.speaksFor = brand;
        return speaks;
    }

    function _isAccredited(Turn memory turn, bytes32 brand, uint8 role, uint8 category) internal view returns (bool) {
        uint16 roleAndCategory = _inCategory(role, category);
        if (turn.accreditedBy == brand && turn.accreditedIn == roleAndCategory) return true;
        bool accredited = REGISTRY.isAccredited(brand, turn.organization, role, category);
        if (accredited) {
            turn.accreditedBy = brand;
            turn.accreditedIn = roleAndCategory;
        }
        return accredited;
    }

    function _inCategory(uint8 role, uint8 category) private pure returns (uint16) {
        return uint16(role) << 8 | category;
    }

    /// @dev Why an organization may not receive an item.
    function _judgeReceiver(Turn memory turn, bytes32 party) internal view returns (uint256) {
        if (turn.receiver == party) return Reason.NONE;
        Standing standing = REGISTRY.standingOf(party, address(0), 0, 0);
        if (!standing.isAdmitted()) return Reason.UNKNOWN_ORGANIZATION;
        if (standing.isSuspended()) return Reason.SUSPENDED;
        turn.receiver = party;
        return Reason.NONE;
    }
}
