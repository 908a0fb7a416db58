// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @dev All that is stored of an item, most significant first: sequence 32 · stage 8 · verdict 8 · holds 8 · commit 200.
/// The word of an unborn item is zero. See docs/decisions/one-word-per-item.md.
type ItemWord is uint256;

using {sequence, stage, verdict, holds, commit, isUnborn} for ItemWord global;

// Casts below cut a field out of the word on purpose.

function packItemWord(uint32 sequence_, uint8 stage_, uint8 verdict_, uint8 holds_, uint200 commit_)
    pure
    returns (ItemWord)
{
    return ItemWord.wrap(
        uint256(sequence_) << 224 | uint256(stage_) << 216 | uint256(verdict_) << 208 | uint256(holds_) << 200 | commit_
    );
}

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

/// @dev What a witness must hash to.
function commit(ItemWord self) pure returns (uint200) {
    return uint200(ItemWord.unwrap(self));
}

function isUnborn(ItemWord self) pure returns (bool) {
    return ItemWord.unwrap(self) == 0;
}
