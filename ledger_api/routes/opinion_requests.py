"""Asking for a second opinion. Whoever is accredited for the item finds the request and answers by recording a verdict, like any other."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from ledger_api.domain.fields import Bytes32, Strict, Time
from ledger_api.errors import InvalidBody, UnknownItem, Withheld
from ledger_api.routes.deps import Context, Ctx, Db, Now, Reader, Writer
from ledger_api.routes.items import Visitor
from ledger_api.routes.problems import errors
from ledger_api.routes.schemas import Hex32, Moment, Out, hex_of, moment
from ledger_api.store import opinion_requests as rows
from ledger_api.store.engine import writing
from ledger_api.store.opinion_requests import Asked
from ledger_verify.codes import Role
from ledger_verify.hashing import OrganizationId
from ledger_verify.state import state_from_bytes

router = APIRouter(prefix="/v1/opinion-requests", tags=["disputes"])

LONGEST = 366 * 86_400
PAGE = 100


class OpinionRequestIn(Strict):
    item: Bytes32
    until: Time = Field(description="After this nobody is asked any more; at most a year ahead.")


class OpinionRequestOut(Out):
    item: Hex32
    brand: Hex32
    asked_by: Hex32
    asked_at: Moment
    sequence: int = Field(description="How many events the item had when it was asked.")
    until: Moment
    status: Literal["open", "answered", "overdue"]
    answered_by: int | None = Field(description="The sequence of the verdict that answers.")


class OpinionRequestsOut(Out):
    requests: list[OpinionRequestOut]
    next: str | None


@router.post("", responses=errors(UnknownItem, Withheld))
def ask_for_opinion(body: OpinionRequestIn, caller: Writer, ctx: Ctx, now: Now) -> OpinionRequestOut:
    """Ask every accredited authenticator who has not judged the item yet. Asking again asks anew."""
    if not now < body.until <= now + LONGEST:
        raise InvalidBody("The request has to end in the future, within a year.", field="body.until")
    Visitor(ctx, caller.organization).by_item(body.item)
    until, at = datetime.fromtimestamp(body.until, UTC), datetime.fromtimestamp(now, UTC)
    with writing(ctx.engine) as connection:
        asked = rows.keep(connection, body.item, caller.organization, until=until, now=at)
    if asked is None:
        raise UnknownItem
    return _shape(asked, now)


@router.get("", responses=errors())
def list_opinion_requests(
    caller: Reader,
    ctx: Ctx,
    db: Db,
    now: Now,
    asked: Annotated[Literal["of-me", "by-me"], Query(description="What you may answer, or what you asked for.")] = "of-me",
    after: Annotated[str | None, Query(pattern=r"^0x[0-9a-f]{128}$", description="`next` of the page before.")] = None,
) -> OpinionRequestsOut:
    """Open requests on items that you are accredited for and have not judged; or your own with what became of them."""
    start = bytes.fromhex((after or "0x")[2:])
    if asked == "by-me":
        found = list(rows.asked_by(db, caller.organization, after=start[:32], most=PAGE))
        last = found[-1] if len(found) == PAGE else None
    else:
        at = datetime.fromtimestamp(now, UTC)
        page = rows.open_to(db, caller.organization, now=at, after=(start[:32], start[32:]), most=PAGE)
        last = page[-1] if len(page) == PAGE else None
        found = list(_answerable(ctx, db, caller.organization, page, now))
    return OpinionRequestsOut(
        requests=[_shape(one, now) for one in found], next=None if last is None else "0x" + (last.item + last.organization).hex()
    )


def _answerable(ctx: Context, db: Db, organization: OrganizationId, page: Sequence[Asked], now: int) -> Iterator[Asked]:
    """Those on which the contract would take this organization's verdict now."""
    authority = ctx.intake.authority.read(db).at(now)
    standing = authority.standing(organization)
    if standing.suspended or not standing.roles & Role.AUTHENTICATOR:
        return
    for one in page:
        if authority.is_accredited(OrganizationId(one.brand), organization, Role.AUTHENTICATOR, state_from_bytes(one.state).category):
            yield one


def _shape(asked: Asked, now: int) -> OpinionRequestOut:
    until = asked.until.replace(tzinfo=asked.until.tzinfo or UTC)
    return OpinionRequestOut(
        item=str(hex_of(asked.item)),
        brand=str(hex_of(asked.brand)),
        asked_by=str(hex_of(asked.organization)),
        asked_at=str(moment(asked.created_at)),
        sequence=asked.sequence,
        until=str(moment(until)),
        status="answered" if asked.answered_by is not None else "open" if now < until.timestamp() else "overdue",
        answered_by=asked.answered_by,
    )
