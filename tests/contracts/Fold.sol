// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Aside, Event, Witness} from "../../contracts/interfaces/IProvenanceLedger.sol";
import {Detail} from "../../contracts/types/Detail.sol";
import {Facts} from "../../contracts/types/Facts.sol";
import {HoldKind, Kind, Method, Outcome, Phase, Stage} from "../../contracts/types/Numbers.sol";
import {Hashes} from "./Hashes.sol";

/// @dev All of an item, unpacked.
struct State {
    uint32 sequence;
    uint8 stage;
    uint8 verdict;
    uint8 holds;
    bytes32 head;
    bytes32 holder;
    bytes32 brand;
    uint48 lastOccurredAt;
    uint8 category;
    uint8 verdictMethod;
    uint48 verdictAt;
    uint48 verdictExpiry;
    uint32 verdictSequence;
    Aside aside;
}

/// @dev What a log tells beside the event.
struct Context {
    bytes32 organization;
    address signer;
    bytes32 enrolledBrand; // of the `Enrolled` log right before
    bool byOrder; // a `ReleasedByOrder` log stood right before
    uint48 blockTime;
    uint48 recoveryPeriod;
}

/// @dev Law 5's other half: docs/protocol.md §5, §8 and §9 as a fold over logs, written from the page and not from
/// the contract. It judges nothing; a recorded event always has its effect.
library Fold {
    uint48 internal constant STOLEN_RELEASE = 72 hours;

    function apply_(State memory s, Event memory e, Context memory ctx) internal pure {
        s.sequence++;
        s.head = keccak256(abi.encodePacked(s.head, Hashes.ofEvent(e), ctx.organization));
        s.lastOccurredAt = e.occurredAt;
        if (e.kind <= Kind.TRANSFER || e.kind == Kind.ENROLMENT) _move(s, e, ctx);
        else if (e.kind == Kind.VERDICT) _verdict(s, e);
        else if (e.kind == Kind.DISPUTE) _dispute(s, e, ctx);
        else if (e.kind == Kind.RULING) _ruling(s, e);
        else if (e.kind == Kind.HOLD) _hold(s, e, ctx);
        else if (e.kind == Kind.RELEASE) _release(s, e, ctx);
        else if (e.kind == Kind.RECOVERY) _recovery(s, e, ctx);
        else if (e.kind == Kind.CORRECTION) _correction(s, e);
        else if (e.kind == Kind.RETIRE) s.stage = Stage.RETIRED;
    }

    // What is kept

    function word(State memory s) internal pure returns (uint256) {
        if (s.sequence == 0) return 0;
        bytes32 whole = keccak256(abi.encode(s.head, s.holder, s.brand, facts(s), asideHash(s)));
        return uint256(s.sequence) << 224 | uint256(s.stage) << 216 | uint256(s.verdict) << 208 | uint256(s.holds)
            << 200 | uint256(uint200(uint256(whole)));
    }

    function facts(State memory s) internal pure returns (uint256) {
        return uint256(s.lastOccurredAt) | uint256(s.category) << 48 | uint256(s.verdictMethod) << 56
            | uint256(s.verdictAt) << 64 | uint256(s.verdictExpiry) << 112 | uint256(s.verdictSequence) << 160
            | (hasAside(s) ? uint256(1) << 192 : 0);
    }

    function hasAside(State memory s) internal pure returns (bool) {
        bytes memory blob = abi.encode(s.aside);
        for (uint256 i = 0; i < blob.length; i++) {
            if (blob[i] != 0) return true;
        }
        return false;
    }

    function asideHash(State memory s) internal pure returns (bytes32) {
        return hasAside(s) ? keccak256(abi.encode(s.aside)) : bytes32(0);
    }

    function witness(State memory s) internal pure returns (Witness memory w) {
        if (s.sequence == 0) return w;
        return Witness({head: s.head, holder: s.holder, brand: s.brand, facts: Facts.wrap(facts(s))});
    }

    // Questions that tests ask too

    function isSold(State memory s) internal pure returns (bool) {
        return s.stage == Stage.SOLD || s.stage == Stage.ENROLLED;
    }

    function isKey(bytes32 holder) internal pure returns (bool) {
        return holder != 0 && uint256(holder) <= type(uint160).max;
    }

    function holdSet(State memory s, uint8 hold) internal pure returns (bool) {
        return s.holds & (1 << hold) != 0;
    }

    function anyHoldCounts(State memory s, uint48 blockTime) internal pure returns (bool) {
        uint8 others = s.holds & ~uint8(1 << HoldKind.IN_VERIFICATION);
        bool verifying = holdSet(s, HoldKind.IN_VERIFICATION) && blockTime <= s.aside.verificationUntil;
        return others != 0 || verifying;
    }

    /// @dev The order of precedence, docs/protocol.md §9.
    function replaces(State memory s, uint8 outcome, uint8 method, uint48 occurredAt) internal pure returns (bool) {
        bool fake = s.verdict == Outcome.NOT_AUTHENTIC;
        bool expired = s.verdictExpiry != 0 && s.verdictExpiry <= occurredAt;
        if (s.verdictSequence == 0 || (expired && !fake)) return true;
        if (method == Method.RULING) return true;
        if (fake) return method > s.verdictMethod && outcome != Outcome.INCONCLUSIVE;
        return method >= s.verdictMethod;
    }

    // Effects

    function _move(State memory s, Event memory e, Context memory ctx) private pure {
        if (e.kind == Kind.RAW_MATERIAL) {
            (s.stage, s.holder, s.brand) = (Stage.LOT, ctx.organization, ctx.organization);
        } else if (e.kind == Kind.MANUFACTURE) {
            if (s.stage == Stage.UNBORN) {
                (s.stage, s.holder, s.brand) = (Stage.UNSOLD, ctx.organization, ctx.organization);
            } else {
                s.stage = Stage.SOLD;
            }
            s.category = _c(e);
        } else if (e.kind == Kind.ENROLMENT) {
            (s.stage, s.holder, s.brand) = (Stage.ENROLLED, e.party, ctx.enrolledBrand);
            s.category = _c(e);
            _opine(s, Outcome.AUTHENTIC, Method.IN_PERSON, e);
        } else {
            s.holder = e.party;
            if (e.kind == Kind.SALE) s.stage = Stage.SOLD;
            if (e.kind != Kind.SHIPMENT) (s.aside.recoveryKey, s.aside.recoveryReadyAt) = (address(0), 0);
        }
    }

    function _verdict(State memory s, Event memory e) private pure {
        if (replaces(s, _a(e), _b(e), e.occurredAt)) _opine(s, _a(e), _b(e), e);
    }

    function _dispute(State memory s, Event memory e, Context memory ctx) private pure {
        s.holds |= uint8(1 << HoldKind.DISPUTED);
        bytes32 other = s.stage == Stage.LOT ? s.brand : ctx.organization;
        s.aside.setters[HoldKind.DISPUTED] = _consented(e) || ctx.organization == s.holder ? s.holder : other;
        s.aside.disputedAt = ctx.blockTime;
    }

    function _ruling(State memory s, Event memory e) private pure {
        _clear(s, HoldKind.DISPUTED);
        _opine(s, _a(e), Method.RULING, e);
    }

    function _hold(State memory s, Event memory e, Context memory ctx) private pure {
        uint8 hold = _a(e);
        bytes32 setter = ctx.organization == s.holder ? s.holder : s.brand;
        if (isSold(s) && hold <= HoldKind.STOLEN) setter = s.holder;
        if (hold == HoldKind.IN_VERIFICATION) {
            setter = ctx.organization;
            s.aside.verificationUntil = _time(e);
        }
        if (hold == HoldKind.STOLEN) s.aside.stolenReleaseAt = 0;
        if (hold == HoldKind.DISPUTED && !holdSet(s, hold)) s.aside.disputedAt = ctx.blockTime;
        s.aside.setters[hold] = setter;
        s.holds |= uint8(1 << hold);
    }

    function _release(State memory s, Event memory e, Context memory ctx) private pure {
        uint8 hold = _a(e);
        if (hold == HoldKind.STOLEN && !ctx.byOrder && s.aside.stolenReleaseAt == 0) {
            s.aside.stolenReleaseAt = ctx.blockTime + STOLEN_RELEASE;
        } else {
            _clear(s, hold);
        }
    }

    function _recovery(State memory s, Event memory e, Context memory ctx) private pure {
        if (_a(e) == Phase.REQUEST) {
            s.aside.recoveryKey = address(uint160(uint256(e.party)));
            s.aside.recoveryReadyAt = ctx.blockTime + ctx.recoveryPeriod;
            return;
        }
        if (_a(e) == Phase.COMPLETE) s.holder = e.party;
        (s.aside.recoveryKey, s.aside.recoveryReadyAt) = (address(0), 0);
    }

    function _correction(State memory s, Event memory e) private pure {
        if (_time(e) != s.verdictSequence) return;
        s.verdict = _a(e);
        if (_a(e) == Outcome.NONE) (s.verdictMethod, s.verdictAt, s.verdictExpiry, s.verdictSequence) = (0, 0, 0, 0);
    }

    function _clear(State memory s, uint8 hold) private pure {
        s.holds &= ~uint8(1 << hold);
        s.aside.setters[hold] = 0;
        if (hold == HoldKind.STOLEN) s.aside.stolenReleaseAt = 0;
        if (hold == HoldKind.DISPUTED) s.aside.disputedAt = 0;
        if (hold == HoldKind.IN_VERIFICATION) s.aside.verificationUntil = 0;
    }

    function _opine(State memory s, uint8 outcome, uint8 method, Event memory e) private pure {
        (s.verdict, s.verdictMethod, s.verdictAt) = (outcome, method, e.occurredAt);
        (s.verdictExpiry, s.verdictSequence) = (_time(e), s.sequence);
    }

    // The fields of a detail, cut out here and not by the contract's accessors

    function _a(Event memory e) private pure returns (uint8) {
        return uint8(Detail.unwrap(e.detail));
    }

    function _b(Event memory e) private pure returns (uint8) {
        return uint8(Detail.unwrap(e.detail) >> 8);
    }

    function _time(Event memory e) private pure returns (uint40) {
        return uint40(Detail.unwrap(e.detail) >> 16);
    }

    function _c(Event memory e) private pure returns (uint8) {
        return uint8(Detail.unwrap(e.detail) >> 56 & 0x7f);
    }

    function _consented(Event memory e) private pure returns (bool) {
        return Detail.unwrap(e.detail) >> 63 == 1;
    }
}
