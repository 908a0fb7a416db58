"""What a caller follows after acceptance: events and submissions with their status, and answers kept under an Idempotency-Key."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, case, func, literal, select, text
from sqlmodel import SQLModel

from ledger_api import tables  # noqa: F401  # the import makes the tables known to the metadata

AnyRow = Row[*tuple[Any, ...]]

_table = SQLModel.metadata.tables
EVENTS, RECORDS, PAYLOADS, SUBMISSIONS = _table["events"], _table["records"], _table["payloads"], _table["submissions"]
CURSOR, IDEMPOTENCY, BLOCKS = _table["chain_cursor"], _table["idempotency"], _table["blocks"]

_FINAL_BLOCK = select(CURSOR.c.final_block).where(CURSOR.c.id == 1).scalar_subquery()
_IS_RECORDED = EVENTS.c.status.in_(("recorded", "final"))
# final is a matter of the watermark alone, so that moving it rewrites no event
STATUS = case((and_(_IS_RECORDED, RECORDS.c.block_number <= _FINAL_BLOCK), literal("final")), else_=EVENTS.c.status)
WITH_RECORDS = EVENTS.outerjoin(RECORDS, and_(RECORDS.c.event_hash == EVENTS.c.event_hash, _IS_RECORDED))
# a parked event's dead letter: itself, or the one that it waits behind
_LETTERS = EVENTS.alias("letters")
_WITH_LETTERS = WITH_RECORDS.outerjoin(_LETTERS, and_(_LETTERS.c.id == EVENTS.c.parked, EVENTS.c.status == "accepted"))
_PARKED = (
    _LETTERS.c.event_id.label("letter"),
    _LETTERS.c.error.label("letter_error"),
    _LETTERS.c.failures.label("letter_failures"),
)

_SUBMISSION = select(SUBMISSIONS).where(SUBMISSIONS.c.id == bindparam("id"))
_COUNTS = (
    select(STATUS.label("status"), func.count().label("count"), func.count(EVENTS.c.parked).label("parked"))
    .select_from(WITH_RECORDS)
    .where(EVENTS.c.submission == bindparam("id"))
    .group_by(text("1"))
)
_UNSURE = (
    select(EVENTS.c.id).where(EVENTS.c.submission == bindparam("id"), EVENTS.c.refused_block > func.coalesce(_FINAL_BLOCK, -1)).limit(1)
)
_EVENTS_OF = (
    select(
        EVENTS.c.position,
        EVENTS.c.event_id,
        EVENTS.c.item,
        EVENTS.c.kind,
        STATUS.label("status"),
        EVENTS.c.reason,
        EVENTS.c.error,
        *_PARKED,
    )
    .select_from(_WITH_LETTERS)
    .where(EVENTS.c.submission == bindparam("id"), EVENTS.c.position > bindparam("after"))
    .order_by(EVENTS.c.position)
    .limit(bindparam("limit"))
)
# of several rows with this id at most one lives: the others were refused, and the newest of them is the last word
_EVENT = (
    select(
        EVENTS,
        STATUS.label("standing"),
        RECORDS.c.sequence,
        RECORDS.c.block_number,
        RECORDS.c.block_time,
        RECORDS.c.transaction_hash,
        PAYLOADS.c.body,
        *_PARKED,
    )
    .select_from(_WITH_LETTERS.outerjoin(PAYLOADS, PAYLOADS.c.event_id == EVENTS.c.event_id))
    .where(EVENTS.c.event_id == bindparam("event_id"))
    .order_by(case((EVENTS.c.status == "refused", 1), else_=0), EVENTS.c.id.desc())
    .limit(1)
)
# an event that only the chain knows: sent through another service, or lost with a database and read back
_RECORD = (
    select(RECORDS, PAYLOADS.c.body, (RECORDS.c.block_number <= _FINAL_BLOCK).label("is_final"))
    .outerjoin(PAYLOADS, PAYLOADS.c.event_id == RECORDS.c.event_id)
    .where(RECORDS.c.event_id == bindparam("event_id"))
    .limit(1)
)
_CLAIM = text(
    "INSERT INTO idempotency (key_id, key, request_hash, created_at) VALUES (:key_id, :key, :request_hash, :now)"
    " ON CONFLICT (key_id, key) DO NOTHING"
).bindparams(bindparam("now", type_=IDEMPOTENCY.c.created_at.type))
_RECLAIM = text(
    "UPDATE idempotency SET created_at = :now WHERE key_id = :key_id AND key = :key AND status IS NULL AND created_at < :stale"
).bindparams(bindparam("now", type_=IDEMPOTENCY.c.created_at.type), bindparam("stale", type_=IDEMPOTENCY.c.created_at.type))
_RENEW = text("UPDATE idempotency SET created_at = :now WHERE key_id = :key_id AND key = :key AND status IS NULL").bindparams(
    bindparam("now", type_=IDEMPOTENCY.c.created_at.type)
)
_KEPT = select(IDEMPOTENCY).where(IDEMPOTENCY.c.key_id == bindparam("key_id"), IDEMPOTENCY.c.key == bindparam("key"))
_ANSWER = text(
    "UPDATE idempotency SET status = :status, response = :response WHERE key_id = :key_id AND key = :key AND request_hash = :request_hash"
)
_RELEASE = text("DELETE FROM idempotency WHERE key_id = :key_id AND key = :key AND request_hash = :request_hash AND status IS NULL")
_EXPIRE = text("DELETE FROM idempotency WHERE created_at < :before").bindparams(bindparam("before", type_=IDEMPOTENCY.c.created_at.type))


def submission(connection: Connection, submission_id: str) -> AnyRow | None:
    return connection.execute(_SUBMISSION, {"id": submission_id}).first()


def counts(connection: Connection, submission_id: str) -> dict[str, int]:
    """How many of its events have each status, and how many of the accepted ones are `parked`."""
    rows = connection.execute(_COUNTS, {"id": submission_id}).all()
    parked = sum(stopped for status, _, stopped in rows if status == "accepted")
    return {status: count for status, count, _ in rows} | {"parked": parked}


def may_change(connection: Connection, submission_id: str) -> bool:
    """Was an event of it refused in a block that is not final yet? A reorg would accept it again."""
    return connection.execute(_UNSURE, {"id": submission_id}).first() is not None


def events_of(connection: Connection, submission_id: str, *, after: int, limit: int) -> Sequence[AnyRow]:
    return connection.execute(_EVENTS_OF, {"id": submission_id, "after": after, "limit": limit}).all()


def event(connection: Connection, event_id: bytes) -> AnyRow | None:
    return connection.execute(_EVENT, {"event_id": event_id}).first()


def record(connection: Connection, event_id: bytes) -> AnyRow | None:
    return connection.execute(_RECORD, {"event_id": event_id}).first()


# --- Idempotency-Key -------------------------------------------------------------------------------------------------


def claim_key(connection: Connection, *, key_id: str, key: str, request_hash: bytes, now: datetime, stale: datetime) -> bool:
    """Whether the request is ours to answer: nobody asked it before, or whoever did died before answering (older than `stale`)."""
    mine = {"key_id": key_id, "key": key, "now": now}
    if connection.execute(_CLAIM, {**mine, "request_hash": request_hash}).rowcount == 1:
        return True
    kept = kept_answer(connection, key_id=key_id, key=key)
    if kept is None or kept.request_hash != request_hash:
        return False
    return connection.execute(_RECLAIM, {**mine, "stale": stale}).rowcount == 1


def kept_answer(connection: Connection, *, key_id: str, key: str) -> AnyRow | None:
    return connection.execute(_KEPT, {"key_id": key_id, "key": key}).first()


def renew_key(connection: Connection, *, key_id: str, key: str, now: datetime) -> None:
    """The claim's process lives: a long answer must not look like a lost one."""
    connection.execute(_RENEW, {"key_id": key_id, "key": key, "now": now})


def keep_answer(connection: Connection, *, key_id: str, key: str, request_hash: bytes, status: int, response: bytes) -> None:
    """Nothing happens when the key is another request's by now."""
    mine = {"key_id": key_id, "key": key, "request_hash": request_hash}
    connection.execute(_ANSWER, mine | {"status": status, "response": response})


def release_key(connection: Connection, *, key_id: str, key: str, request_hash: bytes) -> None:
    """The request failed before it changed anything: it may be sent again under the same key."""
    connection.execute(_RELEASE, {"key_id": key_id, "key": key, "request_hash": request_hash})


def expire_keys(connection: Connection, before: datetime) -> None:
    connection.execute(_EXPIRE, {"before": before})
