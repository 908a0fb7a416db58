"""A real chain that mines when told, the real contracts, a real database, and members that record.

`OutboxWorld` stands where the door stands: `accept` writes an event the way intake does, on the tip it keeps with the twin of
the transition, and judges nothing, so that a test can bring in what the door would have refused or could not foresee.

    world = OutboxWorld(url, home, database_url)
    maison = world.admit("maison", Role.BRAND)
    bag = world.manufacture(maison)
    world.settle(world.worker())          # turn, mine, index until nothing moves
    assert world.statuses() == ["recorded"]
"""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import insert, select, update
from sqlmodel import SQLModel

from ledger_api import tables
from ledger_api.audit import Report, audit
from ledger_api.chain import fees
from ledger_api.chain.contracts import ledger_at
from ledger_api.chain.deploy import Founding, deploy
from ledger_api.chain.rpc import Node
from ledger_api.directory import Accreditation
from ledger_api.domain.network import Network
from ledger_api.home import Home
from ledger_api.indexer.following import Following
from ledger_api.indexer.loop import catch_up
from ledger_api.indexer.source import Source
from ledger_api.intake import AuthorityCache, Intake
from ledger_api.keys import Keyring, Signer
from ledger_api.migrations import know_all_tables
from ledger_api.outbox import Surroundings
from ledger_api.outbox.registrar import ChainRegistrar
from ledger_api.outbox.worker import Worker
from ledger_api.service import Service
from ledger_api.settings import Settings
from ledger_api.store import accepting
from ledger_api.store.engine import open_engine, reading, writing
from ledger_verify import hashing
from ledger_verify.hashing import Commitment, ItemId, OrganizationId
from ledger_verify.state import UNBORN, Event, State, pack_detail, state_from_bytes, state_to_bytes
from ledger_verify.transition import Hold, Kind, Method, Outcome, Role, apply

CONSORTIUM_DID = "did:web:consortium.example"
EVERYTHING = 2**64 - 1
_events = tables.EventRow.__table__  # type: ignore[attr-defined]
_transactions = tables.TransactionRow.__table__  # type: ignore[attr-defined]
_batches = tables.BatchRow.__table__  # type: ignore[attr-defined]
_tips = tables.TipRow.__table__  # type: ignore[attr-defined]


class OutboxWorld:
    def __init__(self, url: str, home: Path, database_url: str, **settings: Any) -> None:
        self.node = Node(url)
        self.settings = Settings(home=home, database_url=database_url, **settings)
        self.keyring = Keyring(home, self.settings, 31337)
        consortium = hashing.organization_id(CONSORTIUM_DID)
        founding = Founding(CONSORTIUM_DID, self.keyring.create_signer(consortium).address)
        owner = self.keyring.owner()
        self.deployment = deploy(self.node, founding, deployer=owner.address, signing=owner.sign)
        self.engine = open_engine(database_url)
        know_all_tables()
        SQLModel.metadata.create_all(self.engine)
        self.around = Surroundings(self.engine, self.node, self.keyring, self.deployment, self.settings)
        self.registrar = ChainRegistrar(self.around)
        self.network = network = Network(
            31337, self.deployment.registry, self.deployment.ledger, self.deployment.domain_separator,
            self.deployment.terms, self.deployment.consortium,
            fees.confirmations(self.settings.confirmations, self.settings.fee_profile, 31337),
        )  # fmt: skip
        source = Source(self.node, self.deployment.registry, self.deployment.ledger)
        self.following = Following(self.engine, source, network, self.deployment.block, "test indexer")
        self._serials = itertools.count(1)
        self._workers = itertools.count(1)
        self.told_elsewhere: list[Event] = []  # with keys that we hold, and not through us
        self.now = int(self.node.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
        with writing(self.engine) as connection:
            row = {"id": "s", "organization": consortium, "request_id": "r", "created_at": datetime.now(UTC)}
            accepting.keep_submission(connection, row)

    def close(self) -> None:
        self.engine.dispose()
        self.node.close()

    # --- the chain

    def mine_by_hand(self) -> None:
        """From now on blocks come from `mine` alone. Members are admitted before."""
        self.node.call("evm_setAutomine", False)

    @contextmanager
    def mining(self) -> Iterator[None]:
        """Every transaction in a block of its own, at once, as long as the block lasts: for the registrar."""
        self.node.call("evm_setAutomine", True)
        yield
        self.node.call("evm_setAutomine", False)

    def mine(self, blocks: int = 1) -> None:
        for _ in range(blocks):
            self.node.call("evm_mine")

    def index(self) -> None:
        catch_up(self.following)

    def word(self, item: bytes) -> int:
        word: int = ledger_at(self.node, self.deployment.ledger).read("word", item)[0]
        return word

    def worker(self, *, lane: int = 0, later: float = 0, around: Surroundings | None = None) -> Worker:
        """A process of its own. `later`: its clock is so many seconds ahead, past the leases of the dead."""
        clock = lambda: datetime.now(UTC) + timedelta(seconds=later)  # noqa: E731
        return Worker(around or self.around, owner=f"worker {next(self._workers)}", lane=lane, clock=clock)

    def settle(self, worker: Worker, *, turns: int = 12) -> None:
        """Let everything that can happen happen."""
        for _ in range(turns):
            worker.turn()
            self.mine()
            self.index()

    # --- members

    def admit(self, name: str, roles: Role, *, accredited_by: OrganizationId | None = None, signer: Signer | None = None) -> OrganizationId:
        """`signer`: an organization that keeps its key itself."""
        did = f"did:web:{name}.example"
        organization = hashing.organization_id(did)
        self.registrar.admit(did, roles, None if signer is None else signer.address)
        if accredited_by is not None:
            for role in Role:
                if roles & role:
                    self.registrar.accredit(Accreditation(accredited_by, organization, role, EVERYTHING, 0, 0))
        return organization

    # --- events

    def tip(self, item: bytes) -> State:
        with reading(self.engine) as connection:
            for table in (tables.TipRow, tables.ItemRow):
                columns = table.__table__.c  # type: ignore[attr-defined]
                stored = connection.scalar(select(columns.state).where(columns.item == item))
                if stored is not None:
                    return state_from_bytes(bytes(stored))
        return UNBORN

    def accept(
        self, organization: OrganizationId, item: bytes, kind: Kind, *, party: bytes = bytes(32), detail: int = 0, **extra: Any
    ) -> Event:
        """Write an accepted event on the item's tip. `head` overrides what it follows, `approval` and `unit` travel beside."""
        state = self.tip(item)
        number = next(self._serials)
        event = Event(
            ItemId(item), kind, extra.get("head", state.head), self.now - 1000 + number % 900, party, detail,
            Commitment(hashing.keccak(b"payload %d" % number)),
        )  # fmt: skip
        after = apply(state, event, organization, self.now, self.deployment.terms, brand=extra.get("brand"))
        approval = extra.get("approval")
        row = {
            "event_id": hashing.event_id(organization, event.item, kind, event.occurred_at, event.payload),
            "submission": "s", "position": number, "organization": organization, "item": item, "kind": int(kind),
            "occurred_at": event.occurred_at, "party": party, "detail": detail.to_bytes(8, "big"), "payload": event.payload,
            "head": event.head, "event_hash": hashing.event_hash(event), "state": state_to_bytes(after), "status": "accepted",
            "approval": None if approval is None else orjson.dumps(approval), "unit": extra.get("unit"),
        }  # fmt: skip
        payload = {"event_id": row["event_id"], "organization": organization, "item": item, "commitment": event.payload, "body": "{}"}
        with writing(self.engine) as connection:
            accepting.keep_payloads(connection, [payload | {"epoch": 1, "salts": None}])
            connection.execute(insert(_events), row)
            connection.execute(_tips.delete().where(_tips.c.item == item))
            connection.execute(insert(_tips), {"item": item, "state": state_to_bytes(after)})
        return event

    def manufacture(self, brand: OrganizationId) -> ItemId:
        commitment = Commitment(hashing.keccak(b"serial %d" % next(self._serials)))
        item = hashing.item_id(brand, commitment)
        self.accept(brand, item, Kind.MANUFACTURE, party=commitment, detail=pack_detail(c=1))
        return item

    def ship(self, sender: OrganizationId, item: bytes, receiver: OrganizationId) -> Event:
        return self.accept(sender, item, Kind.SHIPMENT, party=receiver)

    def sell(self, seller: OrganizationId, item: bytes, buyer: Signer) -> Event:
        return self.accept(seller, item, Kind.SALE, party=hashing.claim_holder(buyer.address))

    def serve(self, organization: OrganizationId, item: bytes) -> Event:
        return self.accept(organization, item, Kind.SERVICE)

    def dispute(self, organization: OrganizationId, item: bytes) -> Event:
        return self.accept(organization, item, Kind.DISPUTE)

    def recall(self, brand: OrganizationId, item: bytes) -> Event:
        return self.accept(brand, item, Kind.HOLD, detail=pack_detail(a=Hold.RECALLED))

    def give_verdict(self, organization: OrganizationId, item: bytes) -> Event:
        return self.accept(organization, item, Kind.VERDICT, detail=pack_detail(a=Outcome.AUTHENTIC, b=Method.PHOTO))

    def sign(self, signer: Signer, events: list[Event], *, all_or_nothing: bool = False, deadline: int | None = None) -> None:
        """Put accepted events of one organization into a batch that it signed itself."""
        rows = [row for event in events for row in self.rows() if row.payload == event.payload]
        organization, until = OrganizationId(rows[0].organization), deadline or self.now + 3600
        hashed = hashing.batch_hash(organization, signer.address, until, all_or_nothing, [row.event_hash for row in rows])
        signature = signer.sign(hashing.batch_digest(self.deployment.domain_separator, hashed))
        batch = {
            "organization": organization, "signer": signer.address, "deadline": until, "all_or_nothing": all_or_nothing,
            "batch_hash": hashed, "signature": signature, "status": "signed",
        }  # fmt: skip
        with writing(self.engine) as connection:
            identifier = connection.execute(insert(_batches).values(**batch)).inserted_primary_key[0]
            for place, row in enumerate(rows):
                values = {"batch": identifier, "batch_position": place, "unit": f"unit {identifier}"}
                connection.execute(update(_events).where(_events.c.id == row.id).values(**values))

    def consent(self, event: Event, key: Signer, *, old_holder: bytes | None = None) -> dict[str, Any]:
        """`events.approval` with the holder's signature over this event, for any carrier."""
        digest = hashing.consent_digest(
            self.deployment.domain_separator, action=event.kind, item=event.item, head=event.head,
            old_holder=hashing.claim_holder(key.address) if old_holder is None else old_holder, new_holder=event.party,
            detail=event.detail, carrier=bytes(32), store=bytes(32), deadline=self.now + 3600,
        )  # fmt: skip
        return {"consent": {"deadline": self.now + 3600, "signature": "0x" + key.sign(digest).hex()}}

    def approve(self, event: Event, approval: dict[str, Any]) -> None:
        with writing(self.engine) as connection:
            connection.execute(update(_events).where(_events.c.payload == event.payload).values(approval=orjson.dumps(approval)))

    # --- what became of it

    def statuses(self) -> list[str]:
        with reading(self.engine) as connection:
            return list(connection.scalars(select(_events.c.status).order_by(_events.c.id)))

    def reasons(self) -> list[int | None]:
        with reading(self.engine) as connection:
            return list(connection.scalars(select(_events.c.reason).order_by(_events.c.id)))

    def transactions(self) -> list[Any]:
        """Of the workers' lanes, in the order they were saved."""
        with reading(self.engine) as connection:
            owner = self.keyring.owner().address
            asked = select(_transactions).where(_transactions.c.relayer != owner).order_by(_transactions.c.id)
            return list(connection.execute(asked))

    def batches(self) -> list[Any]:
        with reading(self.engine) as connection:
            return list(connection.execute(select(_batches).order_by(_batches.c.id)))

    def rows(self) -> list[Any]:
        with reading(self.engine) as connection:
            return list(connection.execute(select(_events).order_by(_events.c.id)))

    def set_batches(self, **values: Any) -> None:
        with writing(self.engine) as connection:
            connection.execute(update(_batches).values(**values))

    def service(self) -> Service:
        """The same database, node and keys as a command has them."""
        intake = Intake(self.engine, self.network, self.keyring, AuthorityCache(self.network.consortium))
        home = Home(self.settings.home)
        return Service(self.settings, home, self.engine, self.node, self.keyring, self.deployment, self.network, intake)

    def audit(self, *, rebuild: bool = True) -> Report:
        """Asserts that all has settled, and that nothing is lost, doubled or invented; but for what a test says it `told_elsewhere`."""
        report = audit(self.service(), rebuild=rebuild, settled=True, patience=0.2)
        found = {check.name: check.findings for check in report.checks if check.found}
        elsewhere = found.pop("nothing is recorded that nobody sent", [])
        assert found == {} and len(elsewhere) == len(self.told_elsewhere), (found, elsewhere, report.in_flight)
        return report

    def recorded_times(self, event: Event) -> int:
        """How often the chain recorded this event, from the node's own logs."""
        logs = self.node.call("eth_getLogs", {"fromBlock": "0x0", "address": "0x" + self.deployment.ledger.hex()})
        recorded = hashing.keccak(b"Recorded(bytes32,bytes32,bytes32,address,uint8,uint48,bytes32,uint64,bytes32)").hex()
        payload = event.payload.hex()
        return sum(1 for log in logs if log["topics"][0] == "0x" + recorded and log["data"].endswith(payload))
