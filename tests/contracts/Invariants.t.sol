// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Kind} from "../../contracts/types/Numbers.sol";
import {Life} from "./Life.sol";
import {say, vm} from "./Vm.sol";

struct FuzzSelector {
    address addr;
    bytes4[] selectors;
}

/// @dev The laws over random lives of many items; INVARIANTS.md numbers them. Laws 1 to 4, 6 and 8 are asserted inside
/// `Laws` and `Life` at each event, so that a break names its event; what can be seen at rest is asked here.
/// forge-config: default.invariant.runs = 5
/// forge-config: default.invariant.depth = 800
/// forge-config: default.invariant.fail-on-revert = true
/// forge-config: default.invariant.shrink-run-limit = 100
contract InvariantsTest {
    /// @dev Shorter lives are a broken law's, being shrunk: they must fail for that law alone.
    uint256 private constant WHOLE_LIFE = 600;

    Life private life;

    function setUp() public {
        life = new Life();
        life.setUp();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(life);
    }

    function targetSelectors() public view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        bytes4[] memory doors = new bytes4[](21);
        (doors[0], doors[1], doors[2]) = (life.rawMaterial.selector, life.manufacture.selector, life.shipment.selector);
        (doors[3], doors[4], doors[5]) = (life.sale.selector, life.resale.selector, life.transfer.selector);
        (doors[6], doors[7]) = (life.verdict.selector, bytes4(keccak256("enrolment(uint256)")));
        (doors[8], doors[9], doors[10]) = (life.dispute.selector, life.ruling.selector, life.service.selector);
        (doors[11], doors[12], doors[13]) = (life.hold.selector, life.release.selector, life.recovery.selector);
        (doors[14], doors[15], doors[16]) = (life.correction.selector, life.retire.selector, life.pass.selector);
        (doors[17], doors[18]) = (life.administer.selector, life.replay.selector);
        (doors[19], doors[20]) = (life.lie.selector, life.group.selector);
        targets[0] = FuzzSelector({addr: address(life), selectors: doors});
    }

    /// @dev Laws 1 and 6: history only grows. Each head is made of all events before it, and the word commits to it.
    function invariant_HeadsLeadFromBirthToTip() public view {
        life.checkHeads(false);
    }

    /// @dev Law 5.
    function invariant_FoldingTheLogsGivesEveryWord() public view {
        life.checkWords();
    }

    /// @dev Law 7, and the proof that the run meant something: every kind was recorded, lies and replays took place.
    function afterInvariant() public {
        if (life.calls() < WHOLE_LIFE) return life.freeEverything();
        say("a life: refused", life.refusals());
        say("        lies", life.bent());
        say("        replays", life.replayed());
        for (uint8 kind = Kind.RAW_MATERIAL; kind <= Kind.RETIRE; kind++) {
            say(string.concat("        recorded of kind ", vm.toString(kind)), life.countOf(kind));
            vm.assertGt(life.countOf(kind), 0, string.concat("a run that never recorded kind ", vm.toString(kind)));
        }
        vm.assertGt(life.refusals() * life.bent() * life.replayed(), 0, "a run without refusals, lies or replays");
        life.checkHeads(true);
        life.freeEverything();
    }
}
