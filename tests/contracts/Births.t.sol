// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Kind, Method, Outcome, Reason, Role, Stage} from "../../contracts/types/Numbers.sol";
import {Entry, Member} from "./Pen.sol";
import {Rows} from "./Rows.sol";
import {vm} from "./Vm.sol";

/// @dev How lots and items come into the world: rows of raw-material, manufacture and enrolment.
contract BirthsTest is Rows {
    // Raw material

    function test_RawMaterialBearsALotHeldByItsSupplier() public {
        bytes32 item = lot();

        vm.assertEq(known(item).stage, Stage.LOT, "stage");
        vm.assertEq(known(item).holder, tannery.id, "holder");
        vm.assertEq(known(item).brand, tannery.id, "brand");
    }

    function test_RawMaterialIsRefused_Malformed() public {
        refusedWithEveryOtherField(tannery, lotBirth(tannery), A | B | TIME | C | CONSENTED);
        refused(tannery, withParty(lotBirth(tannery), freshCommitment()), Reason.MALFORMED);
    }

    function test_RawMaterialIsRefused_InTheFuture() public {
        refused(tannery, inTheFuture(lotBirth(tannery)), Reason.IN_THE_FUTURE);
    }

    function test_RawMaterialIsRefused_AlreadyRecorded() public {
        Entry memory n = lotBirth(tannery);
        lands(tannery, n);

        refused(tannery, write(Kind.RAW_MATERIAL, n.e.item, n.e.party, 0), Reason.ALREADY_RECORDED);
    }

    function test_RawMaterialIsRefused_RoleMissing() public {
        refused(maison, lotBirth(maison), Reason.ROLE_MISSING);
    }

    function test_RawMaterialIsRefused_Superseded() public {
        refused(tannery, onAnotherHead(lotBirth(tannery)), Reason.SUPERSEDED);
    }

    // Manufacture

    function test_ManufactureBearsAnItemHeldByItsBrand() public {
        bytes32 item = unsold();

        vm.assertEq(known(item).stage, Stage.UNSOLD, "stage");
        vm.assertEq(known(item).holder, maison.id, "holder");
        vm.assertEq(known(item).category, HANDBAG, "category");
    }

    function test_ABrandsWordJoinsAnEnrolledItemAndKeepsHolderAndVerdict() public {
        (bytes32 item, bytes32 commitment) = _enrolledOfRival();

        lands(rival, write(Kind.MANUFACTURE, item, commitment, detailOf(0, 0, 0, WATCH, false)));

        vm.assertEq(known(item).stage, Stage.SOLD, "stage");
        vm.assertEq(known(item).holder, holderOf(ALICE), "holder");
        vm.assertEq(known(item).verdict, Outcome.AUTHENTIC, "verdict");
        vm.assertEq(known(item).category, WATCH, "category");
    }

    function test_ManufactureIsRefused_Malformed() public {
        refusedWithEveryOtherField(maison, birth(maison), A | B | TIME | CONSENTED);
        refused(maison, withDetail(birth(maison), detailOf(0, 0, 0, 64, false)), Reason.MALFORMED);
        refused(maison, withParty(birth(maison), freshCommitment()), Reason.MALFORMED);
        refused(rival, birth(maison), Reason.MALFORMED);
    }

    function test_ManufactureIsRefused_InTheFuture() public {
        refused(maison, inTheFuture(birth(maison)), Reason.IN_THE_FUTURE);
    }

    function test_ManufactureIsRefused_AlreadyRecorded() public {
        Entry memory n = birth(maison);
        lands(maison, n);

        refused(maison, write(Kind.MANUFACTURE, n.e.item, n.e.party, 0), Reason.ALREADY_RECORDED);
    }

    function test_ManufactureIsRefused_AlreadyRecordedOnAnotherBrandsEnrolledItem() public {
        (bytes32 item, bytes32 commitment) = _enrolledOfRival();

        refused(maison, write(Kind.MANUFACTURE, item, commitment, 0), Reason.ALREADY_RECORDED);
    }

    function test_ManufactureIsRefused_RoleMissing() public {
        refused(tannery, birth(tannery), Reason.ROLE_MISSING);
    }

    function test_ManufactureIsRefused_TooEarly() public {
        (bytes32 item, bytes32 commitment) = _enrolledOfRival();

        refused(rival, beforeTheLast(write(Kind.MANUFACTURE, item, commitment, 0)), Reason.TOO_EARLY);
    }

    function test_ManufactureIsRefused_Superseded() public {
        refused(maison, onAnotherHead(birth(maison)), Reason.SUPERSEDED);
    }

    // Enrolment

    function test_AStoreEnrolsAnOldHousesItemForItsPresenter() public {
        bytes32 item = enrolled();

        vm.assertEq(known(item).stage, Stage.ENROLLED, "stage");
        vm.assertEq(known(item).holder, holderOf(ALICE), "holder");
        vm.assertEq(known(item).brand, oldHouse, "brand");
        vm.assertEq(known(item).verdict, Outcome.AUTHENTIC, "verdict");
        vm.assertEq(known(item).verdictMethod, Method.IN_PERSON, "method");
    }

    function test_AMembersItemIsEnrolledWithItsEndorsement() public {
        Entry memory n = endorsed(enrolment(maison.id, ALICE), maison.id, maison);

        lands(store, n);
    }

    function test_ASuccessorsSignerEndorsesForTheBrand() public {
        registry.nameSuccessor(maison.id, rival.id);

        lands(store, endorsed(enrolment(maison.id, ALICE), maison.id, rival));
    }

    function test_ABrandThatEnrolsItsOwnItemNeedsNoEndorsement() public {
        registry.setRoles(maison.id, Role.BRAND | Role.AUTHENTICATOR);
        accredit(maison.id, maison, Role.AUTHENTICATOR);

        lands(maison, enrolment(maison.id, ALICE));
    }

    function test_EnrolmentIsRefused_Malformed() public {
        accredit(consortium.id, store, Role.AUTHENTICATOR);
        uint64[5] memory bad = [
            detailOf(Outcome.NOT_AUTHENTIC, Method.IN_PERSON, 0, 0, true),
            detailOf(Outcome.AUTHENTIC, Method.PHOTO, 0, 0, true),
            detailOf(Outcome.AUTHENTIC, Method.IN_PERSON, 0, 64, true),
            detailOf(Outcome.AUTHENTIC, Method.IN_PERSON, 0, 0, false),
            detailOf(Outcome.AUTHENTIC, Method.IN_PERSON, uint40(now_()), 0, true)
        ];

        for (uint256 i = 0; i < bad.length; i++) {
            refused(store, withDetail(enrolment(oldHouse, ALICE), bad[i]), Reason.MALFORMED);
        }
        refused(store, withParty(enrolment(oldHouse, ALICE), shop.id), Reason.MALFORMED);
        refused(store, withParty(enrolment(oldHouse, ALICE), 0), Reason.MALFORMED);
    }

    function test_EnrolmentIsRefused_InTheFuture() public {
        refused(store, inTheFuture(enrolment(oldHouse, ALICE)), Reason.IN_THE_FUTURE);
    }

    function test_EnrolmentIsRefused_AlreadyRecorded() public {
        bytes32 item = enrolled();
        uint64 detail = detailOf(Outcome.AUTHENTIC, Method.IN_PERSON, 0, HANDBAG, true);

        refused(store, agreed(write(Kind.ENROLMENT, item, holderOf(BOB), detail), BOB), Reason.ALREADY_RECORDED);
    }

    function test_EnrolmentIsRefused_RoleMissing() public {
        refused(shop, enrolment(oldHouse, ALICE), Reason.ROLE_MISSING);
    }

    function test_EnrolmentIsRefused_NotAccredited() public {
        refused(store, enrolment(oldHouse, ALICE), Reason.NOT_ACCREDITED);
        accredit(consortium.id, store, Role.AUTHENTICATOR, uint64(1) << WATCH, 0, 0);
        refused(store, enrolment(oldHouse, ALICE), Reason.NOT_ACCREDITED);
    }

    function test_EnrolmentIsRefused_ConsentMissing() public {
        accredit(consortium.id, store, Role.AUTHENTICATOR);
        Entry memory n = enrolment(oldHouse, ALICE);
        delete n.approval;

        refused(store, n, Reason.CONSENT_MISSING);
    }

    function test_EnrolmentIsRefused_ConsentMissingOfAMemberBrand() public {
        refused(store, enrolment(maison.id, ALICE), Reason.CONSENT_MISSING);
    }

    function test_EnrolmentIsRefused_ConsentInvalid() public {
        accredit(consortium.id, store, Role.AUTHENTICATOR);

        refused(store, agreed(enrolment(oldHouse, ALICE), BOB), Reason.CONSENT_INVALID);
    }

    function test_EnrolmentIsRefused_ConsentInvalidWithAStore() public {
        accredit(consortium.id, store, Role.AUTHENTICATOR);
        Entry memory n = enrolment(oldHouse, ALICE);

        refused(store, agreed(n, ALICE, 0, store.id, 0, now_() + 1), Reason.CONSENT_INVALID);
    }

    function test_EnrolmentIsRefused_ConsentInvalidOfAMemberBrand() public {
        refused(store, endorsed(enrolment(maison.id, ALICE), maison.id, rival), Reason.CONSENT_INVALID);
        refused(store, endorsed(enrolment(maison.id, ALICE), rival.id, maison), Reason.CONSENT_INVALID);

        Entry memory late = endorsed(enrolment(maison.id, ALICE), maison.id, maison);
        late.opening[0].endorsementDeadline--;
        refused(store, late, Reason.CONSENT_INVALID);

        registry.suspend(maison.id);
        refused(store, endorsed(enrolment(maison.id, ALICE), maison.id, maison), Reason.CONSENT_INVALID);
    }

    function test_EnrolmentIsRefused_ConsentInvalidWhenTheEndorsementIsOld() public {
        Entry memory n = endorsed(enrolment(maison.id, ALICE), maison.id, maison);
        vm.warp(now_() + 1 hours + 1);
        n = agreed(n, ALICE);

        refused(store, n, Reason.CONSENT_INVALID);
    }

    function test_EnrolmentIsRefused_Superseded() public {
        accredit(consortium.id, store, Role.AUTHENTICATOR);

        refused(store, agreed(onAnotherHead(enrolment(oldHouse, ALICE)), ALICE), Reason.SUPERSEDED);
    }

    function _enrolledOfRival() private returns (bytes32, bytes32 commitment) {
        accredit(consortium.id, store, Role.AUTHENTICATOR);
        Entry memory n = enrolment(rival.id, ALICE);
        lands(store, endorsed(n, rival.id, rival));
        return (n.e.item, n.opening[0].serialCommitment);
    }
}
