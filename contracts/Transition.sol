// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Hashing} from "./Hashing.sol";
import {AsideField, State} from "./State.sol";
import {Event} from "./interfaces/IProvenanceLedger.sol";
import {Detail} from "./types/Detail.sol";
import {Facts} from "./types/Facts.sol";
import {ItemWord} from "./types/ItemWord.sol";
import {HoldKind, Kind, Method, Outcome, Phase, Reason, Role, Stage} from "./types/Numbers.sol";

/// @dev A batch while its events are judged one after the other.
struct Turn {
    // The event: its numbers, read from calldata once.
    uint256 index; // in the batch
    uint256 kind;
    Detail detail;
    uint256 occurredAt;
    // What else the transition knows.
    bytes32 organization; // whose batch
    uint256 moment; // block time
    uint256 recoveryReadyAt; // of a recovery that is asked now
    bool byOrder; // of a release: the consortium lifts a hold that only others could
    bytes32 enrolledBrand; // of an item that is enrolled
    // The batch.
    address signer;
    uint256 roles; // of the organization
    bytes32 brand; // that a witness named last
    uint256 openings; // how many of the carrier's were passed
    uint256 approvals;
    bool asked; // an event asked for one
    bool skipped; // one was passed that nothing asked for
    // What the registry last agreed to: in a batch questions repeat.
    bytes32 speaksFor;
    bytes32 accreditedBy;
    uint256 accreditedIn; // role and category
    bytes32 receiver; // a member in good standing
}

/// @title What an event needs of an item, and what it does to it
/// @notice Pure: no registry, no signature, no clock. Its twin in Python answers to the same vectors.
/// @dev The refusals come in the order of their numbers; between the steps below the ledger asks its own questions
/// (`Authority`, docs/protocol.md §8).
library Transition {
    uint256 internal constant SKEW = 900;
    uint256 internal constant STOLEN_RELEASE = 72 hours;
    uint256 internal constant LONGEST_VERIFICATION = 30 days;
    uint8 internal constant HIGHEST_CATEGORY = 63;

    // Sets of kinds, as masks.
    uint256 private constant FIT_FOR_LOTS = 1 << Kind.SHIPMENT | 1 << Kind.SERVICE | 1 << Kind.HOLD | 1 << Kind.RELEASE
        | 1 << Kind.DISPUTE | 1 << Kind.CORRECTION | 1 << Kind.RETIRE;
    uint256 private constant FIT_FOR_RETIRED =
        1 << Kind.VERDICT | 1 << Kind.RULING | 1 << Kind.CORRECTION | 1 << Kind.DISPUTE;
    uint256 private constant BIRTHS = 1 << Kind.RAW_MATERIAL | 1 << Kind.MANUFACTURE | 1 << Kind.ENROLMENT;
    uint256 private constant TIMED = 1 << Kind.RELEASE | 1 << Kind.RECOVERY;

    uint256 private constant AUTHENTICATORS = 1 << Kind.VERDICT | 1 << Kind.SERVICE | 1 << Kind.DISPUTE | 1
        << Kind.HOLD;

    // Words for holders and stages

    /// @dev Organizations are hashes: none has 96 zero bits in front.
    function isOrganization(bytes32 holder) internal pure returns (bool) {
        return uint256(holder) >> 160 != 0;
    }

    function isKey(bytes32 holder) internal pure returns (bool) {
        return holder != 0 && !isOrganization(holder);
    }

    function isSold(uint256 stage) internal pure returns (bool) {
        return stage == Stage.SOLD || stage == Stage.ENROLLED;
    }

    function isSet(uint256 holds, uint256 hold) internal pure returns (bool) {
        return holds >> hold & 1 == 1;
    }

    /// @dev A hold counts while its bit is set; *in verification* only until its end.
    function countingHolds(State memory state, uint256 moment) internal pure returns (uint8 holds) {
        holds = state.word.holds();
        if (!isSet(holds, HoldKind.IN_VERIFICATION) || moment <= state.asideAt(AsideField.VERIFICATION_UNTIL)) {
            return holds;
        }
        return holds & ~uint8(1 << HoldKind.IN_VERIFICATION);
    }

    function isBirth(uint256 kind) internal pure returns (bool) {
        return _isIn(kind, BIRTHS);
    }

    function _isIn(uint256 kind, uint256 kinds) private pure returns (bool) {
        return kinds >> kind & 1 == 1;
    }

    /// @dev In which role an organization that is not the brand may do a thing; zero: in none, or in one of several.
    function actingRole(uint256 kind) internal pure returns (uint8) {
        if (kind == Kind.SALE) return Role.RETAILER;
        return _isIn(kind, AUTHENTICATORS) ? Role.AUTHENTICATOR : 0;
    }

    // 1: malformed

    /// @notice Whether kind, party and detail fit each other, and the state as far as *malformed* looks at it.
    function isWellFormed(State memory state, Event calldata occurrence, Turn memory turn)
        internal
        pure
        returns (bool)
    {
        uint256 kind = turn.kind;
        if (kind == Kind.MANUFACTURE) return _isManufactureFit(state, occurrence, turn);
        if (kind <= Kind.TRANSFER) return _isPassageFit(kind, occurrence, turn);
        if (kind == Kind.VERDICT || kind == Kind.RULING) return _isOpinionFit(kind, occurrence.party, turn);
        if (!_isConsentFit(state, turn)) return false;
        if (kind == Kind.ENROLMENT) return _isEnrolmentFit(occurrence.party, turn);
        if (kind == Kind.RECOVERY) return _isRecoveryFit(state, occurrence.party, turn.detail);
        return occurrence.party == 0 && _isDetailFit(kind, turn.detail, state, turn.moment);
    }

    /// @dev The serial commitment makes the item's id: with the organization's own id, or with the brand's where an
    /// enrolled item is joined by its brand.
    function _isManufactureFit(State memory state, Event calldata occurrence, Turn memory turn)
        private
        pure
        returns (bool)
    {
        Detail detail = turn.detail;
        if (Detail.unwrap(detail) != uint64(detail.c()) << 56 || detail.c() > HIGHEST_CATEGORY) return false;
        bytes32 maker = state.word.stage() == Stage.ENROLLED ? state.brand : turn.organization;
        return occurrence.item == Hashing.idOf(maker, occurrence.party);
    }

    function _isPassageFit(uint256 kind, Event calldata occurrence, Turn memory turn) private pure returns (bool) {
        if (Detail.unwrap(turn.detail) != 0) return false;
        if (kind == Kind.SHIPMENT) return isOrganization(occurrence.party);
        if (kind == Kind.SALE) return isKey(occurrence.party);
        if (kind == Kind.RAW_MATERIAL) {
            return occurrence.item == Hashing.idOf(turn.organization, occurrence.party);
        }
        return kind != 0 && occurrence.party != 0; // resale, transfer
    }

    function _isOpinionFit(uint256 kind, bytes32 party, Turn memory turn) private pure returns (bool) {
        Detail detail = turn.detail;
        uint256 outcome = detail.a();
        uint256 method = detail.b();
        // Neither category nor consent.
        if (party != 0 || Detail.unwrap(detail) >> 56 != 0) return false;
        if (outcome == Outcome.NONE || outcome > Outcome.INCONCLUSIVE || !_isExpiryFit(turn)) return false;
        if (kind == Kind.RULING) return method == 0;
        return method != 0 && method <= Method.IN_PERSON;
    }

    function _isEnrolmentFit(bytes32 party, Turn memory turn) private pure returns (bool) {
        Detail detail = turn.detail;
        bool inPerson = detail.a() == Outcome.AUTHENTIC && detail.b() == Method.IN_PERSON;
        return isKey(party) && inPerson && detail.consented() && detail.c() <= HIGHEST_CATEGORY && _isExpiryFit(turn);
    }

    function _isExpiryFit(Turn memory turn) private pure returns (bool) {
        uint256 expiry = turn.detail.time();
        return expiry == 0 || expiry > turn.occurredAt;
    }

    function _isRecoveryFit(State memory state, bytes32 party, Detail detail) private pure returns (bool) {
        uint8 phase = detail.a();
        if (detail.unconsented() != phase || phase < Phase.REQUEST || phase > Phase.COMPLETE) return false;
        bool isVeto = phase == Phase.VETO;
        if (detail.consented() != isVeto) return false;
        if (isVeto ? party != 0 : !isKey(party)) return false;
        // An organization loses no claim card.
        return !isSold(state.word.stage()) || !isOrganization(state.holder);
    }

    /// @dev Fields that a kind does not name must be zero.
    function _isDetailFit(uint256 kind, Detail detail, State memory state, uint256 moment) private pure returns (bool) {
        uint64 rest = detail.unconsented();
        if (kind == Kind.SERVICE || kind == Kind.RETIRE) return rest == 0;
        if (kind == Kind.RELEASE) return rest < HoldKind.COUNT;
        if (kind == Kind.DISPUTE) return rest == detail.onlyTime() && detail.time() <= state.word.sequence();
        if (rest != detail.onlyTime() | detail.a()) return false;
        if (kind == Kind.HOLD) return detail.a() < HoldKind.COUNT && _isEndFit(state, detail, moment);
        if (kind != Kind.CORRECTION || detail.consented()) return false;
        if (detail.time() == 0 || detail.time() > state.word.sequence() || detail.a() > Outcome.INCONCLUSIVE) {
            return false;
        }
        return detail.a() == Outcome.NONE || detail.time() == state.facts.verdictSequence();
    }

    /// @dev Only *in verification* ends by itself, and only a sold item is verified for its holder.
    function _isEndFit(State memory state, Detail detail, uint256 moment) private pure returns (bool) {
        if (detail.a() != HoldKind.IN_VERIFICATION) return detail.time() == 0;
        uint256 stage = state.word.stage();
        if (stage == Stage.LOT || stage == Stage.UNSOLD) return false;
        return detail.time() > moment && detail.time() <= moment + LONGEST_VERIFICATION;
    }

    /// @dev An organization's consent is its own batch.
    function _isConsentFit(State memory state, Turn memory turn) private pure returns (bool) {
        return !turn.detail.consented() || !isOrganization(state.holder) || state.holder == turn.organization;
    }

    // 3: in the future

    function isInTheFuture(Turn memory turn) internal pure returns (bool) {
        // A block time is far from the end of its type.
        unchecked {
            return turn.occurredAt > turn.moment + SKEW;
        }
    }

    // 8 to 10: unknown item, already recorded, retired

    /// @dev A manufacture on an enrolled item passes here; whether its organization speaks for the brand is the
    /// ledger's question.
    function judgePlace(uint256 stage, uint256 kind) internal pure returns (uint256) {
        if (_isIn(kind, BIRTHS)) {
            bool joins = kind == Kind.MANUFACTURE && stage == Stage.ENROLLED;
            return stage == Stage.UNBORN || joins ? Reason.NONE : Reason.ALREADY_RECORDED;
        }
        if (stage >= Stage.UNSOLD && stage <= Stage.ENROLLED) return Reason.NONE;
        if (stage == Stage.RETIRED) return _isIn(kind, FIT_FOR_RETIRED) ? Reason.NONE : Reason.RETIRED;
        return stage == Stage.LOT && _isIn(kind, FIT_FOR_LOTS) ? Reason.NONE : Reason.UNKNOWN_ITEM;
    }

    // 15 to 18: already sold, not sold, on hold, not authentic

    /// @param fromOwner whether the item leaves an owner's hands, and not a shop's
    function judgeHandover(State memory state, bool fromOwner, uint256 moment) internal pure returns (uint256) {
        ItemWord word = state.word;
        bool sold = isSold(word.stage());
        if (sold != fromOwner) return sold ? Reason.ALREADY_SOLD : Reason.NOT_SOLD;
        if (word.holds() != 0 && countingHolds(state, moment) != 0) return Reason.ON_HOLD;
        return word.verdict() == Outcome.NOT_AUTHENTIC ? Reason.NOT_AUTHENTIC : Reason.NONE;
    }

    /// @dev Whether a hold counts that somebody else than this event's setter set.
    function isHeldByOther(State memory state, uint8 hold, Turn memory turn) internal pure returns (bool) {
        if (!isSet(countingHolds(state, turn.moment), hold)) return false;
        return state.setterOf(hold) != nextSetter(state, hold, turn.organization);
    }

    /// @dev Whether the owner said *lost* or *stolen* or holds the item in another way: then nobody recovers it for them.
    function isHeldByOwner(State memory state, uint256 moment) internal pure returns (bool) {
        uint8 counting = countingHolds(state, moment);
        if (isSet(counting, HoldKind.LOST) || isSet(counting, HoldKind.STOLEN)) return true;
        for (uint8 hold = HoldKind.DISPUTED; hold < HoldKind.COUNT; ++hold) {
            if (isSet(counting, hold) && state.setterOf(hold) == state.holder) return true;
        }
        return false;
    }

    /// @dev Who will be the setter of a hold: who must agree to its end.
    function nextSetter(State memory state, uint8 hold, bytes32 organization) internal pure returns (bytes32) {
        if (hold == HoldKind.IN_VERIFICATION) return organization;
        bool isOwners = hold <= HoldKind.STOLEN && isSold(state.word.stage());
        return isOwners || organization == state.holder ? state.holder : state.brand;
    }

    // 23 to 26: waiting period, too early, superseded, not on hold

    function judgeTime(State memory state, Event calldata occurrence, Turn memory turn)
        internal
        pure
        returns (uint256)
    {
        uint256 kind = turn.kind;
        if (_isIn(kind, TIMED)) {
            uint256 reason = _judgeWaiting(kind, state, occurrence, turn);
            if (reason != Reason.NONE) return reason;
        }
        if (turn.occurredAt < state.facts.lastOccurredAt()) return Reason.TOO_EARLY;
        if (occurrence.head != state.head) return Reason.SUPERSEDED;
        if (kind == Kind.RELEASE && !isSet(state.word.holds(), turn.detail.a())) return Reason.NOT_ON_HOLD;
        return Reason.NONE;
    }

    function _judgeWaiting(uint256 kind, State memory state, Event calldata occurrence, Turn memory turn)
        private
        pure
        returns (uint256)
    {
        uint8 number = turn.detail.a();
        if (kind == Kind.RELEASE) {
            bool waits = number == HoldKind.STOLEN && !turn.byOrder;
            return
                waits && turn.moment < state.asideAt(AsideField.STOLEN_RELEASE_AT) ? Reason.WAITING_PERIOD : Reason.NONE;
        }
        uint256 pendingKey = state.asideAt(AsideField.RECOVERY_KEY);
        if (number == Phase.REQUEST) return pendingKey == 0 ? Reason.NONE : Reason.WAITING_PERIOD;
        if (pendingKey == 0) return Reason.TOO_EARLY;
        if (number == Phase.VETO) return Reason.NONE;
        if (turn.moment < state.asideAt(AsideField.RECOVERY_READY_AT)) return Reason.WAITING_PERIOD;
        return uint256(occurrence.party) == pendingKey ? Reason.NONE : Reason.TOO_EARLY;
    }

    // Effect

    /// @notice Apply an event that nothing speaks against: changes `state` in place and answers its new word.
    function advance(State memory state, Event calldata occurrence, bytes32 eventHash, Turn memory turn)
        internal
        pure
        returns (ItemWord)
    {
        uint256 kind = turn.kind;
        if (_isIn(kind, BIRTHS)) _bear(kind, state, occurrence, turn);
        else if (kind <= Kind.TRANSFER) _handOver(kind, state, occurrence.party);
        else if (kind == Kind.VERDICT) _opine(state, turn);
        else if (kind != Kind.SERVICE) _doRareThings(kind, state, occurrence, turn);
        state.head = Hashing.nextHead(state.head, eventHash, turn.organization);
        // Not later than the block by much: it fits.
        state.facts = state.facts.withLastOccurredAt(uint48(turn.occurredAt));
        return state.close();
    }

    function _handOver(uint256 kind, State memory state, bytes32 party) private pure {
        if (kind == Kind.SALE) state.word = state.word.withStage(Stage.SOLD);
        state.holder = party;
        if (state.aside.length != 0) _clearRecovery(state);
    }

    function _bear(uint256 kind, State memory state, Event calldata occurrence, Turn memory turn) private pure {
        state.facts = state.facts.withCategory(turn.detail.c());
        if (kind == Kind.ENROLMENT) {
            state.word = state.word.withStage(Stage.ENROLLED);
            state.holder = occurrence.party;
            state.brand = turn.enrolledBrand;
            return _setVerdict(state, turn, Method.IN_PERSON);
        }
        if (state.word.stage() == Stage.ENROLLED) {
            state.word = state.word.withStage(Stage.SOLD);
            return;
        }
        state.word = state.word.withStage(kind == Kind.RAW_MATERIAL ? Stage.LOT : Stage.UNSOLD);
        state.holder = turn.organization;
        state.brand = turn.organization;
    }

    function _doRareThings(uint256 kind, State memory state, Event calldata occurrence, Turn memory turn) private pure {
        if (kind == Kind.HOLD) _hold(state, turn);
        else if (kind == Kind.RELEASE) _release(state, turn);
        else if (kind == Kind.DISPUTE) _dispute(state, turn);
        else if (kind == Kind.RULING) _rule(state, turn);
        else if (kind == Kind.CORRECTION) _correct(state, turn.detail);
        else if (kind == Kind.RECOVERY) _recover(state, occurrence, turn);
        else state.word = state.word.withStage(Stage.RETIRED);
    }

    // Opinions: the order of precedence is docs/protocol.md §9

    /// @notice Whether a verdict becomes the effective one.
    function replaces(State memory state, uint8 outcome, uint8 method, uint256 occurredAt)
        internal
        pure
        returns (bool)
    {
        Facts facts = state.facts;
        uint8 effective = state.word.verdict();
        if (effective == Outcome.NONE) return true;
        if (effective == Outcome.NOT_AUTHENTIC) {
            return method > facts.verdictMethod() && outcome != Outcome.INCONCLUSIVE;
        }
        uint48 expiry = facts.verdictExpiry();
        return method >= facts.verdictMethod() || (expiry != 0 && expiry <= occurredAt);
    }

    function _opine(State memory state, Turn memory turn) private pure {
        Detail detail = turn.detail;
        uint8 method = detail.b();
        if (replaces(state, detail.a(), method, turn.occurredAt)) _setVerdict(state, turn, method);
    }

    function _setVerdict(State memory state, Turn memory turn, uint8 method) private pure {
        Detail detail = turn.detail;
        state.word = state.word.withVerdict(detail.a());
        // Not later than the block by much: it fits. The next sequence does too, or closing the word reverts.
        unchecked {
            uint32 sequence = state.word.sequence() + 1;
            state.facts = state.facts.withVerdict(method, uint48(turn.occurredAt), detail.time(), sequence);
        }
    }

    function _rule(State memory state, Turn memory turn) private pure {
        _clearHold(state, HoldKind.DISPUTED);
        _setVerdict(state, turn, Method.RULING);
    }

    function _correct(State memory state, Detail detail) private pure {
        if (detail.time() != state.facts.verdictSequence()) return;
        state.word = state.word.withVerdict(detail.a());
        if (detail.a() == Outcome.NONE) state.facts = state.facts.withVerdict(0, 0, 0, 0);
    }

    // Holds

    function _dispute(State memory state, Turn memory turn) private pure {
        bytes32 setter = turn.organization;
        if (turn.detail.consented()) setter = state.holder;
        else if (setter != state.holder && state.word.stage() == Stage.LOT) setter = state.brand;
        _setHold(state, HoldKind.DISPUTED, setter);
        state.putAside(AsideField.DISPUTED_AT, turn.moment);
    }

    function _hold(State memory state, Turn memory turn) private pure {
        uint8 hold = turn.detail.a();
        bool isNew = !isSet(state.word.holds(), hold);
        _setHold(state, hold, nextSetter(state, hold, turn.organization));
        if (hold == HoldKind.STOLEN) state.putAside(AsideField.STOLEN_RELEASE_AT, 0);
        if (hold == HoldKind.IN_VERIFICATION) state.putAside(AsideField.VERIFICATION_UNTIL, turn.detail.time());
        // Said again, a dispute does not win the brand more time.
        if (hold == HoldKind.DISPUTED && isNew) state.putAside(AsideField.DISPUTED_AT, turn.moment);
    }

    function _release(State memory state, Turn memory turn) private pure {
        uint8 hold = turn.detail.a();
        bool waits = hold == HoldKind.STOLEN && !turn.byOrder;
        bool announces = waits && state.asideAt(AsideField.STOLEN_RELEASE_AT) == 0;
        if (announces) state.putAside(AsideField.STOLEN_RELEASE_AT, turn.moment + STOLEN_RELEASE);
        else _clearHold(state, hold);
    }

    function _setHold(State memory state, uint8 hold, bytes32 setter) private pure {
        state.word = state.word.withHolds(state.word.holds() | uint8(1 << hold));
        state.putAside(hold, uint256(setter));
    }

    function _clearHold(State memory state, uint8 hold) private pure {
        state.word = state.word.withHolds(state.word.holds() & ~uint8(1 << hold));
        state.putAside(hold, 0);
        if (hold == HoldKind.STOLEN) state.putAside(AsideField.STOLEN_RELEASE_AT, 0);
        if (hold == HoldKind.DISPUTED) state.putAside(AsideField.DISPUTED_AT, 0);
        if (hold == HoldKind.IN_VERIFICATION) state.putAside(AsideField.VERIFICATION_UNTIL, 0);
    }

    // Recovery

    function _recover(State memory state, Event calldata occurrence, Turn memory turn) private pure {
        uint8 phase = turn.detail.a();
        if (phase == Phase.REQUEST) {
            state.putAside(AsideField.RECOVERY_KEY, uint256(occurrence.party));
            state.putAside(AsideField.RECOVERY_READY_AT, turn.recoveryReadyAt);
            return;
        }
        if (phase == Phase.COMPLETE) state.holder = occurrence.party;
        _clearRecovery(state);
    }

    function _clearRecovery(State memory state) private pure {
        state.putAside(AsideField.RECOVERY_KEY, 0);
        state.putAside(AsideField.RECOVERY_READY_AT, 0);
    }
}
