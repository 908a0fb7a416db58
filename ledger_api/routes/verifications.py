"""`POST /v1/verifications`: what a platform asks before it lists, pays or ships, one at a time or a thousand. Parse, ask, shape."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Header, Response
from fastapi.responses import StreamingResponse
from pydantic import Field, ValidationError
from sqlalchemy import Engine

from ledger_api.errors import InvalidBody, LedgerError, NotFollowedYet
from ledger_api.listings.scans import Scans
from ledger_api.routes.deps import Context, Ctx, NewId, Now, RawBody, RequestId, Verifier
from ledger_api.routes.problems import document, errors
from ledger_api.routes.schemas import Hex32, HexAddress, Moment, Out
from ledger_api.store.engine import moment, writing
from ledger_api.verification import answering, watches
from ledger_api.verification.answering import Given, Json, Seen, Voice
from ledger_api.verification.asking import VerificationIn
from ledger_api.verification.codes import CODES, as_markdown
from ledger_api.verification.decision import Answer, AsOf
from ledger_api.verification.statement import STATEMENT_TYPE

router = APIRouter(prefix="/v1/verifications", tags=["verifications"])

MOST_QUESTIONS = 1_000
LINES_AT_ONCE = 50
QUESTIONS_OF_ONE_REQUEST = 10
MOST_FIELDS = 5  # named in one answer about a question
NDJSON = "application/x-ndjson"
_QUESTION = {"$ref": "#/components/schemas/VerificationIn"}
_ACCEPTS: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"type": "array", "items": _QUESTION, "minItems": 1, "maxItems": MOST_QUESTIONS}},
            NDJSON: {"schema": {"type": "string", "description": "One question per line."}},
        },
    }
}

ReasonCode = Literal[*CODES]  # type: ignore[valid-type]  # the table is the one list of codes

HOW_TO_CHECK = f"""
Decides from the ledger's present state: `accept` when nothing speaks against it, else the worst of the reasons found.

{as_markdown()}

**Checking the answer without us.** `typed_data` is an EIP-712 statement, `{STATEMENT_TYPE}`. `reasons` and `request` are keccak256 of the
RFC 8785 form of the answer's `reasons` and of the request's JSON body. Recover the signer of `digest` from `signature`; compare it with
`GET /v1/verifications/signer`. Read `word(item)` at the ledger's address in the block named: it must be the statement's `word`.
A statement holds until `valid_until`; ask again before each step (`list`, `pay`, `ship`).
"""


class ReasonOut(Out):
    code: ReasonCode
    decision: Literal["quarantine", "reject"]
    message: str
    facts: dict[str, Any]


class BlockOut(Out):
    """The block the answer stands on; `final` when the item's last event cannot fall out of the chain."""

    block: int
    block_hash: Hex32
    time: Moment
    final_block: int
    final: bool


class WatchOut(Out):
    id: str
    until: Moment


class VerificationOut(Out):
    decision: str = Field(pattern="^(accept|quarantine|reject)$")
    reasons: list[ReasonOut]
    item: dict[str, Any] | None = Field(description="The facts behind the decision; null when there is no item, or none for you.")
    as_of: BlockOut
    issued_at: Moment
    valid_until: Moment
    signer: HexAddress
    digest: Hex32
    signature: str
    typed_data: dict[str, Any] = Field(description="The signed statement, as EIP-712 JSON.")
    watch: WatchOut | None = Field(description="When it was asked for: `verification.changed` is told when the answer would be another.")


class BulkLineOut(Out):
    """One line: `answer`, or `error`."""

    index: int = Field(description="The question's place in the list, from 0.")
    answer: VerificationOut | None = None
    error: dict[str, Any] | None = Field(default=None, description="A problem document, as a single question would have got it.")


class SignerOut(Out):
    signer: HexAddress
    chain_id: int
    ledger: HexAddress
    statement: str


_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "model": BulkLineOut,
        "description": "A line for each question, in their order.",
        "content": {NDJSON: {"schema": {"type": "string"}}},
    }
}


@router.post("", responses=errors(NotFollowedYet), description=HOW_TO_CHECK)
def verify_item(body: VerificationIn, raw: RawBody, caller: Verifier, ctx: Ctx, now: Now, new_id: NewId) -> VerificationOut:
    with moment(ctx.engine) as connection:
        here = answering.as_of(connection)
        (seen,) = answering.look_up(connection, [body], caller.organization, now=now)
    answer = answering.judge(body, seen, here, network=ctx.network, caller=caller.organization, now=now)
    given = Given(body, orjson.loads(raw), seen, answer, here)
    watch = _watched(ctx.engine, given, by=caller.organization, new_id=new_id, now=now)
    _sight(ctx.scans, body, seen, answer)
    return VerificationOut.model_validate(answering.signed(_voice(ctx), given, now=now) | {"watch": watch})


@router.get("/signer", responses=errors(key=False))
def get_statement_signer(ctx: Ctx) -> SignerOut:
    """Whose signature stands under verifications, and what they are bound to."""
    network = ctx.network
    return SignerOut(
        signer="0x" + ctx.statement_signer.hex(), chain_id=network.chain_id, ledger="0x" + network.ledger.hex(), statement=STATEMENT_TYPE
    )


def _sight(scans: Scans | None, question: VerificationIn, seen: Seen, answer: Answer) -> None:
    """The object is where the platform says, if it may see this item and does not describe another, whose serial was mistyped."""
    is_another = any(reason.code in ("mismatch:brand", "mismatch:model") for reason in answer.reasons)
    if scans is not None and question.place is not None and seen.shown is not None and not is_another:
        scans.sight(seen.shown.item, question.place.rounded)


def _watched(engine: Engine, given: Given, *, by: bytes, new_id: str, now: int) -> Json | None:
    if not given.question.watch:
        return None
    with writing(engine) as connection:
        return watches.keep(connection, given, by=by, new_id=new_id, now=now)


def _voice(ctx: Context) -> Voice:
    return Voice(ctx.network, ctx.sign_statement, ctx.statement_signer)


# --- many at once ----------------------------------------------------------------------------------------------------


@router.post("/bulk", openapi_extra=_ACCEPTS, responses=_ANSWERS | errors(NotFollowedYet))
def verify_items(
    caller: Verifier,  # before the body: a stranger's is not read
    body: RawBody,
    ctx: Ctx,
    now: Now,
    request_id: RequestId,
    content_type: Annotated[str, Header(include_in_schema=False)] = "application/json",
) -> Response:
    """Up to 1,000 questions at once: a JSON array, or one per line. Answers come in their order, a line each with its `index`, as of one
    block and each signed like a single one; a line that cannot be read is answered by its `error`, and spoils no other. Counts as one
    request for every ten questions.
    """
    values = _values(body, content_type)
    ctx.limiter.take(caller.key_id, is_key=True, at=ctx.clock(), cost=len(values) // QUESTIONS_OF_ONE_REQUEST)
    asked = [_read(value, request_id) for value in values]
    with moment(ctx.engine) as connection:
        here = answering.as_of(connection)
        seen = answering.look_up(connection, [one for one in asked if isinstance(one, VerificationIn)], caller.organization, now=now)
    bulk = Bulk(_voice(ctx), ctx.engine, ctx.scans, caller.organization, here, now, request_id)
    looked = ((value, one, next(seen) if isinstance(one, VerificationIn) else None) for value, one in zip(values, asked, strict=True))
    return StreamingResponse(bulk.lines(looked), media_type=NDJSON)


def _values(body: bytes, content_type: str) -> list[Any]:
    """Raises InvalidBody: no JSON, or too many."""
    try:
        if content_type.partition(";")[0].strip().lower() == NDJSON:
            values = [_or_none(line) for line in body.splitlines() if line.strip()]
        else:
            values = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidBody(f"The body is no JSON: {error.msg}.", line=error.lineno, column=error.colno) from error
    if not isinstance(values, list) or not 0 < len(values) <= MOST_QUESTIONS:
        raise InvalidBody(f"Send a list of 1 to {MOST_QUESTIONS} questions, or as many lines.", longest=MOST_QUESTIONS)
    return values


def _or_none(line: bytes) -> Any:
    """A line that is no JSON is no question; the others are."""
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return None


def _read(value: Any, request_id: str) -> VerificationIn | Json:
    """The question, or the problem with it."""
    try:
        return VerificationIn.model_validate(value)
    except ValidationError as error:
        fields = [{"field": ".".join(map(str, one["loc"]))[:200], "message": str(one["msg"])[:300]} for one in error.errors()[:MOST_FIELDS]]
        return document(InvalidBody(fields=fields), request_id)


@dataclass(frozen=True, slots=True)
class Bulk:
    """What the lines of one list share."""

    voice: Voice
    engine: Engine
    scans: Scans | None
    caller: bytes
    here: AsOf
    now: int
    request_id: str

    def lines(self, looked: Iterator[tuple[Any, VerificationIn | Json, Seen | None]]) -> Iterator[bytes]:
        """A few at a time: the first are on their way while the last are signed."""
        numbered = enumerate(looked)
        while some := [orjson.dumps({"index": index} | self._line(*one)) + b"\n" for index, one in islice(numbered, LINES_AT_ONCE)]:
            yield b"".join(some)

    def _line(self, value: Any, question: VerificationIn | Json, seen: Seen | None) -> Json:
        if not isinstance(question, VerificationIn) or seen is None:
            return {"error": question}
        try:
            answer = answering.judge(question, seen, self.here, network=self.voice.network, caller=self.caller, now=self.now)
            given = Given(question, value, seen, answer, self.here)
            _sight(self.scans, question, seen, answer)
            new_id = f"{self.now * 1000:012x}{secrets.token_hex(10)}"
            watch = _watched(self.engine, given, by=self.caller, new_id=new_id, now=self.now)
            return {"answer": answering.signed(self.voice, given, now=self.now) | {"watch": watch}}
        except LedgerError as error:
            return {"error": document(error, self.request_id)}
