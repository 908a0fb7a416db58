// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {HoldKind, Kind, Method, Outcome, Reason, Role} from "../../contracts/types/Numbers.sol";
import {Fold, State} from "./Fold.sol";
import {Entry} from "./Pen.sol";
import {Rows} from "./Rows.sol";
import {vm} from "./Vm.sol";

/// @dev What parties hold of an item: rows of verdict, dispute and ruling, and the order of precedence.
contract OpinionsTest is Rows {
    using Fold for State;

    function verdict(bytes32 item) internal returns (Entry memory) {
        return opinion(item, Outcome.AUTHENTIC, Method.PHOTO);
    }

    function dispute(bytes32 item) internal returns (Entry memory) {
        return write(Kind.DISPUTE, item);
    }

    function ruling(bytes32 item) internal returns (Entry memory) {
        return write(Kind.RULING, item, 0, detailOf(Outcome.AUTHENTIC, 0, 0, 0, false));
    }

    // Verdict

    function test_AVerdictStandsInTheWord() public {
        bytes32 item = sold();

        lands(store, verdict(item));

        (,, uint8 outcome,) = ledger.stateOf(item);
        vm.assertEq(outcome, Outcome.AUTHENTIC, "verdict");
    }

    function test_TheConsortiumsAccreditationCountsForEveryBrand() public {
        accredit(consortium.id, outsider, Role.AUTHENTICATOR);

        lands(outsider, verdict(sold()));
    }

    function test_TheBrandJudgesItsOwnWithoutARole() public {
        lands(maison, opinion(unsold(), Outcome.INCONCLUSIVE, Method.CHIP));
    }

    function test_ARetiredItemIsStillJudged() public {
        lands(store, verdict(retired()));
    }

    function test_VerdictIsRefused_Malformed() public {
        bytes32 item = sold();
        refusedWithEveryOtherField(store, verdict(item), C | CONSENTED);
        refused(store, withParty(verdict(item), shop.id), Reason.MALFORMED);
        refused(store, opinion(item, 0, Method.PHOTO), Reason.MALFORMED);
        refused(store, opinion(item, 4, Method.PHOTO), Reason.MALFORMED);
        refused(store, opinion(item, Outcome.AUTHENTIC, 0), Reason.MALFORMED);
        refused(store, opinion(item, Outcome.AUTHENTIC, Method.RULING), Reason.MALFORMED);
        uint64 expired = detailOf(Outcome.AUTHENTIC, Method.PHOTO, uint40(now_()), 0, false);
        refused(store, write(Kind.VERDICT, item, 0, expired), Reason.MALFORMED);
    }

    function test_VerdictIsRefused_InTheFuture() public {
        refused(store, inTheFuture(verdict(sold())), Reason.IN_THE_FUTURE);
    }

    function test_VerdictIsRefused_UnknownItem() public {
        refused(store, verdict(keccak256("unborn")), Reason.UNKNOWN_ITEM);
        refused(store, verdict(lot()), Reason.UNKNOWN_ITEM);
    }

    function test_VerdictIsRefused_RoleMissing() public {
        refused(shop, verdict(sold()), Reason.ROLE_MISSING);
    }

    function test_VerdictIsRefused_NotAccredited() public {
        refused(outsider, verdict(sold()), Reason.NOT_ACCREDITED);
        accredit(rival.id, outsider, Role.AUTHENTICATOR);
        refused(outsider, verdict(sold()), Reason.NOT_ACCREDITED);
    }

    function test_VerdictIsRefused_NotAccreditedOnceWithdrawn() public {
        bytes32 item = sold();
        lands(store, verdict(item));

        accredit(maison.id, store, Role.AUTHENTICATOR, 0, 0, 0);

        refused(store, verdict(item), Reason.NOT_ACCREDITED);
    }

    function test_VerdictIsRefused_TooEarly() public {
        refused(store, beforeTheLast(verdict(sold())), Reason.TOO_EARLY);
    }

    function test_VerdictIsRefused_Superseded() public {
        refused(store, onAnotherHead(verdict(sold())), Reason.SUPERSEDED);
    }

    // Precedence

    function test_AWeakerMethodNeverReplacesAStrongerOne() public {
        bytes32 item = sold();
        lands(store, opinion(item, Outcome.AUTHENTIC, Method.IN_PERSON));

        lands(store, opinion(item, Outcome.NOT_AUTHENTIC, Method.CHIP));

        vm.assertEq(known(item).verdict, Outcome.AUTHENTIC, "verdict");
    }

    function test_NotAuthenticGivesWayToAStrongerMethodAndARuling() public {
        bytes32 item = fake();
        lands(store, opinion(item, Outcome.AUTHENTIC, Method.PHOTO));
        vm.assertEq(known(item).verdict, Outcome.NOT_AUTHENTIC, "an equal method is not stronger");
        lands(store, opinion(item, Outcome.INCONCLUSIVE, Method.IN_PERSON));
        vm.assertEq(known(item).verdict, Outcome.NOT_AUTHENTIC, "a shrug frees nothing");
        lands(store, opinion(item, Outcome.AUTHENTIC, Method.CHIP));
        vm.assertEq(known(item).verdict, Outcome.AUTHENTIC, "a stronger method frees");
    }

    /// @dev Law of precedence for any pair: whatever follows whatever, the word ends as the fold of §9 says, and a
    /// judgement of not authentic is never turned by time.
    function testFuzz_AnyTwoOpinionsEndAsThePrecedenceSays(uint256 seed) public {
        bytes32 item = sold();
        uint40 expiry = seed & 1 == 0 ? 0 : uint40(now_() + 5);
        uint8 first = uint8(seed >> 8) % 3 + 1;
        uint8 firstMethod = uint8(seed >> 16) % 3 + 1;
        lands(store, write(Kind.VERDICT, item, 0, detailOf(first, firstMethod, expiry, 0, false)));
        vm.warp(now_() + uint8(seed >> 24) % 10);

        lands(store, opinion(item, uint8(seed >> 32) % 3 + 1, uint8(seed >> 40) % 3 + 1));

        bool turned = known(item).verdict != first;
        bool stronger = known(item).verdictMethod > firstMethod;
        vm.assertTrue(first != Outcome.NOT_AUTHENTIC || !turned || stronger, "only a stronger method clears a fake");
    }

    // Dispute

    function test_AConsumerDisputesWithASignature() public {
        bytes32 item = sold();

        lands(platform, agreed(consentedTo(Kind.DISPUTE, item), ALICE));

        vm.assertTrue(known(item).holdSet(HoldKind.DISPUTED), "disputed");
        vm.assertEq(known(item).aside.setters[HoldKind.DISPUTED], holderOf(ALICE), "setter");
    }

    function test_TheHolderTheBrandAndAnAccreditedStoreDispute() public {
        lands(shop, dispute(boughtIn()));
        lands(maison, dispute(sold()));
        lands(store, dispute(sold()));
        lands(maison, dispute(retired()));
        lands(tannery, dispute(lot()));
    }

    function test_ALotDisputedByItsSuppliersSuccessorIsHeldInTheSuppliersName() public {
        bytes32 item = lot();
        lands(tannery, write(Kind.SHIPMENT, item, maison.id, 0));
        registry.nameSuccessor(tannery.id, rival.id);

        lands(rival, dispute(item));

        vm.assertEq(known(item).aside.setters[HoldKind.DISPUTED], tannery.id, "setter");
    }

    function test_DisputeIsRefused_Malformed() public {
        bytes32 item = sold();
        refusedWithEveryOtherField(maison, dispute(item), A | B | C);
        refused(maison, withParty(dispute(item), shop.id), Reason.MALFORMED);
        refused(maison, write(Kind.DISPUTE, item, 0, detailOf(0, 0, 3, 0, false)), Reason.MALFORMED);
        refused(maison, consentedTo(Kind.DISPUTE, boughtIn()), Reason.MALFORMED);
    }

    function test_DisputeIsRefused_InTheFuture() public {
        refused(maison, inTheFuture(dispute(sold())), Reason.IN_THE_FUTURE);
    }

    function test_DisputeIsRefused_UnknownItem() public {
        refused(maison, dispute(keccak256("unborn")), Reason.UNKNOWN_ITEM);
    }

    function test_DisputeIsRefused_RoleMissing() public {
        refused(shop, dispute(sold()), Reason.ROLE_MISSING);
        refused(outsider, dispute(lot()), Reason.ROLE_MISSING);
    }

    function test_DisputeIsRefused_NotAccredited() public {
        refused(outsider, dispute(sold()), Reason.NOT_ACCREDITED);
    }

    function test_DisputeIsRefused_OnHold() public {
        refused(maison, dispute(disputed()), Reason.ON_HOLD);
    }

    function test_DisputeIsRefused_ConsentMissing() public {
        refused(platform, consentedTo(Kind.DISPUTE, sold()), Reason.CONSENT_MISSING);
    }

    function test_DisputeIsRefused_ConsentInvalid() public {
        refused(platform, agreed(consentedTo(Kind.DISPUTE, sold()), BOB), Reason.CONSENT_INVALID);
    }

    function test_DisputeIsRefused_TooEarly() public {
        refused(maison, beforeTheLast(dispute(sold())), Reason.TOO_EARLY);
    }

    function test_DisputeIsRefused_Superseded() public {
        refused(maison, onAnotherHead(dispute(sold())), Reason.SUPERSEDED);
    }

    // Ruling

    function test_ARulingClearsTheDisputeAndIsTheStrongestOpinion() public {
        bytes32 item = fake();
        lands(maison, dispute(item));

        lands(maison, ruling(item));
        lands(store, opinion(item, Outcome.NOT_AUTHENTIC, Method.IN_PERSON));

        vm.assertFalse(known(item).holdSet(HoldKind.DISPUTED), "disputed");
        vm.assertEq(known(item).verdict, Outcome.AUTHENTIC, "verdict");
        vm.assertEq(known(item).verdictMethod, Method.RULING, "method");
    }

    function test_TheConsortiumRulesOnceTheBrandLetItsTimePass() public {
        bytes32 item = disputed();
        vm.warp(now_() + RULING_PERIOD);

        lands(consortium, ruling(item));
    }

    function test_TheConsortiumSpeaksForABrandThatIsNoMember() public {
        bytes32 item = enrolled();
        lands(store, dispute(item));

        lands(consortium, ruling(item));
    }

    function test_ASuccessorRulesForABrandThatIsGone() public {
        bytes32 item = disputed();
        registry.nameSuccessor(maison.id, rival.id);

        lands(rival, ruling(item));
    }

    function test_RulingIsRefused_Malformed() public {
        bytes32 item = disputed();
        refusedWithEveryOtherField(maison, ruling(item), B | C | CONSENTED);
        refused(maison, withParty(ruling(item), shop.id), Reason.MALFORMED);
        refused(maison, write(Kind.RULING, item), Reason.MALFORMED);
        refused(maison, write(Kind.RULING, item, 0, detailOf(4, 0, 0, 0, false)), Reason.MALFORMED);
    }

    function test_RulingIsRefused_InTheFuture() public {
        refused(maison, inTheFuture(ruling(disputed())), Reason.IN_THE_FUTURE);
    }

    function test_RulingIsRefused_UnknownItem() public {
        refused(maison, ruling(keccak256("unborn")), Reason.UNKNOWN_ITEM);
        refused(tannery, ruling(lot()), Reason.UNKNOWN_ITEM);
    }

    function test_RulingIsRefused_RoleMissing() public {
        refused(store, ruling(disputed()), Reason.ROLE_MISSING);
    }

    function test_RulingIsRefused_NotDisputed() public {
        refused(maison, ruling(sold()), Reason.NOT_DISPUTED);
    }

    function test_RulingIsRefused_TooEarly() public {
        bytes32 item = disputed();
        refused(maison, beforeTheLast(ruling(item)), Reason.TOO_EARLY);
        vm.warp(now_() + RULING_PERIOD - 1);
        refused(consortium, ruling(item), Reason.TOO_EARLY);
    }

    function test_RulingIsRefused_Superseded() public {
        refused(maison, onAnotherHead(ruling(disputed())), Reason.SUPERSEDED);
    }
}
