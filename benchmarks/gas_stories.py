"""Items brought to where each kind of event can follow, on a real node, so that its gas can be read from a receipt.

A `Story` is a consortium with its contracts on one Anvil: it keeps every item's state with the twin (and compares words
with the chain), signs as every party and carries. `KINDS` tells for each kind how its items are prepared and what is said.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from coincurve import PrivateKey
from eth_abi import encode

from ledger_api.chain.rpc import Node
from ledger_verify.hashing import (
    ZERO32,
    batch_digest,
    batch_hash,
    claim_holder,
    consent_digest,
    domain_separator,
    event_hash,
    keccak,
    organization_id,
    typed_digest,
)
from ledger_verify.state import UNBORN, Aside, Event, Link, Opening, State, Terms, facts, has_aside, pack_detail, word
from ledger_verify.transition import Hold, Kind, Method, Outcome, Phase, Role, apply
from ledger_verify.wire import NO_WITNESS, RECORDED, Approval, SignedBatch, Witness, encode_record

ABI = Path(__file__).resolve().parent.parent / "ledger_api" / "abi"
GAS_LIMIT = 16_700_000  # what one transaction may use on Ethereum
HOUR = 3600
BEGINNING = 4_000_000_001  # later than any machine's clock: with its own time a node's gas differs by the zeros in it
HANDBAG = 1
TERMS = Terms()
ACCREDIT_TYPE = (
    b"Accredit(bytes32 brand,bytes32 organization,uint8 role,uint64 scope,uint48 from,uint48 until,uint256 nonce,uint48 deadline)"
)
_GRANT = ("bytes32", "bytes32", "uint8", "uint64", "uint48", "uint48")


class Member(NamedTuple):
    id: bytes
    key: PrivateKey
    address: bytes


@dataclass(frozen=True)
class Said:
    """One event and what its carrier adds."""

    event: Event
    opening: Opening | None = None
    approval: Approval | None = None
    brand: bytes | None = None  # an enrolled item's


@dataclass
class Story:
    """Raises RuntimeError when the chain refuses what this story tells: a figure of refusals would be a lie."""

    node: Node
    members: dict[str, Member] = field(default_factory=dict)
    states: dict[bytes, State] = field(default_factory=dict)
    holders: dict[bytes, PrivateKey] = field(default_factory=dict)  # claim key → its secret
    trails: dict[bytes, list[tuple[bytes, Link]]] = field(default_factory=dict)  # head before, link
    nonces: dict[str, int] = field(default_factory=dict)  # of accreditations, by brand
    count: int = 0
    clock: int = BEGINNING

    def __post_init__(self) -> None:
        self.account = self.node.call("eth_accounts")[0]
        consortium = self._member("consortium")
        owner = bytes.fromhex(self.account[2:])
        arguments = encode(["address", "string", "address"], [owner, did_of("consortium"), consortium.address])
        self.registry = self.deploy(artifact("OrganizationRegistry") + arguments)
        periods = (TERMS.recovery_period, TERMS.ruling_period)
        self.ledger = self.deploy(artifact("ProvenanceLedger") + encode(["address", "uint48", "uint48"], [self.registry, *periods]))
        self.domain = domain_separator(int(self.node.call("eth_chainId"), 16), self.ledger)
        for name, roles in (("maison", 2), ("tannery", 1), ("shop", 4), ("platform", 8), ("store", 16)):
            member = self._member(name)
            self.call_registry("admit(string,uint8,address)", ["string", "uint8", "address"], [did_of(name), roles, member.address])
        self._accredit("maison", "shop", Role.RETAILER)
        self._accredit("maison", "store", Role.AUTHENTICATOR)
        self._accredit("consortium", "store", Role.AUTHENTICATOR)  # for enrolments of brands that are no members

    # the chain

    def deploy(self, code: bytes) -> bytes:
        return bytes.fromhex(self.send(None, code)["contractAddress"][2:])

    def send(self, to: bytes | None, body: bytes) -> dict[str, Any]:
        transaction = {"from": self.account, "gas": hex(GAS_LIMIT), "data": "0x" + body.hex()}
        if to is not None:
            transaction["to"] = "0x" + to.hex()
        self.node.call("evm_setNextBlockTimestamp", self.clock)
        self.clock += 1
        sent = self.node.call("eth_sendTransaction", transaction)
        receipt: dict[str, Any] | None = None
        while receipt is None:
            receipt = self.node.call("eth_getTransactionReceipt", sent)
        if receipt["status"] != "0x1":
            raise RuntimeError("a transaction of the story reverted")
        return receipt

    def call_registry(self, signature: str, types: list[str], values: list[Any]) -> None:
        self.send(self.registry, keccak(signature.encode())[:4] + encode(types, values))

    def _member(self, name: str) -> Member:
        key = PrivateKey(keccak(b"signer of " + name.encode()))
        address = keccak(key.public_key.format(compressed=False)[1:])[12:]
        self.members[name] = Member(organization_id(did_of(name)), key, address)
        return self.members[name]

    def _accredit(self, by: str, name: str, role: Role) -> None:
        """Under the brand's signature, which anybody may carry: members have no ether."""
        member = self.members[by]
        grant = (member.id, self.members[name].id, int(role), 2**64 - 1, 0, 0)
        nonce, deadline = self.nonces.get(by, 0), self.now() + HOUR
        struct = encode(["bytes32", *_GRANT, "uint256", "uint48"], [keccak(ACCREDIT_TYPE), *grant, nonce, deadline])
        domain = domain_separator(int(self.node.call("eth_chainId"), 16), self.registry, name="OrganizationRegistry")
        signature = signed(member.key, typed_digest(domain, keccak(struct)))
        types = f"({','.join(_GRANT)})"
        values = [grant, member.address, deadline, signature]
        self.call_registry(f"accreditBySignature({types},address,uint48,bytes)", [types, "address", "uint48", "bytes"], values)
        self.nonces[by] = nonce + 1

    def now(self) -> int:
        return int(self.node.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    # telling

    def fresh(self, what: str) -> bytes:
        self.count += 1
        return keccak(f"{what} {self.count}".encode())

    def claim_key(self) -> bytes:
        key = PrivateKey(self.fresh("claim key"))
        holder = claim_holder(keccak(key.public_key.format(compressed=False)[1:])[12:])
        self.holders[holder] = key
        return holder

    def event(self, item: bytes, kind: int, party: bytes = ZERO32, **detail: Any) -> Event:
        head = self.states.get(item, UNBORN).head
        return Event(item, kind, head, self.now(), party, pack_detail(**detail), self.fresh("payload"))

    def agreed(self, event: Event, brand: bytes | None = None, opening: Opening | None = None) -> Said:
        """With the consent of the item's key; of an unborn item's, the presenter's."""
        state = self.states.get(event.item, UNBORN)
        key = self.holders[event.party if event.kind == Kind.ENROLMENT else state.holder]
        deadline = event.occurred_at + HOUR
        digest = consent_digest(
            self.domain,
            action=event.kind,
            item=event.item,
            head=event.head,
            old_holder=state.holder,
            new_holder=event.party,
            detail=event.detail,
            carrier=ZERO32,
            store=ZERO32,
            deadline=deadline,
        )
        return Said(event, opening, Approval(0, ZERO32, ZERO32, deadline, signed(key, digest)), brand)

    def carry(self, by: str, said: Sequence[Said]) -> int:
        """The gas of one transaction with one batch."""
        member = self.members[by]
        batch = self._batch(member, said)
        receipt = self.send(self.ledger, encode_record([batch]))
        recorded = sum(log["topics"][0] == "0x" + RECORDED.hex() for log in receipt["logs"])
        if recorded != len(said):
            raise RuntimeError(f"{by}: {recorded} of {len(said)} events of kind {said[0].event.kind} recorded")
        self._remember(member, said, self.now())
        self._compare(said[-1].event.item)
        return int(receipt["gasUsed"], 16)

    def _batch(self, member: Member, said: Sequence[Said]) -> SignedBatch:
        events = [one.event for one in said]
        deadline = events[0].occurred_at + HOUR
        hashed = batch_hash(member.id, member.address, deadline, False, [event_hash(event) for event in events])
        openings = []
        for index, one in enumerate(said):
            state = self.states.get(one.event.item, UNBORN)
            if one.opening is not None or has_aside(state):
                openings.append(reindexed(one.opening or Opening(), index, state.aside))
        approvals = [
            Approval(index, one.approval.carrier, one.approval.store, one.approval.deadline, one.approval.signature)
            for index, one in enumerate(said)
            if one.approval is not None
        ]
        signature = signed(member.key, batch_digest(self.domain, hashed))
        witnesses = self._witnesses(member, events)
        return SignedBatch(member.id, member.address, deadline, False, events, witnesses, openings, approvals, signature)

    def _witnesses(self, member: Member, events: Sequence[Event]) -> list[Witness]:
        """In the cheap form: a zero stands for what repeats (docs/protocol.md §6)."""
        witnesses = []
        named = member.id
        for event in events:
            state = self.states.get(event.item, UNBORN)
            if state.sequence == 0:
                witnesses.append(NO_WITNESS)
                continue
            holder = ZERO32 if state.holder == member.id else state.holder
            brand = ZERO32 if state.brand == named else state.brand
            named = state.brand
            witnesses.append(Witness(NO_WITNESS.head, holder, brand, facts(state)))  # type: ignore[arg-type]  # zero is no name
        return witnesses

    def _remember(self, member: Member, said: Sequence[Said], block_time: int) -> None:
        for one in said:
            before = self.states.get(one.event.item, UNBORN)
            link = Link(event_hash(one.event), member.id)
            self.trails.setdefault(one.event.item, []).append((before.head, link))
            self.states[one.event.item] = apply(before, one.event, member.id, block_time, TERMS, brand=one.brand)

    def _compare(self, item: bytes) -> None:
        asked = {"to": "0x" + self.ledger.hex(), "data": "0x" + (keccak(b"word(bytes32)")[:4] + item).hex()}
        stored = int(self.node.call("eth_call", asked, "latest"), 16)
        if stored != word(self.states[item]):
            raise RuntimeError("the chain's word is not the twin's")


def did_of(name: str) -> str:
    return f"did:web:{name}.example"


def artifact(contract: str) -> bytes:
    return bytes.fromhex(json.loads((ABI / f"{contract}.json").read_text())["bytecode"][2:])


def signed(key: PrivateKey, digest: bytes) -> bytes:
    signature = key.sign_recoverable(digest, hasher=None)
    return signature[:64] + bytes([signature[64] + 27])


def reindexed(opening: Opening, index: int, aside: Aside) -> Opening:
    return Opening(
        index=index,
        aside=aside,
        brand=opening.brand,
        serial_commitment=opening.serial_commitment,
        prior_head=opening.prior_head,
        history=opening.history,
    )


# --- how each kind comes about

Telling = Callable[[Story, bytes], Said]
Preparing = Callable[[Story, int], list[bytes]]


class KindStory(NamedTuple):
    name: str
    by: str
    prepare: Preparing
    tell: Telling


def unborn(story: Story, count: int) -> list[bytes]:
    """Serial or lot commitments: the item is named by whoever bears it."""
    return [story.fresh("commitment") for _ in range(count)]


def unsold(story: Story, count: int) -> list[bytes]:
    born = [manufacture(story, commitment) for commitment in unborn(story, count)]
    story.carry("maison", born)
    return [one.event.item for one in born]


def in_shop(story: Story, count: int) -> list[bytes]:
    items = unsold(story, count)
    story.carry("maison", [shipment(story, item) for item in items])
    return items


def sold(story: Story, count: int) -> list[bytes]:
    items = in_shop(story, count)
    story.carry("shop", [sale(story, item) for item in items])
    return items


def judged(story: Story, count: int) -> list[bytes]:
    items = sold(story, count)
    story.carry("store", [verdict(story, item) for item in items])
    return items


def disputed(story: Story, count: int) -> list[bytes]:
    items = sold(story, count)
    story.carry("maison", [dispute(story, item) for item in items])
    return items


def recalled(story: Story, count: int) -> list[bytes]:
    items = sold(story, count)
    story.carry("maison", [hold(story, item) for item in items])
    return items


def raw_material(story: Story, commitment: bytes) -> Said:
    return Said(story.event(keccak(story.members["tannery"].id + commitment), Kind.RAW_MATERIAL, commitment))


def manufacture(story: Story, commitment: bytes) -> Said:
    return Said(story.event(keccak(story.members["maison"].id + commitment), Kind.MANUFACTURE, commitment, c=HANDBAG))


def enrolment(story: Story, commitment: bytes) -> Said:
    brand = organization_id("did:web:old-house.example")
    opening = Opening(brand=brand, serial_commitment=commitment)  # type: ignore[arg-type]  # 32 bytes from keccak
    detail = {"a": Outcome.AUTHENTIC, "b": Method.IN_PERSON, "c": HANDBAG, "consented": True}
    event = story.event(keccak(brand + commitment), Kind.ENROLMENT, story.claim_key(), **detail)
    return story.agreed(event, brand, opening)


def shipment(story: Story, item: bytes) -> Said:
    return Said(story.event(item, Kind.SHIPMENT, story.members["shop"].id))


def sale(story: Story, item: bytes) -> Said:
    return Said(story.event(item, Kind.SALE, story.claim_key()))


def resale(story: Story, item: bytes) -> Said:
    return story.agreed(story.event(item, Kind.RESALE, story.claim_key()))


def transfer(story: Story, item: bytes) -> Said:
    return story.agreed(story.event(item, Kind.TRANSFER, story.claim_key()))


def verdict(story: Story, item: bytes) -> Said:
    return Said(story.event(item, Kind.VERDICT, a=Outcome.AUTHENTIC, b=Method.IN_PERSON))


def dispute(story: Story, item: bytes) -> Said:
    return Said(story.event(item, Kind.DISPUTE))


def ruling(story: Story, item: bytes) -> Said:
    return Said(story.event(item, Kind.RULING, a=Outcome.AUTHENTIC))


def service(story: Story, item: bytes) -> Said:
    return Said(story.event(item, Kind.SERVICE))


def hold(story: Story, item: bytes) -> Said:
    return Said(story.event(item, Kind.HOLD, a=Hold.RECALLED))


def hold_by_owner(story: Story, item: bytes) -> Said:
    return story.agreed(story.event(item, Kind.HOLD, a=Hold.STOLEN, consented=True))


def release(story: Story, item: bytes) -> Said:
    return Said(story.event(item, Kind.RELEASE, a=Hold.RECALLED))


def recovery(story: Story, item: bytes) -> Said:
    return Said(story.event(item, Kind.RECOVERY, story.claim_key(), a=Phase.REQUEST))


def correction(story: Story, item: bytes) -> Said:
    """Of the item's last event, the author's own verdict."""
    prior, link = story.trails[item][-1]
    opening = Opening(prior_head=prior, history=(link,))  # type: ignore[arg-type]  # a head, kept as bytes
    sequence = story.states[item].sequence
    return Said(story.event(item, Kind.CORRECTION, a=Outcome.INCONCLUSIVE, time=sequence), opening)


def retire(story: Story, item: bytes) -> Said:
    return Said(story.event(item, Kind.RETIRE))


KINDS = (
    KindStory("raw_material", "tannery", unborn, raw_material),
    KindStory("manufacture", "maison", unborn, manufacture),
    KindStory("shipment", "maison", unsold, shipment),
    KindStory("sale", "shop", in_shop, sale),
    KindStory("resale", "platform", sold, resale),
    KindStory("transfer", "platform", sold, transfer),
    KindStory("verdict", "store", sold, verdict),
    KindStory("enrolment", "store", unborn, enrolment),
    KindStory("dispute", "maison", sold, dispute),
    KindStory("ruling", "maison", disputed, ruling),
    KindStory("service", "store", sold, service),
    KindStory("hold", "maison", sold, hold),
    KindStory("hold_by_owner", "platform", sold, hold_by_owner),
    KindStory("release", "maison", recalled, release),
    KindStory("recovery", "maison", sold, recovery),
    KindStory("correction", "store", judged, correction),
    KindStory("retire", "maison", unsold, retire),
)

BATCH = 100
SINGLES = 5


def gas_of(story: Story, kind: KindStory) -> tuple[float, float]:
    """Per event: in a batch of a hundred, and the median of batches of one. A transaction's own cost is in it."""
    items = kind.prepare(story, BATCH)
    together = story.carry(kind.by, [kind.tell(story, item) for item in items]) / BATCH
    items = kind.prepare(story, SINGLES)
    return together, median(story.carry(kind.by, [kind.tell(story, item)]) for item in items)
