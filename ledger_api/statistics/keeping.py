"""What a process has counted, kept until the ledger says something new: a mirror that moves without a verdict is not read again.

Where counting takes long, a process does it for a twentieth of its time at most. Until then its answers are of the block they name.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine

from ledger_api.domain.network import Network
from ledger_api.statistics.counting import read_words
from ledger_api.statistics.overturns import fates
from ledger_api.statistics.telling import Range
from ledger_api.statistics.verdicts import Cells, Question, Table, count, tabulate
from ledger_api.store import directory
from ledger_api.store.engine import moment
from ledger_api.store.records import compromised_signers, registered_dids
from ledger_api.store.statistics import newest_told

MOST_KEPT = 200  # answers
QUICK_SECONDS = 0.5  # counting that takes no longer is done whenever something is new
REST = 20  # times what it took beyond that


@dataclass(frozen=True, slots=True)
class Counted:
    """As of one moment of the mirror."""

    blocks: Range
    final_block: int
    cells: Cells
    names: dict[bytes, str]
    kept: dict[Question, Table]

    def table(self, question: Question) -> Table:
        """Made once for each question, of the newest so many."""
        if question not in self.kept:
            while len(self.kept) >= MOST_KEPT:
                self.kept.pop(next(iter(self.kept)), None)
            self.kept[question] = tabulate(self.cells, question)
        return self.kept[question]


class VerdictCounter:
    """Any number of threads may ask; one of them counts."""

    def __init__(self, network: Network, clock: Callable[[], float] = time.monotonic) -> None:
        self._network, self._clock = network, clock
        self._lock = threading.Lock()
        self._basis: Any = None  # what the cells follow from: the newest block with something said, and the marks on keys
        self._rests_until = 0.0
        self._counted: Counted | None = None
        self._cells: Cells = {}
        self._kept: dict[Question, Table] = {}

    def count(self, engine: Engine) -> Counted:
        """Raises DatabaseBusy, DatabaseDamaged."""
        with self._lock, moment(engine) as connection:
            basis = newest_told(connection), sorted(compromised_signers(connection).items())
            if basis != self._basis:
                if self._counted is not None and self._clock() < self._rests_until:
                    return self._counted
                self._count(connection)
                self._basis = basis
            self._counted = self._now(connection)
            return self._counted

    def _count(self, connection: Connection) -> None:
        began = self._clock()
        self._cells, self._kept = count(fates(read_words(connection))), {}
        ended = self._clock()
        self._rests_until = ended + REST * max(0.0, ended - began - QUICK_SECONDS)

    def _now(self, connection: Connection) -> Counted:
        cursor, place = directory.cursor(connection), directory.place(connection)
        network = self._network
        to_block, hashed = (0, None) if place is None else (place[0] - 1, place[2])
        blocks = Range(network.chain_id, network.ledger, network.first_block, to_block, hashed)
        return Counted(blocks, 0 if cursor is None else cursor.final_block, self._cells, registered_dids(connection), self._kept)
