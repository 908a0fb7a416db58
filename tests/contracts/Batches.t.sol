// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IProvenanceLedger, SignedBatch} from "../../contracts/interfaces/IProvenanceLedger.sol";
import {HoldKind, Kind, Method, Outcome, Reason, Role} from "../../contracts/types/Numbers.sol";
import {Hashes} from "./Hashes.sol";
import {Entry, Member, Told} from "./Pen.sol";
import {Rows} from "./Rows.sol";
import {vm} from "./Vm.sol";

/// @dev Batches: why one is refused, how neighbours fare, all or nothing, many in one transaction, on one chain only.
contract BatchesTest is Rows {
    function batchRefused(SignedBatch memory batch, uint8 reason) internal {
        Told memory told = carry(only(batch));

        vm.assertEq(told.batchReason, reason, "reason");
        vm.assertEq(told.batchesRefused, 1, "batches refused");
        vm.assertEq(told.recorded + told.refused, 0, "no event was looked at");
        vm.assertEq(told.batchHash, Hashes.ofBatch(batch), "the log names the batch");
        vm.assertEq(told.carrier, address(this), "the log names the carrier");
    }

    // Refused as a whole

    function test_BatchIsRefused_UnknownOrganization() public {
        Member memory nobody = Member({id: NOBODY, key: 7, signer: vm.addr(7)});

        batchRefused(batchOf(nobody, birth(nobody)), Reason.UNKNOWN_ORGANIZATION);
    }

    function test_BatchIsRefused_Suspended() public {
        registry.suspend(maison.id);
        batchRefused(batchOf(maison, birth(maison)), Reason.SUSPENDED);

        registry.reinstate(maison.id);
        lands(maison, birth(maison));
    }

    function test_BatchIsRefused_SignerInvalid() public {
        SignedBatch memory batch = batchOf(maison, birth(maison));

        batchRefused(sealed_(batch, rival.key), Reason.SIGNER_INVALID);
        batch.signer = rival.signer;
        batchRefused(sealed_(batch, rival.key), Reason.SIGNER_INVALID);
    }

    function test_BatchIsRefused_SignerInvalidOnceRetired() public {
        SignedBatch memory batch = batchOf(maison, birth(maison));
        registry.retireSigner(maison.id, maison.signer);

        batchRefused(batch, Reason.SIGNER_INVALID);
    }

    function test_BatchIsRefused_SignerInvalidOnceCompromised() public {
        SignedBatch memory batch = batchOf(maison, birth(maison));
        registry.markCompromised(maison.id, maison.signer, uint48(vm.getBlockNumber()));

        batchRefused(batch, Reason.SIGNER_INVALID);
    }

    function test_BatchIsRefused_SignerInvalidWhenAnythingSignedIsBent() public {
        SignedBatch memory batch = batchOf(maison, birth(maison));
        batch.deadline++;
        batchRefused(batch, Reason.SIGNER_INVALID);
        batch.deadline--;
        batch.allOrNothing = true;
        batchRefused(batch, Reason.SIGNER_INVALID);
        batch.allOrNothing = false;
        batch.events[0].payload = keccak256("another payload");
        batchRefused(batch, Reason.SIGNER_INVALID);
    }

    /// @dev The other signature that every ECDSA signature has, and the short form, are not taken.
    function test_BatchIsRefused_SignerInvalidWhenTheSignatureIsReshaped() public {
        SignedBatch memory batch = batchOf(maison, birth(maison));
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(maison.key, Hashes.digest(ledger.DOMAIN_SEPARATOR(), Hashes.ofBatch(batch)));
        uint256 order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;

        batch.signature = abi.encodePacked(r, order - uint256(s), v == 27 ? 28 : 27);
        batchRefused(batch, Reason.SIGNER_INVALID);
        batch.signature = abi.encodePacked(r, s);
        batchRefused(batch, Reason.SIGNER_INVALID);
        batch.signature = "";
        batchRefused(batch, Reason.SIGNER_INVALID);
    }

    function test_BatchIsRefused_DeadlinePassed() public {
        SignedBatch memory batch = batchOf(maison, birth(maison));

        vm.warp(batch.deadline + 1);
        batchRefused(batch, Reason.DEADLINE_PASSED);
    }

    function test_ABatchLandsInTheSecondOfItsDeadline() public {
        SignedBatch memory batch = batchOf(maison, birth(maison));
        vm.warp(batch.deadline);

        vm.assertEq(carry(only(batch)).recorded, 1, "recorded");
    }

    // One chain, one contract, once

    function test_ABatchIsWorthNothingOnAnotherChain() public {
        SignedBatch memory batch = batchOf(maison, birth(maison));
        uint256 here = vm.getChainId();
        vm.chainId(here + 1);
        batchRefused(batch, Reason.SIGNER_INVALID);

        vm.chainId(here);
        vm.assertEq(carry(only(batch)).recorded, 1, "recorded at home");
    }

    function test_ABatchIsWorthNothingInAnotherContract() public {
        SignedBatch memory batch = batchOf(maison, birth(maison));
        ledger = deployLedger(RECOVERY_PERIOD, RULING_PERIOD);

        batchRefused(batch, Reason.SIGNER_INVALID);
    }

    function test_AReplayedBirthIsAlreadyRecorded() public {
        Entry memory n = birth(maison);
        SignedBatch memory batch = batchOf(maison, n);
        carry(only(batch));
        batch.witnesses[0] = write(Kind.SERVICE, n.e.item).witness;

        Told memory told = carry(only(batch));

        vm.assertEq(told.lastReason, Reason.ALREADY_RECORDED, "reason");
        vm.assertEq(told.recorded, 0, "recorded");
    }

    function test_AReplayedEventIsSuperseded() public {
        bytes32 item = unsold();
        SignedBatch memory batch = batchOf(maison, write(Kind.SERVICE, item));
        carry(only(batch));
        batch.witnesses[0] = write(Kind.SERVICE, item).witness;

        Told memory told = carry(only(batch));

        vm.assertEq(told.lastReason, Reason.SUPERSEDED, "reason");
    }

    // Neighbours

    function test_ARefusedEventLeavesItsNeighboursAlone() public {
        Entry[] memory entries = new Entry[](3);
        (entries[0], entries[1], entries[2]) = (birth(maison), inTheFuture(birth(maison)), birth(maison));

        Told memory told = carry(only(batchOf(maison, entries, false)));

        vm.assertEq(told.recorded, 2, "recorded");
        vm.assertEq(told.refused, 1, "refused");
        vm.assertEq(told.refusedHash, Hashes.ofEvent(entries[1].e), "which");
    }

    function test_ARefusedBatchLeavesItsNeighboursAlone() public {
        SignedBatch[] memory batches = new SignedBatch[](3);
        batches[0] = batchOf(maison, birth(maison));
        batches[1] = sealed_(batchOf(maison, birth(maison)), rival.key);
        batches[2] = batchOf(tannery, lotBirth(tannery));

        Told memory told = carry(batches);

        vm.assertEq(told.recorded, 2, "recorded");
        vm.assertEq(told.batchesRefused, 1, "batches refused");
    }

    function test_FourOrganizationsTellOneItemsStoryInOneTransaction() public {
        Entry memory n = birth(maison);
        SignedBatch[] memory batches = new SignedBatch[](4);
        batches[0] = _supposed(maison, n);
        batches[1] = _supposed(maison, write(Kind.SHIPMENT, n.e.item, shop.id, 0));
        batches[2] = _supposed(shop, write(Kind.SALE, n.e.item, holderOf(ALICE), 0));
        batches[3] = _supposed(platform, agreed(write(Kind.RESALE, n.e.item, holderOf(BOB), 0), ALICE));

        Told memory told = carry(batches);

        vm.assertEq(told.recorded, 4, "recorded");
        vm.assertEq(known(n.e.item).holder, holderOf(BOB), "holder");
    }

    function test_ABatchMayHoldSeveralEventsOfOneItem() public {
        Entry[] memory entries = new Entry[](3);
        entries[0] = birth(maison);
        suppose(entries[0], maison);
        entries[1] = holding(entries[0].e.item, HoldKind.RECALLED, false);
        suppose(entries[1], maison);
        entries[2] = releasing(entries[0].e.item, HoldKind.RECALLED, false);

        vm.assertEq(carry(only(batchOf(maison, entries, false))).recorded, 3, "recorded");
    }

    function test_NothingIsCarriedQuietly() public {
        carry(new SignedBatch[](0));
        Told memory told = carry(only(batchOf(maison, new Entry[](0), false)));

        vm.assertEq(told.recorded + told.refused + told.batchesRefused, 0, "logs");
    }

    // All or nothing

    function test_AGroupLandsWhole() public {
        Entry[] memory entries = list(birth(maison), birth(maison));

        vm.assertEq(carry(only(batchOf(maison, entries, true))).recorded, 2, "recorded");
    }

    function test_AGroupWithOneRefusalChangesNothing() public {
        Entry[] memory entries = new Entry[](3);
        (entries[0], entries[1], entries[2]) = (birth(maison), inTheFuture(birth(maison)), birth(maison));

        Told memory told = carry(only(batchOf(maison, entries, true)));

        vm.assertEq(told.recorded, 0, "recorded");
        vm.assertEq(told.refused, 3, "refused");
        vm.assertEq(told.firstReason, Reason.GROUP_REFUSED, "the neighbours' reason");
        vm.assertEq(wordOf(entries[0].e.item), 0, "the first left no trace");
    }

    function test_TheGuiltyEventOfAGroupIsNamedWithItsReason() public {
        Told memory told = carry(only(batchOf(maison, list(birth(maison), inTheFuture(birth(maison))), true)));

        vm.assertEq(told.lastReason, Reason.IN_THE_FUTURE, "reason");
        vm.assertEq(told.firstReason, Reason.GROUP_REFUSED, "its neighbour's");
    }

    function test_AGroupThatCannotOpenAWordReverts() public {
        SignedBatch memory batch = batchOf(maison, list(write(Kind.SERVICE, unsold()), birth(maison)), true);
        batch.witnesses[0].holder = shop.id;

        vm.expectRevert(abi.encodeWithSelector(IProvenanceLedger.WitnessMismatch.selector, batch.events[0].item));
        ledger.record(only(batch));
    }

    function test_RevertWhen_SomebodyElseOpensTheLedgersOwnDoor() public {
        SignedBatch memory batch = batchOf(maison, birth(maison));

        vm.expectRevert(abi.encodeWithSelector(IProvenanceLedger.NotTheLedger.selector, address(this)));
        ledger.recordGroup(batch, Role.ALL, new bytes32[](1));
    }

    function _supposed(Member memory by, Entry memory n) private returns (SignedBatch memory batch) {
        batch = batchOf(by, n);
        suppose(n, by);
    }
}
