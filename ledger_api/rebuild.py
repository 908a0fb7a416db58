"""The mirror made again from the chain and the payload store, and the proof that this changes no passport."""

from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple

from sqlalchemy import Engine, text

from ledger_api.errors import LaneBusy
from ledger_api.indexer.following import FIRST_SPAN, LEASE, Following, check, step
from ledger_api.indexer.loop import now_utc
from ledger_api.store import following as mirror
from ledger_api.store.engine import reading, writing
from ledger_api.store.leases import take_lease


class Rebuilt(NamedTuple):
    items: int
    logs: int
    unchanged: bool  # every passport has the bytes it had before


def rebuild(
    following: Following, *, clock: Callable[[], datetime] = now_utc, told: Callable[[int, int], None] = lambda block, head: None
) -> Rebuilt:
    """Drops what was derived from the chain and derives it again; accepted events, payloads and keys are not touched.

    While it runs, items are unknown until their blocks are read again, to readers and to whoever accepts events. Stop the doors too, or
    what comes in is judged by a past that the chain has left behind, and refused there. `told(block, head)` is called after each step.

    Raises:
        LaneBusy: an indexer is at work on this database.
        IntegrityError: the chain is not the one this database was made for.
    """
    before = passports_digest(following.engine)
    cursor = check(following)
    with writing(following.engine) as connection:
        if not take_lease(connection, LEASE, following.owner, now=clock(), seconds=following.lease_seconds):
            raise LaneBusy("an indexer is at work on this database: stop it first")
        mirror.drop_mirror(connection)
        first = following.from_block
        mirror.write_cursor(connection, cursor._replace(next_block=first, head_block=first - 1, final_block=first - 1))
    logs = _read_all(following, clock, told)
    with reading(following.engine) as connection:
        items = mirror.count_items(connection)
    return Rebuilt(items, logs, passports_digest(following.engine) == before)


def passports_digest(engine: Engine) -> str:
    """One hash over every passport, in the order of the items' ids."""
    digest = sha256()
    with reading(engine) as connection:
        for item, passport in connection.execution_options(yield_per=1000).execute(text("SELECT item, passport FROM items ORDER BY item")):
            digest.update(item)
            digest.update(sha256(passport).digest())
    return digest.hexdigest()


def _read_all(following: Following, clock: Callable[[], datetime], told: Callable[[int, int], None]) -> int:
    logs, span = 0, FIRST_SPAN
    while True:
        progress = step(following, now=clock(), span=span)
        if progress.leased_elsewhere:
            raise LaneBusy("another indexer took over")
        logs, span = logs + progress.logs, progress.span
        with reading(following.engine) as connection:
            cursor = mirror.read_cursor(connection)
        if cursor is not None:
            told(cursor.next_block - 1, cursor.head_block)
        if progress.idle:
            return logs
