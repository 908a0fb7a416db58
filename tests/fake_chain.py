"""A chain in memory that answers JSON-RPC as a node does, and a world of organizations that record on it.

`FakeChain` has blocks that link, logs in them, reorgs (`reorg`), replicas that lag (`lag`), range limits (`range_limit`), and speaks
the two methods of `chain.rpc.Node` that readers use: `call` and `batch`. It keeps no state of contracts: whatever is emitted is there.
`World` makes honest logs for it with the same twin of the transition that the contract answers to, and puts payloads and names where
the service would have put them. It judges nothing: what it records is what a contract let through.

    chain = FakeChain()
    world = World(chain, engine)
    maison = world.admit("did:web:maison.example", "Maison")
    bag = world.manufacture(maison, "S-1", model="Lune")
    chain.mine()
"""

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import Engine, insert
from sqlmodel import SQLModel

from ledger_api.chain.rpc import Call, Refusal
from ledger_api.domain.network import Network
from ledger_api.indexer.blooms import mask_of
from ledger_api.indexer.registry import (
    ACCREDITED,
    ADMITTED,
    REINSTATED,
    SIGNER_ADDED,
    SIGNER_COMPROMISED,
    SIGNER_RETIRED,
    SUSPENDED,
)
from ledger_verify.codes import Kind
from ledger_verify.hashing import (
    Commitment,
    EventHash,
    ItemId,
    OrganizationId,
    domain_separator,
    event_hash,
    event_id,
    item_id,
    keccak,
    lot_commitment,
    organization_id,
    serial_commitment,
)
from ledger_verify.state import UNBORN, Event, State, Terms, pack_detail, state_to_bytes
from ledger_verify.transition import apply

REGISTRY, LEDGER = bytes.fromhex("aa" * 20), bytes.fromhex("bb" * 20)
CHAIN_ID = 31337
CONSORTIUM = organization_id("did:web:consortium.example")
NETWORK = Network(
    chain_id=CHAIN_ID,
    registry=REGISTRY,
    ledger=LEDGER,
    domain_separator=domain_separator(CHAIN_ID, LEDGER),
    terms=Terms(),
    consortium=CONSORTIUM,
    confirmations=2,
)
GTIN = "09506000134352"
FIRST_TIME = 1_750_000_000
BLINDING = bytes(31) + b"\x01"

RECORDED = keccak(b"Recorded(bytes32,bytes32,bytes32,address,uint8,uint48,bytes32,uint64,bytes32)")
ENROLLED = keccak(b"Enrolled(bytes32,bytes32,bytes32)")
RELEASED_BY_ORDER = keccak(b"ReleasedByOrder(bytes32,uint8)")
REFUSED = keccak(b"Refused(bytes32,bytes32,bytes32,uint8,address)")
BATCH_REFUSED = keccak(b"BatchRefused(bytes32,bytes32,uint8,address)")


def number(value: int) -> bytes:
    return value.to_bytes(32, "big")


def padded(address: bytes) -> bytes:
    return bytes(12) + address


@dataclass(slots=True)
class FakeBlock:
    number: int
    hash: bytes
    parent: bytes
    time: int
    logs: list[dict[str, Any]] = field(default_factory=list)


class FakeChain:
    def __init__(self, *, salt: bytes = b"first") -> None:
        self._salt = salt
        self.blocks = [FakeBlock(0, keccak(b"genesis" + salt), bytes(32), FIRST_TIME)]
        self._pending: list[dict[str, Any]] = []
        self._forks = 0
        self.lag = 0  # blocks that this replica has not seen yet
        self.range_limit = 0  # blocks; 0: none
        self.refuses_ranges = False
        self.is_mute = False  # answers for logs by block hash with none, as some do for a hash they do not know
        self.has_receipts = True  # of whole blocks: not every client has that method
        self.strangers: list[bytes] = []  # what other contracts' logs put into every bloom
        self.code: bytes = b"\x60\x00"
        self.calls = 0
        self.pace = 12  # seconds from one block to the next

    @property
    def next_time(self) -> int:
        return self.blocks[-1].time + self.pace

    def emit(self, address: bytes, topics: list[bytes], body: bytes, *, transaction: bytes = b"\x11" * 32) -> None:
        self._pending.append(
            {
                "address": "0x" + address.hex(),
                "topics": ["0x" + topic.hex() for topic in topics],
                "data": "0x" + body.hex(),
                "transactionHash": "0x" + transaction.hex(),
                "removed": False,
            }
        )

    def mine(self, blocks: int = 1) -> int:
        """Everything emitted goes into the first of the new blocks. Gives the height."""
        for _ in range(blocks):
            last = self.blocks[-1]
            height = last.number + 1
            digest = keccak(b"%b%b%d%d" % (self._salt, last.hash, height, self._forks) + orjson.dumps(self._pending))
            block = FakeBlock(height, digest, last.hash, self.next_time)
            for index, log in enumerate(self._pending):
                block.logs.append({**log, "blockNumber": hex(height), "blockHash": "0x" + digest.hex(), "logIndex": hex(index)})
            self._pending = []
            self.blocks.append(block)
        return self.blocks[-1].number

    def reorg(self, depth: int, *, then: int | None = None) -> None:
        """The newest `depth` blocks fall out; empty ones come in their place (`then` of them, default one more)."""
        del self.blocks[len(self.blocks) - depth :]
        self._forks += 1
        self.mine(depth + 1 if then is None else then)

    def call(self, method: str, *params: Any) -> Any:
        (answer,) = self.batch([(method, params)])
        if isinstance(answer, Refusal):
            raise answer.error(method)
        return answer

    def batch(self, calls: Any) -> list[Any]:
        asked: list[Call] = list(calls)
        self.calls += len(asked)
        return [self._answer(method, *params) for method, params in asked]

    @property
    def _seen(self) -> list[FakeBlock]:
        return self.blocks[: len(self.blocks) - self.lag]

    def _answer(self, method: str, *params: Any) -> Any:
        match method:
            case "eth_chainId":
                return hex(CHAIN_ID)
            case "eth_getCode":
                return "0x" + self.code.hex()
            case "eth_getBlockByNumber":
                return self._block(params[0])
            case "eth_getBlockByHash":
                return next((self._block(hex(block.number)) for block in self._seen if "0x" + block.hash.hex() == params[0]), None)
            case "eth_getBlockReceipts":
                return self._receipts(params[0])
            case "eth_getLogs":
                return self._logs(params[0])
        raise NotImplementedError(method)

    def _block(self, which: str) -> dict[str, str] | None:
        if which == "finalized":
            which = hex(max(0, self._seen[-1].number - 4))
        height = self._seen[-1].number if which == "latest" else int(which, 16)
        if height >= len(self._seen):
            return None
        block = self._seen[height]
        return {
            "number": hex(height),
            "hash": "0x" + block.hash.hex(),
            "parentHash": "0x" + block.parent.hex(),
            "timestamp": hex(block.time),
            "logsBloom": f"0x{self._bloom(block):0512x}",
        }

    def _bloom(self, block: FakeBlock) -> int:
        bits = 0
        for value in self.strangers:
            bits |= mask_of(value)
        for log in block.logs:
            for value in (log["address"], *log["topics"]):
                bits |= mask_of(bytes.fromhex(value[2:]))
        return bits

    def _receipts(self, block_hash: str) -> Any:
        """All logs of a block as one transaction's."""
        if not self.has_receipts:
            return Refusal(-32601, "the method eth_getBlockReceipts does not exist", None)
        return next(([{"logs": block.logs}] for block in self._seen if "0x" + block.hash.hex() == block_hash), None)

    def _logs(self, asked: dict[str, Any]) -> Any:
        if "blockHash" in asked:
            if self.is_mute:
                return []
            found = [block for block in self._seen if "0x" + block.hash.hex() == asked["blockHash"]]
            return found[0].logs if found else Refusal(-32000, "unknown block", None)
        first, last = int(asked["fromBlock"], 16), int(asked["toBlock"], 16)
        if self.refuses_ranges or (self.range_limit and last - first + 1 > self.range_limit):
            return Refusal(-32005, "query exceeds max block range", None)
        # a replica that lags says nothing of blocks it has not seen
        return [log for block in self._seen[first : last + 1] for log in block.logs]


@dataclass(frozen=True, slots=True)
class Member:
    id: OrganizationId
    did: str
    signer: bytes


class World:
    """Organizations, items and what happens to them. States follow the twin; `rewind` takes them back after a reorg."""

    def __init__(self, chain: FakeChain, engine: Engine) -> None:
        self.chain, self.engine = chain, engine
        self.states: dict[bytes, State] = {}
        self._at_height: dict[int, dict[bytes, State]] = {0: {}}

    # --- the registry

    def admit(self, did: str, name: str | None, *, roles: int = 31) -> Member:
        member = Member(organization_id(did), did, keccak(did.encode())[12:])
        text = did.encode()
        body = number(64) + number(roles) + number(len(text)) + text.ljust(-(-len(text) // 32) * 32, b"\0")
        self.chain.emit(REGISTRY, [ADMITTED, member.id], body)
        self.chain.emit(REGISTRY, [SIGNER_ADDED, member.id, padded(member.signer)], b"")
        if name is not None:
            row = {"organization": member.id, "did": did, "name": name, "visibility": "public", "created_at": datetime.now(UTC)}
            self._insert("profiles", row)
        return member

    def accredit(self, brand: Member, organization: Member, role: int, *, scope: int = 2**64 - 1, until: int = 0) -> None:
        body = number(role) + number(scope) + number(0) + number(until)
        self.chain.emit(REGISTRY, [ACCREDITED, brand.id, organization.id], body)

    def compromise(self, member: Member, since_block: int) -> None:
        self.chain.emit(REGISTRY, [SIGNER_COMPROMISED, member.id, padded(member.signer)], number(since_block))

    def retire_signer(self, member: Member) -> None:
        self.chain.emit(REGISTRY, [SIGNER_RETIRED, member.id, padded(member.signer)], b"")

    def suspend(self, member: Member) -> None:
        self.chain.emit(REGISTRY, [SUSPENDED, member.id], b"")

    def reinstate(self, member: Member) -> None:
        self.chain.emit(REGISTRY, [REINSTATED, member.id], b"")

    # --- births

    def manufacture(self, brand: Member, serial: str, *, category: int = 1, **payload: Any) -> ItemId:
        commitment = serial_commitment(BLINDING, GTIN, serial)
        item = item_id(brand.id, commitment)
        self.name(item, brand, gtin=GTIN, serial=serial)
        self.record(brand, item, Kind.MANUFACTURE, party=commitment, c=category, payload={"gtin": GTIN, "serial": serial, **payload})
        return item

    def raw_material(self, supplier: Member, lot: str, **payload: Any) -> ItemId:
        commitment = lot_commitment(BLINDING, lot)
        item = item_id(supplier.id, commitment)
        self.name(item, supplier, lot=lot)
        self.record(supplier, item, Kind.RAW_MATERIAL, party=commitment, payload={"lot": lot, **payload})
        return item

    def enrol(self, store: Member, brand: OrganizationId, serial: str, key: bytes, **payload: Any) -> ItemId:
        commitment = serial_commitment(BLINDING, GTIN, serial)
        item = item_id(brand, commitment)
        self.name(item, replace(store, id=brand), gtin=GTIN, serial=serial)
        self.chain.emit(LEDGER, [ENROLLED, item], brand + commitment)
        self.record(store, item, Kind.ENROLMENT, party=padded(key), a=1, b=3, c=2, consented=True, brand=brand, payload=payload)
        return item

    def name(self, item: bytes, brand: Member, *, gtin: str | None = None, serial: str | None = None, lot: str | None = None) -> None:
        self._insert("identifiers", {"item": item, "brand": brand.id, "gtin": gtin, "serial": serial, "lot": lot})

    # --- anything

    def record(
        self,
        organization: Member,
        item: bytes,
        kind: Kind,
        *,
        party: bytes = bytes(32),
        payload: dict[str, Any] | None = None,
        brand: OrganizationId | None = None,
        by_order: bool = False,
        occurred_at: int | None = None,
        transaction: bytes = b"\x11" * 32,
        **detail: Any,
    ) -> Event:
        """The event lands in the next block. Its payload (None: only the organization has it) goes into the payload store."""
        state = self.states.get(item, UNBORN)
        when = occurred_at if occurred_at is not None else max(state.last_occurred_at, FIRST_TIME - 86_400) + 60
        body = json.dumps(payload, sort_keys=True, ensure_ascii=False)
        event = Event(ItemId(item), kind, state.head, when, party, pack_detail(**detail), Commitment(keccak(body.encode())))
        if payload is not None:
            self._keep_payload(organization, event, body)
        if by_order:
            self.chain.emit(LEDGER, [RELEASED_BY_ORDER, item], number(event.detail & 0xFF), transaction=transaction)
        self.emit_recorded(organization, event, event_hash(event), transaction=transaction)
        block_time = self.chain.next_time
        self.states[item] = apply(state, event, organization.id, block_time, Terms(), brand=brand, by_order=by_order)
        return event

    def emit_recorded(self, organization: Member, event: Event, hashed: EventHash, *, transaction: bytes = b"\x11" * 32) -> None:
        words = (
            hashed,
            organization.id,
            padded(organization.signer),
            number(event.kind),
            number(event.occurred_at),
            event.party,
            number(event.detail),
            event.payload,
        )
        self.chain.emit(LEDGER, [RECORDED, event.item], b"".join(words), transaction=transaction)

    def refuse(self, event: Event, reason: int, *, transaction: bytes) -> None:
        body = event_hash(event) + bytes(32) + number(reason) + padded(b"\xcc" * 20)
        self.chain.emit(LEDGER, [REFUSED, event.item], body, transaction=transaction)

    def refuse_batch(self, organization: Member, batch_hash: bytes, reason: int, *, transaction: bytes) -> None:
        body = batch_hash + number(reason) + padded(b"\xcc" * 20)
        self.chain.emit(LEDGER, [BATCH_REFUSED, organization.id], body, transaction=transaction)

    # --- blocks

    def mine(self, blocks: int = 1) -> int:
        first = self.chain.blocks[-1].number + 1
        last = self.chain.mine(blocks)
        self._at_height |= {height: dict(self.states) for height in range(first, last + 1)}
        return last

    def reorg(self, depth: int, *, then: int | None = None) -> None:
        self.chain.reorg(depth, then=then)
        left = self.chain.blocks[-1].number - (depth + 1 if then is None else then)
        self._at_height = {height: states for height, states in self._at_height.items() if height <= left}
        self.states = dict(self._at_height[max(self._at_height)])

    # --- the payload store and the operations, as the service fills them

    def accept(self, organization: Member, event: Event, *, expected: State, status: str = "accepted", **columns: Any) -> None:
        """A row of `events`, as intake leaves it."""
        row = {
            "event_id": self.id_of(organization, event),
            "submission": "s1",
            "position": 0,
            "organization": organization.id,
            "item": event.item,
            "kind": event.kind,
            "occurred_at": event.occurred_at,
            "party": event.party,
            "detail": event.detail.to_bytes(8, "big"),
            "payload": event.payload,
            "head": event.head,
            "event_hash": event_hash(event),
            "state": state_to_bytes(expected),
            "status": status,
        }
        self._insert("events", row | columns)

    def id_of(self, organization: Member, event: Event) -> bytes:
        return event_id(organization.id, event.item, event.kind, event.occurred_at, event.payload)

    def _keep_payload(self, organization: Member, event: Event, body: str) -> None:
        row = {"event_id": self.id_of(organization, event), "item": event.item, "organization": organization.id, "epoch": 1}
        self._insert("payloads", row | {"commitment": event.payload, "body": body}, again=True)

    def _insert(self, table: str, row: dict[str, Any], *, again: bool = False) -> None:
        rows = SQLModel.metadata.tables[table]
        with self.engine.begin() as connection:
            if again and connection.execute(rows.select().where(rows.c.event_id == row["event_id"])).first():
                return
            known = rows.select().where(next(iter(rows.primary_key)) == row.get(next(iter(rows.primary_key)).name))
            if table in ("profiles", "identifiers") and connection.execute(known).first():
                return
            connection.execute(insert(rows), row)
