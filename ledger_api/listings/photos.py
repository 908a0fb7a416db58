"""A listing's photos: taken with the desk's care, told of as far as a platform may know, forgotten with their listing or when replaced.

put(engine, vault, platform, listing, number, body, …)   received, kept, and in the line of what machines look at (`looking`)
found(connection, listing)                               what is known of them together
with telling(connection, listing, at=…):                 whatever changes that tells the platform, if it is another afterwards
forget(connection, listing, …), sweep(engine, vault, …)  out of the index at once; out of the vault as soon as it can be reached
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple

import orjson
from sqlalchemy import Connection, Engine

from ledger_api.desk import screening
from ledger_api.desk.errors import NoSuchPhoto
from ledger_api.desk.keeping import kept, let_go
from ledger_api.desk.rows import cases
from ledger_api.desk.vault import Vault
from ledger_api.listings import offering, rows
from ledger_api.listings.errors import ListingNamesNoDesk, ListingOver
from ledger_api.listings.next_steps import Review
from ledger_api.listings.rows import AnyRow
from ledger_api.store.engine import reading, writing
from ledger_api.webhooks import telling as notices

MOST_PHOTOS = 12  # of one listing: their numbers are 1 to this
SWEPT_AT_ONCE = 50


class Shown(NamedTuple):
    """`screened`: None until machines have looked. `is_reused`: it shows what somebody else's photo showed before."""

    number: int
    state: str
    screened: str | None
    is_reused: bool
    created_at: datetime


class Found(NamedTuple):
    """Of all photos of a listing together."""

    review: Review
    shown: Sequence[Shown]

    @property
    def are_reused(self) -> bool:
        return any(photo.is_reused for photo in self.shown)


def put(engine: Engine, vault: Vault, platform: bytes, listing: str, number: int, body: bytes, *, id: str, now: datetime) -> None:
    """In place of the one with this number. The same photo again is the same photo, unless machines could not look at it.

    Raises:
        NoSuchListing, ListingOver, ListingNamesNoDesk, and the `photo-…` errors of `receiving.receive`: nothing is kept.
    """
    from ledger_api.desk import likeness, receiving  # OpenCV is loaded by the first photo, not by every process
    from ledger_api.desk.rows import prints

    with reading(engine) as connection:
        _check_open(offering.theirs(connection, platform, listing))
    photo = receiving.receive(body)
    marks = likeness.marks(likeness.read(photo.pixels_jpeg))
    with kept(engine, vault, photo.original, photo.pixels_jpeg) as (connection, (original, shown)):
        _check_open(_locked(connection, platform, listing))
        known = [one for one in rows.photos_of(connection, listing) if one.number == number]
        if any(one.original == original and one.state != "failed" for one in known):
            return
        _forget(connection, known)
        names = {"original": original, "shown": shown}
        rows.keep_photo(connection, {"id": id, "listing": listing, "number": number, "created_at": now} | names | _UNSEEN)
        prints.keep(connection, id, marks)
        show_to_reviewers(connection, listing)


_UNSEEN = {"state": "waiting", "findings": "{}", "tries": 0}


def _check_open(listing: AnyRow) -> None:
    if listing.state != "live":
        raise ListingOver(listing=listing.id, state=listing.state)
    if listing.authenticator is None:
        raise ListingNamesNoDesk(listing=listing.id, field="authenticator")


def _locked(connection: Connection, platform: bytes, listing: str) -> AnyRow:
    """Raises NoSuchListing."""
    rows.locked(connection, listing)
    return offering.theirs(connection, platform, listing)


# --- what is known of them ---------------------------------------------------------------------------------------------


def found(connection: Connection, listing: str) -> Found:
    shown = _shown(connection, rows.photos_of(connection, listing))
    return Found(_review(screening.standing(connection, "listing", listing), shown), shown)


def _review(ruled: screening.Standing | None, shown: Sequence[Shown]) -> Review:
    """Whoever refused has the last word; then what waits for a person, what waits for a machine, what a person allowed."""
    if ruled in ("refused", "waiting"):
        return ruled
    if any(photo.state == "waiting" for photo in shown):
        return "checking"
    if ruled == "allowed":
        return ruled
    return "clear" if shown and all(photo.screened == "clear" for photo in shown) else "off"


def _shown(connection: Connection, photos: Sequence[AnyRow]) -> list[Shown]:
    """A match with a photo of another listing counts as long as that listing shows it; one of a case counts."""
    findings = [orjson.loads(photo.findings) for photo in photos]
    matches = [match for found in findings for match in found.get("matches", ())]
    alive = rows.still_shown(connection, {match["photo"] for match in matches if match["of"] == "listing"})
    counting = alive | {match["photo"] for match in matches if match["of"] == "case"}
    return [
        Shown(
            photo.number,
            photo.state,
            said.get("screened"),
            any(one["photo"] in counting for one in said.get("matches", ())),
            photo.created_at,
        )
        for photo, said in zip(photos, findings, strict=True)
    ]


def copied(connection: Connection, item: bytes) -> int:
    """How many photos of the item's live listings stand in another seller's live listing."""
    found = [orjson.loads(photo.findings).get("matches", ()) for photo in rows.photos_of_item(connection, item)]
    named = [{match["photo"] for match in matches if match["of"] == "listing"} for matches in found]
    alive = rows.still_shown(connection, {photo for photos in named for photo in photos})
    return sum(not alive.isdisjoint(photos) for photos in named)


@contextmanager
def telling(connection: Connection, listing: str, *, at: datetime) -> Iterator[None]:
    """Tells the platform, by webhook, when what is known of its photos is another afterwards. Nobody else changes it meanwhile."""
    row = rows.locked(connection, listing)
    before = found(connection, listing)
    yield
    after = found(connection, listing)
    if row is None or row.state != "live" or (after.review, after.are_reused) == (before.review, before.are_reused):
        return
    rows.doubt(connection, [] if row.item is None else [row.item], at)
    body = {"listing": listing, "reference": row.reference, "review": after.review, "reused": after.are_reused}
    notices.tell(connection, row.platform, "listing.photos", f"listing:{listing}", body, at=at)


def show_to_reviewers(connection: Connection, listing: str) -> None:
    """Whoever is to look sees the photos that the listing has now."""
    screening.show(connection, "listing", listing, names_of(connection, listing))


def names_of(connection: Connection, listing: str) -> list[str]:
    """In the vault, in the order of the listing, each once."""
    return list(dict.fromkeys(photo.shown for photo in rows.photos_of(connection, listing)))


# --- forgotten ---------------------------------------------------------------------------------------------------------


def remove(connection: Connection, platform: bytes, listing: str, number: int) -> None:
    """Raises NoSuchListing, NoSuchPhoto."""
    _locked(connection, platform, listing)
    known = [one for one in rows.photos_of(connection, listing) if one.number == number]
    if not known:
        raise NoSuchPhoto
    _forget(connection, known)
    show_to_reviewers(connection, listing)


def forget(connection: Connection, listing: str) -> None:
    """All of an ended listing; what a reviewer decided stays, by the hashes. Harmless to repeat."""
    _forget(connection, rows.photos_of(connection, listing))
    show_to_reviewers(connection, listing)


def _forget(connection: Connection, photos: Sequence[AnyRow]) -> None:
    ids: list[str] = [photo.id for photo in photos]
    if ids:
        cases.forget_marks(connection, ids)
        rows.forget_photos(connection, ids)


def sweep(engine: Engine, vault: Vault, *, most: int = SWEPT_AT_ONCE) -> int:
    """How many forgotten photos the vault let go; those that something else shows it keeps for that. Who dies here repeats it.

    Raises:
        PhotosAway: they are let go another time.
    """
    with reading(engine) as connection:
        gone = rows.forgotten_photos(connection, most=most)
    let_go(engine, vault, sorted({name for row in gone for name in (row.original, row.shown)}))
    if gone:
        with writing(engine) as connection:
            rows.drop_photos(connection, [row.id for row in gone])
    return len(gone)
