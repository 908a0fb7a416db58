// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Approval, Event, SignedBatch} from "../../contracts/interfaces/IProvenanceLedger.sol";
import {Detail} from "../../contracts/types/Detail.sol";
import {vm} from "./Vm.sol";

// The EIP-712 hashes of docs/protocol.md §4, written a second time in the plainest way, so that a mistake in the
// contract's faster hashing cannot hide in its tests.

string constant EVENT_TYPE =
    "Event(bytes32 item,uint8 kind,bytes32 head,uint48 occurredAt,bytes32 party,uint64 detail,bytes32 payload)";
string constant BATCH_TYPE =
    "Batch(bytes32 organization,address signer,uint48 deadline,bool allOrNothing,Event[] events)";
string constant CONSENT_TYPE =
    "Consent(uint8 action,bytes32 item,bytes32 head,bytes32 oldHolder,bytes32 newHolder,uint64 detail,bytes32 carrier,bytes32 store,uint48 deadline)";
string constant ENDORSEMENT_TYPE = "Endorsement(bytes32 brand,bytes32 eventHash,uint48 deadline)";
string constant ACCREDIT_TYPE =
    "Accredit(bytes32 brand,bytes32 organization,uint8 role,uint64 scope,uint48 from,uint48 until,uint256 nonce,uint48 deadline)";
string constant DOMAIN_TYPE = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";

library Hashes {
    function ofEvent(Event memory e) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(keccak256(bytes(EVENT_TYPE)), e.item, e.kind, e.head, e.occurredAt, e.party, e.detail, e.payload)
        );
    }

    function ofBatch(SignedBatch memory batch) internal pure returns (bytes32) {
        bytes memory hashes;
        for (uint256 i = 0; i < batch.events.length; i++) {
            hashes = bytes.concat(hashes, ofEvent(batch.events[i]));
        }
        return keccak256(
            abi.encode(
                keccak256(bytes(string.concat(BATCH_TYPE, EVENT_TYPE))),
                batch.organization,
                batch.signer,
                batch.deadline,
                batch.allOrNothing,
                keccak256(hashes)
            )
        );
    }

    function ofConsent(Event memory e, bytes32 head, bytes32 oldHolder, Approval memory approval)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(
            abi.encode(
                keccak256(bytes(CONSENT_TYPE)),
                e.kind,
                e.item,
                head,
                oldHolder,
                e.party,
                Detail.unwrap(e.detail),
                approval.carrier,
                approval.store,
                approval.deadline
            )
        );
    }

    function ofEndorsement(bytes32 brand, bytes32 eventHash, uint48 deadline) internal pure returns (bytes32) {
        return keccak256(abi.encode(keccak256(bytes(ENDORSEMENT_TYPE)), brand, eventHash, deadline));
    }

    /// @dev The chain by the cheatcode: a compiler may take `block.chainid` for a constant, and some tests change it.
    function domain(string memory name, address target) internal view returns (bytes32) {
        return keccak256(
            abi.encode(keccak256(bytes(DOMAIN_TYPE)), keccak256(bytes(name)), keccak256("1"), vm.getChainId(), target)
        );
    }

    /// @dev What a key signs.
    function digest(bytes32 domainSeparator, bytes32 structHash) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", domainSeparator, structHash));
    }
}
