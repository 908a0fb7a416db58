"""One request to an endpoint, and what came of it. The answer's body is nothing to us: only the status counts."""

import asyncio
import ssl
from contextlib import suppress
from types import TracebackType
from typing import NamedTuple, Self

from aiohttp import (
    ClientConnectorCertificateError,
    ClientConnectorDNSError,
    ClientConnectorSSLError,
    ClientError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    TCPConnector,
    ThreadedResolver,
)
from aiohttp.abc import AbstractResolver

from ledger_api.webhooks.errors import EndpointNotAllowed
from ledger_api.webhooks.guard import AddressRefused, Guarded, checked_url

PATIENCE_SECONDS = 10.0
SMALL_ANSWER_BYTES = 1024  # is read so that the connection can be used again; a longer one is cut off
READ_SECONDS = 1.0
GONE = 410
AGENT = "provenance-ledger-webhooks/1"

WHYS = {
    "address-refused": "The host name leads to an address that is not public, or the address is not allowed any more.",
    "no-such-host": "The host name could not be resolved.",
    "tls": "The certificate is not good for the host name, or no TLS was spoken.",
    "connection": "The connection was refused or broke before an answer came.",
    "timeout": "No answer came within ten seconds.",
    "redirect": "It answered with a redirect; none is followed.",
    "gone": "It answered 410: nothing is sent to it any more.",
    "status": "It answered with a status other than 2xx.",
    "failed": "We stumbled over it ourselves; our log says how.",
    "interrupted": "Whoever sent it stopped before the answer was noted; it is sent again under the same id.",
}


class Answer(NamedTuple):
    """`why` is None after a 2xx; `status` is None when there was no answer."""

    status: int | None
    why: str | None


class Sender:
    """Connections to endpoints; `resolver` and `tls` are the system's unless a test has its own."""

    def __init__(
        self,
        *,
        loopback: bool = False,
        resolver: AbstractResolver | None = None,
        tls: ssl.SSLContext | None = None,
        seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._loopback, self._resolver, self._tls, self._seconds = loopback, resolver, tls, seconds

    async def __aenter__(self) -> Self:
        guarded = Guarded(self._resolver or ThreadedResolver(), loopback=self._loopback)
        connector = TCPConnector(resolver=guarded, use_dns_cache=False, ssl=self._tls or True, limit=0, keepalive_timeout=15)
        self._session = ClientSession(
            connector=connector,
            timeout=ClientTimeout(total=self._seconds, connect=self._seconds / 2),
            cookie_jar=DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            headers={"User-Agent": AGENT, "Content-Type": "application/json"},
        )
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._session.close()

    async def send(self, url: str, headers: dict[str, str], body: str) -> Answer:
        """Never raises for what the other side does."""
        try:
            target = checked_url(url, loopback=self._loopback)
            async with self._session.post(target, data=body.encode(), headers=headers, allow_redirects=False) as response:
                answer = Answer(response.status, _why(response.status))
                await _leave(response)
                return answer
        except (EndpointNotAllowed, AddressRefused):
            return Answer(None, "address-refused")
        except ClientConnectorDNSError as error:
            return Answer(None, "address-refused" if isinstance(error.os_error, AddressRefused) else "no-such-host")
        except (ClientConnectorCertificateError, ClientConnectorSSLError):
            return Answer(None, "tls")
        except TimeoutError:
            return Answer(None, "timeout")
        except (ClientError, OSError, ValueError):
            return Answer(None, "connection")


def _why(status: int) -> str | None:
    if 200 <= status < 300:
        return None
    if status == GONE:
        return "gone"
    return "redirect" if 300 <= status < 400 else "status"


async def _leave(response: ClientResponse) -> None:
    """A short answer is read to its end; from any other we hang up."""
    if response.content_length is not None and response.content_length <= SMALL_ANSWER_BYTES:
        with suppress(TimeoutError, ClientError):
            await asyncio.wait_for(response.read(), READ_SECONDS)
            return
    response.close()
