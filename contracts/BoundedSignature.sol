// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

import {IProvenanceLedger} from "./interfaces/IProvenanceLedger.sol";

/// @title Ask a key or a contract wallet whether it signed, without trusting the wallet with the transaction
/// @dev OpenZeppelin's checker passes all gas on; a wallet could burn what its neighbours in the batch need.
library BoundedSignature {
    uint256 internal constant WALLET_GAS = 150_000;

    /// @dev What a carrier must leave beside the cap: the 63/64 rule, the call itself, and to end the batch in peace.
    uint256 private constant GAS_BESIDE = 20_000;

    function isKeysOwn(address key, bytes32 digest, bytes calldata signature) internal pure returns (bool) {
        (address recovered, ECDSA.RecoverError failure,) = ECDSA.tryRecoverCalldata(digest, signature);
        return failure == ECDSA.RecoverError.NoError && recovered == key;
    }

    /// @dev Reverts with `GasStarved` where the carrier left too little gas for the wallet to have its full cap: a
    /// refusal must never depend on the carrier's gas.
    function isSigners(address signer, bytes32 digest, bytes calldata signature) internal view returns (bool) {
        if (isKeysOwn(signer, digest, signature)) return true;
        if (signer.code.length == 0) return false;

        bytes memory question = abi.encodeCall(IERC1271.isValidSignature, (digest, signature));
        if (gasleft() < WALLET_GAS * 64 / 63 + GAS_BESIDE) revert IProvenanceLedger.GasStarved();
        return _ask(signer, question) == IERC1271.isValidSignature.selector;
    }

    /// @return answer the first 32 bytes; zero where the call failed or answered less
    function _ask(address wallet, bytes memory question) private view returns (bytes32 answer) {
        // Why: docs/decisions/bounded-erc1271-call.md
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            if staticcall(WALLET_GAS, wallet, add(question, 0x20), mload(question), 0x00, 0x20) {
                if gt(returndatasize(), 0x1f) { answer := mload(0x00) }
            }
        }
    }
}
