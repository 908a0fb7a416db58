// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {HoldKind, Kind, Method, Outcome, Phase, Reason, Role, Stage} from "../../contracts/types/Numbers.sol";
import {Entry} from "./Pen.sol";
import {Rows} from "./Rows.sol";
import {vm} from "./Vm.sol";

/// @dev What mends a history or ends it: rows of correction, recovery, service and retire.
contract CorrectionsTest is Rows {
    // Correction

    function test_AnAuthorCorrectsItsVerdict() public {
        bytes32 item = fake();

        lands(store, correcting(item, Outcome.AUTHENTIC, 3));

        vm.assertEq(known(item).verdict, Outcome.AUTHENTIC, "verdict");
        vm.assertEq(known(item).verdictSequence, 3, "it is still the third event's");
    }

    function test_AnAuthorTakesItsVerdictBack() public {
        bytes32 item = fake();

        lands(store, correcting(item, Outcome.NONE, 3));

        vm.assertEq(known(item).verdict, Outcome.NONE, "verdict");
        vm.assertEq(known(item).verdictMethod, 0, "method");
    }

    /// @dev Law 6: whatever is corrected stays a link of the chain of heads, and its holder stays.
    function test_ACorrectionNeverAltersWhatItCorrects() public {
        bytes32 item = sold();
        bytes32 sale = trail[item][1].eventHash;
        bytes32 headAfterSale = heads[item][2];

        lands(maison, correcting(item, Outcome.NONE, 2));

        vm.assertEq(trail[item][1].eventHash, sale, "event");
        vm.assertEq(heads[item][2], headAfterSale, "head");
        vm.assertEq(known(item).holder, holderOf(ALICE), "holder");
        vm.assertEq(known(item).stage, Stage.SOLD, "stage");
    }

    function test_TheBrandCorrectsItsRuling() public {
        bytes32 item = disputed();
        lands(maison, write(Kind.RULING, item, 0, detailOf(Outcome.NOT_AUTHENTIC, 0, 0, 0, false)));

        lands(maison, correcting(item, Outcome.AUTHENTIC, 4));

        vm.assertEq(known(item).verdict, Outcome.AUTHENTIC, "verdict");
        vm.assertEq(known(item).verdictMethod, Method.RULING, "method");
    }

    function test_ALotsEventAndARetiredItemsAreCorrected() public {
        lands(tannery, correcting(lot(), Outcome.NONE, 1));
        lands(maison, correcting(retired(), Outcome.NONE, 2));
    }

    function test_CorrectionIsRefused_Malformed() public {
        bytes32 item = fake();
        refusedWithEveryOtherField(store, correcting(item, Outcome.AUTHENTIC, 3), B | C | CONSENTED);
        refused(store, withParty(correcting(item, 0, 3), shop.id), Reason.MALFORMED);
        refused(store, write(Kind.CORRECTION, item), Reason.MALFORMED);
        refused(store, write(Kind.CORRECTION, item, 0, detailOf(0, 0, 4, 0, false)), Reason.MALFORMED);
        refused(store, correcting(item, 4, 3), Reason.MALFORMED);
        refused(maison, correcting(item, Outcome.AUTHENTIC, 2), Reason.MALFORMED);
    }

    function test_CorrectionIsRefused_InTheFuture() public {
        refused(store, inTheFuture(correcting(fake(), 0, 3)), Reason.IN_THE_FUTURE);
    }

    function test_CorrectionIsRefused_MalformedBecauseNothingIsThere() public {
        uint64 first = detailOf(0, 0, 1, 0, false);

        refused(store, write(Kind.CORRECTION, keccak256("unborn"), 0, first), Reason.MALFORMED);
    }

    function test_CorrectionIsRefused_RoleMissing() public {
        refused(maison, correcting(fake(), 0, 3), Reason.ROLE_MISSING);
    }

    function test_CorrectionIsRefused_RoleMissingWhenTheAuthorLostItsRole() public {
        bytes32 item = fake();
        registry.setRoles(store.id, Role.PLATFORM);

        refused(store, correcting(item, Outcome.AUTHENTIC, 3), Reason.ROLE_MISSING);
    }

    function test_CorrectionIsRefused_RoleMissingWhenTheConsortiumsRulingIsCorrected() public {
        bytes32 item = disputed();
        vm.warp(now_() + RULING_PERIOD);
        lands(consortium, write(Kind.RULING, item, 0, detailOf(Outcome.NOT_AUTHENTIC, 0, 0, 0, false)));

        refused(consortium, correcting(item, Outcome.AUTHENTIC, 4), Reason.ROLE_MISSING);
    }

    /// @dev Being an accredited authenticator is not enough for a ruling, even for its author.
    function test_CorrectionIsRefused_RoleMissingWhenTheRulersSuccessionEnded() public {
        bytes32 item = disputed();
        registry.nameSuccessor(maison.id, rival.id);
        lands(rival, write(Kind.RULING, item, 0, detailOf(Outcome.NOT_AUTHENTIC, 0, 0, 0, false)));
        registry.nameSuccessor(maison.id, 0);
        registry.setRoles(rival.id, Role.BRAND | Role.AUTHENTICATOR);
        accredit(maison.id, rival, Role.AUTHENTICATOR);

        refused(rival, correcting(item, Outcome.AUTHENTIC, 4), Reason.ROLE_MISSING);
    }

    function test_CorrectionIsRefused_NotAccredited() public {
        bytes32 item = fake();
        accredit(maison.id, store, Role.AUTHENTICATOR, 0, 0, 0);

        refused(store, correcting(item, Outcome.AUTHENTIC, 3), Reason.NOT_ACCREDITED);
    }

    function test_CorrectionIsRefused_TooEarly() public {
        refused(store, beforeTheLast(correcting(fake(), 0, 3)), Reason.TOO_EARLY);
    }

    function test_CorrectionIsRefused_Superseded() public {
        refused(store, onAnotherHead(correcting(fake(), 0, 3)), Reason.SUPERSEDED);
    }

    // Service

    function test_TheBrandTheHolderAndAccreditedShopsServe() public {
        bytes32 item = sold();
        lands(maison, write(Kind.SERVICE, item));
        lands(shop, write(Kind.SERVICE, item));
        lands(store, write(Kind.SERVICE, item));
        lands(platform, agreed(consentedTo(Kind.SERVICE, item), ALICE));
        lands(tannery, write(Kind.SERVICE, lot()));

        vm.assertEq(known(item).sequence, 6, "sequence");
    }

    function test_ServiceIsRefused_Malformed() public {
        bytes32 item = sold();
        refusedWithEveryOtherField(maison, write(Kind.SERVICE, item), A | B | TIME | C);
        refused(maison, write(Kind.SERVICE, item, shop.id, 0), Reason.MALFORMED);
        refused(maison, consentedTo(Kind.SERVICE, boughtIn()), Reason.MALFORMED);
    }

    function test_ServiceIsRefused_InTheFuture() public {
        refused(maison, inTheFuture(write(Kind.SERVICE, sold())), Reason.IN_THE_FUTURE);
    }

    function test_ServiceIsRefused_UnknownItem() public {
        refused(maison, write(Kind.SERVICE, keccak256("unborn")), Reason.UNKNOWN_ITEM);
    }

    function test_ServiceIsRefused_Retired() public {
        refused(maison, write(Kind.SERVICE, retired()), Reason.RETIRED);
    }

    function test_ServiceIsRefused_ConsentMissing() public {
        refused(outsider, write(Kind.SERVICE, sold()), Reason.CONSENT_MISSING);
        refused(platform, consentedTo(Kind.SERVICE, sold()), Reason.CONSENT_MISSING);
        refused(maison, consentedTo(Kind.SERVICE, sold()), Reason.CONSENT_MISSING);
    }

    function test_ServiceIsRefused_ConsentInvalid() public {
        refused(platform, agreed(consentedTo(Kind.SERVICE, sold()), BOB), Reason.CONSENT_INVALID);
    }

    function test_ServiceIsRefused_TooEarly() public {
        refused(maison, beforeTheLast(write(Kind.SERVICE, sold())), Reason.TOO_EARLY);
    }

    function test_ServiceIsRefused_Superseded() public {
        refused(maison, onAnotherHead(write(Kind.SERVICE, sold())), Reason.SUPERSEDED);
    }

    // Retire

    function test_RetireEndsAnItemByBrandHolderOrSupplier() public {
        bytes32 item = sold();
        lands(platform, agreed(consentedTo(Kind.RETIRE, item), ALICE));
        lands(shop, write(Kind.RETIRE, boughtIn()));
        lands(tannery, write(Kind.RETIRE, lot()));
        retired();

        vm.assertEq(known(item).stage, Stage.RETIRED, "stage");
    }

    function test_RetireIsRefused_Malformed() public {
        bytes32 item = unsold();
        refusedWithEveryOtherField(maison, write(Kind.RETIRE, item), A | B | TIME | C);
        refused(maison, write(Kind.RETIRE, item, shop.id, 0), Reason.MALFORMED);
        refused(platform, consentedTo(Kind.RETIRE, boughtIn()), Reason.MALFORMED);
    }

    function test_RetireIsRefused_InTheFuture() public {
        refused(maison, inTheFuture(write(Kind.RETIRE, unsold())), Reason.IN_THE_FUTURE);
    }

    function test_RetireIsRefused_UnknownItem() public {
        refused(maison, write(Kind.RETIRE, keccak256("unborn")), Reason.UNKNOWN_ITEM);
    }

    function test_RetireIsRefused_Retired() public {
        refused(maison, write(Kind.RETIRE, retired()), Reason.RETIRED);
    }

    function test_RetireIsRefused_RoleMissing() public {
        refused(shop, write(Kind.RETIRE, unsold()), Reason.ROLE_MISSING);
    }

    function test_RetireIsRefused_NotTheHolder() public {
        refused(maison, write(Kind.RETIRE, lot()), Reason.NOT_THE_HOLDER);
    }

    function test_RetireIsRefused_ConsentMissing() public {
        refused(maison, write(Kind.RETIRE, sold()), Reason.CONSENT_MISSING);
        refused(maison, consentedTo(Kind.RETIRE, sold()), Reason.CONSENT_MISSING);
    }

    function test_RetireIsRefused_ConsentInvalid() public {
        refused(maison, agreed(consentedTo(Kind.RETIRE, sold()), BOB), Reason.CONSENT_INVALID);
    }

    function test_RetireIsRefused_TooEarly() public {
        refused(maison, beforeTheLast(write(Kind.RETIRE, unsold())), Reason.TOO_EARLY);
    }

    function test_RetireIsRefused_Superseded() public {
        refused(maison, onAnotherHead(write(Kind.RETIRE, unsold())), Reason.SUPERSEDED);
    }
}

/// @dev A lost claim card: rows of recovery.
contract RecoveriesTest is Rows {
    function request(bytes32 item) internal returns (Entry memory) {
        return recovering(item, Phase.REQUEST, holderOf(CAROL));
    }

    function veto(bytes32 item) internal returns (Entry memory) {
        return recovering(item, Phase.VETO, 0);
    }

    function complete(bytes32 item) internal returns (Entry memory) {
        return recovering(item, Phase.COMPLETE, holderOf(CAROL));
    }

    function requested() internal returns (bytes32 item) {
        item = sold();
        lands(maison, request(item));
    }

    function test_TheBrandCompletesARecoveryAfterThePublicWait() public {
        bytes32 item = requested();
        vm.warp(now_() + RECOVERY_PERIOD);

        lands(maison, complete(item));

        vm.assertEq(known(item).holder, holderOf(CAROL), "holder");
        vm.assertEq(known(item).aside.recoveryKey, address(0), "nothing is pending");
    }

    function test_ThePresentKeyVetoesAtAnyTime() public {
        bytes32 item = requested();
        vm.warp(now_() + RECOVERY_PERIOD + 1 days);

        lands(tannery, agreed(veto(item), ALICE));

        vm.assertEq(known(item).holder, holderOf(ALICE), "holder");
        refused(maison, complete(item), Reason.TOO_EARLY);
    }

    function test_TheConsortiumRecoversForABrandThatIsNoMember() public {
        lands(consortium, request(enrolled()));
    }

    function test_RecoveryIsRefused_Malformed() public {
        bytes32 item = sold();
        refusedWithEveryOtherField(maison, request(item), B | TIME | C | CONSENTED);
        refused(maison, recovering(item, 0, holderOf(CAROL)), Reason.MALFORMED);
        refused(maison, recovering(item, 4, holderOf(CAROL)), Reason.MALFORMED);
        refused(maison, withParty(request(item), shop.id), Reason.MALFORMED);
        refused(maison, withParty(request(item), 0), Reason.MALFORMED);
        refused(maison, withParty(veto(item), holderOf(CAROL)), Reason.MALFORMED);
        refused(maison, withDetail(veto(item), Phase.VETO), Reason.MALFORMED);
        refused(maison, request(boughtIn()), Reason.MALFORMED);
    }

    function test_RecoveryIsRefused_InTheFuture() public {
        refused(maison, inTheFuture(request(sold())), Reason.IN_THE_FUTURE);
    }

    function test_RecoveryIsRefused_UnknownItem() public {
        refused(maison, request(keccak256("unborn")), Reason.UNKNOWN_ITEM);
        refused(tannery, request(lot()), Reason.UNKNOWN_ITEM);
    }

    function test_RecoveryIsRefused_Retired() public {
        refused(maison, request(retired()), Reason.RETIRED);
    }

    function test_RecoveryIsRefused_RoleMissing() public {
        refused(shop, request(sold()), Reason.ROLE_MISSING);
        bytes32 item = requested();
        vm.warp(now_() + RECOVERY_PERIOD);
        refused(shop, complete(item), Reason.ROLE_MISSING);
    }

    function test_RecoveryIsRefused_NotSold() public {
        refused(maison, request(unsold()), Reason.NOT_SOLD);
    }

    function test_RecoveryIsRefused_OnHold() public {
        refused(maison, request(stolen()), Reason.ON_HOLD);
        bytes32 item = sold();
        lands(platform, agreed(holding(item, HoldKind.LOST, true), ALICE));
        refused(maison, request(item), Reason.ON_HOLD);
    }

    function test_RecoveryIsRefused_OnHoldByTheOwnersDispute() public {
        bytes32 item = requested();
        lands(platform, agreed(consentedTo(Kind.DISPUTE, item), ALICE));
        vm.warp(now_() + RECOVERY_PERIOD);

        refused(maison, complete(item), Reason.ON_HOLD);
    }

    function test_ABrandsOwnHoldDoesNotStopARecovery() public {
        lands(maison, request(disputed()));
    }

    function test_RecoveryIsRefused_ConsentMissing() public {
        refused(maison, veto(requested()), Reason.CONSENT_MISSING);
    }

    function test_RecoveryIsRefused_ConsentInvalid() public {
        refused(maison, agreed(veto(requested()), CAROL), Reason.CONSENT_INVALID);
    }

    function test_RecoveryIsRefused_WaitingPeriod() public {
        bytes32 item = requested();
        refused(maison, request(item), Reason.WAITING_PERIOD);
        vm.warp(now_() + RECOVERY_PERIOD - 1);
        refused(maison, complete(item), Reason.WAITING_PERIOD);
    }

    function test_RecoveryIsRefused_TooEarly() public {
        refused(maison, beforeTheLast(request(sold())), Reason.TOO_EARLY);
        refused(maison, complete(sold()), Reason.TOO_EARLY);
        refused(maison, agreed(veto(sold()), ALICE), Reason.TOO_EARLY);
        bytes32 item = requested();
        vm.warp(now_() + RECOVERY_PERIOD);
        refused(maison, recovering(item, Phase.COMPLETE, holderOf(BOB)), Reason.TOO_EARLY);
    }

    function test_RecoveryIsRefused_Superseded() public {
        refused(maison, onAnotherHead(request(sold())), Reason.SUPERSEDED);
    }
}
