"""Rows of light accounts: somebody who asks the desk, known by nothing but a passkey or a code. No name, no address.

Codes, session tokens and challenges stand here by their SHA-256 alone, which is enough for what has 128 random bits and more.
"""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from ledger_api import columns


class AccountRow(SQLModel, table=True):
    """`erased_at`: its owner left; the row goes with the last case that somebody still judges."""

    __tablename__ = "accounts"
    id: str = Field(sa_column=columns.name(primary=True))
    code_hash: bytes | None = Field(default=None, sa_column=columns.binary(null=True))
    created_at: datetime = Field(sa_column=columns.time())
    erased_at: datetime | None = Field(default=None, sa_column=columns.time(null=True))
    __table_args__ = (Index("accounts_code", "code_hash", unique=True), Index("accounts_erased", "erased_at"))


class PasskeyRow(SQLModel, table=True):
    """A credential of WebAuthn: the public half, and how often its device says it has signed."""

    __tablename__ = "account_passkeys"
    id: bytes = Field(sa_column=columns.binary(primary=True))
    account: str = Field(sa_column=columns.name())
    public_key: bytes = Field(sa_column=columns.binary())
    sign_count: int
    created_at: datetime = Field(sa_column=columns.time())
    __table_args__ = (Index("account_passkeys_account", "account"),)


class SessionRow(SQLModel, table=True):
    """A browser that is signed in."""

    __tablename__ = "account_sessions"
    token_hash: bytes = Field(sa_column=columns.binary(primary=True))
    account: str = Field(sa_column=columns.name())
    created_at: datetime = Field(sa_column=columns.time())
    expires_at: datetime = Field(sa_column=columns.time())
    __table_args__ = (Index("account_sessions_account", "account"), Index("account_sessions_expiry", "expires_at"))


class ChallengeRow(SQLModel, table=True):
    """What a passkey is asked to sign, once. `account`: whom a new passkey will belong to; None: anybody's may answer."""

    __tablename__ = "account_challenges"
    challenge_hash: bytes = Field(sa_column=columns.binary(primary=True))
    account: str | None = Field(default=None, sa_column=columns.name(null=True))
    expires_at: datetime = Field(sa_column=columns.time())
    __table_args__ = (Index("account_challenges_expiry", "expires_at"),)
