"""Second opinions that were asked for. Whether one is answered is read from the records: nothing has to be closed by hand."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, DateTime, bindparam, text

_KEEP = text(
    "INSERT INTO opinion_requests (item, organization, sequence, until, created_at)"
    " SELECT item, :organization, sequence, :until, :now FROM items WHERE item = :item"
    " ON CONFLICT (item, organization) DO UPDATE SET sequence = excluded.sequence, until = excluded.until, created_at = excluded.created_at"
).bindparams(bindparam("until", type_=DateTime(timezone=True)), bindparam("now", type_=DateTime(timezone=True)))
# answered by the first verdict since by somebody who had not judged the item before, nor asked
_ANSWERED = (
    "SELECT min(answer.sequence) FROM records AS answer WHERE answer.item = asked.item AND answer.kind = 7"
    " AND answer.sequence > asked.sequence AND answer.organization <> asked.organization"
    " AND NOT EXISTS (SELECT 1 FROM records AS earlier WHERE earlier.item = asked.item AND earlier.kind IN (7, 8)"
    " AND earlier.organization = answer.organization AND earlier.sequence <= asked.sequence)"
)
_COLUMNS = (
    "SELECT asked.item, asked.organization, asked.sequence, asked.until, asked.created_at, items.brand, items.state,"
    f" ({_ANSWERED}) AS answered_by FROM opinion_requests AS asked JOIN items ON items.item = asked.item"
)
_TIMES = {"until": DateTime(timezone=True), "created_at": DateTime(timezone=True)}
_OPEN = text(
    f"{_COLUMNS} WHERE asked.until > :now AND asked.organization <> :organization AND ({_ANSWERED}) IS NULL"
    " AND NOT EXISTS (SELECT 1 FROM records AS own WHERE own.item = asked.item AND own.kind IN (7, 8) AND own.organization = :organization)"
    " AND (asked.item, asked.organization) > (:item, :asker) ORDER BY asked.item, asked.organization LIMIT :most"
).bindparams(bindparam("now", type_=DateTime(timezone=True)))
_BY = text(f"{_COLUMNS} WHERE asked.organization = :organization AND asked.item > :item ORDER BY asked.item LIMIT :most")
_THIS = text(f"{_COLUMNS} WHERE asked.organization = :organization AND asked.item = :item")
OPEN, BY, THIS = (statement.columns(**_TIMES) for statement in (_OPEN, _BY, _THIS))


class Asked(NamedTuple):
    """`sequence`: how many events the item had when it was asked. `answered_by`: the verdict that answers, or None."""

    item: bytes
    organization: bytes
    sequence: int
    until: datetime
    created_at: datetime
    brand: bytes
    state: bytes
    answered_by: int | None


def keep(connection: Connection, item: bytes, organization: bytes, *, until: datetime, now: datetime) -> Asked | None:
    """One per item and asker; asking again asks anew. None: a reorg has taken the item."""
    connection.execute(_KEEP, {"item": item, "organization": organization, "until": until, "now": now})
    found = connection.execute(THIS, {"item": item, "organization": organization}).first()
    return None if found is None else _asked(found)


def open_to(connection: Connection, organization: bytes, *, now: datetime, after: tuple[bytes, bytes], most: int) -> Sequence[Asked]:
    """Unanswered requests of others on items that this organization has not judged, by item and asker."""
    told = {"organization": organization, "now": now, "item": after[0], "asker": after[1], "most": most}
    return [_asked(row) for row in connection.execute(OPEN, told)]


def asked_by(connection: Connection, organization: bytes, *, after: bytes, most: int) -> Sequence[Asked]:
    """Answered and overdue ones too."""
    return [_asked(row) for row in connection.execute(BY, {"organization": organization, "item": after, "most": most})]


def _asked(row: Any) -> Asked:
    found = row._mapping
    return Asked(*(found[name] for name in Asked._fields))
