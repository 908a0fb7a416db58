"""Two ways to ask: `Ledger` waits, `AsyncLedger` awaits. What is sent, what an answer means and how long to pause is said once, for both.

A call is tried again after a lost connection, 429, 502, 503 and 504, up to `tries` times, with pauses that double and are never in step; an
answer's `Retry-After` is kept to. The key is never in a repr, an error or a log of ours.
"""

import asyncio
import random
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self, TypeVar, cast

import httpx

from ledger_client import calls
from ledger_client.answers import Answer, Submission
from ledger_client.calls import Call
from ledger_client.problems import Unreachable, problem_of

A = TypeVar("A", bound=Answer | bytes)
Outcome = httpx.Response | httpx.TransportError
AGAIN = frozenset({429, 502, 503, 504})
LONGEST_PAUSE_SECONDS = 60.0
FIRST_PAUSE_SECONDS = 0.25
POLL_SECONDS = 0.5
_FAR = {"recorded": ("recorded", "final", "refused"), "final": ("final", "refused")}


def pause_after(outcome: Outcome, attempt: int, *, tries: int, chance: float) -> float | None:
    """Seconds until the next try, None when there is none: the outcome is what is told. `attempt` counts from 1, `chance` is in [0, 1)."""
    may_pass = isinstance(outcome, httpx.TransportError) or outcome.status_code in AGAIN
    if not may_pass or attempt >= tries:
        return None
    asked = None if isinstance(outcome, httpx.TransportError) else outcome.headers.get("Retry-After")
    if asked is not None and asked.isdigit():
        return min(float(asked), LONGEST_PAUSE_SECONDS)
    return float(min(FIRST_PAUSE_SECONDS * 2 ** (attempt - 1) * (1 + chance), LONGEST_PAUSE_SECONDS))


def read(call: Call[A], outcome: Outcome) -> A:
    """Raises LedgerProblem: Refused, Busy, Unreachable."""
    if isinstance(outcome, httpx.TransportError):
        raise Unreachable(type(outcome).__name__) from outcome
    if not outcome.is_success:
        raise problem_of(outcome.status_code, _document(outcome))
    if issubclass(call.answer, Answer):
        return cast(A, call.answer.read(outcome.content))
    return cast(A, outcome.content)


def _document(outcome: httpx.Response) -> dict[str, Any]:
    try:
        told = outcome.json()
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _arguments(url: str, key: str | None, timeout: float) -> dict[str, Any]:
    headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
    return {"base_url": url.rstrip("/"), "headers": headers, "timeout": timeout}


def _request(http: httpx.Client | httpx.AsyncClient, call: Call[Any], headers: Mapping[str, str]) -> httpx.Request:
    query = cast(Any, dict(call.query)) or None
    body: dict[str, Any] = {"json": call.body} if call.body is not None else {"content": call.photo} if call.photo is not None else {}
    return http.build_request(call.method, call.path, params=query, headers={**call.headers, **headers}, **body)


class Ledger:
    """`transport` and `timeout` (seconds of one try) are httpx's own."""

    def __init__(
        self, url: str, *, key: str | None = None, tries: int = 5, timeout: float = 30.0, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._http = httpx.Client(**_arguments(url, key, timeout), transport=transport)
        self._tries = tries

    def ask(self, call: Call[A]) -> A:
        """Raises LedgerProblem: Refused, Busy, Unreachable."""
        attempt = 1
        while True:
            outcome = self._sent(call)
            pause = pause_after(outcome, attempt, tries=1 if call.once else self._tries, chance=random.random())
            if pause is None:
                return read(call, outcome)
            time.sleep(pause)
            attempt += 1

    def _sent(self, call: Call[Any]) -> Outcome:
        try:
            return self._http.send(_request(self._http, call, {}))
        except httpx.TransportError as error:
            return error

    def follow(self, submission: str, *, until: str = "recorded", patience: float = 120.0) -> Submission:
        """The submission once it is so far, or refused. Raises TimeoutError; it goes on all the same."""
        deadline = time.monotonic() + patience
        while (seen := self.ask(calls.submission(submission))).status not in _FAR[until]:
            if time.monotonic() >= deadline:
                raise TimeoutError(f"submission {submission} is {seen.status}")
            time.sleep(POLL_SECONDS)
        return seen

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class AsyncLedger:
    """Like `Ledger`. `headers` of one call go before its own: a caller behind us is asked for with the caller's key."""

    def __init__(
        self, url: str, *, key: str | None = None, tries: int = 5, timeout: float = 30.0, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._http = httpx.AsyncClient(**_arguments(url, key, timeout), transport=transport)
        self._tries = tries

    async def ask(self, call: Call[A], *, headers: Mapping[str, str] = {}) -> A:
        """Raises LedgerProblem: Refused, Busy, Unreachable."""
        attempt = 1
        while True:
            outcome = await self._sent(call, headers)
            pause = pause_after(outcome, attempt, tries=1 if call.once else self._tries, chance=random.random())
            if pause is None:
                return read(call, outcome)
            await asyncio.sleep(pause)
            attempt += 1

    async def _sent(self, call: Call[Any], headers: Mapping[str, str]) -> Outcome:
        try:
            return await self._http.send(_request(self._http, call, headers))
        except httpx.TransportError as error:
            return error

    async def follow(self, submission: str, *, until: str = "recorded", patience: float = 120.0) -> Submission:
        """The submission once it is so far, or refused. Raises TimeoutError; it goes on all the same."""
        deadline = time.monotonic() + patience
        while (seen := await self.ask(calls.submission(submission))).status not in _FAR[until]:
            if time.monotonic() >= deadline:
                raise TimeoutError(f"submission {submission} is {seen.status}")
            await asyncio.sleep(POLL_SECONDS)
        return seen

    async def close(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()
