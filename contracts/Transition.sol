// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Aside, Event} from "./interfaces/IProvenanceLedger.sol";
import {Hashing} from "./Hashing.sol";
import {Detail} from "./types/Detail.sol";
import {Facts} from "./types/Facts.sol";
import {ItemWord, packItemWord} from "./types/ItemWord.sol";
import {HoldKind, Kind, Method, Outcome, Phase, Reason, Stage} from "./types/Numbers.sol";

/// @dev An item, opened. Lives in memory for one event.
struct State {
    uint32 sequence;
    uint8 stage;
    uint8 verdict;
    uint8 holds;
    bytes32 head;
    bytes32 holder;
    bytes32 brand;
    Facts facts;
    Aside aside;
}

/// @dev What the transition knows beside state and event.
struct Circumstance {
    bytes32 organization; // whose batch
    uint48 moment; // block time
    uint48 recoveryPeriod;
    bool byOrder; // the consortium lifts a hold that only others could
    bytes32 brand; // of an enrolled item
}

/// @title What an event needs of an item and does to it
/// @notice Pure: no registry, no signature, no clock. The same function lives in Python and answers to the same vectors.
/// @dev The refusals come in the order of their numbers; between the steps below the ledger asks its own questions
/// (docs/protocol.md §8).
library Transition {
    uint48 internal constant SKEW = 900;
    uint48 internal constant STOLEN_RELEASE = 72 hours;
    uint48 internal constant LONGEST_VERIFICATION = 30 days;
    uint8 internal constant HIGHEST_CATEGORY = 63;

    /// @dev Sets of kinds, as masks.
    uint256 private constant FIT_FOR_LOTS = 1 << Kind.SHIPMENT | 1 << Kind.SERVICE | 1 << Kind.HOLD | 1 << Kind.RELEASE
        | 1 << Kind.DISPUTE | 1 << Kind.CORRECTION | 1 << Kind.RETIRE;
    uint256 private constant FIT_FOR_RETIRED =
        1 << Kind.VERDICT | 1 << Kind.RULING | 1 << Kind.CORRECTION | 1 << Kind.DISPUTE;
    uint256 private constant BIRTHS = 1 << Kind.RAW_MATERIAL | 1 << Kind.MANUFACTURE | 1 << Kind.ENROLMENT;
    uint256 private constant CHANGES_HANDS =
        1 << Kind.SHIPMENT | 1 << Kind.SALE | 1 << Kind.RESALE | 1 << Kind.TRANSFER;
    uint256 private constant WITHOUT_DETAIL =
        1 << Kind.RAW_MATERIAL | CHANGES_HANDS;
    uint256 private constant CONSENT_OR_NOTHING = 1 << Kind.SERVICE | 1 << Kind.RETIRE;
    uint256 private constant MAKES_ID = 1 << Kind.RAW_MATERIAL | 1 << Kind.MANUFACTURE;
    uint256 private constant PARTY_IS_KEY = 1 << Kind.SALE | 1 << Kind.ENROLMENT;

    // Words for holders and stages

    /// @dev Organizations are hashes: none has 96 zero bits in front.
    function isOrganization(bytes32 holder) internal pure returns (bool) {
        return uint256(holder) >> 160 != 0;
    }

    function isKey(bytes32 holder) internal pure returns (bool) {
        return holder != 0 && !isOrganization(holder);
    }

    function isSold(uint8 stage) internal pure returns (bool) {
        return stage == Stage.SOLD || stage == Stage.ENROLLED;
    }

    function isIn(uint8 kind, uint256 kinds) internal pure returns (bool) {
        return kinds >> kind & 1 == 1;
    }

    /// @dev A hold counts while its bit is set; *in verification* only until its end.
    function countingHolds(State memory state, uint48 moment) internal pure returns (uint8 holds) {
        holds = state.holds;
        uint8 inVerification = uint8(1 << HoldKind.IN_VERIFICATION);
        if (holds & inVerification != 0 && moment > state.aside.verificationUntil) holds ^= inVerification;
    }

    // 1 and 3: malformed, in the future

    /// @dev What no state could make good, and what this state cannot.
    function judgeShape(State memory state, Event calldata occurrence, Circumstance memory circumstance)
        internal
        pure
        returns (uint8)
    {
        bool wellFormed = _isPartyFit(occurrence.kind, occurrence.party, occurrence.detail)
            && _isDetailFit(occurrence) && _isFitFor(state, occurrence, circumstance);
        if (!wellFormed) return Reason.MALFORMED;
        if (occurrence.occurredAt > circumstance.moment + SKEW) return Reason.IN_THE_FUTURE;
        return Reason.NONE;
    }

    function _isPartyFit(uint8 kind, bytes32 party, Detail detail) private pure returns (bool) {
        if (kind == Kind.SHIPMENT) return isOrganization(party);
        if (isIn(kind, PARTY_IS_KEY)) return isKey(party);
        if (kind == Kind.RESALE || kind == Kind.TRANSFER) return party != 0;
        if (isIn(kind, MAKES_ID)) return true;
        if (kind == Kind.RECOVERY && detail.a() != Phase.VETO) return isKey(party);
        return party == 0;
    }

    /// @dev Fields that a kind does not name must be zero.
    function _isDetailFit(Event calldata occurrence) private pure returns (bool) {
        uint8 kind = occurrence.kind;
        Detail detail = occurrence.detail;
        uint64 rest = detail.unconsented();
        if (isIn(kind, WITHOUT_DETAIL)) return Detail.unwrap(detail) == 0;
        if (isIn(kind, CONSENT_OR_NOTHING)) return rest == 0;
        if (kind == Kind.MANUFACTURE) return Detail.unwrap(detail) == uint64(detail.c()) << 56 && _isCategory(detail);
        if (kind == Kind.VERDICT || kind == Kind.RULING || kind == Kind.ENROLMENT) return _isOpinionFit(occurrence);
        if (kind == Kind.DISPUTE) return rest == uint64(detail.time()) << 16;
        if (kind == Kind.HOLD) return detail.a() < HoldKind.COUNT && rest == detail.a() | uint64(detail.time()) << 16;
        if (kind == Kind.RELEASE) return detail.a() < HoldKind.COUNT && rest == detail.a();
        if (kind == Kind.RECOVERY) return _isPhaseFit(detail);
        if (kind == Kind.CORRECTION) {
            return Detail.unwrap(detail) == detail.a() | uint64(detail.time()) << 16
                && detail.a() <= Outcome.INCONCLUSIVE;
        }
        return false;
    }

    function _isOpinionFit(Event calldata occurrence) private pure returns (bool) {
        Detail detail = occurrence.detail;
        if (detail.time() != 0 && detail.time() <= occurrence.occurredAt) return false;
        if (occurrence.kind == Kind.ENROLMENT) {
            return detail.a() == Outcome.AUTHENTIC && detail.b() == Method.IN_PERSON && _isCategory(detail)
                && detail.consented();
        }
        if (detail.consented() || detail.c() != 0) return false;
        if (detail.a() == Outcome.NONE || detail.a() > Outcome.INCONCLUSIVE) return false;
        if (occurrence.kind == Kind.RULING) return detail.b() == 0;
        return detail.b() >= Method.PHOTO && detail.b() <= Method.IN_PERSON;
    }

    function _isPhaseFit(Detail detail) private pure returns (bool) {
        uint8 phase = detail.a();
        if (detail.unconsented() != phase || phase < Phase.REQUEST || phase > Phase.COMPLETE) return false;
        return detail.consented() == (phase == Phase.VETO);
    }

    function _isCategory(Detail detail) private pure returns (bool) {
        return detail.c() <= HIGHEST_CATEGORY;
    }

    /// @dev The part of *malformed* that looks at the state.
    function _isFitFor(State memory state, Event calldata occurrence, Circumstance memory circumstance)
        private
        pure
        returns (bool)
    {
        uint8 kind = occurrence.kind;
        Detail detail = occurrence.detail;
        bool foreignHolder = isOrganization(state.holder) && state.holder != circumstance.organization;
        if (detail.consented() && foreignHolder) return false;
        if (isIn(kind, MAKES_ID)) {
            bool joins = kind == Kind.MANUFACTURE && state.stage == Stage.ENROLLED;
            return occurrence.item == Hashing.idOf(joins ? state.brand : circumstance.organization, occurrence.party);
        }
        if (kind == Kind.DISPUTE) return detail.time() <= state.sequence;
        if (kind == Kind.CORRECTION) {
            if (detail.time() == 0 || detail.time() > state.sequence) return false;
            return detail.a() == Outcome.NONE || detail.time() == state.facts.verdictSequence();
        }
        if (kind == Kind.HOLD) return _isEndFit(state, detail, circumstance.moment);
        if (kind == Kind.RECOVERY) return !(isSold(state.stage) && isOrganization(state.holder));
        return true;
    }

    /// @dev Only *in verification* ends by itself, and only a sold item is verified for its holder.
    function _isEndFit(State memory state, Detail detail, uint48 moment) private pure returns (bool) {
        if (detail.a() != HoldKind.IN_VERIFICATION) return detail.time() == 0;
        if (state.stage == Stage.LOT || state.stage == Stage.UNSOLD) return false;
        return detail.time() > moment && detail.time() <= moment + LONGEST_VERIFICATION;
    }

    // 8 to 10: unknown item, already recorded, retired

    /// @dev A manufacture on an enrolled item passes here; whether its organization speaks for the brand is the
    /// ledger's question.
    function judgePlace(uint8 stage, uint8 kind) internal pure returns (uint8) {
        if (isIn(kind, BIRTHS)) {
            bool joins = kind == Kind.MANUFACTURE && stage == Stage.ENROLLED;
            return stage == Stage.UNBORN || joins ? Reason.NONE : Reason.ALREADY_RECORDED;
        }
        if (stage == Stage.UNBORN) return Reason.UNKNOWN_ITEM;
        if (stage == Stage.LOT && !isIn(kind, FIT_FOR_LOTS)) return Reason.UNKNOWN_ITEM;
        if (stage == Stage.RETIRED && !isIn(kind, FIT_FOR_RETIRED)) return Reason.RETIRED;
        return Reason.NONE;
    }

    // 15 to 18: already sold, not sold, on hold, not authentic

    function judgeObstacles(State memory state, Event calldata occurrence, Circumstance memory circumstance)
        internal
        pure
        returns (uint8)
    {
        uint8 kind = occurrence.kind;
        bool sold = isSold(state.stage);
        if (isIn(kind, CHANGES_HANDS)) {
            bool wantsSold = kind == Kind.RESALE || kind == Kind.TRANSFER;
            if (wantsSold != sold) return sold ? Reason.ALREADY_SOLD : Reason.NOT_SOLD;
            if (countingHolds(state, circumstance.moment) != 0) return Reason.ON_HOLD;
            return state.verdict == Outcome.NOT_AUTHENTIC ? Reason.NOT_AUTHENTIC : Reason.NONE;
        }
        if (kind == Kind.RECOVERY && !sold) return Reason.NOT_SOLD;
        return _isHeldAgainst(state, occurrence, circumstance) ? Reason.ON_HOLD : Reason.NONE;
    }

    function _isHeldAgainst(State memory state, Event calldata occurrence, Circumstance memory circumstance)
        private
        pure
        returns (bool)
    {
        uint8 kind = occurrence.kind;
        if (kind == Kind.DISPUTE) return _isSet(state.holds, HoldKind.DISPUTED);
        uint8 counting = countingHolds(state, circumstance.moment);
        if (kind == Kind.HOLD) {
            uint8 hold = occurrence.detail.a();
            return _isSet(counting, hold) && state.aside.setters[hold] != setterOf(state, hold, circumstance.organization);
        }
        if (kind != Kind.RECOVERY || occurrence.detail.a() == Phase.VETO) return false;
        if (_isSet(counting, HoldKind.LOST) || _isSet(counting, HoldKind.STOLEN)) return true;
        for (uint8 hold = HoldKind.DISPUTED; hold < HoldKind.COUNT; ++hold) {
            if (_isSet(counting, hold) && state.aside.setters[hold] == state.holder) return true;
        }
        return false;
    }

    /// @dev Who will be the setter of a hold: who must agree to its end.
    function setterOf(State memory state, uint8 hold, bytes32 organization) internal pure returns (bytes32) {
        if (hold == HoldKind.IN_VERIFICATION) return organization;
        bool holders = isSold(state.stage) && hold <= HoldKind.STOLEN;
        if (holders || organization == state.holder) return state.holder;
        return state.brand;
    }

    // 22 to 26: not disputed, waiting period, too early, superseded, not on hold

    /// @param rulingTooEarly the consortium rules in the brand's place and the brand still has time
    function judgeTime(
        State memory state,
        Event calldata occurrence,
        Circumstance memory circumstance,
        bool rulingTooEarly
    ) internal pure returns (uint8) {
        uint8 kind = occurrence.kind;
        if (kind == Kind.RULING && !_isSet(state.holds, HoldKind.DISPUTED)) return Reason.NOT_DISPUTED;
        if (_isWaiting(state, occurrence, circumstance)) return Reason.WAITING_PERIOD;
        if (rulingTooEarly || occurrence.occurredAt < state.facts.lastOccurredAt()) return Reason.TOO_EARLY;
        if (kind == Kind.RECOVERY && _isNotPending(state.aside, occurrence)) return Reason.TOO_EARLY;
        if (occurrence.head != state.head) return Reason.SUPERSEDED;
        if (kind == Kind.RELEASE && !_isSet(state.holds, occurrence.detail.a())) return Reason.NOT_ON_HOLD;
        return Reason.NONE;
    }

    function _isWaiting(State memory state, Event calldata occurrence, Circumstance memory circumstance)
        private
        pure
        returns (bool)
    {
        uint8 number = occurrence.detail.a();
        Aside memory aside = state.aside;
        if (occurrence.kind == Kind.RELEASE) {
            return number == HoldKind.STOLEN && !circumstance.byOrder && circumstance.moment < aside.stolenReleaseAt;
        }
        if (occurrence.kind != Kind.RECOVERY || aside.recoveryKey == address(0)) return false;
        if (number == Phase.REQUEST) return true;
        return number == Phase.COMPLETE && circumstance.moment < aside.recoveryReadyAt;
    }

    function _isNotPending(Aside memory aside, Event calldata occurrence) private pure returns (bool) {
        uint8 phase = occurrence.detail.a();
        if (phase == Phase.REQUEST) return false;
        if (aside.recoveryKey == address(0)) return true;
        return phase == Phase.COMPLETE && occurrence.party != _holderOf(aside.recoveryKey);
    }

    // Effect

    /// @notice Apply an event that nothing speaks against. Changes `state` in place.
    function apply_(
        State memory state,
        Event calldata occurrence,
        bytes32 eventHash,
        Circumstance memory circumstance
    ) internal pure {
        uint8 kind = occurrence.kind;
        state.sequence += 1;
        state.head = Hashing.nextHead(state.head, eventHash, circumstance.organization);
        if (isIn(kind, CHANGES_HANDS)) _changeHands(state, kind, occurrence.party);
        else if (isIn(kind, BIRTHS)) _bear(state, occurrence, circumstance);
        else if (kind == Kind.VERDICT) _opine(state, occurrence, occurrence.detail.b());
        else if (kind == Kind.RULING) _rule(state, occurrence);
        else if (kind == Kind.DISPUTE) _dispute(state, occurrence, circumstance);
        else if (kind == Kind.HOLD) _hold(state, occurrence, circumstance);
        else if (kind == Kind.RELEASE) _release(state, occurrence.detail.a(), circumstance);
        else if (kind == Kind.RECOVERY) _recover(state, occurrence, circumstance);
        else if (kind == Kind.CORRECTION) _correct(state, occurrence.detail);
        else if (kind == Kind.RETIRE) state.stage = Stage.RETIRED;
        state.facts = state.facts.withLastOccurredAt(occurrence.occurredAt);
    }

    function _changeHands(State memory state, uint8 kind, bytes32 party) private pure {
        if (kind == Kind.SALE) state.stage = Stage.SOLD;
        state.holder = party;
        _clearRecovery(state.aside);
    }

    function _bear(State memory state, Event calldata occurrence, Circumstance memory circumstance) private pure {
        state.facts = state.facts.withCategory(occurrence.detail.c());
        if (occurrence.kind == Kind.ENROLMENT) {
            state.stage = Stage.ENROLLED;
            state.holder = occurrence.party;
            state.brand = circumstance.brand;
            _setVerdict(state, occurrence, Method.IN_PERSON);
            return;
        }
        if (state.stage == Stage.ENROLLED) {
            state.stage = Stage.SOLD;
            return;
        }
        state.stage = occurrence.kind == Kind.RAW_MATERIAL ? Stage.LOT : Stage.UNSOLD;
        state.holder = circumstance.organization;
        state.brand = circumstance.organization;
    }

    /// @dev Order of precedence, docs/protocol.md §9.
    function _opine(State memory state, Event calldata occurrence, uint8 method) private pure {
        Facts facts = state.facts;
        if (replaces(state.verdict, facts, occurrence.detail.a(), method, occurrence.occurredAt)) {
            _setVerdict(state, occurrence, method);
        }
    }

    /// @notice Whether an opinion becomes the effective one.
    function replaces(uint8 verdict, Facts facts, uint8 outcome, uint8 method, uint48 occurredAt)
        internal
        pure
        returns (bool)
    {
        if (verdict == Outcome.NONE || method == Method.RULING) return true;
        if (verdict == Outcome.NOT_AUTHENTIC) {
            return method > facts.verdictMethod() && outcome != Outcome.INCONCLUSIVE;
        }
        bool expired = facts.verdictExpiry() != 0 && facts.verdictExpiry() <= occurredAt;
        return expired || method >= facts.verdictMethod();
    }

    function _setVerdict(State memory state, Event calldata occurrence, uint8 method) private pure {
        Detail detail = occurrence.detail;
        state.verdict = detail.a();
        state.facts = state.facts.withVerdict(method, occurrence.occurredAt, detail.time(), state.sequence);
    }

    function _rule(State memory state, Event calldata occurrence) private pure {
        _clearHold(state, HoldKind.DISPUTED);
        _setVerdict(state, occurrence, Method.RULING);
    }

    function _dispute(State memory state, Event calldata occurrence, Circumstance memory circumstance) private pure {
        bytes32 setter = circumstance.organization;
        if (occurrence.detail.consented()) setter = state.holder;
        else if (setter != state.holder && state.stage == Stage.LOT) setter = state.brand;
        _setHold(state, HoldKind.DISPUTED, setter);
        state.aside.disputedAt = circumstance.moment;
    }

    function _hold(State memory state, Event calldata occurrence, Circumstance memory circumstance) private pure {
        uint8 hold = occurrence.detail.a();
        Aside memory aside = state.aside;
        // Said again, a dispute does not win the brand more time.
        if (hold == HoldKind.DISPUTED && !_isSet(state.holds, hold)) aside.disputedAt = circumstance.moment;
        if (hold == HoldKind.STOLEN) aside.stolenReleaseAt = 0;
        if (hold == HoldKind.IN_VERIFICATION) aside.verificationUntil = occurrence.detail.time();
        _setHold(state, hold, setterOf(state, hold, circumstance.organization));
    }

    function _release(State memory state, uint8 hold, Circumstance memory circumstance) private pure {
        bool announces = hold == HoldKind.STOLEN && !circumstance.byOrder && state.aside.stolenReleaseAt == 0;
        if (announces) state.aside.stolenReleaseAt = circumstance.moment + STOLEN_RELEASE;
        else _clearHold(state, hold);
    }

    function _recover(State memory state, Event calldata occurrence, Circumstance memory circumstance) private pure {
        uint8 phase = occurrence.detail.a();
        if (phase == Phase.REQUEST) {
            // A key is an address: the shape was judged.
            state.aside.recoveryKey = address(uint160(uint256(occurrence.party)));
            state.aside.recoveryReadyAt = circumstance.moment + circumstance.recoveryPeriod;
            return;
        }
        if (phase == Phase.COMPLETE) state.holder = occurrence.party;
        _clearRecovery(state.aside);
    }

    function _correct(State memory state, Detail detail) private pure {
        if (detail.time() != state.facts.verdictSequence()) return;
        state.verdict = detail.a();
        if (detail.a() == Outcome.NONE) state.facts = state.facts.withVerdict(0, 0, 0, 0);
    }

    function _setHold(State memory state, uint8 hold, bytes32 setter) private pure {
        state.holds |= uint8(1 << hold);
        state.aside.setters[hold] = setter;
    }

    function _clearHold(State memory state, uint8 hold) private pure {
        state.holds &= ~uint8(1 << hold);
        state.aside.setters[hold] = 0;
        if (hold == HoldKind.STOLEN) state.aside.stolenReleaseAt = 0;
        if (hold == HoldKind.DISPUTED) state.aside.disputedAt = 0;
        if (hold == HoldKind.IN_VERIFICATION) state.aside.verificationUntil = 0;
    }

    function _clearRecovery(Aside memory aside) private pure {
        aside.recoveryKey = address(0);
        aside.recoveryReadyAt = 0;
    }

    function _isSet(uint8 holds, uint8 hold) private pure returns (bool) {
        return holds >> hold & 1 == 1;
    }

    function _holderOf(address key) private pure returns (bytes32) {
        return bytes32(uint256(uint160(key)));
    }

    // Word

    /// @notice The word of an opened item; says in its facts whether there is an aside.
    function close(State memory state) internal pure returns (ItemWord) {
        bytes32 aside = isBlank(state.aside) ? bytes32(0) : Hashing.hashAside(state.aside);
        Facts facts = state.facts.withHasAside(aside != 0);
        uint200 commitment = Hashing.commit(state.head, state.holder, state.brand, facts, aside);
        return packItemWord(state.sequence, state.stage, state.verdict, state.holds, commitment);
    }

    function isBlank(Aside memory aside) internal pure returns (bool) {
        bytes32[5] memory setters = aside.setters;
        if (setters[0] | setters[1] | setters[2] | setters[3] | setters[4] != 0) return false;
        return aside.verificationUntil == 0 && aside.stolenReleaseAt == 0 && aside.disputedAt == 0
            && aside.recoveryKey == address(0) && aside.recoveryReadyAt == 0;
    }
}
