"""How well the clone signals tell a cloned serial from an honest one, on simulated campaigns.

    python -m benchmarks.clones             measures, on seeds that neither points nor threshold were fitted on
    python -m benchmarks.clones choose      says what each threshold would have given on the choosing seeds

Simulated is what people do; what is known of it is what the service keeps: each act goes through the function behind its door, and the
evidence is read back from the database by the function that answers platforms. So hours and degrees are as coarse, old sightings as
forgotten, as they are.

The campaigns are ours, so the figures say how the score behaves under what we thought of, not how counterfeiters behave. Of the honest:
owners who advertise once or on several marketplaces, travel, or try a card twice; the curious, who look a serial up from a picture and
name their own town; sellers who forget to close a listing; sellers who mistype a serial into this one; robots that read the code. Of the
cloned: one serial on some listings in some places, looked up and claimed by whoever bought one. Guessed are the shares of those who say
where the object is: the platforms of half of the listings of cloned pieces and of 0.7 of honest ones, who say it in their questions too,
and READERS of lookups.
"""

import random
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Connection, Engine

from benchmarks.figures import Figure, keep
from benchmarks.lookup import make_database
from ledger_api.listings import offering, rows
from ledger_api.listings.answers import evidence_of
from ledger_api.listings.asking import ListingIn
from ledger_api.listings.clones import SUSPECTED, Evidence, Place, suspicion
from ledger_api.listings.scans import Scans
from ledger_api.routes.items import whole_degrees
from ledger_api.store.engine import open_engine, writing
from ledger_api.verification import answering
from ledger_api.verification.asking import PlaceIn, VerificationIn
from tests.fake_chain import GTIN

CHOOSING, MEASURED = range(1_000, 1_010), range(2_000, 2_012)
ITEMS_PER_SEED = 400
CLONED_SHARE = 0.1
READERS = 0.2
DAY = 86_400
NOW = 1_790_000_000
TOWNS = tuple(
    Place(*degrees)
    for degrees in (
        (48.9, 2.4), (45.5, 9.2), (51.5, -0.1), (40.7, -74.0), (34.1, -118.2), (35.7, 139.7), (31.2, 121.5), (22.3, 114.2),
        (41.9, 12.5), (43.7, 7.3), (50.8, 4.4), (52.5, 13.4), (25.2, 55.3), (1.3, 103.8), (-33.9, 151.2), (55.8, 37.6),
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody does with one serial, how long ago. `mistyped`: a listing or a question that describes another model."""

    ago: float
    kind: Literal["offer", "ask", "look", "claim"]
    place: Place | None = None
    mistyped: bool = False


Acts = list[Act]


def _place(chance: random.Random, town: Place, share: float) -> Place | None:
    return town if chance.random() < share else None


def _visits(chance: random.Random, towns: int, stays: float) -> Iterator[tuple[float, Place]]:
    """One person, backwards from now: in one town at a time, never sooner elsewhere than an aeroplane."""
    for ago in accumulate(chance.uniform(0.7, 2.0) * DAY * stays for _ in range(towns)):
        yield ago, chance.choice(TOWNS)


def _looks(chance: random.Random, ago: float, town: Place, readers: float) -> Act:
    return Act(ago, "look", _place(chance, town, readers))


def _offered(chance: random.Random, town: Place, share: float, *, mistyped: bool = False) -> Acts:
    """A listing of the last three weeks, and the platform's questions until today: it says where in all of them, or in none."""
    ago, place = chance.uniform(0, 21) * DAY, _place(chance, town, share)
    questions = [Act(chance.uniform(0, ago), "ask", place, mistyped) for _ in range(chance.choice((1, 1, 2, 3)))]
    return [Act(ago, "offer", place, mistyped), *questions]


def _claims(chance: random.Random, count: int) -> Acts:
    return [Act(chance.uniform(0, 60) * DAY, "claim") for _ in range(count)]


def relisting(chance: random.Random, readers: float) -> Acts:
    home = chance.choice(TOWNS)
    offers = [act for _ in range(chance.choice((1, 1, 1, 2, 2, 3))) for act in _offered(chance, home, 0.7)]
    looks = [_looks(chance, chance.uniform(0, 7) * DAY, home, readers) for _ in range(chance.randint(1, 8))]
    curious = chance.randint(1, 3) if chance.random() < 0.3 else 0
    looks += [_looks(chance, chance.uniform(0, 7) * DAY, chance.choice(TOWNS), readers) for _ in range(curious)]
    return offers + looks + _claims(chance, chance.choice((0, 0, 0, 0, 1)))


def traveller(chance: random.Random, readers: float) -> Acts:
    """Some phones say a wrong place now and then: a network that comes out elsewhere."""
    visits = list(_visits(chance, chance.randint(2, 12), chance.uniform(0.8, 5)))
    looks = [_looks(chance, ago, town, readers) for ago, town in visits for _ in range(chance.randint(1, 3))]
    if chance.random() < 0.15:
        looks.append(Act(visits[0][0] - 600, "look", chance.choice(TOWNS)))
    return [*_offered(chance, visits[0][1], 0.7), *looks, *_claims(chance, chance.choice((0, 0, 1)))]


def resold(chance: random.Random, readers: float) -> Acts:
    """The seller before has not closed the listing yet, and the new owner offers it where they live."""
    before, home = chance.choice(TOWNS), chance.choice(TOWNS)
    looks = [_looks(chance, chance.uniform(0, 7) * DAY, home, readers) for _ in range(chance.randint(1, 4))]
    return [*_offered(chance, before, 0.7), *_offered(chance, home, 0.7), *looks]


def mistyped(chance: random.Random, readers: float) -> Acts:
    """Another seller's wrong digit hits this serial; mostly that is another model, sometimes the same."""
    home = chance.choice(TOWNS)
    others = chance.choice((1, 1, 1, 2))
    offers = [act for _ in range(others) for act in _offered(chance, chance.choice(TOWNS), 0.7, mistyped=chance.random() < 0.8)]
    looks = [_looks(chance, chance.uniform(0, 7) * DAY, home, readers) for _ in range(chance.randint(1, 6))]
    return _offered(chance, home, 0.7) + offers + looks


def robots(chance: random.Random, readers: float) -> Acts:
    """Read the code without end, within an hour, and name no place."""
    home = chance.choice(TOWNS)
    offers = [act for _ in range(chance.choice((1, 1, 2))) for act in _offered(chance, home, 0.7)]
    return offers + [Act(DAY, "look")] * chance.randint(50, 2_000)


def cloned(chance: random.Random, readers: float) -> Acts:
    """`k` objects with one serial, each with a holder of its own and looked up where it is; half of the listings say where that is."""
    objects = [chance.choice(TOWNS) for _ in range(chance.randint(2, 12))]
    listed = chance.sample(objects, chance.randint(1, len(objects)))
    acts = [act for town in listed for act in _offered(chance, town, 0.5)]
    for _ in objects:
        if chance.random() < 0.6:
            acts += [_looks(chance, ago, town, readers) for ago, town in _visits(chance, chance.randint(1, 4), 2)]
    acts += [_looks(chance, chance.uniform(0, 7) * DAY, chance.choice(objects), readers) for _ in range(chance.randint(1, 80))]
    return acts + _claims(chance, sum(chance.random() < 0.35 for _ in objects[1:]))


HONEST: Mapping[Callable[[random.Random, float], Acts], float] = {
    relisting: 0.58,
    resold: 0.02,
    traveller: 0.2,
    mistyped: 0.1,
    robots: 0.1,
}


class Doors:
    """What each act leaves in the database: by the functions behind the doors of listings, questions, lookups and owners."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self._at = engine, float(NOW)
        self._scans = Scans(engine, lambda: self._at)
        with writing(engine) as connection:
            questions = [VerificationIn.model_validate(_named(number)) for number in range(ITEMS_PER_SEED)]
            seen = list(answering.look_up(connection, questions, b"", now=NOW))
        self._items = [one.found for one in seen if one.found is not None]

    def evidence(self, items: Sequence[Acts]) -> list[Evidence]:
        with writing(self._engine) as connection:
            for number, acts in enumerate(items):
                for order, act in enumerate(acts):
                    self._act(connection, number, order, act)
        self._scans.flush()
        self._scans.forget()
        with writing(self._engine) as connection:
            found = [evidence_of(connection, self._items[number], NOW) for number in range(len(items))]
            for table in (rows.listings, rows.seen):
                connection.execute(table.delete())
        return found

    def _act(self, connection: Connection, number: int, order: int, act: Act) -> None:
        self._at = NOW - act.ago
        at, place = datetime.fromtimestamp(self._at, UTC), None if act.place is None else act.place._asdict()
        match act.kind:
            case "offer":
                said = _named(number) | {
                    "reference": f"{number}-{order}",
                    "title": "Bag",
                    "url": "https://resale.example/l",
                    "place": place,
                }
                said |= {"offer": {"model": "Another"}} if act.mistyped else {}
                id = f"{number:016x}{order:016x}"
                offering.offer(connection, _platform(order), ListingIn.model_validate(said), said, id=id, now=at)
            case "ask" if place is not None and not act.mistyped:
                self._scans.sight(self._items[number].item, PlaceIn.model_validate(place).rounded)
            case "look":
                named = None if act.place is None else whole_degrees(f"{act.place.latitude},{act.place.longitude}")
                self._scans.count(self._items[number].item, named)
            case "claim":
                rows.count_seen(connection, [rows.seen_row(self._items[number].item, "spent-key", at)])


def _named(number: int) -> dict[str, Any]:
    return {"gtin": GTIN, "serial": f"S{number}"}


def _platform(number: int) -> bytes:
    return number.to_bytes(32, "big")


@contextmanager
def doors() -> Iterator[Doors]:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'ledger.db'}"
        make_database(url, ITEMS_PER_SEED)
        engine = open_engine(url)
        yield Doors(engine)
        engine.dispose()


def campaign(at: Doors, seed: int, readers: float = READERS) -> Sequence[tuple[str, Evidence]]:
    """What each item is, and what is known of it."""
    chance = random.Random(seed)
    kinds = [
        cloned if chance.random() < CLONED_SHARE else chance.choices(list(HONEST), list(HONEST.values()))[0] for _ in range(ITEMS_PER_SEED)
    ]
    known = at.evidence([kind(chance, readers) for kind in kinds])
    return [(kind.__name__, one) for kind, one in zip(kinds, known, strict=True)]


Scored = Sequence[tuple[str, int]]


def scored(seeds: Sequence[int], readers: float = READERS) -> Scored:
    with doors() as at:
        return [(kind, suspicion(known).score) for seed in seeds for kind, known in campaign(at, seed, readers)]


def precision_and_recall(found: Scored, threshold: int) -> tuple[float, float]:
    suspected = [kind for kind, score in found if score >= threshold]
    right, all_cloned = suspected.count("cloned"), sum(kind == "cloned" for kind, _ in found)
    return right / max(1, len(suspected)), right / all_cloned


def measure() -> list[Figure]:
    found = scored(MEASURED)
    precision, recall = precision_and_recall(found, SUSPECTED)
    silent = precision_and_recall(scored(MEASURED, readers=0), SUSPECTED)
    note = (
        f"{len(found)} simulated items on seeds {MEASURED.start} to {MEASURED.stop - 1}, through the service's own tables; points and "
        f"threshold {SUSPECTED} fitted on others. {READERS:.0%} of lookups name a place; "
        f"if no lookup does: precision {silent[0]:.3f}, recall {silent[1]:.3f}"
    )
    return [
        Figure("clone_precision", round(precision, 3), "share of the suspected that are cloned", bar="≥ 0.9", note=note),
        Figure("clone_recall", round(recall, 3), "share of the cloned that are suspected", bar="≥ 0.8", note=note),
    ]


def choose() -> None:
    found = scored(CHOOSING)
    for threshold in range(20, 85, 5):
        precision, recall = precision_and_recall(found, threshold)
        print(f"{threshold}: precision {precision:.3f}, recall {recall:.3f}")
    for kind in (cloned, *HONEST):
        told = [score >= SUSPECTED for name, score in found if name == kind.__name__]
        print(f"{kind.__name__}: {sum(told)} of {len(told)} suspected at {SUSPECTED}")


if __name__ == "__main__":
    if sys.argv[1:] == ["choose"]:
        choose()
    else:
        keep(figures := measure())
        print(*figures, sep="\n")
