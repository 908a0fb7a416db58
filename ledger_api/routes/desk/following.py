"""A case followed as it happens, for its asker; and the certificate for whoever was given its address."""

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Header, Request, Response

from ledger_api.desk import life
from ledger_api.desk.errors import NoSuchCase
from ledger_api.desk.rows import cases as rows
from ledger_api.routes.deps import Anonymous, Context, Ctx, DbMoment
from ledger_api.routes.desk.deps import AnyRow, AskedCase, Moment
from ledger_api.routes.desk.results import STANDING, certificate_of
from ledger_api.routes.problems import errors
from ledger_api.routes.streaming import EVENT_STREAM, Seen, streamed
from ledger_api.store.engine import reading

router = APIRouter(prefix="/v1", tags=["desk"])

_STREAMS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "`moved` events of `{id, state, lines}`: one at once, one for every line of the journal, until the case has ended.",
        "content": {EVENT_STREAM: {"schema": {"type": "string"}}},
    },
    204: {"description": "The last event that you heard was the last there will be: do not connect again."},
}


@router.get("/cases/{case}/stream", response_class=Response, responses=_STREAMS | errors(NoSuchCase))
async def stream_case(
    request: Request, case: AskedCase, ctx: Ctx, last_event_id: Annotated[str | None, Header(max_length=64)] = None
) -> Response:
    """Follow a case. After a break the browser or client asks again with `Last-Event-ID` and hears only what is new."""
    return await streamed(request, "moved", lambda: _seen(ctx, case.id), last_event_id)


def _seen(ctx: Context, case_id: str) -> Seen:
    with reading(ctx.engine) as connection:
        case, lines = rows.case(connection, case_id), len(rows.told(connection, case_id))
    assert case is not None, "cases are never deleted"
    body = orjson.dumps({"id": case_id, "state": case.state, "lines": lines})
    return Seen(f"{lines}-{case.state}", body, case.state in life.ENDED)


@router.get("/certificates/{case}", responses=errors(NoSuchCase, key=False))
def show_certificate(case: str, _: Anonymous, ctx: Ctx, db: DbMoment, at: Moment) -> dict[str, Any]:
    """The certificate of a case, for whoever was given its address. It names no person, no serial and no photo."""
    return certificate_of(ctx, db, judged(rows.case(db, case)).id, at)


def judged(case: AnyRow | None) -> AnyRow:
    """Raises NoSuchCase for one that has no verdict: whether it is there is its asker's business."""
    if case is None or case.state not in STANDING or case.appeal_of is not None or case.known_outcome is not None:
        raise NoSuchCase
    return case
