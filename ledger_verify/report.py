"""What a checked proof says: the facts that hold, what they rest on, and in words what could not be checked."""

from dataclasses import dataclass, field
from typing import Any

from ledger_verify.codes import HOLD_CODES, KIND_CODES, METHOD_CODES, OUTCOME_CODES, STAGE_CODES, Hold, Kind, Method, Outcome, Stage
from ledger_verify.hashing import Disclosure, EventHash, EventId, Head, OrganizationId
from ledger_verify.state import State

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class BlockTold:
    number: int
    hash: bytes
    time: int


@dataclass(frozen=True, slots=True)
class EventTold:
    """One event that stands. `block` and `time` are known where its receipt was shown, `by_order` is None where nothing shows it."""

    sequence: int
    kind: int
    organization: OrganizationId
    occurred_at: int
    party: bytes
    detail: int
    hash: EventHash
    id: EventId
    head: Head
    fields: tuple[Disclosure, ...]
    withheld: int | None  # fields that are not shown; None: of the payload only the commitment is shown
    withheld_paths: tuple[str, ...]  # of these fields those that are named
    signer: bytes | None
    block: int | None
    recorded_at: int | None


@dataclass(frozen=True, slots=True)
class StandingTold:
    """The registry's word on an organization, and on a key of it, as of the block."""

    organization: OrganizationId
    suspended: bool
    roles: int
    signers: tuple[tuple[bytes, bool, int], ...] = ()  # address, active, compromised since block (0: not marked)


@dataclass(frozen=True, slots=True)
class Step:
    number: int
    title: str
    found: str


@dataclass(slots=True)
class Report:
    """Filled step by step; whole once `check` has returned it."""

    chain_id: int = 0
    ledger: bytes = b""
    ledger_code_hash: bytes = b""
    registry: bytes | None = None
    item: bytes = b""
    blocks: list[BlockTold] = field(default_factory=list)
    events: list[EventTold] = field(default_factory=list)
    state: State | None = None
    word: int | None = None
    standings: list[StandingTold] = field(default_factory=list)
    name: str | None = None
    steps: list[Step] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    is_trusted: bool = False  # the four facts were given, and agree
    is_complete: bool = False  # nothing came after the last event

    @property
    def is_anchored(self) -> bool:
        """Everything holds: on trusted facts, and nothing is left out at the end."""
        return self.is_trusted and self.is_complete

    @property
    def verdict(self) -> str:
        if self.is_anchored:
            return "anchored"
        return "consistent, not complete" if self.is_trusted else "consistent, not anchored"

    def as_json(self) -> Json:
        return {
            "verdict": self.verdict,
            "is_anchored": self.is_anchored,
            "is_complete": self.is_complete,
            "chain_id": self.chain_id,
            "ledger": hex_of(self.ledger),
            "ledger_code_hash": hex_of(self.ledger_code_hash),
            "registry": None if self.registry is None else hex_of(self.registry),
            "item": hex_of(self.item),
            "name": self.name,
            "blocks": [{"number": block.number, "hash": hex_of(block.hash), "time": block.time} for block in self.blocks],
            "word": None if self.word is None else f"0x{self.word:064x}",
            "state": None if self.state is None else _state(self.state),
            "events": [_event(event) for event in self.events],
            "standings": [_standing(standing) for standing in self.standings],
            "steps": [{"number": step.number, "title": step.title, "found": step.found} for step in self.steps],
            "unchecked": self.unchecked,
        }


def hex_of(plain: bytes) -> str:
    return "0x" + plain.hex()


def _state(state: State) -> Json:
    return {
        "sequence": state.sequence,
        "stage": STAGE_CODES[Stage(state.stage)],
        "verdict": OUTCOME_CODES[Outcome(state.verdict)],
        "verdict_method": METHOD_CODES[Method(state.verdict_method)],
        "verdict_expires_at": state.verdict_expiry or None,
        "holds": [HOLD_CODES[hold] for hold in Hold if state.holds & hold.bit],
        "head": hex_of(state.head),
        "holder": hex_of(state.holder),
        "brand": hex_of(state.brand),
    }


def _event(event: EventTold) -> Json:
    return {
        "sequence": event.sequence,
        "kind": KIND_CODES[Kind(event.kind)],
        "organization": hex_of(event.organization),
        "occurred_at": event.occurred_at,
        "party": hex_of(event.party),
        "detail": f"0x{event.detail:016x}",
        "event_hash": hex_of(event.hash),
        "event_id": hex_of(event.id),
        "head": hex_of(event.head),
        "fields": {field.path: field.value for field in event.fields},
        "withheld": event.withheld,
        "withheld_paths": list(event.withheld_paths),
        "signer": None if event.signer is None else hex_of(event.signer),
        "block": event.block,
        "recorded_at": event.recorded_at,
    }


def _standing(standing: StandingTold) -> Json:
    signers = [
        {"address": hex_of(address), "active": active, "compromised_since": since or None} for address, active, since in standing.signers
    ]
    return {
        "organization": hex_of(standing.organization),
        "suspended": standing.suspended,
        "roles": standing.roles,
        "signers": signers,
    }
