"""The organizations of an export: admitted and accredited once, left alone when they are there already.

`organizations.json`: `{"organizations": [{did, name, roles, country?}], "accreditations": [{brand|null, organization, role,
scope?, from?, until?}]}`; a brand of null is the consortium's word for everybody's items.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from ledger_api import directory
from ledger_api.directory import Accreditation
from ledger_api.errors import CallerError
from ledger_api.outbox.registrar import ChainRegistrar
from ledger_api.store import directory as rows
from ledger_api.store.engine import reading
from ledger_verify.hashing import OrganizationId, organization_id
from ledger_verify.transition import Category, Role

EVERYTHING = 2**64 - 1


class MembersUnreadable(CallerError):
    """organizations.json does not have the documented shape."""

    code, status = "members-unreadable", 422


@dataclass(frozen=True)
class Members:
    """What the file asks for."""

    organizations: list[directory.Member]
    accreditations: list[Accreditation]


def read_members(path: Path, *, consortium: OrganizationId) -> Members:
    """Raises: MembersUnreadable, naming the entry."""
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise MembersUnreadable(f"{path} cannot be read as JSON", path=str(path)) from error
    try:
        return Members(
            [_member(one) for one in document.get("organizations", [])],
            [_accreditation(one, consortium) for one in document.get("accreditations", [])],
        )
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise MembersUnreadable(f"organizations.json: {type(error).__name__} {error}", path=str(path)) from error


def bring(
    members: Members, *, engine: Engine, registrar: ChainRegistrar, now: int, progress: Callable[[str], None] = lambda _what: None
) -> tuple[int, int]:
    """Admit and accredit what is missing; (admitted, accredited). Repeating it changes nothing."""
    with reading(engine) as connection:
        there = {bytes(row.id): row for row in rows.all_organizations(connection)}
        in_force = _in_force(connection)
    missing = [member for member in members.organizations if organization_id(member.did) not in there]
    with registrar.together():
        for member in missing:
            directory.admit(engine, registrar, member, signer=None, now=now)
            progress(member.name)
    lacking = [one for one in members.accreditations if in_force.get((one.brand, one.organization, int(one.role))) != one.scope]
    with registrar.together():
        for accreditation in lacking:
            registrar.accredit(accreditation)
            progress("accreditation")
    return len(missing), len(lacking)


def _in_force(connection: Any) -> dict[tuple[bytes, bytes, int], int]:
    found: dict[tuple[bytes, bytes, int], int] = {}
    for row in rows.accreditations_in_order(connection):
        found[(bytes(row.brand), bytes(row.organization), row.role)] = int.from_bytes(row.scope, "big")
    return found


def _roles(names: list[str]) -> Role:
    return reduce(lambda roles, name: roles | Role[name.upper()], names, Role(0))


def _member(one: Mapping[str, Any]) -> directory.Member:
    return directory.Member(
        did=one["did"],
        name=one.get("name") or one["did"],
        country=one.get("country"),
        visibility=one.get("visibility", "public"),
        roles=_roles(one["roles"]),
    )


def _moment(value: str | None) -> int:
    return int(datetime.fromisoformat(value).timestamp()) if value else 0


def _scope(names: list[str] | None) -> int:
    if not names:
        return EVERYTHING
    return sum(1 << Category[name.upper().replace("-", "_")] for name in names)


def _accreditation(one: Mapping[str, Any], consortium: OrganizationId) -> Accreditation:
    return Accreditation(
        brand=organization_id(one["brand"]) if one.get("brand") else consortium,
        organization=organization_id(one["organization"]),
        role=Role[one["role"].upper()],
        scope=_scope(one.get("scope")),
        from_time=_moment(one.get("from")),
        until_time=_moment(one.get("until")),
    )
