"""A proof of an item's history, made and then read by the verifier before anybody else sees it."""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection, Engine

from ledger_api.chain.deploy import Deployment
from ledger_api.chain.rpc import Node
from ledger_api.directory import Blinding
from ledger_api.errors import CallerError, IntegrityError, NodeInconsistent, NotFollowedYet, UnknownItem
from ledger_api.proving.evidence import Block, NoStateProof, block_at, receipts_of, trie_nodes
from ledger_api.proving.fields import PUBLIC_ONLY, Choice, payload_document
from ledger_api.proving.naming import name_document
from ledger_api.proving.receipts import receipt_trie
from ledger_api.store import proving as stored
from ledger_api.store.engine import moment
from ledger_api.store.records import Record, histories
from ledger_verify.checking import Trust, check
from ledger_verify.codes import Kind
from ledger_verify.hashing import Commitment, EventHash, ItemId, OrganizationId, batch_digest, batch_hash
from ledger_verify.header import item_slot, member_slot, read_account, read_logs, read_word, signer_slot
from ledger_verify.history import follow_all, order_matters
from ledger_verify.proof import FORMAT, ProvenEvent, canonical, read_event
from ledger_verify.refusals import Refused
from ledger_verify.signers import recover
from ledger_verify.state import state_from_bytes
from ledger_verify.trie import Nodes

Json = dict[str, Any]
Inclusion = Literal["state", "receipts"]

SHORT_BATCH = 16  # events; of a longer one the other hashes would be most of the file
LONG_BATCH = 1000
_KEPT = 512
_KEPT_SECONDS = 30.0


class NoSuchBlock(CallerError):
    """The item has no history at this block, or the block was not read yet."""

    code, status = "no-such-block", 404


@dataclass(frozen=True, slots=True)
class Asked:
    """One wish for a proof. `inclusion` None: by state where the node serves it, else by receipts. `block` None: the newest that
    will do."""

    choice: Choice = PUBLIC_ONLY
    block: int | None = None
    inclusion: Inclusion | None = None
    all_signers: bool = False  # also of long batches
    name: tuple[str, str] | None = None  # (GTIN-14, serial) that the asker knows; shown when they are the item's


class Made(NamedTuple):
    """`is_final`: the block cannot fall out, so this proof of this block stays what it is."""

    body: bytes
    etag: str
    block: int
    is_final: bool


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the database says of one item, read in one transaction."""

    records: Sequence[Record]
    payloads: Mapping[bytes, stored.StoredPayload]
    batches: Mapping[bytes, stored.SignedBatch]
    named: stored.Named | None
    block: int
    block_hash: bytes | None
    is_final: bool


class ProofMaker:
    """Makes proofs on one network. Keeps the newest for half a minute: a proof costs the node more than a lookup does."""

    def __init__(
        self, engine: Engine, node: Node, deployment: Deployment, blinding: Blinding, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._engine, self._node, self._deployment, self._blinding, self._clock = engine, node, deployment, blinding, clock
        self._kept: OrderedDict[tuple[object, ...], tuple[float, Made]] = OrderedDict()
        self._lock = Lock()

    def make(self, item: ItemId, asked: Asked) -> Made:
        """Raises:
        UnknownItem, NoSuchBlock, NotFollowedYet, NodeInconsistent (ask again), NoStateProof, NodeUnreachable.
        """
        with moment(self._engine) as connection:
            facts = self._facts(connection, item, asked)
        key = (item, facts.records[-1].event_hash, tuple(sorted(facts.payloads)), asked)
        kept = self._found(key)
        if kept is not None:
            return kept
        try:
            body = self._made(item, facts, asked, asked.inclusion or "state")
        except NoStateProof:
            if asked.inclusion is not None:
                raise
            body = self._made(item, facts, asked, "receipts")
        made = Made(body, hashlib.sha256(body).hexdigest()[:32], facts.block, facts.is_final)
        self._keep(key, made)
        return made

    def _found(self, key: tuple[object, ...]) -> Made | None:
        with self._lock:
            at, made = self._kept.get(key, (0.0, None))
            return made if made is not None and self._clock() < at + _KEPT_SECONDS else None

    def _keep(self, key: tuple[object, ...], made: Made) -> None:
        with self._lock:
            self._kept[key] = (self._clock(), made)
            self._kept.move_to_end(key)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)

    # --- what is known

    def _facts(self, connection: Connection, item: bytes, asked: Asked) -> _Facts:
        marks = stored.watermarks(connection)
        if marks is None:
            raise NotFollowedYet
        whole = histories(connection, [item]).get(item)
        if whole is None:
            raise UnknownItem
        block = self._block(whole, marks, asked)
        records = [record for record in whole if record.block_number <= block]
        if not records:
            raise NoSuchBlock(block=block)
        most = LONG_BATCH if asked.all_signers else SHORT_BATCH
        return _Facts(
            records=records,
            payloads=stored.payloads(connection, [record.event_id for record in records]),
            batches=stored.signed_batches(connection, [record.event_hash for record in records], most_events=most),
            named=stored.name_of(connection, item),
            block=block,
            block_hash=stored.block_hash(connection, block),
            is_final=block <= marks.final_block,
        )

    def _block(self, records: Sequence[Record], marks: stored.Watermarks, asked: Asked) -> int:
        """The final block where it has the whole history, else the newest."""
        if asked.block is not None:
            if asked.block > marks.block:
                raise NoSuchBlock(block=asked.block)
            return asked.block
        return marks.final_block if records[-1].block_number <= marks.final_block else marks.block

    # --- the document

    def _made(self, item: ItemId, facts: _Facts, asked: Asked, inclusion: Inclusion) -> bytes:
        deployment, is_state = self._deployment, inclusion == "state"
        events = [self._event(record, facts, asked, is_state=is_state) for record in facts.records]
        block = block_at(self._node, facts.block) if is_state else None
        if block is not None and facts.block_hash not in (None, block.header.hash):
            raise NodeInconsistent("the chain moved while it was read", block=facts.block)
        document: Json = {
            "format": FORMAT,
            "chain_id": deployment.chain_id,
            "ledger": _hex(deployment.ledger),
            "ledger_code_hash": _hex(deployment.ledger_code_hash),
            "registry": _hex(deployment.registry) if is_state else None,
            "registry_code_hash": _hex(deployment.registry_code_hash) if is_state else None,
            "item": _hex(item),
            "name": name_document(facts.named, facts.records[0], facts.payloads, self._blinding, deployment.consortium, asked.name),
            "events": self._ordered(item, events, facts) if is_state else events,
            "witness": _witness(facts.records[-1]) if is_state else None,
            "inclusion": self._receipts(facts.records) if block is None else self._state(item, events, block),
        }
        body = canonical(document)
        self._require(body)
        return body

    def _require(self, body: bytes) -> None:
        """No proof leaves that does not hold. A word or header that does not fit is a chain that moved; the rest would be our fault."""
        deployment = self._deployment
        trust = Trust(deployment.chain_id, deployment.ledger, deployment.ledger_code_hash)
        try:
            check(body, trust)
        except Refused as refused:
            if refused.code in ("word", "storage", "account", "witness", "receipt"):
                raise NodeInconsistent("the node's state is not the one that was followed", refusal=refused.code) from refused
            raise IntegrityError(f"a proof was made that does not hold: {refused}") from refused

    def _event(self, record: Record, facts: _Facts, asked: Asked, *, is_state: bool) -> Json:
        is_enrolment = record.kind == Kind.ENROLMENT
        is_ordered = record.kind == Kind.RELEASE and bool(record.extra)
        return {
            "organization": _hex(record.organization),
            "kind": record.kind,
            "occurred_at": record.occurred_at,
            "party": _hex(record.party),
            "detail": _hex(record.detail),
            "payload": payload_document(record, facts.records, facts.payloads.get(record.event_id), asked.choice, self._blinding),
            "enrolled": {"brand": _hex(record.extra[:32]), "serial_commitment": _hex(record.extra[32:])} if is_enrolment else None,
            "by_order": is_ordered,
            "signer": self._signer(record, facts.batches.get(record.event_hash)) if is_state else None,
        }

    def _signer(self, record: Record, batch: stored.SignedBatch | None) -> Json | None:
        """None also for a contract wallet, whose signature says nothing without the wallet."""
        if batch is None or batch.signer != record.signer or len(batch.signature) != 65:
            return None
        if not batch.position < len(batch.hashes) or batch.hashes[batch.position] != record.event_hash:
            return None
        hashes = [EventHash(one) for one in batch.hashes]
        hashed = batch_hash(OrganizationId(record.organization), batch.signer, batch.deadline, batch.all_or_nothing, hashes)
        if recover(batch_digest(self._deployment.domain_separator, hashed), batch.signature) != batch.signer:
            return None
        return {
            "address": _hex(batch.signer),
            "deadline": batch.deadline,
            "all_or_nothing": batch.all_or_nothing,
            "position": batch.position,
            "others": [_hex(one) for place, one in enumerate(hashes) if place != batch.position],
            "signature": _hex(batch.signature),
        }

    def _ordered(self, item: ItemId, events: list[Json], facts: _Facts) -> list[Json]:
        """By state an order is told only where the word depends on it."""
        if not any(event["by_order"] for event in events):
            return events
        commitments = [Commitment(record.payload) for record in facts.records]
        read: list[ProvenEvent] = [read_event(event) for event in events]
        for place, event in enumerate(read):
            if event.by_order:
                followed = follow_all(item, read, commitments)
                read[place] = replace(event, by_order=order_matters(item, read, commitments, followed, place))
        return [event | {"by_order": told.by_order} for event, told in zip(events, read, strict=True)]

    # --- the evidence

    def _state(self, item: ItemId, events: Sequence[Json], block: Block) -> Json:
        deployment = self._deployment
        slots: dict[bytes, None] = {}
        for event in events:
            organization = OrganizationId(bytes.fromhex(event["organization"][2:]))
            slots[member_slot(organization)] = None
            if event["signer"] is not None:
                slots[signer_slot(organization, bytes.fromhex(event["signer"]["address"][2:]))] = None
        place = item_slot(item)
        wanted = [(deployment.ledger, [place]), (deployment.registry, list(slots))]
        nodes = Nodes(trie_nodes(self._node, block.header.number, wanted))
        for address, asked in wanted:
            root = read_account(nodes, block.header.state_root, address).storage_root
            for slot in asked:
                read_word(nodes, root, slot)
        return {"type": "state", "header": _hex(block.encoded), "nodes": [_hex(node) for node in nodes.used()]}

    def _receipts(self, records: Sequence[Record]) -> Json:
        blocks: list[Json] = []
        logs: list[list[int]] = []
        for number in sorted({record.block_number for record in records}):
            block = block_at(self._node, number)
            receipts = receipts_of(self._node, block.header.hash)
            nodes = Nodes(receipt_trie(receipts, block.header.receipts_root).nodes)
            for record in (one for one in records if one.block_number == number):
                transaction = next((at for at, one in enumerate(receipts) if one["transactionHash"] == _hex(record.transaction_hash)), None)
                if transaction is None:
                    raise NodeInconsistent("the chain moved while it was read", block=number)
                read_logs(nodes, block.header.receipts_root, transaction)
                first = int(receipts[transaction]["logs"][0]["logIndex"], 16)
                logs.append([len(blocks), transaction, record.log_index - first])
            blocks.append({"header": _hex(block.encoded), "nodes": [_hex(node) for node in nodes.used()]})
        return {"type": "receipts", "blocks": blocks, "logs": logs}


def _witness(record: Record) -> Json:
    aside = state_from_bytes(record.state).aside
    return {
        "stolen_release_at": aside.stolen_release_at,
        "disputed_at": aside.disputed_at,
        "recovery_ready_at": aside.recovery_ready_at,
    }


def _hex(plain: bytes) -> str:
    return "0x" + plain.hex()
