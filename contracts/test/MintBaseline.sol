// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";

/// @title What an item costs as an OpenZeppelin token
/// @notice A yardstick of benchmarks/GAS.md. Anybody may mint: it is deployed nowhere else.
contract MintBaseline is ERC721("Yardstick", "YARD") {
    function mint(address to, uint256 tokenId) external {
        _mint(to, tokenId);
    }

    function mintMany(address to, uint256[] calldata tokenIds) external {
        for (uint256 i = 0; i < tokenIds.length; ++i) {
            _mint(to, tokenIds[i]);
        }
    }
}
