"""What happens to every request before any route: an id, limits to its body and its time, and headers that every answer carries.

Plain ASGI, because it is on the path of the fastest lookup.
"""

import asyncio
import re
import secrets
from typing import Any

import orjson
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ledger_api.errors import BodyTooLarge, BodyTooSlow, CallerError
from ledger_api.logs import REQUEST_ID
from ledger_api.routes.problems import MEDIA_TYPE, document

MEBIBYTE = 1024 * 1024
LEAST_BYTES_PER_SECOND = 8 * 1024  # of a body, beyond the patience: a caller who trickles holds no connection for long
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_LARGE_DOORS = ("/v1/events", "/v1/batches")
_PHOTO_DOORS = re.compile(
    r"/(v1/cases|v1/desk/cases|v1/desk/seeds|evaluate)/[0-9a-f]{32}/shots/[a-z0-9-]+|/v1/listings/[0-9a-f]{32}/photos/[0-9]{1,2}"
)
PHOTO_MEBIBYTES = 26  # of the largest photo, and what a form puts around it


class Edge:
    def __init__(self, app: ASGIApp, *, max_body_mebibytes: int, patience_seconds: float) -> None:
        self._app = app
        self._patience = patience_seconds
        self._largest = max_body_mebibytes * MEBIBYTE

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._limit(scope["path"])
        exchange = _Exchange(scope, receive, send, limit=limit, patience=self._patience)
        REQUEST_ID.set(exchange.request_id)  # every request is a task of its own, with a context of its own
        if exchange.declared > limit:
            await exchange.refuse(BodyTooLarge(limit_bytes=limit))
            return
        await self._app(scope, exchange.receive, exchange.send)

    def _limit(self, path: str) -> int:
        if path in _LARGE_DOORS:
            return self._largest
        return min(self._largest, PHOTO_MEBIBYTES * MEBIBYTE) if _PHOTO_DOORS.fullmatch(path) else MEBIBYTE


class _Exchange:
    """One request: its body is counted as it comes, its answer gets our headers."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, *, limit: int, patience: float) -> None:
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        self.request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = self.request_id
        length = headers.get("content-length", "")
        self.declared = int(length) if length.isdecimal() and len(length) < 20 else 0
        self._limit, self._patience = limit, patience
        self._receive, self._send = receive, send
        self._began: float | None = None  # when the application first asked for the body
        self._received = 0
        self._is_whole = False
        self._is_refused = False

    async def receive(self) -> Message:
        """A body that is longer than it said, or did not say, or comes too slowly, ends here: the application sees it cut and its
        answer is not sent."""
        if self._is_whole:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._latest()):
                message = await self._receive()
        except TimeoutError:
            return await self._cut(BodyTooSlow(least_bytes_per_second=LEAST_BYTES_PER_SECOND))
        self._received += len(message.get("body", b""))
        if self._received > self._limit:
            return await self._cut(BodyTooLarge(limit_bytes=self._limit))
        self._is_whole = not message.get("more_body", False)
        return message

    def _latest(self) -> float:
        if self._began is None:
            self._began = asyncio.get_running_loop().time()
        return self._began + self._patience + self._received / LEAST_BYTES_PER_SECOND

    async def _cut(self, error: CallerError) -> Message:
        if not self._is_refused:
            await self.refuse(error)
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if self._is_refused:
            return
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["X-Request-ID"] = self.request_id
            headers.setdefault("X-Content-Type-Options", "nosniff")
        await self._send(message)

    async def refuse(self, error: CallerError) -> None:
        body = orjson.dumps(document(error, self.request_id))
        headers: list[Any] = [
            (b"content-type", MEDIA_TYPE.encode()),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        await self.send({"type": "http.response.start", "status": error.status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})
        self._is_refused = True
