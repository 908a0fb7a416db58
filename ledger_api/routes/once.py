"""`Idempotency-Key`: one answer per key and body, also when the first one was lost on the way.

1. The key is claimed in a commit of its own, so that a second request meanwhile gets `idempotency-in-flight`.
2. The answer is kept in the very commit that accepts (the caller passes `keep` down), or right after where nothing is accepted.
3. A request that fails without an answer gives its claim back. One that dies loses it after a minute; sending again is then harmless,
   because events are recognised by their ids.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self

from fastapi import Response
from sqlalchemy import Connection

from ledger_api.auth import Principal
from ledger_api.errors import IdempotencyInFlight, IdempotencyMismatch
from ledger_api.routes.deps import Context
from ledger_api.routes.problems import MEDIA_TYPE
from ledger_api.store import submissions as rows
from ledger_api.store.engine import reading, writing

STALE = timedelta(minutes=1)
KEPT_FOR = timedelta(days=7)


def request_hash(method: str, path: str, body: bytes) -> bytes:
    return hashlib.sha256(b"%s %s\n%s" % (method.encode(), path.encode(), body)).digest()


def rendered(status: int, body: bytes, *, media_type: str = "application/json") -> Response:
    return Response(body, status, media_type=MEDIA_TYPE if status >= 400 else media_type)


@dataclass(slots=True)
class Once:
    """`with Once(…) as once:` around a write; without a key it does nothing."""

    ctx: Context
    caller: Principal
    key: str | None
    request_hash: bytes
    kept: tuple[int, bytes] | None = None  # the first answer, when this is a repeat
    answered: bool = False

    def __enter__(self) -> Self:
        """Raises IdempotencyMismatch, IdempotencyInFlight."""
        if self.key is None:
            return self
        now = datetime.fromtimestamp(self.ctx.clock(), UTC)
        with writing(self.ctx.engine) as connection:
            rows.expire_keys(connection, now - KEPT_FOR)
            mine = rows.claim_key(
                connection, key_id=self.caller.key_id, key=self.key, request_hash=self.request_hash, now=now, stale=now - STALE
            )
        if not mine:
            self.kept = self._first_answer(self.key)
        return self

    def _first_answer(self, key: str) -> tuple[int, bytes]:
        with reading(self.ctx.engine) as connection:
            row = rows.kept_answer(connection, key_id=self.caller.key_id, key=key)
        if row is not None and row.request_hash != self.request_hash:
            raise IdempotencyMismatch
        if row is None or row.status is None:
            raise IdempotencyInFlight
        return row.status, row.response

    def renew(self, connection: Connection) -> None:
        """In each transaction of an answer that takes longer than a claim lives."""
        if self.key is not None:
            now = datetime.fromtimestamp(self.ctx.clock(), UTC)
            rows.renew_key(connection, key_id=self.caller.key_id, key=self.key, now=now)

    def keep(self, connection: Connection, status: int, body: bytes) -> None:
        """In the transaction whose effects the answer reports."""
        self.answered = True
        if self.key is not None:
            self._keep(connection, self.key, status, body)

    def keep_now(self, status: int, body: bytes) -> None:
        """For an answer whose effects are committed already, or that has none."""
        if self.key is not None:
            with writing(self.ctx.engine) as connection:
                self._keep(connection, self.key, status, body)
        self.answered = True  # not before it is committed

    def _keep(self, connection: Connection, key: str, status: int, body: bytes) -> None:
        of_key = self.caller.key_id
        rows.keep_answer(connection, key_id=of_key, key=key, request_hash=self.request_hash, status=status, response=body)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.key is None or self.kept is not None or (self.answered and error is None):
            return
        with writing(self.ctx.engine) as connection:
            rows.release_key(connection, key_id=self.caller.key_id, key=self.key, request_hash=self.request_hash)
