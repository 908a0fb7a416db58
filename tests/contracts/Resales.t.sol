// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {HoldKind, Kind, Method, Outcome, Phase, Reason, Stage} from "../../contracts/types/Numbers.sol";
import {Entry, Member} from "./Pen.sol";
import {Rows} from "./Rows.sol";
import {vm} from "./Vm.sol";

/// @dev Sold items from hand to hand. Resale and transfer have the same rows but one (a resale needs a role): the
/// rows are written once and run for both.
abstract contract HandToHand is Rows {
    function kind() internal pure virtual returns (uint8);
    function carrier() internal view virtual returns (Member memory);

    /// @dev To Bob's key, agreed by Alice.
    function passing(bytes32 item) internal returns (Entry memory) {
        return agreed(write(kind(), item, holderOf(BOB), 0), ALICE);
    }

    function test_TheItemPassesToTheNewKeyWithTheHoldersConsent() public {
        bytes32 item = sold();

        lands(carrier(), passing(item));

        vm.assertEq(known(item).holder, holderOf(BOB), "holder");
        vm.assertEq(known(item).stage, Stage.SOLD, "stage");
    }

    function test_AnOrganizationBuysInAndSellsOn() public {
        bytes32 item = boughtIn();

        lands(outsider, agreed(write(Kind.TRANSFER, enrolled(), outsider.id, 0), ALICE));
        lands(shop, write(Kind.RESALE, item, holderOf(BOB), 0));

        vm.assertEq(known(item).holder, holderOf(BOB), "holder");
    }

    function test_AnEnrolledItemPassesAndStaysEnrolled() public {
        bytes32 item = enrolled();

        lands(carrier(), passing(item));

        vm.assertEq(known(item).stage, Stage.ENROLLED, "stage");
    }

    function test_ChangingHandsForgetsAPendingRecovery() public {
        bytes32 item = sold();
        lands(maison, recovering(item, Phase.REQUEST, holderOf(CAROL)));

        lands(carrier(), passing(item));

        vm.assertEq(known(item).aside.recoveryKey, address(0), "recovery");
    }

    function test_AVerificationHoldPastItsEndNoLongerCounts() public {
        bytes32 item = sold();
        lands(store, agreed(holding(item, HoldKind.IN_VERIFICATION, true), ALICE));
        vm.warp(known(item).aside.verificationUntil);
        refused(carrier(), passing(item), Reason.ON_HOLD);

        vm.warp(known(item).aside.verificationUntil + 1);
        lands(carrier(), passing(item));
    }

    function test_PassingOnIsRefused_Malformed() public {
        bytes32 item = sold();

        refusedWithEveryOtherField(carrier(), passing(item), A | B | TIME | C | CONSENTED);
        refused(carrier(), withParty(passing(item), 0), Reason.MALFORMED);
    }

    function test_PassingOnIsRefused_InTheFuture() public {
        refused(carrier(), inTheFuture(passing(sold())), Reason.IN_THE_FUTURE);
    }

    function test_PassingOnIsRefused_UnknownOrganization() public {
        refused(carrier(), agreed(withParty(passing(sold()), NOBODY), ALICE), Reason.UNKNOWN_ORGANIZATION);
    }

    function test_PassingOnIsRefused_UnknownItem() public {
        refused(carrier(), passing(keccak256("unborn")), Reason.UNKNOWN_ITEM);
        refused(carrier(), passing(lot()), Reason.UNKNOWN_ITEM);
    }

    function test_PassingOnIsRefused_Retired() public {
        refused(carrier(), passing(retired()), Reason.RETIRED);
    }

    function test_PassingOnIsRefused_Suspended() public {
        registry.suspend(shop.id);

        refused(carrier(), agreed(write(kind(), sold(), shop.id, 0), ALICE), Reason.SUSPENDED);
    }

    function test_PassingOnIsRefused_NotSold() public {
        refused(carrier(), passing(unsold()), Reason.NOT_SOLD);
    }

    function test_PassingOnIsRefused_OnHold() public {
        refused(carrier(), passing(stolen()), Reason.ON_HOLD);
        refused(carrier(), passing(disputed()), Reason.ON_HOLD);
        bytes32 item = sold();
        lands(maison, holding(item, HoldKind.RECALLED, false));
        refused(carrier(), passing(item), Reason.ON_HOLD);
        item = sold();
        lands(platform, agreed(holding(item, HoldKind.LOST, true), ALICE));
        refused(carrier(), passing(item), Reason.ON_HOLD);
    }

    function test_PassingOnIsRefused_NotAuthentic() public {
        refused(carrier(), passing(fake()), Reason.NOT_AUTHENTIC);
    }

    function test_PassingOnIsRefused_NotAuthenticEvenWhenThatOpinionExpired() public {
        bytes32 item = sold();
        uint40 expiry = uint40(now_() + 1);
        lands(store, write(Kind.VERDICT, item, 0, detailOf(Outcome.NOT_AUTHENTIC, Method.PHOTO, expiry, 0, false)));
        vm.warp(now_() + 1 days);

        refused(carrier(), passing(item), Reason.NOT_AUTHENTIC);
    }

    function test_PassingOnIsRefused_NotTheHolder() public {
        refused(outsider, write(kind(), boughtIn(), holderOf(BOB), 0), Reason.NOT_THE_HOLDER);
    }

    function test_PassingOnIsRefused_ConsentMissing() public {
        Entry memory n = passing(sold());
        delete n.approval;

        refused(carrier(), n, Reason.CONSENT_MISSING);
    }

    function test_PassingOnIsRefused_ConsentInvalid() public {
        refused(carrier(), agreed(passing(sold()), BOB), Reason.CONSENT_INVALID);
    }

    function test_PassingOnIsRefused_TooEarly() public {
        refused(carrier(), beforeTheLast(passing(sold())), Reason.TOO_EARLY);
    }

    function test_PassingOnIsRefused_Superseded() public {
        refused(carrier(), agreed(onAnotherHead(passing(sold())), ALICE), Reason.SUPERSEDED);
    }
}

contract ResalesTest is HandToHand {
    function kind() internal pure override returns (uint8) {
        return Kind.RESALE;
    }

    function carrier() internal view override returns (Member memory) {
        return platform;
    }

    function test_ResaleIsRefused_RoleMissing() public {
        refused(store, passing(sold()), Reason.ROLE_MISSING);
    }
}

contract TransfersTest is HandToHand {
    function kind() internal pure override returns (uint8) {
        return Kind.TRANSFER;
    }

    function carrier() internal view override returns (Member memory) {
        return tannery;
    }

    function test_AnyMemberCarriesAGift() public {
        bytes32 item = sold();

        lands(store, passing(item));

        vm.assertEq(known(item).holder, holderOf(BOB), "holder");
    }
}
