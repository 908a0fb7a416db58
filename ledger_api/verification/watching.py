"""Asks watched questions again, and tells when the answer is another: a step of `ledger notify`, in any number of processes.

The indexer brings a watch forward in the transaction that writes its item, so nothing is missed: whoever looks holds the watch's row, and
what is written after that look brings it forward once more. A reorg writes items too.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, Row, delete, select, update

from ledger_api.columns import utc
from ledger_api.errors import NotFollowedYet
from ledger_api.store.engine import reading, writing
from ledger_api.store.watching import place
from ledger_api.verification import answering
from ledger_api.verification.answering import NOTHING, Given, Seen, Voice
from ledger_api.verification.asking import VerificationIn
from ledger_api.verification.decision import AsOf
from ledger_api.verification.watches import changed, gist, next_look, watches
from ledger_api.webhooks.telling import tell

MOST_AT_ONCE = 50
POSTPONED_SECONDS = 2


@dataclass(frozen=True)
class Watcher:
    engine: Engine
    voice: Voice
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def turn(self) -> bool:
        """Whether there was anything to look at. Raises: BusyError."""
        now = self.clock()
        due = select(watches).where(watches.c.due_at <= now).order_by(watches.c.due_at).limit(MOST_AT_ONCE)
        with reading(self.engine) as connection:
            if connection.execute(due.with_only_columns(watches.c.id).limit(1)).first() is None:
                return False
        with writing(self.engine) as connection:
            found = connection.execute(due.with_for_update(skip_locked=True)).all()
            try:
                here = answering.as_of(connection)
            except NotFollowedYet:
                return False
            for watch in sorted(found, key=lambda row: str(row.id)):
                self._look(connection, watch, here, now)
        return bool(found)

    def _look(self, connection: Connection, watch: Row[Any], here: AsOf, now: datetime) -> None:
        question, until = VerificationIn.model_validate_json(watch.request), utc(watch.until)
        this = watches.c.id == watch.id
        if until <= now:
            connection.execute(delete(watches).where(this))
            self._tell(connection, watch, "verification.watch-ended", {"until": until.strftime("%Y-%m-%dT%H:%M:%SZ")}, now)
            return
        (seen,) = answering.look_up(connection, [question], watch.organization, now=int(now.timestamp()))
        if seen.found is None and _is_behind(connection):
            connection.execute(update(watches).where(this).values(due_at=now + timedelta(seconds=POSTPONED_SECONDS)))
            return
        told = self._changed(connection, watch, question, seen, here, now)
        due_at = next_look(question, seen, until=until, now=now)
        item = watch.item if seen.shown is None else seen.shown.item  # from now on it is known
        connection.execute(update(watches).where(this).values(due_at=due_at, item=item, **({} if told is None else {"answer": told})))

    def _changed(
        self, connection: Connection, watch: Row[Any], question: VerificationIn, seen: Seen, here: AsOf, now: datetime
    ) -> str | None:
        """Tells of another answer; what was told, as it is kept."""
        at, network = int(now.timestamp()), self.voice.network
        answer = answering.judge(question, seen, here, network=network, caller=watch.organization, now=at)
        old, new = orjson.loads(watch.answer), gist(answer, seen, here)
        differing = changed(old, new)
        if not differing:
            return None
        request = orjson.loads(watch.request)
        document = answering.signed(self.voice, Given(question, request, seen, answer, here), now=at)
        body = {"changed": differing, "old": _told(old), "new": document, "request": request}
        self._tell(connection, watch, "verification.changed", body, now, seen)
        return orjson.dumps(new).decode()

    def _tell(self, connection: Connection, watch: Row[Any], kind: str, body: dict[str, Any], now: datetime, seen: Seen = NOTHING) -> None:
        which = watch.item if seen.shown is None else seen.shown.item
        item = None if which is None else "0x" + which.hex()
        subject = f"watch:{watch.id}" if item is None else f"item:{item}"
        tell(connection, watch.organization, kind, subject, {"watch": watch.id, "item": item} | body, at=now)


def _told(old: dict[str, Any]) -> dict[str, Any]:
    """The answer before, without the holder's key: whoever may not see the item now must not learn it."""
    return {name: old[name] for name in ("decision", "reasons", "as_of")}


def _is_behind(connection: Connection) -> bool:
    """The mirror is being made again, or is far from the head: an item that is not there yet is no item that is gone."""
    here = place(connection)
    return here is None or here.next_block <= here.head_block
