"""May this be listed? What a classifier says is compared with the policy's prohibited labels; what is flagged goes to a person.

    screened = screen(tagger, photos, policy)        photos are bytes; no database
    open_review(connection, subject, screened, …)    into the reviewers' queue, one at a time for each subject
    decide(connection, review, …)                    allow or refuse, with grounds and what is really there

Decisions say of each label how often it was right (precision) and, of what people saw, how much was flagged (recall). No machine refuses.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import orjson
from sqlalchemy import Connection, Table, delete, insert, select, update

from ledger_api.desk.errors import NoSuchReview, ReviewChanged, ReviewDecided
from ledger_api.desk.policy import Policy
from ledger_api.desk.rows import cases
from ledger_api.desk.rows.cases import AnyRow
from ledger_api.desk.tables import ReviewRow

if TYPE_CHECKING:
    from ledger_api.desk.tagging import Tagger

GROUPS = ("category", "colour", "material")
Kind = Literal["case", "listing"]
Ruling = Literal["allowed", "refused"]
Standing = Literal["refused", "waiting", "allowed"]
STANDINGS: tuple[Standing, ...] = ("refused", "waiting", "allowed")  # of several the first counts
reviews: Table = ReviewRow.__table__  # type: ignore[attr-defined]  # SQLModel sets it


@dataclass(frozen=True, slots=True)
class Flag:
    """`photo`: its place among those that were screened."""

    photo: int
    label: str
    score: float


@dataclass(frozen=True, slots=True)
class Screened:
    """`off`: there is no classifier, and nobody looked."""

    state: Literal["off", "clear", "flagged"]
    version: str
    tags: Mapping[str, str]  # the surest label of each group
    flags: tuple[Flag, ...]


class Subject(NamedTuple):
    """What is reviewed, by whose desk, and its photos by their names in the vault."""

    organization: bytes
    kind: Kind
    id: str
    photos: Sequence[str]


def screen(tagger: "Tagger | None", photos: Sequence[bytes], policy: Policy) -> Screened:
    if tagger is None:
        return Screened("off", "", {}, ())
    said = [(place, tag) for place, photo in enumerate(photos) for tag in tagger.tags(photo)]
    flags = tuple(Flag(place, tag.label, tag.score) for place, tag in said if policy.prohibits(tag.label))
    return Screened("flagged" if flags else "clear", tagger.version, surest((tag.label, tag.score) for _, tag in said), flags)


def surest(said: Any) -> dict[str, str]:
    """By group: `colour:red` with 0.9 and `colour:blue` with 0.6 make the colour red."""
    found: dict[str, tuple[float, str]] = {}
    for label, score in said:
        group, _, value = label.partition(":")
        if group in GROUPS and value and (score, value) > found.get(group, (0.0, "")):
            found[group] = (score, value)
    return {group: value for group, (_, value) in sorted(found.items())}


def filled(checks: Sequence[AnyRow]) -> dict[str, str]:
    """What the tags of all its photos say of a case."""
    results = [orjson.loads(check.result) for check in checks if check.kind == "tags" and check.result is not None]
    return surest((tag["label"], tag["score"]) for result in results for tag in result["tags"])


# --- reviews -------------------------------------------------------------------------------------------------------------


def open_review(connection: Connection, subject: Subject, flags: Sequence[Flag], version: str, *, id: str, now: datetime) -> str:
    """Its id. What is flagged later joins while nobody has decided. A refusal stands; after an *allowed* a photo is asked about once more
    only if nobody saw it flagged before."""
    _lock(connection, subject.kind, subject.id)
    known = _of(connection, subject.kind, subject.id)
    new = [asdict(flag) | {"photo": subject.photos[flag.photo]} for flag in flags]
    waiting = next((one for one in known if one.state == "waiting"), None)
    if waiting is not None:
        joined = {orjson.dumps(flag): flag for flag in [*orjson.loads(waiting.flags), *new]}
        photos = list(dict.fromkeys([*orjson.loads(waiting.photos), *subject.photos]))
        columns = {"flags": _json(list(joined.values())), "photos": _json(photos)}
        connection.execute(update(reviews).where(reviews.c.id == waiting.id).values(**columns))
        return str(waiting.id)
    if known:
        seen = {photo for one in known for photo in _asked_about(one)}
        asked = [flag["photo"] for flag in new] or subject.photos
        if standing_of(known) == "refused" or seen.issuperset(asked):
            return str(known[0].id)
    row: dict[str, Any] = {"id": id, "organization": subject.organization, "kind": subject.kind, "subject": subject.id, "version": version}
    row |= {"flags": _json(new), "photos": _json(list(subject.photos)), "state": "waiting", "created_at": now}
    connection.execute(insert(reviews).values(**row))
    return id


def standing(connection: Connection, kind: Kind, subject: str) -> Standing | None:
    """Where the reviews of a case or a listing stand; None: there are none."""
    return standing_of(_of(connection, kind, subject))


def standing_of(found: Sequence[AnyRow]) -> Standing | None:
    states = {row.state for row in found}
    return next((state for state in STANDINGS if state in states), None)


def show(connection: Connection, kind: Kind, subject: str, photos: Sequence[str]) -> None:
    """These are its photos now: what waits for a person is about them alone, and where no flag is left nobody is asked any more."""
    waiting = next((one for one in _of(connection, kind, subject) if one.state == "waiting"), None)
    if waiting is None:
        return
    flags = [flag for flag in orjson.loads(waiting.flags) if flag["photo"] in photos]
    this = reviews.c.id == waiting.id
    if not flags:
        connection.execute(delete(reviews).where(this))
        return
    connection.execute(update(reviews).where(this).values(flags=_json(flags), photos=_json(list(dict.fromkeys(photos)))))


def _of(connection: Connection, kind: Kind, subject: str) -> Sequence[AnyRow]:
    """Newest first."""
    chosen = select(reviews).where(reviews.c.kind == kind, reviews.c.subject == subject)
    return connection.execute(chosen.order_by(reviews.c.created_at.desc(), reviews.c.id.desc())).all()


def _asked_about(found: AnyRow) -> list[str]:
    """The photos for which somebody was asked: the flagged ones, or all where a person was to look without any flag."""
    return [flag["photo"] for flag in orjson.loads(found.flags)] or orjson.loads(found.photos)


def _lock(connection: Connection, kind: Kind, subject: str) -> None:
    """One at a time asks about it or decides. A listing is locked by whoever calls."""
    if kind == "case":
        cases.locked_case(connection, subject)


def review(connection: Connection, organization: bytes, review_id: str) -> AnyRow:
    """Raises NoSuchReview: also for another organization's."""
    found = connection.execute(select(reviews).where(reviews.c.id == review_id, reviews.c.organization == organization)).first()
    if found is None:
        raise NoSuchReview(review=review_id[:32])
    return found


def waiting(connection: Connection, organization: bytes, *, after: str | None, most: int) -> Sequence[AnyRow]:
    """Oldest first."""
    chosen = select(reviews).where(reviews.c.organization == organization, reviews.c.state == "waiting").order_by(reviews.c.id).limit(most)
    return connection.execute(chosen if after is None else chosen.where(reviews.c.id > after)).all()


def decide(
    connection: Connection, found: AnyRow, ruling: Ruling, *, labels: Sequence[str], grounds: str, reviewer: str, now: datetime
) -> None:
    """`labels`: what the reviewer really sees there, flagged or not.

    Raises:
        ReviewDecided: somebody was faster. ReviewChanged: it shows something else than `found` by now.
    """
    _lock(connection, found.kind, found.subject)
    columns = {"state": ruling, "labels": _json(sorted(set(labels))), "grounds": grounds, "reviewer": reviewer, "decided_at": now}
    this, is_as_seen = reviews.c.id == found.id, (reviews.c.flags == found.flags) & (reviews.c.photos == found.photos)
    moved = connection.execute(update(reviews).where(this, reviews.c.state == "waiting", is_as_seen).values(**columns))
    if moved.rowcount != 1:
        state = connection.execute(select(reviews.c.state).where(this)).scalar()
        raise ReviewDecided(review=found.id) if state != "waiting" else ReviewChanged(review=found.id)


def revision(found: AnyRow) -> str:
    """Another one as soon as it shows other photos or flags."""
    return hashlib.sha256(f"{found.flags}{found.photos}".encode()).hexdigest()[:16]


class Told(NamedTuple):
    """Of one label in decided reviews: `right` were flagged and seen, `flagged` by the machine, `seen` by people."""

    label: str
    right: int
    flagged: int
    seen: int

    @property
    def precision(self) -> float | None:
        return self.right / self.flagged if self.flagged else None

    @property
    def recall(self) -> float | None:
        return self.right / self.seen if self.seen else None


def by_label(connection: Connection, organization: bytes) -> list[Told]:
    chosen = select(reviews.c.flags, reviews.c.labels).where(reviews.c.organization == organization, reviews.c.state != "waiting")
    counts: dict[str, list[int]] = {}
    for row in connection.execute(chosen):
        flagged, seen = {flag["label"] for flag in orjson.loads(row.flags)}, set(orjson.loads(row.labels))
        for label in flagged | seen:
            count = counts.setdefault(label, [0, 0, 0])
            for place, is_so in enumerate((label in flagged & seen, label in flagged, label in seen)):
                count[place] += is_so
    return [Told(label, *counts[label]) for label in sorted(counts)]


def _json(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
