"""A small consortium, and items brought to any state by events that are judged and applied one after the other.

`REGISTRY` stands in for the organization registry: the facts below and nothing else, so a reader of a vector can build the
same world on a chain. `Story` is how a test writes history:

    story = Story(MAISON)                                   # nothing was recorded yet
    story.land(Kind.MANUFACTURE, MAISON, c=HANDBAG)          # judged, then applied
    story.land(Kind.SALE, MAISON, party=ALICE)
    story.judge(Kind.HOLD, PLATFORM, a=Hold.LOST)            # only asked: consent-missing
"""

from dataclasses import dataclass, field
from typing import Any

from coincurve import PrivateKey

from ledger_verify.hashing import (
    ZERO32,
    Commitment,
    Head,
    ItemId,
    OrganizationId,
    claim_holder,
    event_hash,
    is_key,
    item_id,
    keccak,
    organization_id,
)
from ledger_verify.transition import (
    UNBORN,
    Consented,
    Event,
    Kind,
    Link,
    Opening,
    Reason,
    Role,
    Standing,
    State,
    Terms,
    apply,
    by_order,
    judge,
    pack_detail,
)

START = 1_750_000_000
TERMS = Terms()
HANDBAG, WATCH = 1, 2
ALL = (1 << 64) - 1

CONSENTED = Consented(valid=True)
FORGED = Consented(valid=False)

DIDS = {
    name: f"did:web:{name}.example"
    for name in (
        "consortium",
        "maison",
        "rival",
        "tannery",
        "shop",
        "newshop",
        "closed",
        "platform",
        "store",
        "house",
        "novice",
        "outsider",
        "forebear",
        "heir",
        "old-house",
        "stranger",
    )
}
IDS = {name: organization_id(did) for name, did in DIDS.items()}
CONSORTIUM, MAISON, RIVAL, TANNERY = IDS["consortium"], IDS["maison"], IDS["rival"], IDS["tannery"]
SHOP, NEWSHOP, CLOSED, PLATFORM = IDS["shop"], IDS["newshop"], IDS["closed"], IDS["platform"]
STORE, HOUSE, NOVICE, OUTSIDER = IDS["store"], IDS["house"], IDS["novice"], IDS["outsider"]
FOREBEAR, HEIR, OLD_HOUSE, STRANGER = IDS["forebear"], IDS["heir"], IDS["old-house"], IDS["stranger"]
NAMES = {identifier: name for name, identifier in IDS.items()}

SECRETS = {"alice": 0xA11CE, "bob": 0xB0B, "carol": 0xCA401}


def shown(value: object) -> str | None:
    """A test's name says `maison` and not its hash."""
    return NAMES.get(OrganizationId(value)) if isinstance(value, bytes) else None


def address_of(secret: int) -> bytes:
    return keccak(PrivateKey(secret.to_bytes(32, "big")).public_key.format(compressed=False)[1:])[12:]


ALICE, BOB, CAROL = (claim_holder(address_of(secret)) for secret in SECRETS.values())


@dataclass(frozen=True)
class Registry:
    """Implements `Authority`. Windows are open for ever; a suspended member has been admitted."""

    members: dict[bytes, Standing]
    accreditations: dict[tuple[bytes, bytes, Role], int]  # (by brand or consortium, organization, role) → scope
    successors: dict[bytes, bytes]
    consortium: OrganizationId = CONSORTIUM

    def standing(self, organization: OrganizationId) -> Standing:
        return self.members.get(organization, Standing(False, False, 0))

    def speaks_for(self, organization: OrganizationId, brand: OrganizationId) -> bool:
        if organization == brand or self.successors.get(brand) == organization:
            return True
        return organization == self.consortium and brand not in self.members and brand not in self.successors

    def is_accredited(self, brand: OrganizationId, organization: OrganizationId, role: Role, category: int) -> bool:
        scopes = (self.accreditations.get((by, organization, role), 0) for by in (brand, self.consortium))
        return any(scope >> category & 1 for scope in scopes)


REGISTRY = Registry(
    members={
        CONSORTIUM: Standing(True, False, 0),
        MAISON: Standing(True, False, Role.BRAND),
        RIVAL: Standing(True, False, Role.BRAND),
        TANNERY: Standing(True, False, Role.SUPPLIER),
        SHOP: Standing(True, False, Role.RETAILER),
        NEWSHOP: Standing(True, False, Role.RETAILER),
        CLOSED: Standing(True, True, Role.RETAILER),
        PLATFORM: Standing(True, False, Role.PLATFORM),
        STORE: Standing(True, False, Role.AUTHENTICATOR),
        HOUSE: Standing(True, False, Role.AUTHENTICATOR),
        NOVICE: Standing(True, False, Role.AUTHENTICATOR),
        OUTSIDER: Standing(True, False, Role.SUPPLIER | Role.BRAND | Role.RETAILER | Role.PLATFORM | Role.AUTHENTICATOR),
        FOREBEAR: Standing(True, False, Role.BRAND),
        HEIR: Standing(True, False, Role.BRAND),
    },
    accreditations={
        (MAISON, SHOP, Role.RETAILER): ALL,
        (MAISON, STORE, Role.AUTHENTICATOR): 1 << HANDBAG,
        (CONSORTIUM, HOUSE, Role.AUTHENTICATOR): ALL,
    },
    successors={FOREBEAR: HEIR},
)


@dataclass
class Story:
    """One item's history. `now` is the block time of the next event and moves on by a hundred seconds with each."""

    maker: OrganizationId = MAISON  # whose commitment makes the item's id
    serial: int = 1
    state: State = UNBORN
    now: int = START
    links: list[Link] = field(default_factory=list)
    heads: list[Head] = field(default_factory=list)  # before each event
    logged: list[tuple[Event, OrganizationId, int, bool]] = field(default_factory=list)

    @property
    def commitment(self) -> Commitment:
        return Commitment(keccak(b"serial %d" % self.serial))

    @property
    def item(self) -> ItemId:
        return item_id(self.maker, self.commitment)

    def event(self, kind: int, *, party: bytes = ZERO32, head: Head | None = None, occurred_at: int | None = None, **numbers: Any) -> Event:
        return Event(
            item=self.item,
            kind=kind,
            head=self.state.head if head is None else head,
            occurred_at=self.now if occurred_at is None else occurred_at,
            party=party,
            detail=numbers["raw"] if "raw" in numbers else pack_detail(**numbers),
            payload=Commitment(keccak(b"payload %d" % self.state.sequence)),
        )

    def opening(self, event: Event) -> Opening | None:
        """The honest carrier's."""
        if event.kind == Kind.ENROLMENT:
            return Opening(brand=self.maker, serial_commitment=self.commitment)
        sequence = event.detail >> 16 & 0xFFFFFFFFFF
        if event.kind != Kind.CORRECTION or not 1 <= sequence <= self.state.sequence:
            return None
        return Opening(prior_head=self.heads[sequence - 1], history=tuple(self.links[sequence - 1 :]))

    def judge_event(self, event: Event, by: OrganizationId, approval: Consented | None = None) -> Reason | None:
        return judge(self.state, event, by, self.now, REGISTRY, TERMS, approval, self.opening(event))

    def judge(self, kind: int, by: OrganizationId, *, approval: Consented | None = None, **fields: Any) -> Reason | None:
        return self.judge_event(self.event(kind, **fields), by, approval)

    def is_by_order(self, event: Event, by: OrganizationId) -> bool:
        return by_order(self.state, event, by, REGISTRY)

    def apply_event(self, event: Event, by: OrganizationId) -> State:
        ordered = self.is_by_order(event, by)
        return apply(self.state, event, by, self.now, TERMS, brand=self.maker, by_order=ordered)

    def land(self, kind: int, by: OrganizationId, *, approval: Consented | None = None, **fields: Any) -> "Story":
        """Consents are given where they are needed."""
        event = self.event(kind, **fields)
        given = approval or (Consented(endorsed=True) if is_key(self.state.holder) or kind == Kind.ENROLMENT else None)
        reason = self.judge_event(event, by, given)
        assert reason is None, f"{Kind(kind).code}: {reason}"
        self.logged.append((event, by, self.now, self.is_by_order(event, by)))
        self.links.append(Link(event_hash(event), by))
        self.heads.append(self.state.head)
        self.state = self.apply_event(event, by)
        self.now += 100
        return self

    def wait(self, seconds: int) -> "Story":
        self.now += seconds
        return self
