"""The HTTP server: uvicorn, with patience that ends.

uvicorn waits for ever for the head of a request and keeps whatever comes of it, so that a few idle strangers could hold every
connection. Here a head has a time and a size; bodies have theirs in `routes.edge`.
"""

import asyncio
import signal
import sys

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ledger_api.settings import Settings

HEAD_SECONDS = 10.0
IDLE_SECONDS = 75  # between two requests; callers and proxies drop a connection after 5 to 60: who is about to ask must find it open
LAST_SECONDS = 5  # for answers that have begun when the process is asked to end
LARGEST_HEAD = 64 * 1024


class PatientProtocol(HttpToolsProtocol):
    """Closes a connection whose request's head is too long, or not there in time."""

    _limit: asyncio.TimerHandle | None = None
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in the class above
        super().connection_made(transport)
        self._begin_head()

    def data_received(self, data: bytes) -> None:
        if self._limit is not None:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._limit is not None and self._head_bytes > LARGEST_HEAD:
            self._give_up()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._begin_head()

    def on_headers_complete(self) -> None:
        self._end_head()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_head()
        super().connection_lost(exc)

    def _begin_head(self) -> None:
        if self._limit is None:
            self._head_bytes = 0
            self._limit = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def _end_head(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None

    def _give_up(self) -> None:
        self._end_head()
        self.transport.close()


def run(app: FastAPI, settings: Settings) -> None:
    """Until a signal asks it to end; answers that have begun get a few seconds. A listener's stream is cut: it asks again."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(0))  # the server raises the signal again when it has ended in good order
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        http=PatientProtocol,
        log_config=None,
        access_log=False,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=LAST_SECONDS,
    )
