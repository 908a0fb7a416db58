"""Watches: what of an answer is watched, when it may change by the clock alone, and how they are kept.

What is watched is the decision, the reasons, who holds the item and which verdict is in force; not that an event is still pending or not
final, which says of every event that it has just happened.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Connection, Row, Table, bindparam, delete, select, text

from ledger_api.domain.fields import rfc3339
from ledger_api.verification.answering import Given, Json, Seen
from ledger_api.verification.asking import VerificationIn, WatchIn
from ledger_api.verification.codes import Decision
from ledger_api.verification.decision import Answer, AsOf
from ledger_api.verification.statement import digest_of
from ledger_api.verification.tables import WatchRow

UNSETTLED = frozenset({"not-final", "pending", "stale"})
USUAL_DAYS, LONGEST_DAYS = 90, 365
LOOKED_AT_SECONDS = 6 * 3600  # whatever happens, every watch is looked at so often: a brand may hide an item without an event

watches: Table = WatchRow.__table__  # type: ignore[attr-defined]  # SQLModel sets it

_KEEP = text(
    "INSERT INTO watches (id, organization, item, gtin, serial, request, digest, answer, until, due_at, created_at)"
    " VALUES (:id, :organization, :item, :gtin, :serial, :request, :digest, :answer, :until, :due_at, :created_at)"
    " ON CONFLICT (organization, digest) DO UPDATE SET item = excluded.item, gtin = excluded.gtin, serial = excluded.serial,"
    " answer = excluded.answer, until = excluded.until, due_at = excluded.due_at RETURNING id"
).bindparams(*(bindparam(name, type_=watches.c[name].type) for name in ("until", "due_at", "created_at")))


def gist(answer: Answer, seen: Seen, here: AsOf) -> Json:
    """What is watched of an answer, as it is kept and told."""
    reasons = [reason for reason in answer.reasons if reason.code not in UNSETTLED]
    decision = max((reason.decision for reason in reasons), default=Decision.ACCEPT)
    shown = seen.shown
    return {
        "decision": decision.code,
        "reasons": [reason.document() for reason in reasons],
        "holder": None if shown is None else "0x" + shown.state.holder.hex(),
        "verdict": None if shown is None else shown.state.verdict_sequence,
        "as_of": {"block": here.block, "block_hash": "0x" + here.block_hash.hex(), "time": rfc3339(here.time)},
    }


def changed(old: Json, new: Json) -> list[str]:
    """Which of the watched things differ."""
    return [name for name in ("decision", "reasons", "holder", "verdict") if old[name] != new[name]]


def next_look(question: VerificationIn, seen: Seen, *, until: datetime, now: datetime) -> datetime:
    """The first moment at which the answer may change although nothing happens."""
    moments = [int(until.timestamp()), int(now.timestamp()) + LOOKED_AT_SECONDS]
    if question.consent is not None:
        moments.append(question.consent.deadline + 1)
    if seen.found is not None:
        moments += [seen.found.state.verdict_expiry, seen.found.state.aside.verification_until + 1]
    return datetime.fromtimestamp(min(moment for moment in moments if moment > now.timestamp()), UTC)


def until_of(question: VerificationIn, *, now: datetime) -> datetime:
    wanted = question.watch.until if isinstance(question.watch, WatchIn) else None
    latest = now + timedelta(days=LONGEST_DAYS)
    return now + timedelta(days=USUAL_DAYS) if wanted is None else min(datetime.fromtimestamp(wanted, UTC), latest)


def keep(connection: Connection, given: Given, *, by: bytes, new_id: str, now: int) -> Json | None:
    """The watch as it is answered; None: none was asked for, or its end has passed."""
    at, item = datetime.fromtimestamp(now, UTC), item_of(given.question, given.seen)
    until = until_of(given.question, now=at)
    if not given.question.watch or until <= at:
        return None
    gtin, serial = given.question.names or (None, None) if item is None else (None, None)
    asked = {name: value for name, value in given.request.items() if name != "place"}  # where it was once says nothing later
    again = {name: value for name, value in asked.items() if name != "watch"}  # with another end it is the same watch
    row = {
        "id": new_id, "organization": by, "item": item, "gtin": gtin, "serial": serial,
        "request": orjson.dumps(asked).decode(), "digest": digest_of(again),
        "answer": orjson.dumps(gist(given.answer, given.seen, given.here)).decode(), "until": until,
        "due_at": at, "created_at": at,  # looked at once: what was written since this answer was read must not be missed
    }  # fmt: skip
    return {"id": str(connection.execute(_KEEP, row).scalar_one()), "until": rfc3339(int(until.timestamp()))}


def item_of(question: VerificationIn, seen: Seen) -> bytes | None:
    """Which item is watched, as far as whoever asks knows: what they may see, or what they named by its id."""
    return question.id if seen.shown is None else seen.shown.item


def of(connection: Connection, organization: bytes, *, after: str, most: int) -> Sequence[Row[Any]]:
    chosen = select(watches).where(watches.c.organization == organization, watches.c.id > after)
    return connection.execute(chosen.order_by(watches.c.id).limit(most)).all()


def end(connection: Connection, organization: bytes, watch: str) -> bool:
    """Whether there was one."""
    return bool(connection.execute(delete(watches).where(watches.c.id == watch, watches.c.organization == organization)).rowcount)
