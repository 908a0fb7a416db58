// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";

import {Approval, Event, SignedBatch} from "./interfaces/IProvenanceLedger.sol";

/// @title Every hash of docs/protocol.md, and nothing else
/// @dev Pure. The assembly hashes words where they lie instead of copying them to new memory first
/// (docs/decisions/assembly-for-hashing.md).
library Hashing {
    bytes32 internal constant EVENT_TYPEHASH = keccak256(
        "Event(bytes32 item,uint8 kind,bytes32 head,uint48 occurredAt,bytes32 party,uint64 detail,bytes32 payload)"
    );
    bytes32 internal constant BATCH_TYPEHASH = keccak256(
        "Batch(bytes32 organization,address signer,uint48 deadline,bool allOrNothing,Event[] events)"
        "Event(bytes32 item,uint8 kind,bytes32 head,uint48 occurredAt,bytes32 party,uint64 detail,bytes32 payload)"
    );
    bytes32 internal constant CONSENT_TYPEHASH = keccak256(
        "Consent(uint8 action,bytes32 item,bytes32 head,bytes32 oldHolder,bytes32 newHolder,uint64 detail,bytes32 carrier,bytes32 store,uint48 deadline)"
    );
    bytes32 internal constant ENDORSEMENT_TYPEHASH =
        keccak256("Endorsement(bytes32 brand,bytes32 eventHash,uint48 deadline)");

    /// @dev An event's seven calldata words are its EIP-712 encoding. A word that does not fit its type makes a hash
    /// that nobody signs, and reverts as soon as it is read.
    function hashEvent(Event calldata occurrence) internal pure returns (bytes32 eventHash) {
        bytes32 typeHash = EVENT_TYPEHASH;
        // Why: docs/decisions/assembly-for-hashing.md
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, typeHash)
            calldatacopy(add(free, 0x20), occurrence, 0xe0)
            eventHash := keccak256(free, 0x100)
        }
    }

    function hashEvents(Event[] calldata events) internal pure returns (bytes32[] memory eventHashes) {
        uint256 count = events.length;
        eventHashes = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            eventHashes[i] = hashEvent(events[i]);
        }
    }

    /// @dev A batch's first four calldata words are the start of its EIP-712 encoding.
    function hashBatch(SignedBatch calldata batch, bytes32[] memory eventHashes)
        internal
        pure
        returns (bytes32 batchHash)
    {
        bytes32 typeHash = BATCH_TYPEHASH;
        bytes32 eventsHash = hashWords(eventHashes);
        // Why: docs/decisions/assembly-for-hashing.md
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, typeHash)
            calldatacopy(add(free, 0x20), batch, 0x80)
            mstore(add(free, 0xa0), eventsHash)
            batchHash := keccak256(free, 0xc0)
        }
    }

    /// @dev An array's words lie in line behind its length.
    function hashWords(bytes32[] memory words) internal pure returns (bytes32 wordsHash) {
        // Why: docs/decisions/assembly-for-hashing.md
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            wordsHash := keccak256(add(words, 0x20), mul(mload(words), 0x20))
        }
    }

    function hashConsent(Event calldata occurrence, bytes32 head, bytes32 oldHolder, Approval calldata approval)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(
            abi.encode(
                CONSENT_TYPEHASH,
                occurrence.kind,
                occurrence.item,
                head,
                oldHolder,
                occurrence.party,
                occurrence.detail,
                approval.carrier,
                approval.store,
                approval.deadline
            )
        );
    }

    function hashEndorsement(bytes32 brand, bytes32 eventHash, uint48 deadline) internal pure returns (bytes32) {
        return keccak256(abi.encode(ENDORSEMENT_TYPEHASH, brand, eventHash, deadline));
    }

    function nextHead(bytes32 head, bytes32 eventHash, bytes32 organization) internal pure returns (bytes32 next) {
        // Why: docs/decisions/assembly-for-hashing.md
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, head)
            mstore(add(free, 0x20), eventHash)
            mstore(add(free, 0x40), organization)
            next := keccak256(free, 0x60)
        }
    }

    /// @dev An item's or a lot's id.
    function idOf(bytes32 maker, bytes32 commitment) internal pure returns (bytes32) {
        return Hashes.efficientKeccak256(maker, commitment);
    }
}
