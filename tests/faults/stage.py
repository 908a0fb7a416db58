"""Where a scene is played: a chain mined by hand, a real database, an honest proxy between, and processes that may die anywhere."""

import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import text

from ledger_api.chain import transactions
from ledger_api.domain.parsing import parse_event
from ledger_api.intake import Order, accept_events
from ledger_api.store.engine import reading, writing
from tests.faults.fleet import Brand, Fleet, fleet_of
from tests.faults.lying_node import LyingNode
from tests.faults.nursery import Nursery, index, tell, work

GWEI = 10**9
LEASE_SECONDS = 1
MINE: Any = ["evm_mine", []]


class Stage:
    """Where a scene is played. `maison` is a brand, `boutique` a retailer that it accredited."""

    def __init__(self, fleet: Fleet, nursery: Nursery, proxy: LyingNode) -> None:
        self.fleet, self.nursery, self.proxy = fleet, nursery, proxy
        self.serial = 0

    def cast(self) -> None:
        """The first look at an empty database, then the members."""
        self.index()
        self.release_leases()
        self.maison = self.fleet.brand("maison")
        self.boutique = self.fleet.admit("boutique", "retailer")
        self.fleet.accredit(self.boutique, "retailer", brand=self.maison)

    def release_leases(self) -> None:
        """Whoever held one is dead: what follows is done from here."""
        with writing(self.fleet.service.engine) as connection:
            connection.execute(text("DELETE FROM leases"))

    def work(self, *script: Any, **settings: Any) -> list[str]:
        return self.nursery.run(work(*(script or ("turn",)), **settings))

    def index(self, **settings: Any) -> list[str]:
        return self.nursery.run(index(**settings))

    def tell(self, *script: Sequence[Any]) -> list[str]:
        with self.fleet.mining():
            return self.nursery.run(tell(*script))

    def mine(self, blocks: int = 1) -> None:
        self.fleet.mine(blocks)

    def finish(self, *, rounds: int = 12) -> None:
        """Until nothing waits and nothing is in flight, two blocks on top."""
        for _ in range(rounds):
            self.work("turn", MINE, "turn")  # what a turn finds out of place, the next one of its process mends
            self.mine()
            self.index()
            if not any(self.fleet.hanging().values()):
                break
        assert not any(self.fleet.hanging().values()), self.fleet.picture()
        self.mine(3)
        self.index()

    # --- events

    def births(self, count: int) -> list[int]:
        """Accepted; their serials."""
        before = self.fleet._serials
        told = self.fleet.accept(self.maison, self.fleet.births(count))
        assert all(result.status == "accepted" for result in told.results), told
        return list(range(before, before + count))

    def accept(self, who: Brand, *events: dict[str, Any], **order: Any) -> list[str]:
        settled = {"now": self.now(), "submission": uuid.uuid4().hex, "request_id": "scene"} | order
        told = accept_events(self.fleet.service.intake, [parse_event(event) for event in events], Order(organization=who.id, **settled))
        return [result.reason.code if result.reason is not None else result.status for result in told.results]

    def now(self) -> int:
        return int(self.fleet.node.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    # --- what came of it

    def ask(self, query: str, **values: Any) -> list[Any]:
        with reading(self.fleet.service.engine) as connection:
            return list(connection.execute(text(query), values))

    def newest_transaction(self) -> Any:
        return self.ask("SELECT * FROM transactions WHERE relayer = :relayer ORDER BY id DESC LIMIT 1", relayer=self.relayer.address)[0]

    def count(self, status: str) -> int:
        return int(self.ask("SELECT count(*) FROM transactions WHERE status = :status", status=status)[0][0])

    @property
    def relayer(self) -> Any:
        return self.fleet.service.keyring.relayer(0)

    def send_as(self, signer: Any, *, to: bytes, body: bytes, gas: int) -> None:
        """A transaction of somebody else's, mined before ours."""
        nonce = int(self.fleet.node.call("eth_getTransactionCount", "0x" + signer.address.hex(), "pending"), 16)
        unsigned = transactions.Transaction(31337, nonce, 9 * GWEI, 100 * GWEI, gas, to, body)
        self.fleet.node.call("eth_sendRawTransaction", "0x" + transactions.sign(unsigned, signer.sign).raw.hex())


@contextmanager
def stage_of(folder: Path, database_url: str, *, nursery: Nursery | None = None, **settings: Any) -> Iterator[Stage]:
    """Curtain up: an empty database on a fresh chain, behind an honest proxy. `nursery`: one that serves several stages in turn."""
    chosen = {"lease_seconds": LEASE_SECONDS, "stuck_blocks": 2} | settings
    with ExitStack() as stack:
        fleet = stack.enter_context(fleet_of(folder, database_url, mine_by_hand=True, **chosen))
        proxy = stack.enter_context(LyingNode(fleet.chain_url))
        serving = nursery or stack.enter_context(Nursery(folder))
        serving.serve(fleet.settings, proxy.url, folder)
        yield Stage(fleet, serving, proxy)
