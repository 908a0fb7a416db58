"""How often a photo that was sent before is recognised, by what was done to it; how often wrongly; and how long one question takes.

    python -m benchmarks.photo_reuse        10,000 drawn pictures among a million hashes, SQLite; half an hour on two cores

Each picture is drawn from its number (benchmarks/photos.py) and is the shot of a case: its row in a real database, its marks beside it, its
bytes closed in a vault. Then some are changed (benchmarks/reworking.py) and sent again by somebody else, and others that were never sent
are sent too, as they are and changed; about each the desk's own check is asked (`checks.Machines`). A *false positive* is a question that
names any picture but its origin. No threshold was set by a picture that is asked about here. Two things are simpler than at a desk: photos
are kept as they come, because it would refuse cuts of pictures this small, and the marks of those that are asked about are not kept.
"""

import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from math import comb
from pathlib import Path
from statistics import mean, median
from typing import Any

import cv2
import numpy as np
from sqlalchemy import Connection, event, insert, select

from benchmarks.figures import Figure, keep, load
from benchmarks.photos import Pixels, draw, jpeg
from benchmarks.reworking import CHANGES, changed
from ledger_api import migrations
from ledger_api.desk import likeness
from ledger_api.desk.checks import Machines
from ledger_api.desk.rows import cases as rows
from ledger_api.desk.rows import prints
from ledger_api.desk.vault import DiskVault
from ledger_api.store.engine import open_engine, reading, writing

KEPT, EACH, NEW = 10_000, 60, 3_000
FIRST, FIRST_NEW = 83, 50_000  # of the pictures that are asked about: others set the thresholds
CATEGORIES = ("handbag", "watch", "shoes", "scarf", "jewellery", "other")
SHOTS = ("front", "logo", "zip")
SIZE = (320, 240)  # of smaller ones two logos in one word are too much alike: pixels say no more
AT_ONCE = 1_000
HASHES = 1_000_000
ASKED = 10**9  # the ids of shots that are asked about follow; the ids of the others are the numbers of their pictures
DESK, OWNER, ASKER = (bytes([one]) * 32 for one in (1, 2, 3))
NOW = datetime(2026, 11, 1, tzinfo=UTC)
Question = tuple[str, int]  # what was done, and to which picture


@dataclass(frozen=True, slots=True)
class Answer:
    change: str
    is_kept: bool
    is_found: bool
    names_another: bool
    in_index: float  # seconds
    whole: float


@dataclass(slots=True)
class Desk:
    """What one process has open; and how long its connections were out: through them a check asks the index, and nothing else."""

    machines: Machines
    seconds: float = 0.0
    since: dict[int, float] = field(default_factory=dict)

    def out(self, connection: Any, *_: Any) -> None:
        self.since[id(connection)] = time.perf_counter()

    def back(self, connection: Any, *_: Any) -> None:
        self.seconds += time.perf_counter() - self.since.pop(id(connection))


def picture(number: int) -> Pixels:
    return draw(number, category=CATEGORIES[number % len(CATEGORIES)], shot=SHOTS[number % len(SHOTS)], size=SIZE)


def questions() -> list[Question]:
    """Those about photos that were sent before, then those about others; of these every third is changed."""
    asked = [(change, FIRST + place * KEPT // EACH) for change in CHANGES for place in range(EACH)]
    return asked + [("same" if number % 3 else CHANGES[number // 3 % len(CHANGES)], FIRST_NEW + number) for number in range(NEW)]


def measure() -> list[Figure]:
    before, asked = load(), questions()
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(2) as pool:
        hashes = _fill(folder, pool, asked)
        answers = list(pool.map(_ask, [folder] * len(asked), range(len(asked)), asked, chunksize=20))
    return _figures(answers, hashes, f"load {before} before and {load()} with its own two processes")


def _fill(folder: str, pool: ProcessPoolExecutor, asked: Sequence[Question]) -> int:
    """How many hashes are kept. The photos after those of the pictures are nobody's."""
    engine = open_engine(_url(folder))
    migrations.upgrade(engine)
    for start in range(0, KEPT, AT_ONCE):
        numbers = range(start, min(KEPT, start + AT_ONCE))
        kept = list(pool.map(_keep, [folder] * len(numbers), numbers, chunksize=25))
        with writing(engine) as connection:
            _insert(connection, numbers, [name for name, _ in kept], OWNER)
            for number, (_, found) in zip(numbers, kept, strict=True):
                prints.keep(connection, _id(number), found)
    names = list(pool.map(_send, [folder] * len(asked), asked, chunksize=25))
    with writing(engine) as connection:
        count = _top_up(connection)
        _insert(connection, range(ASKED, ASKED + len(asked)), names, ASKER)
    engine.dispose()
    return count


def _top_up(connection: Connection) -> int:
    """Small pictures have fewer marks than photos: hashes a few bits from those that are there, of photos that are not, make a million."""
    chance = np.random.default_rng(1)
    stored = np.array(connection.execute(select(rows.marks.c.hash)).scalars().all(), np.int64).astype(np.uint64)
    missing = max(0, HASHES - len(stored))
    flips = np.bitwise_or.reduce(np.uint64(1) << chance.integers(0, 64, (6, missing), np.uint64), axis=0)
    hashes = chance.choice(stored, missing) ^ flips
    decoys = [
        {"photo": KEPT + 1 + number // 96, "number": number % 96, "hash": int(one)} | dict(zip(prints.BANDS, map(int, band), strict=True))
        for number, (one, band) in enumerate(zip(hashes.astype(np.int64), likeness.bands(hashes), strict=True))
    ]
    if decoys:
        connection.execute(insert(rows.marks), decoys)
    return len(stored) + len(decoys)


def _insert(connection: Connection, numbers: Sequence[int], names: Sequence[str], platform: bytes) -> None:
    ids = [_id(number) for number in numbers]
    case: dict[str, Any] = {
        "authenticator": DESK,
        "platform": platform,
        "brand": DESK,
        "brand_did": "did:web:bench.example",
        "category": "other",
    }
    case |= {"notes": "", "method": "photo", "state": "checking", "due_at": NOW, "created_at": NOW, "changed_at": NOW}
    connection.execute(insert(rows.cases), [case | {"id": one} for one in ids])
    shot: dict[str, Any] = {
        "name": "front",
        "attempt": 1,
        "width": SIZE[0],
        "height": SIZE[1],
        "state": "good",
        "findings": "{}",
        "created_at": NOW,
    }
    photos = [{"id": one, "case": one, "original": name, "shown": name} for one, name in zip(ids, names, strict=True)]
    connection.execute(insert(rows.shots), [shot | photo for photo in photos])


def _id(number: int) -> str:
    return f"{number:032x}"


def _url(folder: str) -> str:
    return f"sqlite:///{folder}/reuse.db"


@cache
def _desk(folder: str) -> Desk:
    cv2.setNumThreads(1)
    engine = open_engine(_url(folder))
    desk = Desk(Machines(DiskVault(Path(folder) / "photos", bytes(32)), engine))
    event.listen(engine, "checkout", desk.out)
    event.listen(engine, "checkin", desk.back)
    return desk


def _send(folder: str, question: Question) -> str:
    """Its name in the vault."""
    change, number = question
    return _desk(folder).machines.vault.put(changed(picture(number), change, seed=number))


def _keep(folder: str, number: int) -> tuple[str, likeness.Marks]:
    body = jpeg(picture(number), quality=92)
    return _desk(folder).machines.vault.put(body), likeness.marks(likeness.read(body))


def _ask(folder: str, place: int, question: Question) -> Answer:
    desk, (change, number) = _desk(folder), question
    with reading(desk.machines.engine) as connection:
        case, shot = rows.case(connection, _id(ASKED + place)), rows.shot(connection, _id(ASKED + place))
    assert case is not None and shot is not None
    began, desk.seconds = time.perf_counter(), 0.0
    told = desk.machines.look("reuse", case, shot)
    whole = time.perf_counter() - began
    assert told is not None
    named = {int(match["photo"], 16) for match in told.result["matches"]}
    return Answer(change, number < KEPT, number in named, bool(named - {number}), desk.seconds, whole)


def _figures(answers: Sequence[Answer], hashes: int, busy: str) -> list[Figure]:
    kept, strangers = [one for one in answers if one.is_kept], [one for one in answers if not one.is_kept]
    recall = {change: mean(one.is_found for one in kept if one.change == change) for change in CHANGES}
    wrong, changed_ones = sum(one.names_another for one in strangers), sum(one.change != "same" for one in strangers)
    in_index, whole = sorted(1000 * one.in_index for one in answers), [1000 * one.whole for one in answers]
    said = " · ".join(f"{change} {share:.2f}" for change, share in recall.items())
    return [
        Figure(
            name="photo_reuse_recall",
            value=round(min(recall.values()), 3),
            unit="worst of all",
            bar="≥ 0.9 at ≤ 0.1 % false",
            note=f"{said} ({len(kept) // len(CHANGES)} each); of {len(strangers)} never kept ({changed_ones} changed) {wrong} were "
            f"taken for one that was ({100 * wrong / len(strangers):.2f} %, "
            f"with 95 % confidence below {100 * at_most(wrong, len(strangers)):.2f} %); "
            f"{sum(one.names_another for one in answers)} of {len(answers)} questions named a wrong picture; "
            f"{KEPT} drawn pictures of {SIZE[0]} × {SIZE[1]}, asked about through the desk's own check",
        ),
        Figure(
            name="photo_reuse_query_ms",
            value=round(median(in_index), 1),
            unit="ms",
            bar="< 1000",
            note=f"the index asked for a picture and its mirror image, among {hashes:,} hashes in SQLite; median of {len(answers)}, "
            f"p95 {in_index[int(len(in_index) * 0.95)]:.0f} ms; with marks and comparison of pixels {median(whole):.0f} ms; "
            f"two processes asking at once; {busy}",
        ),
    ]


def at_most(wrong: int, asked: int) -> float:
    """The rate from which so few would be seen in one of twenty runs only (Clopper and Pearson, one side)."""
    low, high = wrong / asked, 1.0
    for _ in range(40):
        rate = (low + high) / 2
        seen = sum(comb(asked, number) * rate**number * (1 - rate) ** (asked - number) for number in range(wrong + 1))
        low, high = (rate, high) if seen > 0.05 else (low, rate)
    return high


if __name__ == "__main__":
    figures = measure()
    keep(figures)
    for figure in figures:
        print(figure)
