// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IOrganizationRegistry} from "../../contracts/interfaces/IOrganizationRegistry.sol";
import {Role} from "../../contracts/types/Numbers.sol";
import {Rows} from "./Rows.sol";
import {vm} from "./Vm.sol";

/// @dev Members and signers: who may change them, and what was so at which block.
contract RegistryTest is Rows {
    address private constant KEY = address(0xBEEF);

    // Members

    function test_TheConsortiumIsAMemberWithASignerAndNoRole() public view {
        (bool admitted, bool suspended, uint8 roles) = registry.standing(consortium.id);

        vm.assertTrue(admitted && !suspended, "member");
        vm.assertEq(roles, 0, "roles");
        vm.assertEq(registry.CONSORTIUM(), consortium.id, "its id");
        vm.assertTrue(registry.isSigner(consortium.id, consortium.signer), "signer");
    }

    function test_AnOrganizationIsNamedByTheHashOfItsDid() public {
        bytes32 organization = registry.admit("did:web:new.example", Role.BRAND, KEY);

        vm.assertEq(organization, keccak256("did:web:new.example"), "id");
    }

    function test_RevertWhen_AnyoneButTheOwnerAdministers() public {
        bytes4 notOwner = bytes4(keccak256("OwnableUnauthorizedAccount(address)"));
        bytes[5] memory calls = [
            abi.encodeCall(registry.admit, ("did:web:x.example", Role.BRAND, KEY)),
            abi.encodeCall(registry.setRoles, (maison.id, Role.ALL)),
            abi.encodeCall(registry.suspend, (maison.id)),
            abi.encodeCall(registry.reinstate, (maison.id)),
            abi.encodeCall(registry.nameSuccessor, (maison.id, rival.id))
        ];
        for (uint256 i = 0; i < calls.length; i++) {
            vm.prank(maison.signer);
            (bool done, bytes memory why) = address(registry).call(calls[i]);

            vm.assertFalse(done, "refused");
            vm.assertEq(bytes32(bytes4(why)), bytes32(notOwner), "why");
        }
    }

    function test_RevertWhen_AnAdmissionIsIncomplete() public {
        vm.expectRevert(IOrganizationRegistry.EmptyDid.selector);
        registry.admit("", Role.BRAND, KEY);
        vm.expectRevert(abi.encodeWithSelector(IOrganizationRegistry.InvalidRole.selector, 32));
        registry.admit("did:web:x.example", 32, KEY);
        vm.expectRevert(IOrganizationRegistry.ZeroSigner.selector);
        registry.admit("did:web:x.example", Role.BRAND, address(0));
        vm.expectRevert(abi.encodeWithSelector(IOrganizationRegistry.AlreadyAdmitted.selector, maison.id));
        registry.admit("did:web:maison.example", Role.BRAND, KEY);
    }

    function test_RevertWhen_AStrangersStandingIsChanged() public {
        bytes memory unknown = abi.encodeWithSelector(IOrganizationRegistry.UnknownOrganization.selector, NOBODY);
        vm.expectRevert(unknown);
        registry.setRoles(NOBODY, Role.BRAND);
        vm.expectRevert(unknown);
        registry.suspend(NOBODY);
        vm.expectRevert(unknown);
        registry.reinstate(NOBODY);
        vm.expectRevert(unknown);
        registry.nameSuccessor(maison.id, NOBODY);
        vm.expectRevert(unknown);
        registry.addSigner(NOBODY, KEY);
    }

    function test_RevertWhen_NothingWouldChange() public {
        bytes memory nothing = abi.encodeWithSelector(IOrganizationRegistry.NothingChanges.selector, maison.id);
        vm.expectRevert(nothing);
        registry.setRoles(maison.id, Role.BRAND);
        vm.expectRevert(nothing);
        registry.reinstate(maison.id);
        vm.expectRevert(nothing);
        registry.nameSuccessor(maison.id, 0);
        vm.expectRevert(nothing);
        registry.nameSuccessor(maison.id, maison.id);
        vm.expectRevert(nothing);
        registry.addSigner(maison.id, maison.signer);
        registry.suspend(maison.id);
        vm.expectRevert(nothing);
        registry.suspend(maison.id);
    }

    function test_RevertWhen_ARoleIsUnknown() public {
        vm.expectRevert(abi.encodeWithSelector(IOrganizationRegistry.InvalidRole.selector, 33));
        registry.setRoles(maison.id, 33);
    }

    // Signers

    function test_ASignerAddsAndRetiresSignersOfItsOrganization() public {
        vm.prank(maison.signer);
        registry.addSigner(maison.id, KEY);
        vm.assertTrue(registry.isSigner(maison.id, KEY), "added");

        vm.prank(KEY);
        registry.retireSigner(maison.id, maison.signer);

        vm.assertFalse(registry.isSigner(maison.id, maison.signer), "retired");
    }

    function test_RevertWhen_AStrangerChangesSigners() public {
        bytes memory refusal =
            abi.encodeWithSelector(IOrganizationRegistry.NotEntitled.selector, maison.id, rival.signer);
        vm.prank(rival.signer);
        vm.expectRevert(refusal);
        registry.addSigner(maison.id, KEY);
        vm.prank(rival.signer);
        vm.expectRevert(refusal);
        registry.retireSigner(maison.id, maison.signer);
        vm.prank(rival.signer);
        vm.expectRevert(refusal);
        registry.markCompromised(maison.id, maison.signer, 1);
    }

    function test_RevertWhen_ASuspendedOrganizationChangesItsSigners() public {
        registry.suspend(maison.id);

        vm.prank(maison.signer);
        vm.expectRevert(abi.encodeWithSelector(IOrganizationRegistry.OrganizationIsSuspended.selector, maison.id));
        registry.addSigner(maison.id, KEY);
    }

    function test_RevertWhen_AKeyThatIsNoSignerIsRetiredOrMarked() public {
        bytes memory refusal = abi.encodeWithSelector(IOrganizationRegistry.NotASigner.selector, maison.id, KEY);
        vm.expectRevert(refusal);
        registry.retireSigner(maison.id, KEY);
        vm.expectRevert(refusal);
        registry.markCompromised(maison.id, KEY, 1);
    }

    function test_ACompromisedSignerIsRetiredAndNeverComesBack() public {
        registry.markCompromised(maison.id, maison.signer, 999);

        vm.assertFalse(registry.isSigner(maison.id, maison.signer), "retired");
        vm.assertEq(registry.compromisedSince(maison.id, maison.signer), 999, "since");
        vm.expectRevert(
            abi.encodeWithSelector(IOrganizationRegistry.SignerWasCompromised.selector, maison.id, maison.signer)
        );
        registry.addSigner(maison.id, maison.signer);
    }

    function test_ARetiredSignerIsMarkedLaterAndTheLastWordCounts() public {
        registry.retireSigner(maison.id, maison.signer);

        registry.markCompromised(maison.id, maison.signer, 900);
        registry.markCompromised(maison.id, maison.signer, 800);

        vm.assertEq(registry.compromisedSince(maison.id, maison.signer), 800, "since");
    }

    function test_RevertWhen_ASignerIsCompromisedSinceNeverOrTheFuture() public {
        vm.expectRevert(abi.encodeWithSelector(IOrganizationRegistry.NotASigner.selector, maison.id, maison.signer));
        registry.markCompromised(maison.id, maison.signer, 0);
        vm.expectRevert(abi.encodeWithSelector(IOrganizationRegistry.BlockNotReached.selector, 1001));
        registry.markCompromised(maison.id, maison.signer, 1001);
    }

    // Succession

    function test_TheBrandSpeaksForItselfAndSoDoesItsSuccessor() public {
        registry.nameSuccessor(maison.id, rival.id);

        vm.assertTrue(registry.speaksFor(maison.id, maison.id), "the brand");
        vm.assertTrue(registry.speaksFor(rival.id, maison.id), "the successor");
        vm.assertFalse(registry.speaksFor(shop.id, maison.id), "a stranger");
        vm.assertFalse(registry.speaksFor(consortium.id, maison.id), "the consortium");
    }

    function test_TheConsortiumSpeaksForAStrangerWithoutASuccessor() public {
        vm.assertTrue(registry.speaksFor(consortium.id, oldHouse), "no member, no successor");

        registry.nameSuccessor(oldHouse, rival.id);

        vm.assertFalse(registry.speaksFor(consortium.id, oldHouse), "a successor");
        vm.assertTrue(registry.speaksFor(rival.id, oldHouse), "speaks");
    }

    function test_ASuccessionIsNotTransitiveAndCanBeTakenBack() public {
        registry.nameSuccessor(maison.id, rival.id);
        registry.nameSuccessor(rival.id, shop.id);
        vm.assertFalse(registry.speaksFor(shop.id, maison.id), "not transitive");

        registry.nameSuccessor(maison.id, 0);

        vm.assertFalse(registry.speaksFor(rival.id, maison.id), "taken back");
        vm.assertEq(registry.successorOf(maison.id), 0, "none");
    }

    // At a block

    function test_StandingIsAnsweredAtABlock() public {
        vm.roll(1010);
        registry.suspend(shop.id);
        registry.setRoles(shop.id, Role.PLATFORM);
        vm.roll(1020);
        registry.reinstate(shop.id);

        (bool admitted, bool suspended, uint8 roles) = registry.standingAt(shop.id, 999);
        vm.assertFalse(admitted || suspended || roles != 0, "before it was admitted");
        (admitted, suspended, roles) = registry.standingAt(shop.id, 1009);
        vm.assertTrue(admitted && !suspended && roles == Role.RETAILER, "before the suspension");
        (admitted, suspended, roles) = registry.standingAt(shop.id, 1010);
        vm.assertTrue(admitted && suspended && roles == Role.PLATFORM, "after that block");
        (, suspended,) = registry.standingAt(shop.id, 1020);
        vm.assertFalse(suspended, "reinstated");
    }

    function test_ASignerIsAnsweredAtABlock() public {
        vm.roll(1010);
        registry.retireSigner(maison.id, maison.signer);

        vm.assertFalse(registry.isSignerAt(maison.id, maison.signer, 999), "before");
        vm.assertTrue(registry.isSignerAt(maison.id, maison.signer, 1009), "while");
        vm.assertFalse(registry.isSignerAt(maison.id, maison.signer, 1010), "after");
    }

    function test_RevertWhen_ABlockIsNotMinedYet() public {
        bytes memory early = abi.encodeWithSelector(IOrganizationRegistry.BlockNotReached.selector, 1001);
        vm.expectRevert(early);
        registry.standingAt(shop.id, 1001);
        vm.expectRevert(early);
        registry.isSignerAt(shop.id, shop.signer, 1001);
        vm.expectRevert(early);
        registry.accreditationAt(maison.id, shop.id, Role.RETAILER, 1001);
        vm.expectRevert(early);
        registry.wasAccredited(maison.id, shop.id, Role.RETAILER, HANDBAG, 1001, START);
    }

    /// @dev Law 4's memory: whatever the order of changes, the answer at each block is the last one said by then.
    function testFuzz_HistoryRemembersEveryBlock(uint256 seed) public {
        bool[8] memory was;
        bool now__ = false;
        for (uint256 i = 0; i < 8; i++) {
            vm.roll(2000 + i);
            if (seed >> i & 1 == 1) {
                if (now__) registry.reinstate(shop.id);
                else registry.suspend(shop.id);
                now__ = !now__;
            }
            was[i] = now__;
        }

        for (uint256 i = 0; i < 8; i++) {
            (, bool suspended,) = registry.standingAt(shop.id, 2000 + i);
            vm.assertTrue(suspended == was[i], "at that block");
        }
    }
}
