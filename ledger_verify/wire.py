"""Bytes on their way to and from the ledger: the calldata of `record`, and its logs (docs/protocol.md §6).

Plain `struct` on 32-byte words, because these are the two hot paths: encoding and decoding by the types of the ABI costs
a hundred times as much. Tests hold both to the compiled ABI. Nothing here connects to anything.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from struct import Struct

from ledger_verify.hashing import ZERO32, Commitment, EventHash, Head, ItemId, OrganizationId, keccak
from ledger_verify.logs import BatchRefused, Enrolled, Log, Recorded, Refused, ReleasedByOrder
from ledger_verify.state import UNBORN, Aside, Event, Link, Opening, State, encode_aside, facts

__all__ = [
    "BATCH_REFUSED",
    "ENROLLED",
    "NO_WITNESS",
    "RECORDED",
    "RECORD_SELECTOR",
    "REFUSED",
    "RELEASED_BY_ORDER",
    "Approval",
    "Aside",
    "BatchRefused",
    "Enrolled",
    "Link",
    "Log",
    "Opening",
    "Recorded",
    "Refused",
    "ReleasedByOrder",
    "SignedBatch",
    "UnknownLog",
    "Witness",
    "decode_log",
    "encode_record",
    "witness_of",
]


@dataclass(frozen=True, slots=True)
class Witness:
    """The rest of an item that its word commits to. A zero head means: the same as the event's."""

    head: Head
    holder: bytes
    brand: OrganizationId
    facts: int


NO_WITNESS = Witness(UNBORN.head, UNBORN.holder, UNBORN.brand, 0)


def witness_of(state: State, event: Event) -> Witness:
    """What opens the item's word for this event. Zero bytes are the cheapest, so a head that the event names is left out."""
    if state.stage == 0:
        return NO_WITNESS
    head = Head(ZERO32) if event.head == state.head else state.head
    return Witness(head, state.holder, state.brand, facts(state))


@dataclass(frozen=True, slots=True)
class Approval:
    """The holder's key agrees to the event at this index."""

    index: int
    carrier: bytes  # organization that may carry it; zero: any
    store: bytes  # zero: not booked
    deadline: int
    signature: bytes

    def __post_init__(self) -> None:
        if not len(self.carrier) == len(self.store) == 32:
            raise ValueError("carrier and store of an approval have 32 bytes each")


@dataclass(frozen=True, slots=True)
class SignedBatch:
    """Events of one organization under one signature, and what their carrier adds. Openings and approvals rise by index.

    Raises:
        ValueError: for names or a number of witnesses that do not fit; the contract would only revert.
    """

    organization: OrganizationId
    signer: bytes  # 20 bytes
    deadline: int
    all_or_nothing: bool
    events: Sequence[Event]
    witnesses: Sequence[Witness]
    openings: Sequence[Opening] = ()
    approvals: Sequence[Approval] = ()
    signature: bytes = b""

    def __post_init__(self) -> None:
        if len(self.organization) != 32 or len(self.signer) != 20:
            raise ValueError("an organization has 32 bytes and a signer 20")
        if len(self.witnesses) != len(self.events):
            raise ValueError("every event has one witness")


# --- calldata of record(SignedBatch[])

_EVENT_ABI = "(bytes32,uint8,bytes32,uint48,bytes32,uint64,bytes32)"
_WITNESS_ABI = "(bytes32,bytes32,bytes32,uint256)"
_ASIDE_ABI = "(bytes32[5],uint48,uint48,uint48,address,uint48)"
_OPENING_ABI = f"(uint16,{_ASIDE_ABI},bytes32,bytes32,bytes32,(bytes32,bytes32)[],address,uint48,bytes)"
_APPROVAL_ABI = "(uint16,bytes32,bytes32,uint48,bytes)"
BATCH_ABI = f"(bytes32,address,uint48,bool,{_EVENT_ABI}[],{_WITNESS_ABI}[],{_OPENING_ABI}[],{_APPROVAL_ABI}[],bytes)"
RECORD_SELECTOR = keccak(f"record({BATCH_ABI}[])".encode())[:4]

_WORD = 32
_NUMBER = Struct(">24xQ")
_EVENT = Struct(">32s31xB32s24xQ32s24xQ32s")
_WITNESS = Struct(">32s32s32s32s")
_BATCH_HEAD = Struct(">32s12x20s24xQ31x?24xQ24xQ24xQ24xQ24xQ")
_OPENING_NAMES = Struct(">32s32s32s24xQ12x20s24xQ24xQ")
_OPENING_HEAD_SIZE = _WORD + 10 * _WORD + _OPENING_NAMES.size
_APPROVAL_HEAD = Struct(">24xQ32s32s24xQ24xQ")


def encode_record(batches: Iterable[SignedBatch]) -> bytes:
    """Calldata of `record(SignedBatch[])`, selector included."""
    return RECORD_SELECTOR + _NUMBER.pack(_WORD) + _dynamic_array([_batch(batch) for batch in batches])


def _batch(batch: SignedBatch) -> bytes:
    tails = (
        _static_array([_event(event) for event in batch.events]),
        _static_array([_witness(witness) for witness in batch.witnesses]),
        _dynamic_array([_opening(opening) for opening in batch.openings]),
        _dynamic_array([_approval(approval) for approval in batch.approvals]),
        _bytes(batch.signature),
    )
    offsets = []
    offset = _BATCH_HEAD.size
    for tail in tails:
        offsets.append(offset)
        offset += len(tail)
    head = _BATCH_HEAD.pack(batch.organization, batch.signer, batch.deadline, batch.all_or_nothing, *offsets)
    return head + b"".join(tails)


def _event(event: Event) -> bytes:
    return _EVENT.pack(event.item, event.kind, event.head, event.occurred_at, event.party, event.detail, event.payload)


def _witness(witness: Witness) -> bytes:
    return _WITNESS.pack(witness.head, witness.holder, witness.brand, witness.facts.to_bytes(_WORD, "big"))


def _opening(opening: Opening) -> bytes:
    history = _static_array([link.event_hash + link.organization for link in opening.history])
    names = _OPENING_NAMES.pack(
        opening.brand,
        opening.serial_commitment,
        opening.prior_head,
        _OPENING_HEAD_SIZE,
        opening.endorser,
        opening.endorsement_deadline,
        _OPENING_HEAD_SIZE + len(history),
    )
    return _NUMBER.pack(opening.index) + encode_aside(opening.aside) + names + history + _bytes(opening.endorsement)


def _approval(approval: Approval) -> bytes:
    head = _APPROVAL_HEAD.pack(approval.index, approval.carrier, approval.store, approval.deadline, _APPROVAL_HEAD.size)
    return head + _bytes(approval.signature)


def _static_array(encoded: list[bytes]) -> bytes:
    return _NUMBER.pack(len(encoded)) + b"".join(encoded)


def _dynamic_array(encoded: list[bytes]) -> bytes:
    """Offsets count from behind the length."""
    offsets = []
    offset = _WORD * len(encoded)
    for element in encoded:
        offsets.append(_NUMBER.pack(offset))
        offset += len(element)
    return _NUMBER.pack(len(encoded)) + b"".join(offsets) + b"".join(encoded)


def _bytes(plain: bytes) -> bytes:
    return _NUMBER.pack(len(plain)) + plain + bytes(-len(plain) % _WORD)


# --- logs


class UnknownLog(ValueError):
    """This is no log of the ledger."""


def _topic(signature: str) -> bytes:
    return keccak(signature.encode())


RECORDED = _topic("Recorded(bytes32,bytes32,bytes32,address,uint8,uint48,bytes32,uint64,bytes32)")
ENROLLED = _topic("Enrolled(bytes32,bytes32,bytes32)")
RELEASED_BY_ORDER = _topic("ReleasedByOrder(bytes32,uint8)")
REFUSED = _topic("Refused(bytes32,bytes32,bytes32,uint8,address)")
BATCH_REFUSED = _topic("BatchRefused(bytes32,bytes32,uint8,address)")

_RECORDED = Struct(">32s32s12x20s31xB24xQ32s24xQ32s")
_ENROLLED = Struct(">32s32s")
_RELEASED_BY_ORDER = Struct(">31xB")
_REFUSED = Struct(">32s32s31xB12x20s")
_BATCH_REFUSED = Struct(">32s31xB12x20s")


def _recorded(item: bytes, body: bytes) -> Log:
    return Recorded(ItemId(item), *_RECORDED.unpack(body))


def _enrolled(item: bytes, body: bytes) -> Log:
    brand, commitment = _ENROLLED.unpack(body)
    return Enrolled(ItemId(item), OrganizationId(brand), Commitment(commitment))


def _released_by_order(item: bytes, body: bytes) -> Log:
    return ReleasedByOrder(ItemId(item), *_RELEASED_BY_ORDER.unpack(body))


def _refused(item: bytes, body: bytes) -> Log:
    event_hash, batch_hash, reason, carrier = _REFUSED.unpack(body)
    return Refused(ItemId(item), EventHash(event_hash), batch_hash, reason, carrier)


def _batch_refused(organization: bytes, body: bytes) -> Log:
    return BatchRefused(OrganizationId(organization), *_BATCH_REFUSED.unpack(body))


_DECODERS: dict[bytes, tuple[int, Callable[[bytes, bytes], Log]]] = {
    RECORDED: (_RECORDED.size, _recorded),
    ENROLLED: (_ENROLLED.size, _enrolled),
    RELEASED_BY_ORDER: (_RELEASED_BY_ORDER.size, _released_by_order),
    REFUSED: (_REFUSED.size, _refused),
    BATCH_REFUSED: (_BATCH_REFUSED.size, _batch_refused),
}


def decode_log(topics: Sequence[bytes], body: bytes) -> Log:
    """Every ledger log has one indexed field: the second topic.

    Raises:
        UnknownLog: another topic, or a body of another length.
    """
    size, decode = _DECODERS.get(topics[0] if topics else b"", (-1, _recorded))
    if len(body) != size or len(topics) != 2 or len(topics[1]) != _WORD:
        raise UnknownLog("no log of the ledger has these topics and this length")
    return decode(topics[1], body)
