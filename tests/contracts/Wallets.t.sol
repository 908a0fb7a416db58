// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IProvenanceLedger, SignedBatch} from "../../contracts/interfaces/IProvenanceLedger.sol";
import {Kind, Reason} from "../../contracts/types/Numbers.sol";
import {Hashes} from "./Hashes.sol";
import {Entry, Member, Told} from "./Pen.sol";
import {Rows} from "./Rows.sol";
import {
    BurningWallet,
    FloodingWallet,
    HonestWallet,
    LyingWallet,
    MumblingWallet,
    ReentrantWallet,
    WritingWallet
} from "./Wallets.sol";
import {vm} from "./Vm.sol";

/// @dev Contract wallets as signers. None can take its neighbours along, whatever it does when asked.
contract WalletsTest is Rows {
    uint256 private constant WALLET_GAS = 150_000;

    function test_AnHonestWalletSignsForItsOrganization() public {
        (SignedBatch memory batch, HonestWallet wallet) = _honest();
        wallet.agree(Hashes.digest(ledger.DOMAIN_SEPARATOR(), Hashes.ofBatch(batch)));

        vm.assertEq(carry(only(batch)).recorded, 1, "recorded");
    }

    function test_AWalletsNoIsSignerInvalid() public {
        (SignedBatch memory batch,) = _honest();

        vm.assertEq(carry(only(batch)).batchReason, Reason.SIGNER_INVALID, "reason");
    }

    function test_AWalletMayUseAllButAllOfItsCap() public {
        vm.assertEq(carry(only(_by(address(new BurningWallet(140_000))))).recorded, 1, "recorded");
    }

    function test_AGasBurnerCostsItsCapAndNothingElse() public {
        SignedBatch[] memory batches = new SignedBatch[](2);
        batches[0] = _by(address(new BurningWallet(type(uint256).max)));
        batches[1] = batchOf(maison, birth(maison));
        uint256 start = gasleft();
        ledger.record{gas: 600_000}(batches);
        uint256 spent = start - gasleft();

        vm.assertLe(spent, WALLET_GAS + 200_000, "the cap bounds it");
        vm.assertGt(wordOf(batches[1].events[0].item), 0, "its neighbour stands");
        vm.assertEq(wordOf(batches[0].events[0].item), 0, "it does not");
    }

    function test_AHugeAnswerIsNotCopied() public {
        SignedBatch memory batch = _by(address(new FloodingWallet()));
        uint256 start = gasleft();
        ledger.record{gas: 400_000}(only(batch));

        vm.assertLe(start - gasleft(), 120_000, "copying 16 KiB would cost more");
        vm.assertGt(wordOf(batch.events[0].item), 0, "its first word is the answer");
    }

    function test_AWalletThatMumblesRevertsOrWritesIsRefused() public {
        address[3] memory wallets =
            [address(new MumblingWallet()), address(new LyingWallet()), address(new WritingWallet())];
        for (uint256 i = 0; i < wallets.length; i++) {
            SignedBatch[] memory batches = new SignedBatch[](2);
            batches[0] = _by(wallets[i]);
            batches[1] = batchOf(maison, birth(maison));

            Told memory told = carry(batches);

            vm.assertEq(told.batchReason, Reason.SIGNER_INVALID, "refused");
            vm.assertEq(told.recorded, 1, "its neighbour stands");
        }
    }

    function test_AWalletCarriesNothingWhileItIsAsked() public {
        ReentrantWallet wallet = new ReentrantWallet();
        SignedBatch memory own = batchOf(maison, birth(maison));
        wallet.prepare(abi.encodeCall(IProvenanceLedger.record, (only(own))));

        Told memory told = carry(only(_by(address(wallet))));

        vm.assertEq(told.recorded, 1, "its yes counts");
        vm.assertEq(wordOf(own.events[0].item), 0, "what it tried meanwhile does not");
    }

    function test_AHostileWalletInAGroupChangesNothingAround() public {
        SignedBatch[] memory batches = new SignedBatch[](2);
        batches[0] = _by(address(new LyingWallet()));
        batches[0].allOrNothing = true;
        batches[1] = batchOf(maison, birth(maison));

        Told memory told = carry(batches);

        vm.assertEq(told.batchReason, Reason.SIGNER_INVALID, "refused as a batch");
        vm.assertEq(told.recorded, 1, "its neighbour stands");
    }

    /// @dev A wallet that needs nearly its cap: no gas that a carrier gives turns its yes into a refusal.
    function testFuzz_NoCarriersGasTurnsAYesIntoARefusal(uint256 gasGiven) public {
        SignedBatch memory batch = _by(address(new BurningWallet(140_000)));
        gasGiven = 30_000 + gasGiven % 500_000;

        try ledger.record{gas: gasGiven}(only(batch)) {
            vm.assertGt(wordOf(batch.events[0].item), 0, "it stands");
        } catch (bytes memory why) {
            vm.assertEq(wordOf(batch.events[0].item), 0, "it does not");
            bool starved = why.length == 0 || bytes4(why) == IProvenanceLedger.GasStarved.selector;
            vm.assertTrue(starved, "and the carrier is told why");
        }
    }

    function test_RevertWhen_TooLittleGasIsLeftToAskAWallet() public {
        SignedBatch memory batch = _by(address(new BurningWallet(10_000)));

        vm.expectRevert(IProvenanceLedger.GasStarved.selector);
        ledger.record{gas: 160_000}(only(batch));
    }

    function test_RevertWhen_AGroupRunsOutOfGasInside() public {
        Entry[] memory entries = new Entry[](20);
        for (uint256 i = 0; i < entries.length; i++) {
            entries[i] = birth(maison);
        }
        SignedBatch memory batch = batchOf(maison, entries, true);

        vm.expectRevert(IProvenanceLedger.GasStarved.selector);
        ledger.record{gas: 400_000}(only(batch));
    }

    function test_AWalletEndorsesForItsBrand() public {
        (Entry memory n, HonestWallet wallet) = _endorsedByWallet();
        bytes32 hash = Hashes.ofEndorsement(maison.id, Hashes.ofEvent(n.e), n.opening[0].endorsementDeadline);
        wallet.agree(Hashes.digest(ledger.DOMAIN_SEPARATOR(), hash));

        lands(store, n);
    }

    function test_AWalletThatDoesNotEndorseIsConsentInvalid() public {
        (Entry memory n,) = _endorsedByWallet();

        refused(store, n, Reason.CONSENT_INVALID);
    }

    /// @dev A holder is a key; a wallet at that address is not asked.
    function test_AHoldersConsentIsNeverAskedOfAContract() public {
        bytes32 item = unsold();
        HonestWallet wallet = new HonestWallet();
        lands(maison, write(Kind.SALE, item, bytes32(uint256(uint160(address(wallet)))), 0));

        refused(platform, agreed(write(Kind.RESALE, item, holderOf(BOB), 0), ALICE), Reason.CONSENT_INVALID);
    }

    function _by(address wallet) private returns (SignedBatch memory batch) {
        registry.addSigner(maison.id, wallet);
        Member memory by = Member({id: maison.id, key: maison.key, signer: wallet});
        batch = batchOf(by, birth(maison));
        batch.signature = hex"01";
    }

    function _honest() private returns (SignedBatch memory, HonestWallet wallet) {
        wallet = new HonestWallet();
        return (_by(address(wallet)), wallet);
    }

    function _endorsedByWallet() private returns (Entry memory n, HonestWallet wallet) {
        wallet = new HonestWallet();
        registry.addSigner(maison.id, address(wallet));
        n = endorsed(enrolment(maison.id, ALICE), maison.id, maison);
        n.opening[0].endorser = address(wallet);
        n.opening[0].endorsement = hex"01";
    }
}
