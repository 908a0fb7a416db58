"""Transactions of a lane of nonces: saved before they are sent, settled once the chain has used the nonce.

One nonce may have several transactions (a replacement with a higher fee), and any of them may be the one that lands.
The highest saved nonce is the only counter there is.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, bindparam, delete, exists, func, insert, select, text, update

from ledger_api.store import tallies
from ledger_api.tables import BatchRow, CursorRow, EventRow, TransactionRow

_t = TransactionRow.__table__  # type: ignore[attr-defined]  # SQLModel adds it at run time
_b = BatchRow.__table__  # type: ignore[attr-defined]
_e = EventRow.__table__  # type: ignore[attr-defined]
_cursor = CursorRow.__table__  # type: ignore[attr-defined]

_MINE = _t.c.relayer == bindparam("relayer")
_SETTLED = _t.c.status.in_(("mined", "reverted", "foreign"))
_TOP = select(func.max(_t.c.nonce)).where(_MINE)
_SETTLED_TOP = select(func.max(_t.c.nonce)).where(_MINE, _SETTLED)
_FLYING = (
    select(_t.c.id, _t.c.nonce, _t.c.hash, _t.c.max_fee_wei, _t.c.status, _t.c.sent_block)
    .where(_MINE, text("transactions.status IN ('saved', 'sent')"))  # literals: SQLite has to see the partial index
    .order_by(_t.c.nonce)
)
_VARIANTS = (
    select(_t.c.id, _t.c.nonce, _t.c.hash, _t.c.status)
    .where(_MINE, _t.c.nonce.in_(bindparam("nonces", expanding=True)), _t.c.status != "foreign")
    .order_by(_t.c.nonce, _t.c.id.desc())
)
_RAW = select(_t.c.raw).where(_t.c.id == bindparam("transaction"))
_SENT = update(_t).where(_t.c.id == bindparam("transaction"), _t.c.status.in_(("saved", "sent")))
_NOT_LANDED = {"status": "sent", "sent_block": None, "block_number": None, "gas_used": None, "gas_price_wei": None}
_INDEXED_TOP = select(func.coalesce(func.max(_t.c.nonce), -1)).where(
    _MINE, _t.c.status == "mined", _t.c.block_number < select(_cursor.c.next_block).scalar_subquery()
)
_NEWEST = select(_t.c.id).where(_MINE).order_by(_t.c.nonce.desc()).limit(200)
_UNTOLD = select(_t.c.id).where(
    _t.c.id.in_(_NEWEST.scalar_subquery()),
    _t.c.status == "mined",
    _t.c.block_number < select(_cursor.c.next_block).scalar_subquery(),
    exists().where(_b.c.transaction == _t.c.id, _b.c.status.in_(("done", "sent")), _e.c.batch == _b.c.id, _e.c.status == "accepted"),
)
_FINAL_TOP = select(func.max(_t.c.nonce)).where(
    _MINE,
    _t.c.status.in_(("mined", "reverted")),
    _t.c.block_number <= select(_cursor.c.final_block).scalar_subquery(),
)
_FINAL = func.coalesce(select(_cursor.c.final_block).scalar_subquery(), -1)
_IS_ABOVE_FINAL = _t.c.status.in_(("mined", "reverted")) & (_t.c.block_number > _FINAL)
_OPEN = select(exists().where(_MINE, _t.c.status.in_(("saved", "sent")) | _IS_ABOVE_FINAL))


class Flight(NamedTuple):
    """A transaction that is saved and has not landed."""

    id: int
    nonce: int
    hash: bytes
    max_fee_wei: str
    status: str
    sent_block: int | None


class Variant(NamedTuple):
    """One of the transactions of a nonce."""

    id: int
    nonce: int
    hash: bytes
    status: str


class Landing(NamedTuple):
    """What the chain made of a nonce: which variant, whether it went through, and what it cost."""

    variant: Variant
    block_number: int
    is_success: bool
    gas_used: int | None = None  # None: the receipt does not say
    gas_price_wei: int | None = None


class NewTransaction(NamedTuple):
    relayer: bytes
    nonce: int
    raw: bytes
    hash: bytes
    max_fee_wei: int


def top_nonce(connection: Connection, relayer: bytes) -> int | None:
    """The highest nonce ever saved; None before the first."""
    return connection.scalar(_TOP, {"relayer": relayer})


def settled_top(connection: Connection, relayer: bytes) -> int | None:
    """The highest nonce of which we believe that the chain has used it."""
    return connection.scalar(_SETTLED_TOP, {"relayer": relayer})


def final_top(connection: Connection, relayer: bytes) -> int | None:
    """The highest nonce used in a block that is final; None before the first."""
    return connection.scalar(_FINAL_TOP, {"relayer": relayer})


def is_open(connection: Connection, relayer: bytes) -> bool:
    """Has it transactions that are not in a final block?"""
    return bool(connection.scalar(_OPEN, {"relayer": relayer}))


def flying(connection: Connection, relayer: bytes) -> list[Flight]:
    """In the order of nonces. A replaced transaction is not among them, though it may still land."""
    return [Flight._make(row) for row in connection.execute(_FLYING, {"relayer": relayer})]


def variants(connection: Connection, relayer: bytes, nonces: Collection[int]) -> list[Variant]:
    """Everything of ours that may have landed on these nonces, the newest of a nonce first."""
    if not nonces:
        return []
    return [Variant._make(row) for row in connection.execute(_VARIANTS, {"relayer": relayer, "nonces": list(nonces)})]


def raw_bytes(connection: Connection, transaction: int) -> bytes:
    return bytes(connection.execute(_RAW, {"transaction": transaction}).scalar_one())


def save_transaction(connection: Connection, new: NewTransaction, *, now: datetime) -> int:
    values = new._asdict() | {"max_fee_wei": str(new.max_fee_wei), "status": "saved", "created_at": now}
    return int(connection.execute(insert(_t).values(values)).inserted_primary_key[0])  # type: ignore[index]


def carry(connection: Connection, batches: Sequence[int], transaction: int) -> int:
    """These batches travel in this transaction; returns how many of them were free to."""
    if not batches:
        return 0
    free = _b.c.id.in_(batches) & (_b.c.status == "signed")
    return connection.execute(update(_b).where(free).values(transaction=transaction, status="sent")).rowcount


def replace(connection: Connection, old: int, new: int) -> None:
    """`new` takes the nonce of `old` and everything it carries; `old` may land all the same."""
    connection.execute(update(_t).where(_t.c.id == old).values(status="replaced"))
    connection.execute(update(_b).where(_b.c.transaction == old).values(transaction=new))


def mark_sent(connection: Connection, transaction: int, head_block: int) -> None:
    connection.execute(_SENT.values(status="sent", sent_block=head_block), {"transaction": transaction})


def land(connection: Connection, landing: Landing, siblings: Collection[int]) -> list[int]:
    """Settle a nonce; returns the batches that did not land because the transaction reverted."""
    connection.execute(update(_t).where(_t.c.id.in_(siblings)).values(status="replaced"))
    status = "mined" if landing.is_success else "reverted"
    cost = {"gas_used": landing.gas_used, "gas_price_wei": landing.gas_price_wei}
    connection.execute(update(_t).where(_t.c.id == landing.variant.id).values(status=status, block_number=landing.block_number, **cost))
    carried = _b.c.transaction.in_(siblings)
    if not landing.is_success:
        return list(connection.scalars(select(_b.c.id).where(carried, _b.c.status == "sent").order_by(_b.c.id)))
    _hold(connection, carried)
    connection.execute(update(_b).where(carried, _b.c.status == "sent").values(status="done", transaction=landing.variant.id))
    return []


def hold_batches(connection: Connection, batches: Sequence[int]) -> None:
    """In the order in which everybody takes several."""
    _hold(connection, _b.c.id.in_(batches))


def _hold(connection: Connection, which: ColumnElement[bool]) -> None:
    connection.execute(select(_b.c.id).where(which).order_by(_b.c.id).with_for_update())


def count_costs(connection: Connection, landings: Collection[Landing]) -> None:
    """Beside the transactions' own, for metrics: these never fall, and what lands again after a reorg counts again."""
    gas = sum(one.gas_used or 0 for one in landings)
    fee_wei = sum((one.gas_used or 0) * (one.gas_price_wei or 0) for one in landings)
    tallies.add(connection, tallies.FEE_WEI, {"": fee_wei})
    tallies.add(connection, tallies.GAS, {"": gas})


def take_back(connection: Connection, relayer: bytes, from_nonce: int) -> None:
    """The chain has no longer used these nonces (a reorg): what stood there is in flight again, and its bytes go out anew.

    A transaction that had reverted goes too: its nonce must be filled, and what it carries can do no harm.
    """
    _fly_again(connection, (_t.c.relayer == relayer) & (_t.c.nonce >= from_nonce) & _t.c.status.in_(("mined", "reverted")))


def untold(connection: Connection, relayer: bytes) -> list[int]:
    """Transactions that have landed, as we believed, in blocks the indexer has applied without a word of what they carried.

    Their blocks fell out of the chain, and others of the same height used the same nonces.
    """
    return list(connection.scalars(_UNTOLD, {"relayer": relayer}))


def look_up_again(connection: Connection, transactions: Collection[int]) -> None:
    """What became of these is an open question."""
    _fly_again(connection, _t.c.id.in_(transactions) & (_t.c.status == "mined"))


def _fly_again(connection: Connection, chosen: ColumnElement[bool]) -> None:
    ids = select(_t.c.id).where(chosen)
    _hold(connection, _b.c.transaction.in_(ids))
    connection.execute(update(_b).where(_b.c.transaction.in_(ids), _b.c.status == "done").values(status="sent"))
    connection.execute(update(_t).where(chosen).values(**_NOT_LANDED))


def save_foreign(connection: Connection, relayer: bytes, nonces: Collection[int], *, now: datetime, is_restored: bool = False) -> None:
    """Nonces somebody else used with this key. Our own transactions there can no longer land.

    `is_restored`: it was our own service, in the time that the restored backup does not know.
    """
    mark = restored_mark if is_restored else foreign_mark
    taken = (_t.c.relayer == relayer) & _t.c.nonce.in_(list(nonces)) & _t.c.status.in_(("saved", "sent"))
    connection.execute(update(_t).where(taken).values(status="replaced"))
    rows = [
        {"relayer": relayer, "nonce": nonce, "raw": b"", "hash": mark(relayer, nonce), "max_fee_wei": "0"}
        | {"status": "foreign", "created_at": now}
        for nonce in nonces
    ]
    if rows:
        connection.execute(insert(_t), rows)


def forget_foreign(connection: Connection, relayer: bytes, nonce: int) -> None:
    """A reorg freed the nonce, and it gets bytes of ours. Should the other's land there after all, it is foreign anew."""
    connection.execute(delete(_t).where(_t.c.relayer == relayer, _t.c.nonce == nonce, _t.c.status == "foreign"))


def foreign_mark(relayer: bytes, nonce: int) -> bytes:
    """Fills `hash` of a transaction that is not ours: unique, and no hash of anything."""
    return b"foreign" + relayer + nonce.to_bytes(5, "big")


def restored_mark(relayer: bytes, nonce: int) -> bytes:
    """The same for a nonce that we used ourselves, before the database was restored from a backup."""
    return b"restored" + relayer + nonce.to_bytes(5, "big")


def restored_nonces(connection: Connection) -> set[tuple[bytes, int]]:
    """(relayer, nonce) of those."""
    adopted = connection.execute(select(_t.c.relayer, _t.c.nonce, _t.c.hash).where(_t.c.status == "foreign"))
    return {(bytes(relayer), nonce) for relayer, nonce, mark in adopted if bytes(mark) == restored_mark(bytes(relayer), nonce)}


def carried_on(connection: Connection, relayer: bytes, nonces: Collection[int]) -> list[int]:
    """Batches still waiting in transactions of these nonces."""
    ids = select(_t.c.id).where(_t.c.relayer == relayer, _t.c.nonce.in_(list(nonces)))
    return list(connection.scalars(select(_b.c.id).where(_b.c.transaction.in_(ids), _b.c.status == "sent").order_by(_b.c.id)))


def has_unexplained_revert(connection: Connection, relayer: bytes) -> bool:
    """Did a transaction revert after the last one whose outcome the indexer has told us?

    Then what we expect of some item's next state is wrong, and guessing on would revert again.
    """
    told = connection.scalar(_INDEXED_TOP, {"relayer": relayer})
    newer = exists().where(_t.c.relayer == relayer, _t.c.status == "reverted", _t.c.nonce > told)
    return bool(connection.scalar(select(newer)))
