"""Was this photo sent before? The index gives candidates, their marks say how they would lie on it, their pixels decide.

Who asks says what is compared, what of it counts and what is told: `OfCase` here, of one shot of a case; `listings.looking.OfListing`.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from sqlalchemy import Connection, Engine

from ledger_api.desk import likeness
from ledger_api.desk.errors import NoSuchPhoto
from ledger_api.desk.likeness import Fine, Lay, Likeness, Marks
from ledger_api.desk.rows import prints
from ledger_api.desk.rows.cases import AnyRow
from ledger_api.desk.vault import Vault
from ledger_api.store.engine import reading

__all__ = ["VERSION", "Asks", "OfCase", "find"]

VERSION = "reuse-2"  # of what is found; the marks have their own
MOST_CANDIDATES = 150  # of the index: of ten thousand photos the right one of a screen is rarely the first and rarely beyond the hundredth
MOST_COMPARED = 5  # of the candidates, pixel by pixel: those that most marks speak for


class Asks(Protocol):
    """Whose photo it is that may have been sent before."""

    @property
    def shown(self) -> str:
        """Its name in the vault."""

    def earlier(self, connection: Connection, photos: Sequence[int]) -> Sequence[tuple[Marks, AnyRow]]:
        """Of these marked photos those that it is compared with, in this order. Each row has `id` and `shown`."""

    def told(self, row: AnyRow, alike: Likeness, *, is_mirrored: bool) -> dict[str, Any]:
        """Of a match: `photo`, `like`, and what may be known of it."""


def find(engine: Engine, vault: Vault, asks: Asks) -> dict[str, Any]:
    """`matches`: earlier photos that this one shows, whole or in part."""
    grey = likeness.without_grid(likeness.read(vault.get(asks.shown)))
    matches: dict[str, dict[str, Any]] = {}
    for is_mirrored in (False, True):
        seen = likeness.mirrored(grey) if is_mirrored else grey
        asked, fine = likeness.marks(seen, most=likeness.ASKED_MARKS), likeness.fine(seen)
        for lay, row in likeliest(asked, _candidates(engine, asks, asked)):
            alike = None if row.id in matches else _alike(vault, fine, lay, row)
            if alike is not None:
                matches[row.id] = asks.told(row, alike, is_mirrored=is_mirrored)
    return {"matches": sorted(matches.values(), key=lambda match: (-match["like"], str(match["photo"])))}


def likeliest(asked: Marks, candidates: Sequence[tuple[Marks, AnyRow]]) -> list[tuple[Lay, AnyRow]]:
    """Those that can be laid on the photo, the surest first."""
    laid = [(lay, row) for theirs, row in candidates if (lay := likeness.align(asked, theirs)) is not None]
    return sorted(laid, key=lambda one: -one[0].together)[:MOST_COMPARED]


def _candidates(engine: Engine, asks: Asks, asked: Marks) -> Sequence[tuple[Marks, AnyRow]]:
    with reading(engine) as connection:
        nearest = prints.nearest(connection, asked.hashes, most=2 * MOST_CANDIDATES)  # the others' photos must not push out one's own
        return asks.earlier(connection, nearest)[:MOST_CANDIDATES]


def _alike(vault: Vault, fine: Fine, lay: Lay, row: AnyRow) -> Likeness | None:
    try:
        other = likeness.read(vault.get(row.shown))
    except NoSuchPhoto:  # erased meanwhile
        return None
    return likeness.compare(fine, other, lay)


@dataclass(frozen=True, slots=True)
class OfCase:
    """A shot of a case, compared with the shots of all cases: what an asker shows in a listing it shows the desk as well.

    Earlier attempts of the same shot, the appeal of a case, and test cases show the same on purpose and do not count. What is found is for
    the appraiser: the asker never learns whose photo it was, nor does another authenticator's desk.
    """

    case: AnyRow
    shot: AnyRow

    @property
    def shown(self) -> str:
        return str(self.shot.shown)

    def earlier(self, connection: Connection, photos: Sequence[int]) -> Sequence[tuple[Marks, AnyRow]]:
        return [one for one in prints.prints_of(connection, photos) if self._counts(one[1])]

    def _counts(self, row: AnyRow) -> bool:
        """Whether it is an earlier photo, and not the same shot of the same story. A test case has earlier cases' photos on purpose."""
        case, shot = self.case, self.shot
        is_test = case.known_outcome is not None or row.known_outcome is not None
        if row.id == shot.id or row.created_at > shot.created_at or (is_test and row.case != case.id):
            return False
        is_same_story = row.case == case.id or row.case == case.appeal_of or row.appeal_of == case.id
        return not (is_same_story and row.name == shot.name)

    def told(self, row: AnyRow, alike: Likeness, *, is_mirrored: bool) -> dict[str, Any]:
        """Whose it was: this case's, the same asker's, or somebody else's. Another desk's cases and photos stay that desk's."""
        is_ours = row.authenticator == self.case.authenticator
        same_file = row.original == self.shot.original
        return asdict(alike) | {
            "how": "same-file" if same_file else alike.how,
            "mirrored": is_mirrored and not same_file,
            "whose": _whose(self.case, row),
            "desk": "this" if is_ours else "another",
            "case": row.case if is_ours else None,
            "photo": row.id if is_ours else None,
            "shot": row.name if is_ours else None,
            "outcome": row.outcome if is_ours else None,
        }


def _whose(case: AnyRow, row: AnyRow) -> str:
    if row.case == case.id:
        return "this-case"
    if row.account is not None and row.account == case.account:
        return "same-account"
    if row.platform is not None and row.platform == case.platform:
        return "same-platform"
    return "somebody-else"
