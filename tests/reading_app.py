"""The real application over a database, with the doors shut that these tests never knock at: intake, registrar, the service's own key."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast

import httpx
from fastapi import FastAPI
from sqlalchemy import Engine

from ledger_api.app import create_app
from ledger_api.auth import Limiter, create_key
from ledger_api.routes.deps import Context
from ledger_api.settings import Settings
from ledger_api.store.reading import PassportReader
from ledger_api.webhooks.endpoints import Terms as WebhookTerms
from tests.fake_chain import NETWORK, Member

AT = 1_790_000_000


def _shut(*_: object) -> Any:
    raise AssertionError("this door is shut in this test")


def reading_app(engine: Engine, *, anonymous_per_minute: int = 10_000, **chosen: Any) -> FastAPI:
    """Doors that only read. `chosen`: other parts of the context."""
    context = Context(
        settings=Settings(),
        engine=engine,
        network=NETWORK,
        intake=cast(Any, _shut),
        registrar=cast(Any, _shut),
        limiter=Limiter(anonymous_per_minute=anonymous_per_minute, key_per_minute=10_000),
        passports=PassportReader(engine.url.render_as_string(hide_password=False)),
        clock=lambda: AT,
        sign_statement=_shut,
        statement_signer=b"\x05" * 20,
        card_secret=lambda salt: salt[:20],
        webhooks=WebhookTerms(lambda salt: salt, loopback=True),
    )
    return create_app(replace(context, **chosen))


def key_of(engine: Engine, member: Member) -> dict[str, str]:
    """Headers with a key of this organization."""
    made = create_key(engine, organization=member.id, name="test", scopes=frozenset({"events:read"}), now=AT)
    return {"Authorization": f"Bearer {made.token}"}


class _InProcess(httpx.BaseTransport):
    """The application called directly, on an event loop that lives as long as the client."""

    def __init__(self, app: FastAPI, runner: asyncio.Runner) -> None:
        self._app, self._runner = httpx.ASGITransport(app), runner

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._runner.run(self._answer(request))

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        answer = await self._app.handle_async_request(request)
        assert isinstance(answer.stream, httpx.AsyncByteStream)
        body = b"".join([part async for part in answer.stream])
        return httpx.Response(answer.status_code, headers=answer.headers, content=body)


@contextmanager
def client_of(app: FastAPI) -> Iterator[httpx.Client]:
    """Closes the application's reader at the end."""
    with asyncio.Runner() as runner, httpx.Client(transport=_InProcess(app, runner), base_url="http://ledger.example") as client:
        yield client
    app.state.context.passports.close()
