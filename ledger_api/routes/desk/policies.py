"""How an authenticator's desk works: read by anybody who asks it, written by itself."""

from fastapi import APIRouter

from ledger_api.auth import Scope
from ledger_api.desk import policy
from ledger_api.desk.policy import Policy
from ledger_api.routes.deps import Caller, Ctx, Db
from ledger_api.routes.desk.deps import Moment
from ledger_api.routes.problems import errors
from ledger_api.store.engine import writing

router = APIRouter(prefix="/v1/desk/policy", tags=["desk"])


@router.get("", responses=errors())
def get_policy(caller: Caller, db: Db) -> Policy:
    """Your desk's policy: the default until you write one."""
    return policy.read(db, caller.organization)


@router.put("", responses=errors())
def put_policy(body: Policy, caller: Caller, ctx: Ctx, at: Moment) -> Policy:
    """Whole; cases that are open keep the price and the number of opinions they began with."""
    caller.require(Scope.ORGANIZATION)
    with writing(ctx.engine) as connection:
        policy.keep(connection, caller.organization, body, now=at)
    return body
