"""Webhook endpoints of an organization: where it is told, with which secret, what was told and what became of it."""

from datetime import timedelta
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Depends, Query
from pydantic import Field

from ledger_api.auth import Principal, Scope
from ledger_api.domain.fields import Strict
from ledger_api.routes.deps import Caller, Ctx, Db, NewId
from ledger_api.routes.desk.deps import Moment as At
from ledger_api.routes.problems import errors
from ledger_api.routes.schemas import Moment, Out, moment
from ledger_api.store.engine import writing
from ledger_api.webhooks import endpoints, kinds
from ledger_api.webhooks.endpoints import AnyRow
from ledger_api.webhooks.errors import (
    EndpointNotAllowed,
    EndpointStopped,
    NoSuchDelivery,
    NoSuchEndpoint,
    TooManyEndpoints,
    UnknownNoticeType,
)
from ledger_api.webhooks.guard import LONGEST_URL, checked_url
from ledger_api.webhooks.sending import WHYS
from ledger_api.webhooks.signing import secret_text

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])

PAGE = 100
MOST_TYPES = 50

HOW_TO_CHECK = f"""
Notices travel by [Standard Webhooks](https://www.standardwebhooks.com): `POST` with the headers `webhook-id`, `webhook-timestamp` and
`webhook-signature`; every library of that standard checks them with the secret. Answer 2xx within ten seconds. Anything else is tried
again for three days, ever more rarely; `webhook-id` stays, so that you can drop what you have already. Notices of one subject come in
their order. 410, or five days without one 2xx, and nothing more is sent (`disabled`).

{kinds.as_markdown()}
"""


def by_organization(caller: Caller) -> Principal:
    caller.require(Scope.ORGANIZATION)
    return caller


Owner = Annotated[Principal, Depends(by_organization)]
Types = Annotated[list[Annotated[str, Field(min_length=1, max_length=40)]], Field(min_length=1, max_length=MOST_TYPES)]
Position = Annotated[int, Field(ge=0, le=2**31 - 1)]


class EndpointIn(Strict):
    url: Annotated[str, Field(min_length=1, max_length=LONGEST_URL)] = Field(description="https, port 443 or 8443, a public host name.")
    types: Types | None = Field(default=None, description="What to tell: types, or `case.*` for all that begin so; absent: everything.")
    description: Annotated[str, Field(max_length=255)] = ""


class EndpointChangeIn(EndpointIn):
    is_active: bool = Field(default=True, description="false pauses; true goes on, also after we have disabled it.")


class RotationIn(Strict):
    overlap_hours: Annotated[int, Field(ge=0, le=168)] = Field(default=24, description="How long the old secret signs beside the new one.")


class ReplayIn(Strict):
    after: Position = Field(description="The cursor: `position` of the last notice that you have; 0 for all that is kept.")
    until: Position | None = Field(default=None, description="Up to and with this position.")


class EndpointOut(Out):
    id: str
    url: str
    types: list[str] | None
    description: str
    state: Literal["active", "paused", "disabled"]
    why: Literal["gone", "failing"] | None = Field(description="We disabled it: it answered 410, or has failed for five days.")
    failing_since: Moment | None
    stopped_at: Moment | None
    missed_after: int | None = Field(description="When it last stopped: replay after this position to get what was told meanwhile.")
    waiting: int = Field(description="Deliveries that wait.")
    old_secret_until: Moment | None
    created_at: Moment


class NewEndpointOut(EndpointOut):
    secret: str = Field(description="`whsec_…`; shown once.")


class EndpointsOut(Out):
    endpoints: list[EndpointOut]


class SecretOut(Out):
    secret: str = Field(description="`whsec_…`; shown once.")
    old_secret_until: Moment


class TestOut(Out):
    notice: str = Field(description="The `webhook-id` of the test notice.")


class ReplayOut(Out):
    notices: int = Field(description="How many are delivered once more.")
    next: int | None = Field(description="There are more: replay again `after` this.")


class NoticeOut(Out):
    id: str
    position: int
    type: str
    subject: str
    body: dict[str, Any] = Field(description="As it is sent.")


class NoticesOut(Out):
    notices: list[NoticeOut]
    next: int = Field(description="`after` for the following ones; the same as asked when there are none yet.")


class DeliveryOut(Out):
    id: int
    notice: str
    type: str
    subject: str
    position: int
    told_at: Moment
    is_replay: bool
    state: Literal["waiting", "delivered", "given-up"]
    tries: int
    status: int | None = Field(description="The last answer's.")
    why: Literal[*WHYS] | None = Field(  # type: ignore[valid-type]  # the table is the one list of them
        description="Why the last try failed:\n\n" + "\n".join(f"- `{why}`: {meaning}" for why, meaning in WHYS.items())
    )
    done_at: Moment | None


class DeliveriesOut(Out):
    deliveries: list[DeliveryOut]
    next: int | None = Field(description="`before` for older ones.")


class AttemptOut(Out):
    at: Moment
    milliseconds: int
    status: int | None
    why: str | None


class DeliveryWithAttemptsOut(DeliveryOut):
    body: dict[str, Any] = Field(description="As it is sent.")
    attempts: list[AttemptOut]


@router.post(
    "/endpoints", status_code=201, description=HOW_TO_CHECK, responses=errors(EndpointNotAllowed, TooManyEndpoints, UnknownNoticeType)
)
def add_endpoint(body: EndpointIn, caller: Owner, ctx: Ctx, at: At, new_id: NewId) -> NewEndpointOut:
    url = str(checked_url(body.url, loopback=ctx.webhooks.loopback))
    types = endpoints.check_types(body.types)
    with writing(ctx.engine) as connection:
        made = endpoints.begin(connection, caller.organization, endpoint=new_id, url=url, types=types, description=body.description, at=at)
    return NewEndpointOut(**_shape(made, 0).model_dump(), secret=secret_text(ctx.webhooks.secret(made.salt)))


@router.get("/endpoints", responses=errors())
def list_endpoints(caller: Owner, db: Db) -> EndpointsOut:
    found = endpoints.of(db, caller.organization)
    return EndpointsOut(endpoints=[_shape(row, endpoints.waiting(db, row.id)) for row in found])


@router.get("/endpoints/{endpoint}", responses=errors(NoSuchEndpoint))
def get_endpoint(endpoint: str, caller: Owner, db: Db) -> EndpointOut:
    row = endpoints.one(db, caller.organization, endpoint)
    return _shape(row, endpoints.waiting(db, row.id))


@router.put("/endpoints/{endpoint}", responses=errors(NoSuchEndpoint, EndpointNotAllowed, UnknownNoticeType))
def change_endpoint(endpoint: str, body: EndpointChangeIn, caller: Owner, ctx: Ctx, at: At) -> EndpointOut:
    """Whole. What waits for it goes to the new address."""
    url = str(checked_url(body.url, loopback=ctx.webhooks.loopback))
    types = endpoints.check_types(body.types)
    with writing(ctx.engine) as connection:
        row = endpoints.one(connection, caller.organization, endpoint, lock=True)
        endpoints.change(connection, row, url=url, types=types, description=body.description, is_active=body.is_active, at=at)
        changed = endpoints.one(connection, caller.organization, endpoint)
        return _shape(changed, endpoints.waiting(connection, endpoint))


@router.delete("/endpoints/{endpoint}", status_code=204, responses=errors(NoSuchEndpoint))
def delete_endpoint(endpoint: str, caller: Owner, ctx: Ctx) -> None:
    """With what waits for it and its log. Notices stay readable."""
    with writing(ctx.engine) as connection:
        endpoints.end(connection, endpoints.one(connection, caller.organization, endpoint, lock=True))


@router.post("/endpoints/{endpoint}/rotate", responses=errors(NoSuchEndpoint))
def rotate_secret(endpoint: str, body: RotationIn, caller: Owner, ctx: Ctx, at: At) -> SecretOut:
    """A new secret; while the overlap lasts every notice carries both signatures."""
    overlap = timedelta(hours=body.overlap_hours)
    with writing(ctx.engine) as connection:
        row = endpoints.one(connection, caller.organization, endpoint, lock=True)
        salt = endpoints.rotate(connection, row, overlap=overlap, at=at)
    return SecretOut(secret=secret_text(ctx.webhooks.secret(salt)), old_secret_until=str(moment(at + overlap)))


@router.post("/endpoints/{endpoint}/test", status_code=202, responses=errors(NoSuchEndpoint, EndpointStopped))
def test_endpoint(endpoint: str, caller: Owner, ctx: Ctx, at: At) -> TestOut:
    """Sends a notice of type `test` to this endpoint alone; its log says what came of it."""
    with writing(ctx.engine) as connection:
        return TestOut(notice=endpoints.test(connection, endpoints.one(connection, caller.organization, endpoint), at=at))


@router.post("/endpoints/{endpoint}/replay", status_code=202, responses=errors(NoSuchEndpoint, EndpointStopped))
def replay_notices(endpoint: str, body: ReplayIn, caller: Owner, ctx: Ctx, at: At) -> ReplayOut:
    """Delivers once more what was told after a position, in its order, under the same `webhook-id`s; up to 10,000 at once."""
    with writing(ctx.engine) as connection:
        row = endpoints.one(connection, caller.organization, endpoint, lock=True)
        count, rest = endpoints.replay(connection, row, after=body.after, until=body.until, at=at)
    return ReplayOut(notices=count, next=rest)


@router.get("/endpoints/{endpoint}/deliveries", responses=errors(NoSuchEndpoint))
def list_deliveries(
    endpoint: str,
    caller: Owner,
    db: Db,
    state: Annotated[Literal["waiting", "delivered", "given-up"] | None, Query()] = None,
    before: Annotated[Position | None, Query(description="`next` of the page before.")] = None,
) -> DeliveriesOut:
    """The delivery log, newest first."""
    row = endpoints.one(db, caller.organization, endpoint)
    found = endpoints.log(db, row.id, state=state, before=before, most=PAGE)
    return DeliveriesOut(deliveries=[_delivery(one) for one in found], next=found[-1].id if len(found) == PAGE else None)


@router.get("/endpoints/{endpoint}/deliveries/{delivery}", responses=errors(NoSuchEndpoint, NoSuchDelivery))
def get_delivery(endpoint: str, delivery: Position, caller: Owner, db: Db) -> DeliveryWithAttemptsOut:
    """With every attempt and the body."""
    row = endpoints.one(db, caller.organization, endpoint)
    found = endpoints.delivery(db, row.id, delivery)
    if found is None:
        raise NoSuchDelivery
    tried = [
        AttemptOut(at=str(moment(one.at)), milliseconds=one.milliseconds, status=one.status, why=one.why)
        for one in endpoints.attempts_of(db, delivery)
    ]
    return DeliveryWithAttemptsOut(**_delivery(found).model_dump(), body=orjson.loads(found.body), attempts=tried)


@router.get("/notices", responses=errors())
def list_notices(caller: Owner, db: Db, after: Annotated[Position, Query(description="`next` of the page before.")] = 0) -> NoticesOut:
    """What your organization was told, oldest first, whether or not it was delivered; kept for 30 days."""
    found = endpoints.told(db, caller.organization, after=after, most=PAGE)
    shown = [NoticeOut(id=one.id, position=one.position, type=one.type, subject=one.subject, body=orjson.loads(one.body)) for one in found]
    return NoticesOut(notices=shown, next=shown[-1].position if shown else after)


def _shape(row: AnyRow, waiting: int) -> EndpointOut:
    return EndpointOut(
        id=row.id,
        url=row.url,
        types=None if row.types is None else orjson.loads(row.types),
        description=row.description,
        state=row.state,
        why=row.why,
        failing_since=moment(row.failing_since),
        stopped_at=moment(row.stopped_at),
        missed_after=row.missed_after,
        waiting=waiting,
        old_secret_until=moment(row.old_until),
        created_at=str(moment(row.created_at)),
    )


def _delivery(row: AnyRow) -> DeliveryOut:
    return DeliveryOut(
        id=row.id,
        notice=row.notice_id,
        type=row.type,
        subject=row.subject,
        position=row.position,
        told_at=str(moment(row.told_at)),
        is_replay=row.round > 0,
        state=row.state,
        tries=row.tries,
        status=row.status,
        why=row.why,
        done_at=moment(row.done_at),
    )
