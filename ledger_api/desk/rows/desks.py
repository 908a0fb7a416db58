"""Whom one may ask, and about whose pieces: the members of the ledger, as a form offers them."""

from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from ledger_api.desk.rows.queue import appraisers
from ledger_api.store import directory
from ledger_verify.codes import Role

MOST = 1_000


class Member(NamedTuple):
    organization: bytes
    did: str
    name: str


def brands(connection: Connection) -> list[Member]:
    return sorted((_member(row) for row in _standing(connection, Role.BRAND)), key=lambda member: member.name.casefold())


def desks(connection: Connection) -> list[Member]:
    """Authenticators at whose desk somebody sits."""
    manned = set(connection.execute(select(appraisers.c.organization).where(appraisers.c.is_active).distinct()).scalars())
    return [_member(row) for row in _standing(connection, Role.AUTHENTICATOR) if row.organization in manned]


def _standing(connection: Connection, role: Role) -> list[Any]:
    found = directory.list_organizations(connection, after="", limit=MOST)
    return [row for row in found if row.roles is not None and row.roles & role and not row.suspended]


def _member(row: Any) -> Member:
    return Member(row.organization, row.did, row.name or row.did)
