"""Is one serial on several objects? Signs of it, each with its points and its facts: a pure function of what was seen of one item.

No sign proves a clone, and none says which object is the genuine one. One of its kind never reaches `SUSPECTED`: people advertise one bag
on two marketplaces, a phone says a wrong place, a card is tried once more. What needs no key never does either, not
even for a piece on two marketplaces: robots read every code they find, and anybody may name any place.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import asin, cos, radians, sin, sqrt
from typing import Any, NamedTuple

SUSPECTED = 50  # like the points below: fitted on other simulated seeds than benchmarks/clones.py reports
MOST_POINTS = 100
EARTH_KM = 6371.0
APART_KM = 300.0  # nearer than this, two coarse places may be one
FASTEST_KM_PER_HOUR = 900.0
BOARDING_HOURS = 2.0  # to an aeroplane and from it; nobody goes 300 km faster by any other way


@dataclass(frozen=True, slots=True)
class Sign:
    """`steps`: from how many on, how many points; the highest step reached counts."""

    steps: tuple[tuple[int, int], ...]
    meaning: str

    def points(self, count: int) -> int:
        return max((points for least, points in self.steps if count >= least), default=0)


SIGNS: Mapping[str, Sign] = {
    "listings-at-once": Sign(((2, 5), (4, 50), (6, 60)), "The serial stands in several live listings."),
    "places-apart": Sign(((2, 20), (3, 50)), "Live listings of it are in places far from one another."),
    "impossible-travel": Sign(((1, 20), (2, 50), (4, 60)), "It was seen in two places sooner than anybody can travel between them."),
    "scans-apart": Sign(
        ((1, 20), (2, 30), (4, 34)), "Lookups of its code named places between which nobody can travel in that time. Anybody can name any."
    ),
    # in no simulated campaign, so it adds to another sign and never decides
    "photos-elsewhere": Sign(((1, 25), (3, 40)), "Photos of its listings stand in another seller's live listing."),
    "claims-after-sale": Sign(((1, 25), (2, 50), (4, 60)), "Claims were tried with a key that was spent at its sale."),
    "many-scans": Sign(((60, 5), (600, 10)), "Its code was read unusually often within an hour."),
}


class Place(NamedTuple):
    """Coarse: a town, or degrees rounded to one decimal."""

    latitude: float
    longitude: float


class Sighting(NamedTuple):
    """`is_scan`: named by whoever looked it up, who may be anybody and say anything; else by a platform."""

    at: int
    place: Place
    is_scan: bool = False


@dataclass(frozen=True, slots=True)
class Listed:
    """A live listing. `describes_another`: it names another brand or model than the passport, so its serial may be mistyped."""

    place: Place | None = None
    describes_another: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """Of one item. Whose listings they are is not asked, so it cannot be told."""

    listings: Sequence[Listed] = ()
    sightings: Sequence[Sighting] = ()
    most_scans_in_an_hour: int = 0
    claims_after_sale: int = 0
    photos_elsewhere: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    code: str
    points: int
    count: int

    def document(self) -> dict[str, Any]:
        return {"code": self.code, "points": self.points, "count": self.count, "message": SIGNS[self.code].meaning}


@dataclass(frozen=True, slots=True)
class Suspicion:
    score: int
    reasons: Sequence[Found]

    @property
    def is_suspected(self) -> bool:
        return self.score >= SUSPECTED


def suspicion(evidence: Evidence) -> Suspicion:
    """The points of all signs, 100 at most, with the signs in the order of the table."""
    counts = dict(_counts(evidence))
    found = [Found(code, points, counts[code]) for code, sign in SIGNS.items() if (points := sign.points(counts[code]))]
    return Suspicion(min(MOST_POINTS, sum(one.points for one in found)), found)


def _counts(evidence: Evidence) -> Iterator[tuple[str, int]]:
    listings = [one for one in evidence.listings if not one.describes_another]
    yield "listings-at-once", len(listings)
    yield "places-apart", _places_apart([one.place for one in listings if one.place is not None])
    seen = sorted(evidence.sightings)
    yield "impossible-travel", sum(_is_impossible(*pair) for pair in pairwise(one for one in seen if not one.is_scan))
    yield "scans-apart", sum(_is_impossible(*pair) for pair in pairwise(seen) if any(one.is_scan for one in pair))
    yield "photos-elsewhere", evidence.photos_elsewhere
    yield "claims-after-sale", evidence.claims_after_sale
    yield "many-scans", evidence.most_scans_in_an_hour


def _places_apart(places: Sequence[Place]) -> int:
    """How many of them are far from each that was counted before."""
    counted: list[Place] = []
    for place in sorted(places):
        if all(kilometres(place, other) >= APART_KM for other in counted):
            counted.append(place)
    return len(counted)


def _is_impossible(earlier: Sighting, later: Sighting) -> bool:
    """Moments are kept by the hour: as much as an hour more may lie between them."""
    way = kilometres(earlier.place, later.place)
    hours = (later.at - earlier.at) / 3600 + 1
    return way >= APART_KM and hours < BOARDING_HOURS + way / FASTEST_KM_PER_HOUR


def kilometres(here: Place, there: Place) -> float:
    """As the crow flies."""
    north, other_north = radians(here.latitude), radians(there.latitude)
    east = radians(there.longitude - here.longitude)
    half = sin((other_north - north) / 2) ** 2 + cos(north) * cos(other_north) * sin(east / 2) ** 2
    return 2 * EARTH_KM * asin(min(1.0, sqrt(half)))
