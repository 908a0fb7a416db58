// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @dev The numbers of an event in 64 bits, low to high: `a` 8 · `b` 8 · `time` 40 · `c` 7 · `consented` 1. What each
/// means depends on the kind (docs/protocol.md §4).
type Detail is uint64;

using {a, b, time, c, consented, unconsented, onlyTime} for Detail global;

// Casts below cut a field out of the word on purpose.

function a(Detail self) pure returns (uint8) {
    return uint8(Detail.unwrap(self));
}

function b(Detail self) pure returns (uint8) {
    return uint8(Detail.unwrap(self) >> 8);
}

function time(Detail self) pure returns (uint40) {
    return uint40(Detail.unwrap(self) >> 16);
}

function c(Detail self) pure returns (uint8) {
    return uint8(Detail.unwrap(self) >> 56) & 0x7f;
}

/// @dev Whether the event leans on the holder's signature.
function consented(Detail self) pure returns (bool) {
    return Detail.unwrap(self) >> 63 == 1;
}

/// @dev The detail without its `consented` bit.
function unconsented(Detail self) pure returns (uint64) {
    return Detail.unwrap(self) & type(uint64).max >> 1;
}

/// @dev `time` in its place, all else zero.
function onlyTime(Detail self) pure returns (uint64) {
    return Detail.unwrap(self) & uint64(type(uint40).max) << 16;
}
