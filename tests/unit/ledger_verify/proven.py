"""Proofs on paper: a block whose state holds what a story left behind, without a chain.

The tries are real, so are signatures and salts; what a test wants otherwise it says. `Tale` is a story with payloads.

    tale = life()                                  # five events of three organizations
    document = by_state(tale)                      # the file as a value; `canonical` makes its bytes
    report = check(canonical(document), TRUST(document))
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import rlp
from coincurve import PrivateKey

from ledger_api.proving.receipts import Trie, encode_receipt, trie_of
from ledger_verify.checking import Trust
from ledger_verify.codes import Kind
from ledger_verify.hashing import (
    Commitment,
    EventHash,
    ItemId,
    OrganizationId,
    batch_digest,
    batch_hash,
    commit_payload,
    disclose,
    disclosure_digest,
    domain_separator,
    event_hash,
    item_key,
    keccak,
    salted_serial,
    seal,
)
from ledger_verify.header import item_slot, member_slot, read_account, read_logs, read_word, signer_slot
from ledger_verify.history import follow_all, order_matters
from ledger_verify.proof import FORMAT, canonical, read_event
from ledger_verify.state import Event, word
from ledger_verify.trie import Nodes, encode_number
from ledger_verify.wire import ENROLLED, RECORDED, RELEASED_BY_ORDER
from tests.unit.ledger_verify.world import ALICE, HANDBAG, HOUSE, MAISON, SHOP, START, Story, address_of

Json = dict[str, Any]
Hidden = Callable[[str], bool | str]  # "named": told by its name and seal

CHAIN_ID = 31337
LEDGER, REGISTRY = bytes.fromhex("bb" * 20), bytes.fromhex("aa" * 20)
LEDGER_CODE, REGISTRY_CODE = keccak(b"the ledger's code"), keccak(b"the registry's code")
EPOCH_KEY = keccak(b"epoch key")
GTIN, SERIAL, SERIAL_SALT = "09506000134352", "S-1", keccak(b"salt of the serial")
NUMBER, TIME = 1_000, START + 10_000
FILLING = 40  # other items, other accounts: so that the tries have branches


@dataclass
class Tale(Story):
    """A story whose events have payloads and whose item has a name."""

    told: list[Json] = field(default_factory=list)  # payload objects, by event
    next_payload: Json = field(default_factory=dict)

    @property
    def commitment(self) -> Commitment:
        return salted_serial(SERIAL_SALT, GTIN, SERIAL)

    def event(self, kind: int, **fields: Any) -> Event:
        event = super().event(kind, **fields)
        return event if not self.next_payload else replace(event, payload=self._commitment(event))

    def _commitment(self, event: Event) -> Commitment:
        key = item_key(EPOCH_KEY, self.item)
        made = commit_payload(self.next_payload, item_key=key, organization=self._by, kind=event.kind, occurred_at=event.occurred_at)
        return made.commitment

    def tell(self, kind: int, by: OrganizationId, payload: Json, **fields: Any) -> "Tale":
        self.next_payload, self._by = payload, by
        self.land(kind, by, **fields)
        self.told.append(payload)
        return self

    _by: OrganizationId = MAISON


def life(events: int = 5) -> Tale:
    """Made, shipped, sold, seen, serviced, and then visits."""
    tale = Tale()
    made = {"gtin": GTIN, "serial": SERIAL, "model": "Cabas Verne 32", "colour": "noir", "certificates": ["LWG", "REACH"], "weight": 0.75}
    tale.tell(Kind.MANUFACTURE, MAISON, made, party=tale.commitment, c=HANDBAG)
    tale.tell(Kind.SHIPMENT, MAISON, {"reference": "D-1"}, party=SHOP)
    tale.tell(Kind.SALE, SHOP, {"invoice": "F-1", "country": "FR"}, party=ALICE)
    seen = {"appraiser": "APR-07", "grounds": "agrees with the reference", "evidence": []}
    tale.tell(Kind.VERDICT, HOUSE, seen, a=1, b=3)
    tale.tell(Kind.SERVICE, MAISON, {"description": "new lining"})
    for number in range(len(tale.logged), events):
        tale.tell(Kind.SERVICE, MAISON, {"description": f"visit {number}", "parts": ["strap"]})
    return tale


def short_life() -> Tale:
    """Made and shipped: the smallest that has everything a mutation can meet."""
    tale = Tale()
    tale.tell(Kind.MANUFACTURE, MAISON, {"model": "Lune", "colour": "noir"}, party=tale.commitment, c=HANDBAG)
    return tale.tell(Kind.SHIPMENT, MAISON, {"reference": "D-1", "weight": 2}, party=SHOP)


# --- who signs


def secret_of(organization: bytes) -> PrivateKey:
    return PrivateKey(keccak(b"signer of " + organization))


def signer_of(organization: bytes) -> bytes:
    return address_of(int.from_bytes(keccak(b"signer of " + organization), "big"))


def signed(
    organization: OrganizationId, hashed: EventHash, others: Sequence[bytes] = (), *, chain_id: int = CHAIN_ID, ledger: bytes = LEDGER
) -> Json:
    """The event in the middle of a batch with these others."""
    position = len(others) // 2
    hashes = [EventHash(one) for one in (*others[:position], hashed, *others[position:])]
    address, deadline = signer_of(organization), START + 99_999
    digest = batch_digest(domain_separator(chain_id, ledger), batch_hash(organization, address, deadline, False, hashes))
    signature = secret_of(organization).sign_recoverable(digest, hasher=None)
    return {
        "address": shown(address),
        "all_or_nothing": False,
        "deadline": deadline,
        "others": [shown(one) for one in others],
        "position": position,
        "signature": shown(signature[:64] + bytes([signature[64] + 27])),
    }


# --- the document


def events_of(story: Story, *, hidden: Hidden = lambda _: False, others: Sequence[bytes] = (), signers: bool = True) -> list[Json]:
    return [_event(story, place, hidden, others, signers) for place in range(len(story.logged))]


def _event(story: Story, place: int, hidden: Hidden, others: Sequence[bytes], signers: bool) -> Json:
    event, by, _, by_order = story.logged[place]
    is_enrolment = event.kind == Kind.ENROLMENT
    return {
        "organization": shown(by),
        "kind": int(event.kind),
        "occurred_at": event.occurred_at,
        "party": shown(event.party),
        "detail": f"0x{event.detail:016x}",
        "payload": _payload(story, place, hidden),
        "enrolled": {"brand": shown(story.maker), "serial_commitment": shown(story.commitment)} if is_enrolment else None,
        "by_order": by_order,
        "signer": signed(by, event_hash(event), others) if signers else None,
    }


def _payload(story: Story, place: int, hidden: Hidden) -> Json:
    event, by, _, _ = story.logged[place]
    if not isinstance(story, Tale):
        return {"commitment": shown(event.payload)}
    key = item_key(EPOCH_KEY, story.item)
    opened = disclose(story.told[place], item_key=key, organization=by, kind=event.kind, occurred_at=event.occurred_at)
    fields: list[Any] = []
    withheld: list[Any] = []
    for digest, one in sorted((disclosure_digest(one.salt, one.path, one.value), one) for one in opened):
        if not (how := hidden(one.path)):
            fields.append([one.salt.hex(), one.path, one.value])
        else:
            withheld.append([one.path, shown(seal(one.salt, one.path, one.value))] if how == "named" else shown(digest))
    return {"fields": fields, "withheld": withheld}


def by_state(story: Story, *, chain_id: int = CHAIN_ID, stored: int | None = None, admitted: bool = True, **choices: Any) -> Json:
    """`stored`: what the ledger keeps of the item, when it is not what the story left."""
    events = _necessary_orders(story, events_of(story, **choices))
    words = {item_slot(story.item): word(story.state) if stored is None else stored}
    words |= {item_slot(ItemId(keccak(b"item %d" % number))): number + 1 for number in range(FILLING)}
    standing = _registry_words(events, admitted=admitted)
    roots = {LEDGER: trie_of(_storage(words)), REGISTRY: trie_of(_storage(standing))}
    accounts = {LEDGER: _account(roots[LEDGER].root, LEDGER_CODE), REGISTRY: _account(roots[REGISTRY].root, REGISTRY_CODE)}
    accounts |= {keccak(b"account %d" % number)[12:]: _account(bytes(32), bytes(32)) for number in range(FILLING)}
    state = trie_of({keccak(address): account for address, account in accounts.items()})
    header = header_of(state_root=state.root)
    nodes = Nodes([*state.nodes, *roots[LEDGER].nodes, *roots[REGISTRY].nodes])
    read_word(nodes, read_account(nodes, state.root, LEDGER).storage_root, item_slot(story.item))
    for slot in _asked_slots(events):
        read_word(nodes, read_account(nodes, state.root, REGISTRY).storage_root, slot)
    return document_of(story, events, chain_id=chain_id) | {
        "registry": shown(REGISTRY),
        "registry_code_hash": shown(REGISTRY_CODE),
        "witness": _witness(story),
        "inclusion": {"type": "state", "header": shown(header), "nodes": [shown(node) for node in nodes.used()]},
    }


def by_receipts(story: Story, **choices: Any) -> Json:
    """Every event in a block of its own, behind a transaction of somebody else's."""
    events = events_of(story, signers=False, **choices)
    blocks, logs = [], []
    for place, (event, by, now, by_order) in enumerate(story.logged):
        emitted = [*_foreword(story, place, event, by_order), _recorded(story, event, by)]
        receipts = [_receipt([]), _receipt(emitted)]
        trie: Trie = trie_of({encode_number(number): encode_receipt(one) for number, one in enumerate(receipts)})
        nodes = Nodes(trie.nodes)
        read_logs(nodes, trie.root, 1)
        header = header_of(receipts_root=trie.root, number=NUMBER + place, time=now)
        blocks.append({"header": shown(header), "nodes": [shown(node) for node in nodes.used()]})
        logs.append([place, 1, len(emitted) - 1])
    inclusion = {"type": "receipts", "blocks": blocks, "logs": logs}
    return document_of(story, events) | {"registry": None, "registry_code_hash": None, "witness": None, "inclusion": inclusion}


def document_of(story: Story, events: list[Json], *, chain_id: int = CHAIN_ID) -> Json:
    return {
        "format": FORMAT,
        "chain_id": chain_id,
        "ledger": shown(LEDGER),
        "ledger_code_hash": shown(LEDGER_CODE),
        "item": shown(story.item),
        "name": {"gtin": GTIN, "serial": SERIAL, "salt": shown(SERIAL_SALT)} if isinstance(story, Tale) else None,
        "events": events,
    }


def trust_of(document: Json, **changes: Any) -> Trust:
    """Everything that a proof rests on, as this one has it."""
    inclusion = document["inclusion"]
    headers = [inclusion["header"]] if inclusion["type"] == "state" else [block["header"] for block in inclusion["blocks"]]
    known = Trust(
        chain_id=CHAIN_ID,
        ledger=LEDGER,
        ledger_code_hash=LEDGER_CODE,
        block_hashes=frozenset(keccak(bytes.fromhex(header[2:])) for header in headers),
        registry=REGISTRY,
        registry_code_hash=REGISTRY_CODE,
        sequence=None if inclusion["type"] == "state" else len(document["events"]),
    )
    return replace(known, **changes)


def cut_short(document: Json, kept: int) -> Json:
    """A proof by receipts without its last events: their logs, blocks and trie nodes left out with them."""
    shorter = copy_of(document)
    inclusion = shorter["inclusion"]
    del shorter["events"][kept:], inclusion["logs"][kept:]
    del inclusion["blocks"][inclusion["logs"][-1][0] + 1 :]
    return shorter


def copy_of(document: Json) -> Json:
    copied: Json = json.loads(canonical(document))
    return copied


def shown(plain: bytes) -> str:
    return "0x" + plain.hex()


# --- the state


def _necessary_orders(story: Story, events: list[Json]) -> list[Json]:
    commitments = [event.payload for event, _, _, _ in story.logged]
    read = [read_event(event) for event in events]
    for place, event in enumerate(read):
        if event.by_order:
            followed = follow_all(story.item, read, commitments)
            read[place] = replace(event, by_order=order_matters(story.item, read, commitments, followed, place))
    return [event | {"by_order": told.by_order} for event, told in zip(events, read, strict=True)]


def _asked_slots(events: Sequence[Json]) -> list[bytes]:
    slots = []
    for event in events:
        organization = OrganizationId(bytes.fromhex(event["organization"][2:]))
        slots.append(member_slot(organization))
        if event["signer"] is not None:
            slots.append(signer_slot(organization, bytes.fromhex(event["signer"]["address"][2:])))
    return slots


def _registry_words(events: Sequence[Json], *, admitted: bool) -> dict[bytes, int]:
    words = {member_slot(OrganizationId(keccak(b"member %d" % number))): 1 << 160 for number in range(FILLING)}
    for event in events:
        organization = OrganizationId(bytes.fromhex(event["organization"][2:]))
        words[member_slot(organization)] = (int(admitted) | 0x1F << 8) << 160 | 7
        words[signer_slot(organization, signer_of(organization))] = 1
    return words


def _storage(words: Mapping[bytes, int]) -> dict[bytes, bytes]:
    return {keccak(slot): bytes(rlp.encode(_minimal(value))) for slot, value in words.items() if value}


def _account(storage_root: bytes, code_hash: bytes) -> bytes:
    return bytes(rlp.encode([b"\x01", b"", storage_root, code_hash]))


def header_of(*, state_root: bytes = bytes(32), receipts_root: bytes = bytes(32), number: int = NUMBER, time: int = TIME) -> bytes:
    fields = [keccak(b"parent"), keccak(b"uncles"), bytes(20), state_root, bytes(32), receipts_root, bytes(256), b""]
    fields += [_minimal(number), _minimal(30_000_000), b"", _minimal(time), b"", bytes(32), bytes(8), _minimal(10**9)]
    return bytes(rlp.encode(fields))


def _minimal(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def _witness(story: Story) -> Json:
    aside = story.state.aside
    return {
        "disputed_at": aside.disputed_at,
        "recovery_ready_at": aside.recovery_ready_at,
        "stolen_release_at": aside.stolen_release_at,
    }


# --- the logs


def _receipt(logs: list[Json]) -> Json:
    return {"type": "0x2", "status": "0x1", "cumulativeGasUsed": "0x5208", "logsBloom": shown(bytes(256)), "logs": logs}


def _log(topic: bytes, item: bytes, body: bytes) -> Json:
    return {"address": shown(LEDGER), "topics": [shown(topic), shown(item)], "data": shown(body)}


def _number(value: int) -> bytes:
    return value.to_bytes(32, "big")


def _recorded(story: Story, event: Event, by: bytes) -> Json:
    body = event_hash(event) + by + bytes(12) + signer_of(by) + _number(event.kind) + _number(event.occurred_at)
    return _log(RECORDED, story.item, body + event.party + _number(event.detail) + event.payload)


def _foreword(story: Story, place: int, event: Event, by_order: bool) -> list[Json]:
    if event.kind == Kind.ENROLMENT:
        return [_log(ENROLLED, story.item, story.maker + story.commitment)]
    return [_log(RELEASED_BY_ORDER, story.item, _number(event.detail & 0xFF))] if by_order else []
