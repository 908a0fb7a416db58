"""Members, signers, accreditations, keys: reads for judging and for the admin's lists, writes of profiles and API keys."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, text, update
from sqlmodel import SQLModel

from ledger_api import tables  # noqa: F401  # the import makes the tables known to the metadata
from ledger_api.domain.authority import Snapshot, Window
from ledger_api.store.engine import lock_watches
from ledger_verify.hashing import OrganizationId
from ledger_verify.transition import Standing

AnyRow = Row[*tuple[Any, ...]]

_table = SQLModel.metadata.tables
KEYS, PROFILES = _table["api_keys"], _table["profiles"]
ORGANIZATIONS, SIGNERS, ACCREDITATIONS = _table["organizations"], _table["signers"], _table["accreditations"]
CURSOR, BLOCKS = _table["chain_cursor"], _table["blocks"]

_LIVE_KEY = select(KEYS.c.organization, KEYS.c.secret_hash, KEYS.c.scopes).where(
    KEYS.c.id == bindparam("key_id"), KEYS.c.revoked_at.is_(None)
)
_KEY_OWNER = select(KEYS.c.organization).where(KEYS.c.id == bindparam("key_id"))
_REVOKE = update(KEYS).where(KEYS.c.id == bindparam("key_id"), KEYS.c.revoked_at.is_(None)).values(revoked_at=bindparam("now"))
_KEEP_PROFILE = text(
    "INSERT INTO profiles (organization, did, name, country, visibility, created_at)"
    " VALUES (:organization, :did, :name, :country, :visibility, :created_at)"
    " ON CONFLICT (organization) DO UPDATE SET name = excluded.name, country = excluded.country, visibility = excluded.visibility"
).bindparams(bindparam("created_at", type_=PROFILES.c.created_at.type))


# whoever watches one of its items may see more or less of it from now on
_LOOK_AGAIN = text(
    "UPDATE watches SET due_at = created_at"
    " WHERE EXISTS (SELECT 1 FROM items WHERE items.item = watches.item AND items.brand = :organization)"
    " OR (item IS NULL AND EXISTS (SELECT 1 FROM identifiers WHERE identifiers.gtin = watches.gtin"
    " AND identifiers.serial = watches.serial AND identifiers.brand = :organization))"
)


def live_key(connection: Connection, key_id: str) -> AnyRow | None:
    return connection.execute(_LIVE_KEY, {"key_id": key_id}).first()


def key_owner(connection: Connection, key_id: str) -> bytes | None:
    return connection.execute(_KEY_OWNER, {"key_id": key_id}).scalar()


def insert_key(connection: Connection, row: dict[str, Any]) -> None:
    connection.execute(insert(KEYS), row)


def revoke_key(connection: Connection, key_id: str, now: datetime) -> None:
    connection.execute(_REVOKE, {"key_id": key_id, "now": now})


def list_keys(connection: Connection, organization: bytes | None, *, after: str, limit: int) -> Sequence[AnyRow]:
    """Keys by id, without their hashes; `organization` None: everybody's."""
    columns = (KEYS.c.id, KEYS.c.organization, PROFILES.c.did, KEYS.c.name, KEYS.c.scopes, KEYS.c.created_at, KEYS.c.revoked_at)
    query = select(*columns).outerjoin(PROFILES, PROFILES.c.organization == KEYS.c.organization)
    if organization is not None:
        query = query.where(KEYS.c.organization == organization)
    return connection.execute(query.where(KEYS.c.id > after).order_by(KEYS.c.id).limit(limit)).all()


def keep_profile(connection: Connection, row: dict[str, Any]) -> None:
    connection.execute(_KEEP_PROFILE, row)
    lock_watches(connection)
    connection.execute(_LOOK_AGAIN, {"organization": row["organization"]})


def profile(connection: Connection, organization: bytes) -> AnyRow | None:
    return connection.execute(select(PROFILES).where(PROFILES.c.organization == organization)).first()


_STANDINGS = select(
    PROFILES.c.organization,
    PROFILES.c.did,
    PROFILES.c.name,
    PROFILES.c.country,
    PROFILES.c.visibility,
    ORGANIZATIONS.c.roles,
    ORGANIZATIONS.c.suspended,
    ORGANIZATIONS.c.successor,
).outerjoin(ORGANIZATIONS, ORGANIZATIONS.c.id == PROFILES.c.organization)


def list_organizations(connection: Connection, *, after: str, limit: int) -> Sequence[AnyRow]:
    """Profiles with the standing the chain gives them (None while the admission is not yet seen), by DID."""
    return connection.execute(_STANDINGS.where(PROFILES.c.did > after).order_by(PROFILES.c.did).limit(limit)).all()


def organization(connection: Connection, organization_id: bytes) -> AnyRow | None:
    return connection.execute(_STANDINGS.where(PROFILES.c.organization == organization_id)).first()


def signers_of(connection: Connection, organization: bytes) -> Sequence[AnyRow]:
    return connection.execute(select(SIGNERS).where(SIGNERS.c.organization == organization).order_by(SIGNERS.c.added_block)).all()


def accreditations_of(connection: Connection, organization: bytes) -> Sequence[AnyRow]:
    """Every accreditation ever given to the organization, newest first."""
    newest_first = (ACCREDITATIONS.c.block_number.desc(), ACCREDITATIONS.c.log_index.desc())
    return connection.execute(select(ACCREDITATIONS).where(ACCREDITATIONS.c.organization == organization).order_by(*newest_first)).all()


# --- what judging needs, whole ---------------------------------------------------------------------------------------


def cursor(connection: Connection) -> AnyRow | None:
    """How far the mirror is; None before the first block."""
    return connection.execute(select(CURSOR)).first()


_PLACE = select(CURSOR.c.next_block, CURSOR.c.head_block, BLOCKS.c.hash).outerjoin(BLOCKS, BLOCKS.c.number == CURSOR.c.next_block - 1)


def place(connection: Connection) -> tuple[Any, ...] | None:
    """Another value whenever the mirror may be another, a reorg to the same height included; None before the first block."""
    row = connection.execute(_PLACE).first()
    return None if row is None else tuple(row)


def all_organizations(connection: Connection) -> Sequence[AnyRow]:
    return connection.execute(select(ORGANIZATIONS)).all()


def active_signers(connection: Connection) -> Sequence[AnyRow]:
    return connection.execute(select(SIGNERS.c.organization, SIGNERS.c.address).where(SIGNERS.c.retired_block.is_(None))).all()


def accreditations_in_order(connection: Connection) -> Sequence[AnyRow]:
    """In the order they were made: of each (brand, organization, role) the last is in force."""
    return connection.execute(select(ACCREDITATIONS).order_by(ACCREDITATIONS.c.block_number, ACCREDITATIONS.c.log_index)).all()


def load_authority(connection: Connection, consortium: OrganizationId) -> Snapshot:
    """The registry as the mirror has it: one read of a few hundred rows, kept by the caller until the cursor moves."""
    organizations = all_organizations(connection)
    in_force: dict[tuple[bytes, bytes, int], Window] = {
        (row.brand, row.organization, row.role): Window(int.from_bytes(row.scope, "big"), row.from_time, row.until_time)
        for row in accreditations_in_order(connection)
    }
    return Snapshot(
        consortium=consortium,
        members={row.id: Standing(admitted=True, suspended=bool(row.suspended), roles=row.roles) for row in organizations},
        signers=frozenset((row.organization, row.address) for row in active_signers(connection)),
        successors={row.id: row.successor for row in organizations if row.successor is not None},
        accreditations=in_force,
    )
