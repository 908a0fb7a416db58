"""A platform's listings: offered, photographed, answered with what to do next, looked at again, closed or withdrawn. Parse, ask, shape."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Depends, Path, Query
from pydantic import Field
from sqlalchemy import Connection

from ledger_api.desk.errors import DeskClosed, NoSuchPhoto, NotAnAuthenticator, PhotosAway
from ledger_api.errors import NotFollowedYet
from ledger_api.listings import offering, photos, rows
from ledger_api.listings.answers import Answered, answer_for, keep_watch
from ledger_api.listings.asking import ListingIn
from ledger_api.listings.clones import SUSPECTED, Suspicion
from ledger_api.listings.errors import ListingNamesNoDesk, ListingOver, ListingReferenceTaken, NoSuchListing
from ledger_api.listings.next_steps import Step
from ledger_api.listings.rows import AnyRow
from ledger_api.routes.deps import Context, Ctx, Db, NewId, Now, RawBody, Verifier
from ledger_api.routes.desk.cases import PHOTO_ERRORS
from ledger_api.routes.desk.deps import Photos
from ledger_api.routes.problems import errors
from ledger_api.routes.schemas import Hex32, Moment, Out, hex_of, moment
from ledger_api.routes.verifications import WatchOut
from ledger_api.store.engine import reading, writing
from ledger_api.verification import answering
from ledger_api.verification.decision import AsOf
from ledger_verify.codes import Role
from ledger_verify.hashing import OrganizationId

router = APIRouter(prefix="/v1/listings", tags=["listings"])

PAGE = 50
STEPS = tuple(step.code for step in Step)
NextStep = Literal[*STEPS]  # type: ignore[valid-type]  # the table is the one list of steps
PhotoNumber = Annotated[int, Path(ge=1, le=photos.MOST_PHOTOS, description="Its place in the listing.")]


def their_listing(listing: str, caller: Verifier, ctx: Ctx) -> str:
    """Its id. Raises NoSuchListing."""
    with reading(ctx.engine) as connection:
        return str(offering.theirs(connection, caller.organization, listing).id)


TheirListing = Annotated[str, Depends(their_listing)]  # before all else: whether we keep photos is no business of a stranger's


class ListingReasonOut(Out):
    code: str = Field(description="A verification's code, or one of the listing's own.")
    step: NextStep = Field(description="What this reason alone would ask for.")
    message: str


class VerifiedOut(Out):
    decision: Literal["accept", "quarantine", "reject"]
    reasons: list[str] = Field(description="The codes of `POST /v1/verifications`, which signs the same answer.")


class SignOut(Out):
    code: str
    points: int
    count: int
    message: str


class SuspicionOut(Out):
    """Signs that one serial is on several objects. Never whose listings they are."""

    score: int = Field(description=f"0 to 100; from {SUSPECTED} on the object itself has to be seen.")
    reasons: list[SignOut]


class PartnerOut(Out):
    """Whom the listing's hashtag leads to: open the booking with it (`POST /v1/bookings`)."""

    partner: Hex32
    hashtag: str | None
    price_cents: int
    stores: list[str]


class ListingPhotoOut(Out):
    number: int
    state: Literal["waiting", "done", "failed"] = Field(description="Of what machines look at; `failed`: they could not, send it again.")
    screened: Literal["off", "clear", "flagged"] | None = Field(description="For prohibited goods; `off`: the desk has no classifier.")
    reused: bool = Field(description="It shows what somebody else's photo showed before. Whose is told to nobody.")
    created_at: Moment


class ListingOut(Out):
    id: str
    reference: str
    title: str
    url: str
    item: Hex32 | None
    state: Literal["live", "closed", "withdrawn"]
    next: NextStep = Field(description="What to do with it: the step that holds it back most.")
    reasons: list[ListingReasonOut] = Field(description="Why; none for `list`.")
    verification: VerifiedOut | None = Field(description="As the ledger stands now; null: the listing names no item.")
    authenticator: Hex32 | None = Field(description="Whose desk looks at its photos.")
    review: Literal["off", "checking", "clear", "waiting", "allowed", "refused"] = Field(
        description="Of its photos; `off`: nobody looked for prohibited goods. `checking`: machines, `waiting`: for a reviewer."
    )
    photos: list[ListingPhotoOut]
    booking: PartnerOut | None = Field(description="At `book-verification`, when one of its hashtags is a partner's campaign.")
    suspicion: SuspicionOut
    watch: WatchOut | None = Field(
        default=None, description="When this call asked for it; null: not asked for, or the listing names no item."
    )
    created_at: Moment
    changed_at: Moment


class ListingsOut(Out):
    listings: list[ListingOut]
    next: str | None = Field(description="Ask again with `before` set to this.")


@router.post("", status_code=201, responses=errors(ListingReferenceTaken, NotAnAuthenticator, NotFollowedYet))
def offer_listing(body: ListingIn, raw: RawBody, caller: Verifier, ctx: Ctx, now: Now, new_id: NewId) -> ListingOut:
    """Tell us what you offer, and be told what to do with it. The same reference and content are the same listing.

    What we do not know never refuses a listing. Ask again with `GET`: the answer is made anew from the ledger as it is then.
    """
    at = datetime.fromtimestamp(now, UTC)
    with writing(ctx.engine) as connection:
        here = answering.as_of(connection)
        if body.authenticator is not None:
            _check_desk(ctx, connection, body.authenticator, now)
        said = orjson.loads(raw)
        row = offering.offer(connection, caller.organization, body, said, id=new_id, now=at)
        answered = answer_for(connection, row, here, network=ctx.network, now=now)
        watch = keep_watch(connection, row, said.get("watch"), answered, here, new_id=new_id, now=now)
    return _shape(row, answered).model_copy(update={"watch": watch and WatchOut.model_validate(watch)})


@router.get("", responses=errors(NotFollowedYet))
def list_listings(
    caller: Verifier, db: Db, ctx: Ctx, now: Now, before: Annotated[str | None, Query(pattern="^[0-9a-f]{32}$")] = None
) -> ListingsOut:
    """Yours, newest first."""
    here = answering.as_of(db)
    found = rows.of_platform(db, caller.organization, before=before, most=PAGE)
    return ListingsOut(listings=[_told(db, row, here, ctx, now) for row in found], next=found[-1].id if len(found) == PAGE else None)


@router.get("/{listing}", responses=errors(NoSuchListing, NotFollowedYet))
def get_listing(listing: str, caller: Verifier, db: Db, ctx: Ctx, now: Now) -> ListingOut:
    row = offering.theirs(db, caller.organization, listing)
    return _told(db, row, answering.as_of(db), ctx, now)


@router.post("/{listing}/close", responses=errors(NoSuchListing, ListingOver, NotFollowedYet))
def close_listing(listing: str, caller: Verifier, ctx: Ctx, now: Now) -> ListingOut:
    """It is sold. Harmless to repeat."""
    return _ended(listing, "closed", caller.organization, ctx, now)


@router.post("/{listing}/withdraw", responses=errors(NoSuchListing, ListingOver, NotFollowedYet))
def withdraw_listing(listing: str, caller: Verifier, ctx: Ctx, now: Now) -> ListingOut:
    """It is offered no more. Harmless to repeat."""
    return _ended(listing, "withdrawn", caller.organization, ctx, now)


def _ended(listing: str, state: Literal["closed", "withdrawn"], platform: bytes, ctx: Context, now: int) -> ListingOut:
    with writing(ctx.engine) as connection:
        row = offering.end(connection, platform, listing, state, now=datetime.fromtimestamp(now, UTC))
        photos.forget(connection, listing)
        return _told(connection, row, answering.as_of(connection), ctx, now)


@router.put(
    "/{listing}/photos/{number}",
    status_code=201,
    responses=errors(NoSuchListing, ListingOver, ListingNamesNoDesk, DeskClosed, PhotosAway, NotFollowedYet, *PHOTO_ERRORS),
)
def put_listing_photo(
    listing: TheirListing, number: PhotoNumber, body: RawBody, caller: Verifier, vault: Photos, ctx: Ctx, now: Now, new_id: NewId
) -> ListingOut:
    """A photo (the body: JPEG, PNG or WebP) at this place of the listing, instead of the one that is there. Harmless to repeat.

    Machines look at it next, for prohibited goods and for photos that were sent before; `review` and `next` follow.
    """
    at = datetime.fromtimestamp(now, UTC)
    photos.put(ctx.engine, vault, caller.organization, listing, number, body, id=new_id, now=at)
    with reading(ctx.engine) as connection:
        return _told(connection, offering.theirs(connection, caller.organization, listing), answering.as_of(connection), ctx, now)


@router.delete("/{listing}/photos/{number}", responses=errors(NoSuchListing, NoSuchPhoto, NotFollowedYet))
def delete_listing_photo(listing: str, number: PhotoNumber, caller: Verifier, ctx: Ctx, now: Now) -> ListingOut:
    """The photo and its marks are forgotten. What a reviewer decided stays."""
    with writing(ctx.engine) as connection:
        photos.remove(connection, caller.organization, listing, number)
        return _told(connection, offering.theirs(connection, caller.organization, listing), answering.as_of(connection), ctx, now)


def _check_desk(ctx: Context, connection: Connection, authenticator: bytes, now: int) -> None:
    """Raises NotAnAuthenticator."""
    standing = ctx.intake.authority.read(connection).at(now).standing(OrganizationId(authenticator))
    if not standing.roles & Role.AUTHENTICATOR:
        raise NotAnAuthenticator(authenticator="0x" + authenticator.hex(), field="authenticator")


def _told(connection: Connection, row: AnyRow, here: AsOf, ctx: Context, now: int) -> ListingOut:
    return _shape(row, answer_for(connection, row, here, network=ctx.network, now=now))


def _shape(row: AnyRow, answered: Answered) -> ListingOut:
    shown = {name: getattr(row, name) for name in ("id", "reference", "title", "url", "state")}
    shown |= {"created_at": moment(row.created_at), "changed_at": moment(row.changed_at)}
    shown |= {"authenticator": hex_of(row.authenticator), "photos": [_photo(photo) for photo in answered.photos.shown]}
    return ListingOut.model_validate(shown | _answer(answered))


def _photo(photo: photos.Shown) -> dict[str, Any]:
    told = {"number": photo.number, "state": photo.state, "screened": photo.screened}
    return told | {"reused": photo.is_reused, "created_at": moment(photo.created_at)}


def _answer(answered: Answered) -> dict[str, Any]:
    answer, booking = answered.answer, answered.booking
    return {
        "item": hex_of(answered.seen.shown.item) if answered.seen.shown is not None else None,
        "next": answered.next.step.code,
        "reasons": [{"code": one.code, "step": one.step.code, "message": one.message} for one in answered.next.reasons],
        "verification": answer and {"decision": answer.decision.code, "reasons": [reason.code for reason in answer.reasons]},
        "review": answered.photos.review,
        "booking": booking
        and {
            "partner": hex_of(booking.organization),
            "hashtag": booking.campaign,
            "price_cents": booking.price_cents,
            "stores": booking.stores,
        },
        "suspicion": suspicion_shown(answered.suspicion),
    }


def suspicion_shown(suspicion: Suspicion) -> dict[str, Any]:
    return {"score": suspicion.score, "reasons": [sign.document() for sign in suspicion.reasons]}
