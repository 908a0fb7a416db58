"""What an operator is told before callers notice: one table of alarms, one function that says which ring.

`/readyz` shows them as warnings, `/metrics` as `ledger_alarm`, the worker and the indexer say one line when one begins or ends.
What each means and what to do is in docs/operations.md.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

import structlog
from sqlalchemy import Engine

from ledger_api.errors import DatabaseBusy, ReorgTooDeep
from ledger_api.settings import Settings
from ledger_api.store.engine import reading, writing
from ledger_api.store.watching import Place, Work, note_stop, place, work

logger = structlog.get_logger(__name__)

LOOK_SECONDS = 5  # between two looks of a loop
AlarmCode = Literal["reorg-too-deep", "behind", "no-indexer", "no-worker", "stuck", "parked", "slow", "notices", "cases"]
MEANINGS: dict[AlarmCode, str] = {
    "reorg-too-deep": "The chain changed below a block that was final: worker and indexer have stopped, and nothing was touched.",
    "behind": "The indexer is behind the chain's head.",
    "no-indexer": "Nobody follows the chain: answers grow old.",
    "no-worker": "Nobody carries accepted events to the chain.",
    "stuck": "Some accepted events could not be carried for now.",
    "parked": "Events could not be carried and wait for an operator.",
    "slow": "An accepted event waits for long.",
    "notices": "Notices are due and nobody sends them.",
    "cases": "Cases of the desk are past their deadline.",
}


@dataclass(frozen=True, slots=True)
class Alarm:
    code: AlarmCode
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def message(self) -> str:
        return MEANINGS[self.code]


def ringing(here: Place | None, doing: Work, *, at: float, settings: Settings) -> Iterator[Alarm]:
    """Those that ring at this moment (unix seconds), in the order of `MEANINGS`."""
    if here is not None and doing.stops.get(ReorgTooDeep.code) == here.next_block:
        yield Alarm("reorg-too-deep", {"final_block": here.final_block})
    if here is not None and here.head_block - here.next_block + 1 > settings.behind_blocks:
        yield Alarm("behind", {"blocks": here.head_block - here.next_block + 1})
    alive = {name for name, until in doing.leases.items() if seconds(until) >= at}
    if "indexer" not in alive:
        yield Alarm("no-indexer")
    if doing.waiting and not any(name.startswith("lane:") for name in alive):
        yield Alarm("no-worker", {"waiting": doing.waiting})
    if doing.failing:
        yield Alarm("stuck", {"events": doing.failing})
    if doing.letters:
        yield Alarm("parked", {"letters": doing.letters, "events": doing.parked})
    if doing.oldest is not None and at - seconds(doing.oldest) > settings.oldest_waiting_seconds:
        yield Alarm("slow", {"seconds": int(at - seconds(doing.oldest))})
    if doing.due is not None and at - seconds(doing.due) > settings.oldest_notice_seconds:
        yield Alarm("notices", {"seconds": int(at - seconds(doing.due)), "deliveries": doing.undelivered})
    if doing.late_since is not None:
        yield Alarm("cases", {"cases": doing.late, "seconds": int(at - seconds(doing.late_since))})


@contextmanager
def outliving(engine: Engine) -> Iterator[None]:
    """A loop that ends because the chain is not the one that was final rings on for whoever still serves, until the mirror moves."""
    try:
        yield
    except ReorgTooDeep as error:
        with suppress(DatabaseBusy), writing(engine) as connection:
            note_stop(connection, error.code)
        raise


def seconds(moment: datetime) -> float:
    return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()


class Bell:
    """Says one line when an alarm begins and one when it ends, however often it is asked in between."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine, self._settings = engine, settings
        self._rings: set[AlarmCode] = set()
        self._next_look = 0.0

    def look(self, at: float) -> None:
        """Looks at the database, at most every few seconds. Raises: DatabaseBusy."""
        if at < self._next_look:
            return
        self._next_look = at + LOOK_SECONDS
        with reading(self._engine) as connection:
            here, doing = place(connection), work(connection, at=at)
        self.ring(ringing(here, doing, at=at, settings=self._settings))

    def ring(self, alarms: Iterable[Alarm]) -> None:
        now = {alarm.code: alarm for alarm in alarms}
        for code in now.keys() - self._rings:
            logger.warning("alarm", code=code, why=now[code].message, facts=now[code].facts)
        for code in sorted(self._rings - now.keys()):
            logger.info("alarm over", code=code)
        self._rings = set(now)
