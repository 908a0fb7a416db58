"""What an item is: the signed event, the state between two events, the one word that a chain stores of it.

The shapes and their exact bytes (docs/protocol.md §4 and §5). Nothing here decides; `judging` and `transition` do.
"""

from dataclasses import dataclass
from struct import Struct
from typing import NamedTuple

from ledger_verify.codes import RECOVERY_PERIOD, RULING_PERIOD
from ledger_verify.hashing import ZERO32, Commitment, EventHash, Head, ItemId, OrganizationId, keccak

NO_KEY = bytes(20)
NOBODY = OrganizationId(ZERO32)
NO_HEAD = Head(ZERO32)
NO_COMMITMENT = Commitment(ZERO32)
HOLD_COUNT = 5
_TIME_LIMIT = 1 << 48


@dataclass(frozen=True, slots=True)
class Event:
    """What an organization signs. `kind` may be a number that no kind has: such an event is malformed, not impossible.

    Raises:
        ValueError: for bytes or numbers that do not fit their field, since packing would silently cut or pad them.
    """

    item: ItemId
    kind: int
    head: Head  # the head it follows
    occurred_at: int  # unix seconds, a claim
    party: bytes  # 32 bytes; what it is depends on the kind
    detail: int
    payload: Commitment

    def __post_init__(self) -> None:
        if not (len(self.item) == len(self.head) == len(self.party) == len(self.payload) == 32):
            raise ValueError("item, head, party and payload of an event have 32 bytes each")
        if not (0 <= self.occurred_at < _TIME_LIMIT and 0 <= self.detail < 1 << 64 and 0 <= self.kind < 256):
            raise ValueError("kind, occurred at or detail of an event does not fit its field")


class Detail(NamedTuple):
    """The numbers of an event; what each means depends on the kind (docs/protocol.md §4)."""

    a: int = 0
    b: int = 0
    time: int = 0
    c: int = 0
    consented: bool = False


def pack_detail(*, a: int = 0, b: int = 0, time: int = 0, c: int = 0, consented: bool = False) -> int:
    """Raises ValueError when a number does not fit its field."""
    if not (0 <= a < 256 and 0 <= b < 256 and 0 <= time < 1 << 40 and 0 <= c < 128):
        raise ValueError("a number does not fit its field of the detail")
    return a | b << 8 | time << 16 | c << 56 | consented << 63


def unpack_detail(detail: int) -> Detail:
    return Detail(detail & 0xFF, detail >> 8 & 0xFF, detail >> 16 & 0xFFFFFFFFFF, detail >> 56 & 0x7F, bool(detail >> 63))


@dataclass(frozen=True, slots=True)
class Aside:
    """The rare rest of a state, and the only place where block times live."""

    setters: tuple[bytes, bytes, bytes, bytes, bytes] = (ZERO32,) * HOLD_COUNT  # type: ignore[assignment]  # five, by HOLD_COUNT
    verification_until: int = 0
    stolen_release_at: int = 0  # when a begun release of *stolen* may be completed
    disputed_at: int = 0
    recovery_key: bytes = NO_KEY
    recovery_ready_at: int = 0


NO_ASIDE = Aside()


@dataclass(frozen=True, slots=True)
class State:
    """Everything that the ledger knows of an item after some event."""

    sequence: int
    stage: int
    verdict: int  # the effective outcome; 0 none
    holds: int  # bit 1 << index
    head: Head
    holder: bytes  # an organization, or a claim key's address in 32 bytes
    brand: OrganizationId  # of a lot: its supplier
    last_occurred_at: int
    category: int
    verdict_method: int
    verdict_at: int
    verdict_expiry: int  # 0: never
    verdict_sequence: int
    aside: Aside = NO_ASIDE


UNBORN = State(0, 0, 0, 0, NO_HEAD, ZERO32, NOBODY, 0, 0, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Terms:
    """The two periods that a deployment chooses, in seconds."""

    recovery_period: int = RECOVERY_PERIOD
    ruling_period: int = RULING_PERIOD


@dataclass(frozen=True, slots=True)
class Link:
    """One past event, enough to walk the heads."""

    event_hash: EventHash
    organization: OrganizationId


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What a carrier shows beside the witness, and only where it is asked: the aside of an item that has one, an enrolled
    item's names with the brand's endorsement, the history from a corrected event to the tip. The rules do not look at
    `index` and `aside`: they have the state itself."""

    index: int = 0  # of the event in its batch
    aside: Aside = NO_ASIDE
    brand: OrganizationId = NOBODY
    serial_commitment: Commitment = NO_COMMITMENT
    prior_head: Head = NO_HEAD  # before the corrected event
    history: tuple[Link, ...] = ()  # from the corrected event to the tip
    endorser: bytes = NO_KEY
    endorsement_deadline: int = 0
    endorsement: bytes = b""


_COMMITTED = Struct(">32s32s32s32s32s")
_ASIDE = Struct(">32s32s32s32s32s26xHI26xHI26xHI12x20s26xHI")
_STORED = Struct(">IBBB32s32s32s25s")
_STORED_ASIDE = Struct(">32s32s32s32s32sHIHIHI20sHI")


def facts(state: State) -> int:
    """The small facts as one number, as the witness carries them."""
    return (
        state.last_occurred_at
        | state.category << 48
        | state.verdict_method << 56
        | state.verdict_at << 64
        | state.verdict_expiry << 112
        | state.verdict_sequence << 160
        | has_aside(state) << 192
    )


def has_aside(state: State) -> bool:
    """The identity comes first because it is cheap and nearly always true."""
    return state.aside is not NO_ASIDE and state.aside != NO_ASIDE


def _aside_fields(aside: Aside) -> tuple[bytes | int, ...]:
    """`Struct` has no 48-bit number: 16 and 32 bits beside each other are one."""
    return (
        *aside.setters,
        *divmod(aside.verification_until, 1 << 32),
        *divmod(aside.stolen_release_at, 1 << 32),
        *divmod(aside.disputed_at, 1 << 32),
        aside.recovery_key,
        *divmod(aside.recovery_ready_at, 1 << 32),
    )


def encode_aside(aside: Aside) -> bytes:
    """`abi.encode(Aside)`: ten words."""
    return _ASIDE.pack(*_aside_fields(aside))


def aside_hash(state: State) -> bytes:
    """Zero when nothing is set aside."""
    return keccak(encode_aside(state.aside)) if has_aside(state) else ZERO32


def word(state: State) -> int:
    """What the chain stores: sequence, stage, verdict and holds in clear, 200 bits of commitment to the rest."""
    if state.stage == 0:
        return 0
    committed = keccak(_COMMITTED.pack(state.head, state.holder, state.brand, facts(state).to_bytes(32, "big"), aside_hash(state)))
    clear = state.sequence << 24 | state.stage << 16 | state.verdict << 8 | state.holds
    return clear << 200 | int.from_bytes(committed[7:], "big")


class Clear(NamedTuple):
    """What anybody may read of an item."""

    sequence: int
    stage: int
    verdict: int
    holds: int


def clear(item_word: int) -> Clear:
    return Clear(item_word >> 224, item_word >> 216 & 0xFF, item_word >> 208 & 0xFF, item_word >> 200 & 0xFF)


def state_to_bytes(state: State) -> bytes:
    """The whole state for a database column: 128 bytes, and 204 more when something is set aside. Stable for ever."""
    plain = _STORED.pack(
        state.sequence,
        state.stage,
        state.verdict,
        state.holds,
        state.head,
        state.holder,
        state.brand,
        facts(state).to_bytes(25, "big"),
    )
    return plain if not has_aside(state) else plain + _STORED_ASIDE.pack(*_aside_fields(state.aside))


def state_from_bytes(stored: bytes) -> State:
    """Raises ValueError when the length is no state's."""
    if len(stored) not in (_STORED.size, _STORED.size + _STORED_ASIDE.size):
        raise ValueError(f"a state has {_STORED.size} or {_STORED.size + _STORED_ASIDE.size} bytes, not {len(stored)}")
    sequence, stage, verdict, holds, head, holder, brand, packed = _STORED.unpack_from(stored)
    number = int.from_bytes(packed, "big")
    return State(
        sequence=sequence,
        stage=stage,
        verdict=verdict,
        holds=holds,
        head=head,
        holder=holder,
        brand=brand,
        last_occurred_at=number & 0xFFFFFFFFFFFF,
        category=number >> 48 & 0xFF,
        verdict_method=number >> 56 & 0xFF,
        verdict_at=number >> 64 & 0xFFFFFFFFFFFF,
        verdict_expiry=number >> 112 & 0xFFFFFFFFFFFF,
        verdict_sequence=number >> 160 & 0xFFFFFFFF,
        aside=_stored_aside(stored) if len(stored) > _STORED.size else NO_ASIDE,
    )


class Glance(NamedTuple):
    """What of a stored state never needs the rest of it."""

    brand: OrganizationId
    category: int
    verdict_sequence: int


def glance(stored: bytes) -> Glance:
    """A look into `state_to_bytes` that makes no state: for whoever reads them by the hundred thousand."""
    return Glance(OrganizationId(stored[71:103]), stored[121], int.from_bytes(stored[104:108], "big"))


def _stored_aside(stored: bytes) -> Aside:
    first, second, third, fourth, fifth, *rest = _STORED_ASIDE.unpack_from(stored, _STORED.size)
    until_high, until_low, release_high, release_low, disputed_high, disputed_low, key, ready_high, ready_low = rest
    return Aside(
        setters=(first, second, third, fourth, fifth),
        verification_until=until_high << 32 | until_low,
        stolen_release_at=release_high << 32 | release_low,
        disputed_at=disputed_high << 32 | disputed_low,
        recovery_key=key,
        recovery_ready_at=ready_high << 32 | ready_low,
    )
