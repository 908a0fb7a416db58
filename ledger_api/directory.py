"""Members and what they may do: admission, roles, signers, accreditations.

The registry on chain decides and the indexer mirrors it; here a request becomes a registry transaction (through the injected
`Registrar`) and the few words the chain does not keep (a name, a country) become a profile. No HTTP, no chain encoding.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from sqlalchemy import Connection, Engine

from ledger_api.errors import NotFound
from ledger_api.store import directory as rows
from ledger_api.store.engine import writing
from ledger_verify.hashing import OrganizationId, organization_id
from ledger_verify.transition import Role


@dataclass(frozen=True, slots=True)
class Accreditation:
    brand: OrganizationId  # the consortium's id: on everybody's items
    organization: OrganizationId
    role: Role
    scope: int  # mask of categories; 0 withdraws
    from_time: int
    until_time: int  # 0: no end


class Registrar(Protocol):
    """Registry transactions. Each call returns the transaction's hash once it is mined (empty: it was so already), and may be repeated.

    Raises (all): ChainError when the registry refuses, BusyError when the node is away.
    """

    def admit(self, did: str, roles: Role, signer: bytes | None) -> bytes:
        """`signer` None: the service makes a signer key and a blinding key for the organization and keeps both."""

    def set_roles(self, organization: OrganizationId, roles: Role) -> bytes: ...
    def suspend(self, organization: OrganizationId) -> bytes: ...
    def reinstate(self, organization: OrganizationId) -> bytes: ...
    def name_successor(self, brand: OrganizationId, successor: OrganizationId) -> bytes: ...
    def add_signer(self, organization: OrganizationId, signer: bytes) -> bytes: ...
    def retire_signer(self, organization: OrganizationId, signer: bytes) -> bytes: ...
    def mark_compromised(self, organization: OrganizationId, signer: bytes, since_block: int) -> bytes: ...

    def accredit(self, accreditation: Accreditation) -> bytes:
        """Signed by the brand's key where the service holds it; in the consortium's own name by its owner."""


class Blinding(Protocol):
    """The keys that name items and salt payloads.

    Raises (both): KeyMissing where the organization keeps its blinding key itself.
    """

    def blinding(self, organization: OrganizationId) -> tuple[int, bytes]:
        """(epoch, key) of the newest: salts of payloads from now on."""

    def blinding_of(self, organization: OrganizationId, epoch: int) -> bytes:
        """The key of an epoch. Serials and lots are named with the first for ever."""


@dataclass(frozen=True, slots=True)
class Member:
    """An organization as it introduces itself; what it may do is the registry's word."""

    did: str
    name: str
    country: str | None
    visibility: str  # public | withheld | folded
    roles: Role


def admit(engine: Engine, registrar: Registrar, member: Member, *, signer: bytes | None, now: int) -> bytes:
    """The transaction's hash. The profile is kept first: harmless without an admission, while a member without one has no name."""
    with writing(engine) as connection:
        rows.keep_profile(
            connection,
            {
                "organization": organization_id(member.did),
                "did": member.did,
                "name": member.name,
                "country": member.country,
                "visibility": member.visibility,
                "created_at": datetime.fromtimestamp(now, UTC),
            },
        )
    return registrar.admit(member.did, member.roles, signer)


def require_profile(connection: Connection, organization: bytes) -> None:
    """Raises NotFound: the service administers those that it admitted."""
    if rows.profile(connection, organization) is None:
        raise NotFound("There is no such organization.")
