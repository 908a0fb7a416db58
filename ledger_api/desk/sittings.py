"""A browser in which somebody of the desk is signed in: an appraiser, or whoever leads it. The API key is given once and kept nowhere; a
cookie stands for it, for a day's work, and no longer than the key lives.
"""

import hashlib
import secrets
from datetime import datetime, timedelta

from sqlalchemy import Connection, Table, delete, insert, select

from ledger_api.desk.tables import SittingRow

HOURS = 12

_sittings: Table = SittingRow.__table__  # type: ignore[attr-defined]  # SQLModel sets it


def begin(connection: Connection, key_id: str, *, now: datetime) -> str:
    """What the cookie holds; shown to nobody else. Sittings that ran out are cleared away meanwhile."""
    token = secrets.token_urlsafe(32)
    connection.execute(delete(_sittings).where(_sittings.c.expires_at < now))
    row = {"token_hash": _hash(token), "key_id": key_id, "created_at": now, "expires_at": now + timedelta(hours=HOURS)}
    connection.execute(insert(_sittings).values(**row))
    return token


def key_of(connection: Connection, token: str, *, now: datetime) -> str | None:
    """The id of the key it stands for; whether that key is alive is for the directory to say."""
    asked = select(_sittings.c.key_id).where(_sittings.c.token_hash == _hash(token), _sittings.c.expires_at >= now)
    found = connection.execute(asked).scalar()
    return None if found is None else str(found)


def end(connection: Connection, token: str) -> None:
    connection.execute(delete(_sittings).where(_sittings.c.token_hash == _hash(token)))


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
