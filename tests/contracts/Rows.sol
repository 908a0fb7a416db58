// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Detail} from "../../contracts/types/Detail.sol";
import {Reason} from "../../contracts/types/Numbers.sol";
import {Entry, Member} from "./Pen.sol";
import {World} from "./World.sol";

/// @dev Ways to spoil a good entry that every kind shares. A row of the table "reason × kind" (README.md) is one test.
abstract contract Rows is World {
    bytes32 internal constant NOBODY = keccak256("did:web:nobody.example");
    uint48 internal constant SKEW = 900;

    function withParty(Entry memory n, bytes32 party) internal pure returns (Entry memory) {
        n.e.party = party;
        return n;
    }

    function withDetail(Entry memory n, uint64 detail) internal pure returns (Entry memory) {
        n.e.detail = Detail.wrap(detail);
        return n;
    }

    function inTheFuture(Entry memory n) internal view returns (Entry memory) {
        n.e.occurredAt = now_() + SKEW + 1;
        return n;
    }

    function beforeTheLast(Entry memory n) internal view returns (Entry memory) {
        n.e.occurredAt = known(n.e.item).lastOccurredAt - 1;
        return n;
    }

    /// @dev The signer saw another history; the carrier still opens the word.
    function onAnotherHead(Entry memory n) internal pure returns (Entry memory) {
        n.e.head = keccak256("another head");
        return n;
    }

    /// @dev Every field that a kind does not name, in turn: `a`, `b`, `time`, `c` and `consented` as the mask says.
    function refusedWithEveryOtherField(Member memory by, Entry memory n, uint64 unnamed) internal {
        uint64[5] memory fields = [uint64(1), 1 << 8, 1 << 16, 1 << 56, 1 << 63];
        uint64 good = Detail.unwrap(n.e.detail);
        for (uint256 i = 0; i < fields.length; i++) {
            if (unnamed & fields[i] != 0) refused(by, withDetail(n, good | fields[i]), Reason.MALFORMED);
        }
        n.e.detail = Detail.wrap(good);
    }

    uint64 internal constant A = 1;
    uint64 internal constant B = 1 << 8;
    uint64 internal constant TIME = 1 << 16;
    uint64 internal constant C = 1 << 56;
    uint64 internal constant CONSENTED = 1 << 63;
}
