"""The service's HTTP doors on a real database, without a chain: the app, API keys for the members of `tests.consortium`, a fake registrar.

    with opened_doors(url) as doors:
        doors.post("MAISON", "/v1/events", manufacture())      # as that member, with every scope
        doors.client.get("/v1/items?…")                        # as a passer-by

Time stands still at `consortium.NOW` until a test moves `doors.time`.
"""

import asyncio
import hmac
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx
from fastapi import FastAPI
from httpx import Response
from sqlalchemy import Engine, event, text

from ledger_api.auth import Limiter, Scope, create_key
from ledger_api.desk.vault import Vault
from ledger_api.directory import Accreditation
from ledger_api.routes.deps import Context
from ledger_api.settings import Settings
from ledger_api.store.engine import reading, writing
from ledger_api.store.reading import PassportReader
from ledger_api.webhooks.endpoints import Terms as WebhookTerms
from ledger_verify.hashing import OrganizationId, keccak, organization_id
from ledger_verify.transition import Role
from tests import consortium
from tests.consortium import DIDS, FixedKeys, address_of, key_of, sign
from tests.lending import lent

T = TypeVar("T")
_LOCKED = "wait_event_type = 'Lock'"  # of pg_stat_activity
OWN_SCOPES = frozenset({Scope.WRITE, Scope.READ, Scope.VERIFY, Scope.ORGANIZATION, Scope.KEYS})


@dataclass(slots=True)
class FakeRegistrar:
    """Remembers what the registry was asked, and says each time that it is mined. The mirror does not change: no indexer follows."""

    asked: list[tuple[Any, ...]] = field(default_factory=list)

    def _mined(self, *call: Any) -> bytes:
        self.asked.append(call)
        return keccak(repr(call).encode())

    def admit(self, did: str, roles: Role, signer: bytes | None) -> bytes:
        return self._mined("admit", did, roles, signer)

    def set_roles(self, organization: OrganizationId, roles: Role) -> bytes:
        return self._mined("set_roles", organization, roles)

    def suspend(self, organization: OrganizationId) -> bytes:
        return self._mined("suspend", organization)

    def reinstate(self, organization: OrganizationId) -> bytes:
        return self._mined("reinstate", organization)

    def name_successor(self, brand: OrganizationId, successor: OrganizationId) -> bytes:
        return self._mined("name_successor", brand, successor)

    def add_signer(self, organization: OrganizationId, signer: bytes) -> bytes:
        return self._mined("add_signer", organization, signer)

    def retire_signer(self, organization: OrganizationId, signer: bytes) -> bytes:
        return self._mined("retire_signer", organization, signer)

    def mark_compromised(self, organization: OrganizationId, signer: bytes, since_block: int) -> bytes:
        return self._mined("mark_compromised", organization, signer, since_block)

    def accredit(self, accreditation: Accreditation) -> bytes:
        return self._mined("accredit", accreditation)


@dataclass(slots=True)
class Doors:
    engine: Engine
    client: httpx.Client
    registrar: FakeRegistrar
    context: Context
    keys: FixedKeys
    time: float = consortium.NOW
    tokens: dict[str, str] = field(default_factory=dict)
    signs_for: set[OrganizationId] = field(default_factory=set)  # whose signing keys this service keeps

    def token(self, member: str, scopes: frozenset[str] | None = None) -> str:
        """An API key of the member; without `scopes` the same one each time, with all of them (CONSORTIUM: the desk's)."""
        if scopes is None and member in self.tokens:
            return self.tokens[member]
        chosen = scopes if scopes is not None else OWN_SCOPES | ({Scope.ADMIN} if member == "CONSORTIUM" else set())
        made = create_key(
            self.engine, organization=organization_id(DIDS[member]), name=member, scopes=frozenset(chosen), now=consortium.NOW
        )
        if scopes is None:
            self.tokens[member] = made.token
        return made.token

    def ask(self, method: str, member: str | None, path: str, *, token: str | None = None, **request: Any) -> Response:
        headers = dict(request.pop("headers", {}))
        if token is not None or member is not None:
            headers["Authorization"] = f"Bearer {token or self.token(str(member))}"
        answer = self.client.request(method, path, headers=headers, **request)
        self.client.cookies.clear()  # the client is everybody's
        return answer

    def get(self, member: str | None, path: str, **request: Any) -> Response:
        return self.ask("GET", member, path, **request)

    def post(self, member: str | None, path: str, body: Any = None, **request: Any) -> Response:
        return self.ask("POST", member, path, json=body, **request)


async def _slowly(parts: Any) -> AsyncIterator[bytes]:
    """A body that comes in parts and does not say how long it will be."""
    for part in parts:
        yield part


class InProcess(httpx.BaseTransport):
    """The application called directly, on an event loop in a thread of its own, so that tests may knock from several threads at once."""

    def __init__(self, app: FastAPI) -> None:
        self._app = httpx.ASGITransport(app, raise_app_exceptions=False)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def handle_request(self, request: httpx.Request) -> Response:
        return asyncio.run_coroutine_threadsafe(self._answer(request), self._loop).result(timeout=60)

    async def _answer(self, request: httpx.Request) -> Response:
        if not isinstance(request.stream, httpx.AsyncByteStream):
            request = httpx.Request(request.method, request.url, headers=request.headers, content=_slowly(request.stream))
        answer = await self._app.handle_async_request(request)
        assert isinstance(answer.stream, httpx.AsyncByteStream)
        return Response(answer.status_code, headers=answer.headers, content=b"".join([part async for part in answer.stream]))

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._loop.shutdown_default_executor(), self._loop).result(timeout=60)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@contextmanager
def opened_doors(url: str, *, settings: Settings | None = None, photos: Vault | None = None) -> Iterator[Doors]:
    engine = consortium.opened(url)
    keys, registrar, service = FixedKeys(), FakeRegistrar(), key_of("service")
    passports = PassportReader(url)
    context = Context(
        settings=settings or Settings(),
        engine=engine,
        network=consortium.NETWORK,
        intake=consortium.intake_of(engine, keys),
        registrar=registrar,
        limiter=Limiter(anonymous_per_minute=100_000, key_per_minute=100_000),
        passports=passports,
        clock=lambda: doors.time,
        sign_statement=lambda digest: sign(service, digest),
        statement_signer=address_of(service),
        card_secret=lambda salt: hmac.digest(b"cards", salt, "sha256")[:20],
        webhooks=WebhookTerms(lambda salt: salt, loopback=True),
        photos=photos,
        keeps_key=lambda organization: organization in doors.signs_for,
    )
    with lent(context) as app, httpx.Client(transport=InProcess(app), base_url="http://ledger.example") as client:
        doors = Doors(engine, client, registrar, context, keys)
        yield doors
    passports.close()
    engine.dispose()


def await_waiting(engine: Engine, sessions: int) -> None:
    """Until so many sessions of this database wait for what another has locked. SQLite has one writer, who has everything."""
    if engine.dialect.name == "postgresql":
        eventually(lambda: _sessions(engine, _LOCKED) == sessions)


def await_done_or_waiting(engine: Engine, running: Future[Any]) -> None:
    """Until it has ended, or waits for what another has locked."""
    eventually(lambda: running.done() or (engine.dialect.name == "postgresql" and _sessions(engine, _LOCKED) > 0))


def _sessions(engine: Engine, which: str) -> int:
    with reading(engine) as connection:
        mine = text(f"SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND {which}")
        return int(connection.execute(mine).scalar_one())


@contextmanager
def dozing(engine: Engine, tables: str) -> Iterator[None]:
    """Whoever locks rows of these tables sees the database as it is and comes to the locks a second later. On SQLite the writer's lock
    comes first, and nobody sees what is old."""

    def doze(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> tuple[str, Any]:
        if "FOR UPDATE" in statement and f"FROM {tables}" in statement:
            statement = statement.replace("WHERE ", "WHERE pg_sleep(1) IS NOT NULL AND ", 1)
        return statement, parameters

    if engine.dialect.name != "postgresql":
        yield
        return
    event.listen(engine, "before_cursor_execute", doze, retval=True)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", doze)


def await_dozing(engine: Engine) -> None:
    if engine.dialect.name == "postgresql":
        eventually(lambda: _sessions(engine, "wait_event = 'PgSleep'") > 0)


@contextmanager
def meanwhile(engine: Engine, words: str, act: Callable[[], object]) -> Iterator[None]:
    """Once, just before a statement that says these words, somebody else does something. On SQLite, whose transactions see one moment
    from their beginning, before everything."""
    if engine.dialect.name != "postgresql":
        act()
        yield
        return
    waiting = [act]

    def look(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if words in statement and waiting:
            waiting.pop()()

    event.listen(engine, "before_cursor_execute", look)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", look)
    assert not waiting, f"no statement said {words}"


def at_once(engine: Engine, table: str, *asks: Callable[[], T]) -> list[T]:
    """What they answer who have all read this table before any of them writes to it. On SQLite one has done before the next begins."""
    with ThreadPoolExecutor(len(asks)) as pool:
        with writing(engine) as connection:
            if engine.dialect.name == "postgresql":
                connection.exec_driver_sql(f"LOCK TABLE {table} IN SHARE MODE")
            asked = []
            for number, ask in enumerate(asks, 1):
                asked.append(pool.submit(ask))
                await_waiting(engine, number)
        return [one.result() for one in asked]


def eventually(happens: Any, *, seconds: float = 60.0) -> None:
    """For what another thread does: asks again until it is true."""
    deadline = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
