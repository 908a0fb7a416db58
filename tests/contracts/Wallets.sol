// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IProvenanceLedger} from "../../contracts/interfaces/IProvenanceLedger.sol";

bytes4 constant ERC1271_MAGIC = 0x1626ba7e;

// Contract wallets (ERC-1271), one honest and the others attackers of whoever asks them.

/// @dev Agrees to the digests it was told.
contract HonestWallet {
    mapping(bytes32 digest => bool) public agrees;

    function agree(bytes32 digest) external {
        agrees[digest] = true;
    }

    function isValidSignature(bytes32 digest, bytes calldata) external view returns (bytes4) {
        return agrees[digest] ? ERC1271_MAGIC : bytes4(0xffffffff);
    }
}

/// @dev Agrees, after burning as much gas as it was built for; with `type(uint256).max` it burns all it gets.
contract BurningWallet {
    uint256 private immutable TO_BURN;

    constructor(uint256 toBurn) {
        TO_BURN = toBurn;
    }

    function isValidSignature(bytes32, bytes calldata) external view returns (bytes4) {
        uint256 start = gasleft();
        uint256 until = TO_BURN < start ? start - TO_BURN : 0;
        bytes32 sink;
        while (gasleft() > until) {
            sink = keccak256(abi.encode(sink));
        }
        return ERC1271_MAGIC;
    }
}

/// @dev Answers with as many bytes as its gas pays for; whoever copies them pays again. The magic value stands first.
contract FloodingWallet {
    function isValidSignature(bytes32, bytes calldata) external pure returns (bytes4) {
        bytes memory flood = new bytes(16_384);
        bytes4 magic = ERC1271_MAGIC;
        assembly ("memory-safe") {
            mstore(add(flood, 32), magic)
            return(add(flood, 32), 16384)
        }
    }
}

/// @dev Its answer is too short to be one.
contract MumblingWallet {
    function isValidSignature(bytes32, bytes calldata) external pure returns (bytes4) {
        bytes4 magic = ERC1271_MAGIC;
        assembly ("memory-safe") {
            mstore(0, magic)
            return(0, 4)
        }
    }
}

/// @dev Reverts with the very word that ends a group, to make the ledger tell a tale of its own.
contract LyingWallet {
    function isValidSignature(bytes32, bytes calldata) external pure returns (bytes4) {
        revert IProvenanceLedger.GroupEnds(0, 1);
    }
}

/// @dev Says yes, and tries to carry a batch of its own while it is asked.
contract ReentrantWallet {
    bytes public ownCall;

    function prepare(bytes calldata call_) external {
        ownCall = call_;
    }

    function isValidSignature(bytes32, bytes calldata) external returns (bytes4) {
        (bool carried,) = msg.sender.call(ownCall);
        return carried ? bytes4(0) : ERC1271_MAGIC;
    }
}

/// @dev Tries to write while it is asked.
contract WritingWallet {
    uint256 public asked;

    function isValidSignature(bytes32, bytes calldata) external returns (bytes4) {
        asked++;
        return ERC1271_MAGIC;
    }
}
