// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @dev What an accreditation lets do, as one word and as the value of a checkpoint, most significant first: scope 64 ·
/// from 48 · until 48.
type Grant is uint160;

using {scope, from, until, covers} for Grant global;

function packGrant(uint64 scope_, uint48 from_, uint48 until_) pure returns (Grant) {
    return Grant.wrap(uint160(scope_) << 96 | uint160(from_) << 48 | until_);
}

// Casts below cut a field out of the word on purpose.

function scope(Grant self) pure returns (uint64) {
    return uint64(Grant.unwrap(self) >> 96);
}

function from(Grant self) pure returns (uint48) {
    return uint48(Grant.unwrap(self) >> 48);
}

/// @dev Zero: no end.
function until(Grant self) pure returns (uint48) {
    return uint48(Grant.unwrap(self));
}

/// @dev Whether a category is in the scope and a moment in the window, which is half open.
function covers(Grant self, uint8 category, uint256 moment) pure returns (bool) {
    // A shift by more than the mask is wide gives zero: an unknown category is in no scope.
    if (self.scope() >> category & 1 == 0) return false;
    return self.from() <= moment && (self.until() == 0 || moment < self.until());
}
