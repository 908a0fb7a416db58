"""Accepted events on their way to the chain: what waits, what travels, and what has to be looked at again.

An accepted event is *loose* (no batch), *pending* (in a signed batch that no transaction carries) or *travelling* (in a batch
that was sent and whose outcome the indexer has not told). The indexer alone says what became of an event.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, bindparam, delete, func, insert, select, text, update

from ledger_api.store.lanes import hold_batches
from ledger_api.tables import BatchRow, BlockRow, CursorRow, EventRow, ItemRow, RecordRow, SignerRow, TipRow, TransactionRow

LIST_LIMIT = 900  # values in one IN list

_e = EventRow.__table__  # type: ignore[attr-defined]  # SQLModel adds it at run time
_b = BatchRow.__table__  # type: ignore[attr-defined]
_t = TransactionRow.__table__  # type: ignore[attr-defined]
_items = ItemRow.__table__  # type: ignore[attr-defined]
_records = RecordRow.__table__  # type: ignore[attr-defined]
_tips = TipRow.__table__  # type: ignore[attr-defined]
_cursor = CursorRow.__table__  # type: ignore[attr-defined]
_blocks = BlockRow.__table__  # type: ignore[attr-defined]
_signers = SignerRow.__table__  # type: ignore[attr-defined]


class Accepted(NamedTuple):
    """What an event's journey needs of its row."""

    id: int
    event_id: bytes
    organization: bytes
    item: bytes
    kind: int
    occurred_at: int
    party: bytes
    detail: bytes
    payload: bytes
    head: bytes
    event_hash: bytes
    approval: bytes | None
    status: str
    unit: str | None
    batch: int | None


class Batch(NamedTuple):
    id: int
    organization: bytes
    signer: bytes
    deadline: int
    all_or_nothing: bool
    signature: bytes


class NewBatch(NamedTuple):
    organization: bytes
    signer: bytes
    deadline: int
    all_or_nothing: bool
    batch_hash: bytes
    signature: bytes


class Followed(NamedTuple):
    """How far the indexer is. `final_time` is the time of the last final block, 0 before it is known."""

    next_block: int
    final_time: int


# literals, because SQLite uses a partial index only for what it can prove
_IS_ACCEPTED = text("events.status = 'accepted'")
COLUMNS = [_e.c[name] for name in Accepted._fields]
_LOOSE = (
    select(*COLUMNS)
    .where(_IS_ACCEPTED, text("events.batch IS NULL AND events.parked IS NULL"), _e.c.id > bindparam("after"))
    .order_by(_e.c.id)
    .limit(bindparam("most"))
)
_PENDING = (
    select(*(_b.c[name] for name in Batch._fields))
    .where(text("batches.status = 'signed' AND batches.status IN ('signed', 'sent')"))  # the second is the index's own condition
    .where(select(_e.c.id).where(_e.c.batch == _b.c.id, _IS_ACCEPTED, _e.c.parked.is_(None)).exists())
    .order_by(_b.c.id)
    .limit(bindparam("most"))
)
_MEMBERS = select(*COLUMNS).where(_e.c.batch.in_(bindparam("keys", expanding=True))).order_by(_e.c.batch, _e.c.batch_position)
_UNIT = select(*COLUMNS).where(_e.c.unit == bindparam("unit")).order_by(_e.c.id)
_TRAVELLING = (
    select(*COLUMNS, _t.c.relayer)
    .select_from(_e.join(_b, _e.c.batch == _b.c.id).outerjoin(_t, _b.c.transaction == _t.c.id))
    .where(_IS_ACCEPTED, _e.c.item.in_(bindparam("keys", expanding=True)), _b.c.status != "signed")
    .order_by(_e.c.id)
)
_OF_ITEM = (
    select(*COLUMNS, _b.c.status.label("batch_status"))
    .select_from(_e.outerjoin(_b, _e.c.batch == _b.c.id))
    .where(_e.c.item == bindparam("item"), _IS_ACCEPTED)
    .order_by(_e.c.id)
)
_STATES = select(_items.c.item, _items.c.state).where(_items.c.item.in_(bindparam("keys", expanding=True)))
_HISTORY = (
    select(_records.c.event_hash, _records.c.organization)
    .where(_records.c.item == bindparam("item"), _records.c.sequence >= bindparam("first"))
    .order_by(_records.c.sequence)
)
_STATE_AT = select(_records.c.state).where(_records.c.item == bindparam("item"), _records.c.sequence == bindparam("sequence"))
_IS_LOOSE = (_e.c.status == "accepted") & _e.c.batch.is_(None)
_STILL_LOOSE = (
    select(_e.c.id)
    .where(_e.c.id.in_(bindparam("keys", expanding=True)), _IS_LOOSE, _e.c.parked.is_(None))
    .with_for_update(skip_locked=True)
)
_JOIN = (
    update(_e)
    .where(_e.c.id == bindparam("event"), _IS_LOOSE)
    .values(batch=bindparam("batch_id"), batch_position=bindparam("place"), error=None)
)
_FINAL_TIME = (
    select(_blocks.c.timestamp)
    .where(_blocks.c.number <= _cursor.c.final_block)
    .order_by(_blocks.c.number.desc())
    .limit(1)
    .scalar_subquery()
)
_FINAL_BLOCK = (
    select(_blocks.c.number, _blocks.c.hash).where(_blocks.c.number <= _cursor.c.final_block).order_by(_blocks.c.number.desc()).limit(1)
)
_FOLLOWED = select(_cursor.c.next_block, func.coalesce(_FINAL_TIME, 0)).where(_cursor.c.id == 1)
_EXPIRED = (
    select(*(_b.c[name] for name in Batch._fields))
    .where(
        _b.c.id.in_(select(_e.c.batch).where(_IS_ACCEPTED)),
        _b.c.deadline < bindparam("final_time"),
    )
    .order_by(_b.c.id)
)
_SIGNERS = select(_signers.c.organization, _signers.c.address, _signers.c.retired_block)
_KEEP_TIP = text("INSERT INTO tips (item, state) VALUES (:item, :state) ON CONFLICT (item) DO UPDATE SET state = excluded.state")


# --- reading -------------------------------------------------------------------------------------------------------


def loose_events(connection: Connection, *, after: int, most: int) -> list[Accepted]:
    """In the order of acceptance, without what is parked."""
    return [Accepted._make(row) for row in connection.execute(_LOOSE, {"after": after, "most": most})]


def pending_batches(connection: Connection, most: int) -> list[Batch]:
    """Signed, carried by no transaction, and with at least one event that still waits."""
    return [Batch._make(row) for row in connection.execute(_PENDING, {"most": most})]


def members(connection: Connection, batches: Collection[int]) -> dict[int, list[Accepted]]:
    """All events of the batches in the order they were signed, whatever their status."""
    found: dict[int, list[Accepted]] = {batch: [] for batch in batches}
    for row in _ask(connection, _MEMBERS, batches):
        event = Accepted._make(row)
        found[event.batch or 0].append(event)
    return found


def unit_events(connection: Connection, unit: str) -> list[Accepted]:
    return [Accepted._make(row) for row in connection.execute(_UNIT, {"unit": unit})]


def travelling(connection: Connection, items: Collection[bytes]) -> dict[bytes, list[tuple[Accepted, bytes | None]]]:
    """Events of these items whose outcome is not known yet, in order, each with the relayer that carries it."""
    found: dict[bytes, list[tuple[Accepted, bytes | None]]] = {}
    for row in _ask(connection, _TRAVELLING, items):
        event = Accepted._make(row[:-1])
        found.setdefault(event.item, []).append((event, row[-1]))
    return found


def known_states(connection: Connection, items: Collection[bytes]) -> dict[bytes, bytes]:
    """The items' states as of the last applied block; unborn ones are absent."""
    return {item: bytes(state) for item, state in _ask(connection, _STATES, items)}


def history(connection: Connection, item: bytes, first: int) -> list[tuple[bytes, bytes]]:
    """(event hash, organization) of what is recorded of an item, from a sequence on."""
    return [(bytes(hashed), bytes(by)) for hashed, by in connection.execute(_HISTORY, {"item": item, "first": first})]


def state_at(connection: Connection, item: bytes, sequence: int) -> bytes | None:
    """The item's state after this event of it."""
    found: bytes | None = connection.scalar(_STATE_AT, {"item": item, "sequence": sequence})
    return found


def accepted_of(connection: Connection, item: bytes) -> list[tuple[Accepted, str | None]]:
    """Every accepted event of an item in order, each with the status of its batch."""
    return [(Accepted._make(row[:-1]), row[-1]) for row in connection.execute(_OF_ITEM, {"item": item})]


def is_group(connection: Connection, events: Collection[Accepted]) -> bool:
    """Do these events of one unit stand or fall together? Those of a signed batch only if it was signed so."""
    batches = {one.batch for one in events if one.batch is not None}
    if not batches:
        return bool(events)
    return bool(connection.scalar(select(_b.c.all_or_nothing).where(_b.c.id.in_(batches)).limit(1)))


def signers(connection: Connection) -> dict[bytes, set[bytes]]:
    """Who signs for each organization now, as far as the indexer knows; one it never heard of is absent."""
    found: dict[bytes, set[bytes]] = {}
    for organization, address, retired_block in connection.execute(_SIGNERS):
        active = found.setdefault(bytes(organization), set())
        if retired_block is None:
            active.add(bytes(address))
    return found


def followed(connection: Connection) -> Followed | None:
    """None before the indexer's first block."""
    row = connection.execute(_FOLLOWED).one_or_none()
    return None if row is None else Followed._make(row)


def final_block(connection: Connection) -> tuple[int, bytes] | None:
    """Number and hash of the newest block we keep that is final; None before the first."""
    row = connection.execute(_FINAL_BLOCK).first()
    return None if row is None else (int(row.number), bytes(row.hash))


def expired_batches(connection: Connection, final_time: int) -> list[Batch]:
    """Batches that can no longer land (their deadline has passed in a final block) and still have events that wait."""
    return [Batch._make(row) for row in connection.execute(_EXPIRED, {"final_time": final_time})]


# --- writing -------------------------------------------------------------------------------------------------------


def save_batch(connection: Connection, batch: NewBatch, events: Sequence[int]) -> int:
    """The batch, and its events in the order they were signed."""
    identifier = int(connection.execute(insert(_b).values(**batch._asdict(), status="signed")).inserted_primary_key[0])  # type: ignore[index]
    rows = [{"event": event, "batch_id": identifier, "place": place} for place, event in enumerate(events)]
    connection.execute(_JOIN, rows)
    return identifier


def hold_loose(connection: Connection, events: Collection[int]) -> bool:
    """Whether all of these are loose and not parked, and nobody else is at work on one. Waits for nobody: who has it carries or ends it."""
    return sum(1 for _ in _ask(connection, _STILL_LOOSE, events)) == len(events)


def dissolve(connection: Connection, batches: Collection[int]) -> None:
    """Give the batches' events back, to be signed anew.

    Harmless even while the old signature is out in the world: each event binds the head it follows, so whichever batch
    comes first records it, and the other changes nothing. Events that are recorded are let go too; if a reorg takes them
    back they are loose.
    """
    for some in _lists(sorted(batches)):
        hold_batches(connection, some)
        connection.execute(update(_b).where(_b.c.id.in_(some)).values(status="dissolved", transaction=None))
        # without its batch a unit is a group that stands or falls together: only one that was signed so stays one
        singles = select(_b.c.id).where(_b.c.id.in_(some), _b.c.all_or_nothing.is_(False))
        connection.execute(update(_e).where(_e.c.batch.in_(singles)).values(unit=None))
        connection.execute(update(_e).where(_e.c.batch.in_(some)).values(batch=None, batch_position=None))


def set_down(connection: Connection, batches: Collection[int]) -> None:
    """Take batches out of their transaction as they are signed: the organization alone could sign them anew."""
    for some in _lists(sorted(batches)):
        hold_batches(connection, some)
        connection.execute(update(_b).where(_b.c.id.in_(some)).values(status="signed", transaction=None))


def organizations_of(connection: Connection, batches: Collection[int]) -> dict[int, bytes]:
    found = _ask(connection, select(_b.c.id, _b.c.organization).where(_b.c.id.in_(bindparam("keys", expanding=True))), batches)
    return {batch: bytes(organization) for batch, organization in found}


def follow_head(connection: Connection, event: int, *, head: bytes, event_hash: bytes, state: bytes) -> None:
    """The same event on another history: it is loose, and gets signed on this head."""
    connection.execute(
        update(_e)
        .where(_e.c.id == event, _e.c.status == "accepted")
        .values(head=head, event_hash=event_hash, state=state, batch=None, batch_position=None, error=None)
        .values(failures=None, retry_block=None, parked=None)
    )


def refuse(connection: Connection, events: Collection[int], reason: int) -> int:
    """Events that can no longer be recorded as their caller signed or meant them; how many still could. The caller counts them."""
    ended = update(_e).where(_e.c.status == "accepted").values(status="refused", reason=reason, retry_block=None)
    return sum(connection.execute(ended.where(_e.c.id.in_(some))).rowcount for some in _lists(sorted(events)))


def keep_error(connection: Connection, events: Collection[int], error: str) -> None:
    """Why these could not be carried for now."""
    for some in _lists(list(events)):
        connection.execute(update(_e).where(_e.c.id.in_(some), _e.c.status == "accepted").values(error=error[:500]))


def set_tip(connection: Connection, item: bytes, state: bytes | None) -> None:
    """The state after the last accepted event; None where nothing accepted is on its way."""
    if state is None:
        connection.execute(delete(_tips).where(_tips.c.item == item))
        return
    connection.execute(_KEEP_TIP, {"item": item, "state": state})


def _ask(connection: Connection, statement: Select[Any], keys: Collection[Any]) -> Iterator[Any]:
    for some in _lists(list(keys)):
        yield from connection.execute(statement, {"keys": some})


def _lists(keys: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (keys[start : start + LIST_LIMIT] for start in range(0, len(keys), LIST_LIMIT))
