"""Every dependency of a route, as a type whose name reads aloud in a signature: `Writer`, `Admin`, `Db`, `Now`.

What only looks at what is in memory is a coroutine: anything else is sent to a thread of its own, which costs more than the look.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from ipaddress import IPv6Network
from typing import Annotated

from anyio.lowlevel import RunVar
from fastapi import Depends, Header, Request
from fastapi.concurrency import contextmanager_in_threadpool
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import Connection, Engine
from starlette.requests import ClientDisconnect

from ledger_api.auth import Limiter, Principal, Scope, authenticate
from ledger_api.desk.vault import Vault
from ledger_api.directory import Registrar
from ledger_api.domain.network import Network
from ledger_api.errors import Forbidden, InvalidBody, Unauthenticated
from ledger_api.intake import Intake, Order
from ledger_api.listings.scans import Scans
from ledger_api.proving import ProofMaker
from ledger_api.settings import Settings
from ledger_api.store.engine import moment, reading
from ledger_api.store.reading import PassportReader
from ledger_api.webhooks.endpoints import Terms as WebhookTerms
from ledger_verify.hashing import OrganizationId

# requests that have a connection in hand; more at once would only take the interpreter from each other, and the write from whoever is at it
READERS_AT_ONCE = 4
_PLACES: RunVar[asyncio.Semaphore] = RunVar("places of readers")


@dataclass(frozen=True, slots=True)
class Context:
    """What the wiring hands to the routes: made once per process by `app.py`, found at `request.app.state.context`."""

    settings: Settings
    engine: Engine
    network: Network
    intake: Intake
    registrar: Registrar
    limiter: Limiter
    passports: PassportReader  # the one fast read: a passport by serial or by item
    clock: Callable[[], float]  # unix seconds
    sign_statement: Callable[[bytes], bytes]  # 32-byte digest → 65-byte signature of the service, for verification statements
    statement_signer: bytes  # its address
    card_secret: Callable[[bytes], bytes]  # salt → secret of a claim card
    webhooks: WebhookTerms
    keeps_key: Callable[[OrganizationId], bool] = lambda _organization: False  # does the service sign for this one?
    photos: Vault | None = None  # the desk's; None: this process runs without the desk
    scans: Scans | None = None  # None: this process counts no lookups
    proofs: ProofMaker | None = None  # None: this process knows no node, which alone can show a block's state


def context_of(request: Request) -> Context:
    found = request.app.state.context
    assert isinstance(found, Context)
    return found


async def context(request: Request) -> Context:
    return context_of(request)


Ctx = Annotated[Context, Depends(context)]


async def now(ctx: Ctx) -> int:
    return int(ctx.clock())


async def request_id(request: Request) -> str:
    return str(request.state.request_id)


_bearer = HTTPBearer(auto_error=False, scheme_name="API key", description="`Authorization: Bearer lk_…`")


async def bearer_of(request: Request) -> HTTPAuthorizationCredentials | None:
    """For the one route that does without dependencies."""
    return await _bearer(request)


Bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


def address_of(request: Request) -> str:
    """Of IPv6 the network: whoever has one has all of its 2^64 addresses."""
    host = request.client.host if request.client else "unknown"
    return str(IPv6Network((host.partition("%")[0], 64), strict=False)) if ":" in host else host


def anonymous(request: Request, ctx: Ctx) -> None:
    """One request of an address without a key.

    Raises:
        RateLimited: an anonymous lookup must not become an oracle for serials.
    """
    ctx.limiter.take(address_of(request), is_key=False, at=ctx.clock())


def principal(request: Request, ctx: Ctx, bearer: Bearer) -> Principal:
    """Raises Unauthenticated, RateLimited (a flood of wrong keys counts as its address's)."""
    if bearer is None:
        anonymous(request, ctx)
        raise Unauthenticated
    try:
        found = authenticate(ctx.engine, bearer.credentials)
    except Unauthenticated:
        anonymous(request, ctx)
        raise
    ctx.limiter.take(found.key_id, is_key=True, at=ctx.clock())
    return found


def maybe_principal(request: Request, ctx: Ctx, bearer: Bearer) -> Principal | None:
    """For doors that are open to everybody, and say more to a member."""
    if bearer is not None:
        return principal(request, ctx, bearer)
    anonymous(request, ctx)
    return None


Caller = Annotated[Principal, Depends(principal)]
MaybeCaller = Annotated[Principal | None, Depends(maybe_principal)]


def _with(scope: Scope) -> Callable[[Principal], Awaitable[Principal]]:
    async def allowed(caller: Caller) -> Principal:
        caller.require(scope)
        return caller

    return allowed


async def reader(caller: Caller) -> Principal:
    """Whoever may send events may follow them."""
    if caller.kinds() == frozenset() and not caller.has(Scope.ADMIN):
        caller.require(Scope.READ)
    return caller


async def writer(caller: Caller) -> Principal:
    """Raises Forbidden for a key that may send no event at all; which kinds it may send is judged per event."""
    if caller.kinds() == frozenset():
        raise Forbidden(f"This needs the scope {Scope.WRITE.value}.", scope=Scope.WRITE.value)
    return caller


Now = Annotated[int, Depends(now)]
RequestId = Annotated[str, Depends(request_id)]
Writer = Annotated[Principal, Depends(writer)]
Reader = Annotated[Principal, Depends(reader)]
Verifier = Annotated[Principal, Depends(_with(Scope.VERIFY))]
Admin = Annotated[Principal, Depends(_with(Scope.ADMIN))]
Anonymous = Annotated[None, Depends(anonymous)]


async def new_id(ctx: Ctx) -> str:
    """32 hexadecimal digits that begin with the time, so that ids sort as they were made."""
    return f"{int(ctx.clock() * 1000):012x}{secrets.token_hex(10)}"


NewId = Annotated[str, Depends(new_id)]


async def new_order(caller: Writer, now: Now, request_id: RequestId, new_id: NewId) -> Order:
    return Order(organization=caller.organization, now=now, submission=new_id, request_id=request_id, kinds=caller.kinds())


NewOrder = Annotated[Order, Depends(new_order)]


async def raw_body(request: Request) -> bytes:
    """Raises InvalidBody, which nobody hears: the caller went away, or was cut off at the edge. It is no fault of ours."""
    try:
        return await request.body()
    except ClientDisconnect:
        raise InvalidBody("The body ended before it was whole.") from None


RawBody = Annotated[bytes, Depends(raw_body)]


def _places() -> asyncio.Semaphore:
    """Of this event loop."""
    try:
        return _PLACES.get()
    except LookupError:
        _PLACES.set(asyncio.Semaphore(READERS_AT_ONCE))
        return _PLACES.get()


async def database(ctx: Ctx, _whole: RawBody) -> AsyncIterator[Connection]:
    """A connection for reading. Its transaction ends before the answer leaves (`scope="function"` below): commit precedes reply.

    Whoever has one waits for nothing but the database and a thread: the body has come, and so few have one at a time that none of them
    is missing to those who go on to write.
    """
    async with _places(), contextmanager_in_threadpool(reading(ctx.engine)) as connection:
        yield connection


async def database_moment(ctx: Ctx, _whole: RawBody) -> AsyncIterator[Connection]:
    """The same, of one moment: for an answer of several questions that is signed, or says as of when it is."""
    async with _places(), contextmanager_in_threadpool(moment(ctx.engine)) as connection:
        yield connection


Db = Annotated[Connection, Depends(database, scope="function")]
DbMoment = Annotated[Connection, Depends(database_moment, scope="function")]
IdempotencyKey = Annotated[
    str | None,
    Header(alias="Idempotency-Key", min_length=1, max_length=255, description="The same key and body give the same answer again."),
]
