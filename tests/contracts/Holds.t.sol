// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {HoldKind, Kind, Reason, Role} from "../../contracts/types/Numbers.sol";
import {Fold, State} from "./Fold.sol";
import {Entry} from "./Pen.sol";
import {Rows} from "./Rows.sol";
import {vm} from "./Vm.sol";

/// @dev What keeps an item where it is, and what frees it: rows of hold and release.
contract HoldsTest is Rows {
    using Fold for State;

    uint48 private constant STOLEN_RELEASE = 72 hours;
    uint48 private constant LONGEST = 30 days;

    function recall(bytes32 item) internal returns (Entry memory) {
        return holding(item, HoldKind.RECALLED, false);
    }

    function verifying(bytes32 item, uint48 until) internal returns (Entry memory) {
        return write(Kind.HOLD, item, 0, detailOf(HoldKind.IN_VERIFICATION, 0, uint40(until), 0, true));
    }

    // Hold

    function test_TheOwnersSignatureReportsAnItemStolen() public {
        bytes32 item = stolen();

        vm.assertTrue(known(item).holdSet(HoldKind.STOLEN), "stolen");
        vm.assertEq(known(item).aside.setters[HoldKind.STOLEN], holderOf(ALICE), "setter");
    }

    function test_AnOrganizationThatBoughtInReportsByItself() public {
        bytes32 item = boughtIn();

        lands(shop, holding(item, HoldKind.LOST, false));

        vm.assertEq(known(item).aside.setters[HoldKind.LOST], shop.id, "setter");
    }

    function test_TheBrandHoldsWhatTheShopHasAndIsItsSetter() public {
        bytes32 item = unsold();
        lands(maison, write(Kind.SHIPMENT, item, shop.id, 0));

        lands(maison, recall(item));

        vm.assertEq(known(item).aside.setters[HoldKind.RECALLED], maison.id, "setter");
    }

    function test_ALotIsHeldByItsHolderOrItsSupplier() public {
        bytes32 item = lot();
        lands(tannery, write(Kind.SHIPMENT, item, maison.id, 0));

        lands(maison, recall(item));
        lands(tannery, holding(item, HoldKind.DISPUTED, false));
    }

    function test_AStoreHoldsForVerificationUntilADate() public {
        bytes32 item = sold();

        lands(store, agreed(verifying(item, now_() + LONGEST), ALICE));

        vm.assertEq(known(item).aside.verificationUntil, now_() + LONGEST, "until");
        vm.assertEq(known(item).aside.setters[HoldKind.IN_VERIFICATION], store.id, "setter");
    }

    function test_AStoreBuysInAndVerifiesWithoutASignature() public {
        bytes32 item = sold();
        lands(store, agreed(write(Kind.TRANSFER, item, store.id, 0), ALICE));

        lands(store, holding(item, HoldKind.IN_VERIFICATION, false));
    }

    function test_AnExpiredVerificationGivesWayToAnotherStores() public {
        bytes32 item = sold();
        lands(store, agreed(verifying(item, now_() + 1), ALICE));
        accredit(maison.id, outsider, Role.AUTHENTICATOR);
        vm.warp(now_() + 2);

        lands(outsider, agreed(verifying(item, now_() + 1), ALICE));

        vm.assertEq(known(item).aside.setters[HoldKind.IN_VERIFICATION], outsider.id, "setter");
    }

    function test_ReportingStolenAgainStopsThePendingRelease() public {
        bytes32 item = stolen();
        lands(platform, agreed(releasing(item, HoldKind.STOLEN, true), ALICE));

        lands(platform, agreed(holding(item, HoldKind.STOLEN, true), ALICE));

        vm.assertEq(known(item).aside.stolenReleaseAt, 0, "pending release");
    }

    function test_SayingADisputeAgainDoesNotWinTime() public {
        bytes32 item = disputed();
        uint48 since = known(item).aside.disputedAt;
        vm.warp(now_() + 10 days);

        lands(maison, holding(item, HoldKind.DISPUTED, false));

        vm.assertEq(known(item).aside.disputedAt, since, "disputed at");
    }

    function test_HoldIsRefused_Malformed() public {
        bytes32 item = sold();
        refusedWithEveryOtherField(maison, recall(item), B | TIME | C);
        refused(maison, withParty(recall(item), shop.id), Reason.MALFORMED);
        refused(maison, holding(item, HoldKind.COUNT, false), Reason.MALFORMED);
        refused(store, agreed(verifying(item, now_()), ALICE), Reason.MALFORMED);
        refused(store, agreed(verifying(item, now_() + LONGEST + 1), ALICE), Reason.MALFORMED);
        refused(store, agreed(verifying(item, 0), ALICE), Reason.MALFORMED);
        refused(maison, holding(unsold(), HoldKind.IN_VERIFICATION, false), Reason.MALFORMED);
        refused(tannery, holding(lot(), HoldKind.IN_VERIFICATION, false), Reason.MALFORMED);
        refused(maison, holding(boughtIn(), HoldKind.LOST, true), Reason.MALFORMED);
    }

    function test_HoldIsRefused_InTheFuture() public {
        refused(maison, inTheFuture(recall(sold())), Reason.IN_THE_FUTURE);
    }

    function test_HoldIsRefused_UnknownItem() public {
        refused(maison, recall(keccak256("unborn")), Reason.UNKNOWN_ITEM);
    }

    function test_HoldIsRefused_Retired() public {
        refused(maison, recall(retired()), Reason.RETIRED);
    }

    function test_HoldIsRefused_RoleMissing() public {
        refused(shop, recall(unsold()), Reason.ROLE_MISSING);
        refused(maison, recall(lot()), Reason.ROLE_MISSING);
        refused(rival, recall(sold()), Reason.ROLE_MISSING);
        refused(store, holding(sold(), HoldKind.DISPUTED, false), Reason.ROLE_MISSING);
        refused(shop, agreed(verifying(sold(), now_() + 1), ALICE), Reason.ROLE_MISSING);
    }

    function test_HoldIsRefused_NotAccredited() public {
        refused(outsider, agreed(verifying(sold(), now_() + 1), ALICE), Reason.NOT_ACCREDITED);
    }

    function test_HoldIsRefused_OnHoldBySomebodyElse() public {
        bytes32 item = sold();
        lands(platform, agreed(consentedTo(Kind.DISPUTE, item), ALICE));
        refused(maison, holding(item, HoldKind.DISPUTED, false), Reason.ON_HOLD);

        item = sold();
        lands(store, agreed(verifying(item, now_() + 1 days), ALICE));
        accredit(maison.id, outsider, Role.AUTHENTICATOR);
        refused(outsider, agreed(verifying(item, now_() + 1 days), ALICE), Reason.ON_HOLD);
    }

    function test_HoldIsRefused_NotTheHolder() public {
        refused(store, holding(boughtIn(), HoldKind.IN_VERIFICATION, false), Reason.NOT_THE_HOLDER);
    }

    function test_HoldIsRefused_ConsentMissing() public {
        refused(maison, holding(sold(), HoldKind.LOST, false), Reason.CONSENT_MISSING);
        refused(maison, holding(sold(), HoldKind.STOLEN, false), Reason.CONSENT_MISSING);
        refused(platform, holding(sold(), HoldKind.STOLEN, true), Reason.CONSENT_MISSING);
        refused(store, holding(sold(), HoldKind.IN_VERIFICATION, false), Reason.CONSENT_MISSING);
    }

    function test_HoldIsRefused_ConsentInvalid() public {
        refused(platform, agreed(holding(sold(), HoldKind.STOLEN, true), BOB), Reason.CONSENT_INVALID);
        refused(maison, agreed(holding(sold(), HoldKind.RECALLED, true), BOB), Reason.CONSENT_INVALID);
    }

    function test_HoldIsRefused_TooEarly() public {
        refused(maison, beforeTheLast(recall(sold())), Reason.TOO_EARLY);
    }

    function test_HoldIsRefused_Superseded() public {
        refused(maison, onAnotherHead(recall(sold())), Reason.SUPERSEDED);
    }

    // Release

    function recalled() internal returns (bytes32 item) {
        item = sold();
        lands(maison, recall(item));
    }

    function test_WhoSetAHoldClearsIt() public {
        bytes32 item = recalled();

        lands(maison, releasing(item, HoldKind.RECALLED, false));

        vm.assertEq(known(item).holds, 0, "holds");
        vm.assertFalse(known(item).hasAside(), "nothing is left aside");
    }

    function test_ASuccessorClearsTheBrandsHold() public {
        bytes32 item = recalled();
        registry.nameSuccessor(maison.id, rival.id);

        lands(rival, releasing(item, HoldKind.RECALLED, false));
    }

    function test_ClearingStolenTakesTwoWordsAnd72Hours() public {
        bytes32 item = stolen();
        lands(platform, agreed(releasing(item, HoldKind.STOLEN, true), ALICE));
        vm.assertTrue(known(item).holdSet(HoldKind.STOLEN), "the first word leaves it");

        vm.warp(now_() + STOLEN_RELEASE);
        lands(platform, agreed(releasing(item, HoldKind.STOLEN, true), ALICE));

        vm.assertEq(known(item).holds, 0, "the second clears it");
        vm.assertFalse(known(item).hasAside(), "nothing is left aside");
    }

    function test_TheConsortiumReleasesByOrderAndSaysSo() public {
        bytes32 item = stolen();
        vm.expectEmit(address(ledger));
        emit ReleasedByOrder(item, HoldKind.STOLEN);

        lands(consortium, releasing(item, HoldKind.STOLEN, false));

        vm.assertEq(known(item).holds, 0, "cleared at once");
    }

    function test_TheConsortiumReleasesAnOrganizationsHoldByOrder() public {
        bytes32 item = recalled();

        lands(consortium, releasing(item, HoldKind.RECALLED, false));

        vm.assertEq(known(item).holds, 0, "holds");
    }

    function test_TheConsortiumCarriesTheOwnersReleaseWithoutOrdering() public {
        bytes32 item = stolen();

        lands(consortium, agreed(releasing(item, HoldKind.STOLEN, true), ALICE));

        vm.assertTrue(known(item).holdSet(HoldKind.STOLEN), "the owner's word has its 72 hours");
    }

    function test_AStoreEndsItsVerification() public {
        bytes32 item = sold();
        lands(store, agreed(verifying(item, now_() + 1 days), ALICE));

        lands(store, releasing(item, HoldKind.IN_VERIFICATION, false));

        vm.assertFalse(known(item).hasAside(), "nothing is left aside");
    }

    function test_AReleasedDisputeLeavesNothingAside() public {
        bytes32 item = disputed();

        lands(maison, releasing(item, HoldKind.DISPUTED, false));

        vm.assertFalse(known(item).hasAside(), "nothing is left aside");
    }

    function test_ReleaseIsRefused_Malformed() public {
        bytes32 item = recalled();
        refusedWithEveryOtherField(maison, releasing(item, HoldKind.RECALLED, false), B | TIME | C);
        refused(maison, withParty(releasing(item, HoldKind.RECALLED, false), shop.id), Reason.MALFORMED);
        refused(maison, releasing(item, HoldKind.COUNT, false), Reason.MALFORMED);
        refused(maison, releasing(boughtIn(), HoldKind.LOST, true), Reason.MALFORMED);
    }

    function test_ReleaseIsRefused_InTheFuture() public {
        refused(maison, inTheFuture(releasing(recalled(), HoldKind.RECALLED, false)), Reason.IN_THE_FUTURE);
    }

    function test_ReleaseIsRefused_UnknownItem() public {
        refused(maison, releasing(keccak256("unborn"), HoldKind.RECALLED, false), Reason.UNKNOWN_ITEM);
    }

    function test_ReleaseIsRefused_Retired() public {
        refused(maison, releasing(retired(), HoldKind.RECALLED, false), Reason.RETIRED);
    }

    function test_ReleaseIsRefused_RoleMissing() public {
        refused(store, releasing(recalled(), HoldKind.RECALLED, false), Reason.ROLE_MISSING);
        bytes32 item = recalled();
        refused(platform, agreed(releasing(item, HoldKind.RECALLED, true), ALICE), Reason.ROLE_MISSING);
    }

    function test_ReleaseIsRefused_ConsentMissing() public {
        refused(maison, releasing(stolen(), HoldKind.STOLEN, false), Reason.CONSENT_MISSING);
        refused(platform, releasing(stolen(), HoldKind.STOLEN, true), Reason.CONSENT_MISSING);
    }

    function test_ReleaseIsRefused_ConsentInvalid() public {
        refused(platform, agreed(releasing(stolen(), HoldKind.STOLEN, true), BOB), Reason.CONSENT_INVALID);
    }

    function test_ReleaseIsRefused_WaitingPeriod() public {
        bytes32 item = stolen();
        lands(platform, agreed(releasing(item, HoldKind.STOLEN, true), ALICE));
        vm.warp(now_() + STOLEN_RELEASE - 1);

        refused(platform, agreed(releasing(item, HoldKind.STOLEN, true), ALICE), Reason.WAITING_PERIOD);
    }

    function test_ReleaseIsRefused_TooEarly() public {
        refused(maison, beforeTheLast(releasing(recalled(), HoldKind.RECALLED, false)), Reason.TOO_EARLY);
    }

    function test_ReleaseIsRefused_Superseded() public {
        refused(maison, onAnotherHead(releasing(recalled(), HoldKind.RECALLED, false)), Reason.SUPERSEDED);
    }

    function test_ReleaseIsRefused_NotOnHold() public {
        refused(maison, releasing(sold(), HoldKind.RECALLED, false), Reason.NOT_ON_HOLD);
    }

    event ReleasedByOrder(bytes32 indexed item, uint8 hold);
}
