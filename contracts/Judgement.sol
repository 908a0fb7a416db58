// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Authority} from "./Authority.sol";
import {Hashing} from "./Hashing.sol";
import {AsideField, State} from "./State.sol";
import {Transition, Turn} from "./Transition.sol";
import {Event, Link, Opening, SignedBatch} from "./interfaces/IProvenanceLedger.sol";
import {Detail} from "./types/Detail.sol";
import {HoldKind, Kind, Method, Outcome, Phase, Reason, Role, Stage} from "./types/Numbers.sol";

/// @title Why an event is refused: one function for each row of docs/protocol.md §8
/// @dev Each gives its refusals in the order of their numbers. Nothing here writes storage.
abstract contract Judgement is Authority {
    using Transition for State;

    function _judge(SignedBatch calldata batch, Turn memory turn, State memory state, Event calldata occurrence)
        internal
        view
        returns (uint256 reason)
    {
        if (!state.isWellFormed(occurrence, turn)) return Reason.MALFORMED;
        if (Transition.isInTheFuture(turn)) return Reason.IN_THE_FUTURE;
        reason = _judgeKind(batch, turn, state, occurrence);
        if (reason != Reason.NONE) return reason;
        return state.judgeTime(occurrence, turn);
    }

    /// @dev From *unknown organization* to *not disputed*.
    function _judgeKind(SignedBatch calldata batch, Turn memory turn, State memory state, Event calldata occurrence)
        private
        view
        returns (uint256 reason)
    {
        uint256 kind = turn.kind;
        if (kind == Kind.SHIPMENT) return _judgeShipment(turn, state, occurrence.party);
        if (kind == Kind.RESALE || kind == Kind.TRANSFER) return _judgeOwnersHandover(batch, turn, state, occurrence);
        reason = Transition.judgePlace(state.word.stage(), kind);
        if (reason != Reason.NONE) return reason;
        if (kind == Kind.VERDICT) return _judgeActing(turn, state, Role.AUTHENTICATOR);
        if (kind == Kind.SALE) return _judgeSale(turn, state);
        if (kind == Kind.SERVICE) return _judgeService(batch, turn, state, occurrence);
        if (Transition.isBirth(kind)) return _judgeBirth(batch, turn, state, occurrence);
        return _judgeRareKind(batch, turn, state, occurrence);
    }

    function _judgeRareKind(SignedBatch calldata batch, Turn memory turn, State memory state, Event calldata occurrence)
        private
        view
        returns (uint256)
    {
        uint256 kind = turn.kind;
        if (kind == Kind.DISPUTE) return _judgeDispute(batch, turn, state, occurrence);
        if (kind == Kind.RULING) return _judgeRuling(turn, state);
        if (kind == Kind.HOLD) return _judgeHold(batch, turn, state, occurrence);
        if (kind == Kind.RELEASE) return _judgeRelease(batch, turn, state, occurrence);
        if (kind == Kind.RECOVERY) return _judgeRecovery(batch, turn, state, occurrence);
        if (kind == Kind.CORRECTION) return _judgeCorrection(batch, turn, state, occurrence);
        return _judgeRetirement(batch, turn, state, occurrence);
    }

    // Births

    function _judgeBirth(SignedBatch calldata batch, Turn memory turn, State memory state, Event calldata occurrence)
        private
        view
        returns (uint256)
    {
        if (turn.kind == Kind.MANUFACTURE) return _judgeManufacture(turn, state);
        if (turn.kind == Kind.RAW_MATERIAL) return _judgeRole(turn, Role.SUPPLIER);
        return _judgeEnrolment(batch, turn, occurrence);
    }

    function _judgeManufacture(Turn memory turn, State memory state) private view returns (uint256) {
        if (state.word.stage() == Stage.UNBORN) return _judgeRole(turn, Role.BRAND);
        return _speaksFor(turn, state.brand) ? Reason.NONE : Reason.ALREADY_RECORDED;
    }

    function _judgeEnrolment(SignedBatch calldata batch, Turn memory turn, Event calldata occurrence)
        private
        view
        returns (uint256)
    {
        Opening calldata opening = _opening(batch, turn);
        bytes32 brand = opening.brand;
        if (Hashing.idOf(brand, opening.serialCommitment) != occurrence.item) revert WitnessMismatch(occurrence.item);
        turn.enrolledBrand = brand;
        if (turn.roles & Role.AUTHENTICATOR == 0) return Reason.ROLE_MISSING;
        bool accredited = _isAccredited(turn, brand, Role.AUTHENTICATOR, turn.detail.c());
        if (!accredited) return Reason.NOT_ACCREDITED;
        return _judgePresenting(batch, turn, occurrence, opening);
    }

    // Changes of hands

    /// @dev The brand may take an unsold item back.
    function _judgeShipment(Turn memory turn, State memory state, bytes32 party) private view returns (uint256) {
        uint256 againstParty = _judgeReceiver(turn, party);
        if (againstParty == Reason.UNKNOWN_ORGANIZATION) return againstParty;
        uint256 stage = state.word.stage();
        uint256 reason = Transition.judgePlace(stage, Kind.SHIPMENT);
        if (reason != Reason.NONE) return reason;
        if (againstParty != Reason.NONE) return againstParty;
        reason = state.judgeHandover(false, turn.moment);
        if (reason != Reason.NONE) return reason;
        bytes32 organization = turn.organization;
        if (organization == state.holder) return Reason.NONE;
        bool takesBack = stage == Stage.UNSOLD && party == organization && _speaksFor(turn, state.brand);
        return takesBack ? Reason.NONE : Reason.NOT_THE_HOLDER;
    }

    function _judgeSale(Turn memory turn, State memory state) private view returns (uint256 reason) {
        reason = _judgeActing(turn, state, Role.RETAILER);
        if (reason != Reason.NONE) return reason;
        reason = state.judgeHandover(false, turn.moment);
        if (reason != Reason.NONE) return reason;
        return turn.organization == state.holder ? Reason.NONE : Reason.NOT_THE_HOLDER;
    }

    /// @dev Resale and transfer.
    function _judgeOwnersHandover(
        SignedBatch calldata batch,
        Turn memory turn,
        State memory state,
        Event calldata occurrence
    ) private view returns (uint256 reason) {
        bytes32 party = occurrence.party;
        uint256 againstParty = Transition.isOrganization(party) ? _judgeReceiver(turn, party) : Reason.NONE;
        if (againstParty == Reason.UNKNOWN_ORGANIZATION) return againstParty;
        uint256 kind = turn.kind;
        reason = Transition.judgePlace(state.word.stage(), kind);
        if (reason != Reason.NONE) return reason;
        if (kind == Kind.RESALE && turn.roles & (Role.PLATFORM | Role.RETAILER) == 0) return Reason.ROLE_MISSING;
        if (againstParty != Reason.NONE) return againstParty;
        reason = state.judgeHandover(true, turn.moment);
        if (reason != Reason.NONE) return reason;
        return _judgeHolder(batch, turn, state, occurrence, true);
    }

    /// @dev The one change of hands without consent.
    function _judgeRecovery(SignedBatch calldata batch, Turn memory turn, State memory state, Event calldata occurrence)
        private
        view
        returns (uint256)
    {
        bool isVeto = turn.detail.a() == Phase.VETO;
        if (!isVeto && !_speaksFor(turn, state.brand)) return Reason.ROLE_MISSING;
        if (!Transition.isSold(state.word.stage())) return Reason.NOT_SOLD;
        if (!isVeto && state.isHeldByOwner(turn.moment)) return Reason.ON_HOLD;
        turn.recoveryReadyAt = turn.moment + RECOVERY_PERIOD;
        return _judgeConsented(batch, turn, state, occurrence);
    }

    // Opinions

    function _judgeDispute(SignedBatch calldata batch, Turn memory turn, State memory state, Event calldata occurrence)
        private
        view
        returns (uint256)
    {
        bool isHolders = turn.detail.consented() || turn.organization == state.holder;
        if (!isHolders) {
            bool isLot = state.word.stage() == Stage.LOT;
            uint256 reason = isLot ? _judgeSpeaking(turn, state.brand) : _judgeActing(turn, state, Role.AUTHENTICATOR);
            if (reason != Reason.NONE) return reason;
        }
        if (Transition.isSet(state.word.holds(), HoldKind.DISPUTED)) return Reason.ON_HOLD;
        return _judgeConsented(batch, turn, state, occurrence);
    }

    /// @dev The consortium rules where a brand lets its time pass.
    function _judgeRuling(Turn memory turn, State memory state) private view returns (uint256) {
        bool speaks = _speaksFor(turn, state.brand);
        if (!speaks && turn.organization != CONSORTIUM) return Reason.ROLE_MISSING;
        if (!Transition.isSet(state.word.holds(), HoldKind.DISPUTED)) return Reason.NOT_DISPUTED;
        if (speaks) return Reason.NONE;
        uint256 brandsEnd = state.asideAt(AsideField.DISPUTED_AT) + RULING_PERIOD;
        return turn.moment < brandsEnd ? Reason.TOO_EARLY : Reason.NONE;
    }

    function _judgeCorrection(
        SignedBatch calldata batch,
        Turn memory turn,
        State memory state,
        Event calldata occurrence
    ) private view returns (uint256) {
        Detail detail = turn.detail;
        bytes32 author = _openHistory(_opening(batch, turn), state, occurrence.item, detail.time());
        if (author != turn.organization) return Reason.ROLE_MISSING;
        if (detail.a() == Outcome.NONE) return Reason.NONE;
        if (state.facts.verdictMethod() == Method.RULING) return _judgeSpeaking(turn, state.brand);
        return _judgeActing(turn, state, Role.AUTHENTICATOR);
    }

    /// @return author the organization of the corrected event, which the links from it to the tip prove
    function _openHistory(Opening calldata opening, State memory state, bytes32 item, uint256 sequence)
        private
        pure
        returns (bytes32 author)
    {
        Link[] calldata history = opening.history;
        uint256 span = state.word.sequence() - sequence + 1;
        if (history.length != span) revert CarrierFault();
        bytes32 head = opening.priorHead;
        for (uint256 i = 0; i < span; ++i) {
            head = Hashing.nextHead(head, history[i].eventHash, history[i].organization);
        }
        if (head != state.head) revert WitnessMismatch(item);
        return history[0].organization;
    }

    // Holds

    function _judgeHold(SignedBatch calldata batch, Turn memory turn, State memory state, Event calldata occurrence)
        private
        view
        returns (uint256 reason)
    {
        uint8 hold = turn.detail.a();
        bool sold = Transition.isSold(state.word.stage());
        reason = _judgeHolding(turn, state, hold, sold);
        if (reason != Reason.NONE) return reason;
        if (state.isHeldByOther(hold, turn)) return Reason.ON_HOLD;
        bool consented = turn.detail.consented();
        if (hold == HoldKind.IN_VERIFICATION) return _judgeHolder(batch, turn, state, occurrence, consented);
        bool isOwners = sold && hold <= HoldKind.STOLEN;
        if (isOwners && !consented && turn.organization != state.holder) return Reason.CONSENT_MISSING;
        return _judgeConsented(batch, turn, state, occurrence);
    }

    function _judgeHolding(Turn memory turn, State memory state, uint8 hold, bool sold) private view returns (uint256) {
        if (!sold && turn.organization == state.holder) return Reason.NONE;
        if (sold && hold <= HoldKind.STOLEN) return Reason.NONE;
        if (hold != HoldKind.IN_VERIFICATION) return _judgeSpeaking(turn, state.brand);
        if (turn.roles & Role.AUTHENTICATOR == 0) return Reason.ROLE_MISSING;
        bool accredited = _isAccredited(turn, state.brand, Role.AUTHENTICATOR, state.facts.category());
        return accredited ? Reason.NONE : Reason.NOT_ACCREDITED;
    }

    /// @dev A hold that an organization set ends by whoever speaks for it; one that a key set, by its consent; any by
    /// the consortium, which then does it by order.
    function _judgeRelease(SignedBatch calldata batch, Turn memory turn, State memory state, Event calldata occurrence)
        private
        view
        returns (uint256)
    {
        turn.byOrder = false;
        if (Transition.isSet(state.word.holds(), turn.detail.a())) {
            bytes32 setter = state.setterOf(turn.detail.a());
            bool isOrganizations = Transition.isOrganization(setter);
            bool isEntitled = isOrganizations ? _speaksFor(turn, setter) : turn.detail.consented();
            turn.byOrder = !isEntitled && turn.organization == CONSORTIUM;
            if (!isEntitled && !turn.byOrder) return isOrganizations ? Reason.ROLE_MISSING : Reason.CONSENT_MISSING;
        }
        return _judgeConsented(batch, turn, state, occurrence);
    }

    // The rest of a life

    /// @dev A lock against fakes must not become a lock against independent repair: with the holder's consent, anyone.
    function _judgeService(SignedBatch calldata batch, Turn memory turn, State memory state, Event calldata occurrence)
        private
        view
        returns (uint256)
    {
        if (turn.detail.consented()) return _judgeConsented(batch, turn, state, occurrence);
        if (turn.organization == state.holder) return Reason.NONE;
        bool mayAct = _judgeActing(turn, state, Role.AUTHENTICATOR) == Reason.NONE
            || _judgeActing(turn, state, Role.RETAILER) == Reason.NONE;
        return mayAct ? Reason.NONE : Reason.CONSENT_MISSING;
    }

    function _judgeRetirement(
        SignedBatch calldata batch,
        Turn memory turn,
        State memory state,
        Event calldata occurrence
    ) private view returns (uint256) {
        uint256 stage = state.word.stage();
        bool isHolder = turn.organization == state.holder;
        if (stage == Stage.UNSOLD) return _judgeSpeaking(turn, state.brand);
        if (stage == Stage.LOT) return isHolder ? Reason.NONE : Reason.NOT_THE_HOLDER;
        if (!isHolder && !turn.detail.consented()) return Reason.CONSENT_MISSING;
        return _judgeConsented(batch, turn, state, occurrence);
    }

    // Role missing, not accredited

    function _judgeRole(Turn memory turn, uint8 role) private pure returns (uint256) {
        return turn.roles & role != 0 ? Reason.NONE : Reason.ROLE_MISSING;
    }

    function _judgeSpeaking(Turn memory turn, bytes32 brand) private view returns (uint256) {
        return _speaksFor(turn, brand) ? Reason.NONE : Reason.ROLE_MISSING;
    }

    /// @dev The brand, whoever speaks for it, or an organization it accredited in a role. The commonest answer first.
    function _judgeActing(Turn memory turn, State memory state, uint8 role) private view returns (uint256) {
        bytes32 brand = state.brand;
        if (turn.organization == brand) return Reason.NONE;
        bool inRole = turn.roles & role != 0;
        if (inRole && _isAccredited(turn, brand, role, state.facts.category())) return Reason.NONE;
        if (_speaksFor(turn, brand)) return Reason.NONE;
        return inRole ? Reason.NOT_ACCREDITED : Reason.ROLE_MISSING;
    }
}
