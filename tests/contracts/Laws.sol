// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Event} from "../../contracts/interfaces/IProvenanceLedger.sol";
import {Detail} from "../../contracts/types/Detail.sol";
import {HoldKind, Kind, Method, Outcome, Phase, Role, Stage} from "../../contracts/types/Numbers.sol";
import {Context, Fold, State} from "./Fold.sol";
import {Entry, Member} from "./Pen.sol";
import {World} from "./World.sol";
import {vm} from "./Vm.sol";

/// @dev The laws of INVARIANTS.md, asked of every single event that the ledger records. They lean on this contract's
/// own memory of who is whom and who agreed to what, never on the registry's answers.
abstract contract Laws is World {
    using Fold for State;

    struct Grant {
        uint64 scope;
        uint48 from;
        uint48 until;
    }

    // What was done to the registry, and what holders signed
    mapping(bytes32 organization => uint8) internal rolesOf;
    mapping(bytes32 organization => bool) internal isMember;
    mapping(bytes32 organization => bool) internal isSuspended;
    mapping(bytes32 organization => mapping(address signer => bool)) internal signs;
    mapping(bytes32 brand => mapping(bytes32 organization => mapping(uint8 role => Grant))) internal grants;
    mapping(bytes32 brand => bytes32) internal successors;
    mapping(bytes32 agreement => bool) internal agreements;
    mapping(bytes32 item => uint48) internal recoverableAt; // zero: none pending
    mapping(bytes32 eventHash => bool) internal landed;
    mapping(uint8 kind => uint256) internal recordedOf;
    mapping(bytes32 item => uint256) internal folded; // the word that the logs give
    bytes32 internal lastItem;

    function onRecorded(Event memory e, Context memory ctx, State memory beforeIt, State memory afterIt)
        internal
        override
    {
        super.onRecorded(e, ctx, beforeIt, afterIt);
        vm.assertNotEq(afterIt.head, beforeIt.head, "law 1: the head changes with the sequence");
        vm.assertFalse(landed[afterIt.head], "law 2: an event lands once");
        landed[afterIt.head] = true;
        if (beforeIt.holder != afterIt.holder && beforeIt.sequence != 0) _checkHands(e, beforeIt);
        vm.assertTrue(_mayAct(ctx), "law 4: a member in good standing signed with an active key");
        vm.assertTrue(_isAuthorized(e, ctx, beforeIt), "law 4: nobody records what the registry does not give them");
        if (e.kind == Kind.CORRECTION) _checkCorrection(beforeIt, afterIt);
        _remember(e, ctx);
        (folded[e.item], lastItem) = (afterIt.word(), e.item);
    }

    /// @dev Law 3.
    function _checkHands(Event memory e, State memory s) private view {
        if (e.kind == Kind.RECOVERY) {
            uint48 ready = recoverableAt[e.item];
            vm.assertTrue(ready != 0 && ready <= now_(), "law 3: a recovery waits, and no veto came");
            return;
        }
        vm.assertFalse(s.anyHoldCounts(now_()), "law 3: nothing on hold changes hands");
        vm.assertFalse(s.verdict == Outcome.NOT_AUTHENTIC, "law 3: nothing judged fake changes hands");
        if (Fold.isKey(s.holder)) vm.assertTrue(hasAgreed(e), "law 3: a consumer's item moves with consent");
    }

    /// @dev Law 6, for the state; that no earlier event changes is in the head (`invariant_HeadsLeadFromBirthToTip`).
    function _checkCorrection(State memory s, State memory t) private pure {
        bool same = s.stage == t.stage && s.holds == t.holds && s.holder == t.holder && s.brand == t.brand
            && s.category == t.category && s.asideHash() == t.asideHash();
        vm.assertTrue(same, "law 6: a correction alters nothing but an opinion of its author");
    }

    function _remember(Event memory e, Context memory ctx) private {
        recordedOf[e.kind]++;
        if (e.kind == Kind.RECOVERY) {
            bool requests = _a(e) == Phase.REQUEST;
            recoverableAt[e.item] = requests ? ctx.blockTime + RECOVERY_PERIOD : 0;
        }
        if (e.kind == Kind.RESALE || e.kind == Kind.TRANSFER) recoverableAt[e.item] = 0;
    }

    // Agreements

    function agreement(Event memory e) private pure returns (bytes32) {
        return keccak256(abi.encode(e.kind, e.item, e.head, e.party, e.detail));
    }

    function hasAgreed(Event memory e) internal view returns (bool) {
        return agreements[agreement(e)];
    }

    function noteAgreement(Entry memory n) internal {
        agreements[agreement(n.e)] = true;
    }

    // Law 4, from memory

    function _mayAct(Context memory ctx) private view returns (bool) {
        bytes32 organization = ctx.organization;
        return isMember[organization] && !isSuspended[organization] && signs[organization][ctx.signer];
    }

    function speaks(bytes32 organization, bytes32 brand) internal view returns (bool) {
        if (organization == brand) return true;
        if (successors[brand] != 0) return organization == successors[brand];
        return organization == consortium.id && !isMember[brand];
    }

    function accredited(bytes32 brand, bytes32 organization, uint8 role, uint8 category) internal view returns (bool) {
        if (rolesOf[organization] & role == 0) return false;
        return _covers(grants[brand][organization][role], category)
            || _covers(grants[consortium.id][organization][role], category);
    }

    function _covers(Grant memory grant, uint8 category) private view returns (bool) {
        bool inScope = grant.scope >> category & 1 == 1;
        return inScope && grant.from <= now_() && (grant.until == 0 || now_() < grant.until);
    }

    function _isAuthorized(Event memory e, Context memory ctx, State memory s) private view returns (bool) {
        bytes32 organization = ctx.organization;
        bool holds = organization == s.holder;
        bool speaks_ = speaks(organization, s.brand);
        bool judges = accredited(s.brand, organization, Role.AUTHENTICATOR, s.category);
        bool sells = accredited(s.brand, organization, Role.RETAILER, s.category);
        if (e.kind == Kind.SHIPMENT) {
            bool takesBack = s.stage == Stage.UNSOLD && speaks_ && e.party == organization;
            return (holds || takesBack) && isMember[e.party] && !isSuspended[e.party];
        }
        if (e.kind == Kind.SALE) return holds && (speaks_ || sells);
        if (e.kind == Kind.RESALE) return rolesOf[organization] & (Role.PLATFORM | Role.RETAILER) != 0;
        if (e.kind == Kind.TRANSFER) return holds || Fold.isKey(s.holder);
        if (e.kind == Kind.VERDICT) return speaks_ || judges;
        if (e.kind == Kind.DISPUTE) return hasAgreed(e) || holds || speaks_ || (judges && s.stage != Stage.LOT);
        if (e.kind == Kind.SERVICE) return hasAgreed(e) || holds || speaks_ || judges || sells;
        if (e.kind == Kind.HOLD) return _maySetHold(e, s, holds || hasAgreed(e), speaks_, judges);
        if (e.kind == Kind.RETIRE) return _mayRetire(s, holds || hasAgreed(e), speaks_);
        return _isAuthorizedRarely(e, ctx, s, speaks_, judges);
    }

    function _isAuthorizedRarely(Event memory e, Context memory ctx, State memory s, bool speaks_, bool judges)
        private
        view
        returns (bool)
    {
        bytes32 organization = ctx.organization;
        if (e.kind == Kind.RAW_MATERIAL) return rolesOf[organization] & Role.SUPPLIER != 0;
        if (e.kind == Kind.MANUFACTURE) {
            return s.stage == Stage.ENROLLED ? speaks_ : rolesOf[organization] & Role.BRAND != 0;
        }
        if (e.kind == Kind.ENROLMENT) {
            bool foreign = isMember[ctx.enrolledBrand] && ctx.enrolledBrand != organization;
            bool endorsed_ = !foreign || agreements[keccak256(abi.encode("endorsed", e.item))];
            uint8 category = uint8(Detail.unwrap(e.detail) >> 56 & 0x7f);
            return
                endorsed_ && hasAgreed(e) && accredited(ctx.enrolledBrand, organization, Role.AUTHENTICATOR, category);
        }
        if (e.kind == Kind.RULING) {
            bool late = organization == consortium.id && s.aside.disputedAt + RULING_PERIOD <= now_();
            return speaks_ || late;
        }
        if (e.kind == Kind.RELEASE) {
            bytes32 setter = s.aside.setters[_a(e)];
            return Fold.isKey(setter)
                ? hasAgreed(e) || ctx.byOrder && organization == consortium.id
                : speaks(organization, setter) || organization == consortium.id;
        }
        if (e.kind == Kind.RECOVERY) return _a(e) == Phase.VETO ? hasAgreed(e) : speaks_;
        return _mayCorrect(e, organization, s, speaks_, judges);
    }

    function _maySetHold(Event memory e, State memory s, bool holdersWord, bool speaks_, bool judges)
        private
        pure
        returns (bool)
    {
        if (!s.isSold()) return holdersWord || speaks_;
        if (_a(e) <= HoldKind.STOLEN) return holdersWord;
        return _a(e) == HoldKind.IN_VERIFICATION ? holdersWord && judges : speaks_;
    }

    function _mayRetire(State memory s, bool holdersWord, bool speaks_) private pure returns (bool) {
        return s.stage == Stage.UNSOLD ? speaks_ : holdersWord;
    }

    function _mayCorrect(Event memory e, bytes32 organization, State memory s, bool speaks_, bool judges)
        private
        view
        returns (bool)
    {
        if (e.kind != Kind.CORRECTION) return false;
        uint256 sequence = uint40(Detail.unwrap(e.detail) >> 16);
        if (trail[e.item][sequence - 1].organization != organization) return false;
        return _a(e) == Outcome.NONE || speaks_ || (judges && s.verdictMethod != Method.RULING);
    }

    function _a(Event memory e) private pure returns (uint8) {
        return uint8(Detail.unwrap(e.detail));
    }
}
