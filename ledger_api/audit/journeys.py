"""What is on its way, against where it can be: submissions, tips, batches and the nonces of every lane.

These rows move while the service runs, and some lean on each other for a moment across transactions (a receipt is seen by
the worker, its log by the indexer). So a finding here counts only if a second look finds it again.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from sqlalchemy import Connection, text

from ledger_api.audit.hearing import Hearing, Pin
from ledger_api.audit.report import Check, shown
from ledger_verify.state import state_from_bytes

_WAITING = text(
    "SELECT events.event_id, events.parked, batches.status, transactions.status, transactions.block_number"
    ' FROM events LEFT JOIN batches ON batches.id = events.batch LEFT JOIN transactions ON transactions.id = batches."transaction"'
    " WHERE events.status = 'accepted' ORDER BY events.id"
)
_WITHOUT_PAYLOAD = text(
    "SELECT events.event_id FROM events LEFT JOIN payloads ON payloads.event_id = events.event_id"
    " WHERE events.status <> 'refused' AND (payloads.event_id IS NULL OR payloads.commitment <> events.payload)"
)
_EMPTY_SUBMISSIONS = text("SELECT id FROM submissions WHERE NOT EXISTS (SELECT 1 FROM events WHERE events.submission = submissions.id)")
_STRAY_EVENTS = text("SELECT event_id FROM events WHERE NOT EXISTS (SELECT 1 FROM submissions WHERE submissions.id = events.submission)")
_TIPS = text(
    "SELECT tips.item, tips.state, last.state FROM tips LEFT JOIN (SELECT item, max(id) AS id FROM events WHERE status = 'accepted'"
    " GROUP BY item) AS newest ON newest.item = tips.item LEFT JOIN events AS last ON last.id = newest.id"
)
_NO_TIP = text(
    "SELECT DISTINCT item FROM events WHERE status = 'accepted' AND NOT EXISTS (SELECT 1 FROM tips WHERE tips.item = events.item)"
)
_OPEN_BATCHES = text(
    "SELECT batches.id, batches.status, transactions.status, (SELECT count(*) FROM events WHERE events.batch = batches.id)"
    " FROM batches LEFT JOIN transactions ON transactions.id = batches.\"transaction\" WHERE batches.status IN ('signed', 'sent')"
)
_LANES = text("SELECT relayer, nonce, status, block_number FROM transactions ORDER BY relayer, nonce, id")
_COUNTS = {
    "events": text("SELECT count(*) FROM events WHERE status <> 'refused'"),
    "submissions": text("SELECT count(*) FROM submissions"),
    "tips": text("SELECT count(*) FROM tips"),
}
_LANDED = frozenset({"mined", "reverted", "foreign"})
_FLYING = frozenset({"saved", "sent"})


class Used(NamedTuple):
    """One transaction of a lane."""

    relayer: bytes
    nonce: int
    status: str
    block_number: int | None


@dataclass(slots=True)
class Journeys:
    """One look. `lost` are events whose transaction landed, and whom the chain does not know; `unsettled` is what still moves."""

    checks: list[Check] = field(default_factory=list)
    in_flight: Counter[str] = field(default_factory=Counter)
    unsettled: Check = field(default_factory=lambda: Check("nothing waits any more"))
    lost: int = 0

    def meet(self, what: str, where: str) -> None:
        """Something on its way, which is a finding only when everything should have arrived."""
        self.in_flight[where] += 1
        self.unsettled.find(f"{what} is still on its way ({where})")


def look(connection: Connection, hearing: Hearing, pin: Pin, *, settled: bool) -> Journeys:
    """Every check once, on one moment of the database. `settled`: by now nothing should be on its way."""
    found = Journeys()
    counts = {name: int(connection.scalar(query) or 0) for name, query in _COUNTS.items()}
    found.checks = [
        _payloads(connection, counts["events"]),
        _submissions(connection, counts["submissions"]),
        _waiting(connection, pin, found),
        _tips(connection, counts["tips"]),
        _batches(connection, found),
        _lanes(connection, hearing, pin, found),
    ]
    found.unsettled.examined = counts["events"]
    found.checks += [found.unsettled] if settled else []
    return found


def found_again(first: Journeys, second: Journeys) -> Journeys:
    """The second look, with the findings that both have."""
    for check, earlier in zip(second.checks, first.checks, strict=True):
        kept = [sentence for sentence in check.findings if sentence in set(earlier.findings)]
        check.found = min(check.found, earlier.found) if kept else 0
        check.findings[:] = kept
    second.lost = min(second.lost, first.lost)
    return second


def _payloads(connection: Connection, examined: int) -> Check:
    check = Check("every event has its payload", examined)
    for (event_id,) in connection.execute(_WITHOUT_PAYLOAD):
        check.find(f"event {shown(event_id)} has no payload that fits its commitment")
    return check


def _submissions(connection: Connection, examined: int) -> Check:
    check = Check("no submission is in limbo", examined)
    for (submission,) in connection.execute(_EMPTY_SUBMISSIONS):
        check.find(f"submission {submission} has no event")
    for (event_id,) in connection.execute(_STRAY_EVENTS):
        check.find(f"event {shown(event_id)} belongs to no submission")
    return check


def _waiting(connection: Connection, pin: Pin, found: Journeys) -> Check:
    """An accepted event is loose, in a signed batch, or in a batch whose transaction has not landed in what was followed."""
    check = Check("what is accepted is on its way")
    for event_id, parked, batch, transaction, block in connection.execute(_WAITING):
        check.examined += 1
        event = f"event {shown(event_id)}"
        if parked is not None:  # until an operator decides
            found.meet(event, "parked")
        elif batch is None:
            found.meet(event, "loose")
        elif batch in ("signed", "refused"):  # refused for its deadline: signed anew once that has passed for good
            found.meet(event, "pending")
        elif transaction in _FLYING or (transaction == "mined" and (block is None or block > pin.number)):
            found.meet(event, "travelling")
        else:
            found.lost += transaction == "mined"
            why = f"its batch is {batch} and its transaction {transaction or 'missing'}"
            check.find(f"{event} is accepted and nothing carries it: {why}")
    return check


def _tips(connection: Connection, examined: int) -> Check:
    """The tip is the state after the last accepted event; heads say so, for times in it may be provisional."""
    check = Check("tips stand where something waits", examined)
    for item, tip, last in connection.execute(_TIPS):
        if last is None:
            check.find(f"item {shown(item)} has a tip and nothing that waits")
        elif state_from_bytes(bytes(tip)).head != state_from_bytes(bytes(last)).head:
            check.find(f"the tip of item {shown(item)} is not the state after its last accepted event")
    for (item,) in connection.execute(_NO_TIP):
        check.find(f"item {shown(item)} has an event that waits and no tip")
    return check


def _batches(connection: Connection, found: Journeys) -> Check:
    """A signed batch keeps its events until they are final: a reorg may ask for it again."""
    check = Check("no batch is open with nothing behind it")
    for batch, status, transaction, members in connection.execute(_OPEN_BATCHES):
        check.examined += 1
        if not members:
            check.find(f"batch {batch} is {status} and holds no event")
        elif status == "sent" and transaction not in _FLYING:
            check.find(f"batch {batch} is sent, and its transaction is {transaction or 'missing'}")
        else:
            found.in_flight["batches"] += 1  # what waits in it is met by itself; a refused event keeps its batch for a reorg
    return check


# --- lanes


def _lanes(connection: Connection, hearing: Hearing, pin: Pin, found: Journeys) -> Check:
    check = Check("no lane has a gap in its nonces")
    streamed = connection.execution_options(yield_per=2_000).execute(_LANES)
    for relayer, rows in groupby((Used._make(row) for row in streamed), key=itemgetter(0)):
        used = hearing.nonces_used(bytes(relayer), pin)
        next_nonce = None
        for nonce, variants in _by_nonce(rows):
            check.examined += 1
            where = f"nonce {nonce} of relayer {shown(relayer)}"
            if next_nonce is not None and nonce != next_nonce:
                check.find(f"{where} is saved and the one before it is not")
            next_nonce = nonce + 1
            sentence = _wrong(variants, is_used=nonce < used, pin=pin)
            if sentence:
                check.find(f"{where} {sentence}")
            if any(one.status in _FLYING for one in variants):
                found.meet(where, "transactions")
        if next_nonce is not None and used > next_nonce:
            check.find(f"relayer {shown(relayer)} has used {used} nonces on the chain, of which {used - next_nonce} were never saved")
    return check


def _by_nonce(rows: Iterator[Used]) -> Iterator[tuple[int, Sequence[Used]]]:
    for nonce, variants in groupby(rows, key=lambda one: one.nonce):
        yield nonce, list(variants)


def _wrong(variants: Sequence[Used], *, is_used: bool, pin: Pin) -> str | None:
    """What is wrong with a nonce. One that is used and still in flight is the worker's to notice."""
    landed = [one for one in variants if one.status in _LANDED]
    if len(landed) > 1:
        return f"has landed {len(landed)} times"
    if is_used:
        return None if landed or any(one.status in _FLYING for one in variants) else "is used, and nothing of it is known to have landed"
    if any(one.block_number is not None and one.block_number <= pin.number for one in landed):
        return "is said to have landed, and the chain has not used it"
    if not landed and not any(one.status in _FLYING for one in variants):
        return "holds up those after it: nothing of it is in flight"
    return None
