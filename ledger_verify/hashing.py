"""Canonical bytes and their hashes: names of things, payload commitments, EIP-712 (docs/protocol.md §2 to §4).

There is one way to hash each thing and it is here. No signing, no keys of its own, no network.
"""

import hmac
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from json.encoder import encode_basestring
from struct import Struct
from typing import Any, NewType, Protocol

import rfc8785
import sha3

OrganizationId = NewType("OrganizationId", bytes)
ItemId = NewType("ItemId", bytes)
Head = NewType("Head", bytes)
EventHash = NewType("EventHash", bytes)
EventId = NewType("EventId", bytes)
Commitment = NewType("Commitment", bytes)

ZERO32 = bytes(32)
_KEY_PADDING = bytes(12)


def keccak(message: bytes) -> bytes:
    digest: bytes = sha3.keccak_256(message).digest()
    return digest


# --- names of things


def organization_id(did: str) -> OrganizationId:
    return OrganizationId(keccak(did.encode()))


def claim_holder(address: bytes | str) -> bytes:
    """A claim key's address, 20 bytes or `0x` and 40 digits, as a holder.

    Raises:
        ValueError: when it is neither.
    """
    plain = bytes.fromhex(address.removeprefix("0x")) if isinstance(address, str) else address
    if len(plain) != 20:
        raise ValueError(f"an address has 20 bytes, not {len(plain)}")
    return _KEY_PADDING + plain


def is_key(holder: bytes) -> bool:
    """Is this holder a claim key, and not an organization or nobody?"""
    return holder[:12] == _KEY_PADDING and holder != ZERO32


def is_organization(holder: bytes) -> bool:
    return holder[:12] != _KEY_PADDING


def serial_commitment(key: bytes, gtin14: str, serial: str) -> Commitment:
    """The salt makes it impossible to try serials against the chain; it comes from the brand's blinding key."""
    salt = hmac_sha256(key, b"serial\x00" + gtin14.encode("ascii") + b"\x00" + serial.encode("ascii"))
    return salted_serial(salt, gtin14, serial)


def salted_serial(salt: bytes, gtin14: str, serial: str) -> Commitment:
    """The same where the salt itself is shown, by a brand that keeps its blinding key to itself."""
    plain = serial.encode("ascii")
    return Commitment(keccak(gtin14.encode("ascii") + len(plain).to_bytes(1, "big") + plain + _exactly(salt, 32)))


def lot_commitment(key: bytes, lot: str) -> Commitment:
    return salted_lot(hmac_sha256(key, b"lot\x00" + lot.encode()), lot)


def salted_lot(salt: bytes, lot: str) -> Commitment:
    plain = lot.encode()
    return Commitment(keccak(len(plain).to_bytes(2, "big") + plain + _exactly(salt, 32)))


def item_id(brand: OrganizationId, commitment: Commitment) -> ItemId:
    return ItemId(keccak(_exactly(brand, 32) + _exactly(commitment, 32)))


def lot_id(supplier: OrganizationId, commitment: Commitment) -> ItemId:
    """A lot is named as an item is; its supplier stands where the brand does."""
    return item_id(supplier, commitment)


_MOMENT = Struct(">32s32sBHI32s")


def event_id(organization: OrganizationId, item: ItemId, kind: int, occurred_at: int, payload: Commitment) -> EventId:
    """How a repeat is recognised, by whatever road it comes. Unlike the event hash it does not know the head."""
    high, low = divmod(occurred_at, 1 << 32)
    return EventId(keccak(_MOMENT.pack(organization, item, kind, high, low, payload)))


def _exactly(text: bytes, size: int) -> bytes:
    if len(text) != size:
        raise ValueError(f"expected {size} bytes, not {len(text)}")
    return text


# --- payload commitment

_DOMAIN_TAG = b"ledger-payload-v2"
_SALT_SIZE = 16
_INNER, _OUTER = (bytes(byte ^ pad for byte in range(256)) for pad in (0x36, 0x5C))
_BLOCK_SIZE = 64


class Uncommittable(ValueError):
    """This is no JSON that every reader would read alike."""


@dataclass(frozen=True, slots=True)
class Disclosure:
    """One field of a payload, opened."""

    salt: bytes
    path: str  # RFC 6901 pointer
    value: Any


@dataclass(frozen=True, slots=True)
class PayloadCommitment:
    commitment: Commitment
    digests: tuple[bytes, ...]  # ascending, so that they tell nothing of the order of the fields


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")


def item_key(epoch_key: bytes, item: ItemId, secret: bytes = b"") -> bytes:
    """From this key come all salts of an organization's payloads on an item. `secret` is drawn for the two of them and can be destroyed:
    then withheld fields stay closed for ever, also to whoever has the epoch's key."""
    return hmac_sha256(epoch_key, b"item\x00" + item + secret)


def flatten(payload: Any) -> list[tuple[str, Any]]:
    """Leaves with their RFC 6901 pointers, in document order. An empty object or array is a leaf; nesting may be deep.

    Raises:
        Uncommittable: for a key that is no text.
    """
    leaves: list[tuple[str, Any]] = []
    waiting: list[tuple[str, Any]] = [("", payload)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, dict) and value:
            waiting.extend((f"{path}/{_pointer_token(key)}", child) for key, child in reversed(value.items()))
        elif isinstance(value, list | tuple) and value:
            waiting.extend((f"{path}/{index}", value[index]) for index in range(len(value) - 1, -1, -1))
        else:
            leaves.append((path, value))
    return leaves


def _pointer_token(key: Any) -> str:
    if not isinstance(key, str):
        raise Uncommittable(f"the key {key!r} is no text")
    return key.replace("~", "~0").replace("/", "~1") if "~" in key or "/" in key else key


def _salter(key: bytes, organization: OrganizationId, kind: int, occurred_at: int) -> Callable[[str], bytes]:
    """HMAC-SHA256 with the common beginning hashed once: `hmac.digest` for every field would cost twice as much."""
    block = _exactly(key, 32).ljust(_BLOCK_SIZE, b"\0")
    inner, outer = sha256(block.translate(_INNER)), sha256(block.translate(_OUTER))
    inner.update(_exactly(organization, 32) + kind.to_bytes(1, "big") + occurred_at.to_bytes(6, "big"))

    def salt(path: str) -> bytes:
        message, outside = inner.copy(), outer.copy()
        message.update(path.encode())
        outside.update(message.digest())
        return outside.digest()[:_SALT_SIZE]

    return salt


def seal(salt: bytes, path: str, value: Any) -> bytes:
    """What may be told of a withheld field beside its name: SHA-256 of the canonical JSON (RFC 8785) of `[hex(salt), path, value]`, the
    salt in lower case and without `0x`.

    Text, nearly all there is, is escaped by the standard library exactly as RFC 8785 §3.2.2.2 wants it.

    Raises:
        Uncommittable: a number too large to be exact everywhere or not finite, a lone surrogate, no JSON at all.
    """
    try:
        encoded = encode_basestring(value) if type(value) is str else rfc8785.dumps(value).decode()
        return sha256(f'["{salt.hex()}",{encode_basestring(path)},{encoded}]'.encode()).digest()
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
        raise Uncommittable(f"{path}: {error}") from error


def sealed_digest(path: str, sealed: bytes) -> bytes:
    """SHA-256 of the canonical JSON of `[path, hex(seal)]`: a field can be named without its value, and neither without the other's leave.

    Raises:
        UnicodeEncodeError: a lone surrogate, which no path that was read or sealed has.
    """
    return sha256(f'[{encode_basestring(path)},"{sealed.hex()}"]'.encode()).digest()


def disclosure_digest(salt: bytes, path: str, value: Any) -> bytes:
    """Of a field that is shown. Raises Uncommittable."""
    return sealed_digest(path, seal(salt, path, value))


def commitment_of(digests: Iterable[bytes]) -> Commitment:
    """From the digests alone, in any order."""
    return Commitment(sha256(_DOMAIN_TAG + b"".join(sorted(digests))).digest())


def commit_payload(payload: Any, *, item_key: bytes, organization: OrganizationId, kind: int, occurred_at: int) -> PayloadCommitment:
    """Raises Uncommittable."""
    salt = _salter(item_key, organization, kind, occurred_at)
    try:
        digests = sorted(disclosure_digest(salt(path), path, value) for path, value in flatten(payload))
    except UnicodeEncodeError as error:
        raise Uncommittable(str(error)) from error
    return PayloadCommitment(commitment_of(digests), tuple(digests))


def disclose(
    payload: Any,
    *,
    item_key: bytes,
    organization: OrganizationId,
    kind: int,
    occurred_at: int,
    paths: Collection[str] | None = None,
) -> list[Disclosure]:
    """The fields at these paths (None: all) with their salts, to show to somebody who has the digests."""
    salt = _salter(item_key, organization, kind, occurred_at)
    return [Disclosure(salt(path), path, value) for path, value in flatten(payload) if paths is None or path in paths]


def check_disclosure(disclosure: Disclosure, digests: Collection[bytes], commitment: Commitment) -> bool:
    """Is this field, as shown, one of those behind the commitment?"""
    try:
        digest = disclosure_digest(disclosure.salt, disclosure.path, disclosure.value)
    except Uncommittable:
        return False
    return digest in digests and commitment_of(digests) == commitment


# --- EIP-712

_EVENT_TYPE = "Event(bytes32 item,uint8 kind,bytes32 head,uint48 occurredAt,bytes32 party,uint64 detail,bytes32 payload)"
_BATCH_TYPE = "Batch(bytes32 organization,address signer,uint48 deadline,bool allOrNothing,Event[] events)" + _EVENT_TYPE
_CONSENT_TYPE = (
    "Consent(uint8 action,bytes32 item,bytes32 head,bytes32 oldHolder,bytes32 newHolder,uint64 detail,"
    "bytes32 carrier,bytes32 store,uint48 deadline)"
)
_ENDORSEMENT_TYPE = "Endorsement(bytes32 brand,bytes32 eventHash,uint48 deadline)"
_DOMAIN_TYPE = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"

EVENT_TYPEHASH = keccak(_EVENT_TYPE.encode())
BATCH_TYPEHASH = keccak(_BATCH_TYPE.encode())
CONSENT_TYPEHASH = keccak(_CONSENT_TYPE.encode())
ENDORSEMENT_TYPEHASH = keccak(_ENDORSEMENT_TYPE.encode())
DOMAIN_TYPEHASH = keccak(_DOMAIN_TYPE.encode())

LEDGER_NAME = "ProvenanceLedger"
VERSION = "1"

# every field is one word of 32 bytes, numbers at its end
_EVENT = Struct(">32s32s31xB32s24xQ32s24xQ32s")
_BATCH = Struct(">32s32s12x20s24xQ31x?32s")
_CONSENT = Struct(">32s31xB32s32s32s32s24xQ32s32s24xQ")
_ENDORSEMENT = Struct(">32s32s32s24xQ")


class EventFields(Protocol):
    """The seven signed fields; `state.Event` has them, and has checked their sizes."""

    @property
    def item(self) -> ItemId: ...
    @property
    def kind(self) -> int: ...
    @property
    def head(self) -> Head: ...
    @property
    def occurred_at(self) -> int: ...
    @property
    def party(self) -> bytes: ...
    @property
    def detail(self) -> int: ...
    @property
    def payload(self) -> Commitment: ...


def domain_separator(chain_id: int, contract: bytes, *, name: str = LEDGER_NAME) -> bytes:
    names = keccak(name.encode()) + keccak(VERSION.encode())
    return keccak(DOMAIN_TYPEHASH + names + chain_id.to_bytes(32, "big") + _KEY_PADDING + _exactly(contract, 20))


def event_hash(event: EventFields) -> EventHash:
    """`hashStruct(Event)`, without domain: the same event has one hash on every chain, its batch binds the domain."""
    return EventHash(
        keccak(_EVENT.pack(EVENT_TYPEHASH, event.item, event.kind, event.head, event.occurred_at, event.party, event.detail, event.payload))
    )


def next_head(head: Head, event_hash: EventHash, organization: OrganizationId) -> Head:
    return Head(keccak(head + event_hash + organization))


def batch_hash(
    organization: OrganizationId, signer: bytes, deadline: int, all_or_nothing: bool, event_hashes: Sequence[EventHash]
) -> bytes:
    events = keccak(b"".join(event_hashes))
    return keccak(_BATCH.pack(BATCH_TYPEHASH, organization, _exactly(signer, 20), deadline, all_or_nothing, events))


def typed_digest(domain_separator: bytes, struct_hash: bytes) -> bytes:
    """What is signed."""
    return keccak(b"\x19\x01" + domain_separator + struct_hash)


def batch_digest(domain_separator: bytes, batch_hash: bytes) -> bytes:
    return typed_digest(domain_separator, batch_hash)


def consent_digest(
    domain_separator: bytes,
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
) -> bytes:
    """What a holder signs (docs/protocol.md §6 says which head and holders). Carrier zero: anybody; store zero: not booked."""
    fields = (action, item, head, old_holder, new_holder, detail, carrier, store, deadline)
    return typed_digest(domain_separator, keccak(_CONSENT.pack(CONSENT_TYPEHASH, *fields)))


def endorsement_digest(domain_separator: bytes, *, brand: OrganizationId, event_hash: EventHash, deadline: int) -> bytes:
    """What a member brand signs when somebody else enrols an item of its."""
    return typed_digest(domain_separator, keccak(_ENDORSEMENT.pack(ENDORSEMENT_TYPEHASH, brand, event_hash, deadline)))
