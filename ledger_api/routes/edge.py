"""What happens to every request before any route: an id, a limit to its body, and headers that every answer carries.

Plain ASGI, because it is on the path of the fastest lookup.
"""

import re
import secrets
from typing import Any

import orjson
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ledger_api.errors import BodyTooLarge
from ledger_api.routes.problems import MEDIA_TYPE, document

MEBIBYTE = 1024 * 1024
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_LARGE_DOORS = ("/v1/events", "/v1/batches")


class Edge:
    def __init__(self, app: ASGIApp, *, max_body_mebibytes: int) -> None:
        self._app = app
        self._largest = max_body_mebibytes * MEBIBYTE

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(scope, receive, send, self._largest if scope["path"] in _LARGE_DOORS else MEBIBYTE)
        if exchange.declared > exchange.limit:
            await exchange.refuse()
            return
        await self._app(scope, exchange.receive, exchange.send)


class _Exchange:
    """One request: its body is counted as it comes, its answer gets our headers."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, limit: int) -> None:
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        self.request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = self.request_id
        length = headers.get("content-length", "")
        self.declared = int(length) if length.isdecimal() and len(length) < 20 else 0
        self.limit = limit
        self._receive, self._send = receive, send
        self._received = 0
        self._is_refused = False

    async def receive(self) -> Message:
        """A body that is longer than it said, or did not say, ends here: the application sees it cut and its answer is not sent."""
        message = await self._receive()
        self._received += len(message.get("body", b""))
        if self._received <= self.limit:
            return message
        if not self._is_refused:
            await self.refuse()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if self._is_refused:
            return
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["X-Request-ID"] = self.request_id
            headers.setdefault("X-Content-Type-Options", "nosniff")
        await self._send(message)

    async def refuse(self) -> None:
        error = BodyTooLarge(limit_bytes=self.limit)
        body = orjson.dumps(document(error, self.request_id))
        headers: list[Any] = [
            (b"content-type", MEDIA_TYPE.encode()),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        await self.send({"type": "http.response.start", "status": error.status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})
        self._is_refused = True
