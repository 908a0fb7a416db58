"""One question to the rules: this event, on this state, signed by this organization, at this time.

What `shape`, `warrant` and `judging` look at, and the few facts that more than one of them needs.
"""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from ledger_verify.codes import Hold, Kind, Role, Stage
from ledger_verify.hashing import OrganizationId, is_organization
from ledger_verify.state import HOLD_COUNT, Detail, Event, Opening, State, Terms

SOLD = frozenset({Stage.SOLD, Stage.ENROLLED})
OWNERS_HOLDS = frozenset({Hold.LOST, Hold.STOLEN})
BRANDS_HOLDS = frozenset({Hold.RECALLED, Hold.DISPUTED})
_TO_AN_ORGANIZATION = frozenset({Kind.SHIPMENT, Kind.RESALE, Kind.TRANSFER})


class Standing(NamedTuple):
    """What the registry says of an organization; nothing was ever admitted: all false."""

    admitted: bool
    suspended: bool
    roles: int


class Authority(Protocol):
    """The registry at one time (the block's, or now)."""

    @property
    def consortium(self) -> OrganizationId: ...

    def standing(self, organization: OrganizationId) -> Standing: ...

    def speaks_for(self, organization: OrganizationId, brand: OrganizationId) -> bool:
        """Docs/protocol.md §7: the brand itself, its successor, or the consortium for a brand that never joined."""

    def is_accredited(self, brand: OrganizationId, organization: OrganizationId, role: Role, category: int) -> bool:
        """By the brand or the consortium, in scope, in its window. The organization's role is asked separately."""


@dataclass(frozen=True, slots=True)
class Consented:
    """An approval is there; `consents` (or the service) looked at it. No approval at all is None instead."""

    valid: bool = True  # of the holder's key, or the presenter's at an enrolment
    endorsed: bool | None = None  # the brand's word at an enrolment: None when there is no endorsement


class DoesNotOpen(ValueError):
    """What the carrier shows does not fit the item. The contract reverts, so this is never a refusal of the event."""


@dataclass(frozen=True, slots=True)
class Case:
    state: State
    event: Event
    detail: Detail
    organization: OrganizationId  # that signs the batch
    now: int
    authority: Authority
    terms: Terms
    approval: Consented | None
    opening: Opening | None

    def speaks(self) -> bool:
        return self.authority.speaks_for(self.organization, self.state.brand)

    def is_holder(self) -> bool:
        return self.organization == self.state.holder

    def is_sold(self) -> bool:
        return self.state.stage in SOLD

    def is_set(self) -> bool:
        """Is the hold that this event names set?"""
        return bool(self.state.holds >> self.detail.a & 1)

    def receiver(self) -> OrganizationId | None:
        """The organization that the item goes to, if it goes to one."""
        party = self.event.party
        return OrganizationId(party) if self.event.kind in _TO_AN_ORGANIZATION and is_organization(party) else None

    def by_order(self) -> bool:
        return by_order(self.state, self.event, self.organization, self.authority)


def counting_holds(state: State, now: int) -> int:
    """The holds that still count: *in verification* ends by itself, though its bit may outlive it."""
    ended = now > state.aside.verification_until
    return state.holds & ~Hold.IN_VERIFICATION.bit if ended else state.holds


def by_order(state: State, event: Event, organization: OrganizationId, authority: Authority) -> bool:
    """Does this release rest on the consortium's word alone? Then the ledger says so in a log of its own."""
    hold = event.detail & 0xFF
    if event.kind != Kind.RELEASE or organization != authority.consortium or hold >= HOLD_COUNT or not state.holds >> hold & 1:
        return False
    setter = state.aside.setters[hold]
    if is_organization(setter):
        return not authority.speaks_for(organization, OrganizationId(setter))
    return event.detail >> 63 == 0


def setter_of(state: State, hold: int, organization: OrganizationId) -> bytes:
    """Who will be the setter of a hold that this organization's event sets: who must agree to its end."""
    if hold == Hold.IN_VERIFICATION:
        return organization
    is_owners = state.stage in SOLD and hold in OWNERS_HOLDS
    return state.holder if is_owners or organization == state.holder else state.brand
