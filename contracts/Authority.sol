// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {BoundedSignature} from "./BoundedSignature.sol";
import {Hashing} from "./Hashing.sol";
import {Circumstance, State, Transition} from "./Transition.sol";
import {IOrganizationRegistry} from "./interfaces/IOrganizationRegistry.sol";
import {Approval, Event, IProvenanceLedger, Link, Opening, SignedBatch} from "./interfaces/IProvenanceLedger.sol";
import {Detail} from "./types/Detail.sol";
import {HoldKind, Kind, Method, Outcome, Phase, Reason, Role, Stage} from "./types/Numbers.sol";

/// @dev One event's turn in a batch, and the last answer to each question: in a batch they repeat.
struct Docket {
    uint256 index;
    uint256 openings; // how many were taken
    uint256 approvals;
    bool hasOpening; // the last taken is this event's
    bool hasApproval;
    uint8 roles;
    bool rulingTooEarly; // the consortium rules in a brand's place and the brand still has time
    bool partySuspended;
    Circumstance circumstance;
    bytes32 brandAsked;
    bool speaks;
    bytes32 accreditationAsked; // brand
    uint256 roleAndCategoryAsked;
    bool accredited;
    bytes32 partyAsked;
    bool partyAdmitted;
    bool partyAskedSuspended;
}

/// @title Who may do what: every question that needs the registry or a signature
/// @dev The order of the refusals is that of docs/protocol.md §8. Nothing here writes storage.
abstract contract Authority is IProvenanceLedger, EIP712 {
    using Transition for State;

    /// @inheritdoc IProvenanceLedger
    IOrganizationRegistry public immutable REGISTRY;
    /// @inheritdoc IProvenanceLedger
    uint48 public immutable RECOVERY_PERIOD;
    /// @inheritdoc IProvenanceLedger
    uint48 public immutable RULING_PERIOD;

    bytes32 private immutable CONSORTIUM;

    /// @dev Longer ones would outlive an owner's patience, and far longer ones the clock's 48 bits.
    uint48 private constant LONGEST_PERIOD = 3650 days;

    constructor(IOrganizationRegistry registry, uint48 recoveryPeriod, uint48 rulingPeriod)
        EIP712("ProvenanceLedger", "1")
    {
        if (recoveryPeriod == 0 || recoveryPeriod > LONGEST_PERIOD) {
            revert InvalidPeriod(recoveryPeriod);
        }
        if (rulingPeriod == 0 || rulingPeriod > LONGEST_PERIOD) revert InvalidPeriod(rulingPeriod);
        REGISTRY = registry;
        CONSORTIUM = registry.CONSORTIUM();
        RECOVERY_PERIOD = recoveryPeriod;
        RULING_PERIOD = rulingPeriod;
    }

    // The docket

    function _newDocket(SignedBatch calldata batch, uint8 roles) internal view returns (Docket memory docket) {
        docket.roles = roles;
        docket.circumstance.organization = batch.organization;
        // Seconds fit 48 bits for nine million years.
        docket.circumstance.moment = uint48(block.timestamp);
        docket.circumstance.recoveryPeriod = RECOVERY_PERIOD;
    }

    /// @dev Takes what the carrier adds for this event, in order; what is left over at the end was out of order.
    function _turnTo(Docket memory docket, SignedBatch calldata batch, uint256 index) internal pure {
        docket.index = index;
        docket.rulingTooEarly = false;
        docket.partySuspended = false;
        docket.circumstance.byOrder = false;
        uint256 taken = docket.openings;
        docket.hasOpening = taken < batch.openings.length && batch.openings[taken].index == index;
        if (docket.hasOpening) docket.openings = taken + 1;
        taken = docket.approvals;
        docket.hasApproval = taken < batch.approvals.length && batch.approvals[taken].index == index;
        if (docket.hasApproval) docket.approvals = taken + 1;
    }

    function _opening(SignedBatch calldata batch, Docket memory docket) internal pure returns (Opening calldata) {
        if (!docket.hasOpening) revert CarrierFault();
        return batch.openings[docket.openings - 1];
    }

    // The whole judgement, in the order of the reasons' numbers

    function _judge(SignedBatch calldata batch, Docket memory docket, State memory state, bytes32 eventHash)
        internal
        view
        returns (uint8 reason)
    {
        Event calldata occurrence = batch.events[docket.index];
        reason = state.judgeShape(occurrence, docket.circumstance);
        if (reason == Reason.NONE) reason = _judgeParty(docket, occurrence);
        if (reason == Reason.NONE) reason = _judgePlace(docket, state, occurrence.kind);
        if (reason == Reason.NONE) reason = _judgeAuthority(batch, docket, state);
        if (reason == Reason.NONE && docket.partySuspended) reason = Reason.SUSPENDED;
        if (reason == Reason.NONE) reason = state.judgeObstacles(occurrence, docket.circumstance);
        if (reason == Reason.NONE) reason = _judgeAgreement(batch, docket, state, eventHash);
        if (reason == Reason.NONE) {
            reason = state.judgeTime(occurrence, docket.circumstance, docket.rulingTooEarly);
        }
    }

    // 6 and 13: the receiving organization

    function _judgeParty(Docket memory docket, Event calldata occurrence) private view returns (uint8) {
        uint8 kind = occurrence.kind;
        if (kind != Kind.SHIPMENT && kind != Kind.RESALE && kind != Kind.TRANSFER) return Reason.NONE;
        bytes32 party = occurrence.party;
        if (!Transition.isOrganization(party) || party == docket.circumstance.organization) return Reason.NONE;

        if (docket.partyAsked != party) {
            docket.partyAsked = party;
            (docket.partyAdmitted, docket.partyAskedSuspended,) = REGISTRY.standing(party);
        }
        docket.partySuspended = docket.partyAskedSuspended;
        return docket.partyAdmitted ? Reason.NONE : Reason.UNKNOWN_ORGANIZATION;
    }

    // 8 to 10

    function _judgePlace(Docket memory docket, State memory state, uint8 kind) private view returns (uint8) {
        uint8 reason = Transition.judgePlace(state.stage, kind);
        bool joins = kind == Kind.MANUFACTURE && state.stage == Stage.ENROLLED;
        if (joins && !_speaksFor(docket, state.brand)) return Reason.ALREADY_RECORDED;
        return reason;
    }

    // 11 and 12: role missing, not accredited

    function _judgeAuthority(SignedBatch calldata batch, Docket memory docket, State memory state)
        private
        view
        returns (uint8)
    {
        Event calldata occurrence = batch.events[docket.index];
        uint8 kind = occurrence.kind;
        if (kind == Kind.SHIPMENT || kind == Kind.TRANSFER || kind == Kind.SERVICE) return Reason.NONE;
        if (kind == Kind.SALE) return _judgeActing(docket, state, Role.RETAILER);
        if (kind == Kind.VERDICT) return _judgeActing(docket, state, Role.AUTHENTICATOR);
        if (kind == Kind.RESALE) return _judgeRole(docket, Role.PLATFORM | Role.RETAILER);
        if (kind == Kind.RAW_MATERIAL) return _judgeRole(docket, Role.SUPPLIER);
        if (kind == Kind.MANUFACTURE) {
            return state.stage == Stage.ENROLLED ? Reason.NONE : _judgeRole(docket, Role.BRAND);
        }
        if (kind == Kind.HOLD) return _judgeHolding(docket, state, occurrence.detail.a());
        if (kind == Kind.RELEASE) return _judgeReleasing(docket, state, occurrence.detail);
        if (kind == Kind.DISPUTE) return _judgeDisputing(docket, state, occurrence.detail);
        if (kind == Kind.RULING) return _judgeRuling(docket, state);
        if (kind == Kind.ENROLMENT) return _judgeEnrolling(batch, docket, occurrence);
        if (kind == Kind.CORRECTION) return _judgeCorrecting(batch, docket, state);
        bool needsBrand = kind == Kind.RECOVERY ? occurrence.detail.a() != Phase.VETO : state.stage == Stage.UNSOLD;
        return needsBrand ? _judgeSpeaking(docket, state.brand) : Reason.NONE;
    }

    function _judgeRole(Docket memory docket, uint8 roles) private pure returns (uint8) {
        return docket.roles & roles != 0 ? Reason.NONE : Reason.ROLE_MISSING;
    }

    function _judgeSpeaking(Docket memory docket, bytes32 brand) private view returns (uint8) {
        return _speaksFor(docket, brand) ? Reason.NONE : Reason.ROLE_MISSING;
    }

    /// @dev The brand itself, or an organization it accredited in a role. The cheaper question first.
    function _judgeActing(Docket memory docket, State memory state, uint8 role) private view returns (uint8) {
        if (docket.circumstance.organization == state.brand) return Reason.NONE;
        bool inRole = docket.roles & role != 0;
        if (inRole && _isAccredited(docket, state.brand, role, state.facts.category())) return Reason.NONE;
        if (_speaksFor(docket, state.brand)) return Reason.NONE;
        return inRole ? Reason.NOT_ACCREDITED : Reason.ROLE_MISSING;
    }

    function _judgeHolding(Docket memory docket, State memory state, uint8 hold) private view returns (uint8) {
        if (!Transition.isSold(state.stage)) {
            if (docket.circumstance.organization == state.holder) return Reason.NONE;
            return _judgeSpeaking(docket, state.brand);
        }
        if (hold == HoldKind.LOST || hold == HoldKind.STOLEN) return Reason.NONE;
        if (hold != HoldKind.IN_VERIFICATION) return _judgeSpeaking(docket, state.brand);
        if (docket.roles & Role.AUTHENTICATOR == 0) return Reason.ROLE_MISSING;
        bool accredited = _isAccredited(docket, state.brand, Role.AUTHENTICATOR, state.facts.category());
        return accredited ? Reason.NONE : Reason.NOT_ACCREDITED;
    }

    /// @dev A hold that an organization set ends by whoever speaks for it; one that a key set, by its consent; any by
    /// the consortium, which then does it by order.
    function _judgeReleasing(Docket memory docket, State memory state, Detail detail) private view returns (uint8) {
        if (state.holds >> detail.a() & 1 == 0) return Reason.NONE;
        bytes32 setter = state.aside.setters[detail.a()];
        bool isOrganizations = Transition.isOrganization(setter);
        if (isOrganizations ? _speaksFor(docket, setter) : detail.consented()) return Reason.NONE;
        if (docket.circumstance.organization == CONSORTIUM) {
            docket.circumstance.byOrder = true;
            return Reason.NONE;
        }
        return isOrganizations ? Reason.ROLE_MISSING : Reason.NONE;
    }

    function _judgeDisputing(Docket memory docket, State memory state, Detail detail) private view returns (uint8) {
        if (detail.consented() || docket.circumstance.organization == state.holder) return Reason.NONE;
        if (state.stage == Stage.LOT) return _judgeSpeaking(docket, state.brand);
        return _judgeActing(docket, state, Role.AUTHENTICATOR);
    }

    /// @dev The consortium rules where a brand lets its time pass.
    function _judgeRuling(Docket memory docket, State memory state) private view returns (uint8) {
        if (_speaksFor(docket, state.brand)) return Reason.NONE;
        if (docket.circumstance.organization != CONSORTIUM) return Reason.ROLE_MISSING;
        docket.rulingTooEarly = docket.circumstance.moment < state.aside.disputedAt + RULING_PERIOD;
        return Reason.NONE;
    }

    function _judgeEnrolling(SignedBatch calldata batch, Docket memory docket, Event calldata occurrence)
        private
        view
        returns (uint8)
    {
        Opening calldata opening = _opening(batch, docket);
        if (Hashing.idOf(opening.brand, opening.serialCommitment) != occurrence.item) {
            revert WitnessMismatch(occurrence.item);
        }
        docket.circumstance.brand = opening.brand;
        if (docket.roles & Role.AUTHENTICATOR == 0) return Reason.ROLE_MISSING;
        bool accredited = _isAccredited(docket, opening.brand, Role.AUTHENTICATOR, occurrence.detail.c());
        return accredited ? Reason.NONE : Reason.NOT_ACCREDITED;
    }

    function _judgeCorrecting(SignedBatch calldata batch, Docket memory docket, State memory state)
        private
        view
        returns (uint8)
    {
        Detail detail = batch.events[docket.index].detail;
        bytes32 author = _openHistory(batch, docket, state, detail.time());
        if (author != docket.circumstance.organization) return Reason.ROLE_MISSING;
        if (detail.a() == Outcome.NONE) return Reason.NONE;
        if (state.facts.verdictMethod() == Method.RULING) return _judgeSpeaking(docket, state.brand);
        return _judgeActing(docket, state, Role.AUTHENTICATOR);
    }

    /// @return author the organization of the event at `sequence`, which the links to the tip prove
    function _openHistory(SignedBatch calldata batch, Docket memory docket, State memory state, uint256 sequence)
        private
        pure
        returns (bytes32 author)
    {
        Opening calldata opening = _opening(batch, docket);
        Link[] calldata history = opening.history;
        if (history.length != state.sequence - sequence + 1) revert CarrierFault();
        bytes32 head = opening.priorHead;
        for (uint256 i = 0; i < history.length; ++i) {
            head = Hashing.nextHead(head, history[i].eventHash, history[i].organization);
        }
        if (head != state.head) revert WitnessMismatch(batch.events[docket.index].item);
        return history[0].organization;
    }

    // 19 to 21: not the holder, consent missing, consent invalid

    function _judgeAgreement(
        SignedBatch calldata batch,
        Docket memory docket,
        State memory state,
        bytes32 eventHash
    ) private view returns (uint8) {
        Event calldata occurrence = batch.events[docket.index];
        uint8 kind = occurrence.kind;
        if (kind == Kind.SHIPMENT) return _judgeShipping(docket, state, occurrence.party);
        if (kind == Kind.ENROLMENT) return _judgePresenting(batch, docket, eventHash);
        bool isHolder = docket.circumstance.organization == state.holder;
        if (_asksHolder(state, occurrence)) {
            if (isHolder) return Reason.NONE;
            if (Transition.isOrganization(state.holder)) return Reason.NOT_THE_HOLDER;
            bool bySignature = kind == Kind.RESALE || kind == Kind.TRANSFER || occurrence.detail.consented();
            return bySignature ? _judgeConsent(batch, docket, state.holder, state.holder) : Reason.CONSENT_MISSING;
        }
        if (isHolder) return Reason.NONE;
        if (occurrence.detail.consented()) return _judgeConsent(batch, docket, state.holder, state.holder);
        return _isMissingConsent(docket, state, occurrence) ? Reason.CONSENT_MISSING : Reason.NONE;
    }

    /// @dev Whether it takes the holder and nobody else.
    function _asksHolder(State memory state, Event calldata occurrence) private pure returns (bool) {
        uint8 kind = occurrence.kind;
        if (kind == Kind.SALE || kind == Kind.RESALE || kind == Kind.TRANSFER) return true;
        if (kind == Kind.HOLD) return occurrence.detail.a() == HoldKind.IN_VERIFICATION;
        return kind == Kind.RETIRE && state.stage == Stage.LOT;
    }

    /// @dev Whether an event that does not lean on the holder's signature would have to.
    function _isMissingConsent(Docket memory docket, State memory state, Event calldata occurrence)
        private
        view
        returns (bool)
    {
        uint8 kind = occurrence.kind;
        if (kind == Kind.SERVICE) return !_mayService(docket, state);
        if (kind == Kind.RETIRE) return Transition.isSold(state.stage);
        uint8 hold = occurrence.detail.a();
        if (kind == Kind.HOLD) return Transition.isSold(state.stage) && hold <= HoldKind.STOLEN;
        if (kind != Kind.RELEASE || docket.circumstance.byOrder) return false;
        return Transition.isKey(state.aside.setters[hold]);
    }

    function _mayService(Docket memory docket, State memory state) private view returns (bool) {
        return _judgeActing(docket, state, Role.RETAILER) == Reason.NONE
            || _judgeActing(docket, state, Role.AUTHENTICATOR) == Reason.NONE;
    }

    /// @dev The brand may take an unsold item back.
    function _judgeShipping(Docket memory docket, State memory state, bytes32 party) private view returns (uint8) {
        bytes32 organization = docket.circumstance.organization;
        if (organization == state.holder) return Reason.NONE;
        bool takesBack = state.stage == Stage.UNSOLD && party == organization && _speaksFor(docket, state.brand);
        return takesBack ? Reason.NONE : Reason.NOT_THE_HOLDER;
    }

    /// @dev The presenter's key agrees; a member brand co-signs, unless the batch is its own.
    function _judgePresenting(SignedBatch calldata batch, Docket memory docket, bytes32 eventHash)
        private
        view
        returns (uint8)
    {
        Opening calldata opening = _opening(batch, docket);
        bool member;
        bool entitled;
        if (opening.brand != batch.organization) (member, entitled) = REGISTRY.endorsers(opening.brand, opening.endorser);
        if (member && opening.endorsement.length == 0) return Reason.CONSENT_MISSING;
        uint8 reason = _judgeConsent(batch, docket, batch.events[docket.index].party, 0);
        if (reason != Reason.NONE || !member) return reason;
        bool endorsed = entitled && _isEndorsed(opening, eventHash);
        return endorsed ? Reason.NONE : Reason.CONSENT_INVALID;
    }

    function _isEndorsed(Opening calldata opening, bytes32 eventHash) private view returns (bool) {
        // A deadline of hours does not care about the seconds a block's maker may shift.
        if (block.timestamp > opening.endorsementDeadline) return false;
        bytes32 endorsement = Hashing.hashEndorsement(opening.brand, eventHash, opening.endorsementDeadline);
        return BoundedSignature.isSigners(opening.endorser, _hashTypedDataV4(endorsement), opening.endorsement);
    }

    /// @param key whose signature is asked
    /// @param oldHolder what the consent names: the key, or nobody where an item is born
    function _judgeConsent(SignedBatch calldata batch, Docket memory docket, bytes32 key, bytes32 oldHolder)
        private
        view
        returns (uint8)
    {
        if (!docket.hasApproval) return Reason.CONSENT_MISSING;
        Approval calldata approval = batch.approvals[docket.approvals - 1];
        if (approval.carrier != 0 && approval.carrier != batch.organization) return Reason.CONSENT_INVALID;
        // A deadline of minutes is moved by a block's maker by seconds.
        if (block.timestamp > approval.deadline) return Reason.CONSENT_INVALID;
        Event calldata occurrence = batch.events[docket.index];
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
        bytes32 item = batch.events[index].item;
        start = batch.events[index].head;
        if (!batch.allOrNothing) return (false, start);
        for (uint256 i = index; i > 0; --i) {
            Event calldata earlier = batch.events[i - 1];
            if (earlier.item != item) continue;
            start = earlier.head;
            bool authentic = earlier.detail.a() == Outcome.AUTHENTIC && earlier.detail.b() == Method.IN_PERSON;
            if (earlier.kind == Kind.VERDICT && authentic) booked = true;
        }
    }

    // The registry, asked once for what repeats

    function _speaksFor(Docket memory docket, bytes32 brand) private view returns (bool) {
        bytes32 organization = docket.circumstance.organization;
        if (organization == brand) return true;
        if (docket.brandAsked != brand) {
            docket.brandAsked = brand;
            docket.speaks = REGISTRY.speaksFor(organization, brand);
        }
        return docket.speaks;
    }

    function _isAccredited(Docket memory docket, bytes32 brand, uint8 role, uint8 category)
        private
        view
        returns (bool)
    {
        uint256 roleAndCategory = uint256(role) << 8 | category;
        if (docket.accreditationAsked != brand || docket.roleAndCategoryAsked != roleAndCategory) {
            docket.accreditationAsked = brand;
            docket.roleAndCategoryAsked = roleAndCategory;
            docket.accredited = REGISTRY.isAccredited(brand, docket.circumstance.organization, role, category);
        }
        return docket.accredited;
    }
}
