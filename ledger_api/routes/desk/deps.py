"""Who stands before the desk, as types: `Photos`, `Appraiser`, `AskedCase`; and times as the rows have them."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Depends
from sqlalchemy import Row

from ledger_api.auth import Scope
from ledger_api.desk.errors import DeskClosed, NoSuchCase, NotAnAppraiser
from ledger_api.desk.rows import cases as rows
from ledger_api.desk.rows import queue as line
from ledger_api.desk.vault import Vault
from ledger_api.routes.deps import Caller, Ctx, Db, Verifier

AnyRow = Row[Any]


def photos(ctx: Ctx) -> Vault:
    """Raises DeskClosed: this process was not given a place for photos."""
    if ctx.photos is None:
        raise DeskClosed
    return ctx.photos


def moment_now(ctx: Ctx) -> datetime:
    return datetime.fromtimestamp(ctx.clock(), UTC)


def appraiser(caller: Caller, db: Db) -> AnyRow:
    """Raises Forbidden, NotAnAppraiser."""
    caller.require(Scope.DESK)
    found = line.by_key(db, caller.key_id)
    if found is None:
        raise NotAnAppraiser
    return found


def asked_case(case: str, caller: Verifier, db: Db) -> AnyRow:
    """A case that this platform asked for. Another's is not there: not even its existence is told."""
    found = rows.case(db, case)
    if found is None or found.platform != caller.organization:
        raise NoSuchCase
    return found


Photos = Annotated[Vault, Depends(photos)]
Moment = Annotated[datetime, Depends(moment_now)]
Appraiser = Annotated[Any, Depends(appraiser)]
AskedCase = Annotated[Any, Depends(asked_case)]


def utc(at: datetime | None) -> datetime | None:
    """SQLite gives times back without a zone; all of ours are UTC."""
    return at if at is None or at.tzinfo is not None else at.replace(tzinfo=UTC)
