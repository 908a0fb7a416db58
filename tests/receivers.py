"""A real HTTP server that receives webhooks on a free loopback port, remembers every request, and answers as the test says.

    with receiving(lambda seen: 500 if seen.times == 1 else 204) as receiver:
        … receiver.url …
        assert [one.notice for one in receiver.good] == [...]

An answer is a status, or `CUT`: the connection is broken after the request was read, so that the sender cannot know.
"""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

CUT = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """One request. `times`: how often this notice has come by now."""

    notice: str
    times: int
    headers: dict[str, str]
    body: bytes
    at: float
    answered: int = 0

    @property
    def told(self) -> dict[str, Any]:
        return dict(orjson.loads(self.body))


@dataclass
class Receiver:
    answer: Callable[[Seen], int]
    url: str = ""
    seen: list[Seen] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)  # of every answer
    _times: Counter[str] = field(default_factory=Counter)

    @property
    def good(self) -> list[Seen]:
        """What was answered with 2xx, in the order in which it came."""
        return [one for one in self.seen if 200 <= one.answered < 300]

    async def receive(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        notice = request.headers.get("webhook-id", "")
        self._times[notice] += 1
        seen = Seen(notice, self._times[notice], dict(request.headers), body, time.monotonic())
        status = self.answer(seen)
        self.seen.append(Seen(seen.notice, seen.times, seen.headers, body, seen.at, status))
        if status == CUT:
            assert request.transport is not None
            request.transport.abort()
        return web.Response(status=status or 500, headers=self.headers)


@contextmanager
def receiving(answer: Callable[[Seen], int] = lambda _seen: 204, *, host: str = "127.0.0.1", tls: Any = None) -> Iterator[Receiver]:
    receiver, loop, is_up, stop = Receiver(answer), asyncio.new_event_loop(), threading.Event(), asyncio.Event()

    async def serve() -> None:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", receiver.receive)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, host, 0, ssl_context=tls)
        await site.start()
        assert runner.addresses
        receiver.url = f"{'https' if tls else 'http'}://{host}:{runner.addresses[0][1]}/hooks"
        is_up.set()
        await stop.wait()
        await runner.cleanup()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    assert is_up.wait(10)
    try:
        yield receiver
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()
