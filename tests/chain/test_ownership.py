"""Past the door: what the contract itself says to a consent that was given for something else.

The door tells what is wrong in words; the contract is the guard.
"""

from typing import Any

import pytest

from ledger_api.keys import Signer
from ledger_api.outbox.worker import Worker
from ledger_verify.claims import Wish, wish_digest
from ledger_verify.codes import Kind, Reason
from ledger_verify.hashing import Head, ItemId, OrganizationId, claim_holder, keccak
from ledger_verify.state import Event
from tests.chain.outbox_world import OutboxWorld

OWNER, HEIR, THIEF = (Signer(keccak(name)) for name in (b"owner", b"heir", b"thief"))


@pytest.fixture
def worker(world: OutboxWorld) -> Worker:
    return world.worker()


@pytest.fixture
def item(world: OutboxWorld, worker: Worker, maison: OrganizationId) -> ItemId:
    """Sold to OWNER, recorded."""
    made = world.manufacture(maison)
    world.sell(maison, made, OWNER)
    world.settle(worker, turns=4)
    return made


def give(world: OutboxWorld, carrier: OrganizationId, item: ItemId, /, key: Signer = OWNER, **changes: Any) -> Event:
    """A transfer to HEIR accepted without being judged, with a consent that was signed after these changes."""
    event = world.accept(carrier, item, Kind.TRANSFER, party=claim_holder(HEIR.address))
    said = {
        "item": item, "head": event.head, "old_holder": claim_holder(key.address), "new_holder": event.party,
        "deadline": world.now + 3600, "chain_id": world.deployment.chain_id, "ledger": world.deployment.ledger,
    } | changes  # fmt: skip
    wish = Wish(
        Kind.TRANSFER, ItemId(said["item"]), Head(said["head"]), said["old_holder"], said["deadline"], said["new_holder"]
    )  # fmt: skip
    signature = key.sign(wish_digest(wish, chain_id=said["chain_id"], ledger=said["ledger"]))
    world.approve(event, {"consent": {"deadline": said["deadline"], "signature": "0x" + signature.hex()}})
    return event


def last_reason(world: OutboxWorld) -> str | None:
    reason = world.reasons()[-1]
    return None if reason is None else Reason(reason).code


def test_a_good_consent_moves_the_item(world: OutboxWorld, worker: Worker, maison: OrganizationId, item: ItemId) -> None:
    event = give(world, maison, item)

    world.settle(worker, turns=4)

    assert world.statuses()[-1] in ("recorded", "final")
    assert world.recorded_times(event) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"chain_id": 1},
        {"ledger": b"\x09" * 20},
        {"item": keccak(b"another item")},
        {"head": keccak(b"another history")},
        {"new_holder": claim_holder(THIEF.address)},
        {"key": THIEF},
        {"key": THIEF, "old_holder": claim_holder(OWNER.address)},
        {"deadline": 1_700_000_000},
    ],
    ids=["other chain", "other contract", "other item", "other head", "other buyer", "other key", "forged name", "expired"],
)
def test_a_consent_to_something_else_is_worth_nothing_on_chain(
    world: OutboxWorld, worker: Worker, maison: OrganizationId, item: ItemId, changes: dict[str, Any]
) -> None:
    before = world.word(item)
    event = give(world, maison, item, **changes)

    world.settle(worker, turns=6)

    assert (world.statuses()[-1], last_reason(world)) == ("refused", "consent-invalid")
    assert world.recorded_times(event) == 0
    assert world.word(item) == before


def test_the_key_of_a_former_holder_opens_nothing_any_more(
    world: OutboxWorld, worker: Worker, maison: OrganizationId, item: ItemId
) -> None:
    give(world, maison, item)
    world.settle(worker, turns=4)
    moved = world.word(item)

    give(world, maison, item, key=OWNER)
    world.settle(worker, turns=6)

    assert last_reason(world) == "consent-invalid"
    assert world.word(item) == moved
