"""Machines look at listings' photos: a step of `ledger desk`, in any number of processes. They find; people decide.

What a classifier says is compared with what the policy of the listing's authenticator prohibits, and what is flagged goes to that desk's
reviewers. Marks and pixels are compared with the photos of all desks and of all live listings. A check that fails three times is told as
failed and holds nobody up.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
import structlog
from sqlalchemy import Connection

from ledger_api.desk import policy, screening
from ledger_api.desk.checks import Machines
from ledger_api.desk.errors import NoSuchPhoto, PhotoTampered
from ledger_api.desk.screening import Flag, Screened, Subject
from ledger_api.errors import BusyError, IntegrityError
from ledger_api.listings import photos, rows
from ledger_api.listings.rows import AnyRow
from ledger_api.store.engine import reading, writing

if TYPE_CHECKING:
    from ledger_api.desk.likeness import Likeness, Marks

CHECK_SECONDS = 120  # a check takes a second or two; whoever takes longer has died
MOST_TRIES = 3

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Looked:
    screened: Screened
    matches: Sequence[Mapping[str, Any]]

    @property
    def findings(self) -> dict[str, Any]:
        flagged = sorted({flag.label for flag in self.screened.flags})
        said = {"screened": self.screened.state, "version": self.screened.version, "tags": self.screened.tags, "flagged": flagged}
        return said | {"matches": self.matches}


@dataclass(frozen=True, slots=True)
class PhotoChecker:
    machines: Machines
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def turn(self) -> bool:
        """Whether there was anything to do.

        Raises:
            BusyError: the database or the vault is away; nothing is lost.
        """
        is_checked = self._check_one()
        return photos.sweep(self.machines.engine, self.machines.vault) > 0 or is_checked

    def _check_one(self) -> bool:
        now = self.clock()
        with writing(self.machines.engine) as connection:
            photo = rows.take_photo(connection, now=now, until=now + timedelta(seconds=CHECK_SECONDS))
        if photo is None:
            return False
        try:
            looked = self._look(photo) if photo.tries < MOST_TRIES else None
        except (NoSuchPhoto, PhotoTampered) as error:  # one photo is no reason to stop the desk for everybody
            logger.critical("a listing's photo is not what was kept", listing=photo.listing, photo=photo.id, facts=error.facts)
            looked = None
        except (BusyError, IntegrityError):
            raise
        except Exception:  # the machines' own guard: it is tried again when the lease has run out
            logger.exception("a check of a listing's photo failed", listing=photo.listing, photo=photo.id)
            return True
        with writing(self.machines.engine) as connection:
            self._settle(connection, photo, looked)
        return True

    def _look(self, photo: AnyRow) -> Looked:
        """Raises NoSuchPhoto, PhotoTampered."""
        from ledger_api.desk import reuse  # OpenCV is loaded by the process that compares, when it first does

        with reading(self.machines.engine) as connection:
            listing = rows.listing(connection, photo.listing)
            assert listing is not None
            terms = policy.read(connection, listing.authenticator)
        screened = screening.screen(self.machines.tagger, [self.machines.vault.get(photo.shown)], terms)
        found = reuse.find(self.machines.engine, self.machines.vault, OfListing(listing, photo))
        return Looked(screened, found["matches"])

    def _settle(self, connection: Connection, photo: AnyRow, looked: Looked | None) -> None:
        """`looked`: None where no machine could."""
        now = self.clock()
        findings = {} if looked is None else looked.findings
        told = {"state": "failed" if looked is None else "done", "findings": _json(findings), "checked_at": now}
        with photos.telling(connection, photo.listing, at=now):
            if rows.end_photo(connection, photo.id, **told) and looked is not None and looked.screened.flags:
                self._send_to_review(connection, photo, looked.screened, now)

    def _send_to_review(self, connection: Connection, photo: AnyRow, screened: Screened, now: datetime) -> None:
        listing, names = rows.listing(connection, photo.listing), photos.names_of(connection, photo.listing)
        assert listing is not None
        flags = [Flag(names.index(photo.shown), flag.label, flag.score) for flag in screened.flags]
        subject = Subject(listing.authenticator, "listing", listing.id, names)
        screening.open_review(connection, subject, flags, screened.version, id=photo.id, now=now)


@dataclass(frozen=True, slots=True)
class OfListing:
    """A photo of a listing, compared with desks' photos of another piece and with photos of other sellers' live listings.

    The same listing, the same seller's renewed one, a case about the same piece and test cases show the same on purpose and do not count.
    What is found is for nobody's eyes: the platform learns that a photo was seen before, and not where.
    """

    listing: AnyRow
    photo: AnyRow

    @property
    def shown(self) -> str:
        return str(self.photo.shown)

    def earlier(self, connection: Connection, photos: Sequence[int]) -> Sequence[tuple["Marks", AnyRow]]:
        from ledger_api.desk.rows import prints

        others: dict[int, tuple[Marks, AnyRow]] = {}
        for marks, row in prints.prints_of(connection, photos):
            if self._is_earlier(row) and self._is_of_another_piece(row):
                others[row.photo] = (marks, row)
        for row in rows.marked(connection, photos):
            if self._is_earlier(row) and self._is_another_sellers(row):
                others[row.photo] = (prints.unpacked(row), row)
        return [others[photo] for photo in photos if photo in others]

    def _is_earlier(self, row: AnyRow) -> bool:
        return bool(row.id != self.photo.id and row.created_at <= self.photo.created_at)

    def _is_of_another_piece(self, case: AnyRow) -> bool:
        """Where one of the two names no piece, a platform's own case may be about its own listing, and anybody else's is not."""
        if case.known_outcome is not None:
            return False
        if None not in (case.item, self.listing.item):
            return bool(case.item != self.listing.item)
        question = orjson.loads(self.listing.question or "{}")
        if None not in (case.serial, question.get("serial")):
            return bool((case.gtin, case.serial) != (question["gtin"], question["serial"]))
        return bool(case.platform != self.listing.platform)

    def _is_another_sellers(self, row: AnyRow) -> bool:
        """Who names no seller sells itself; one piece on two marketplaces is ordinary, and counted elsewhere (`clones`)."""
        if row.listing == self.listing.id:
            return False
        mine, theirs, is_same_platform = seller_of(self.listing), seller_of(row), row.platform == self.listing.platform
        comparable = [(mine.party, theirs.party), *([(mine.account, theirs.account)] if is_same_platform else [])]
        said = [one == other for one, other in comparable if None not in (one, other)]
        if said:
            return not any(said)
        is_same_piece = self.listing.item is not None and row.item == self.listing.item
        return not (is_same_piece or (is_same_platform and mine == theirs == NAMELESS))

    def told(self, row: AnyRow, alike: "Likeness", *, is_mirrored: bool) -> dict[str, Any]:
        is_same_file = row.original == self.photo.original
        return asdict(alike) | {
            "how": "same-file" if is_same_file else alike.how,
            "mirrored": is_mirrored and not is_same_file,
            "of": "listing" if "listing" in row._fields else "case",
            "photo": row.id,
        }


class Seller(NamedTuple):
    """As the platform named the seller: by what holds the item, and by an account of its own."""

    party: str | None
    account: str | None


NAMELESS = Seller(None, None)


def seller_of(listing: AnyRow) -> Seller:
    said = orjson.loads(listing.offer)
    party: dict[str, str] = said.get("seller") or {}
    return Seller(next(iter(party.values()), None), said.get("seller_account"))


def _json(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
