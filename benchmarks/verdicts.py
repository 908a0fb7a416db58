"""Statistics of 100,000 verdicts: how long a process counts when something new was said, and a new question takes when nothing was.

Processor time, because nothing here waits for anybody. The verdicts share so little that nearly each has a cell of its own: the worst case.

`python -m benchmarks.verdicts`: two years of verdicts about items of twenty brands by ten authenticators, on SQLite, in this process. Keeps
`verdict_count_s` and `verdict_answer_ms`.
"""

import random
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, insert
from sqlmodel import SQLModel

from benchmarks.figures import Figure, keep
from ledger_api.domain.network import Network
from ledger_api.statistics.keeping import Counted, VerdictCounter
from ledger_api.statistics.telling import question_of, tell
from ledger_api.statistics.verdicts import tabulate, unpacked
from ledger_api.store.engine import open_engine, writing
from ledger_verify.codes import Kind, Stage
from ledger_verify.hashing import ItemId, OrganizationId, keccak
from ledger_verify.state import UNBORN, State, Terms, pack_detail, state_to_bytes

COUNT, ROWS_AT_ONCE = 100_000, 5_000
FIRST, TWO_YEARS = 1_730_000_000, 2 * 365 * 86_400
NETWORK = Network(31337, bytes(20), bytes(20), bytes(32), Terms(), OrganizationId(bytes(32)))
BRANDS, AUTHORS = ([keccak(f"{what} {number}".encode()) for number in range(many)] for what, many in (("brand", 20), ("author", 10)))
ASKED: tuple[dict[str, str], ...] = (
    {},
    {"group_by": "brand"},
    {"group_by": "week", "category": "handbag"},
    {"group_by": "authenticator", "brand": "0x" + BRANDS[0].hex(), "from_week": "2025-W10", "to_week": "2025-W40"},
)


def fill(engine: Engine) -> None:
    """A verdict on each of so many items; one in fifty is disputed, and half of these are corrected."""
    records, dice = SQLModel.metadata.tables["records"], random.Random(1)
    for start in range(0, COUNT, ROWS_AT_ONCE):
        with writing(engine) as connection:
            connection.execute(insert(records), [row for number in range(start, start + ROWS_AT_ONCE) for row in _said(number, dice)])


def _said(number: int, dice: random.Random) -> list[dict[str, Any]]:
    item, author, outcome = ItemId(keccak(number.to_bytes(4, "big"))), dice.choice(AUTHORS), dice.choices([1, 2, 3], [66, 28, 6])[0]
    born = replace(UNBORN, sequence=1, stage=Stage.SOLD, brand=OrganizationId(dice.choice(BRANDS)), category=dice.randint(1, 10))
    judged = replace(born, sequence=2, verdict=outcome, verdict_sequence=2)
    told = [(Kind.MANUFACTURE, {"c": born.category}, born), (Kind.VERDICT, {"a": outcome, "b": dice.randint(1, 3)}, judged)]
    if number % 50 == 0:
        told.append((Kind.DISPUTE, {"time": 2}, replace(judged, sequence=3)))
    if number % 100 == 0:
        told.append((Kind.CORRECTION, {"a": 1, "time": 2}, replace(judged, sequence=4, verdict=1)))
    return [_row(item, author, number, *one) for one in told]


def _row(item: bytes, author: bytes, number: int, kind: int, detail: dict[str, int], state: State) -> dict[str, Any]:
    name = keccak(item + bytes([state.sequence]))
    return {"item": item, "sequence": state.sequence, "event_hash": name, "event_id": name, "organization": author, "kind": kind} | {
        "signer": bytes(20),
        "occurred_at": FIRST,
        "party": bytes(32),
        "detail": pack_detail(**detail).to_bytes(8, "big"),
        "payload": bytes(32),
        "extra": b"",
        "state": state_to_bytes(state),
        "block_number": number // 100,
        "block_time": FIRST + TWO_YEARS * number // COUNT,
        "log_index": number % 100,
        "transaction_hash": bytes(32),
    }


def _ask(engine: Engine, counter: VerdictCounter, asked: dict[str, str]) -> Counted:
    counted, question = counter.count(engine), question_of(**asked)  # type: ignore[arg-type]  # names of the question's
    tell(tabulate(counted.cells, question), question, counted.blocks, counted.names)
    return counted


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        engine = open_engine(f"sqlite:///{Path(folder) / 'ledger.db'}")
        SQLModel.metadata.create_all(engine)
        fill(engine)
        counter = VerdictCounter(NETWORK)
        began = time.process_time()
        counted = counter.count(engine)
        seconds = time.process_time() - began
        assert unpacked(sum(counted.cells.values())).verdicts == COUNT
        slowest = max(_milliseconds(engine, counter, asked) for asked in ASKED)
        engine.dispose()
    note = f"{COUNT} verdicts in {len(counted.cells)} cells, one process, SQLite"
    return [
        Figure(
            name="verdict_count_s",
            value=round(seconds, 2),
            unit="s",
            bar="< 5",
            note=f"processor time, after something new was said; {note}",
        ),
        Figure(
            name="verdict_answer_ms",
            value=round(slowest, 1),
            unit="ms",
            bar="< 300",
            note=f"processor time of the slowest of {len(ASKED)} questions, with up to three filters; {note}",
        ),
    ]


def _milliseconds(engine: Engine, counter: VerdictCounter, asked: dict[str, str]) -> float:
    """The median of five."""
    took = []
    for _ in range(5):
        began = time.process_time()
        _ask(engine, counter, asked)
        took.append((time.process_time() - began) * 1000)
    return sorted(took)[2]


if __name__ == "__main__":
    figures = measure()
    keep(figures)
    for figure in figures:
        print(figure)
