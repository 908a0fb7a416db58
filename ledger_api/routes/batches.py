"""The door of an organization that keeps its keys itself: its own signed batch, to be carried as it is."""

import orjson
from fastapi import APIRouter, Request, Response
from sqlalchemy import Connection

from ledger_api.domain.batches import SignedBatchIn
from ledger_api.errors import IdempotencyInFlight, IdempotencyMismatch
from ledger_api.intake import Submission, accept_batch
from ledger_api.routes.deps import Ctx, IdempotencyKey, NewOrder, RawBody, Writer
from ledger_api.routes.once import Once, rendered, request_hash
from ledger_api.routes.problems import errors
from ledger_api.routes.results import summed
from ledger_api.routes.schemas import SubmissionResultOut

router = APIRouter(prefix="/v1/batches", tags=["events"])


@router.post("", status_code=202, response_model=SubmissionResultOut, responses=errors(IdempotencyMismatch, IdempotencyInFlight))
def record_batch(
    request: Request, body: SignedBatchIn, raw: RawBody, caller: Writer, ctx: Ctx, order: NewOrder, idempotency_key: IdempotencyKey = None
) -> Response:
    """Send a batch under your own EIP-712 signature (`Batch`, in the ledger's domain). It is accepted whole or refused whole, for without
    a new signature no event can be taken out; the answer says which event was to blame. The service pays and carries, nothing more."""
    with Once(ctx, caller, idempotency_key, request_hash(request.method, str(request.url.path), raw)) as once:
        if once.kept is not None:
            return rendered(*once.kept)
        answer = b""

        def finish(connection: Connection, submission: Submission) -> None:
            nonlocal answer
            answer = orjson.dumps(summed(submission))
            once.keep(connection, 202, answer)

        accept_batch(ctx.intake, body, order, finish=finish)
        return rendered(202, answer)
