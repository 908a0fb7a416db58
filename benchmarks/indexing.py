"""Logs per second from an existing chain of 100,000 events into an empty database, passports included.

The chain is a real one: every event is carried by `record` and passes every rule. Each item is made, shipped, sold, judged and
serviced; the payload store has what the door would have put there. Prints one JSON line and keeps `index_logs_per_s`.
"""

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, insert
from sqlmodel import SQLModel

from benchmarks.figures import Figure, keep
from benchmarks.world import BLINDING, BORN, GTIN, OWNER_SECRET, body
from ledger_api.chain.contracts import registry_at
from ledger_api.chain.deploy import Deployment, Founding, deploy
from ledger_api.chain.rpc import Node
from ledger_api.chain.transactions import Transaction, sign
from ledger_api.domain.network import Network
from ledger_api.home import BLOCK_GAS_LIMIT
from ledger_api.indexer.following import Following
from ledger_api.indexer.loop import catch_up, now_utc
from ledger_api.indexer.source import Source
from ledger_api.keys import Signer
from ledger_api.migrations import know_all_tables
from ledger_api.store.engine import open_engine
from ledger_verify import hashing
from ledger_verify.codes import Kind, Role
from ledger_verify.hashing import Commitment, ItemId, OrganizationId
from ledger_verify.state import UNBORN, Event, State, Terms, pack_detail
from ledger_verify.transition import apply
from ledger_verify.wire import SignedBatch, encode_record, witness_of
from tests import servers

EVENTS = 100_000
BATCH = 250
BATCHES_PER_BLOCK = 8
EVERYTHING = 2**64 - 1
GAS = 15_000_000
BAR = 3_000


class Author:
    """One organization with its key."""

    def __init__(self, name: str) -> None:
        self.did = f"did:web:{name}.example"
        self.id = hashing.organization_id(self.did)
        self.name = name.title()
        self.signer = Signer(hashing.keccak(name.encode()))


BRAND, SHOP, EXPERT = Author("bench-brand"), Author("bench-shop"), Author("bench-expert")
Row = dict[str, Any]


class Lives:
    """Items whose states follow the twin, and the rows of the payload store behind them."""

    def __init__(self, items: int) -> None:
        self.states: dict[ItemId, State] = {}
        self.identifiers: list[Row] = []
        self.payloads: list[Row] = []
        self._bodies = [body(number, run="I") for number in range(items)]

    def chapters(self) -> Iterator[tuple[Author, Iterator[Event]]]:
        """In the order in which they may land: what comes later follows what came before."""
        yield BRAND, self._births()
        yield BRAND, self._all(BRAND, Kind.SHIPMENT, {"reference": "D-1"}, party=SHOP.id)
        yield SHOP, self._all(SHOP, Kind.SALE, {"country": "FR"}, party=hashing.claim_holder(b"\x07" * 20))
        verdict = {"outcome": "authentic", "method": "in-person", "appraiser": "APR-7", "grounds": "agrees with the reference"}
        yield EXPERT, self._all(EXPERT, Kind.VERDICT, verdict, detail=pack_detail(a=1, b=3))
        yield BRAND, self._all(BRAND, Kind.SERVICE, {"description": "cleaned and waxed"})

    def _births(self) -> Iterator[Event]:
        for told in self._bodies:
            commitment = hashing.serial_commitment(BLINDING, GTIN, told["serial"])
            item = hashing.item_id(BRAND.id, commitment)
            self.identifiers.append({"item": item, "brand": BRAND.id, "gtin": GTIN, "serial": told["serial"], "lot": None})
            payload = told["payload"] | {"gtin": GTIN, "serial": told["serial"], "category": "handbag"}
            yield self._event(BRAND, item, Kind.MANUFACTURE, payload, party=commitment, detail=pack_detail(c=1))

    def _all(self, author: Author, kind: Kind, payload: Row, *, party: bytes = bytes(32), detail: int = 0) -> Iterator[Event]:
        for item in list(self.states):
            yield self._event(author, item, kind, payload, party=party, detail=detail)

    def _event(self, author: Author, item: ItemId, kind: Kind, payload: Row, *, party: bytes, detail: int) -> Event:
        state = self.states.get(item, UNBORN)
        when = BORN + 60 * state.sequence
        text = json.dumps(payload, sort_keys=True, separators=(",", ":"))
        commitment = Commitment(hashing.keccak(item + text.encode()))
        event = Event(item, kind, state.head, when, party, detail, commitment)
        event_id = hashing.event_id(author.id, item, kind, when, commitment)
        self.payloads.append(
            {"event_id": event_id, "item": item, "organization": author.id, "commitment": commitment, "epoch": 1, "body": text}
        )
        return event


class Carrier:
    """Sends signed bytes and mines by hand, so that no block waits for a clock."""

    def __init__(self, node: Node, deployment: Deployment) -> None:
        self.node, self.deployment = node, deployment
        self._owner = Signer(OWNER_SECRET)
        who = "0x" + self._owner.address.hex()
        self._nonce = int(node.call("eth_getTransactionCount", who, "latest"), 16)

    def send(self, to: bytes, call: bytes) -> None:
        unsigned = Transaction(self.deployment.chain_id, self._nonce, 0, 10**12, GAS, to, call)
        self.node.call("eth_sendRawTransaction", "0x" + sign(unsigned, self._owner.sign).raw.hex())
        self._nonce += 1

    def mine(self) -> None:
        self.node.call("evm_mine")

    def admit(self) -> None:
        registry = registry_at(self.node, self.deployment.registry)
        for author, roles in ((BRAND, Role.BRAND), (SHOP, Role.RETAILER), (EXPERT, Role.AUTHENTICATOR)):
            self.send(self.deployment.registry, registry.artifact.encode("admit", author.did, int(roles), author.signer.address))
        for author, role in ((SHOP, Role.RETAILER), (EXPERT, Role.AUTHENTICATOR)):
            accreditation = (self.deployment.consortium, author.id, int(role), EVERYTHING, 0, 0)
            self.send(self.deployment.registry, registry.artifact.encode("accredit", accreditation))
        self.mine()


def record_all(carrier: Carrier, lives: Lives) -> None:
    separator, terms = carrier.deployment.domain_separator, Terms()
    sent = 0
    for author, events in lives.chapters():
        while events_of_batch := list(islice(events, BATCH)):
            call = _carried(author.id, author.signer, events_of_batch, lives.states, separator)
            carrier.send(carrier.deployment.ledger, call)
            for event in events_of_batch:
                lives.states[event.item] = apply(lives.states.get(event.item, UNBORN), event, author.id, 0, terms)
            sent += 1
            if sent % BATCHES_PER_BLOCK == 0:
                carrier.mine()
        carrier.mine()


def _carried(organization: OrganizationId, signer: Signer, events: list[Event], states: dict[ItemId, State], separator: bytes) -> bytes:
    deadline = 2**40
    hashed = hashing.batch_hash(organization, signer.address, deadline, False, [hashing.event_hash(event) for event in events])
    witnesses = [witness_of(states.get(event.item, UNBORN), event) for event in events]
    signature = signer.sign(hashing.batch_digest(separator, hashed))
    return encode_record([SignedBatch(organization, signer.address, deadline, False, events, witnesses, signature=signature)])


def fill_payload_store(engine: Engine, lives: Lives) -> None:
    profiles = [
        {"organization": it.id, "did": it.did, "name": it.name, "country": None, "visibility": "public", "created_at": now_utc()}
        for it in (BRAND, SHOP, EXPERT)
    ]
    with engine.begin() as connection:
        for name, rows in (("profiles", profiles), ("identifiers", lives.identifiers), ("payloads", lives.payloads)):
            connection.execute(insert(SQLModel.metadata.tables[name]), rows)


def measure(events: int = EVENTS, *, database_url: str | None = None) -> list[Figure]:
    owner = Signer(OWNER_SECRET)
    founding = Founding(consortium_did="did:web:bench-consortium.example", consortium_signer=owner.address)
    with tempfile.TemporaryDirectory() as folder, servers.anvil(gas_limit=BLOCK_GAS_LIMIT) as url:
        node, lives = Node(url), Lives(events // 5)
        deployment = deploy(node, founding, deployer=owner.address, signing=owner.sign)
        node.call("evm_setAutomine", False)
        carrier = Carrier(node, deployment)
        carrier.admit()
        record_all(carrier, lives)
        engine = open_engine(database_url or f"sqlite:///{Path(folder) / 'ledger.db'}")
        know_all_tables()
        SQLModel.metadata.create_all(engine)
        fill_payload_store(engine, lives)
        seconds = _index(engine, node, deployment, events)
        engine.dispose()
    note = f"{events} events of {events // 5} items, from an empty database to {events // 5} passports"
    return [Figure("index_logs_per_s", round(events / seconds), "logs/s", None, "", None, f"≥ {BAR}", note)]


def _index(engine: Engine, node: Node, deployment: Deployment, events: int) -> float:
    addresses = deployment.registry, deployment.ledger
    network = Network(deployment.chain_id, *addresses, deployment.domain_separator, deployment.terms, deployment.consortium)
    following = Following(engine, Source(node, *addresses), network, deployment.block, "benchmark", lease_seconds=600)
    began = time.perf_counter()
    catch_up(following)
    seconds = time.perf_counter() - began
    with engine.connect() as connection:
        recorded = connection.exec_driver_sql("SELECT count(*) FROM records").scalar_one()
        passports = connection.exec_driver_sql("SELECT count(*) FROM items WHERE sequence = 5").scalar_one()
    if (recorded, passports) != (events, events // 5):
        raise AssertionError(f"{recorded} records and {passports} whole passports instead of {events} and {events // 5}")
    return seconds


if __name__ == "__main__":
    figures = measure(int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS)
    keep(figures)
    print(json.dumps({figure.name: figure.value for figure in figures}))
