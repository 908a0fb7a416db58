"""What an organization does with its endpoints: opens, changes, rotates a secret, replays, reads what was told and delivered."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Connection, Row, delete, func, insert, select, update

from ledger_api.webhooks import kinds
from ledger_api.webhooks.errors import EndpointStopped, NoSuchEndpoint, TooManyEndpoints, UnknownNoticeType
from ledger_api.webhooks.lines import add, attempts, deliveries, endpoints, hold, last_position, lines, notices
from ledger_api.webhooks.signing import SALT_BYTES
from ledger_api.webhooks.telling import tell

MOST_ENDPOINTS = 10
MOST_REPLAYED = 10_000

AnyRow = Row[Any]


@dataclass(frozen=True, slots=True)
class Terms:
    """What the wiring says: salt → secret of an endpoint, and whether endpoints may be on this very machine."""

    secret: Callable[[bytes], bytes]
    loopback: bool = False


def of(connection: Connection, organization: bytes) -> Sequence[AnyRow]:
    return connection.execute(select(endpoints).where(endpoints.c.organization == organization).order_by(endpoints.c.id)).all()


def one(connection: Connection, organization: bytes, endpoint: str, *, lock: bool = False) -> AnyRow:
    """Raises NoSuchEndpoint, also for another organization's: not even its existence is told."""
    asked = select(endpoints).where(endpoints.c.id == endpoint, endpoints.c.organization == organization)
    found = connection.execute(asked.with_for_update() if lock else asked).first()
    if found is None:
        raise NoSuchEndpoint
    return found


def check_types(types: Sequence[str] | None) -> str | None:
    """As it is kept. Raises UnknownNoticeType."""
    unknown = [one for one in types or () if not kinds.is_known(one)]
    if unknown:
        raise UnknownNoticeType(unknown=unknown, types=sorted(kinds.TYPES))
    return None if types is None else orjson.dumps(sorted(set(types))).decode()


def begin(
    connection: Connection, organization: bytes, *, endpoint: str, url: str, types: str | None, description: str, at: datetime
) -> AnyRow:
    """Raises TooManyEndpoints."""
    theirs = select(endpoints.c.id).where(endpoints.c.organization == organization).order_by(endpoints.c.id)
    connection.execute(theirs.with_for_update(key_share=True))  # whoever opens one at the same time is seen, then, in the count
    if len(of(connection, organization)) >= MOST_ENDPOINTS:
        raise TooManyEndpoints(most=MOST_ENDPOINTS)
    row = {
        "id": endpoint, "organization": organization, "url": url, "types": types, "description": description, "state": "active",
        "salt": secrets.token_bytes(SALT_BYTES), "created_at": at,
    }  # fmt: skip
    connection.execute(insert(endpoints), row)
    return one(connection, organization, endpoint)


def change(connection: Connection, row: AnyRow, *, url: str, types: str | None, description: str, is_active: bool, at: datetime) -> None:
    """Whole. Going on after a stop sends what waited; what was told in between comes by a replay after `missed_after`."""
    columns: dict[str, Any] = {"url": url, "types": types, "description": description}
    if is_active and row.state != "active":
        columns |= {"state": "active", "why": None, "failing_since": None, "stopped_at": None}
    if not is_active and row.state == "active":
        columns |= {"state": "paused", "stopped_at": at, "missed_after": last_position(connection)}
    connection.execute(update(endpoints).where(endpoints.c.id == row.id).values(**columns))


def rotate(connection: Connection, row: AnyRow, *, overlap: timedelta, at: datetime) -> bytes:
    """The salt of the new secret; until the overlap ends both sign."""
    salt = secrets.token_bytes(SALT_BYTES)
    connection.execute(update(endpoints).where(endpoints.c.id == row.id).values(salt=salt, old_salt=row.salt, old_until=at + overlap))
    return salt


def end(connection: Connection, row: AnyRow) -> None:
    """With everything that was still to be delivered to it, and the log of what was. `row` is locked."""
    its = select(deliveries.c.id).where(deliveries.c.endpoint == row.id)
    connection.execute(delete(attempts).where(attempts.c.delivery.in_(its)))
    connection.execute(delete(deliveries).where(deliveries.c.endpoint == row.id))
    hold(connection, lines.c.endpoint == row.id)
    connection.execute(delete(lines).where(lines.c.endpoint == row.id))
    connection.execute(delete(endpoints).where(endpoints.c.id == row.id))


def test(connection: Connection, row: AnyRow, *, at: datetime) -> str:
    """Raises EndpointStopped."""
    if row.state != "active":
        raise EndpointStopped(state=row.state)
    body = {"endpoint": row.id, "message": "This is a test: nothing happened."}
    return tell(connection, row.organization, "test", f"endpoint:{row.id}", body, at=at, endpoint=row.id)


def replay(connection: Connection, row: AnyRow, *, after: int, until: int | None, at: datetime) -> tuple[int, int | None]:
    """How many notices are delivered once more, under their own ids and in their order, behind what waits already; and where to go on
    when there were more. `row` is locked; what is being forgotten at this moment is passed over. Raises EndpointStopped.
    """
    if row.state != "active":
        raise EndpointStopped(state=row.state)
    chosen = select(notices).where(notices.c.organization == row.organization, notices.c.position > after).order_by(notices.c.position)
    if until is not None:
        chosen = chosen.where(notices.c.position <= until)
    found = connection.execute(chosen.limit(MOST_REPLAYED).with_for_update(read=True, key_share=True, skip_locked=True)).all()
    types = None if row.types is None else orjson.loads(row.types)
    wanted = [notice for notice in found if notice.endpoint in (None, row.id) and kinds.wants(types, notice.type)]
    last_round = select(func.coalesce(func.max(deliveries.c.round), 0)).where(deliveries.c.endpoint == row.id)
    count = connection.execute(last_round).scalar_one() + 1
    add(connection, [{"endpoint": row.id, "notice": one.number, "round": count, "subject": one.subject} for one in wanted], now=at)
    return len(wanted), found[-1].position if len(found) == MOST_REPLAYED else None


def told(connection: Connection, organization: bytes, *, after: int, most: int) -> Sequence[AnyRow]:
    """What was told, oldest first."""
    chosen = select(notices).where(notices.c.organization == organization, notices.c.position > after)
    return connection.execute(chosen.order_by(notices.c.position).limit(most)).all()


_LOG = select(
    deliveries, notices.c.id.label("notice_id"), notices.c.body, notices.c.type, notices.c.position, notices.c.created_at.label("told_at")
).join(notices, notices.c.number == deliveries.c.notice)  # fmt: skip


def log(connection: Connection, endpoint: str, *, state: str | None, before: int | None, most: int) -> Sequence[AnyRow]:
    """Deliveries, newest first."""
    chosen = _LOG.where(deliveries.c.endpoint == endpoint).order_by(deliveries.c.id.desc()).limit(most)
    chosen = chosen if before is None else chosen.where(deliveries.c.id < before)
    return connection.execute(chosen if state is None else chosen.where(deliveries.c.state == state)).all()


def delivery(connection: Connection, endpoint: str, number: int) -> AnyRow | None:
    return connection.execute(_LOG.where(deliveries.c.endpoint == endpoint, deliveries.c.id == number)).first()


def attempts_of(connection: Connection, number: int) -> Sequence[AnyRow]:
    return connection.execute(select(attempts).where(attempts.c.delivery == number).order_by(attempts.c.id)).all()


def waiting(connection: Connection, endpoint: str) -> int:
    asked = select(func.count()).where(deliveries.c.endpoint == endpoint, deliveries.c.state == "waiting")
    return int(connection.execute(asked).scalar_one())
