"""Accounts, passkeys, sessions and challenges, as they are read and kept."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Table, delete, insert, select, update

from ledger_api.desk.rows.cases import cases
from ledger_api.desk.tables_accounts import AccountRow, ChallengeRow, PasskeyRow, SessionRow

AnyRow = Row[Any]
accounts: Table = AccountRow.__table__  # type: ignore[attr-defined]  # SQLModel sets it, here and below
passkeys: Table = PasskeyRow.__table__  # type: ignore[attr-defined]
sessions: Table = SessionRow.__table__  # type: ignore[attr-defined]
challenges: Table = ChallengeRow.__table__  # type: ignore[attr-defined]


def account(connection: Connection, account_id: str) -> AnyRow | None:
    """One whose owner has not left."""
    return connection.execute(select(accounts).where(accounts.c.id == account_id, accounts.c.erased_at.is_(None))).first()


def staying(connection: Connection, account_id: str) -> bool:
    """Whether its owner has not left, and does not before this transaction ends."""
    living = select(accounts.c.id).where(accounts.c.id == account_id, accounts.c.erased_at.is_(None))
    return connection.execute(living.with_for_update(read=True)).first() is not None


def keep_account(connection: Connection, account_id: str, *, now: datetime) -> None:
    connection.execute(insert(accounts).values(id=account_id, created_at=now))


def keep_code(connection: Connection, account_id: str, code_hash: bytes) -> None:
    connection.execute(update(accounts).where(accounts.c.id == account_id).values(code_hash=code_hash))


def by_code(connection: Connection, code_hash: bytes) -> str | None:
    return connection.execute(select(accounts.c.id).where(accounts.c.code_hash == code_hash)).scalar()


# --- passkeys


def passkeys_of(connection: Connection, account_id: str) -> Sequence[AnyRow]:
    return connection.execute(select(passkeys).where(passkeys.c.account == account_id).order_by(passkeys.c.created_at)).all()


def passkey(connection: Connection, credential: bytes) -> AnyRow | None:
    return connection.execute(select(passkeys).where(passkeys.c.id == credential).with_for_update()).first()


def keep_passkey(connection: Connection, row: Mapping[str, Any]) -> None:
    connection.execute(insert(passkeys).values(**row))


def count_signature(connection: Connection, credential: bytes, sign_count: int) -> None:
    connection.execute(update(passkeys).where(passkeys.c.id == credential).values(sign_count=sign_count))


def keep_challenge(connection: Connection, challenge_hash: bytes, account_id: str | None, *, now: datetime, until: datetime) -> None:
    """Those that nobody answered in time go."""
    connection.execute(delete(challenges).where(challenges.c.expires_at <= now))
    connection.execute(insert(challenges).values(challenge_hash=challenge_hash, account=account_id, expires_at=until))


def take_challenge(connection: Connection, challenge_hash: bytes, *, now: datetime) -> AnyRow | None:
    """It is gone with this transaction: nobody answers it twice."""
    mine = (challenges.c.challenge_hash == challenge_hash) & (challenges.c.expires_at > now)
    return connection.execute(delete(challenges).where(mine).returning(challenges.c.account)).first()


# --- sessions


def session(connection: Connection, token_hash: bytes, *, now: datetime) -> AnyRow | None:
    found = select(sessions).where(sessions.c.token_hash == token_hash, sessions.c.expires_at > now)
    return connection.execute(found).first()


def keep_session(connection: Connection, row: Mapping[str, Any]) -> None:
    """Those that ran out go."""
    connection.execute(delete(sessions).where(sessions.c.expires_at <= row["created_at"]))
    connection.execute(insert(sessions).values(**row))


def end_session(connection: Connection, token_hash: bytes) -> None:
    connection.execute(delete(sessions).where(sessions.c.token_hash == token_hash))


# --- leaving


def forget_secrets(connection: Connection, account_id: str, *, now: datetime) -> None:
    """Nobody signs in to it any more. Whoever signs in has a challenge and a passkey before the account (`staying`), and so do we; what
    came of that until we have the account goes after it."""
    for table in (challenges, passkeys):
        connection.execute(delete(table).where(table.c.account == account_id))
    connection.execute(update(accounts).where(accounts.c.id == account_id).values(code_hash=None, erased_at=now))
    for table in (passkeys, sessions):
        connection.execute(delete(table).where(table.c.account == account_id))


def cases_of(connection: Connection, account_id: str) -> Sequence[AnyRow]:
    return connection.execute(select(cases).where(cases.c.account == account_id).order_by(cases.c.id)).all()


def left(connection: Connection, *, most: int, ended: Sequence[str]) -> list[str]:
    """Accounts whose owner left and that have a case to forget, or none any more."""
    living = select(cases.c.id).where(cases.c.account == accounts.c.id, cases.c.state.not_in(ended)).exists()
    ready = select(cases.c.id).where(cases.c.account == accounts.c.id, cases.c.state.in_(ended)).exists()
    found = select(accounts.c.id).where(accounts.c.erased_at.is_not(None), ready | ~living).limit(most)
    return [str(row.id) for row in connection.execute(found)]


def forget_account(connection: Connection, account_id: str) -> None:
    connection.execute(delete(accounts).where(accounts.c.id == account_id))
