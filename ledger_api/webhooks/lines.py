"""What a notifier asks of the database: new notices become deliveries, lines are taken, answers are noted. Functions of a connection.

1. `spread`: notices get their positions and their deliveries; by one process at a time, under a lease.
2. `take`: the first delivery of each line that is due and nobody living has.
3. `settle`: what came of them; the line goes on, waits, or ends.

A line is held by an owner while that owner is alive (`prove`). On PostgreSQL all who write take their locks in one order, so that nobody
waits for who waits for him: endpoints (`stay`; whoever ends or replays one has it alone), deliveries, lines (`hold`). `take` waits for
nothing: it skips what is locked.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import orjson
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    Table,
    bindparam,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    text,
    tuple_,
    update,
)

from ledger_api.columns import utc
from ledger_api.webhooks import kinds
from ledger_api.webhooks.retrying import pause
from ledger_api.webhooks.tables import AttemptRow, DeliveryRow, EndpointRow, LineRow, NoticeRow, NotifierRow
from ledger_api.webhooks.telling import tell

MOST_AT_ONCE = 500
FAILING_SECONDS = 5 * 86_400  # without one success: nothing is sent any more
KEPT_DAYS = 30

endpoints: Table = EndpointRow.__table__  # type: ignore[attr-defined]  # SQLModel sets it, here and below
notices: Table = NoticeRow.__table__  # type: ignore[attr-defined]
deliveries: Table = DeliveryRow.__table__  # type: ignore[attr-defined]
lines: Table = LineRow.__table__  # type: ignore[attr-defined]
attempts: Table = AttemptRow.__table__  # type: ignore[attr-defined]
notifiers: Table = NotifierRow.__table__  # type: ignore[attr-defined]

# an existing line is touched, so that whoever is about to end it (`settle`) has ended it, or sees what was added
_LENGTHEN = text(
    "INSERT INTO webhook_lines (endpoint, subject, due_at) VALUES (:endpoint, :subject, :due_at)"
    " ON CONFLICT (endpoint, subject) DO UPDATE SET subject = excluded.subject"
).bindparams(bindparam("due_at", type_=lines.c.due_at.type))
_PROVE = text(
    "INSERT INTO webhook_notifiers (owner, expires_at) VALUES (:owner, :until) ON CONFLICT (owner) DO UPDATE SET expires_at = :until"
).bindparams(bindparam("until", type_=notifiers.c.expires_at.type))
_WAITS = exists().where(
    deliveries.c.state == text("'waiting'"), deliveries.c.endpoint == lines.c.endpoint, deliveries.c.subject == lines.c.subject
)


class Job(NamedTuple):
    """The first delivery of a line, and where it goes."""

    endpoint: str
    subject: str
    delivery: int
    tries: int
    notice: str
    body: str
    url: str
    salts: tuple[bytes, ...]
    failing_since: datetime | None


class Done(NamedTuple):
    """What came of a job. Neither status nor `why`: it was not sent."""

    job: Job
    at: datetime
    milliseconds: int = 0
    status: int | None = None
    why: str | None = None

    @property
    def is_good(self) -> bool:
        return self.status is not None and self.why is None

    @property
    def was_sent(self) -> bool:
        return self.status is not None or self.why is not None


class Terms(NamedTuple):
    """How a turn is taken: by whom, when, how patiently. `draw` is a number from [0, 1) for each pause."""

    owner: str
    now: datetime
    first_pause_seconds: float
    draws: Sequence[float]


# --- 1


def has_new(connection: Connection) -> bool:
    return connection.execute(select(notices.c.number).where(notices.c.position.is_(None)).limit(1)).first() is not None


def spread(connection: Connection, *, now: datetime, most: int = MOST_AT_ONCE) -> int:
    """How many notices got their deliveries. The caller holds the lease."""
    new = connection.execute(select(notices).where(notices.c.position.is_(None)).order_by(notices.c.number).limit(most)).all()
    if not new:
        return 0
    top = connection.execute(select(func.coalesce(func.max(notices.c.position), 0))).scalar_one()
    numbered = [{"this": notice.number, "place": top + count} for count, notice in enumerate(new, 1)]
    connection.execute(update(notices).where(notices.c.number == bindparam("this")).values(position=bindparam("place")), numbered)
    listening: dict[bytes, list[Row[Any]]] = {}
    theirs = select(endpoints).where(endpoints.c.organization.in_({notice.organization for notice in new}))
    for endpoint in connection.execute(_staying(theirs)):  # those that stand still too: one that goes on at this moment is seen, or waits
        if endpoint.state == "active":
            listening.setdefault(endpoint.organization, []).append(endpoint)
    added = [
        {"endpoint": endpoint.id, "notice": notice.number, "round": 0, "subject": notice.subject}
        for notice in new
        for endpoint in listening.get(notice.organization, ())
        if _goes_to(notice, endpoint)
    ]
    add(connection, added, now=now)
    return len(new)


def _goes_to(notice: Row[Any], endpoint: Row[Any]) -> bool:
    if notice.endpoint is not None:
        return bool(notice.endpoint == endpoint.id)
    return kinds.wants(None if endpoint.types is None else orjson.loads(endpoint.types), notice.type)


def add(connection: Connection, added: Sequence[dict[str, Any]], *, now: datetime) -> None:
    """Deliveries at the end of their lines."""
    if not added:
        return
    connection.execute(insert(deliveries), [{"state": "waiting", "tries": 0} | row for row in added])
    touched = sorted({(row["endpoint"], row["subject"]) for row in added})
    connection.execute(_LENGTHEN, [{"endpoint": endpoint, "subject": subject, "due_at": now} for endpoint, subject in touched])


def _staying(chosen: Select[Any]) -> Select[Any]:
    """Endpoints, none of which ends before this transaction does. Others may stay with them too."""
    return chosen.order_by(endpoints.c.id).with_for_update(read=True, key_share=True)


def hold(connection: Connection, which: ColumnElement[bool]) -> None:
    """Lines, in the order in which `add` touches them. On SQLite the writer's lock already has them."""
    if connection.dialect.name == "postgresql":
        in_order = (lines.c.endpoint.collate("C"), lines.c.subject.collate("C"))
        connection.execute(select(lines.c.endpoint).where(which).order_by(*in_order).with_for_update())


# --- 2


def prove(connection: Connection, owner: str, *, until: datetime) -> None:
    """This process is alive; what it has taken is its own until then."""
    connection.execute(_PROVE, {"owner": owner, "until": until})


def leave(connection: Connection, owner: str, *, now: datetime) -> None:
    """Others may have everything at once. Notifiers that died long ago are forgotten too."""
    mine = lines.c.owner == owner
    hold(connection, mine)
    connection.execute(update(lines).where(mine).values(owner=None))
    dead = notifiers.c.expires_at < now - timedelta(hours=1)
    connection.execute(delete(notifiers).where(or_(notifiers.c.owner == owner, dead)))


def _free(now: datetime, crowded: Collection[str]) -> Any:
    """Lines that may be taken now."""
    is_held = exists().where(notifiers.c.owner == lines.c.owner, notifiers.c.expires_at >= now)
    is_open = exists().where(endpoints.c.id == lines.c.endpoint, endpoints.c.state == "active")
    chosen = select(lines).where(lines.c.due_at <= now, or_(lines.c.owner.is_(None), ~is_held), is_open)
    return chosen.where(lines.c.endpoint.not_in(crowded)) if crowded else chosen


def _living(connection: Connection, owners: Collection[str], now: datetime) -> set[str]:
    """Asked again once lines are locked: PostgreSQL looked for their owners as it saw the database before, and one that had just begun, or
    was late with its proof, was not alive then."""
    if not owners:
        return set()
    proved = select(notifiers.c.owner).where(notifiers.c.owner.in_(owners), notifiers.c.expires_at >= now)
    return set(connection.execute(proved).scalars())


def is_due(connection: Connection, *, now: datetime, crowded: Collection[str] = ()) -> bool:
    return connection.execute(_free(now, crowded).limit(1)).first() is not None


def take(connection: Connection, terms: Terms, *, most: int, crowded: Collection[str] = (), per_endpoint: int = MOST_AT_ONCE) -> list[Job]:
    """Up to `most` jobs, up to `per_endpoint` of each endpoint and none of the crowded ones: one that is slow must not hold up the rest."""
    free = _free(terms.now, crowded).order_by(lines.c.due_at).limit(most).with_for_update(skip_locked=True, of=lines)
    locked = connection.execute(free).all()
    held = _living(connection, {line.owner for line in locked if line.owner is not None}, terms.now)
    counts: dict[str, int] = {}
    found = []
    for line in locked:
        if line.owner in held:
            continue
        counts[line.endpoint] = counts.get(line.endpoint, 0) + 1
        if counts[line.endpoint] <= per_endpoint:
            found.append(line)
    if not found:
        return []
    keys = [{"this": line.endpoint, "about": line.subject} for line in found]
    mine = update(lines).where(lines.c.endpoint == bindparam("this"), lines.c.subject == bindparam("about")).values(owner=terms.owner)
    connection.execute(mine, keys)
    jobs = _first(connection, [(line.endpoint, line.subject) for line in found], terms.now)
    left_over = {(line.endpoint, line.subject) for line in found if line.owner is not None}
    interrupted = [
        {"delivery": job.delivery, "at": terms.now, "milliseconds": 0, "why": "interrupted"}
        for job in jobs
        if (job.endpoint, job.subject) in left_over
    ]
    if interrupted:
        connection.execute(insert(attempts), interrupted)
    return jobs


def _first(connection: Connection, taken: Sequence[tuple[str, str]], now: datetime) -> list[Job]:
    head = (
        select(func.min(deliveries.c.id))
        .where(deliveries.c.state == text("'waiting'"), tuple_(deliveries.c.endpoint, deliveries.c.subject).in_(taken))
        .group_by(deliveries.c.endpoint, deliveries.c.subject)
    )
    place = (endpoints.c.url, endpoints.c.salt, endpoints.c.old_salt, endpoints.c.old_until, endpoints.c.failing_since)
    its = (deliveries.c.endpoint, deliveries.c.subject, deliveries.c.id, deliveries.c.tries)
    joined = select(*its, notices.c.id.label("notice"), notices.c.body, *place).join(notices, notices.c.number == deliveries.c.notice)
    jobs = []
    for row in connection.execute(joined.join(endpoints, endpoints.c.id == deliveries.c.endpoint).where(deliveries.c.id.in_(head))):
        old = (row.old_salt,) if row.old_salt is not None and utc(row.old_until) > now else ()
        since = None if row.failing_since is None else utc(row.failing_since)
        jobs.append(Job(*row[:6], row.url, (row.salt, *old), since))
    return jobs


# --- 3


def settle(connection: Connection, terms: Terms, done: Sequence[Done]) -> None:
    """A delivery is done with its first 2xx, or after its last try; its line goes on. What another has taken over meanwhile stays its, and
    an endpoint that was ended meanwhile leaves nothing to note."""
    asked = select(endpoints.c.id).where(endpoints.c.id.in_({one.job.endpoint for one in done}))
    there = set(connection.execute(_staying(asked)).scalars()) if done else set()
    drawn = [(one, draw) for one, draw in zip(done, terms.draws, strict=True) if one.job.endpoint in there]
    if not drawn:
        return
    pauses = [
        (one, 0.0 if one.is_good or not one.was_sent else pause(one.job.tries + 1, first_seconds=terms.first_pause_seconds, draw=draw))
        for one, draw in drawn
    ]
    sent = [(one, seconds) for one, seconds in pauses if one.was_sent]
    if sent:
        connection.execute(insert(attempts), [_attempt(one) for one, _ in sent])
        connection.execute(_ANSWERED, sorted((_told(one, seconds) for one, seconds in sent), key=lambda row: row["this"]))
    freed = [
        {"this": one.job.endpoint, "about": one.job.subject, "due": terms.now + timedelta(seconds=seconds or 0.0), "me": terms.owner}
        for one, seconds in pauses
    ]
    theirs = tuple_(lines.c.endpoint, lines.c.subject).in_([(row["this"], row["about"]) for row in freed])
    hold(connection, theirs)
    connection.execute(_FREE_MINE, freed)
    connection.execute(delete(lines).where(theirs, lines.c.owner.is_(None), ~_WAITS))
    _judge(connection, terms.now, [one for one, _ in sent])


_ANSWERED = (
    update(deliveries)
    .where(deliveries.c.id == bindparam("this"), deliveries.c.state == "waiting")
    .values(
        state=bindparam("new_state"), tries=deliveries.c.tries + 1, status=bindparam("new_status"), why=bindparam("new_why"),
        done_at=bindparam("ended"),
    )
)  # fmt: skip
_FREE_MINE = (
    update(lines)
    .where(lines.c.endpoint == bindparam("this"), lines.c.subject == bindparam("about"), lines.c.owner == bindparam("me"))
    .values(owner=None, due_at=bindparam("due"))
)


def _attempt(one: Done) -> dict[str, Any]:
    return {"delivery": one.job.delivery, "at": one.at, "milliseconds": one.milliseconds, "status": one.status, "why": one.why}


def _told(one: Done, seconds: float | None) -> dict[str, Any]:
    state = "delivered" if one.is_good else "given-up" if seconds is None else "waiting"
    ended = None if state == "waiting" else one.at
    return {"this": one.job.delivery, "new_state": state, "new_status": one.status, "new_why": one.why, "ended": ended}


def _judge(connection: Connection, now: datetime, sent: Sequence[Done]) -> None:
    """One success and an endpoint is well; 410, or days without any, and nothing is sent to it any more."""
    answers: dict[str, list[Done]] = {}
    for one in sent:
        answers.setdefault(one.job.endpoint, []).append(one)
    for endpoint, its in sorted(answers.items()):
        this = endpoints.c.id == endpoint
        if any(one.why == "gone" for one in its):
            stop(connection, endpoint, "gone", now=now)
        elif any(one.is_good for one in its):
            connection.execute(update(endpoints).where(this, endpoints.c.failing_since.is_not(None)).values(failing_since=None))
        elif (since := its[0].job.failing_since) is None:
            connection.execute(update(endpoints).where(this, endpoints.c.failing_since.is_(None)).values(failing_since=now))
        elif now - since >= timedelta(seconds=FAILING_SECONDS):
            stop(connection, endpoint, "failing", now=now)


def stop(connection: Connection, endpoint: str, why: str, *, now: datetime) -> None:
    """Disabled, and its organization is told by its other endpoints, the API and the page."""
    columns = {"state": "disabled", "why": why, "stopped_at": now, "missed_after": last_position(connection)}
    this = endpoints.c.id == endpoint
    if connection.execute(update(endpoints).where(this, endpoints.c.state == "active").values(**columns)).rowcount:
        row = connection.execute(select(endpoints).where(this)).one()
        body = {"endpoint": endpoint, "url": row.url, "why": why, "missed_after": row.missed_after}
        tell(connection, row.organization, "webhook.endpoint-disabled", f"endpoint:{endpoint}", body, at=now)


def last_position(connection: Connection) -> int:
    return int(connection.execute(select(func.coalesce(func.max(notices.c.position), 0))).scalar_one())


def forget(connection: Connection, *, before: datetime, most: int = 1_000) -> int:
    """Old notices go with their deliveries and attempts, unless one still waits."""
    waiting = exists().where(deliveries.c.notice == notices.c.number, deliveries.c.state == text("'waiting'"))
    old = select(notices.c.number).where(notices.c.created_at < before, notices.c.position.is_not(None), ~waiting)
    chosen = old.where(notices.c.position < last_position(connection)).limit(most).with_for_update(skip_locked=True)
    locked = list(connection.execute(chosen).scalars())
    # asked again once they are locked: a replay may have been at them until then
    gone = list(connection.execute(select(notices.c.number).where(notices.c.number.in_(locked), ~waiting)).scalars()) if locked else []
    if gone:
        told = select(deliveries.c.endpoint).where(deliveries.c.notice.in_(gone))
        connection.execute(_staying(select(endpoints.c.id).where(endpoints.c.id.in_(told))))
        theirs = select(deliveries.c.id).where(deliveries.c.notice.in_(gone))
        connection.execute(delete(attempts).where(attempts.c.delivery.in_(theirs)))
        connection.execute(delete(deliveries).where(deliveries.c.notice.in_(gone)))
        connection.execute(delete(notices).where(notices.c.number.in_(gone)))
    return len(gone)
