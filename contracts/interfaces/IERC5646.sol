// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @dev https://eips.ethereum.org/EIPS/eip-5646
interface IERC5646 {
    /// @return The state of a token in 32 bytes: two equal answers, no change between them.
    function getStateFingerprint(uint256 tokenId) external view returns (bytes32);
}
