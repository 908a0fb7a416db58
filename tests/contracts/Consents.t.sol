// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {SignedBatch} from "../../contracts/interfaces/IProvenanceLedger.sol";
import {HoldKind, Kind, Method, Outcome, Reason, Role} from "../../contracts/types/Numbers.sol";
import {Entry, Member, Told} from "./Pen.sol";
import {Rows} from "./Rows.sol";
import {vm} from "./Vm.sol";

/// @dev The one struct for everything a holder agrees to: what it binds, and the booked consent of the counter.
contract ConsentsTest is Rows {
    function resale(bytes32 item) internal returns (Entry memory) {
        return write(Kind.RESALE, item, holderOf(BOB), 0);
    }

    // What a consent binds

    function test_AConsentMayNameItsCarrier() public {
        Entry memory n = resale(sold());

        lands(platform, agreed(n, ALICE, platform.id, 0, n.e.head, now_()));
    }

    function test_AConsentForAnotherCarrierIsInvalid() public {
        Entry memory n = resale(sold());

        refused(platform, agreed(n, ALICE, shop.id, 0, n.e.head, now_() + 1), Reason.CONSENT_INVALID);
    }

    function test_AConsentEndsWithItsDeadline() public {
        Entry memory n = agreed(resale(sold()), ALICE);
        vm.warp(n.approval[0].deadline + 1);

        refused(platform, n, Reason.CONSENT_INVALID);
    }

    function test_AnyLaterEventWithdrawsAConsent() public {
        bytes32 item = sold();
        Entry memory n = agreed(resale(item), ALICE);
        lands(maison, write(Kind.SERVICE, item));
        Entry memory later = resale(item);
        later.approval = n.approval;

        refused(platform, later, Reason.CONSENT_INVALID);
    }

    function test_AConsentToOneBuyerIsNoneToAnother() public {
        Entry memory n = agreed(resale(sold()), ALICE);

        refused(platform, withParty(n, holderOf(CAROL)), Reason.CONSENT_INVALID);
    }

    function test_AConsentToAResaleIsNoneToATransfer() public {
        Entry memory n = agreed(resale(sold()), ALICE);
        n.e.kind = Kind.TRANSFER;

        refused(platform, n, Reason.CONSENT_INVALID);
    }

    function test_AConsentToOneHoldIsNoneToAnother() public {
        Entry memory n = agreed(holding(sold(), HoldKind.LOST, true), ALICE);

        refused(platform, withDetail(n, HoldKind.STOLEN | CONSENTED), Reason.CONSENT_INVALID);
    }

    function test_AConsentForOneItemIsNoneForAnother() public {
        Entry memory n = resale(sold());
        n.approval = agreed(resale(sold()), ALICE).approval;

        refused(platform, n, Reason.CONSENT_INVALID);
    }

    function test_AConsentOnAnotherChainIsInvalid() public {
        uint256 here = vm.getChainId();
        Entry memory n = resale(sold());
        vm.chainId(here + 1);
        n = agreed(n, ALICE);
        vm.chainId(here);

        refused(platform, n, Reason.CONSENT_INVALID);
    }

    function test_AConsentReshapedOrCutIsInvalid() public {
        Entry memory n = agreed(resale(sold()), ALICE);
        bytes memory whole = n.approval[0].signature;
        n.approval[0].signature = "";
        refused(platform, n, Reason.CONSENT_INVALID);
        n.approval[0].signature = bytes.concat(whole, hex"00");
        refused(platform, n, Reason.CONSENT_INVALID);
        n.approval[0].signature = whole;
        lands(platform, n);
    }

    /// @dev Whatever single bit of a consent's terms is bent, it is none.
    function testFuzz_NoTermOfAConsentCanBeBent(uint256 seed) public {
        Entry memory n = agreed(resale(sold()), ALICE);
        uint256 bit = seed % 256;
        if (seed >> 8 & 1 == 0) n.e.party = n.e.party ^ bytes32(uint256(1) << bit % 160);
        else n.approval[0].deadline ^= uint48(1) << uint48(bit % 40);

        Told memory told = carry(only(batchOf(platform, n)));

        vm.assertEq(told.recorded, 0, "recorded");
        vm.assertEq(told.lastReason, Reason.CONSENT_INVALID, "reason");
    }

    // Booked verification

    function test_ABookedConsentLandsAfterTheStoresVerdict() public {
        (SignedBatch memory batch, bytes32 item) = _booked(Outcome.AUTHENTIC, Method.IN_PERSON, outsider.id, true);

        vm.assertEq(carry(only(batch)).recorded, 3, "recorded");
        vm.assertEq(known(item).holder, holderOf(BOB), "holder");
        vm.assertEq(known(item).holds, 0, "released");
    }

    function test_ABookedConsentIsWorthNothingWithoutAnAuthenticVerdictInPerson() public {
        (SignedBatch memory photo,) = _booked(Outcome.AUTHENTIC, Method.PHOTO, outsider.id, true);
        (SignedBatch memory shrug,) = _booked(Outcome.INCONCLUSIVE, Method.IN_PERSON, outsider.id, true);

        vm.assertEq(carry(only(photo)).lastReason, Reason.CONSENT_INVALID, "by photo");
        vm.assertEq(carry(only(shrug)).lastReason, Reason.CONSENT_INVALID, "inconclusive");
    }

    function test_ABookedConsentIsWorthNothingOutsideAGroup() public {
        (SignedBatch memory batch, bytes32 item) = _booked(Outcome.AUTHENTIC, Method.IN_PERSON, outsider.id, false);

        Told memory told = carry(only(batch));

        vm.assertEq(told.lastReason, Reason.CONSENT_INVALID, "reason");
        vm.assertEq(known(item).holder, holderOf(ALICE), "holder");
    }

    function test_ABookedConsentIsWorthNothingInAnotherStoresHands() public {
        (SignedBatch memory batch,) = _booked(Outcome.AUTHENTIC, Method.IN_PERSON, store.id, true);

        vm.assertEq(carry(only(batch)).lastReason, Reason.CONSENT_INVALID, "reason");
    }

    function test_ABookedConsentAloneIsWorthNothing() public {
        accredit(maison.id, outsider, Role.AUTHENTICATOR);
        Entry memory n = resale(sold());
        n = agreed(n, ALICE, 0, outsider.id, n.e.head, now_() + 1);
        Entry[] memory entries = new Entry[](1);
        entries[0] = n;

        vm.assertEq(carry(only(batchOf(outsider, entries, true))).lastReason, Reason.CONSENT_INVALID, "reason");
    }

    function test_AVerdictOnAnotherItemDoesNotCount() public {
        accredit(maison.id, outsider, Role.AUTHENTICATOR);
        Entry memory verdict = opinion(sold(), Outcome.AUTHENTIC, Method.IN_PERSON);
        Entry memory n = resale(sold());
        n = agreed(n, ALICE, 0, outsider.id, n.e.head, now_() + 1);

        Told memory told = carry(only(batchOf(outsider, list(verdict, n), true)));

        vm.assertEq(told.lastReason, Reason.CONSENT_INVALID, "reason");
    }

    /// @dev The owner agreed on the head at which the group starts; the store verified, judges, releases and resells.
    function _booked(uint8 outcome, uint8 method, bytes32 named_, bool allOrNothing)
        private
        returns (SignedBatch memory, bytes32 item)
    {
        accredit(maison.id, outsider, Role.AUTHENTICATOR);
        item = sold();
        lands(outsider, agreed(holding(item, HoldKind.IN_VERIFICATION, true), ALICE));
        bytes32 start = known(item).head;

        Entry[] memory entries = new Entry[](3);
        entries[0] = opinion(item, outcome, method);
        suppose(entries[0], outsider);
        entries[1] = releasing(item, HoldKind.IN_VERIFICATION, false);
        suppose(entries[1], outsider);
        entries[2] = agreed(resale(item), ALICE, 0, named_, start, now_() + 1 hours);
        return (batchOf(outsider, entries, allOrNothing), item);
    }
}
