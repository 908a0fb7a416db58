// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @dev What an organization may do, beside a signer in one word and as the value of a checkpoint: admitted 1 bit · suspended 1 ·
/// zero 6 · roles 8. In an answer two more bits tell of what was asked along: the signer is active 1 · the accreditation
/// covers 1.
type Standing is uint96;

using {isAdmitted, isSuspended, withSigner, speaks, isAccredited, withAccreditation, roles} for Standing global;

/// @dev Of an organization that is admitted.
function packStanding(uint8 roles_, bool suspended) pure returns (Standing) {
    return Standing.wrap(uint96(roles_) << 8 | (suspended ? 3 : 1));
}

function isAdmitted(Standing self) pure returns (bool) {
    return Standing.unwrap(self) & 1 != 0;
}

function isSuspended(Standing self) pure returns (bool) {
    return Standing.unwrap(self) & 2 != 0;
}

/// @dev Admitted, not suspended, and by an active signer.
function speaks(Standing self) pure returns (bool) {
    return Standing.unwrap(self) & 7 == 5;
}

function withSigner(Standing self) pure returns (Standing) {
    return Standing.wrap(Standing.unwrap(self) | 4);
}

function isAccredited(Standing self) pure returns (bool) {
    return Standing.unwrap(self) & 8 != 0;
}

function withAccreditation(Standing self) pure returns (Standing) {
    return Standing.wrap(Standing.unwrap(self) | 8);
}

function roles(Standing self) pure returns (uint8) {
    return uint8(Standing.unwrap(self) >> 8); // the cast cuts the field out
}
