"""One import: rows in their order through the same door as any caller's, then the count of what stands on the ledger.

1. Rows become bodies; a buyer's key and consent are added where only a buyer has them, and are on disk first.
2. Chunks of rows of one organization go through `intake.accept_events`, in the order of the file.
3. When all are in, wait until each accepted event is recorded or refused, and count.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from ledger_api.domain.events import AnyEvent
from ledger_api.domain.parsing import Refusal, parse_event
from ledger_api.domain.terms import detail_of, kind_of, party_of
from ledger_api.importer.buyers import DemoBuyers
from ledger_api.importer.files import ACTOR, FILES, FileReport, Line, RefusedRow, body_of, read_lines
from ledger_api.intake import EventResult, Intake, Order, accept_events
from ledger_api.store import accepting, importing
from ledger_api.store.engine import reading
from ledger_verify import hashing
from ledger_verify.transition import UNBORN, Event, Reason, State, state_from_bytes

CHUNK = 500
CONSENT_SECONDS = 30 * 24 * 3600
_UNSIGNED = "0x" + "00" * 65
_NEEDS_HOLDER = {"holds", "resales"}


@dataclass(frozen=True)
class Placed:
    """A row with who acts and the body that is sent."""

    line: Line
    organization: hashing.OrganizationId
    body: AnyEvent | Refusal


@dataclass
class ImportReport:
    """What became of every row, by file; refused rows in the order of the files."""

    files: dict[str, FileReport] = field(default_factory=dict)
    refused: list[RefusedRow] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {name: report.as_json() for name, report in self.files.items()}


@dataclass
class Import:
    """Rows of a folder on their way. `progress(file, rows)` is told as they are accepted."""

    intake: Intake
    buyers: DemoBuyers
    folder: Path
    clock: Callable[[], float] = time.time
    progress: Callable[[str, int], None] = lambda _file, _rows: None
    _waiting: dict[bytes, tuple[str, Line]] = field(default_factory=dict)

    def run(self) -> ImportReport:
        """Accept every row; nothing is waited for. Call `settle` for the outcome."""
        report = ImportReport()
        for file in FILES:
            path = self.folder / f"{file}.csv"
            if path.exists():
                report.files[path.name] = self._accept_file(file, path, report)
        return report

    def settle(self, report: ImportReport, *, patience: float = 600.0) -> bool:
        """Wait until every accepted event is recorded or refused, and count it. False: time ran out, some are still on their way."""
        deadline = self.clock() + patience
        while self._waiting:
            self._count(report)
            if not self._waiting:
                break
            if self.clock() > deadline:
                return False
            time.sleep(0.2)
        report.refused.sort(key=lambda row: (list(report.files).index(row.file), row.line))
        return True

    # --- one file

    def _accept_file(self, file: str, path: Path, report: ImportReport) -> FileReport:
        counts = FileReport()
        for chunk in _chunks(read_lines(path)):
            placed = self._place(file, chunk)
            counts.rows += len(placed)
            for group in _by_organization(placed):
                self._accept(path.name, group, counts, report)
            self.progress(path.name, len(placed))
        return counts

    def _accept(self, name: str, group: Sequence[Placed], counts: FileReport, report: ImportReport) -> None:
        order = Order(
            organization=group[0].organization, now=int(self.clock()), submission=uuid4().hex, request_id=f"import-{uuid4().hex[:16]}"
        )
        outcome = accept_events(self.intake, [placed.body for placed in group], order)
        for placed, result in zip(group, outcome.results, strict=True):
            self._note(name, placed, result, counts, report)

    def _note(self, name: str, placed: Placed, result: EventResult, counts: FileReport, report: ImportReport) -> None:
        if result.status == "duplicate":
            counts.duplicates += 1
        elif result.status == "refused":
            assert result.reason is not None
            counts.refused[result.reason.code] += 1
            report.refused.append(RefusedRow(name, placed.line.number, result.reason.code, result.message or "", placed.line.row))
        else:
            assert result.event_id is not None
            self._waiting[result.event_id] = (name, placed.line)

    # --- what only a buyer can add

    def _place(self, file: str, lines: Sequence[Line]) -> list[Placed]:
        bodies = [body_of(file, line.row) for line in lines]
        for body, line in zip(bodies, lines, strict=True):
            if file == "sales":
                body["claim_key"] = "0x" + self.buyers.key_for(file, *line.row.values()).hex()
            elif file == "resales":
                body["new_holder"] = "0x" + self.buyers.key_for(file, *line.row.values()).hex()
        self.buyers.save()
        consortium = self.intake.network.consortium
        if file not in _NEEDS_HOLDER:
            return [Placed(line, _actor(file, line), parse_event(body)) for line, body in zip(lines, bodies, strict=True)]
        states = self._states([parse_event(body) for body in bodies])
        placed = []
        for line, body, state in zip(lines, bodies, states, strict=True):
            organization = consortium if file == "holds" else _actor(file, line)
            if file == "holds" and state is not None and not hashing.is_key(state[1].holder) and any(state[1].holder):
                organization = hashing.OrganizationId(state[1].holder)  # unsold: the organization that holds it reports
            placed.append(Placed(line, organization, self._agreed(body, state)))
        return placed

    def _states(self, bodies: Sequence[AnyEvent | Refusal]) -> list[tuple[bytes, State] | None]:
        """(item, state after its last accepted event) of each body's item; None where the body or item cannot be read."""
        pairs = [_pair(body) for body in bodies]
        with reading(self.intake.engine) as connection:
            named = accepting.by_serial(connection, {pair for pair in pairs if pair is not None})
            stored = accepting.tips(connection, {one.item for one in named.values()})
        found: list[tuple[bytes, State] | None] = []
        for pair in pairs:
            item = named[pair].item if pair in named else None
            found.append((item, state_from_bytes(stored[item]) if item in stored else UNBORN) if item is not None else None)
        return found

    def _agreed(self, body: dict[str, Any], found: tuple[bytes, State] | None) -> AnyEvent | Refusal:
        """The body with the holder's consent, where the holder is one of our buyers."""
        if found is None or not self.buyers.holds(found[1].holder):
            return parse_event(body)
        deadline = int(self.clock()) + CONSENT_SECONDS
        consent = {"deadline": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(deadline)), "signature": _UNSIGNED}
        draft = parse_event(body | {"consent": consent})
        if isinstance(draft, Refusal):
            return draft
        event = Event(
            item=hashing.ItemId(found[0]), kind=kind_of(draft), head=found[1].head, occurred_at=draft.occurred_at,
            party=party_of(draft), detail=detail_of(draft), payload=hashing.Commitment(bytes(32)),
        )  # fmt: skip
        signature = self.buyers.consent(
            event, holder=found[1].holder, domain_separator=self.intake.network.domain_separator, deadline=deadline
        )
        return parse_event(body | {"consent": consent | {"signature": "0x" + signature.hex()}})

    # --- what the ledger says

    def _count(self, report: ImportReport) -> None:
        with reading(self.intake.engine) as connection:
            outcomes = importing.outcomes(connection, list(self._waiting))
        for event_id, (status, reason) in outcomes.items():
            if status == "accepted":
                continue
            name, line = self._waiting.pop(event_id)
            if status == "refused" and reason is not None:
                code = Reason(reason).code
                report.files[name].refused[code] += 1
                report.refused.append(RefusedRow(name, line.number, code, "The contract refused it.", line.row))
            else:
                report.files[name].recorded += 1


def _actor(file: str, line: Line) -> hashing.OrganizationId:
    return hashing.organization_id(line.row.get(ACTOR[file], ""))


def _pair(body: AnyEvent | Refusal) -> tuple[str, str] | None:
    item = getattr(body, "item", None)
    gtin, serial = getattr(item, "gtin", None), getattr(item, "serial", None)
    return (gtin, serial) if gtin is not None and serial is not None else None


def _chunks(lines: Iterable[Line]) -> Iterator[list[Line]]:
    """Rows in chunks in which an item appears once: a chunk is sent organization by organization, which must not change the
    order of an item's rows, and a second consent binds the head that the first one makes."""
    chunk: list[Line] = []
    seen: set[tuple[str, str]] = set()
    for line in lines:
        item = (line.row.get("gtin", "").lstrip("0"), line.row.get("serial") or line.row.get("lot", ""))
        if len(chunk) == CHUNK or item in seen:
            yield chunk
            chunk, seen = [], set()
        chunk.append(line)
        seen.add(item)
    if chunk:
        yield chunk


def _by_organization(placed: Iterable[Placed]) -> Iterator[list[Placed]]:
    """Rows of one organization together: each group is one list at the door."""
    groups: dict[hashing.OrganizationId, list[Placed]] = {}
    for one in placed:
        groups.setdefault(one.organization, []).append(one)
    yield from groups.values()
