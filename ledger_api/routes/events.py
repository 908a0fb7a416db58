"""The brand ingestion door: one event, a list, or a hundred thousand lines; and what became of an event.

Bodies are read by hand and not by the framework: a list is judged event by event, so that one that cannot be read spoils no other.
"""

from collections.abc import Generator
from dataclasses import replace
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Header, Query, Request, Response
from sqlalchemy import Connection

from ledger_api.domain.events import AnyEvent
from ledger_api.domain.identifiers import Unreadable, bytes32
from ledger_api.domain.parsing import Refusal, parse_event
from ledger_api.domain.reasons import SENTENCES
from ledger_api.errors import (
    EventRefused,
    EventUnreadable,
    IdempotencyInFlight,
    IdempotencyMismatch,
    InvalidBody,
    LedgerError,
    NotFound,
)
from ledger_api.intake import Order, Submission, accept_events
from ledger_api.routes.deps import Context, Ctx, Db, IdempotencyKey, NewOrder, RawBody, Reader, Writer
from ledger_api.routes.once import Once, rendered, request_hash
from ledger_api.routes.problems import document, errors, refused
from ledger_api.routes.results import parked_of, shape, summary, summed
from ledger_api.routes.schemas import EventOut, EventStatus, SubmissionResultOut, hex_of, moment
from ledger_api.routes.streaming import Lines
from ledger_api.store import submissions as rows
from ledger_verify.transition import Kind, Reason

router = APIRouter(prefix="/v1/events", tags=["events"])

LONGEST_LIST = 1_000
LONGEST_GROUP = 50  # all or nothing: must fit one batch of one transaction
MOST_LINES = 100_000
NDJSON = "application/x-ndjson"

_ACCEPTS: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "oneOf": [
                        {"$ref": "#/components/schemas/EventIn"},
                        {"type": "array", "items": {"$ref": "#/components/schemas/EventIn"}, "maxItems": LONGEST_LIST},
                    ]
                }
            },
            NDJSON: {"schema": {"type": "string", "description": f"One event per line, at most {MOST_LINES}."}},
        },
    }
}
_ACCEPTED: dict[int | str, dict[str, Any]] = {
    202: {
        "model": SubmissionResultOut,
        "description": "Durably accepted: committed before this answer left. NDJSON: a result per line as chunks commit, then a summary.",
        "content": {NDJSON: {"schema": {"type": "string"}}},
    }
}


@router.post(
    "",
    status_code=202,
    openapi_extra=_ACCEPTS,
    responses=_ACCEPTED | errors(EventRefused, EventUnreadable, IdempotencyMismatch, IdempotencyInFlight),
)
def record_events(
    request: Request,
    caller: Writer,  # before the body: a stranger's is not read
    body: RawBody,
    ctx: Ctx,
    order: NewOrder,
    idempotency_key: IdempotencyKey = None,
    content_type: Annotated[str, Header(include_in_schema=False)] = "application/json",
    all_or_nothing: Annotated[bool, Query(description=f"A list of at most {LONGEST_GROUP} that stands or falls together.")] = False,
) -> Response:
    """Send what happened. A single event is accepted (202) or refused (a problem with its reason); a list answers for each event.

    The same event sent again, alone or in another list, is a `duplicate` of the first one: it is recorded once.
    """
    order = replace(order, all_or_nothing=all_or_nothing)
    once = Once(ctx, caller, idempotency_key, request_hash(request.method, f"{request.url.path}?{request.url.query}", body))
    if content_type.partition(";")[0].strip().lower() == NDJSON:
        return _stream(ctx, order, once, body)
    return _answer(ctx, order, once, _read(body, all_or_nothing=all_or_nothing))


# --- one event, or a list --------------------------------------------------------------------------------------------


def _read(body: bytes, *, all_or_nothing: bool) -> Any:
    """Raises InvalidBody: no JSON, neither an object nor a list, or a list that is empty or too long."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidBody(f"The body is no JSON: {error.msg}.", line=error.lineno, column=error.colno) from error
    longest = LONGEST_GROUP if all_or_nothing else LONGEST_LIST
    if not isinstance(value, dict | list) or (isinstance(value, list) and not 0 < len(value) <= longest):
        raise InvalidBody(f"Send one event, or a list of 1 to {longest}.", longest=longest)
    return value


def _answer(ctx: Context, order: Order, once: Once, value: Any) -> Response:
    single = isinstance(value, dict)
    with once:
        if once.kept is not None:
            return rendered(*once.kept)
        answer = (500, b"")

        def finish(connection: Connection, submission: Submission) -> None:
            nonlocal answer
            answer = _single(submission, order) if single else (202, orjson.dumps(summed(submission)))
            once.keep(connection, *answer)

        accept_events(ctx.intake, [parse_event(one) for one in ([value] if single else value)], order, finish=finish)
        return rendered(*answer)


def _single(submission: Submission, order: Order) -> tuple[int, bytes]:
    result = submission.results[0]
    if result.reason is None:
        return 202, orjson.dumps(summed(submission))
    facts = {name: value for name, value in shape(result).items() if name in ("event_id", "item", "field") and value is not None}
    error = refused(result.reason)(result.message, reason=result.reason.code, facts=result.facts, **facts)
    return error.status, orjson.dumps(document(error, order.request_id))


# --- lines -----------------------------------------------------------------------------------------------------------


def _stream(ctx: Context, order: Order, once: Once, body: bytes) -> Response:
    """Raises InvalidBody for no line or too many, before anything is accepted."""
    lines = [line for line in body.splitlines() if line.strip()]
    if not 0 < len(lines) <= MOST_LINES or order.all_or_nothing:
        raise InvalidBody(f"Send 1 to {MOST_LINES} lines, each for itself.", longest=MOST_LINES)
    once.__enter__()  # a refused key must be answered before the stream begins; `_results` ends what begins here
    if once.kept is not None:
        return rendered(*once.kept, media_type=NDJSON)
    return Lines(_results(ctx, order, once, lines), 202, NDJSON)  # 202 leaves after the first commit


def _results(ctx: Context, order: Order, once: Once, lines: list[bytes]) -> Generator[bytes]:
    """Chunk after chunk, each a transaction of its own. A caller that lost the rest of the answer sends all lines again: what was
    accepted is a duplicate by then."""
    told: list[bytes] = []
    totals = {"accepted": 0, "duplicates": 0, "refused": 0}
    try:
        for offset in range(0, len(lines), LONGEST_LIST):
            chunk = [_parse_line(line) for line in lines[offset : offset + LONGEST_LIST]]
            submission = accept_events(
                ctx.intake, chunk, replace(order, offset=offset), finish=lambda connection, _: once.renew(connection)
            )
            for name in totals:
                totals[name] += summary(None, submission.results)[name]
            text = b"".join(orjson.dumps(shape(result), option=orjson.OPT_APPEND_NEWLINE) for result in submission.results)
            if once.key is not None:  # else nobody asks for it again
                told.append(text)
            yield text
        last = orjson.dumps({"submission": order.submission if totals["accepted"] else None, **totals}, option=orjson.OPT_APPEND_NEWLINE)
        once.keep_now(202, b"".join((*told, last)))
        yield last
    except LedgerError as error:
        yield orjson.dumps({"problem": document(error, order.request_id)}, option=orjson.OPT_APPEND_NEWLINE)
    finally:
        once.__exit__(None, None, None)


def _parse_line(line: bytes) -> AnyEvent | Refusal:
    try:
        return parse_event(orjson.loads(line))
    except orjson.JSONDecodeError as error:
        return Refusal(Reason.MALFORMED, f"The line is no JSON: {error.msg}.")


# --- what became of it -----------------------------------------------------------------------------------------------


@router.get("/{event_id}", responses=errors(NotFound))
def get_event(event_id: str, caller: Reader, db: Db) -> EventOut:
    """An event of the caller's organization with its payload. Another's is not there: not even its existence is told."""
    try:
        wanted = bytes32(event_id)
    except Unreadable as error:
        raise NotFound(error.message) from error
    row = rows.event(db, wanted)
    found = _accepted(row) if row is not None else _recorded(rows.record(db, wanted))
    if found is None or not caller.may_see(bytes.fromhex(found.organization[2:])):
        raise NotFound("There is no such event.")
    return found


def _accepted(row: Any) -> EventOut:
    return EventOut(
        **_common(row),
        status=row.standing,
        reason=None if row.reason is None else Reason(row.reason).code,
        message=row.error if row.reason is None else SENTENCES[Reason(row.reason)],
        parked=parked_of(row),
        submission=row.submission,
    )


def _recorded(row: Any | None) -> EventOut | None:
    if row is None:
        return None
    status: EventStatus = "final" if row.is_final else "recorded"
    return EventOut(**_common(row), status=status, reason=None, message=None, parked=None, submission=None)


def _common(row: Any) -> dict[str, Any]:
    return {
        "event_id": hex_of(row.event_id),
        "event_hash": hex_of(row.event_hash),
        "item": hex_of(row.item),
        "organization": hex_of(row.organization),
        "kind": Kind(row.kind).code,
        "occurred_at": moment(row.occurred_at),
        "sequence": row.sequence,
        "block": row.block_number,
        "recorded_at": moment(row.block_time),
        "transaction": hex_of(row.transaction_hash),
        "payload": None if row.body is None else orjson.loads(row.body),
    }
