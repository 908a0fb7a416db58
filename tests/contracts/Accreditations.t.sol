// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Accreditation, IOrganizationRegistry} from "../../contracts/interfaces/IOrganizationRegistry.sol";
import {Role} from "../../contracts/types/Numbers.sol";
import {ACCREDIT_TYPE, Hashes} from "./Hashes.sol";
import {Member} from "./Pen.sol";
import {Rows} from "./Rows.sol";
import {HonestWallet} from "./Wallets.sol";
import {vm} from "./Vm.sol";

/// @dev Accreditations: role, scope, window, by whom, under a signature, at a block.
contract AccreditationsTest is Rows {
    uint64 private constant ALL_CATEGORIES = type(uint64).max;

    // What counts

    function test_TheScopeIsAMaskOfCategories() public {
        accredit(maison.id, outsider, Role.RETAILER, uint64(1) << HANDBAG | uint64(1) << 63, 0, 0);

        vm.assertTrue(registry.isAccredited(maison.id, outsider.id, Role.RETAILER, HANDBAG), "in it");
        vm.assertTrue(registry.isAccredited(maison.id, outsider.id, Role.RETAILER, 63), "the last one");
        vm.assertFalse(registry.isAccredited(maison.id, outsider.id, Role.RETAILER, WATCH), "outside");
        vm.assertFalse(registry.isAccredited(maison.id, outsider.id, Role.RETAILER, 64), "no category");
    }

    function test_TheWindowHoldsFromItsFirstSecondUntilBeforeItsLast() public {
        uint48 from = now_() + 10;
        accredit(maison.id, outsider, Role.RETAILER, ALL_CATEGORIES, from, from + 10);

        vm.assertFalse(_counts(), "before");
        vm.warp(from);
        vm.assertTrue(_counts(), "in its first second");
        vm.warp(from + 9);
        vm.assertTrue(_counts(), "in its last");
        vm.warp(from + 10);
        vm.assertFalse(_counts(), "after");
    }

    function test_AnAccreditationIsWorthNothingWithoutTheRole() public {
        vm.assertTrue(registry.isAccredited(maison.id, shop.id, Role.RETAILER, HANDBAG), "with it");

        registry.setRoles(shop.id, Role.PLATFORM);

        vm.assertFalse(registry.isAccredited(maison.id, shop.id, Role.RETAILER, HANDBAG), "without");
    }

    function test_TheConsortiumAccreditsForEveryBrand() public {
        accredit(consortium.id, outsider, Role.RETAILER);

        vm.assertTrue(_counts(), "for the maison");
        vm.assertTrue(registry.isAccredited(oldHouse, outsider.id, Role.RETAILER, WATCH), "for a stranger");
    }

    function test_ScopeZeroWithdraws() public {
        accredit(maison.id, outsider, Role.RETAILER);
        accredit(maison.id, outsider, Role.RETAILER, 0, 0, 0);

        vm.assertFalse(_counts(), "withdrawn");
    }

    // By whom

    function test_TheConsortiumsSignerAccreditsToo() public {
        vm.prank(consortium.signer);
        registry.accredit(_grant(consortium.id));

        vm.assertTrue(_counts(), "accredited");
    }

    function test_ASuccessorsSignerAccreditsForTheBrand() public {
        registry.nameSuccessor(maison.id, rival.id);

        vm.prank(rival.signer);
        registry.accredit(_grant(maison.id));

        vm.assertTrue(_counts(), "accredited");
    }

    function test_RevertWhen_SomebodyElseAccredits() public {
        Accreditation memory grant = _grant(maison.id);

        vm.expectRevert(abi.encodeWithSelector(IOrganizationRegistry.NotEntitled.selector, maison.id, address(this)));
        registry.accredit(grant);
        vm.prank(rival.signer);
        vm.expectRevert(abi.encodeWithSelector(IOrganizationRegistry.NotEntitled.selector, maison.id, rival.signer));
        registry.accredit(grant);
        grant.brand = consortium.id;
        vm.prank(rival.signer);
        vm.expectRevert(abi.encodeWithSelector(IOrganizationRegistry.NotEntitled.selector, consortium.id, rival.signer));
        registry.accredit(grant);
    }

    function test_RevertWhen_ASuspendedBrandOrSuccessorAccredits() public {
        registry.nameSuccessor(maison.id, rival.id);
        registry.suspend(maison.id);
        registry.suspend(rival.id);

        vm.prank(maison.signer);
        vm.expectRevert(abi.encodeWithSelector(IOrganizationRegistry.NotEntitled.selector, maison.id, maison.signer));
        registry.accredit(_grant(maison.id));
        vm.prank(rival.signer);
        vm.expectRevert(abi.encodeWithSelector(IOrganizationRegistry.NotEntitled.selector, maison.id, rival.signer));
        registry.accredit(_grant(maison.id));
    }

    function test_RevertWhen_AnAccreditationMakesNoSense() public {
        Accreditation memory grant = _grant(consortium.id);

        uint8[4] memory roles = [0, 3, 32, 255];
        for (uint256 i = 0; i < roles.length; i++) {
            grant.role = roles[i];
            vm.expectRevert(abi.encodeWithSelector(IOrganizationRegistry.InvalidRole.selector, roles[i]));
            registry.accredit(grant);
        }
        (grant.role, grant.from, grant.until) = (Role.RETAILER, 10, 10);
        vm.expectRevert(abi.encodeWithSelector(IOrganizationRegistry.InvalidWindow.selector, 10, 10));
        registry.accredit(grant);
        grant.organization = NOBODY;
        vm.expectRevert(abi.encodeWithSelector(IOrganizationRegistry.UnknownOrganization.selector, NOBODY));
        registry.accredit(grant);
    }

    // Under a signature

    function test_AnybodyCarriesTheBrandsSignature() public {
        Accreditation memory grant = _grant(maison.id);

        vm.prank(address(0xCAFE));
        registry.accreditBySignature(grant, maison.signer, now_(), _signed(grant, maison.key, 0, now_()));

        vm.assertTrue(_counts(), "accredited");
        vm.assertEq(registry.nonces(maison.id), 1, "nonce");
    }

    function test_AContractWalletAccredits() public {
        HonestWallet wallet = new HonestWallet();
        registry.addSigner(maison.id, address(wallet));
        Accreditation memory grant = _grant(maison.id);
        wallet.agree(_digest(grant, 0, now_()));

        registry.accreditBySignature(grant, address(wallet), now_(), "");

        vm.assertTrue(_counts(), "accredited");
    }

    function test_RevertWhen_ASignatureIsCarriedTwice() public {
        Accreditation memory grant = _grant(maison.id);
        bytes memory signed = _signed(grant, maison.key, 0, now_());
        registry.accreditBySignature(grant, maison.signer, now_(), signed);

        bytes memory refusal =
            abi.encodeWithSelector(IOrganizationRegistry.InvalidSignature.selector, maison.id, maison.signer);
        uint48 deadline = now_();
        vm.expectRevert(refusal);
        registry.accreditBySignature(grant, maison.signer, deadline, signed);
    }

    function test_RevertWhen_AnythingSignedIsBentOrLate() public {
        Accreditation memory grant = _grant(maison.id);
        uint48 deadline = now_();
        bytes memory signed = _signed(grant, maison.key, 0, deadline);
        grant.scope--;
        vm.expectRevert(
            abi.encodeWithSelector(IOrganizationRegistry.InvalidSignature.selector, maison.id, maison.signer)
        );
        registry.accreditBySignature(grant, maison.signer, deadline, signed);

        grant.scope++;
        vm.warp(deadline + 1);
        vm.expectRevert(abi.encodeWithSelector(IOrganizationRegistry.DeadlinePassed.selector, deadline));
        registry.accreditBySignature(grant, maison.signer, deadline, signed);
    }

    function test_RevertWhen_TheSignerIsNotTheBrands() public {
        Accreditation memory grant = _grant(maison.id);
        uint48 deadline = now_();
        bytes memory signed = _signed(grant, rival.key, 0, deadline);

        vm.expectRevert(abi.encodeWithSelector(IOrganizationRegistry.NotEntitled.selector, maison.id, rival.signer));
        registry.accreditBySignature(grant, rival.signer, deadline, signed);
    }

    // At a block

    function test_WasThisStoreAccreditedAtThatBlock() public {
        vm.roll(1010);
        accredit(maison.id, shop, Role.RETAILER, 0, 0, 0);
        vm.roll(1020);
        accredit(consortium.id, shop, Role.RETAILER, uint64(1) << HANDBAG, START, START + 100);

        vm.assertFalse(_was(999, START, HANDBAG), "before it was a member");
        vm.assertTrue(_was(1009, START, WATCH), "by the brand");
        vm.assertFalse(_was(1010, START, HANDBAG), "withdrawn");
        vm.assertTrue(_was(1020, START + 99, HANDBAG), "by the consortium");
        vm.assertFalse(_was(1020, START + 100, HANDBAG), "past its window");
        vm.assertFalse(_was(1020, START, WATCH), "outside its scope");
        (uint64 scope, uint48 from, uint48 until) =
            registry.accreditationAt(consortium.id, shop.id, Role.RETAILER, 1020);
        vm.assertTrue(scope == uint64(1) << HANDBAG && from == START && until == START + 100, "as it was given");
    }

    function test_ARoleTakenAwayEndsTheAnswerFromThatBlockOn() public {
        vm.roll(1010);
        registry.setRoles(shop.id, Role.PLATFORM);

        vm.assertTrue(_was(1009, START, HANDBAG), "with the role");
        vm.assertFalse(_was(1010, START, HANDBAG), "without");
    }

    /// @dev For any grant, the answer now and the answer at this block agree.
    function testFuzz_NowAndAtThisBlockAgree(uint64 scope, uint48 from, uint48 until, uint8 category) public {
        if (until != 0 && until <= from) until = 0;
        accredit(maison.id, outsider, Role.RETAILER, scope, from, until);

        bool isNow = registry.isAccredited(maison.id, outsider.id, Role.RETAILER, category);

        uint256 here = vm.getBlockNumber();
        bool was = registry.wasAccredited(maison.id, outsider.id, Role.RETAILER, category, here, now_());
        vm.assertTrue(isNow == was, "one answer");
        bool inScope = category < 64 && scope >> category & 1 == 1;
        vm.assertTrue(isNow == (inScope && from <= now_() && (until == 0 || now_() < until)), "the right one");
    }

    function _counts() private view returns (bool) {
        return registry.isAccredited(maison.id, outsider.id, Role.RETAILER, HANDBAG);
    }

    function _was(uint256 blockNumber, uint48 moment, uint8 category) private view returns (bool) {
        return registry.wasAccredited(maison.id, shop.id, Role.RETAILER, category, blockNumber, moment);
    }

    function _grant(bytes32 brand) private view returns (Accreditation memory) {
        return Accreditation({
            brand: brand, organization: outsider.id, role: Role.RETAILER, scope: ALL_CATEGORIES, from: 0, until: 0
        });
    }

    function _digest(Accreditation memory grant, uint256 nonce, uint48 deadline) private view returns (bytes32) {
        bytes32 hash = keccak256(abi.encode(keccak256(bytes(ACCREDIT_TYPE)), grant, nonce, uint256(deadline)));
        return Hashes.digest(Hashes.domain("OrganizationRegistry", address(registry)), hash);
    }

    function _signed(Accreditation memory grant, uint256 key, uint256 nonce, uint48 deadline)
        private
        view
        returns (bytes memory)
    {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, _digest(grant, nonce, deadline));
        return abi.encodePacked(r, s, v);
    }
}
