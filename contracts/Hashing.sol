// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Approval, Aside, Event, SignedBatch} from "./interfaces/IProvenanceLedger.sol";
import {Facts} from "./types/Facts.sol";

/// @title Every hash of docs/protocol.md, and nothing else
/// @dev Pure. A field that does not fit its type reverts while it is encoded: only a carrier can make one, because
/// nobody signs it.
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

    function hashEvent(Event calldata occurrence) internal pure returns (bytes32) {
        return keccak256(abi.encode(EVENT_TYPEHASH, occurrence));
    }

    function hashEvents(Event[] calldata events) internal pure returns (bytes32[] memory eventHashes) {
        uint256 count = events.length;
        eventHashes = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            eventHashes[i] = hashEvent(events[i]);
        }
    }

    function hashBatch(SignedBatch calldata batch, bytes32[] memory eventHashes) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                BATCH_TYPEHASH,
                batch.organization,
                batch.signer,
                batch.deadline,
                batch.allOrNothing,
                keccak256(abi.encodePacked(eventHashes))
            )
        );
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

    function nextHead(bytes32 head, bytes32 eventHash, bytes32 organization) internal pure returns (bytes32) {
        return keccak256(abi.encode(head, eventHash, organization));
    }

    /// @dev An item's or a lot's id.
    function idOf(bytes32 maker, bytes32 commitment) internal pure returns (bytes32) {
        return keccak256(abi.encode(maker, commitment));
    }

    /// @dev What a word keeps of all that is not in clear. 200 bits: more than an address has.
    function commit(bytes32 head, bytes32 holder, bytes32 brand, Facts facts, bytes32 aside)
        internal
        pure
        returns (uint200)
    {
        return uint200(uint256(keccak256(abi.encode(head, holder, brand, facts, aside))));
    }

    function hashAside(Aside memory aside) internal pure returns (bytes32) {
        return keccak256(abi.encode(aside));
    }
}
