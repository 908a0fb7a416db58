"""What an organization watches: begun with `watch` in a verification, listed and ended here."""

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query
from pydantic import Field

from ledger_api.errors import NotFound
from ledger_api.routes.deps import Ctx, Db, Verifier
from ledger_api.routes.problems import errors
from ledger_api.routes.schemas import Hex32, Moment, Out, hex_of, moment
from ledger_api.store.engine import writing
from ledger_api.verification import watches as rows

router = APIRouter(prefix="/v1/watches", tags=["verifications"])

PAGE = 100


class NoSuchWatch(NotFound):
    """There is no such watch, or it is not yours."""

    code = "no-such-watch"


class WatchOut(Out):
    id: str
    item: Hex32 | None = Field(description="Null: there is none yet, or none that you may see.")
    request: dict[str, Any] = Field(description="The question, as it was asked.")
    decision: str = Field(description="As it was last told, without what merely says that an event is not final yet.")
    reasons: list[str] = Field(description="The codes.")
    until: Moment
    created_at: Moment


class WatchesOut(Out):
    watches: list[WatchOut]
    next: str | None = Field(description="Ask again with `after` set to this.")


@router.get("", responses=errors())
def list_watches(caller: Verifier, db: Db, after: Annotated[str, Query(max_length=32)] = "") -> WatchesOut:
    """Yours, oldest first. A change is told by webhook: `verification.changed`."""
    found = rows.of(db, caller.organization, after=after, most=PAGE)
    shown = []
    for row in found:
        answer = orjson.loads(row.answer)
        shown.append(
            WatchOut(
                id=row.id,
                item=hex_of(row.item),
                request=orjson.loads(row.request),
                decision=answer["decision"],
                reasons=[reason["code"] for reason in answer["reasons"]],
                until=str(moment(row.until)),
                created_at=str(moment(row.created_at)),
            )
        )
    return WatchesOut(watches=shown, next=found[-1].id if len(found) == PAGE else None)


@router.delete("/{watch}", status_code=204, responses=errors(NoSuchWatch))
def end_watch(watch: str, caller: Verifier, ctx: Ctx) -> None:
    with writing(ctx.engine) as connection:
        if not rows.end(connection, caller.organization, watch):
            raise NoSuchWatch
