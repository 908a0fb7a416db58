"""What an item's passport says: a pure function of its records, the payloads behind them and the names of those who acted.

Nothing here asks the chain, the clock or the database, so the same ledger and the same payload store always give the same bytes.
The serial is never in it: whoever looked it up knows it, whoever did not must not learn it from an id.
Of a payload only the fields in `PUBLIC` are told; the rest is for the organization that recorded it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple

import orjson

from ledger_api.passport.effective import effective_facts
from ledger_api.passport.standing import STANDS, Given, Givers, standing_of
from ledger_api.store.records import Record
from ledger_verify.codes import (
    CATEGORY_CODES,
    HOLD_CODES,
    KIND_CODES,
    METHOD_CODES,
    OUTCOME_CODES,
    PHASE_CODES,
    STAGE_CODES,
    Hold,
    Kind,
    Outcome,
)
from ledger_verify.hashing import is_key, organization_id
from ledger_verify.state import UNBORN, State, state_from_bytes, word

Json = dict[str, Any]

# the payload fields anybody may read; outcome, method, hold and the like are on the chain and told from there
PUBLIC: Mapping[int, tuple[str, ...]] = {
    Kind.RAW_MATERIAL: ("material", "origin", "certificates"),
    Kind.MANUFACTURE: ("model", "colour", "atelier"),
    Kind.VERDICT: ("appraiser",),
    Kind.ENROLMENT: ("model", "colour", "appraiser"),
    Kind.RULING: ("grounds",),
    Kind.SERVICE: ("description",),
    Kind.CORRECTION: ("reason",),
    Kind.RETIRE: ("reason",),
}
OPINIONS = frozenset((Kind.VERDICT, Kind.ENROLMENT, Kind.RULING))
LAST_MOMENT = 253_402_300_799  # 9999-12-31T23:59:59Z: 40 bits of seconds reach further than a calendar does
NOTHING: Json = {}


def _by_number(codes: Mapping[Any, str]) -> dict[int, str]:
    return {int(number): code for number, code in codes.items()}


# by plain number: making an enumeration's member of each costs more than the rest of an entry
_KINDS, _STAGES, _OUTCOMES = _by_number(KIND_CODES), _by_number(STAGE_CODES), _by_number(OUTCOME_CODES)
_METHODS, _HOLDS, _PHASES, _CATEGORIES = (_by_number(codes) for codes in (METHOD_CODES, HOLD_CODES, PHASE_CODES, CATEGORY_CODES))


class Named(NamedTuple):
    """What an item or a lot is called in the world, the serial left out."""

    gtin: str | None
    lot: str | None


class Lot(NamedTuple):
    """What items made from a lot tell of it."""

    item: bytes
    material: str | None
    origin: str | None
    shipped_to: frozenset[bytes]  # by its supplier, in events that stand


@dataclass(frozen=True, slots=True)
class Known:
    """Everything beside an item's own records that its passport leans on."""

    bodies: Mapping[bytes, Json] = field(default_factory=dict)  # committed payload objects, by event id
    named: Mapping[bytes, Named] = field(default_factory=dict)  # by item or lot
    organizations: Mapping[bytes, Json] = field(default_factory=dict)  # `organization_shape` of those with a name
    compromised: Mapping[tuple[bytes, bytes], int] = field(default_factory=dict)  # (organization, signer): since block
    lots: Mapping[str, Lot] = field(default_factory=dict)  # by reference "did#lot"
    givers: Givers = field(default_factory=Givers)  # of opinions


class Passport(NamedTuple):
    brand: bytes
    body: bytes
    etag: str
    lots: frozenset[bytes]  # the lots it tells of: when one of them goes on, this is made again


def make_passport(item: bytes, records: Sequence[Record], known: Known, chain: Json) -> Passport:
    """The passport of an item (or lot) with these records, first to last. There is at least one."""
    state = state_from_bytes(records[-1].state)
    story = _story(records, known)
    lots = lots_named(records, known.bodies)
    head = _lot_head if records[0].kind == Kind.RAW_MATERIAL else _item_head
    body = head(item, state, story, known) | {
        "stage": _STAGES[state.stage],
        "holder": _holder(state, known),
        "verdict": _verdict(state, records, story, known),
        "holds": _holds(state, records, known),
        "recovery": _recovery(state, records),
        "sequence": state.sequence,
        "head": _hex(state.head),
        "word": f"0x{word(state):064x}",
        "materials": [_material(reference, state.brand, known) for reference in lots],
        "story": story,
        "chain": chain,
    }
    encoded = orjson.dumps(body)
    named = frozenset(known.lots[reference].item for reference in lots if reference in known.lots)
    return Passport(state.brand, encoded, sha256(encoded).hexdigest()[:32], named)


def lots_named(records: Sequence[Record], bodies: Mapping[bytes, Json]) -> list[str]:
    """References "did#lot" of the lots an item is said to be made from, corrections of its manufacture applied."""
    named: list[str] = []
    births = set()
    for record in records:
        body = bodies.get(record.event_id, NOTHING)
        if record.kind == Kind.MANUFACTURE:
            births.add(record.sequence)
            named = _references(body.get("lots"), named)
        elif record.kind == Kind.CORRECTION and _time_field(record) in births:
            replaces = body.get("replaces")
            named = _references(replaces.get("lots") if isinstance(replaces, dict) else None, named)
    return named


# --- the story -----------------------------------------------------------------------------------------------------


def _story(records: Sequence[Record], known: Known) -> list[Json]:
    story = [_entry(record, records, known) for record in records]
    for entry in story:
        if entry["corrects"] is not None and entry["void"] is None:
            story[entry["corrects"] - 1]["corrected_by"] = entry["sequence"]
    return story


def _entry(record: Record, records: Sequence[Record], known: Known) -> Json:
    since = known.compromised.get((record.organization, record.signer))
    is_void = since is not None and record.block_number >= since
    return {
        "sequence": record.sequence,
        "kind": _KINDS[record.kind],
        "occurred_at": moment(record.occurred_at),
        "recorded_at": moment(record.block_time),
        "organization": _organization(record.organization, known),
        "facts": _facts(record, records, known),
        "event_hash": _hex(record.event_hash),
        "event_id": _hex(record.event_id),
        "block": record.block_number,
        "transaction": _hex(record.transaction_hash),
        "corrects": _time_field(record) if record.kind == Kind.CORRECTION else None,
        "corrected_by": None,
        "void": "compromised" if is_void else None,
        "standing": _standing(record, is_void, known) if record.kind in OPINIONS else None,
    }


def _standing(record: Record, is_void: bool, known: Known) -> Json | None:
    """Why who gave this opinion could not give it today; None where nothing is to be said of it."""
    state = state_from_bytes(record.state)
    found = standing_of(Given(record.organization, record.signer, state.brand, state.category, is_void), known.givers)
    if found == STANDS:
        return None
    return {"reason": found.reason, "since": _moment_or_none(found.since), "until": _moment_or_none(found.until)}


def _facts(record: Record, records: Sequence[Record], known: Known) -> Json:
    """What the chain says of the event, then the public part of its payload."""
    facts = _chain_facts(record, known)
    body = known.bodies.get(record.event_id, NOTHING)
    facts |= _public(record.kind, body)
    if record.kind == Kind.CORRECTION:
        corrected = records[_time_field(record) - 1]
        replaces = body.get("replaces")
        if isinstance(replaces, dict) and (shown := _public(corrected.kind, replaces)):
            facts["replaces"] = shown
        if state_from_bytes(records[record.sequence - 2].state).verdict_sequence == corrected.sequence:
            facts["outcome"] = _OUTCOMES[_byte(record, 7)]
    return facts


def _chain_facts(record: Record, known: Known) -> Json:
    """Facts of the signed `detail` and `party`, by the table of docs/protocol.md §4. Keys and holders are not told."""
    match record.kind:
        case Kind.MANUFACTURE:
            return {"category": _CATEGORIES[_byte(record, 0) & 0x7F]}
        case Kind.SHIPMENT:
            return {"to": _organization(record.party, known)}
        case Kind.VERDICT | Kind.ENROLMENT:
            opinion = {"outcome": _OUTCOMES[_byte(record, 7)], "method": _METHODS[_byte(record, 6)]}
            enrolled = {"category": _CATEGORIES[_byte(record, 0) & 0x7F]} if record.kind == Kind.ENROLMENT else NOTHING
            return opinion | {"expires_at": _moment_or_none(_time_field(record))} | enrolled
        case Kind.RULING:
            return {"outcome": _OUTCOMES[_byte(record, 7)], "expires_at": _moment_or_none(_time_field(record))}
        case Kind.HOLD:
            return {"hold": _HOLDS[_byte(record, 7)], "until": _moment_or_none(_time_field(record))}
        case Kind.RELEASE:
            return {"hold": _HOLDS[_byte(record, 7)]} | ({"by_order": True} if record.extra else NOTHING)
        case Kind.RECOVERY:
            return {"phase": _PHASES[_byte(record, 7)]}
        case Kind.DISPUTE:
            is_owners = bool(_byte(record, 0) & 0x80)
            return {"sequence": _time_field(record) or None} | ({"by_owner": True} if is_owners else NOTHING)
        case Kind.CORRECTION:
            return {"sequence": _time_field(record) or None}
        case _:
            return {}


def _public(kind: int, body: Json) -> Json:
    return {name: body[name] for name in PUBLIC.get(kind, ()) if name in body}


# --- the present ---------------------------------------------------------------------------------------------------


def _item_head(item: bytes, state: State, story: Sequence[Json], known: Known) -> Json:
    birth = _birth(story, (Kind.MANUFACTURE, Kind.ENROLMENT))
    named = known.named.get(item)
    return {
        "id": _hex(item),
        "type": "item",
        "brand": _organization(state.brand, known),
        "gtin": named.gtin if named else None,
        "model": birth.get("model"),
        "colour": birth.get("colour"),
        "category": _CATEGORIES[state.category],
    }


def _lot_head(item: bytes, state: State, story: Sequence[Json], known: Known) -> Json:
    birth = _birth(story, (Kind.RAW_MATERIAL,))
    named = known.named.get(item)
    return {
        "id": _hex(item),
        "type": "lot",
        "supplier": _organization(state.brand, known),
        "name": named.lot if named else None,
        "material": birth.get("material"),
        "origin": birth.get("origin"),
        "certificates": birth.get("certificates", []),
    }


def _birth(story: Sequence[Json], kinds: tuple[Kind, ...]) -> Json:
    """The facts of the event that says what this is; a brand's word outranks an enrolment's; a void one says nothing."""
    facts = effective_facts(story)
    for kind in kinds:
        for entry in story:
            if entry["kind"] == _KINDS[kind] and entry["void"] is None:
                return facts[entry["sequence"]]
    return NOTHING


def _holder(state: State, known: Known) -> Json:
    """Never who a consumer is, not even their key."""
    if is_key(state.holder):
        return {"type": "owner"}
    return {"type": "organization", "organization": _organization(state.holder, known)}


def _verdict(state: State, records: Sequence[Record], story: Sequence[Json], known: Known) -> Json | None:
    if state.verdict == Outcome.NONE:
        return None
    return {
        "outcome": _OUTCOMES[state.verdict],
        "method": _METHODS[state.verdict_method],
        "by": _organization(records[state.verdict_sequence - 1].organization, known),
        "at": moment(state.verdict_at),
        "expires_at": _moment_or_none(state.verdict_expiry),
        "sequence": state.verdict_sequence,
        "standing": story[state.verdict_sequence - 1]["standing"],
    }


def _holds(state: State, records: Sequence[Record], known: Known) -> list[Json]:
    if not state.holds:
        return []
    states = [UNBORN, *(state_from_bytes(record.state) for record in records)]
    holds = []
    for hold in Hold:
        if not state.holds & hold.bit:
            continue
        setter = state.aside.setters[hold]
        # set by the event after the last state in which it was not this one's
        unset = (it.sequence for it in states if not it.holds & hold.bit or it.aside.setters[hold] != setter)
        since = records[max(unset)]
        until = _moment_or_none(state.aside.verification_until) if hold == Hold.IN_VERIFICATION else None
        by = "owner" if is_key(setter) else _organization(setter, known)
        holds.append({"hold": _HOLDS[hold], "since": moment(since.occurred_at), "by": by, "sequence": since.sequence, "until": until})
    return holds


def _recovery(state: State, records: Sequence[Record]) -> Json | None:
    if not state.aside.recovery_ready_at:
        return None
    asked = next(record for record in reversed(records) if record.kind == Kind.RECOVERY)
    return {"requested_at": moment(asked.block_time), "ready_at": moment(state.aside.recovery_ready_at), "sequence": asked.sequence}


# --- materials -----------------------------------------------------------------------------------------------------


def lot_facts(lot: bytes, records: Sequence[Record], known: Known) -> Lot:
    """Of a lot that may not be on the ledger yet: it then has no records, and nothing is known of it but its name."""
    if not records:
        return Lot(lot, None, None, frozenset())
    story = _story(records, known)
    birth = _birth(story, (Kind.RAW_MATERIAL,))
    supplier = state_from_bytes(records[0].state).brand
    shipped_to = frozenset(
        record.party
        for record, entry in zip(records, story, strict=True)
        if record.kind == Kind.SHIPMENT and record.organization == supplier and entry["void"] is None
    )
    return Lot(lot, birth.get("material"), birth.get("origin"), shipped_to)


def _material(reference: str, brand: bytes, known: Known) -> Json:
    """Named by the brand until its supplier's own shipment of the lot to that brand stands on the ledger."""
    did, _, name = reference.partition("#")
    lot = known.lots.get(reference)
    return {
        "lot": _hex(lot.item) if lot else None,
        "name": name,
        "material": lot.material if lot else None,
        "origin": lot.origin if lot else None,
        "supplier": _organization(organization_id(did), known) | {"did": did},
        "named_by": "supplier" if lot and brand in lot.shipped_to else "brand",
    }


def _references(lots: Any, otherwise: list[str]) -> list[str]:
    if not isinstance(lots, list):
        return otherwise
    return [lot for lot in lots if isinstance(lot, str)]


# --- small shapes --------------------------------------------------------------------------------------------------


def _organization(organization: bytes, known: Known) -> Json:
    return known.organizations.get(organization) or organization_shape(organization, None, None)


def organization_shape(organization: bytes, did: str | None, name: str | None) -> Json:
    """`did` is unknown of a brand that never joined and has no profile."""
    return {"id": _hex(organization), "did": did, "name": name}


def _hex(octets: bytes) -> str:
    return "0x" + octets.hex()


def _byte(record: Record, index: int) -> int:
    """Of the big-endian `detail`: 7 is `a`, 6 is `b`, 0 holds `c` and the consented bit."""
    return record.detail[index]


def _time_field(record: Record) -> int:
    return int.from_bytes(record.detail[1:6], "big")


@lru_cache(maxsize=10_000)  # the events of a block share its time, those of a batch often theirs
def moment(seconds: int) -> str:
    """RFC 3339 in UTC."""
    return datetime.fromtimestamp(min(seconds, LAST_MOMENT), UTC).isoformat()[:19] + "Z"


def _moment_or_none(seconds: int) -> str | None:
    return moment(seconds) if seconds else None
