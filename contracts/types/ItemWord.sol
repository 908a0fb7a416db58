// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @dev All that is stored of an item, most significant first: sequence 32 · stage 8 · verdict 8 · holds 8 · commit 200.
/// The word of an unborn item is zero. See docs/decisions/one-word-per-item.md.
type ItemWord is uint256;

using {
    sequence,
    stage,
    verdict,
    holds,
    isUnborn,
    isBornAs,
    withStage,
    withVerdict,
    withHolds,
    next
} for ItemWord global;

uint256 constant COMMIT_MASK = type(uint200).max;

// Casts below cut a field out of the word on purpose.

function sequence(ItemWord self) pure returns (uint32) {
    return uint32(ItemWord.unwrap(self) >> 224);
}

function stage(ItemWord self) pure returns (uint8) {
    return uint8(ItemWord.unwrap(self) >> 216);
}

function verdict(ItemWord self) pure returns (uint8) {
    return uint8(ItemWord.unwrap(self) >> 208);
}

function holds(ItemWord self) pure returns (uint8) {
    return uint8(ItemWord.unwrap(self) >> 200);
}

function isUnborn(ItemWord self) pure returns (bool) {
    return ItemWord.unwrap(self) == 0;
}

/// @dev Whether a hash of the rest is what the word commits to: 200 bits of it, more than an address has.
function isBornAs(ItemWord self, bytes32 commitment) pure returns (bool) {
    return (ItemWord.unwrap(self) ^ uint256(commitment)) & COMMIT_MASK == 0;
}

function withStage(ItemWord self, uint8 stage_) pure returns (ItemWord) {
    return ItemWord.wrap(ItemWord.unwrap(self) & ~(uint256(type(uint8).max) << 216) | uint256(stage_) << 216);
}

function withVerdict(ItemWord self, uint8 verdict_) pure returns (ItemWord) {
    return ItemWord.wrap(ItemWord.unwrap(self) & ~(uint256(type(uint8).max) << 208) | uint256(verdict_) << 208);
}

function withHolds(ItemWord self, uint8 holds_) pure returns (ItemWord) {
    return ItemWord.wrap(ItemWord.unwrap(self) & ~(uint256(type(uint8).max) << 200) | uint256(holds_) << 200);
}

/// @dev The word after one more event. Reverts when the sequence is full: the addition is checked.
function next(ItemWord self, bytes32 commitment) pure returns (ItemWord) {
    uint256 clear = (ItemWord.unwrap(self) & ~COMMIT_MASK) + (1 << 224);
    return ItemWord.wrap(clear | uint256(commitment) & COMMIT_MASK);
}
