// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @dev A key of an organization, as one word and as the value of a checkpoint: active 1 bit · zero 7 · compromised since
/// block 48.
type Signer is uint160;

using {isActive, compromisedSince, activated, retired, compromised} for Signer global;

function isActive(Signer self) pure returns (bool) {
    return Signer.unwrap(self) & 1 != 0;
}

/// @dev Zero: not marked.
function compromisedSince(Signer self) pure returns (uint48) {
    return uint48(Signer.unwrap(self) >> 8); // the cast cuts the field out
}

function activated(Signer self) pure returns (Signer) {
    return Signer.wrap(Signer.unwrap(self) | 1);
}

function retired(Signer self) pure returns (Signer) {
    return Signer.wrap(Signer.unwrap(self) & ~uint160(1));
}

/// @dev And retired.
function compromised(Signer, uint48 sinceBlock) pure returns (Signer) {
    return Signer.wrap(uint160(sinceBlock) << 8);
}
