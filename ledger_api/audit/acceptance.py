"""Accepted events against recorded ones, met by event id: recorded exactly once or refused with a reason, and nothing besides."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, text

from ledger_api.audit.hearing import Hearing
from ledger_api.audit.report import Check, Report, shown
from ledger_api.audit.side_by_side import Row, side_by_side
from ledger_api.store.lanes import restored_nonces
from ledger_verify.hashing import OrganizationId

_LIST_LIMIT = 500
_EVENTS = text(
    "SELECT events.event_id, events.id, events.status, events.reason, events.refused_block, events.event_hash, batches.batch_hash"
    " FROM events LEFT JOIN batches ON batches.id = events.batch ORDER BY events.event_id, events.id"
)
_HEARD = (
    "SELECT event_id, event_hash, item, organization, block_number, transaction_hash FROM heard ORDER BY event_id, block_number, log_index"
)
_KEEP_ORPHAN = "INSERT INTO orphans VALUES (?, ?, ?, ?, ?)"
_ORPHANS = "SELECT item, organization, block_number, transaction_hash FROM orphans ORDER BY rowid"
_OURS = text("SELECT hash FROM transactions WHERE hash IN :hashes").bindparams(bindparam("hashes", expanding=True))


class Event(NamedTuple):
    event_id: bytes
    id: int
    status: str
    reason: int | None
    refused_block: int | None
    event_hash: bytes
    batch_hash: bytes | None


class Recording(NamedTuple):
    event_id: bytes
    event_hash: bytes
    item: bytes
    organization: bytes
    block_number: int
    transaction_hash: bytes


class Acceptance:
    """`holds`: whether the service signs for an organization."""

    def __init__(
        self, connection: Connection, hearing: Hearing, report: Report, *, final_block: int, holds: Callable[[OrganizationId], bool]
    ) -> None:
        self._connection, self._hearing, self._report = connection, hearing, report
        self._final_block, self._holds = final_block, holds
        self._refusals = set(hearing.kept.execute("SELECT hash, block_number FROM refused"))
        self.accepted = Check("every accepted event is recorded once or refused")
        self.once = Check("no event is recorded twice")
        self.refused = Check("every refusal has a reason")
        self.sent = Check("nothing is recorded that nobody sent")

    def checked(self) -> list[Check]:
        streamed = self._connection.execution_options(yield_per=2_000)
        for _, (rows, heard) in side_by_side(streamed.execute(_EVENTS), self._hearing.kept.execute(_HEARD)):
            self._compare([Event._make(row) for row in rows], [Recording._make(row) for row in heard])
        for some in self._orphans():
            self._explain(some)
        return [self.accepted, self.once, self.refused, self.sent]

    def _compare(self, rows: Sequence[Event], heard: Sequence[Recording]) -> None:
        self.once.examined += bool(heard)
        if len(heard) > 1:
            blocks = ", ".join(str(one.block_number) for one in heard)
            self._report.duplicated += len(heard) - 1
            self.once.find(f"event {shown(heard[0].event_id)} is recorded {len(heard)} times: in blocks {blocks}")
        self._report.events += len(rows)
        self._report.recorded += bool(rows and heard)
        live = [row for row in rows if row.status != "refused"]
        for row in live:
            self._compare_live(row, heard, is_first=row is live[0])
        for row in rows:
            if row.status == "refused":
                self._compare_refused(row, is_recorded=bool(heard) and not live)
        if heard and not rows:
            self._hearing.kept.execute(
                _KEEP_ORPHAN, (heard[0].event_id, heard[0].item, heard[0].organization, heard[0].block_number, heard[0].transaction_hash)
            )

    def _compare_live(self, row: Event, heard: Sequence[Recording], *, is_first: bool) -> None:
        self.accepted.examined += 1
        if not is_first:
            self.accepted.find(f"event {shown(row.event_id)} is accepted twice")
        if row.status not in ("accepted", "recorded", "final"):
            self.accepted.find(f"event {shown(row.event_id)} has the status {row.status}")
        elif row.status == "accepted":
            if heard:
                self.accepted.find(f"event {shown(row.event_id)} is recorded in block {heard[0].block_number} and still called accepted")
        elif not heard:
            self._report.lost += 1
            self.accepted.find(f"event {shown(row.event_id)} is called {row.status} and not on the chain")
        elif row.event_hash not in {one.event_hash for one in heard}:
            self.accepted.find(f"event {shown(row.event_id)} is recorded under another event hash than its row has")
        elif (row.status == "final") != (heard[0].block_number <= self._final_block):
            where = f"block {heard[0].block_number}, where block {self._final_block} is final"
            self.accepted.find(f"event {shown(row.event_id)} is called {row.status} and recorded in {where}")

    def _compare_refused(self, row: Event, *, is_recorded: bool) -> None:
        self._report.refused += 1
        self.refused.examined += 1
        if row.reason is None:
            self.refused.find(f"event {shown(row.event_id)} is refused without a reason")
        if is_recorded:
            self.refused.find(f"event {shown(row.event_id)} is called refused and is on the chain")
        if row.refused_block is not None and not is_recorded and not self._is_told(row, row.refused_block):
            self.refused.find(f"event {shown(row.event_id)} was not refused in block {row.refused_block}")

    def _is_told(self, row: Event, block: int) -> bool:
        """Whether that block refuses the event or its batch; one that was taken out of its batch since cannot be told."""
        return row.batch_hash is None or (row.event_hash, block) in self._refusals or (row.batch_hash, block) in self._refusals

    # --- what no row of ours tells of

    def _orphans(self) -> Iterator[list[Row]]:
        cursor = self._hearing.kept.execute(_ORPHANS)
        while some := cursor.fetchmany(_LIST_LIMIT):
            yield some

    def _explain(self, orphans: Sequence[Row]) -> None:
        ours = {bytes(row[0]) for row in self._connection.execute(_OURS, {"hashes": [row[3] for row in orphans]})}
        held = [row for row in orphans if self._holds(OrganizationId(row[1]))]
        adopted = self._adopted([row[3] for row in held if row[3] not in ours])
        self.sent.examined += len(orphans)
        for row in orphans:
            item, organization, block, transaction = row
            told = f"an event of item {shown(item)} by {shown(organization)} in block {block}"
            if transaction in ours:
                self.sent.find(f"{told} is in a transaction of ours, and nobody sent it")
            elif transaction in adopted:
                self._report.recorded_before_restore += 1
            elif row in held:
                self.sent.find(f"{told} has a key that we hold, and nobody sent it to us")
            else:
                self._report.foreign += 1

    def _adopted(self, transactions: Sequence[bytes]) -> set[bytes]:
        """Those carried on nonces that an operator adopted as used before a restore."""
        restored = restored_nonces(self._connection)
        if not restored or not transactions:
            return set()
        return {one for one, sent in self._hearing.senders(sorted(set(transactions))).items() if sent in restored}
