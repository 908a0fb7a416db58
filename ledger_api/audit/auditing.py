"""One audit from beginning to end: wait for the indexer, pin a block, look at everything as of it, look again at what moves.

1. Wait a little for the indexer to reach the head; then say how far behind it is.
2. Take one moment of the database. Its newest block, by its hash, is the block of the audit.
3. Hear the chain up to that block; walk histories, acceptance and journeys; rebuild the passports.
4. The block must still be the chain's at the end, else all of it is done again.
"""

import tempfile
import time
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection

from ledger_api.audit import journeys
from ledger_api.audit.acceptance import Acceptance
from ledger_api.audit.hearing import Hearing, Pin
from ledger_api.audit.histories import Histories
from ledger_api.audit.passports import SourceUpTo, compare_passports
from ledger_api.audit.report import Check, Report, shown
from ledger_api.errors import BusyError, NodeInconsistent, NotFollowedYet
from ledger_api.service import Service
from ledger_api.store import following as mirror
from ledger_api.store.engine import moment, reading
from ledger_api.store.following import Block, Cursor

PATIENCE_SECONDS = 5.0  # for the indexer to reach the head, for the chain to agree with it, between two looks
_POLL_SECONDS = 0.1
_ATTEMPTS = 3


def audit(service: Service, *, rebuild: bool = True, settled: bool = False, patience: float = PATIENCE_SECONDS) -> Report:
    """What the chain and the database say of each other. `rebuild` False leaves the passports out.

    `settled`: nothing comes in and everything had its time, so that whatever is still on its way is a finding.

    Raises:
        NotFollowedYet: no block was ever followed.
        NodeInconsistent: the chain kept moving below the block of the audit.
    """
    for _ in range(_ATTEMPTS):
        with tempfile.TemporaryDirectory(prefix="ledger-audit-") as folder:
            path = Path(folder)
            with closing(Hearing(service.node, service.deployment.ledger, path / "heard.db")) as hearing:
                report = _Auditing(service, hearing, path, patience, settled).report(rebuild=rebuild)
        if report is not None:
            return report
    raise NodeInconsistent("the chain moved under the audit each time; ask again")


class _Auditing:
    def __init__(self, service: Service, hearing: Hearing, folder: Path, patience: float, settled: bool) -> None:
        self._service, self._hearing, self._folder, self._patience, self._settled = service, hearing, folder, patience, settled

    def report(self, *, rebuild: bool) -> Report | None:
        """None when the chain moved meanwhile."""
        # 1
        behind = self._await_indexer()
        # 2
        with moment(self._service.engine) as connection:
            cursor, block = _newest(connection)
            pin = Pin(block.number, block.hash)
            report = Report(cursor.chain_id, pin.number, pin.hash, behind)
            if self._hearing.hash_of(pin.number) != pin.hash:
                return self._is_stranded(pin, report)
            # 3
            self._hearing.listen(self._service.deployment.block, pin)
            report.checks += Histories(connection, self._hearing, pin, self._service.network.terms).checked()
            holds, final = self._service.keyring.holds, cursor.final_block
            report.checks += Acceptance(connection, self._hearing, report, final_block=final, holds=holds).checked()
            first = self._look(connection, pin)
            if rebuild:
                self._rebuild(connection, block, report)
        self._add_journeys(first, report)
        # 4
        return report if self._hearing.hash_of(pin.number) == pin.hash else None

    def _await_indexer(self) -> int:
        """Blocks that it is behind the head of now, after some patience."""
        head, deadline = self._hearing.head(), time.monotonic() + self._patience
        while True:
            with reading(self._service.engine) as connection:
                cursor = mirror.read_cursor(connection)
            behind = head + 1 - (0 if cursor is None else cursor.next_block)
            if behind <= 0 or time.monotonic() > deadline:
                return max(0, behind)
            time.sleep(_POLL_SECONDS)

    def _is_stranded(self, pin: Pin, report: Report) -> Report | None:
        """The newest block followed is not the chain's: for a moment that is a reorg, and for longer a finding."""
        deadline = time.monotonic() + self._patience
        while time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
            with reading(self._service.engine) as connection:
                _, block = _newest(connection)
            if self._hearing.hash_of(block.number) == block.hash:
                return None
        check = Check("the chain followed is the node's", 1)
        check.find(f"the database followed block {pin.number} as {shown(pin.hash)}, which the chain does not have")
        report.checks.append(check)
        return report

    def _rebuild(self, connection: Connection, block: Block, report: Report) -> None:
        service = self._service
        source = SourceUpTo(service.node, service.deployment.registry, service.deployment.ledger, block)
        check, stale = compare_passports(
            connection, source=source, network=service.network, from_block=service.deployment.block, folder=self._folder
        )
        report.checks.append(check)
        report.in_flight["passports"] = stale

    def _look(self, connection: Connection, pin: Pin) -> journeys.Journeys:
        return journeys.look(connection, self._hearing, pin, settled=self._settled)

    def _add_journeys(self, first: journeys.Journeys, report: Report) -> None:
        found = first
        if any(check.found for check in first.checks):
            time.sleep(self._patience)
            with moment(self._service.engine) as connection:
                _, block = _newest(connection)
                found = journeys.found_again(first, self._look(connection, Pin(block.number, block.hash)))
        report.checks += found.checks
        report.in_flight |= found.in_flight
        report.lost += found.lost


def _newest(connection: Connection) -> tuple[Cursor, Block]:
    cursor = mirror.read_cursor(connection)
    blocks = [] if cursor is None else mirror.newest_blocks(connection, cursor.next_block - 1, 1)
    if cursor is None or not blocks:
        raise NotFollowedYet
    if blocks[0].number != cursor.next_block - 1:
        raise BusyError("the newest block that was followed is not kept; let the indexer go on first", block=cursor.next_block - 1)
    return cursor, blocks[0]
