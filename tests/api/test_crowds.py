"""More callers at once than there are threads and connections: everybody gets their answer, whoever dawdles keeps nobody from theirs."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from ledger_api.app import create_app
from ledger_api.routes import deps
from ledger_api.store import engine
from tests.doors import Doors

CROWD = 160  # four times as many as threads, more than connections
WITHIN_SECONDS = 12  # less than anybody waits for a connection (15): nobody waited until they were told that there is none


def knocking(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://ledger.example", timeout=60)


async def dawdle(began: asyncio.Event) -> AsyncIterator[bytes]:
    """A body of which the first byte comes, and nothing else."""
    yield b"x"
    began.set()
    await asyncio.sleep(3600)


def test_everybody_of_a_crowd_is_answered(doors: Doors) -> None:
    headers = {"Authorization": f"Bearer {doors.token('MAISON')}"}

    async def crowd() -> list[int]:
        async with knocking(create_app(doors.context)) as client, asyncio.timeout(WITHIN_SECONDS):
            return [
                answer.status_code
                for answer in await asyncio.gather(*(client.get("/v1/organizations", headers=headers) for _ in range(CROWD)))
            ]

    assert asyncio.run(crowd()) == [200] * CROWD


def test_bodies_that_do_not_come_keep_no_connection(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deps, "READERS_AT_ONCE", 2)
    app = create_app(doors.context)

    @app.put("/wants-both")
    def wants_both(db: deps.Db, body: deps.RawBody) -> int:
        return len(body)

    async def asked_meanwhile() -> Any:
        async with knocking(app) as client, asyncio.timeout(WITHIN_SECONDS):
            begun = [asyncio.Event() for _ in range(2 * deps.READERS_AT_ONCE)]
            slow = [asyncio.create_task(client.put("/wants-both", content=dawdle(one))) for one in begun]
            await asyncio.gather(*(one.wait() for one in begun))
            answer = await client.put("/wants-both", content=b"12")
            for one in slow:
                one.cancel()
            await asyncio.gather(*slow, return_exceptions=True)
            return answer.json()

    assert asyncio.run(asked_meanwhile()) == 2


def test_there_are_connections_for_all_who_may_want_one_at_once() -> None:
    """Readers have one while they wait for a thread; of what a thread does, a read and a write."""
    threads = 40  # anyio's
    assert deps.READERS_AT_ONCE + 2 * threads <= engine.MOST_CONNECTIONS
