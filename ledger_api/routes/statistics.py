"""How authenticators' opinions fared, from the ledger alone. Open to everybody, like the ledger itself. Parse, count, shape."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import Field
from sqlalchemy import Connection

from ledger_api.errors import NotFound
from ledger_api.routes.deps import Anonymous, DbMoment
from ledger_api.routes.problems import errors
from ledger_api.routes.schemas import AsOfOut, Hex32, NamedOut, Out, hex_of
from ledger_api.statistics import overturns
from ledger_api.statistics.counting import read_words
from ledger_api.statistics.overturns import SMALL, Fate, Tally, Word, fates, tally, wilson
from ledger_api.store import statistics as rows
from ledger_api.store.directory import cursor
from ledger_api.store.records import organization_names
from ledger_verify.codes import Method, Outcome
from ledger_verify.hashing import organization_id

router = APIRouter(prefix="/v1/statistics/authenticators", tags=["statistics"])

MOST_LISTED = 200  # opinions of one authenticator, newest items last
RULES = "\n".join((overturns.__doc__ or "").splitlines()[2:])


class RateOut(Out):
    """A share with its Wilson interval of 95 %."""

    value: float
    low: float
    high: float


class AuthenticatorOut(Out):
    organization: NamedOut
    opinions: int = Field(description="*Authentic* or *not authentic*, on items of other organizations, neither void nor corrected.")
    authentic: int
    not_authentic: int
    reviewed: int = Field(description="Of them: answered by a ruling, or by somebody else with a stronger method.")
    overturned: int
    corrected: int = Field(description="Taken back by its author before anybody contradicted it; not in `opinions`.")
    inconclusive: int
    void: int = Field(description="Signed with a key that was compromised before.")
    overturn_rate: RateOut | None = Field(description="Overturned among `opinions`; null when there are none.")
    overturn_rate_of_reviewed: RateOut | None = Field(description="Overturned among `reviewed`, which are not a random choice.")
    is_small: bool = Field(description=f"Fewer than {SMALL} opinions: read the interval, not the share.")


class AuthenticatorsOut(Out):
    as_of: AsOfOut
    definition: str
    authenticators: list[AuthenticatorOut]


class OverturnedOut(Out):
    item: Hex32
    sequence: int
    outcome: str
    method: str
    by: int = Field(description="The entry of the same item that overturned it.")


class AuthenticatorDetailOut(AuthenticatorOut):
    as_of: AsOfOut
    definition: str
    overturned_opinions: list[OverturnedOut] = Field(description=f"At most {MOST_LISTED}; none on items that their brand does not show.")


@router.get("", responses=errors(key=False))
def list_authenticator_statistics(_guest: Anonymous, db: DbMoment) -> AuthenticatorsOut:
    """Every organization that gave an opinion on another's item, with its overturn rate. Counted from the ledger's records alone."""
    return count_all(db)


@router.get("/{did:path}", responses=errors(NotFound, key=False))
def get_authenticator_statistics(did: Annotated[str, Path(max_length=255)], _guest: Anonymous, db: DbMoment) -> AuthenticatorDetailOut:
    """One authenticator, with the opinions that were overturned."""
    organization, names = organization_id(did), organization_names(db)
    if organization not in names:
        raise NotFound("No organization with this DID is known here.")
    words = list(read_words(db))
    found = tally(words).get(organization, Tally())
    overturned = _overturned(words, organization, rows.hidden_items(db, organization))
    shape = _shape(organization, found, names)
    return AuthenticatorDetailOut(**shape, as_of=_as_of(db), definition=RULES, overturned_opinions=overturned)


def count_all(db: Connection) -> AuthenticatorsOut:
    """Most opinions first."""
    names = organization_names(db)
    counted = sorted(tally(read_words(db)).items(), key=lambda pair: (-pair[1].opinions, pair[0]))
    told = [AuthenticatorOut(**_shape(organization, found, names)) for organization, found in counted]
    return AuthenticatorsOut(as_of=_as_of(db), definition=RULES, authenticators=told)


def _shape(organization: bytes, found: Tally, names: dict[bytes, tuple[str | None, str | None]]) -> dict[str, Any]:
    did, name = names.get(organization, (None, None))
    rates = {"overturn_rate": (found.overturned, found.opinions), "overturn_rate_of_reviewed": (found.overturned, found.reviewed)}
    shown = {key: None if (rate := wilson(*counts)) is None else RateOut(**rate._asdict()) for key, counts in rates.items()}
    organization_out = NamedOut(id=str(hex_of(organization)), did=did, name=name)
    return asdict(found) | shown | {"organization": organization_out, "is_small": found.opinions < SMALL}


def _overturned(words: list[Word], organization: bytes, hidden: set[bytes]) -> list[OverturnedOut]:
    chosen: list[Fate] = [
        fate for fate in fates(words) if fate.is_overturned and fate.word.organization == organization and fate.word.item not in hidden
    ]
    return [
        OverturnedOut(
            item=str(hex_of(fate.word.item)),
            sequence=fate.word.sequence,
            outcome=Outcome(fate.word.outcome).code,
            method=Method(fate.word.method).code,
            by=fate.by,
        )
        for fate in chosen[:MOST_LISTED]
    ]


def _as_of(db: Connection) -> AsOfOut:
    row = cursor(db)
    return AsOfOut(block=row.next_block - 1 if row else 0, final_block=row.final_block if row else 0)
