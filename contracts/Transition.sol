// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Hashing} from "./Hashing.sol";
import {Aside, Event} from "./interfaces/IProvenanceLedger.sol";
import {Detail} from "./types/Detail.sol";
import {Facts} from "./types/Facts.sol";
import {ItemWord} from "./types/ItemWord.sol";
import {HoldKind, Kind, Method, Outcome, Phase, Reason, Stage} from "./types/Numbers.sol";

/// @dev An item, opened.
struct State {
    ItemWord word; // its clear part; the commitment in it is the stored one
    bytes32 head;
    bytes32 holder;
    bytes32 brand;
    Facts facts;
    Aside aside; // blank while the facts say that there is none
}

/// @dev What the transition knows beside state and event.
struct Circumstance {
    bytes32 organization; // whose batch
    uint256 moment; // block time
    uint256 recoveryPeriod;
    bool byOrder; // the consortium lifts a hold that only others could
    bool brandHasTime; // the consortium rules in the brand's place before its period is over
    bytes32 brand; // of an enrolled item
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
    uint256 private constant OPINIONS = 1 << Kind.VERDICT | 1 << Kind.RULING | 1 << Kind.ENROLMENT;
    uint256 private constant TIMED = 1 << Kind.RULING | 1 << Kind.RELEASE | 1 << Kind.RECOVERY;

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

    function isSet(uint8 holds, uint8 hold) internal pure returns (bool) {
        return holds >> hold & 1 == 1;
    }

    /// @dev A hold counts while its bit is set; *in verification* only until its end.
    function countingHolds(State memory state, uint256 moment) internal pure returns (uint8 holds) {
        holds = state.word.holds();
        if (!isSet(holds, HoldKind.IN_VERIFICATION) || moment <= state.aside.verificationUntil) return holds;
        return holds & ~uint8(1 << HoldKind.IN_VERIFICATION);
    }

    function _isIn(uint8 kind, uint256 kinds) private pure returns (bool) {
        return kinds >> kind & 1 == 1;
    }

    // 1: malformed

    /// @notice Whether kind, party and detail fit each other, and the state as far as *malformed* looks at it.
    function isWellFormed(State memory state, Event calldata occurrence, Circumstance memory circumstance)
        internal
        pure
        returns (bool)
    {
        uint8 kind = occurrence.kind;
        if (kind == Kind.MANUFACTURE) return _isManufactureFit(state, occurrence, circumstance);
        if (kind <= Kind.TRANSFER) return _isPassageFit(kind, occurrence, circumstance);
        if (!_isConsentFit(state, occurrence.detail, circumstance)) return false;
        if (_isIn(kind, OPINIONS)) return _isOpinionFit(kind, occurrence);
        if (kind == Kind.RECOVERY) return _isRecoveryFit(state, occurrence);
        return occurrence.party == 0 && _isDetailFit(kind, occurrence.detail, state, circumstance);
    }

    /// @dev The serial commitment makes the item's id: with the organization's own id, or with the brand's where an
    /// enrolled item is joined by its brand.
    function _isManufactureFit(State memory state, Event calldata occurrence, Circumstance memory circumstance)
        private
        pure
        returns (bool)
    {
        Detail detail = occurrence.detail;
        if (Detail.unwrap(detail) != uint64(detail.c()) << 56 || detail.c() > HIGHEST_CATEGORY) return false;
        bytes32 maker = state.word.stage() == Stage.ENROLLED ? state.brand : circumstance.organization;
        return occurrence.item == Hashing.idOf(maker, occurrence.party);
    }

    function _isPassageFit(uint8 kind, Event calldata occurrence, Circumstance memory circumstance)
        private
        pure
        returns (bool)
    {
        if (Detail.unwrap(occurrence.detail) != 0) return false;
        if (kind == Kind.SHIPMENT) return isOrganization(occurrence.party);
        if (kind == Kind.SALE) return isKey(occurrence.party);
        if (kind == Kind.RAW_MATERIAL) {
            return occurrence.item == Hashing.idOf(circumstance.organization, occurrence.party);
        }
        return kind != 0 && occurrence.party != 0; // resale, transfer
    }

    function _isOpinionFit(uint8 kind, Event calldata occurrence) private pure returns (bool) {
        Detail detail = occurrence.detail;
        if (detail.time() != 0 && detail.time() <= occurrence.occurredAt) return false;
        if (kind == Kind.ENROLMENT) {
            return isKey(occurrence.party) && detail.a() == Outcome.AUTHENTIC && detail.b() == Method.IN_PERSON
                && detail.c() <= HIGHEST_CATEGORY && detail.consented();
        }
        if (occurrence.party != 0 || detail.consented() || detail.c() != 0) return false;
        if (detail.a() == Outcome.NONE || detail.a() > Outcome.INCONCLUSIVE) return false;
        if (kind == Kind.RULING) return detail.b() == 0;
        return detail.b() >= Method.PHOTO && detail.b() <= Method.IN_PERSON;
    }

    function _isRecoveryFit(State memory state, Event calldata occurrence) private pure returns (bool) {
        Detail detail = occurrence.detail;
        uint8 phase = detail.a();
        if (detail.unconsented() != phase || phase < Phase.REQUEST || phase > Phase.COMPLETE) return false;
        bool isVeto = phase == Phase.VETO;
        if (detail.consented() != isVeto) return false;
        if (isVeto ? occurrence.party != 0 : !isKey(occurrence.party)) return false;
        // An organization loses no claim card.
        return !isSold(state.word.stage()) || !isOrganization(state.holder);
    }

    /// @dev Fields that a kind does not name must be zero.
    function _isDetailFit(uint8 kind, Detail detail, State memory state, Circumstance memory circumstance)
        private
        pure
        returns (bool)
    {
        uint64 rest = detail.unconsented();
        if (kind == Kind.SERVICE || kind == Kind.RETIRE) return rest == 0;
        if (kind == Kind.RELEASE) return rest < HoldKind.COUNT;
        if (kind == Kind.DISPUTE) return rest == detail.onlyTime() && detail.time() <= state.word.sequence();
        if (rest != detail.onlyTime() | detail.a()) return false;
        if (kind == Kind.HOLD) return detail.a() < HoldKind.COUNT && _isEndFit(state, detail, circumstance.moment);
        if (kind != Kind.CORRECTION || detail.consented()) return false;
        if (detail.time() == 0 || detail.time() > state.word.sequence() || detail.a() > Outcome.INCONCLUSIVE) {
            return false;
        }
        return detail.a() == Outcome.NONE || detail.time() == state.facts.verdictSequence();
    }

    /// @dev Only *in verification* ends by itself, and only a sold item is verified for its holder.
    function _isEndFit(State memory state, Detail detail, uint256 moment) private pure returns (bool) {
        if (detail.a() != HoldKind.IN_VERIFICATION) return detail.time() == 0;
        uint8 stage = state.word.stage();
        if (stage == Stage.LOT || stage == Stage.UNSOLD) return false;
        return detail.time() > moment && detail.time() <= moment + LONGEST_VERIFICATION;
    }

    /// @dev An organization's consent is its own batch.
    function _isConsentFit(State memory state, Detail detail, Circumstance memory circumstance)
        private
        pure
        returns (bool)
    {
        return !detail.consented() || !isOrganization(state.holder) || state.holder == circumstance.organization;
    }

    // 8 to 10: unknown item, already recorded, retired

    /// @dev A manufacture on an enrolled item passes here; whether its organization speaks for the brand is the
    /// ledger's question.
    function judgePlace(uint8 stage, uint8 kind) internal pure returns (uint8) {
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
    function judgeHandover(State memory state, bool fromOwner, uint256 moment) internal pure returns (uint8) {
        ItemWord word = state.word;
        bool sold = isSold(word.stage());
        if (sold != fromOwner) return sold ? Reason.ALREADY_SOLD : Reason.NOT_SOLD;
        if (word.holds() != 0 && countingHolds(state, moment) != 0) return Reason.ON_HOLD;
        return word.verdict() == Outcome.NOT_AUTHENTIC ? Reason.NOT_AUTHENTIC : Reason.NONE;
    }

    /// @dev Whether a hold counts that somebody else than this event's setter set.
    function isHeldByOther(State memory state, uint8 hold, Circumstance memory circumstance)
        internal
        pure
        returns (bool)
    {
        if (!isSet(countingHolds(state, circumstance.moment), hold)) return false;
        return state.aside.setters[hold] != setterOf(state, hold, circumstance.organization);
    }

    /// @dev Whether the owner said *lost* or *stolen* or holds the item in another way: then nobody recovers it for them.
    function isHeldByOwner(State memory state, uint256 moment) internal pure returns (bool) {
        uint8 counting = countingHolds(state, moment);
        if (isSet(counting, HoldKind.LOST) || isSet(counting, HoldKind.STOLEN)) return true;
        for (uint8 hold = HoldKind.DISPUTED; hold < HoldKind.COUNT; ++hold) {
            if (isSet(counting, hold) && state.aside.setters[hold] == state.holder) return true;
        }
        return false;
    }

    /// @dev Who will be the setter of a hold: who must agree to its end.
    function setterOf(State memory state, uint8 hold, bytes32 organization) internal pure returns (bytes32) {
        if (hold == HoldKind.IN_VERIFICATION) return organization;
        bool isOwners = hold <= HoldKind.STOLEN && isSold(state.word.stage());
        return isOwners || organization == state.holder ? state.holder : state.brand;
    }

    // 22 to 26: not disputed, waiting period, too early, superseded, not on hold

    function judgeTime(State memory state, Event calldata occurrence, Circumstance memory circumstance)
        internal
        pure
        returns (uint8)
    {
        uint8 kind = occurrence.kind;
        if (_isIn(kind, TIMED)) {
            uint8 reason = _judgeWaiting(kind, state, occurrence, circumstance);
            if (reason != Reason.NONE) return reason;
        }
        if (occurrence.occurredAt < state.facts.lastOccurredAt()) return Reason.TOO_EARLY;
        if (occurrence.head != state.head) return Reason.SUPERSEDED;
        if (kind == Kind.RELEASE && !isSet(state.word.holds(), occurrence.detail.a())) return Reason.NOT_ON_HOLD;
        return Reason.NONE;
    }

    function _judgeWaiting(uint8 kind, State memory state, Event calldata occurrence, Circumstance memory circumstance)
        private
        pure
        returns (uint8)
    {
        if (kind == Kind.RULING) {
            if (!isSet(state.word.holds(), HoldKind.DISPUTED)) return Reason.NOT_DISPUTED;
            return circumstance.brandHasTime ? Reason.TOO_EARLY : Reason.NONE;
        }
        uint8 number = occurrence.detail.a();
        Aside memory aside = state.aside;
        if (kind == Kind.RELEASE) {
            bool waits = number == HoldKind.STOLEN && !circumstance.byOrder;
            return waits && circumstance.moment < aside.stolenReleaseAt ? Reason.WAITING_PERIOD : Reason.NONE;
        }
        bool isPending = aside.recoveryKey != address(0);
        if (number == Phase.REQUEST) return isPending ? Reason.WAITING_PERIOD : Reason.NONE;
        if (!isPending) return Reason.TOO_EARLY;
        if (number == Phase.VETO) return Reason.NONE;
        if (circumstance.moment < aside.recoveryReadyAt) return Reason.WAITING_PERIOD;
        return occurrence.party == _holderOf(aside.recoveryKey) ? Reason.NONE : Reason.TOO_EARLY;
    }

    // Effect

    /// @notice Apply an event that nothing speaks against: changes `state` in place and answers its new word.
    function advance(
        State memory state,
        Event calldata occurrence,
        bytes32 eventHash,
        Circumstance memory circumstance
    ) internal pure returns (ItemWord) {
        uint8 kind = occurrence.kind;
        if (_isIn(kind, BIRTHS)) _bear(kind, state, occurrence, circumstance);
        else if (kind <= Kind.TRANSFER) _handOver(kind, state, occurrence.party);
        else if (kind == Kind.VERDICT) _opine(state, occurrence);
        else if (kind != Kind.SERVICE) _doRareThings(kind, state, occurrence, circumstance);
        state.head = Hashing.nextHead(state.head, eventHash, circumstance.organization);
        state.facts = state.facts.withLastOccurredAt(occurrence.occurredAt);
        if (state.facts.hasAside() && isBlank(state.aside)) state.facts = state.facts.withHasAside(false);
        state.word = state.word.next(commitment(state));
        return state.word;
    }

    function commitment(State memory state) internal pure returns (bytes32) {
        Facts facts = state.facts;
        bytes32 aside = facts.hasAside() ? Hashing.hashAside(state.aside) : bytes32(0);
        return Hashing.commit(state.head, state.holder, state.brand, facts, aside);
    }

    function isBlank(Aside memory aside) internal pure returns (bool) {
        bytes32[5] memory setters = aside.setters;
        if (setters[0] | setters[1] | setters[2] | setters[3] | setters[4] != 0) return false;
        return aside.verificationUntil == 0 && aside.stolenReleaseAt == 0 && aside.disputedAt == 0
            && aside.recoveryKey == address(0) && aside.recoveryReadyAt == 0;
    }

    /// @dev In place: the state outlives its event, and memory is used again.
    function fillAside(State memory state, Aside calldata opened) internal pure {
        Aside memory aside = state.aside;
        for (uint256 hold = 0; hold < HoldKind.COUNT; ++hold) {
            aside.setters[hold] = opened.setters[hold];
        }
        aside.verificationUntil = opened.verificationUntil;
        aside.stolenReleaseAt = opened.stolenReleaseAt;
        aside.disputedAt = opened.disputedAt;
        aside.recoveryKey = opened.recoveryKey;
        aside.recoveryReadyAt = opened.recoveryReadyAt;
    }

    function clearAside(State memory state) internal pure {
        Aside memory aside = state.aside;
        for (uint256 hold = 0; hold < HoldKind.COUNT; ++hold) {
            aside.setters[hold] = 0;
        }
        aside.verificationUntil = 0;
        aside.stolenReleaseAt = 0;
        aside.disputedAt = 0;
        _clearRecovery(aside);
    }

    function _handOver(uint8 kind, State memory state, bytes32 party) private pure {
        if (kind == Kind.SALE) state.word = state.word.withStage(Stage.SOLD);
        state.holder = party;
        if (state.facts.hasAside()) _clearRecovery(state.aside);
    }

    function _bear(uint8 kind, State memory state, Event calldata occurrence, Circumstance memory circumstance)
        private
        pure
    {
        state.facts = state.facts.withCategory(occurrence.detail.c());
        if (kind == Kind.ENROLMENT) {
            state.word = state.word.withStage(Stage.ENROLLED);
            state.holder = occurrence.party;
            state.brand = circumstance.brand;
            return _setVerdict(state, occurrence, Method.IN_PERSON);
        }
        if (state.word.stage() == Stage.ENROLLED) {
            state.word = state.word.withStage(Stage.SOLD);
            return;
        }
        state.word = state.word.withStage(kind == Kind.RAW_MATERIAL ? Stage.LOT : Stage.UNSOLD);
        state.holder = circumstance.organization;
        state.brand = circumstance.organization;
    }

    function _doRareThings(
        uint8 kind,
        State memory state,
        Event calldata occurrence,
        Circumstance memory circumstance
    ) private pure {
        if (kind == Kind.HOLD) _hold(state, occurrence.detail, circumstance);
        else if (kind == Kind.RELEASE) _release(state, occurrence.detail.a(), circumstance);
        else if (kind == Kind.DISPUTE) _dispute(state, occurrence.detail, circumstance);
        else if (kind == Kind.RULING) _rule(state, occurrence);
        else if (kind == Kind.CORRECTION) _correct(state, occurrence.detail);
        else if (kind == Kind.RECOVERY) _recover(state, occurrence, circumstance);
        else state.word = state.word.withStage(Stage.RETIRED);
    }

    // Opinions: the order of precedence is docs/protocol.md §9

    /// @notice Whether a verdict becomes the effective one.
    function replaces(State memory state, uint8 outcome, uint8 method, uint48 occurredAt)
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

    function _opine(State memory state, Event calldata occurrence) private pure {
        Detail detail = occurrence.detail;
        if (!replaces(state, detail.a(), detail.b(), occurrence.occurredAt)) return;
        _setVerdict(state, occurrence, detail.b());
    }

    function _setVerdict(State memory state, Event calldata occurrence, uint8 method) private pure {
        Detail detail = occurrence.detail;
        state.word = state.word.withVerdict(detail.a());
        state.facts =
            state.facts.withVerdict(method, occurrence.occurredAt, detail.time(), state.word.sequence() + 1);
    }

    function _rule(State memory state, Event calldata occurrence) private pure {
        _clearHold(state, HoldKind.DISPUTED);
        _setVerdict(state, occurrence, Method.RULING);
    }

    function _correct(State memory state, Detail detail) private pure {
        if (detail.time() != state.facts.verdictSequence()) return;
        state.word = state.word.withVerdict(detail.a());
        if (detail.a() == Outcome.NONE) state.facts = state.facts.withVerdict(0, 0, 0, 0);
    }

    // Holds. Block times and keys fit their fields: the clock does for millions of years, a key's form was judged

    function _dispute(State memory state, Detail detail, Circumstance memory circumstance) private pure {
        bytes32 setter = circumstance.organization;
        if (detail.consented()) setter = state.holder;
        else if (setter != state.holder && state.word.stage() == Stage.LOT) setter = state.brand;
        _setHold(state, HoldKind.DISPUTED, setter);
        state.aside.disputedAt = uint48(circumstance.moment);
    }

    function _hold(State memory state, Detail detail, Circumstance memory circumstance) private pure {
        uint8 hold = detail.a();
        Aside memory aside = state.aside;
        bool isNew = !isSet(state.word.holds(), hold);
        _setHold(state, hold, setterOf(state, hold, circumstance.organization));
        if (hold == HoldKind.STOLEN) aside.stolenReleaseAt = 0;
        if (hold == HoldKind.IN_VERIFICATION) aside.verificationUntil = detail.time();
        // Said again, a dispute does not win the brand more time.
        if (hold == HoldKind.DISPUTED && isNew) aside.disputedAt = uint48(circumstance.moment);
    }

    function _release(State memory state, uint8 hold, Circumstance memory circumstance) private pure {
        bool announces = hold == HoldKind.STOLEN && !circumstance.byOrder && state.aside.stolenReleaseAt == 0;
        if (announces) state.aside.stolenReleaseAt = uint48(circumstance.moment + STOLEN_RELEASE);
        else _clearHold(state, hold);
    }

    function _setHold(State memory state, uint8 hold, bytes32 setter) private pure {
        state.word = state.word.withHolds(state.word.holds() | uint8(1 << hold));
        state.aside.setters[hold] = setter;
        state.facts = state.facts.withHasAside(true);
    }

    function _clearHold(State memory state, uint8 hold) private pure {
        Aside memory aside = state.aside;
        state.word = state.word.withHolds(state.word.holds() & ~uint8(1 << hold));
        aside.setters[hold] = 0;
        if (hold == HoldKind.STOLEN) aside.stolenReleaseAt = 0;
        if (hold == HoldKind.DISPUTED) aside.disputedAt = 0;
        if (hold == HoldKind.IN_VERIFICATION) aside.verificationUntil = 0;
    }

    // Recovery

    function _recover(State memory state, Event calldata occurrence, Circumstance memory circumstance) private pure {
        uint8 phase = occurrence.detail.a();
        if (phase == Phase.REQUEST) {
            state.aside.recoveryKey = address(uint160(uint256(occurrence.party)));
            state.aside.recoveryReadyAt = uint48(circumstance.moment + circumstance.recoveryPeriod);
            state.facts = state.facts.withHasAside(true);
            return;
        }
        if (phase == Phase.COMPLETE) state.holder = occurrence.party;
        _clearRecovery(state.aside);
    }

    function _clearRecovery(Aside memory aside) private pure {
        aside.recoveryKey = address(0);
        aside.recoveryReadyAt = 0;
    }

    function _holderOf(address key) private pure returns (bytes32) {
        return bytes32(uint256(uint160(key)));
    }
}
