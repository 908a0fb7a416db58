// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @dev The small facts of an item that its word commits to, low to high: lastOccurredAt 48 · category 8 ·
/// verdictMethod 8 · verdictAt 48 · verdictExpiry 48 · verdictSequence 32 · hasAside 8 · zero.
type Facts is uint256;

using {
    lastOccurredAt,
    category,
    verdictMethod,
    verdictExpiry,
    verdictSequence,
    hasAside,
    withLastOccurredAt,
    withCategory,
    withVerdict,
    withHasAside
} for Facts global;

uint256 constant VERDICT_MASK = uint256(type(uint136).max) << 56;

// Casts below cut a field out of the word on purpose.

function lastOccurredAt(Facts self) pure returns (uint48) {
    return uint48(Facts.unwrap(self));
}

function category(Facts self) pure returns (uint8) {
    return uint8(Facts.unwrap(self) >> 48);
}

function verdictMethod(Facts self) pure returns (uint8) {
    return uint8(Facts.unwrap(self) >> 56);
}

/// @dev Unix seconds; zero: the effective verdict does not expire.
function verdictExpiry(Facts self) pure returns (uint48) {
    return uint48(Facts.unwrap(self) >> 112);
}

/// @dev The sequence of the event that is the effective verdict; zero: there is none.
function verdictSequence(Facts self) pure returns (uint32) {
    return uint32(Facts.unwrap(self) >> 160);
}

function hasAside(Facts self) pure returns (bool) {
    return uint8(Facts.unwrap(self) >> 192) != 0;
}

function withLastOccurredAt(Facts self, uint48 occurredAt) pure returns (Facts) {
    return Facts.wrap(Facts.unwrap(self) & ~uint256(type(uint48).max) | occurredAt);
}

function withCategory(Facts self, uint8 category_) pure returns (Facts) {
    return Facts.wrap(Facts.unwrap(self) & ~(uint256(type(uint8).max) << 48) | uint256(category_) << 48);
}

/// @dev All four zero: no effective verdict.
function withVerdict(Facts self, uint8 method, uint48 occurredAt, uint48 expiry, uint32 sequence) pure returns (Facts) {
    uint256 verdict =
        uint256(method) << 56 | uint256(occurredAt) << 64 | uint256(expiry) << 112 | uint256(sequence) << 160;
    return Facts.wrap(Facts.unwrap(self) & ~VERDICT_MASK | verdict);
}

function withHasAside(Facts self, bool has) pure returns (Facts) {
    return Facts.wrap(Facts.unwrap(self) & ~(uint256(type(uint8).max) << 192) | (has ? 1 << 192 : 0));
}
