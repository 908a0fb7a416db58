"""What appraisers see and hold: the queue, claims, opinions, and who they are."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, Table, delete, exists, insert, select, update

from ledger_api.desk.rows.cases import appraisals, cases
from ledger_api.desk.tables import AppraiserRow

AnyRow = Row[Any]
appraisers: Table = AppraiserRow.__table__  # type: ignore[attr-defined]  # SQLModel sets it
_LINE = (cases.c.rank, cases.c.due_at, cases.c.id)


def by_key(connection: Connection, key_id: str) -> AnyRow | None:
    """The appraiser who signs in with this API key."""
    return connection.execute(select(appraisers).where(appraisers.c.key_id == key_id, appraisers.c.is_active)).first()


def appraiser(connection: Connection, appraiser_id: str) -> AnyRow | None:
    return connection.execute(select(appraisers).where(appraisers.c.id == appraiser_id)).first()


def all_appraisers(connection: Connection, organization: bytes) -> Sequence[AnyRow]:
    return connection.execute(select(appraisers).where(appraisers.c.organization == organization).order_by(appraisers.c.id)).all()


def keep_appraiser(connection: Connection, row: Mapping[str, Any]) -> None:
    connection.execute(insert(appraisers).values(**row))


def retire_appraiser(connection: Connection, appraiser_id: str) -> None:
    connection.execute(update(appraisers).where(appraisers.c.id == appraiser_id).values(is_active=False))


def waiting(
    connection: Connection,
    who: AnyRow,
    *,
    categories: Sequence[str] | None = None,
    after: tuple[int, datetime, str] | None = None,
    most: int,
) -> Sequence[AnyRow]:
    """Cases that this appraiser may claim, in line."""
    chosen = _for(who, categories)
    if after is not None:
        rank, due_at, case_id = after
        later = (cases.c.rank > rank) | ((cases.c.rank == rank) & (cases.c.due_at > due_at))
        chosen = chosen.where(later | ((cases.c.rank == rank) & (cases.c.due_at == due_at) & (cases.c.id > case_id)))
    return connection.execute(chosen.order_by(*_LINE).limit(most)).all()


def next_in_line(
    connection: Connection, who: AnyRow, *, categories: Sequence[str] | None = None, method: str | None = None
) -> AnyRow | None:
    """The first of them, locked; what somebody else is claiming at this moment is passed over."""
    chosen = _for(who, categories)
    if method is not None:
        chosen = chosen.where(cases.c.method == method)
    first = chosen.order_by(*_LINE).limit(1).with_for_update(of=cases, skip_locked=True)
    found = connection.execute(first).first()
    # asked again once it is locked: they may have judged it until then
    while found is not None and not may_claim(connection, who, found.id):
        found = connection.execute(first).first()
    return found


def may_claim(connection: Connection, who: AnyRow, case_id: str) -> bool:
    """Whether a case that is locked waits for somebody like this appraiser."""
    return connection.execute(_for(who, None).where(cases.c.id == case_id)).first() is not None


def _for(who: AnyRow, categories: Sequence[str] | None) -> Select[Any]:
    """Nobody judges a case twice, nor the appeal against an opinion of their own, nor the test case that was made from one.

    A desk's only senior is kept free for when opinions differ, while somebody else can be the first or the second.
    """
    chosen = select(cases).where(cases.c.authenticator == who.organization, cases.c.state == "queued", ~_judged_by(who.id))
    if not who.is_senior:
        chosen = chosen.where(cases.c.seat < 3)
    else:
        handles = others.c.categories.is_(None) | others.c.categories.contains('"' + cases.c.category + '"')
        junior = select(others.c.id).where(_may_judge, ~others.c.is_senior, handles)
        senior = select(others.c.id).where(_may_judge, others.c.is_senior, others.c.id != who.id)
        chosen = chosen.where((cases.c.needs < 2) | (cases.c.seat == 3) | ~exists(junior) | exists(senior))
    return chosen if categories is None else chosen.where(cases.c.category.in_(categories))


def _judged_by(appraiser_id: Any) -> Any:
    judged = exists().where(appraisals.c.appraiser == appraiser_id, appraisals.c.decided_at.is_not(None))
    return judged.where(
        (appraisals.c.case == cases.c.id) | (appraisals.c.case == cases.c.appeal_of) | (appraisals.c.case == cases.c.seed_of)
    )


others = appraisers.alias("others")
_may_judge = (others.c.organization == cases.c.authenticator) & others.c.is_active & ~_judged_by(others.c.id)


def stranded(connection: Connection, *, now: datetime, most: int, only: str | None = None) -> list[str]:
    """Cases whose time is up, that want another opinion, and that nobody may judge any more."""
    somebody = select(others.c.id).where(_may_judge, others.c.is_senior | (cases.c.seat < 3))
    chosen = select(cases.c.id).where(cases.c.state == "queued", cases.c.seat > 1, cases.c.due_at < now, ~exists(somebody))
    if only is not None:
        chosen = chosen.where(cases.c.id == only)
    return [str(row.id) for row in connection.execute(chosen.order_by(cases.c.due_at).limit(most))]


def claim(connection: Connection, *, case_id: str, seat: int, appraiser_id: str, now: datetime, until: datetime) -> None:
    """In the place of a claim that was given up."""
    connection.execute(delete(appraisals).where(appraisals.c.case == case_id, appraisals.c.seat == seat, appraisals.c.decided_at.is_(None)))
    connection.execute(insert(appraisals).values(case=case_id, seat=seat, appraiser=appraiser_id, claimed_at=now, lease_until=until))


def held(connection: Connection, case_id: str, appraiser_id: str) -> AnyRow | None:
    """This appraiser's claim on the case."""
    mine = select(appraisals).where(appraisals.c.case == case_id, appraisals.c.appraiser == appraiser_id)
    return connection.execute(mine.where(appraisals.c.decided_at.is_(None))).first()


def on_desk(connection: Connection, appraiser_id: str) -> Sequence[AnyRow]:
    """The cases that this appraiser has, with `lease_until`, the longest held first."""
    mine = select(cases, appraisals.c.lease_until).join(appraisals, appraisals.c.case == cases.c.id)
    mine = mine.where(appraisals.c.appraiser == appraiser_id, appraisals.c.decided_at.is_(None), cases.c.state == "appraising")
    return connection.execute(mine.order_by(appraisals.c.claimed_at)).all()


def renew(connection: Connection, case_id: str, appraiser_id: str, *, until: datetime) -> None:
    mine = update(appraisals).where(appraisals.c.case == case_id, appraisals.c.appraiser == appraiser_id)
    connection.execute(mine.where(appraisals.c.decided_at.is_(None)).values(lease_until=until))


def drop(connection: Connection, case_id: str, seat: int) -> None:
    connection.execute(delete(appraisals).where(appraisals.c.case == case_id, appraisals.c.seat == seat, appraisals.c.decided_at.is_(None)))


def decide(connection: Connection, case_id: str, seat: int, **columns: Any) -> None:
    connection.execute(update(appraisals).where(appraisals.c.case == case_id, appraisals.c.seat == seat).values(**columns))


def overdue(connection: Connection, *, now: datetime, most: int) -> Sequence[Row[str, int, str]]:
    """Claims that ran out, of cases that are still on somebody's desk; nobody else is at work on these."""
    late = select(appraisals.c.case, appraisals.c.seat, appraisals.c.appraiser).join(cases, cases.c.id == appraisals.c.case)
    late = late.where(appraisals.c.decided_at.is_(None), appraisals.c.lease_until < now, cases.c.state == "appraising")
    late = late.order_by(appraisals.c.lease_until)
    locked = connection.execute(late.limit(most).with_for_update(of=cases, skip_locked=True)).all()
    # asked again once the cases are locked: a claim may have been renewed until then
    return connection.execute(late.where(cases.c.id.in_([one.case for one in locked]))).all() if locked else []


def pairs(connection: Connection, authenticator: bytes) -> Sequence[Row[str, str, str, str]]:
    """(first, second, outcome of the first, outcome of the second) of every case that two people judged without seeing each other."""
    first, second = appraisals.alias("first"), appraisals.alias("second")
    both = select(
        first.c.appraiser.label("first"),
        second.c.appraiser.label("second"),
        first.c.outcome.label("first_outcome"),
        second.c.outcome.label("second_outcome"),
    )
    both = both.join(second, (second.c.case == first.c.case) & (second.c.seat == 2)).join(cases, cases.c.id == first.c.case)
    return connection.execute(
        both.where(
            first.c.seat == 1,
            cases.c.authenticator == authenticator,
            cases.c.known_outcome.is_(None),
            first.c.decided_at.is_not(None),
            second.c.decided_at.is_not(None),
        )
    ).all()
