"""What the chain's logs mean for the events we accepted: recorded, refused, final, or accepted again after a reorg.

Written in the transaction that moves the indexer's cursor. Events are met by their event id: an event signed anew has another
event hash, and still is the same one when bytes signed earlier land after all.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, Connection, bindparam, case, delete, exists, select, text, update
from sqlmodel import SQLModel

from ledger_api import tables  # noqa: F401  # the import makes the tables known to the metadata
from ledger_api.store.lanes import hold_batches
from ledger_api.store.records import LIST_LIMIT

_table = SQLModel.metadata.tables
_EVENTS, _TIPS, _RECORDS = _table["events"], _table["tips"], _table["records"]
_BATCHES, _TRANSACTIONS = _table["batches"], _table["transactions"]
_KEYS: BindParameter[Any] = bindparam("keys", expanding=True)
_SAME = _EVENTS.alias("same")
_NO_LIVE_TWIN = ~exists().where(_SAME.c.event_id == _EVENTS.c.event_id, _SAME.c.status != "refused")

_MET = select(_EVENTS.c.id, _EVENTS.c.event_id, _EVENTS.c.event_hash, _EVENTS.c.status).where(_EVENTS.c.event_id.in_(_KEYS))
_RECORDED = (
    update(_EVENTS)
    .where(_EVENTS.c.id == bindparam("event"))
    .values(status="recorded", reason=None, refused_block=None, retry_block=None, event_hash=bindparam("recorded_hash"))
)
_ALL_RECORDED = update(_EVENTS).where(_EVENTS.c.id.in_(_KEYS)).values(status="recorded", retry_block=None)
_FINAL = text(
    "UPDATE events SET status = 'final' WHERE status = 'recorded' AND event_id IN"
    " (SELECT event_id FROM records WHERE block_number > :above AND block_number <= :up_to)"
)
_OURS = select(_TRANSACTIONS.c.hash).where(_TRANSACTIONS.c.hash.in_(_KEYS))
_REFUSED = (
    update(_EVENTS)
    .where(_EVENTS.c.event_hash == bindparam("hash"), _EVENTS.c.status == "accepted")
    .values(status="refused", reason=bindparam("why"), refused_block=bindparam("block"))
)
_OPEN_BATCHES = select(_BATCHES.c.id, _BATCHES.c.batch_hash).where(
    _BATCHES.c.batch_hash.in_(_KEYS), exists().where(_EVENTS.c.batch == _BATCHES.c.id, _EVENTS.c.status == "accepted")
)
_BATCH_REFUSED = update(_BATCHES).where(_BATCHES.c.id == bindparam("batch_id")).values(status="refused")
_ITS_EVENTS_REFUSED = (
    update(_EVENTS)
    .where(_EVENTS.c.batch == bindparam("batch_id"), _EVENTS.c.status == "accepted")
    .values(status="refused", reason=bindparam("why"), refused_block=bindparam("block"))
)
_ITEMS_REFUSED = select(_EVENTS.c.item).where(_EVENTS.c.refused_block.between(bindparam("first"), bindparam("last"))).distinct()
_ITEMS_OF_EVENTS = select(_EVENTS.c.item).where(_EVENTS.c.event_hash.in_(_KEYS))
_ITEMS_OF_BATCHES = select(_EVENTS.c.item).join(_BATCHES, _BATCHES.c.id == _EVENTS.c.batch).where(_BATCHES.c.batch_hash.in_(_KEYS))
_SETTLED_TIPS = delete(_TIPS).where(
    _TIPS.c.item.in_(_KEYS), ~exists().where(_EVENTS.c.item == _TIPS.c.item, _EVENTS.c.status == "accepted")
)
_ACCEPTED_AGAIN = (
    update(_EVENTS)
    .where(_EVENTS.c.event_id.in_(_KEYS), _EVENTS.c.status == "recorded")
    .where(~exists().where(_RECORDS.c.event_id == _EVENTS.c.event_id))
    .values(status="accepted")
)
# the newest of several refusals of one event is the one that can stand again
_REFUSED_ABOVE = select(_EVENTS.c.id, _EVENTS.c.item, _EVENTS.c.event_id, _EVENTS.c.batch).where(
    _EVENTS.c.refused_block > bindparam("block"), _NO_LIVE_TWIN
)
_REFUSAL_UNDONE = update(_EVENTS).where(_EVENTS.c.id.in_(_KEYS)).values(status="accepted", reason=None, refused_block=None)
# which of the two their transaction is known to be, until the worker has looked again
_BATCHES_TRAVEL = (
    update(_BATCHES)
    .where(_BATCHES.c.id.in_(_KEYS), _BATCHES.c.status == "refused")
    .values(
        status=case((exists().where(_TRANSACTIONS.c.id == _BATCHES.c.transaction, _TRANSACTIONS.c.status == "mined"), "done"), else_="sent")
    )
)
_TIPS_AGAIN = text(
    "INSERT INTO tips (item, state) SELECT item, state FROM events WHERE id IN"
    " (SELECT max(id) FROM events WHERE status = 'accepted' AND item IN :keys GROUP BY item)"
    " ON CONFLICT (item) DO UPDATE SET state = excluded.state"
).bindparams(_KEYS)


class Refusal(NamedTuple):
    """A `Refused` or `BatchRefused` log; `hash` is the event's or the batch's."""

    hash: bytes
    reason: int
    block_number: int
    transaction_hash: bytes


def mark_recorded(connection: Connection, recorded: Mapping[bytes, bytes]) -> int:
    """Events the chain recorded (event hash by event id), in anybody's transaction. Returns how many of them are ours.

    An event that was refused and is recorded after all (a reorg, or bytes that landed late) is recorded, unless the same
    event was accepted again since: then that one is.
    """
    met: dict[bytes, Any] = {}
    for row in _ask(connection, _MET, recorded):
        known = met.get(row.event_id)
        if known is None or (known.status == "refused" and (row.status != "refused" or row.id > known.id)):
            met[row.event_id] = row
    waiting = [row for row in met.values() if row.status == "accepted"]
    for some in _lists([row.id for row in waiting if row.event_hash == recorded[row.event_id]]):
        connection.execute(_ALL_RECORDED, {"keys": some})
    odd = [row for row in waiting if row.event_hash != recorded[row.event_id]]
    odd += [row for row in met.values() if row.status == "refused"]
    if odd:
        connection.execute(_RECORDED, [{"event": row.id, "recorded_hash": recorded[row.event_id]} for row in odd])
    return len(waiting) + len([row for row in met.values() if row.status == "refused"])


def mark_final(connection: Connection, *, above: int, up_to: int) -> None:
    if up_to > above:
        connection.execute(_FINAL, {"above": above, "up_to": up_to})


def ours(connection: Connection, transactions: Collection[bytes]) -> set[bytes]:
    """Which of these transactions we signed. A refusal in anybody else's says nothing, not even with our relayer's key."""
    return {row.hash for row in _ask(connection, _OURS, transactions)}


def mark_refused(connection: Connection, refusals: Sequence[Refusal]) -> None:
    """Only what is still accepted: a repeat of a recorded event is refused too, and means nothing."""
    if refusals:
        connection.execute(_REFUSED, [{"hash": it.hash, "why": it.reason, "block": it.block_number} for it in refusals])


def mark_batches_refused(connection: Connection, refusals: Sequence[Refusal], *, retried: int) -> None:
    """Events of a refused batch end with its reason; for the reason `retried` they stay accepted, to be signed anew."""
    by_hash = {refusal.hash: refusal for refusal in refusals}
    batches = sorted(_ask(connection, _OPEN_BATCHES, by_hash), key=lambda batch: batch.id)
    hold_batches(connection, [batch.id for batch in batches])
    for batch in batches:
        refusal = by_hash[batch.batch_hash]
        connection.execute(_BATCH_REFUSED, {"batch_id": batch.id})
        if refusal.reason != retried:
            connection.execute(_ITS_EVENTS_REFUSED, {"batch_id": batch.id, "why": refusal.reason, "block": refusal.block_number})


def items_of_events(connection: Connection, hashes: Collection[bytes]) -> set[bytes]:
    return {bytes(row.item) for row in _ask(connection, _ITEMS_OF_EVENTS, hashes)}


def items_of_batches(connection: Connection, hashes: Collection[bytes]) -> set[bytes]:
    return {bytes(row.item) for row in _ask(connection, _ITEMS_OF_BATCHES, hashes)}


def items_refused(connection: Connection, first: int, last: int) -> list[bytes]:
    """Items with an event refused in these blocks."""
    return list(connection.scalars(_ITEMS_REFUSED, {"first": first, "last": last}))


def drop_settled_tips(connection: Connection, items: Collection[bytes]) -> None:
    """Where nothing accepted is on its way any more, the chain's state is the tip."""
    for some in _lists(list(items)):
        connection.execute(_SETTLED_TIPS, {"keys": some})


def accept_again(connection: Connection, event_ids: Collection[bytes], *, above: int) -> None:
    """Undoes outcomes of blocks that fell out: recorded or refused there means accepted now, on the tips they had."""
    undone = {row.event_id: row for row in connection.execute(_REFUSED_ABOVE.order_by(_EVENTS.c.id), {"block": above})}
    batches = sorted({row.batch for row in undone.values() if row.batch is not None})
    for some in _lists(batches):
        hold_batches(connection, some)  # before their events, and before it is asked what the lane knows of their transactions
    items: set[bytes] = set()
    for some in _lists(list(event_ids)):
        connection.execute(_ACCEPTED_AGAIN, {"keys": some})
        items.update(connection.scalars(select(_EVENTS.c.item).where(_EVENTS.c.event_id.in_(some), _EVENTS.c.status == "accepted")))
    for some in _lists([row.id for row in undone.values()]):
        connection.execute(_REFUSAL_UNDONE, {"keys": some})
    for some in _lists(batches):
        connection.execute(_BATCHES_TRAVEL, {"keys": some})
    for some in _lists(sorted(items | {row.item for row in undone.values()})):
        connection.execute(_TIPS_AGAIN, {"keys": some})


def _ask(connection: Connection, statement: Any, keys: Collection[bytes]) -> Iterator[Any]:
    for some in _lists(list(keys)):
        yield from connection.execute(statement, {"keys": some})


def _lists(keys: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (keys[start : start + LIST_LIMIT] for start in range(0, len(keys), LIST_LIMIT))
