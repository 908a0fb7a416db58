"""The reviewers' pages: what was flagged, one review with its photos, allow or refuse. They do what `reviews.py` does, script or none."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import ValidationError
from sqlalchemy import Connection

from ledger_api.desk import policy, screening
from ledger_api.routes.deps import Ctx, Db
from ledger_api.routes.desk.deps import AnyRow, Moment, Photos
from ledger_api.routes.desk.pages import gone, page
from ledger_api.routes.desk.reviews import PAGE, RulingIn, labels_of, photo_of, rule, shape
from ledger_api.routes.desk.sittings import ASitting, DeskRoute, FormValues, Judging, Sitting
from ledger_api.routes.pages import AGuest, Guest
from ledger_api.store.engine import writing
from ledger_api.web.screening import Shown, fared_in_words, review_in_words

router = APIRouter(prefix="/desk/reviews", include_in_schema=False, route_class=DeskRoute)

After = Annotated[str | None, Query(pattern="^[0-9a-f]{32}$")]
DONE = ("allowed", "refused")


@router.get("")
def reviews_page(guest: AGuest, sat: ASitting, db: Db, after: After = None, done: str | None = None) -> Response:
    """What waits, oldest first, and how often each label was right; whoever leads the desk looks, and appraisers rule."""
    organization = sat.caller.organization
    found = screening.waiting(db, organization, after=after, most=PAGE)
    return page(
        guest,
        "desk_reviews.html",
        **_by(sat),
        waiting=[_in_words(guest, db, one) for one in found],
        after=found[-1].id if len(found) == PAGE else None,
        labels=[fared_in_words(one.model_dump()) for one in labels_of(db, organization)],
        done=done if done in DONE else None,
    )


@router.get("/{review}")
def review_page(review: str, guest: AGuest, sat: ASitting, db: Db) -> Response:
    """One that is decided already is in the queue no more, and that is where its address leads."""
    found = screening.review(db, sat.caller.organization, review)
    if found.state != "waiting":
        return gone(guest, "/desk/reviews")
    return page(guest, "desk_review.html", here=_in_words(guest, db, found), values={}, wrong=(), **_by(sat))


@router.get("/{review}/photos/{number}")
def review_photo(review: str, number: int, sat: ASitting, db: Db, vault: Photos) -> Response:
    return photo_of(db, vault, sat.caller.organization, review, number)


@router.post("/{review}/ruling")
def rule_on_page(review: str, guest: AGuest, form: FormValues, sat: ASitting, who: Judging, ctx: Ctx, at: Moment) -> Response:
    """Allow or refuse, once."""
    with writing(ctx.engine) as connection:
        found = screening.review(connection, who.organization, review)
        try:
            said = _ruling(form)
        except ValidationError as error:
            wrong = tuple(dict.fromkeys(str(one["loc"][0]) for one in error.errors()))
            here = _in_words(guest, connection, found)
            return page(guest, "desk_review.html", status=422, here=here, values=form, wrong=wrong, **_by(sat))
        rule(connection, found, said, reviewer=who.id, at=at)
    return gone(guest, "/desk/reviews", done=said.ruling)


def _ruling(form: dict[str, list[str]]) -> RulingIn:
    """Raises ValidationError."""
    others = [label.strip() for label in form.get("others", [""])[0].split(",")]
    return RulingIn.model_validate(
        {
            "ruling": form.get("ruling", [""])[0],
            "labels": [*form.get("labels", []), *filter(None, others)],
            "grounds": form.get("grounds", [""])[0].strip(),
            "revision": form.get("revision", [""])[0][:64] or None,
        }
    )


def _by(sat: Sitting) -> dict[str, Any]:
    """What the page may offer to whoever sits there."""
    return {"is_lead": sat.is_lead, "judges": sat.appraiser is not None}


def _in_words(guest: Guest, connection: Connection, row: AnyRow) -> Shown:
    return review_in_words(shape(row).model_dump(), policy.read(connection, row.organization).prohibited, guest.language)
