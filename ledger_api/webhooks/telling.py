"""How the rest of the service tells: one row in the caller's transaction. What was not committed was never told."""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import Connection, Table, insert

from ledger_api.webhooks.kinds import TYPES
from ledger_api.webhooks.tables import NoticeRow

SUBJECT_LENGTH = 80

notices: Table = NoticeRow.__table__  # type: ignore[attr-defined]  # SQLModel sets it


def tell(
    connection: Connection,
    organization: bytes,
    kind: str,
    subject: str,
    body: Mapping[str, Any],
    *,
    at: datetime,
    endpoint: str | None = None,
) -> str:
    """The notice's id. Notices of one subject are delivered in the order in which they were written.

    `subject` names what it is about (`item:0x…`, `case:…`). Two transactions that tell of one subject must not run at the same time:
    whoever changes a thing holds its row. `endpoint`: told to this one alone.
    """
    assert kind in TYPES, f"{kind} is in no table"
    assert len(subject) <= SUBJECT_LENGTH
    told = {"type": kind, "timestamp": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), "subject": subject, "data": body}
    row = {
        "id": f"msg_{int(at.timestamp() * 1000):012x}{secrets.token_hex(10)}",
        "organization": organization,
        "endpoint": endpoint,
        "type": kind,
        "subject": subject,
        "body": orjson.dumps(told).decode(),
        "created_at": at,
    }
    connection.execute(insert(notices), row)
    return row["id"]  # type: ignore[return-value]  # a str among others
