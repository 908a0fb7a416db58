// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Approval, IProvenanceLedger, Opening, SignedBatch} from "../../contracts/interfaces/IProvenanceLedger.sol";
import {Facts} from "../../contracts/types/Facts.sol";
import {HoldKind, Kind, Outcome, Reason, Role} from "../../contracts/types/Numbers.sol";
import {Entry, Told} from "./Pen.sol";
import {Rows} from "./Rows.sol";
import {vm} from "./Vm.sol";

/// @dev Carriers that lie. What only a carrier can get wrong reverts and never reads as a refusal (law 8).
contract CarriersTest is Rows {
    function mismatch(SignedBatch memory batch, bytes32 item) internal {
        vm.expectRevert(abi.encodeWithSelector(IProvenanceLedger.WitnessMismatch.selector, item));
        ledger.record(only(batch));
    }

    function fault(SignedBatch memory batch) internal {
        vm.expectRevert(IProvenanceLedger.CarrierFault.selector);
        ledger.record(only(batch));
    }

    // Witnesses

    function test_RevertWhen_AnyFieldOfAWitnessIsWrong() public {
        bytes32 item = sold();
        SignedBatch memory batch = batchOf(maison, write(Kind.SERVICE, item));

        batch.witnesses[0].head = keccak256("another head");
        mismatch(batch, item);
        batch.witnesses[0].head = 0;
        batch.witnesses[0].holder = holderOf(BOB);
        mismatch(batch, item);
        batch.witnesses[0].holder = holderOf(ALICE);
        batch.witnesses[0].brand = rival.id;
        mismatch(batch, item);
        batch.witnesses[0].brand = maison.id;
        vm.assertEq(carry(only(batch)).recorded, 1, "the truth opens; a zero head is the event's");
    }

    function test_AZeroInAWitnessStandsForWhatRepeats() public {
        Entry[] memory entries = new Entry[](4);
        entries[0] = write(Kind.SERVICE, unsold());
        entries[1] = birth(maison);
        entries[2] = write(Kind.SERVICE, sold());
        entries[3] = write(Kind.SERVICE, lot());
        SignedBatch memory batch = batchOf(maison, entries, false);
        for (uint256 i = 0; i < 4; i++) {
            batch.witnesses[i].head = 0;
            batch.witnesses[i].brand = 0;
        }
        batch.witnesses[0].holder = 0;

        mismatch(batch, batch.events[3].item);
        batch.witnesses[3].brand = tannery.id;
        Told memory told = carry(only(batch));

        vm.assertEq(told.recorded, 3, "the maison's three");
        vm.assertEq(told.lastReason, Reason.CONSENT_MISSING, "it may not serve the tannery's lot");
    }

    function test_ABrandIsTheLastOneNamedInTheBatch() public {
        accredit(rival.id, store, Role.AUTHENTICATOR);
        Entry memory rivals = birth(rival);
        lands(rival, rivals);
        Entry[] memory entries = new Entry[](3);
        entries[0] = write(Kind.SERVICE, sold());
        entries[1] = write(Kind.SERVICE, sold());
        entries[2] = write(Kind.SERVICE, rivals.e.item);
        SignedBatch memory batch = batchOf(store, entries, false);
        batch.witnesses[1].brand = 0;
        batch.witnesses[2].brand = 0;
        mismatch(batch, rivals.e.item);

        batch.witnesses[2].brand = rival.id;

        vm.assertEq(carry(only(batch)).recorded, 3, "recorded");
    }

    /// @dev No bit of the facts is free, those above the last field included.
    function testFuzz_RevertWhen_AnyBitOfTheFactsIsBent(uint8 bit) public {
        bytes32 item = sold();
        SignedBatch memory batch = batchOf(maison, write(Kind.SERVICE, item));
        uint256 facts = Facts.unwrap(batch.witnesses[0].facts);
        batch.witnesses[0].facts = Facts.wrap(facts ^ uint256(1) << bit);

        vm.expectRevert();
        ledger.record(only(batch));
    }

    function test_RevertWhen_AnUnbornItemIsGivenAWitness() public {
        SignedBatch memory batch = batchOf(maison, birth(maison));
        batch.witnesses[0].holder = maison.id;

        mismatch(batch, batch.events[0].item);
    }

    function test_RevertWhen_ABornItemIsSaidToBeUnborn() public {
        bytes32 item = unsold();
        SignedBatch memory batch = batchOf(maison, write(Kind.SERVICE, item));
        delete batch.witnesses[0];

        mismatch(batch, item);
    }

    function test_RevertWhen_AnotherItemsWitnessIsGiven() public {
        bytes32 item = sold();
        SignedBatch memory batch = batchOf(maison, write(Kind.SERVICE, item));
        batch.witnesses[0] = write(Kind.SERVICE, sold()).witness;

        mismatch(batch, item);
    }

    function test_RevertWhen_EventsOfOneItemAreCarriedInReversedOrder() public {
        Entry memory n = birth(maison);
        SignedBatch[] memory batches = new SignedBatch[](2);
        batches[1] = batchOf(maison, n);
        suppose(n, maison);
        batches[0] = batchOf(maison, write(Kind.SERVICE, n.e.item));

        vm.expectRevert(abi.encodeWithSelector(IProvenanceLedger.WitnessMismatch.selector, n.e.item));
        ledger.record(batches);

        (batches[0], batches[1]) = (batches[1], batches[0]);
        vm.assertEq(carry(batches).recorded, 2, "in order they land");
    }

    // Asides

    function test_RevertWhen_AnAsideIsBent() public {
        bytes32 item = stolen();
        SignedBatch memory batch = batchOf(maison, write(Kind.SERVICE, item));

        batch.openings[0].aside.setters[HoldKind.STOLEN] = maison.id;
        mismatch(batch, item);
        batch.openings[0].aside.setters[HoldKind.STOLEN] = holderOf(ALICE);
        batch.openings[0].aside.stolenReleaseAt = 1;
        mismatch(batch, item);
        delete batch.openings[0].aside;
        mismatch(batch, item);
    }

    function test_RevertWhen_AnAsideIsLeftOut() public {
        SignedBatch memory batch = batchOf(maison, write(Kind.SERVICE, stolen()));
        delete batch.openings;

        fault(batch);
    }

    function test_RevertWhen_AnAsideIsDenied() public {
        bytes32 item = stolen();
        SignedBatch memory batch = batchOf(maison, write(Kind.SERVICE, item));
        delete batch.openings;
        batch.witnesses[0].facts = Facts.wrap(Facts.unwrap(batch.witnesses[0].facts) & ~(uint256(1) << 192));

        mismatch(batch, item);
    }

    function test_RevertWhen_AnAsideIsInvented() public {
        bytes32 item = sold();
        SignedBatch memory batch = batchOf(maison, write(Kind.SERVICE, item));
        batch.witnesses[0].facts = Facts.wrap(Facts.unwrap(batch.witnesses[0].facts) | uint256(1) << 192);
        batch.openings = new Opening[](1);
        batch.openings[0].aside.recoveryKey = vm.addr(CAROL);

        mismatch(batch, item);
    }

    function test_AnOpeningNobodyAsksForIsNotLookedAt() public {
        SignedBatch memory batch = batchOf(maison, write(Kind.SERVICE, sold()));
        batch.openings = new Opening[](1);
        batch.openings[0].aside.recoveryKey = vm.addr(CAROL);
        batch.openings[0].brand = rival.id;

        vm.assertEq(carry(only(batch)).recorded, 1, "recorded");
    }

    // Lists

    function test_RevertWhen_WitnessesAreTooFewOrTooMany() public {
        SignedBatch memory batch = batchOf(maison, list(birth(maison), birth(maison)), false);
        SignedBatch memory single = batchOf(maison, birth(maison));

        (batch.witnesses, single.witnesses) = (single.witnesses, batch.witnesses);

        fault(batch);
        fault(single);
    }

    function test_RevertWhen_OpeningsAreOutOfOrderDoubledOrBeyond() public {
        SignedBatch memory batch =
            batchOf(maison, list(write(Kind.SERVICE, stolen()), write(Kind.SERVICE, stolen())), false);
        Opening memory first = batch.openings[0];
        Opening memory second = batch.openings[1];

        (batch.openings[0], batch.openings[1]) = (second, first);
        fault(batch);
        (batch.openings[0], batch.openings[1]) = (first, first);
        fault(batch);
        (batch.openings[0], batch.openings[1]) = (first, second);
        second.index = 2;
        fault(batch);
    }

    function test_RevertWhen_ApprovalsAreOutOfOrderDoubledOrBeyond() public {
        SignedBatch memory batch = batchOf(platform, list(_resale(), _resale()), false);
        Approval memory first = batch.approvals[0];
        Approval memory second = batch.approvals[1];

        (batch.approvals[0], batch.approvals[1]) = (second, first);
        fault(batch);
        (batch.approvals[0], batch.approvals[1]) = (first, first);
        fault(batch);
        (batch.approvals[0], batch.approvals[1]) = (first, second);
        second.index = 2;
        fault(batch);
        second.index = 1;
        vm.assertEq(carry(only(batch)).recorded, 2, "in order they count");
    }

    // Histories and names

    function test_RevertWhen_AHistoryDoesNotLeadToTheHead() public {
        bytes32 item = fake();
        SignedBatch memory batch = batchOf(store, correcting(item, Outcome.NONE, 3));

        batch.openings[0].priorHead = keccak256("another head");
        mismatch(batch, item);
        batch.openings[0].priorHead = heads[item][2];
        batch.openings[0].history[0].eventHash = keccak256("another event");
        mismatch(batch, item);
        batch.openings[0].history[0].eventHash = trail[item][2].eventHash;
        batch.openings[0].history[0].organization = maison.id;
        mismatch(batch, item);
    }

    /// @dev A correction of another's event must not pass by showing a shorter or a longer history.
    function test_RevertWhen_AHistoryHasAnotherLength() public {
        bytes32 item = fake();
        SignedBatch memory batch = batchOf(maison, correcting(item, Outcome.NONE, 3));

        batch.openings[0] = correcting(item, Outcome.NONE, 2).opening[0];
        fault(batch);
        delete batch.openings[0].history;
        fault(batch);
        delete batch.openings;
        fault(batch);
    }

    function test_RevertWhen_TheNamesBehindAnEnrolledItemAreWrong() public {
        Entry memory n = enrolment(oldHouse, ALICE);
        SignedBatch memory batch = batchOf(store, n);

        batch.openings[0].brand = maison.id;
        mismatch(batch, n.e.item);
        batch.openings[0].brand = oldHouse;
        batch.openings[0].serialCommitment = keccak256("another commitment");
        mismatch(batch, n.e.item);
        delete batch.openings;
        fault(batch);
    }

    // Leaving out what would make an event good

    function test_ACarrierThatLeavesOutAnApprovalOnlyDelays() public {
        SignedBatch memory batch = batchOf(platform, _resale());
        Approval[] memory approvals = batch.approvals;
        delete batch.approvals;
        vm.assertEq(carry(only(batch)).lastReason, Reason.CONSENT_MISSING, "reason");

        batch.approvals = approvals;

        vm.assertEq(carry(only(batch)).recorded, 1, "an honest carrier brings it home");
    }

    function test_ACarrierThatAddsAnOldApprovalOnlyDelays() public {
        SignedBatch memory batch = batchOf(platform, _resale());
        bytes memory good = batch.approvals[0].signature;
        batch.approvals[0].signature = agreed(_resale(), ALICE).approval[0].signature;
        vm.assertEq(carry(only(batch)).lastReason, Reason.CONSENT_INVALID, "reason");

        batch.approvals[0].signature = good;

        vm.assertEq(carry(only(batch)).recorded, 1, "an honest carrier brings it home");
    }

    // Gas

    /// @dev Whatever gas a carrier gives: nothing at all happens, or exactly what an honest carrier would have brought.
    function testFuzz_AStarvingCarrierBringsAllOrNothingAtAll(uint256 gasGiven, bool allOrNothing) public {
        SignedBatch memory batch = batchOf(maison, list(birth(maison), birth(maison)), allOrNothing);
        gasGiven = 20_000 + gasGiven % 400_000;
        uint256 start = vm.snapshotState();
        vm.assertEq(carry(only(batch)).recorded, 2, "an honest carrier");
        uint256 honest = wordOf(batch.events[0].item) ^ wordOf(batch.events[1].item);
        vm.revertToState(start);

        try ledger.record{gas: gasGiven}(only(batch)) {
            vm.assertEq(wordOf(batch.events[0].item) ^ wordOf(batch.events[1].item), honest, "all");
        } catch {
            vm.assertEq(wordOf(batch.events[0].item) | wordOf(batch.events[1].item), 0, "nothing");
        }
    }

    /// @dev Law 8 over everything a carrier adds: bend one thing at random; the event lands as it would have, or not at
    /// all, and afterwards an honest carrier still brings it home to the very same word.
    function testFuzz_WhateverACarrierBendsAnHonestOneStillLandsTheSame(uint256 seed) public {
        SignedBatch memory batch = batchOf(platform, agreed(releasing(stolen(), HoldKind.STOLEN, true), ALICE));
        bytes32 item = batch.events[0].item;
        uint256 start = vm.snapshotState();
        carry(only(batch));
        uint256 honest = wordOf(item);
        vm.revertToState(start);
        uint256 before = wordOf(item);
        bytes memory whole = abi.encode(batch);

        _bend(batch, seed);
        try ledger.record(only(batch)) {} catch {}

        uint256 ended = wordOf(item);
        vm.assertTrue(ended == before || ended == honest, "as with an honest carrier, or not at all");
        if (ended == honest) return;
        ledger.record(only(abi.decode(whole, (SignedBatch))));
        vm.assertEq(wordOf(item), honest, "an honest carrier brings it home");
    }

    function _bend(SignedBatch memory batch, uint256 seed) private pure {
        bytes32 noise = keccak256(abi.encode(seed));
        uint256 what = seed % 12;
        if (what == 0) batch.witnesses[0].head = noise;
        else if (what == 1) batch.witnesses[0].holder = noise;
        else if (what == 2) batch.witnesses[0].brand = noise;
        else if (what == 3) batch.witnesses[0].facts = Facts.wrap(uint256(noise));
        else if (what == 4) batch.openings[0].aside.setters[seed / 12 % 5] = noise;
        else if (what == 5) batch.openings[0].aside.stolenReleaseAt = uint48(uint256(noise));
        else if (what == 6) batch.openings[0].aside.recoveryKey = address(uint160(uint256(noise)));
        else if (what == 7) batch.openings[0].index = uint16(uint256(noise));
        else if (what == 8) batch.approvals[0].carrier = noise;
        else if (what == 9) batch.approvals[0].store = noise;
        else if (what == 10) batch.approvals[0].signature = abi.encodePacked(noise, noise, uint8(27));
        else batch.openings[0].priorHead = noise;
    }

    function _resale() private returns (Entry memory) {
        return agreed(write(Kind.RESALE, sold(), holderOf(BOB), 0), ALICE);
    }
}
