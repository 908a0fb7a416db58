// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {HoldKind, Kind, Method, Outcome, Reason, Role, Stage} from "../../contracts/types/Numbers.sol";
import {Entry} from "./Pen.sol";
import {Rows} from "./Rows.sol";
import {vm} from "./Vm.sol";

/// @dev Unsold items on their way to a first buyer: rows of shipment and sale.
contract SalesTest is Rows {
    function shipment(bytes32 item) internal returns (Entry memory) {
        return write(Kind.SHIPMENT, item, shop.id, 0);
    }

    function sale(bytes32 item) internal returns (Entry memory) {
        return write(Kind.SALE, item, holderOf(ALICE), 0);
    }

    // Shipment

    function test_ShipmentHandsAnUnsoldItemToTheReceivingOrganization() public {
        bytes32 item = unsold();

        lands(maison, shipment(item));

        vm.assertEq(known(item).holder, shop.id, "holder");
        vm.assertEq(known(item).stage, Stage.UNSOLD, "stage");
    }

    function test_ShipmentHandsALotToABrand() public {
        bytes32 item = lot();

        lands(tannery, write(Kind.SHIPMENT, item, maison.id, 0));

        vm.assertEq(known(item).holder, maison.id, "holder");
    }

    function test_TheBrandTakesBackAnUnsoldItem() public {
        bytes32 item = unsold();
        lands(maison, shipment(item));

        lands(maison, write(Kind.SHIPMENT, item, maison.id, 0));

        vm.assertEq(known(item).holder, maison.id, "holder");
    }

    function test_ShipmentIsRefused_Malformed() public {
        bytes32 item = unsold();

        refusedWithEveryOtherField(maison, shipment(item), A | B | TIME | C | CONSENTED);
        refused(maison, withParty(shipment(item), 0), Reason.MALFORMED);
        refused(maison, withParty(shipment(item), holderOf(ALICE)), Reason.MALFORMED);
    }

    function test_ShipmentIsRefused_InTheFuture() public {
        refused(maison, inTheFuture(shipment(unsold())), Reason.IN_THE_FUTURE);
    }

    function test_ShipmentIsRefused_UnknownOrganization() public {
        refused(maison, withParty(shipment(unsold()), NOBODY), Reason.UNKNOWN_ORGANIZATION);
    }

    function test_ShipmentIsRefused_UnknownItem() public {
        refused(maison, shipment(keccak256("unborn")), Reason.UNKNOWN_ITEM);
    }

    function test_ShipmentIsRefused_Retired() public {
        refused(maison, shipment(retired()), Reason.RETIRED);
    }

    function test_ShipmentIsRefused_Suspended() public {
        registry.suspend(shop.id);

        refused(maison, shipment(unsold()), Reason.SUSPENDED);
    }

    function test_ShipmentIsRefused_AlreadySold() public {
        refused(maison, shipment(sold()), Reason.ALREADY_SOLD);
        refused(store, shipment(enrolled()), Reason.ALREADY_SOLD);
    }

    function test_ShipmentIsRefused_OnHold() public {
        bytes32 item = unsold();
        lands(maison, holding(item, HoldKind.RECALLED, false));

        refused(maison, shipment(item), Reason.ON_HOLD);
    }

    function test_ShipmentIsRefused_NotAuthentic() public {
        bytes32 item = unsold();
        lands(store, opinion(item, Outcome.NOT_AUTHENTIC, Method.PHOTO));

        refused(maison, shipment(item), Reason.NOT_AUTHENTIC);
    }

    function test_ShipmentIsRefused_NotTheHolder() public {
        bytes32 item = unsold();

        refused(shop, shipment(item), Reason.NOT_THE_HOLDER);
        lands(maison, shipment(item));
        refused(maison, write(Kind.SHIPMENT, item, store.id, 0), Reason.NOT_THE_HOLDER);
        refused(tannery, write(Kind.SHIPMENT, item, tannery.id, 0), Reason.NOT_THE_HOLDER);
    }

    function test_ShipmentIsRefused_NotTheHolderWhenASupplierTakesBackItsLot() public {
        bytes32 item = lot();
        lands(tannery, write(Kind.SHIPMENT, item, maison.id, 0));

        refused(tannery, write(Kind.SHIPMENT, item, tannery.id, 0), Reason.NOT_THE_HOLDER);
    }

    function test_ShipmentIsRefused_TooEarly() public {
        refused(maison, beforeTheLast(shipment(unsold())), Reason.TOO_EARLY);
    }

    function test_ShipmentIsRefused_Superseded() public {
        refused(maison, onAnotherHead(shipment(unsold())), Reason.SUPERSEDED);
    }

    // Sale

    function test_SaleHandsTheItemToTheBuyersKey() public {
        bytes32 item = sold();

        vm.assertEq(known(item).stage, Stage.SOLD, "stage");
        vm.assertEq(known(item).holder, holderOf(ALICE), "holder");
    }

    function test_AnAccreditedRetailerSells() public {
        bytes32 item = unsold();
        lands(maison, shipment(item));

        lands(shop, sale(item));
    }

    function test_SaleIsRefused_Malformed() public {
        bytes32 item = unsold();

        refusedWithEveryOtherField(maison, sale(item), A | B | TIME | C | CONSENTED);
        refused(maison, withParty(sale(item), 0), Reason.MALFORMED);
        refused(maison, withParty(sale(item), shop.id), Reason.MALFORMED);
    }

    function test_SaleIsRefused_InTheFuture() public {
        refused(maison, inTheFuture(sale(unsold())), Reason.IN_THE_FUTURE);
    }

    function test_SaleIsRefused_UnknownItem() public {
        refused(maison, sale(keccak256("unborn")), Reason.UNKNOWN_ITEM);
        refused(tannery, sale(lot()), Reason.UNKNOWN_ITEM);
    }

    function test_SaleIsRefused_Retired() public {
        refused(maison, sale(retired()), Reason.RETIRED);
    }

    function test_SaleIsRefused_RoleMissing() public {
        bytes32 item = unsold();
        lands(maison, write(Kind.SHIPMENT, item, platform.id, 0));

        refused(platform, sale(item), Reason.ROLE_MISSING);
    }

    function test_SaleIsRefused_NotAccredited() public {
        bytes32 item = unsold();
        lands(maison, write(Kind.SHIPMENT, item, outsider.id, 0));

        refused(outsider, sale(item), Reason.NOT_ACCREDITED);
        accredit(maison.id, outsider, Role.RETAILER, uint64(1) << WATCH, 0, 0);
        refused(outsider, sale(item), Reason.NOT_ACCREDITED);
        accredit(maison.id, outsider, Role.RETAILER, type(uint64).max, now_() + 1, 0);
        refused(outsider, sale(item), Reason.NOT_ACCREDITED);
        accredit(maison.id, outsider, Role.RETAILER, type(uint64).max, 0, now_());
        refused(outsider, sale(item), Reason.NOT_ACCREDITED);
        accredit(maison.id, outsider, Role.RETAILER, uint64(1) << HANDBAG, now_(), now_() + 1);
        lands(outsider, sale(item));
    }

    function test_SaleIsRefused_AlreadySold() public {
        refused(maison, sale(sold()), Reason.ALREADY_SOLD);
    }

    function test_SaleIsRefused_OnHold() public {
        for (uint8 hold = HoldKind.LOST; hold <= HoldKind.RECALLED; hold++) {
            bytes32 item = unsold();
            lands(maison, holding(item, hold, false));

            refused(maison, sale(item), Reason.ON_HOLD);
        }
    }

    function test_SaleIsRefused_NotAuthentic() public {
        bytes32 item = unsold();
        lands(store, opinion(item, Outcome.NOT_AUTHENTIC, Method.PHOTO));

        refused(maison, sale(item), Reason.NOT_AUTHENTIC);
    }

    function test_SaleIsRefused_NotTheHolder() public {
        bytes32 item = unsold();

        refused(shop, sale(item), Reason.NOT_THE_HOLDER);
        lands(maison, shipment(item));
        refused(maison, sale(item), Reason.NOT_THE_HOLDER);
    }

    function test_SaleIsRefused_TooEarly() public {
        refused(maison, beforeTheLast(sale(unsold())), Reason.TOO_EARLY);
    }

    function test_SaleIsRefused_Superseded() public {
        refused(maison, onAnotherHead(sale(unsold())), Reason.SUPERSEDED);
    }
}
