"""Who is calling: an API key becomes a principal with scopes, and a bucket of requests. No web framework here.

A key reads `lk_<id>_<secret>`. It is shown once; the database keeps the SHA-256 of the secret, which is enough for 256 random bits
(a slow hash protects weak passwords, and this is none).
"""

import hashlib
import hmac
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from threading import Lock

from sqlalchemy import Connection, Engine

from ledger_api.errors import CallerError, Forbidden, NotFound, RateLimited, Unauthenticated
from ledger_api.store import directory as rows
from ledger_api.store.engine import reading, writing
from ledger_verify.hashing import OrganizationId
from ledger_verify.transition import Kind

PREFIX = "lk"
ID_BYTES, SECRET_BYTES = 8, 32
MOST_BUCKETS = 100_000


class Scope(StrEnum):
    ADMIN = "admin"  # the consortium's desk: organizations, everybody's keys; may read operations of all
    WRITE = "events:write"  # also `events:write:<kind>` for a till that only ever sells
    READ = "events:read"
    VERIFY = "verify"
    ORGANIZATION = "organization"  # in its own name: accredit, add and retire signers
    KEYS = "keys"  # make and revoke the organization's own keys
    DESK = "desk"  # its authentication desk: an appraiser, a reviewer


PLAIN_SCOPES = frozenset(scope.value for scope in Scope)


@dataclass(frozen=True, slots=True)
class Principal:
    key_id: str
    organization: OrganizationId
    scopes: frozenset[str]

    def has(self, scope: Scope) -> bool:
        return scope in self.scopes

    def kinds(self) -> frozenset[Kind] | None:
        """The kinds of events it may send; None is all of them."""
        if Scope.WRITE in self.scopes:
            return None
        return frozenset(kind for kind in Kind if f"{Scope.WRITE}:{kind.code}" in self.scopes)

    def may_see(self, organization: bytes) -> bool:
        return organization == self.organization or Scope.ADMIN in self.scopes

    def require(self, scope: Scope) -> None:
        """Raises Forbidden. `admin` is no master key: it does not write events in anybody's name."""
        if not self.has(scope):
            raise Forbidden(f"This needs the scope {scope.value}.", scope=scope.value)


@dataclass(frozen=True, slots=True)
class NewKey:
    id: str
    token: str  # shown once

    def __repr__(self) -> str:
        return f"NewKey(id={self.id!r})"


def check_scopes(scopes: frozenset[str]) -> None:
    """Raises CallerError for a scope that does not exist."""
    kinds = {f"{Scope.WRITE}:{kind.code}" for kind in Kind}
    unknown = sorted(scopes - PLAIN_SCOPES - kinds)
    if unknown or not scopes:
        raise CallerError("There is no such scope.", unknown=unknown, scopes=sorted(PLAIN_SCOPES))


def create_key(engine: Engine, *, organization: bytes, name: str, scopes: frozenset[str], now: int) -> NewKey:
    """A key of the organization. Whoever asks for it has already been allowed to."""
    check_scopes(scopes)
    key_id, secret = secrets.token_hex(ID_BYTES), secrets.token_urlsafe(SECRET_BYTES)
    with writing(engine) as connection:
        rows.insert_key(
            connection,
            {
                "id": key_id,
                "organization": organization,
                "name": name,
                "secret_hash": _hash(secret),
                "scopes": " ".join(sorted(scopes)),
                "created_at": datetime.fromtimestamp(now, UTC),
            },
        )
    return NewKey(key_id, f"{PREFIX}_{key_id}_{secret}")


def revoke_key(engine: Engine, *, principal: Principal, key_id: str, now: int) -> None:
    """Raises NotFound for a key that is not there or not the principal's to revoke."""
    with writing(engine) as connection:
        owner = rows.key_owner(connection, key_id)
        if owner is None or not principal.may_see(owner):
            raise NotFound("There is no such key.")
        rows.revoke_key(connection, key_id, datetime.fromtimestamp(now, UTC))


def authenticate(engine: Engine, token: str) -> Principal:
    """Raises Unauthenticated for anything but a living key: what exactly was wrong is nobody's business."""
    parts = token.split("_", 2)
    if len(parts) != 3 or parts[0] != PREFIX:
        raise Unauthenticated
    with reading(engine) as connection:
        return _principal(connection, parts[1], parts[2])


def principal_of(connection: Connection, key_id: str) -> Principal | None:
    """Of a living key that was shown before: for a browser that signed in with it."""
    row = rows.live_key(connection, key_id)
    return None if row is None else Principal(key_id, OrganizationId(row.organization), frozenset(row.scopes.split()))


def _principal(connection: Connection, key_id: str, secret: str) -> Principal:
    row = rows.live_key(connection, key_id)
    if row is None or not hmac.compare_digest(row.secret_hash, _hash(secret)):
        raise Unauthenticated
    return Principal(key_id, OrganizationId(row.organization), frozenset(row.scopes.split()))


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


class Limiter:
    """A bucket of requests per caller: filled at the rate per minute, as deep as one minute's worth.

    In memory, per process: a fleet of n processes lets n times the rate through. The bound on buckets keeps a flood of addresses from
    eating the memory; the one that was asked longest ago is forgotten first (it is full again by then, or nearly).
    """

    def __init__(self, *, anonymous_per_minute: int, key_per_minute: int) -> None:
        self._rates = {False: anonymous_per_minute, True: key_per_minute}
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # caller → (left, as of)
        self._lock = Lock()

    def take(self, caller: str, *, is_key: bool, at: float, cost: int = 1) -> None:
        """Raises RateLimited, with the seconds to wait in its facts."""
        rate = self._rates[is_key]
        with self._lock:
            left, since = self._buckets.get(caller, (float(rate), at))
            left = min(float(rate), left + max(0.0, at - since) * rate / 60)
            enough = left >= cost
            self._buckets[caller] = (left - cost if enough else left, at)
            self._buckets.move_to_end(caller)
            if len(self._buckets) > MOST_BUCKETS:
                self._buckets.popitem(last=False)
        if not enough:
            raise RateLimited(retry_after=max(1, int((cost - left) * 60 / rate + 0.999)))
