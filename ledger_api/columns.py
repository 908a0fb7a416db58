"""Makers of columns: what a table says of each, in a word. Bytes are bytes, times have a zone, names have a length."""

from datetime import UTC, datetime

from sqlalchemy import BigInteger, Column, DateTime, LargeBinary, String, Text


def binary(*, primary: bool = False, null: bool = False, index: bool = False) -> Column[bytes]:
    return Column(LargeBinary, primary_key=primary, nullable=null, index=index)


def big(*, primary: bool = False, null: bool = False, index: bool = False) -> Column[int]:
    """A number that the database does not give out by itself."""
    return Column(BigInteger, primary_key=primary, nullable=null, index=index, autoincrement=False)


def time(*, primary: bool = False, null: bool = False) -> Column[datetime]:
    return Column(DateTime(timezone=True), primary_key=primary, nullable=null)


def utc(at: datetime) -> datetime:
    """A time as it was read: SQLite gives times back without a zone, and all of ours are UTC."""
    return at.replace(tzinfo=at.tzinfo or UTC).astimezone(UTC)


def name(length: int = 32, *, primary: bool = False, null: bool = False) -> Column[str]:
    return Column(String(length), primary_key=primary, nullable=null)


def text(*, null: bool = False) -> Column[str]:
    return Column(Text, nullable=null)
