"""The EIP-712 messages as JSON, so that any wallet can show and sign what `hashing` hashes.

Numbers are plain integers and bytes `0x`-hex, as `eth_signTypedData_v4` takes them.
"""

from collections.abc import Sequence
from typing import Any

from ledger_verify.hashing import LEDGER_NAME, VERSION, EventFields, EventHash, Head, ItemId, OrganizationId

Json = dict[str, Any]


def _fields(text: str) -> list[Json]:
    """`"bytes32 item, uint8 kind"` as EIP-712 wants its types in JSON."""
    return [{"name": name, "type": kind} for kind, name in (field.split() for field in text.split(","))]


_TYPES = {
    "EIP712Domain": _fields("string name, string version, uint256 chainId, address verifyingContract"),
    "Event": _fields("bytes32 item, uint8 kind, bytes32 head, uint48 occurredAt, bytes32 party, uint64 detail, bytes32 payload"),
    "Batch": _fields("bytes32 organization, address signer, uint48 deadline, bool allOrNothing, Event[] events"),
    "Consent": _fields(
        "uint8 action, bytes32 item, bytes32 head, bytes32 oldHolder, bytes32 newHolder, uint64 detail,"
        "bytes32 carrier, bytes32 store, uint48 deadline"
    ),
    "Endorsement": _fields("bytes32 brand, bytes32 eventHash, uint48 deadline"),
}


def batch_typed_data(
    chain_id: int,
    contract: bytes,
    *,
    organization: OrganizationId,
    signer: bytes,
    deadline: int,
    all_or_nothing: bool,
    events: Sequence[EventFields],
) -> Json:
    message = {
        "organization": _hex(organization),
        "signer": _hex(signer),
        "deadline": deadline,
        "allOrNothing": all_or_nothing,
        "events": [_event(event) for event in events],
    }
    return _typed(chain_id, contract, "Batch", message, "Event")


def consent_typed_data(
    chain_id: int,
    contract: bytes,
    *,
    action: int,
    item: ItemId,
    head: Head,
    old_holder: bytes,
    new_holder: bytes,
    detail: int,
    carrier: bytes,
    store: bytes,
    deadline: int,
) -> Json:
    message = {
        "action": action,
        "item": _hex(item),
        "head": _hex(head),
        "oldHolder": _hex(old_holder),
        "newHolder": _hex(new_holder),
        "detail": detail,
        "carrier": _hex(carrier),
        "store": _hex(store),
        "deadline": deadline,
    }
    return _typed(chain_id, contract, "Consent", message)


def endorsement_typed_data(chain_id: int, contract: bytes, *, brand: OrganizationId, event_hash: EventHash, deadline: int) -> Json:
    message = {"brand": _hex(brand), "eventHash": _hex(event_hash), "deadline": deadline}
    return _typed(chain_id, contract, "Endorsement", message)


def _event(event: EventFields) -> Json:
    return {
        "item": _hex(event.item),
        "kind": event.kind,
        "head": _hex(event.head),
        "occurredAt": event.occurred_at,
        "party": _hex(event.party),
        "detail": event.detail,
        "payload": _hex(event.payload),
    }


def _typed(chain_id: int, contract: bytes, primary: str, message: Json, *used: str) -> Json:
    return {
        "types": {name: _TYPES[name] for name in ("EIP712Domain", primary, *used)},
        "primaryType": primary,
        "domain": {"name": LEDGER_NAME, "version": VERSION, "chainId": chain_id, "verifyingContract": _hex(contract)},
        "message": message,
    }


def _hex(plain: bytes) -> str:
    return "0x" + plain.hex()
