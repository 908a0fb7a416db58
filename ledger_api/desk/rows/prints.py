"""Marks of photos: kept, and found by nearness. `cases.forget_marks` forgets them."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray
from sqlalchemy import ARRAY, Connection, Integer, Row, Select, String, bindparam, column, func, insert, select

from ledger_api.desk import likeness
from ledger_api.desk.likeness import Hashes, Marks
from ledger_api.desk.rows.cases import cases, marks, prints, shots

AnyRow = Row[Any]
BANDS = "abcd"
MOST_ROWS = 5_000  # that one band of one question may fetch: however many photos there are, a question takes no longer
MOST_OF_ONE = 250  # marks with one value of a band; where there are more, it says nothing and is not even counted to the end
SURE = 6  # bits in which a mark may differ and still speak for a photo: fewer marks than `NEAR` would let speak, and surer ones


def keep(connection: Connection, shot: str, found: Marks) -> None:
    row = {"shot": shot, "version": likeness.VERSION, "width": found.size[0], "height": found.size[1], "marks": _packed(found)}
    photo = connection.execute(insert(prints).values(**row).returning(prints.c.photo)).scalar_one()
    signed, banded = found.hashes.astype(np.int64), likeness.bands(found.hashes)
    rows = [
        {"photo": photo, "number": number, "hash": int(hashed)} | dict(zip(BANDS, map(int, banded[number]), strict=True))
        for number, hashed in enumerate(signed)
    ]
    connection.execute(insert(marks), rows)


def nearest(connection: Connection, hashes: Hashes, *, most: int) -> list[int]:
    """Photos that have marks near to these, the likeliest first.

    A mark that many photos have (a letter of a logo) says little for each of them; one that only one has says much. By the square root:
    what a camera saw of a screen has few marks that are near enough, and those that it has are rarely the rarest.
    """
    photos, theirs = _same_band(connection, hashes)
    if not len(photos):
        return []
    bits = likeness.differing(theirs, hashes)
    is_near = bits.min(axis=1) <= SURE
    pairs = np.unique(np.stack([bits.argmin(axis=1)[is_near], photos[is_near]], axis=1), axis=0)
    said_by, said_for = pairs[:, 0], pairs[:, 1]
    worth = 1.0 / np.sqrt(np.bincount(said_by, minlength=len(hashes))[said_by])
    candidates, position = np.unique(said_for, return_inverse=True)
    weight = np.bincount(position, weights=worth)
    return [int(candidates[one]) for one in np.argsort(-weight, kind="stable")[:most]]


def prints_of(connection: Connection, photos: Sequence[int]) -> list[tuple[Marks, AnyRow]]:
    """Their marks, and the shots with what their cases tell: asker, desk, outcome. In this order, without those that were erased and
    without those that are no shots."""
    whose = (cases.c.authenticator, cases.c.account, cases.c.platform, cases.c.item, cases.c.gtin, cases.c.serial)
    told = (*whose, cases.c.appeal_of, cases.c.outcome, cases.c.known_outcome)
    chosen = select(prints, shots, *told).join(shots, shots.c.id == prints.c.shot).join(cases, cases.c.id == shots.c.case)
    rows = connection.execute(chosen.where(prints.c.photo.in_(photos), shots.c.state != "erased"))
    found = {row.photo: row for row in rows}
    return [(unpacked(found[photo]), found[photo]) for photo in photos if photo in found]


def _same_band(connection: Connection, hashes: Hashes) -> tuple[NDArray[np.int64], Hashes]:
    """Photo and hash of every mark that shares one of the bands; where that is too many, the rare bands first."""
    found: list[tuple[int, int]] = []
    for name, asked in zip(BANDS, likeness.bands(hashes).T, strict=True):
        band, rare, total = marks.c[name], [], 0
        for value, count in sorted(_counted(connection, name, asked), key=lambda one: one[1]):
            total += count
            if count > MOST_OF_ONE or total > MOST_ROWS:
                break
            rare.append(value)
        if rare:
            found += [(row[0], row[1]) for row in connection.execute(select(marks.c.photo, marks.c.hash).where(band.in_(rare)))]
    table = np.array(found, np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1].astype(np.uint64)


def _counted(connection: Connection, name: str, asked: NDArray[np.int64]) -> list[tuple[int, int]]:
    """How many marks have each of these values in this band, of those that any has; one more than MOST_OF_ONE: too many."""
    values = [int(one) for one in np.unique(asked)]
    is_sqlite = connection.dialect.name == "sqlite"
    rows = connection.execute(_counting(name, is_sqlite=is_sqlite), {"values": orjson.dumps(values).decode() if is_sqlite else values})
    return [(int(value), int(many)) for value, many in rows if many]


@cache
def _counting(name: str, *, is_sqlite: bool) -> Select[Any]:
    """The values are one parameter: a statement with a row for each is worked out anew each time, which takes longer than to answer it."""
    value = column("value", Integer)
    if is_sqlite:
        wanted = func.json_each(bindparam("values", type_=String)).table_valued(value, name="wanted")
    else:
        wanted = func.unnest(bindparam("values", type_=ARRAY(Integer))).table_valued(value, name="wanted").render_derived()
    some = select(marks.c.photo).where(marks.c[name] == wanted.c.value).limit(MOST_OF_ONE + 1).correlate(wanted).subquery()
    return select(wanted.c.value, select(func.count()).select_from(some).correlate(wanted).scalar_subquery())


def _packed(found: Marks) -> bytes:
    return found.hashes.astype("<u8").tobytes() + found.points.astype("<f4").tobytes()


def unpacked(row: AnyRow) -> Marks:
    body = bytes(row.marks)
    count = len(body) // 16
    hashes, points = np.frombuffer(body[: 8 * count], "<u8"), np.frombuffer(body[8 * count :], "<f4").reshape(-1, 2)
    return Marks(hashes.astype(np.uint64), points.astype(np.float32), (row.width, row.height))
