"""Answers that take a while: server-sent events (what stands now at once, then every change, until none can come), and lines."""

import asyncio
from collections.abc import AsyncIterator, Callable, Generator
from itertools import chain
from typing import NamedTuple

from anyio import CancelScope
from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

POLL_SECONDS = 0.5
SILENCE_SECONDS = 15.0  # after which a comment keeps proxies from hanging up
LONGEST_STREAM_SECONDS = 600.0  # then the client asks again; its Last-Event-ID keeps it from hearing things twice
EVENT_STREAM = "text/event-stream"
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class Seen(NamedTuple):
    """What one look found. `version`: the state itself is the id of the message that tells it, so nothing has to be remembered between
    connections. `is_over`: nothing can change any more, not even by a reorg."""

    version: str
    body: bytes
    is_over: bool


async def streamed(request: Request, event: str, look: Callable[[], Seen], last_event_id: str | None) -> Response:
    """Raises whatever the first look raises; 204 for whoever has heard the last event there will be."""
    seen = await run_in_threadpool(look)
    if last_event_id == seen.version and seen.is_over:
        return Response(status_code=204)
    return StreamingResponse(_told(request, event, look, seen, last_event_id), media_type=EVENT_STREAM, headers=HEADERS)


async def _told(request: Request, event: str, look: Callable[[], Seen], seen: Seen, heard: str | None) -> AsyncIterator[bytes]:
    waited = silent = 0.0
    while True:
        if seen.version != heard:
            heard, silent = seen.version, 0.0
            yield b"id: %b\nevent: %b\ndata: %b\n\n" % (heard.encode(), event.encode(), seen.body)
        if seen.is_over or waited >= LONGEST_STREAM_SECONDS or await request.is_disconnected():
            return
        if silent >= SILENCE_SECONDS:
            silent = 0.0
            yield b": still the same\n\n"
        await asyncio.sleep(POLL_SECONDS)
        waited, silent = waited + POLL_SECONDS, silent + POLL_SECONDS
        seen = await run_in_threadpool(look)


class Lines(StreamingResponse):
    """NDJSON, whose first lines are made before the answer begins. However it ends, also by a caller who hangs up, the generator is closed
    there and then: what it holds is not left to the garbage collector, which may come minutes later."""

    def __init__(self, lines: Generator[bytes], status_code: int, media_type: str) -> None:
        self._lines = lines
        super().__init__(chain((next(lines),), lines), status_code, media_type=media_type)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            with CancelScope(shield=True):
                await run_in_threadpool(self._lines.close)
