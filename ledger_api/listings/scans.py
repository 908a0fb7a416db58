"""How often each item was looked up by its code and where it was seen, counted where it happens and written down a few times a minute.

    scans.count(item)         on the road of a lookup: one entry of a dict
    scans.count(item, place)  the same; whoever looked it up named a place
    scans.sight(item, place)  a platform says where the object is
    scans.flush()             into `item_seen`; what could not be written is written the next time
    scans.forget()            what is too old to say anything

Each process counts for itself. One that is killed loses what it counted since the last flush: scans are a sign, not a ledger.
"""

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import Engine

from ledger_api.errors import LedgerError
from ledger_api.listings import rows
from ledger_api.store.engine import writing

logger = logging.getLogger(__name__)

SECONDS = 5.0
MOST_PLACES = 8  # of an item within an hour, in one process: whoever names more says nothing, and cannot fill the table

Degrees = tuple[float, float]  # coarse: rounded by whoever counts


class _Lookup(NamedTuple):
    item: bytes
    hour: int  # unix hours
    how: str = "scan"
    place: str = ""


class Scans:
    def __init__(self, engine: Engine, clock: Callable[[], float]) -> None:
        self._engine, self._clock = engine, clock
        self._counts: dict[_Lookup, int] = {}
        self._named: dict[_Lookup, set[str]] = {}  # places of this hour
        self._named_hour = 0
        self._forgotten_hour = 0
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def count(self, item: bytes, place: Degrees | None = None) -> None:
        self._add(_Lookup(item, self._hour()), place)

    def sight(self, item: bytes, place: Degrees) -> None:
        self._add(_Lookup(item, self._hour(), "sighting"), place)

    def _hour(self) -> int:
        return int(self._clock()) // 3600

    def _add(self, key: _Lookup, place: Degrees | None) -> None:
        with self._lock:
            key = key if place is None else key._replace(place=self._nameable(key, rows.place_text(place)))
            if key.place or key.how == "scan":
                self._counts[key] = self._counts.get(key, 0) + 1

    def _nameable(self, key: _Lookup, place: str) -> str:
        """Empty where too many were named already."""
        if key.hour != self._named_hour:
            self._named, self._named_hour = {}, key.hour
        named = self._named.setdefault(key, set())
        if len(named) < MOST_PLACES:
            named.add(place)
        return place if place in named else ""

    def flush(self) -> None:
        """Raises nothing: nobody waits for it."""
        with self._lock:
            taken, self._counts = self._counts, {}
        if not taken:
            return
        many = [
            key._asdict() | {"hour": datetime.fromtimestamp(key.hour * 3600, UTC), "count": count}
            for key, count in sorted(taken.items())  # in one order, so that two processes do not wait for each other in a ring
        ]
        try:
            with writing(self._engine) as connection:
                rows.count_seen(connection, many)
        except LedgerError as error:
            logger.warning("scans could not be written yet", extra={"code": error.code})
            with self._lock:
                for key, count in taken.items():
                    self._counts[key] = self._counts.get(key, 0) + count

    def forget(self) -> None:
        """Once an hour, whatever process is the first. Raises nothing."""
        hour = self._hour()
        if hour == self._forgotten_hour:
            return
        try:
            with writing(self._engine) as connection:
                rows.forget_seen(connection, now=datetime.fromtimestamp(self._clock(), UTC))
        except LedgerError as error:
            logger.warning("old scans could not be forgotten yet", extra={"code": error.code})
        else:
            self._forgotten_hour = hour

    def start(self) -> None:
        """Flush by itself from now on."""
        self._thread = threading.Thread(target=self._run, name="scans", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Harmless to repeat; nothing that was counted is left behind."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self.flush()

    def _run(self) -> None:
        while not self._stop.wait(SECONDS):
            self.flush()
            self.forget()
