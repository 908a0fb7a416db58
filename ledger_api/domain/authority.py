"""The registry as a value: who was a member, who spoke for whom and who was accredited, as of the block it was read at.

The same answers as `OrganizationRegistry` gives the ledger (docs/protocol.md §7), for judging before anything is sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from ledger_verify.hashing import OrganizationId
from ledger_verify.transition import Role, Standing


class Window(NamedTuple):
    scope: int  # mask of categories; 0: withdrawn
    from_time: int
    until_time: int  # 0: no end


STRANGER = Standing(admitted=False, suspended=False, roles=0)


@dataclass(frozen=True, slots=True)
class Snapshot:
    consortium: OrganizationId
    members: Mapping[bytes, Standing] = field(default_factory=dict)
    signers: frozenset[tuple[bytes, bytes]] = frozenset()  # (organization, address), active ones
    successors: Mapping[bytes, bytes] = field(default_factory=dict)  # brand → who speaks for it now
    accreditations: Mapping[tuple[bytes, bytes, int], Window] = field(default_factory=dict)  # (brand, organization, role)

    def is_member(self, organization: bytes) -> bool:
        return organization in self.members

    def is_signer(self, organization: bytes, address: bytes) -> bool:
        return (organization, address) in self.signers

    def at(self, now: int) -> "AuthorityAt":
        return AuthorityAt(self, now)


@dataclass(frozen=True, slots=True)
class AuthorityAt:
    """What the rules ask, with the time at which windows are judged. Implements `transition.Authority`."""

    registry: Snapshot
    now: int

    @property
    def consortium(self) -> OrganizationId:
        return self.registry.consortium

    def standing(self, organization: OrganizationId) -> Standing:
        return self.registry.members.get(organization, STRANGER)

    def speaks_for(self, organization: OrganizationId, brand: OrganizationId) -> bool:
        if organization == brand:
            return True
        successor = self.registry.successors.get(brand)
        if successor is not None:
            return organization == successor
        return organization == self.registry.consortium and not self.registry.is_member(brand)

    def is_accredited(self, brand: OrganizationId, organization: OrganizationId, role: Role, category: int) -> bool:
        return any(self._covers((grantor, organization, int(role)), category) for grantor in (brand, self.registry.consortium))

    def _covers(self, key: tuple[bytes, bytes, int], category: int) -> bool:
        window = self.registry.accreditations.get(key)
        if window is None or not window.scope >> category & 1:
            return False
        return window.from_time <= self.now and (window.until_time == 0 or self.now < window.until_time)
