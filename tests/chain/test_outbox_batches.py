"""What travels together, what waits, what is signed anew: batches on a real chain."""

import pytest
from sqlalchemy import update

from ledger_api.keys import Signer
from ledger_api.store.engine import writing
from ledger_verify import hashing
from ledger_verify.hashing import Commitment, OrganizationId
from ledger_verify.state import Event, pack_detail, word
from ledger_verify.transition import Kind, Method, Outcome, Reason, Role
from tests.chain import outbox_world
from tests.chain.outbox_world import OutboxWorld

pytestmark = pytest.mark.chain
BUYER, NEXT_BUYER = Signer(b"\x11" * 32), Signer(b"\x12" * 32)
OWN_KEY = Signer(b"\x21" * 32)


@pytest.fixture
def atelier(world: OutboxWorld) -> OrganizationId:
    """A brand that keeps its key itself."""
    return world.admit("atelier", Role.BRAND, signer=OWN_KEY)


def ended(world: OutboxWorld) -> list[tuple[str, int | None]]:
    return [("recorded" if row.status == "final" else row.status, row.reason) for row in world.rows()]


RECORDED = ("recorded", None)


def test_behind_an_event_that_holds_the_blocks_time_an_item_waits_for_the_indexer(world: OutboxWorld, maison: OrganizationId) -> None:
    world.mine_by_hand()
    item, other = world.manufacture(maison), world.manufacture(maison)
    world.dispute(maison, item)
    world.serve(maison, item)
    world.serve(maison, other)
    worker = world.worker()
    worker.turn()
    world.mine()
    worker.turn()

    assert len(world.transactions()) == 1
    world.index()
    world.settle(worker, turns=3)

    assert ended(world) == [RECORDED] * 5
    assert [row.status for row in world.transactions()] == ["mined", "mined"]
    assert world.word(item) == word(world.tip(item))


def test_a_consent_travels_beside_the_event(world: OutboxWorld, maison: OrganizationId) -> None:
    platform = world.admit("platform", Role.PLATFORM)
    world.mine_by_hand()
    item = world.manufacture(maison)
    world.sell(maison, item, BUYER)
    resale = world.accept(platform, item, Kind.RESALE, party=hashing.claim_holder(NEXT_BUYER.address), detail=pack_detail())
    world.approve(resale, world.consent(resale, BUYER))

    world.settle(world.worker(), turns=2)

    assert ended(world) == [RECORDED] * 3
    assert world.tip(item).holder == hashing.claim_holder(NEXT_BUYER.address)


def test_a_correction_carries_the_history_it_corrects(world: OutboxWorld, maison: OrganizationId) -> None:
    world.mine_by_hand()
    item = world.manufacture(maison)
    world.serve(maison, item)
    worker = world.worker()
    world.settle(worker, turns=1)
    world.serve(maison, item)
    for sequence in (1, 2, 3):  # recorded, recorded, and still on its way
        world.accept(maison, item, Kind.CORRECTION, detail=pack_detail(time=sequence))

    world.settle(worker, turns=3)

    assert ended(world) == [RECORDED] * 6
    assert len(world.transactions()) == 2


def test_an_enrolment_opens_its_names(world: OutboxWorld, maison: OrganizationId) -> None:
    store = world.admit("store", Role.AUTHENTICATOR, accredited_by=maison)
    world.mine_by_hand()
    commitment = Commitment(hashing.keccak(b"an old bag"))
    item = hashing.item_id(maison, commitment)
    detail = pack_detail(a=Outcome.AUTHENTIC, b=Method.IN_PERSON, c=1, consented=True)
    event = world.accept(store, item, Kind.ENROLMENT, party=hashing.claim_holder(BUYER.address), detail=detail, brand=maison)
    digest = hashing.endorsement_digest(
        world.deployment.domain_separator, brand=maison, event_hash=hashing.event_hash(event), deadline=world.now + 3600
    )
    brand_signer = world.keyring.signer(maison)
    world.approve(
        event,
        world.consent(event, BUYER, old_holder=bytes(32))
        | {"enrolment": {"brand": "0x" + maison.hex(), "serial_commitment": "0x" + commitment.hex()}}
        | {
            "endorsement": {
                "endorser": "0x" + brand_signer.address.hex(),
                "deadline": world.now + 3600,
                "signature": "0x" + brand_signer.sign(digest).hex(),
            }
        },
    )
    world.serve(maison, item)

    world.settle(world.worker(), turns=2)

    assert ended(world) == [RECORDED] * 2
    assert world.word(item) == word(world.tip(item))


def test_a_batch_its_organization_signed_travels_as_it_is(world: OutboxWorld, maison: OrganizationId, atelier: OrganizationId) -> None:
    world.mine_by_hand()
    item = world.manufacture(atelier)
    first = [row for row in world.rows()]
    shipped = world.ship(atelier, item, maison)
    world.sign(OWN_KEY, [event_of_row(world, first[0].id), shipped])
    world.sell(maison, item, BUYER)

    world.settle(world.worker(), turns=3)

    assert len(first) == 1
    assert ended(world) == [RECORDED, RECORDED, ("refused", Reason.ROLE_MISSING)]
    assert world.batches()[0].signature != bytes(65)


def event_of_row(world: OutboxWorld, row_id: int) -> Event:
    row = next(row for row in world.rows() if row.id == row_id)
    return Event(row.item, row.kind, row.head, row.occurred_at, row.party, int.from_bytes(row.detail, "big"), row.payload)


def test_a_signed_batch_waits_for_the_loose_events_before_it(world: OutboxWorld, maison: OrganizationId, atelier: OrganizationId) -> None:
    world.mine_by_hand()
    item = world.manufacture(maison)
    world.ship(maison, item, atelier)
    signed = [world.serve(atelier, item), world.serve(atelier, item)]
    world.sign(OWN_KEY, signed)
    world.recall(maison, item)

    world.settle(world.worker(), turns=4)

    assert ended(world) == [RECORDED] * 5
    assert world.word(item) == word(world.tip(item))


def test_a_group_stands_or_falls_together(world: OutboxWorld, maison: OrganizationId) -> None:
    world.mine_by_hand()
    good, bad = world.manufacture(maison), world.manufacture(maison)
    world.accept(maison, good, Kind.SERVICE, unit="first")
    world.accept(maison, bad, Kind.RULING, detail=pack_detail(a=Outcome.AUTHENTIC), unit="first")  # nothing is disputed
    world.accept(maison, good, Kind.SERVICE, unit="second")
    world.accept(maison, bad, Kind.SERVICE, unit="second")

    world.settle(world.worker(), turns=8)

    assert ended(world)[2:4] == [("refused", Reason.GROUP_REFUSED), ("refused", Reason.NOT_DISPUTED)]
    assert ended(world)[4:] == [RECORDED] * 2
    assert {batch.all_or_nothing for batch in world.batches()} == {True, False}


def test_later_events_of_a_signed_batch_end_as_superseded(world: OutboxWorld, atelier: OrganizationId) -> None:
    world.mine_by_hand()
    item, other = world.manufacture(atelier), world.manufacture(atelier)
    births = [event_of_row(world, row.id) for row in world.rows()]
    ruling = world.accept(atelier, item, Kind.RULING, detail=pack_detail(a=Outcome.AUTHENTIC))  # nothing is disputed
    world.sign(OWN_KEY, [*births, ruling, world.serve(atelier, item), world.serve(atelier, other)])

    world.settle(world.worker(), turns=6)

    assert ended(world) == [RECORDED, RECORDED, ("refused", Reason.NOT_DISPUTED), ("refused", Reason.SUPERSEDED), RECORDED]


def test_an_expired_batch_is_signed_anew_only_when_that_is_final(world: OutboxWorld, maison: OrganizationId) -> None:
    world.mine_by_hand()
    event = world.serve(maison, world.manufacture(maison))
    worker = world.worker()
    worker.turn()
    world.node.call("evm_setNextBlockTimestamp", world.now + 10 * 3600)
    world.mine()
    world.index()
    world.worker(later=60).turn()
    before_final = [batch.status for batch in world.batches()]

    world.mine(3)
    world.index()
    world.settle(world.worker(later=120), turns=3)

    assert before_final == ["refused"]
    assert [batch.status for batch in world.batches()] == ["dissolved", "done"]
    assert ended(world) == [RECORDED] * 2
    assert world.recorded_times(event) == 1


def test_an_expired_batch_of_an_organization_ends(world: OutboxWorld, atelier: OrganizationId) -> None:
    world.mine_by_hand()
    item = world.manufacture(atelier)
    world.sign(OWN_KEY, [event_of_row(world, world.rows()[0].id)], deadline=world.now - 10)

    world.settle(world.worker(), turns=4)
    world.settle(world.worker(later=60), turns=2)

    assert ended(world) == [("refused", Reason.DEADLINE_PASSED)]
    assert world.tip(item).sequence == 0


def test_an_event_that_would_revert_is_left_behind_with_its_reason(world: OutboxWorld, maison: OrganizationId) -> None:
    store = world.admit("store", Role.AUTHENTICATOR, accredited_by=maison)
    world.mine_by_hand()
    commitment = Commitment(hashing.keccak(b"an old bag"))
    detail = pack_detail(a=Outcome.AUTHENTIC, b=Method.IN_PERSON, c=1, consented=True)
    item = hashing.item_id(maison, commitment)
    event = world.accept(store, item, Kind.ENROLMENT, party=hashing.claim_holder(BUYER.address), detail=detail, brand=maison)
    names = {"brand": "0x" + maison.hex(), "serial_commitment": "0x" + bytes(32).hex()}  # these do not make the item's id
    world.approve(event, world.consent(event, BUYER, old_holder=bytes(32)) | {"enrolment": names})
    for _ in range(5):
        world.serve(maison, world.manufacture(maison))

    world.settle(world.worker(), turns=6)

    poison = world.rows()[0]
    assert (poison.status, poison.error.split(":")[0]) == ("accepted", "witness-mismatch")
    assert ended(world)[1:] == [RECORDED] * 10
    assert [row.status for row in world.transactions()] == ["reverted", "mined", "mined"]


def test_events_wait_for_the_next_key_when_the_signer_is_retired(world: OutboxWorld, maison: OrganizationId) -> None:
    old = world.keyring.signer(maison).address
    item = world.manufacture(maison)
    world.registrar.retire_signer(maison, old)
    world.index()
    world.mine_by_hand()
    worker = world.worker()
    world.settle(worker, turns=2)
    new = world.keyring.replace_signer(maison).address
    world.settle(worker, turns=2)
    without_a_key = world.statuses()

    with world.mining():
        world.registrar.add_signer(maison, new)
    world.index()
    world.settle(worker, turns=2)

    assert without_a_key == ["accepted"]
    assert ended(world) == [RECORDED]
    assert world.word(item) == word(world.tip(item))


def test_a_damaged_row_spoils_no_neighbour(world: OutboxWorld, maison: OrganizationId) -> None:
    world.mine_by_hand()
    for _ in range(5):
        world.serve(maison, world.manufacture(maison))
    damaged = world.rows()[3]
    with writing(world.engine) as connection:
        rows = outbox_world._events
        connection.execute(update(rows).where(rows.c.id == damaged.id).values(party=b"\x01" * 32))

    world.settle(world.worker(), turns=2)

    outcomes = ended(world)
    assert outcomes.pop(3) == ("accepted", None)  # its item waits, nothing else does
    assert outcomes == [RECORDED] * 9
    assert world.rows()[3].error.startswith("integrity")


def test_an_event_on_a_head_that_never_was_is_signed_anew(world: OutboxWorld, maison: OrganizationId) -> None:
    world.mine_by_hand()
    item = world.manufacture(maison)
    lost = world.accept(maison, item, Kind.SERVICE, head=hashing.Head(b"\x01" * 32))

    world.settle(world.worker(), turns=4)

    assert ended(world) == [RECORDED] * 2
    assert world.recorded_times(lost) == 1


def test_a_group_too_large_for_any_transaction_is_refused(world: OutboxWorld, maison: OrganizationId) -> None:
    world.mine_by_hand()
    item = world.manufacture(maison)
    for _ in range(400):
        world.accept(maison, item, Kind.SERVICE, unit="large")
    small = world.recall(maison, item)

    world.settle(world.worker(), turns=4)

    assert ended(world)[1:-1] == [("refused", Reason.MALFORMED)] * 400
    assert (ended(world)[0], ended(world)[-1]) == (RECORDED, RECORDED)
    assert world.recorded_times(small) == 1
