"""The reviewers' doors: what was flagged, its photos, allow or refuse with grounds, and how often each label was right."""

from contextlib import nullcontext
from datetime import datetime
from typing import Annotated, Literal

import orjson
from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field
from sqlalchemy import Connection

from ledger_api.auth import Scope
from ledger_api.desk import screening
from ledger_api.desk.errors import (
    DeskClosed,
    NoSuchCase,
    NoSuchPhoto,
    NoSuchReview,
    NotAnAppraiser,
    PhotosAway,
    PhotoTampered,
    ReviewChanged,
    ReviewDecided,
)
from ledger_api.desk.rows import cases as rows
from ledger_api.desk.screening import Subject
from ledger_api.desk.vault import Vault
from ledger_api.domain.fields import Strict
from ledger_api.listings import photos as listing_photos
from ledger_api.routes.deps import Caller, Ctx, Db, NewId, Now
from ledger_api.routes.desk.cases import PICTURE_HEADERS
from ledger_api.routes.desk.deps import AnyRow, Appraiser, Moment, Photos, appraiser, utc
from ledger_api.routes.problems import errors
from ledger_api.routes.schemas import Moment as Said
from ledger_api.routes.schemas import Out, moment
from ledger_api.store.engine import writing
from ledger_verify.codes import Role

router = APIRouter(prefix="/v1/desk/reviews", tags=["desk"])

PAGE = 50
Label = Annotated[str, Field(min_length=1, max_length=64)]


class FlagOut(Out):
    photo: int = Field(description="Its number among the photos.")
    label: str
    score: float


class ReviewOut(Out):
    id: str
    kind: Literal["case", "listing"]
    subject: str
    state: Literal["waiting", "allowed", "refused"]
    photos: int = Field(description="How many; each is at `/v1/desk/reviews/{review}/photos/{number}`, from 0.")
    flags: list[FlagOut]
    revision: str = Field(description="Of what it shows: sent back with the ruling, it rules on nothing else.")
    labels: list[str] = Field(description="What the reviewer saw.")
    grounds: str | None
    reviewer: str | None
    created_at: Said
    decided_at: Said | None


class ReviewsOut(Out):
    reviews: list[ReviewOut]
    next: str | None


class NewReviewIn(Strict):
    case: Annotated[str, Field(pattern="^[0-9a-f]{32}$")]


class RulingIn(Strict):
    ruling: Literal["allowed", "refused"]
    labels: Annotated[list[Label], Field(max_length=20)] = Field(
        default=[], description="Which prohibited things are really there, flagged or not: precision and recall come from it."
    )
    grounds: Annotated[str, Field(min_length=1, max_length=1_000)]
    revision: Annotated[str, Field(max_length=64)] | None = Field(
        default=None, description="Of the review as you saw it: when something was flagged or replaced since, nothing is decided."
    )


class LabelOut(Out):
    label: str
    right: int
    flagged: int
    seen: int
    precision: float | None = Field(description="Of what was flagged, the share that was there; null: nothing was flagged.")
    recall: float | None = Field(description="Of what people saw in reviews, the share that was flagged.")


class LabelsOut(Out):
    labels: list[LabelOut]


def desk_of(caller: Caller, ctx: Ctx, db: Db, now: Now) -> bytes:
    """Whose reviews are seen: an appraiser's desk's; or its lead's own (scope `organization`), who looks and does not rule.

    Raises:
        NotAnAppraiser
    """
    if caller.has(Scope.DESK):
        return bytes(appraiser(caller, ctx).organization)
    standing = ctx.intake.authority.read(db).at(now).standing(caller.organization)
    if not (caller.has(Scope.ORGANIZATION) and standing.roles & Role.AUTHENTICATOR):
        raise NotAnAppraiser
    return caller.organization


DeskOf = Annotated[bytes, Depends(desk_of)]


@router.get("", responses=errors(NotAnAppraiser))
def list_reviews(desk: DeskOf, db: Db, after: Annotated[str | None, Query(pattern="^[0-9a-f]{32}$")] = None) -> ReviewsOut:
    """What waits for a person, oldest first. Appraisers rule on it; whoever leads the desk (scope `organization`) sees it too."""
    found = screening.waiting(db, desk, after=after, most=PAGE)
    return ReviewsOut(reviews=[shape(one) for one in found], next=found[-1].id if len(found) == PAGE else None)


@router.post("", status_code=201, responses=errors(NotAnAppraiser, NoSuchCase))
def open_review(body: NewReviewIn, who: Appraiser, ctx: Ctx, at: Moment, new_id: NewId) -> ReviewOut:
    """Ask for a review of a case in which nothing was flagged, or too little; the one that there is when there is one."""
    with writing(ctx.engine) as connection:
        case = rows.case(connection, body.case)
        if case is None or case.authenticator != who.organization:
            raise NoSuchCase
        photos = [shot.shown for shot in rows.newest_shots(connection, case.id).values()]
        opened = screening.open_review(connection, Subject(who.organization, "case", case.id, photos), (), "", id=new_id, now=at)
        return shape(screening.review(connection, who.organization, opened))


@router.get("/labels", responses=errors(NotAnAppraiser))
def get_labels(desk: DeskOf, db: Db) -> LabelsOut:
    """How each label fared in the reviews that were decided."""
    return LabelsOut(labels=labels_of(db, desk))


@router.get("/{review}", responses=errors(NotAnAppraiser, NoSuchReview))
def get_review(review: str, desk: DeskOf, db: Db) -> ReviewOut:
    return shape(screening.review(db, desk, review))


@router.get(
    "/{review}/photos/{number}",
    response_class=Response,
    responses=errors(NotAnAppraiser, NoSuchReview, NoSuchPhoto, DeskClosed, PhotosAway, PhotoTampered),
)
def get_review_photo(review: str, number: int, desk: DeskOf, db: Db, vault: Photos) -> Response:
    return photo_of(db, vault, desk, review, number)


@router.post("/{review}/ruling", responses=errors(NotAnAppraiser, NoSuchReview, ReviewDecided, ReviewChanged))
def rule_on_review(review: str, body: RulingIn, who: Appraiser, ctx: Ctx, at: Moment) -> ReviewOut:
    """Allow or refuse, once. A machine's flag decides nothing."""
    with writing(ctx.engine) as connection:
        found = screening.review(connection, who.organization, review)
        rule(connection, found, body, reviewer=who.id, at=at)
        return shape(screening.review(connection, who.organization, review))


def rule(connection: Connection, found: AnyRow, said: RulingIn, *, reviewer: str, at: datetime) -> None:
    """A listing's platform is told. Raises ReviewDecided, ReviewChanged."""
    if said.revision not in (None, screening.revision(found)):
        raise ReviewChanged(review=found.id)
    with listing_photos.telling(connection, found.subject, at=at) if found.kind == "listing" else nullcontext():
        screening.decide(connection, found, said.ruling, labels=said.labels, grounds=said.grounds, reviewer=reviewer, now=at)


def photo_of(connection: Connection, vault: Vault, organization: bytes, review: str, number: int) -> Response:
    """Raises NoSuchReview, NoSuchPhoto, PhotosAway, PhotoTampered."""
    photos = orjson.loads(screening.review(connection, organization, review).photos)
    if not 0 <= number < len(photos):
        raise NoSuchPhoto
    return Response(vault.get(photos[number]), media_type="image/jpeg", headers=PICTURE_HEADERS)


def labels_of(connection: Connection, organization: bytes) -> list[LabelOut]:
    told = screening.by_label(connection, organization)
    return [LabelOut(**one._asdict(), precision=_rounded(one.precision), recall=_rounded(one.recall)) for one in told]


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 4)


def shape(row: AnyRow) -> ReviewOut:
    photos = orjson.loads(row.photos)
    flags = [FlagOut(photo=photos.index(flag["photo"]), label=flag["label"], score=flag["score"]) for flag in orjson.loads(row.flags)]
    return ReviewOut(
        id=row.id,
        kind=row.kind,
        subject=row.subject,
        state=row.state,
        photos=len(photos),
        flags=flags,
        revision=screening.revision(row),
        labels=orjson.loads(row.labels or "[]"),
        grounds=row.grounds,
        reviewer=row.reviewer,
        created_at=str(moment(utc(row.created_at))),
        decided_at=moment(utc(row.decided_at)),
    )
