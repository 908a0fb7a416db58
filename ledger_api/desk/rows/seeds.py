"""Test cases with a known answer."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from ledger_api.desk.rows.cases import AnyRow, appraisals, cases, journal


def keep(connection: Connection, row: Mapping[str, Any], lines: Sequence[Mapping[str, Any]]) -> None:
    """A case with the journal that it comes with."""
    connection.execute(insert(cases).values(**row))
    connection.execute(insert(journal), list(lines))


def of(connection: Connection, authenticator: bytes, *, before: str | None, most: int) -> Sequence[AnyRow]:
    """Newest first."""
    chosen = select(cases).where(cases.c.authenticator == authenticator, cases.c.known_outcome.is_not(None))
    if before is not None:
        chosen = chosen.where(cases.c.id < before)
    return connection.execute(chosen.order_by(cases.c.id.desc()).limit(most)).all()


def answers(connection: Connection, authenticator: bytes) -> Sequence[Row[str, str, str]]:
    """(appraiser, outcome, known outcome) of every opinion on a test case."""
    given = select(appraisals.c.appraiser, appraisals.c.outcome, cases.c.known_outcome).join(cases, cases.c.id == appraisals.c.case)
    given = given.where(cases.c.authenticator == authenticator, cases.c.known_outcome.is_not(None), appraisals.c.decided_at.is_not(None))
    return connection.execute(given).all()
