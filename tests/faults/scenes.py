"""The scenes of the crash matrix: every situation in which a worker, an indexer or a registrar has something to do.

A scene is played on a `Stage` (a chain mined by hand, a real database, processes from the nursery that may die anywhere) and asserts
that its situation really came about. `finish` then lets everything settle; whoever plays the scenes audits after each.
"""

import uuid
from collections.abc import Callable
from typing import Any

from sqlalchemy import text

from ledger_api.chain import transactions
from ledger_api.store.engine import writing
from ledger_verify.hashing import organization_id
from ledger_verify.transition import Role
from tests.faults.fleet import GTIN, Brand, verdict
from tests.faults.lying_node import Lie
from tests.faults.nursery import FRESH, decide
from tests.faults.stage import GWEI, MINE, Stage

HIGH_FEE: Any = ["anvil_setNextBlockBaseFeePerGas", [hex(50 * GWEI)]]
LOW_FEE: Any = ["anvil_setNextBlockBaseFeePerGas", [hex(GWEI)]]


def service(number: int) -> dict[str, Any]:
    item = {"gtin": GTIN, "serial": f"F{number:07d}"}
    return {"kind": "service", "occurred_at": "2025-07-01T09:00:00Z", "item": item, "payload": {"description": f"polished {uuid.uuid4()}"}}


def dispute(number: int) -> dict[str, Any]:
    item = {"gtin": GTIN, "serial": f"F{number:07d}"}
    return {"kind": "dispute", "occurred_at": "2025-07-01T09:00:00Z", "item": item, "payload": {"grounds": "stitching"}}


def shipment(number: int, to: Brand) -> dict[str, Any]:
    item = {"gtin": GTIN, "serial": f"F{number:07d}"}
    return {"kind": "shipment", "occurred_at": "2025-06-20T09:00:00Z", "item": item, "to": to.did, "payload": {}}


def an_ordinary_day(stage: Stage) -> None:
    """Births and verdicts; worker and indexer end politely."""
    for number in stage.births(3):
        stage.accept(stage.maison, verdict(number))
    stage.work()
    stage.mine()
    stage.work("turn", "stop")
    stage.index()
    stage.index(ends=True)


def a_long_absence(stage: Stage) -> None:
    """The indexer comes back when the chain is far ahead: ranges of blocks, and a node that says what is final."""
    stage.births(2)
    stage.work()
    stage.mine(150)
    stage.index(confirmations=0)


def a_spike_of_fees(stage: Stage) -> None:
    """The base fee outgrows a transaction that waits: it is replaced on the same nonce."""
    before = stage.count("replaced")
    stage.births(2)
    stage.work()
    stage.work(*[word for _ in range(4) for word in (HIGH_FEE, MINE, "turn")])
    stage.fleet.node.call(*_plain(LOW_FEE))
    stage.mine()

    assert stage.count("replaced") > before


def a_transaction_no_node_takes(stage: Stage) -> None:
    """It is too large for the node: its nonce is filled with nothing, and what it carried travels anew."""
    before = stage.count("replaced")
    stage.births(6)
    stage.proxy.arm(Lie.TOO_LARGE, times=1_000)
    for _ in range(4):
        stage.work("turn", MINE, "turn")
    stage.proxy.be_honest()

    assert stage.count("replaced") > before
    assert stage.proxy.took_effect[Lie.TOO_LARGE]


def a_stranger_carries_our_batch(stage: Stage) -> None:
    """Ours reverts. Before the indexer has told why, what is planned next would revert too, and the node says so."""
    before = stage.count("reverted")
    number = stage.births(1)[0]
    stage.accept(stage.maison, service(number))
    stage.work()
    ours = transactions.read(bytes(stage.newest_transaction().raw))
    stage.send_as(stage.fleet.service.keyring.relayer(7), to=ours.to, body=ours.body, gas=ours.gas)
    stage.mine()
    stage.work("turn", "turn")

    assert stage.count("reverted") == before + 1


def a_reorg(stage: Stage) -> None:
    """The newest block falls out with our transaction in it, after indexer and worker have seen it."""
    stage.births(2)
    stage.work()
    stage.mine()
    stage.index()
    stage.work()
    before = stage.ask("SELECT count(*) FROM records")[0][0]
    stage.fleet.node.call("anvil_reorg", 1, [])
    stage.index()

    assert stage.ask("SELECT count(*) FROM records")[0][0] < before
    stage.work()


def a_damaged_row(stage: Stage) -> None:
    """An accepted event's row is not what was accepted: it is parked, and what follows behind it, until an operator sends it back."""
    _damaged(stage)
    stage.nursery.run(decide("requeue"))

    assert stage.ask("SELECT count(*) FROM events WHERE parked IS NOT NULL")[0][0] == 0


def a_dead_letter_that_is_ended(stage: Stage) -> None:
    """The operator ends it; what stood behind it is judged anew."""
    row = _damaged(stage)
    stage.nursery.run(decide("end"))

    assert stage.ask("SELECT status FROM events WHERE id = :id", id=row)[0].status == "refused"


def _damaged(stage: Stage) -> int:
    """A birth whose row was damaged, parked with the event behind it, and mended again; the row."""
    number = stage.births(2)[0]
    row = stage.ask("SELECT id, party FROM events WHERE status = 'accepted' ORDER BY id LIMIT 1")[0]
    _set_party(stage, row.id, b"\x01" * 32)
    stage.work()
    stage.accept(stage.maison, service(number))
    stage.work("turn", MINE, "turn")
    parked = stage.ask("SELECT error, (SELECT count(*) FROM events WHERE parked = :id) AS all_of_it FROM events WHERE id = :id", id=row.id)[
        0
    ]
    _set_party(stage, row.id, row.party)

    assert parked.error.startswith("integrity")
    assert parked.all_of_it == 2
    return int(row.id)


def _set_party(stage: Stage, event: int, party: bytes) -> None:
    with writing(stage.fleet.service.engine) as connection:
        connection.execute(text("UPDATE events SET party = :party WHERE id = :id"), {"party": party, "id": event})


def an_event_refused_on_chain(stage: Stage) -> None:
    """The boutique is suspended between the door and the chain: what others accepted behind its event gets a new head."""
    number = stage.births(1)[0]
    stage.accept(stage.maison, shipment(number, stage.boutique))
    stage.finish()
    accepted = [*stage.accept(stage.boutique, service(number)), *stage.accept(stage.maison, service(number))]
    with stage.fleet.mining():
        stage.fleet.service.registrar().suspend(stage.boutique.id)
    stage.finish()
    with stage.fleet.mining():
        stage.fleet.service.registrar().reinstate(stage.boutique.id)

    assert accepted == ["accepted", "accepted"]
    assert stage.ask("SELECT count(*) FROM events WHERE status = 'refused' AND organization = :id", id=stage.boutique.id)[0][0]


def a_group_nobody_can_carry(stage: Stage) -> None:
    """All or nothing, and one event stands behind the block time of another: no transaction can carry that."""
    number = stage.births(1)[0]
    stage.finish()
    stage.accept(stage.maison, dispute(number), service(number), all_or_nothing=True)
    stage.work("turn", MINE, "turn")
    stage.finish()

    assert stage.ask("SELECT count(*) FROM events WHERE status = 'refused' AND error LIKE 'no transaction%'")[0][0]


def a_key_used_elsewhere(stage: Stage) -> None:
    """A nonce that nobody saved stops the lane until the operator adopts it; then a reorg frees it, and it is filled."""
    stage.send_as(stage.relayer, to=stage.relayer.address, body=b"", gas=21_000)
    stage.mine()
    stage.births(1)
    told = stage.work()
    stage.work("hold", "adopt")
    adopted = stage.count("foreign")
    stage.work()
    stage.mine()
    stage.fleet.node.call("anvil_reorg", 2, [])
    told += stage.work("turn", *[word for _ in range(5) for word in (MINE, "turn")])
    stage.work("hold", "adopt")

    assert told.count("lane-mismatch") >= 2, told
    assert (adopted, stage.count("foreign")) == (1, 0)


def a_replica_far_behind(stage: Stage) -> None:
    """The node that answers lags behind what is final: nothing is taken back on its word."""
    stage.births(1)
    stage.finish()
    stage.proxy.lag_blocks = 20
    stage.proxy.arm(Lie.STALE_BLOCK, times=1_000, method="eth_getTransactionCount")
    told = stage.work()
    stage.proxy.be_honest()
    stage.proxy.lag_blocks = 3

    assert told == ["node-inconsistent"], told


def a_silent_replica(stage: Stage) -> None:
    """No logs come of a block whose bloom speaks of ours."""
    stage.births(1)
    stage.work()
    stage.mine()
    stage.proxy.arm(Lie.NO_LOGS, times=1_000)
    told = stage.index()
    stage.proxy.be_honest()

    assert told == ["node-inconsistent"], told


def a_deadline_that_passes(stage: Stage) -> None:
    """A batch lands too late: once that is final its events are signed anew."""
    before = stage.ask("SELECT count(*) FROM batches WHERE status = 'dissolved'")[0][0]
    stage.births(2)
    stage.work()
    stage.fleet.node.call("evm_setNextBlockTimestamp", stage.now() + 2 * 3600)
    stage.mine()
    stage.index()
    stage.mine(3)
    stage.index()
    stage.work()

    assert stage.ask("SELECT count(*) FROM batches WHERE status = 'dissolved'")[0][0] > before


def the_registry_is_told(stage: Stage) -> None:
    """Members admitted one by one and together, accredited by a brand, a signer marked."""
    did = f"did:web:atelier-{stage.serial}.example"
    stage.serial += 1
    admit = ["admit", did, int(Role.RETAILER), None]
    grant = {"brand": "0x" + stage.maison.id.hex(), "organization": "0x" + organization_id(did).hex(), "role": int(Role.RETAILER)}
    fresh = ["admit", FRESH, int(Role.RETAILER), None]
    told = stage.tell(["together", fresh, fresh], admit, admit, ["accredit", grant])
    signer = stage.fleet.service.keyring.signer(organization_id(did)).address
    told += stage.tell(["mark_compromised", "0x" + organization_id(did).hex(), "0x" + signer.hex(), 1])

    assert told == [], told
    stage.index()
    assert stage.ask("SELECT count(*) FROM accreditations WHERE organization = :id", id=organization_id(did))[0][0]


def _plain(step: Any) -> list[Any]:
    method, parameters = step
    return [method, *parameters]


SCENES: tuple[Callable[[Stage], None], ...] = (
    an_ordinary_day,
    a_long_absence,
    a_spike_of_fees,
    a_transaction_no_node_takes,
    a_stranger_carries_our_batch,
    a_reorg,
    a_damaged_row,
    a_dead_letter_that_is_ended,
    an_event_refused_on_chain,
    a_group_nobody_can_carry,
    a_key_used_elsewhere,
    a_replica_far_behind,
    a_silent_replica,
    the_registry_is_told,
    a_deadline_that_passes,
)
