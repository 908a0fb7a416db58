"""Who sits at an authenticator's desk: taken on with an API key of their own, known to everybody else by a reference alone."""

import secrets
from datetime import UTC, datetime
from typing import NamedTuple

import orjson
from sqlalchemy import Engine

from ledger_api.auth import NewKey, Scope, create_key
from ledger_api.desk.rows import queue as line
from ledger_api.store.engine import writing

LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"


class Taken(NamedTuple):
    appraiser: str
    key: NewKey


def take_on(engine: Engine, organization: bytes, name: str, *, is_senior: bool, categories: list[str] | None, now: int) -> Taken:
    """A person who judges, and the key that is shown once. Whether the organization runs a desk has been settled by the door."""
    key = create_key(engine, organization=organization, name=f"appraiser {name}"[:255], scopes=frozenset({Scope.DESK}), now=now)
    reference = "ap-" + "".join(secrets.choice(LETTERS) for _ in range(10))
    row = {
        "id": reference,
        "organization": organization,
        "key_id": key.id,
        "name": name,
        "is_senior": is_senior,
        "categories": None if categories is None else orjson.dumps(categories).decode(),
        "is_active": True,
        "created_at": datetime.fromtimestamp(now, UTC),
    }
    with writing(engine) as connection:
        line.keep_appraiser(connection, row)
    return Taken(reference, key)
