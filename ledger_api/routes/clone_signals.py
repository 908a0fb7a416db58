"""`GET /v1/items/{item}/clone-signals`: is this serial on several objects? For platforms, and for the brand whose item it is."""

from fastapi import APIRouter

from ledger_api.auth import Scope
from ledger_api.errors import InvalidBody, NotFollowedYet, UnknownItem, Withheld
from ledger_api.listings.answers import evidence_of
from ledger_api.listings.clones import suspicion
from ledger_api.routes.deps import Caller, Db, Now
from ledger_api.routes.items import Which, item_named
from ledger_api.routes.listings import SuspicionOut, suspicion_shown
from ledger_api.routes.problems import errors
from ledger_api.verification import answering
from ledger_api.verification.asking import VerificationIn

router = APIRouter(prefix="/v1/items/{item}", tags=["listings"])


@router.get("/clone-signals", responses=errors(UnknownItem, Withheld, NotFollowedYet, InvalidBody))
def get_clone_signals(which: Which, caller: Caller, db: Db, now: Now) -> SuspicionOut:
    """The signs, counted over all platforms, and never whose they are. With the scope `verify`, or `events:read` of the item's brand."""
    named = VerificationIn.model_validate({"id": "0x" + item_named(which).hex()})
    (seen,) = answering.look_up(db, [named], caller.organization, now=now)
    is_brand = seen.found is not None and seen.found.state.brand == caller.organization
    if not (is_brand and caller.has(Scope.READ)):
        caller.require(Scope.VERIFY)
    if seen.found is None:
        raise UnknownItem
    if seen.shown is None:
        raise Withheld
    return SuspicionOut.model_validate(suspicion_shown(suspicion(evidence_of(db, seen.shown, now))))
