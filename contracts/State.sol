// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Hashing} from "./Hashing.sol";
import {Aside} from "./interfaces/IProvenanceLedger.sol";
import {Facts} from "./types/Facts.sol";
import {ItemWord} from "./types/ItemWord.sol";
import {HoldKind} from "./types/Numbers.sol";

/// @dev An item, opened. The first five words, in this order, are what its word commits to.
struct State {
    bytes32 head;
    bytes32 holder;
    bytes32 brand;
    Facts facts;
    bytes32 asideHash; // zero: there is none
    ItemWord word; // its clear part; the commitment in it is the stored one
    bytes32[] aside; // the words of an `Aside`; empty while there is none
}

using States for State global;

/// @dev Where the words of an aside lie. The setter of a hold lies at the hold's own index.
library AsideField {
    uint256 internal constant VERIFICATION_UNTIL = 5;
    uint256 internal constant STOLEN_RELEASE_AT = 6;
    uint256 internal constant DISPUTED_AT = 7;
    uint256 internal constant RECOVERY_KEY = 8;
    uint256 internal constant RECOVERY_READY_AT = 9;
    uint256 internal constant COUNT = 10;
}

/// @title An item's word, opened and closed
/// @dev One `State` serves a whole batch: whatever opens it fills every field.
library States {
    /// @dev From the carrier's words; `isOpen` says whether they are true.
    function fillAside(State memory state, Aside calldata opened) internal pure {
        bytes32[] memory words = new bytes32[](AsideField.COUNT);
        for (uint256 hold = 0; hold < HoldKind.COUNT; ++hold) {
            words[hold] = opened.setters[hold];
        }
        words[AsideField.VERIFICATION_UNTIL] = bytes32(uint256(opened.verificationUntil));
        words[AsideField.STOLEN_RELEASE_AT] = bytes32(uint256(opened.stolenReleaseAt));
        words[AsideField.DISPUTED_AT] = bytes32(uint256(opened.disputedAt));
        words[AsideField.RECOVERY_KEY] = bytes32(uint256(uint160(opened.recoveryKey)));
        words[AsideField.RECOVERY_READY_AT] = bytes32(uint256(opened.recoveryReadyAt));
        state.aside = words;
        state.asideHash = Hashing.hashWords(words);
    }

    function clearAside(State memory state) internal pure {
        bytes32[] memory none;
        state.aside = none;
        state.asideHash = 0;
    }

    function isOpen(State memory state) internal pure returns (bool) {
        return state.word.isBornAs(commitment(state));
    }

    /// @notice The word after the event that changed `state`.
    function close(State memory state) internal pure returns (ItemWord) {
        if (state.aside.length != 0) _closeAside(state);
        state.word = state.word.next(commitment(state));
        return state.word;
    }

    /// @dev Says in the facts whether there is an aside.
    function _closeAside(State memory state) private pure {
        bytes32[] memory words = state.aside;
        bytes32 any;
        for (uint256 i = 0; i < AsideField.COUNT; ++i) {
            any |= words[i];
        }
        state.facts = state.facts.withHasAside(any != 0);
        state.asideHash = any != 0 ? Hashing.hashWords(words) : bytes32(0);
    }

    /// @dev The five words lie in line.
    function commitment(State memory state) internal pure returns (bytes32 hash) {
        // Why: docs/decisions/assembly-for-hashing.md
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            hash := keccak256(state, 0xa0)
        }
    }

    /// @dev Zero where there is no aside.
    function asideAt(State memory state, uint256 field) internal pure returns (uint256) {
        return state.aside.length == 0 ? 0 : uint256(state.aside[field]);
    }

    function putAside(State memory state, uint256 field, uint256 content) internal pure {
        if (state.aside.length == 0) state.aside = new bytes32[](AsideField.COUNT);
        state.aside[field] = bytes32(content);
    }

    /// @dev Who set a hold; zero where it is not set.
    function setterOf(State memory state, uint256 hold) internal pure returns (bytes32) {
        return bytes32(asideAt(state, hold));
    }
}
