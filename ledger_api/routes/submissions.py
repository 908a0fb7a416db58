"""What became of a request: asked for, or told as it changes (server-sent events). Honest until final."""

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Header, Query, Request, Response

from ledger_api.auth import Principal
from ledger_api.domain.reasons import SENTENCES
from ledger_api.errors import NotFound
from ledger_api.routes.deps import Context, Ctx, Db, Reader
from ledger_api.routes.problems import errors
from ledger_api.routes.results import parked_of
from ledger_api.routes.schemas import CountsOut, SubmissionOut, SubmissionStatus, SubmittedEventOut, hex_of, moment
from ledger_api.routes.streaming import EVENT_STREAM, Seen, streamed
from ledger_api.store import submissions as rows
from ledger_api.store.engine import moment as database_moment
from ledger_verify.transition import Kind, Reason

router = APIRouter(prefix="/v1/submissions", tags=["submissions"])


def status_of(counts: CountsOut) -> SubmissionStatus:
    """A submission is as far as its slowest event; refused only when nothing of it stands."""
    if counts.accepted:
        return "accepted"
    if counts.recorded:
        return "recorded"
    return "final" if counts.final else "refused"


def _owned(row: Any, caller: Principal) -> Any:
    """Raises NotFound for another's as for one that never was."""
    if row is None or not caller.may_see(row.organization):
        raise NotFound("There is no such submission.")
    return row


@router.get("/{submission}", responses=errors(NotFound))
def get_submission(
    submission: str,
    caller: Reader,
    db: Db,
    after: Annotated[int, Query(ge=-1, lt=2**31)] = -1,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> SubmissionOut:
    """Its accepted events by their position in the request. Those refused at the door were answered there and are no part of it."""
    row = _owned(rows.submission(db, submission), caller)
    counts = CountsOut(**rows.counts(db, submission))
    events = [_event(one) for one in rows.events_of(db, submission, after=after, limit=limit)]
    return SubmissionOut(
        id=row.id,
        status=status_of(counts),
        created_at=str(moment(row.created_at)),
        counts=counts,
        events=events,
        next=events[-1].position if len(events) == limit else None,
    )


def _event(row: Any) -> SubmittedEventOut:
    reason = None if row.reason is None else Reason(row.reason)
    return SubmittedEventOut(
        position=row.position,
        event_id=str(hex_of(row.event_id)),
        item=str(hex_of(row.item)),
        kind=Kind(row.kind).code,
        status=row.status,
        reason=None if reason is None else reason.code,
        message=row.error if reason is None else SENTENCES[reason],
        parked=parked_of(row),
    )


_STREAMS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "`status` events of `{id, status, counts}`: one at once, one at every change (a reorg's too), until none can come.",
        "content": {EVENT_STREAM: {"schema": {"type": "string"}}},
    },
    204: {"description": "The last event that you heard was the final one: do not connect again."},
}


@router.get(
    "/{submission}/stream",
    response_class=Response,
    responses=_STREAMS | errors(NotFound),
)
async def stream_submission(
    request: Request, submission: str, caller: Reader, ctx: Ctx, last_event_id: Annotated[str | None, Header(max_length=64)] = None
) -> Response:
    """Follow a submission. After a break the browser or client asks again with `Last-Event-ID` and hears only what is new."""
    return await streamed(request, "status", lambda: _seen(ctx, submission, caller), last_event_id)


def _seen(ctx: Context, submission: str, caller: Principal) -> Seen:
    with database_moment(ctx.engine) as connection:
        _owned(rows.submission(connection, submission), caller)
        counts = CountsOut(**rows.counts(connection, submission))
        is_over = status_of(counts) in ("final", "refused") and not rows.may_change(connection, submission)
    body = orjson.dumps({"id": submission, "status": status_of(counts), "counts": counts.model_dump()})
    return Seen(f"{counts.accepted}-{counts.recorded}-{counts.final}-{counts.refused}-{counts.parked}", body, is_over)
