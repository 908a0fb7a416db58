"""Hands that are not ours: they carry our signed batches, write to our items. Whatever they do, each event is recorded once or refused
with its reason, and what they recorded stands."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from ledger_api.chain import transactions
from ledger_api.keys import Signer
from ledger_api.outbox.plan import event_of
from ledger_verify.hashing import ItemId, OrganizationId
from ledger_verify.state import Event, word
from ledger_verify.transition import Reason, Role
from tests import servers
from tests.chain.outbox_world import OutboxWorld
from tests.faults import chain_faults as faults
from tests.faults.chain_faults import Effects

SEED = 20261122
STRANGER = 7  # a relayer's key that no lane of ours uses


class Hands(NamedTuple):
    """How a stranger carries three transactions of ours, and how many of theirs land and revert."""

    order: tuple[int, ...]
    mined: int
    reverted: int
    has_wrong_witnesses: bool = False
    gas: int = 5_000_000


HANDS = {
    "in order": Hands((0, 1, 2), mined=3, reverted=0),
    "reversed": Hands((2, 1, 0), mined=1, reverted=2),
    "the last alone": Hands((2,), mined=0, reverted=1),
    "each twice": Hands((0, 0, 1, 1, 2, 2), mined=3, reverted=3),
    "all of it twice": Hands((0, 1, 2, 0, 1, 2), mined=3, reverted=3),
    "with wrong witnesses": Hands((0, 1, 2), mined=0, reverted=3, has_wrong_witnesses=True),
    "with too little gas": Hands((0, 1, 2), mined=0, reverted=3, gas=70_000),
}


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[OutboxWorld]:
    with servers.anvil() as url:
        made = OutboxWorld(url, tmp_path / "home", database_url, stuck_blocks=2)
        yield made
        made.audit()
        made.close()


@pytest.fixture
def maison(world: OutboxWorld) -> OrganizationId:
    organization = world.admit("maison", Role.BRAND)
    world.mine_by_hand()
    return organization


def assert_recorded_once(world: OutboxWorld, events: list[Event]) -> None:
    counts = faults.recorded_counts(world.node, world.deployment.ledger)
    assert [counts[event.payload] for event in events] == [1] * len(events)
    assert set(counts.values()) == {1}
    items = {event.item for event in events}
    assert {item: word(world.tip(item)) for item in items} == {item: world.word(item) for item in items}


# --- our batches


@pytest.mark.parametrize("hands", HANDS.values(), ids=HANDS.keys())
def test_a_stranger_who_carries_our_batches_can_delay_and_not_alter(world: OutboxWorld, maison: OrganizationId, hands: Hands) -> None:
    worker, stranger, effects = world.worker(), world.keyring.relayer(STRANGER), Effects()
    item = world.manufacture(maison)
    events = []
    for _ in range(3):
        events += [world.serve(maison, item), world.serve(maison, item)]
        worker.turn()
    ours = [transactions.read(row.raw) for row in world.transactions()]

    theirs = []
    for place in hands.order:
        body = faults.with_wrong_witnesses(ours[place].body) if hands.has_wrong_witnesses else ours[place].body
        theirs.append(faults.send_as(world.node, stranger, to=ours[place].to, body=body, gas=hands.gas))
    world.mine()
    effects.update(faults.outcome(world.node, hashed) for hashed in theirs)
    world.settle(worker, turns=8)

    assert len(ours) == 3 and (effects["mined"], effects["reverted"]) == (hands.mined, hands.reverted)
    assert set(world.statuses()) <= {"recorded", "final"}
    assert_recorded_once(world, events)


# --- our items


def elsewhere(world: OutboxWorld, organization: OrganizationId, item: ItemId, number: int) -> tuple[Event, bytes]:
    """Another operator of the organization, with its key, tells of a repair on the item as the chain has it now; (event, its hash)."""
    state = world.tip(item)
    event = faults.service_on(item, state, number)
    body = faults.record_elsewhere(world.deployment, world.keyring.signer(organization), organization, state, event)
    return event, faults.send_as(world.node, world.keyring.relayer(STRANGER), to=world.deployment.ledger, body=body)


def test_another_operator_who_writes_first_is_followed_by_our_events_on_the_new_head(world: OutboxWorld, maison: OrganizationId) -> None:
    chance, worker, effects = random.Random(SEED), world.worker(), Effects()
    items = [world.manufacture(maison) for _ in range(6)]
    world.settle(worker, turns=1)
    ours, theirs = [], []
    for number in range(8):
        event, hashed = elsewhere(world, maison, chance.choice(items), number)
        ours += [world.serve(maison, item) for item in items]
        worker.turn()  # carries ours with witnesses that are wrong by the time they land
        world.mine()
        effects[faults.outcome(world.node, hashed)] += 1
        theirs.append(event)
        world.told_elsewhere.append(event)
        world.settle(worker, turns=9)

    effects["ours reverted"] = sum(row.status == "reverted" for row in world.transactions())
    assert effects["mined"] == 8 and effects["ours reverted"] >= 8, f"seed {SEED}"
    assert set(world.statuses()) <= {"recorded", "final"}
    assert_recorded_once(world, ours + theirs)


def test_an_event_its_organization_signed_itself_ends_as_superseded_when_another_was_first(world: OutboxWorld) -> None:
    key = Signer(bytes(31) + b"\x55")
    maison = world.admit("self-keyed", Role.BRAND, signer=key)
    world.mine_by_hand()
    worker, item = world.worker(), world.manufacture(maison)
    world.sign(key, [event_of(world.rows()[0])])
    world.settle(worker, turns=2)
    state = world.tip(item)
    ours, theirs = world.serve(maison, item), faults.service_on(item, state, 1)
    world.sign(key, [ours])
    body = faults.record_elsewhere(world.deployment, key, maison, state, theirs)
    hashed = faults.send_as(world.node, world.keyring.relayer(STRANGER), to=world.deployment.ledger, body=body)
    worker.turn()
    world.mine()

    world.settle(worker, turns=8)

    assert faults.outcome(world.node, hashed) == "mined"
    assert (world.statuses()[-1], world.reasons()[-1]) == ("refused", Reason.SUPERSEDED)
    assert_recorded_once(world, [theirs])
