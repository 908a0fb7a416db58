// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IERC165} from "@openzeppelin/contracts/interfaces/IERC165.sol";
import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";

import {IERC5646} from "../../contracts/interfaces/IERC5646.sol";
import {Approval, Event, IProvenanceLedger, SignedBatch} from "../../contracts/interfaces/IProvenanceLedger.sol";
import {Kind, Outcome, Stage} from "../../contracts/types/Numbers.sol";
import {Hashes} from "./Hashes.sol";
import {Entry} from "./Pen.sol";
import {Rows} from "./Rows.sol";
import {vm} from "./Vm.sol";

/// @dev What anybody may ask the ledger, and the hashes that wallets and other implementations lean on.
contract ReadsTest is Rows {
    function test_AnUnbornItemsWordIsZero() public view {
        (uint32 sequence, uint8 stage, uint8 verdict, uint8 holds) = ledger.stateOf(keccak256("unborn"));

        vm.assertEq(wordOf(keccak256("unborn")), 0, "word");
        vm.assertEq(uint256(sequence) + stage + verdict + holds, 0, "state");
    }

    function test_StateIsReadInClearWithOneCall() public {
        bytes32 item = fake();
        lands(maison, write(Kind.DISPUTE, item));

        (uint32 sequence, uint8 stage, uint8 verdict, uint8 holds) = ledger.stateOf(item);

        vm.assertEq(sequence, 4, "sequence");
        vm.assertEq(stage, Stage.SOLD, "stage");
        vm.assertEq(verdict, Outcome.NOT_AUTHENTIC, "verdict");
        vm.assertEq(holds, 4, "holds");
    }

    function test_TheStateFingerprintIsTheWord() public {
        bytes32 item = unsold();

        bytes32 fingerprint = IERC5646(address(ledger)).getStateFingerprint(uint256(item));

        vm.assertEq(uint256(fingerprint), wordOf(item), "fingerprint");
    }

    function test_TheInterfacesAreAnnounced() public view {
        IERC165 whole = IERC165(address(ledger));

        vm.assertTrue(whole.supportsInterface(type(IERC5646).interfaceId), "ERC-5646");
        vm.assertTrue(whole.supportsInterface(0xf5112315), "ERC-5646 by its number");
        vm.assertTrue(whole.supportsInterface(0x01ffc9a7), "ERC-165");
        vm.assertFalse(whole.supportsInterface(0xffffffff), "nothing");
    }

    function test_TheDomainIsTheOneThatWalletsShow() public view {
        (, string memory name, string memory version, uint256 chainId, address verifyingContract,,) =
            IERC5267(address(ledger)).eip712Domain();

        vm.assertEq(keccak256(bytes(name)), keccak256("ProvenanceLedger"), "name");
        vm.assertEq(keccak256(bytes(version)), keccak256("1"), "version");
        vm.assertEq(chainId, vm.getChainId(), "chain");
        vm.assertEq(verifyingContract, address(ledger), "contract");
        vm.assertEq(ledger.DOMAIN_SEPARATOR(), Hashes.domain("ProvenanceLedger", address(ledger)), "separator");
    }

    function test_TheTermsAreThoseOfTheDeployment() public view {
        vm.assertEq(ledger.RECOVERY_PERIOD(), RECOVERY_PERIOD, "recovery");
        vm.assertEq(ledger.RULING_PERIOD(), RULING_PERIOD, "ruling");
        vm.assertEq(address(ledger.REGISTRY()), address(registry), "registry");
    }

    function test_RevertWhen_APeriodIsNothingOrEndless() public {
        uint48 endless = 3650 days + 1;
        vm.expectRevert(abi.encodeWithSelector(IProvenanceLedger.InvalidPeriod.selector, 0));
        deployLedger(0, 1);
        vm.expectRevert(abi.encodeWithSelector(IProvenanceLedger.InvalidPeriod.selector, 0));
        deployLedger(1, 0);
        vm.expectRevert(abi.encodeWithSelector(IProvenanceLedger.InvalidPeriod.selector, endless));
        deployLedger(endless, 1);
        vm.expectRevert(abi.encodeWithSelector(IProvenanceLedger.InvalidPeriod.selector, endless));
        deployLedger(1, endless);
    }

    function testFuzz_AnEventIsHashedAsEip712Says(Event memory e) public view {
        vm.assertEq(ledger.hashEvent(e), Hashes.ofEvent(e), "event");
    }

    function testFuzz_ABatchIsHashedAsEip712Says(
        bytes32 organization,
        address signer,
        uint48 deadline,
        bool allOrNothing,
        Event[] memory events
    ) public view {
        SignedBatch memory batch;
        (batch.organization, batch.signer, batch.deadline) = (organization, signer, deadline);
        (batch.allOrNothing, batch.events) = (allOrNothing, events);

        vm.assertEq(ledger.hashBatch(batch), Hashes.ofBatch(batch), "batch");
    }

    function testFuzz_AConsentIsHashedAsEip712Says(
        Event memory e,
        bytes32 head,
        bytes32 oldHolder,
        Approval memory approval
    ) public view {
        bytes32 hash = ledger.hashConsent(e, head, oldHolder, approval);

        vm.assertEq(hash, Hashes.ofConsent(e, head, oldHolder, approval), "consent");
    }
}
