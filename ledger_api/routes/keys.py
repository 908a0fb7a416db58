"""API keys: made, listed and revoked by the organization they belong to, or by the consortium's desk."""

from typing import Annotated

from fastapi import APIRouter, Query

from ledger_api.auth import Principal, Scope, create_key, revoke_key
from ledger_api.directory import require_profile
from ledger_api.errors import Forbidden, NotFound
from ledger_api.routes.deps import Caller, Ctx, Db, Now
from ledger_api.routes.problems import errors
from ledger_api.routes.schemas import KeyIn, KeyOut, KeysOut, NewKeyOut, hex_of, moment
from ledger_api.store import directory as rows

router = APIRouter(prefix="/v1/keys", tags=["keys"])


def _may_make(caller: Principal, organization: bytes, scopes: frozenset[str]) -> None:
    """Raises Forbidden. Nobody but the desk gives more than it has: a key's child is at most its equal."""
    if caller.has(Scope.ADMIN):
        return
    if not caller.has(Scope.KEYS) or organization != caller.organization:
        raise Forbidden(f"This needs the scope {Scope.ADMIN.value}, or {Scope.KEYS.value} of the organization itself.")
    beyond = sorted(scope for scope in scopes if scope not in caller.scopes and not _covers(caller, scope))
    if beyond:
        raise Forbidden("A key cannot give scopes that it does not have.", scopes=beyond)


def _covers(caller: Principal, scope: str) -> bool:
    return scope.startswith(f"{Scope.WRITE}:") and caller.has(Scope.WRITE)


@router.post("", status_code=201, responses=errors(NotFound))
def make_key(body: KeyIn, caller: Caller, ctx: Ctx, db: Db, now: Now) -> NewKeyOut:
    """The token is in this answer and nowhere else. A lost answer: revoke the key by its id and make another."""
    organization, scopes = body.organization or caller.organization, frozenset(body.scopes)
    _may_make(caller, organization, scopes)
    require_profile(db, organization)
    made = create_key(ctx.engine, organization=organization, name=body.name, scopes=scopes, now=now)
    return NewKeyOut(id=made.id, token=made.token, organization=str(hex_of(organization)), name=body.name, scopes=sorted(scopes))


@router.get("", responses=errors())
def list_keys(caller: Caller, db: Db, after: str = "", limit: Annotated[int, Query(ge=1, le=200)] = 50) -> KeysOut:
    """The organization's keys; all keys for the consortium's desk. Never their secrets."""
    if not (caller.has(Scope.ADMIN) or caller.has(Scope.KEYS)):
        raise Forbidden(f"This needs the scope {Scope.KEYS.value}.", scope=Scope.KEYS.value)
    owner = None if caller.has(Scope.ADMIN) else caller.organization
    found = [
        KeyOut(
            id=row.id,
            organization=str(hex_of(row.organization)),
            did=row.did,
            name=row.name,
            scopes=row.scopes.split(),
            created_at=str(moment(row.created_at)),
            revoked_at=moment(row.revoked_at),
        )
        for row in rows.list_keys(db, owner, after=after, limit=limit)
    ]
    return KeysOut(keys=found, next=found[-1].id if len(found) == limit else None)


@router.delete("/{key_id}", status_code=204, responses=errors(NotFound))
def delete_key(key_id: str, caller: Caller, ctx: Ctx, now: Now) -> None:
    """From the next request on the key is a stranger."""
    if not (caller.has(Scope.ADMIN) or caller.has(Scope.KEYS)):
        raise Forbidden(f"This needs the scope {Scope.KEYS.value}.", scope=Scope.KEYS.value)
    revoke_key(ctx.engine, principal=caller, key_id=key_id, now=now)
