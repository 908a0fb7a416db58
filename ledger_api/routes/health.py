"""Is it alive, may it be given work, what will go wrong soon."""

from collections.abc import Iterator
from typing import Any, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel
from sqlalchemy.exc import SQLAlchemyError

from ledger_api.alarms import AlarmCode, ringing
from ledger_api.domain.network import Network
from ledger_api.errors import DatabaseBusy
from ledger_api.routes.deps import Ctx
from ledger_api.store.engine import reading
from ledger_api.store.watching import Place, place, work

router = APIRouter(tags=["health"])


RemarkCode = Literal["database-away", "not-followed-yet", "wrong-chain"] | AlarmCode


class Remark(BaseModel):
    code: RemarkCode
    message: str
    facts: dict[str, Any] = {}


class ReadyOut(BaseModel):
    """`reasons` keep it from being ready; `warnings` say what will go wrong soon."""

    ready: bool
    reasons: list[Remark]
    warnings: list[Remark]


@router.get("/healthz")
async def check_alive() -> dict[str, str]:
    """The process answers. Nothing else is asked, and no thread is needed: while every thread waits for a slow database, this answers."""
    return {"status": "ok"}


@router.get("/readyz", responses={503: {"model": ReadyOut, "description": "Not ready, and why."}})
def check_ready(ctx: Ctx, response: Response) -> ReadyOut:
    """Whether this process can answer truthfully now."""
    try:
        with reading(ctx.engine) as connection:
            here, doing = place(connection), work(connection, at=ctx.clock())
    except (DatabaseBusy, SQLAlchemyError) as error:
        response.status_code = 503
        return ReadyOut(
            ready=False,
            reasons=[Remark(code="database-away", message="The database does not answer.", facts={"error": type(error).__name__})],
            warnings=[],
        )
    reasons = list(_reasons(here, ctx.network))
    response.status_code = 503 if reasons else 200
    alarms = ringing(here, doing, at=ctx.clock(), settings=ctx.settings)
    warnings = [Remark(code=alarm.code, message=alarm.message, facts=alarm.facts) for alarm in alarms]
    return ReadyOut(ready=not reasons, reasons=reasons, warnings=warnings)


def _reasons(here: Place | None, network: Network) -> Iterator[Remark]:
    if here is None:
        yield Remark(code="not-followed-yet", message="The indexer has not read a block yet: nothing is known of any item.")
    elif (here.chain_id, here.ledger) != (network.chain_id, network.ledger):
        yield Remark(
            code="wrong-chain",
            message="The database follows another chain or contract.",
            facts={"chain_id": here.chain_id, "ledger": "0x" + here.ledger.hex()},
        )
