"""Dead letters on a real chain: what cannot be carried is set aside with its reason, and an operator decides."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import text, update

from ledger_api import operating
from ledger_api.errors import InvalidBody, LaneBusy, NotFound
from ledger_api.keys import Signer
from ledger_api.outbox import letters
from ledger_api.store import parking
from ledger_api.store.engine import reading, writing
from ledger_verify import hashing
from ledger_verify.hashing import Commitment, ItemId, OrganizationId
from ledger_verify.state import Event, pack_detail, word
from ledger_verify.transition import Kind, Method, Outcome, Reason, Role
from tests import servers
from tests.chain import outbox_world
from tests.chain.outbox_world import OutboxWorld
from tests.chain.test_outbox_batches import event_of_row

pytestmark = pytest.mark.chain
BUYER, OWN_KEY = Signer(b"\x11" * 32), Signer(b"\x21" * 32)
TRIES = 3


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[OutboxWorld]:
    with servers.anvil() as url:
        made = OutboxWorld(url, tmp_path / "home", database_url, most_tries=TRIES)
        yield made
        made.close()


@pytest.fixture
def store(world: OutboxWorld, maison: OrganizationId) -> OrganizationId:
    made = world.admit("store", Role.AUTHENTICATOR, accredited_by=maison)
    world.mine_by_hand()
    return made


def poison(world: OutboxWorld, store: OrganizationId, maison: OrganizationId, **extra: Any) -> ItemId:
    """An enrolment whose opening does not make the item's id: no transaction with it goes through."""
    commitment = Commitment(hashing.keccak(b"an old bag"))
    detail = pack_detail(a=Outcome.AUTHENTIC, b=Method.IN_PERSON, c=1, consented=True)
    item = hashing.item_id(maison, commitment)
    event = world.accept(store, item, Kind.ENROLMENT, party=hashing.claim_holder(BUYER.address), detail=detail, brand=maison, **extra)
    names = {"brand": "0x" + maison.hex(), "serial_commitment": "0x" + bytes(32).hex()}
    approval = world.consent(event, BUYER, old_holder=bytes(32)) | {"enrolment": names, "endorsement": endorsed(world, event, maison)}
    world.approve(event, approval)
    return item


def endorsed(world: OutboxWorld, event: Event, brand: OrganizationId) -> dict[str, Any]:
    signer, until = world.keyring.signer(brand), world.now + 3600
    separator = world.deployment.domain_separator
    digest = hashing.endorsement_digest(separator, brand=brand, event_hash=hashing.event_hash(event), deadline=until)
    return {"endorser": "0x" + signer.address.hex(), "deadline": until, "signature": "0x" + signer.sign(digest).hex()}


def cure(world: OutboxWorld, row: int) -> None:
    """What an operator mends before requeueing: here the paper that the enrolment lacked."""
    commitment = hashing.keccak(b"an old bag")
    asked = text("SELECT approval FROM events WHERE id = :row")
    with writing(world.engine) as connection:
        approval = bytes(connection.execute(asked, {"row": row}).scalar_one())
        mended = approval.replace(bytes(32).hex().encode(), commitment.hex().encode())
        connection.execute(text("UPDATE events SET approval = :approval WHERE id = :row"), {"approval": mended, "row": row})


def until_parked(world: OutboxWorld, *, turns: int = 20, later: float = 0) -> None:
    worker = world.worker(later=later)
    for _ in range(turns):
        world.settle(worker, turns=1)
        if found(world):
            return
    raise AssertionError("it was never parked")


def found(world: OutboxWorld) -> list[parking.Letter]:
    with reading(world.engine) as connection:
        return parking.letters(connection)


def service_of(world: OutboxWorld) -> Any:
    """What the operator's commands need of a service."""
    return SimpleNamespace(engine=world.engine, surroundings=lambda: world.around)


def test_after_its_last_try_an_event_is_parked_with_its_reason_and_its_neighbours_are_recorded(
    world: OutboxWorld, store: OrganizationId, maison: OrganizationId
) -> None:
    item = poison(world, store, maison)
    others = [world.manufacture(maison) for _ in range(5)]

    until_parked(world)

    letter = found(world)[0]
    assert (letter.event.item, letter.failures, letter.error.split(":")[0]) == (item, TRIES, "witness-mismatch")
    assert [world.word(one) for one in others] == [word(world.tip(one)) for one in others]
    assert world.statuses().count("accepted") == 1


def test_the_count_outlives_the_worker(world: OutboxWorld, store: OrganizationId, maison: OrganizationId) -> None:
    poison(world, store, maison)

    for _ in range(14):
        world.settle(world.worker(later=20), turns=1)  # a worker that has just started, every time
        with writing(world.engine) as connection:
            connection.execute(text("DELETE FROM leases"))

    assert [letter.failures for letter in found(world)] == [TRIES]


def test_a_busy_lane_does_not_put_off_what_failed(world: OutboxWorld, store: OrganizationId, maison: OrganizationId) -> None:
    poison(world, store, maison)
    worker = world.worker()

    for _ in range(16):
        world.manufacture(maison)  # there is always something else to carry, and always something in flight
        worker.turn()
        world.mine()
        world.manufacture(maison)
        worker.turn()
        world.index()

    assert len(found(world)) == 1


def test_what_comes_after_a_parked_event_of_its_item_waits_for_it(
    world: OutboxWorld, store: OrganizationId, maison: OrganizationId
) -> None:
    item = poison(world, store, maison)
    until_parked(world)
    world.serve(maison, item)

    world.settle(world.worker(later=30), turns=2)

    rows = world.rows()
    assert [row.parked for row in rows if row.item == item] == [rows[0].id] * 2
    assert found(world)[0].behind == 1


def test_a_requeued_event_travels_with_what_waited_behind_it(world: OutboxWorld, store: OrganizationId, maison: OrganizationId) -> None:
    item = poison(world, store, maison)
    until_parked(world)
    world.serve(maison, item)
    worker = world.worker(later=30)
    world.settle(worker, turns=2)
    cure(world, found(world)[0].event.id)

    done = operating.requeue(service_of(world), "0x" + found(world)[0].event.event_id.hex())
    world.settle(worker, turns=6)

    assert done == {"letters": 1, "events": 2}
    assert [row.status for row in world.rows() if row.item == item] == ["final", "final"]
    assert world.word(item) == word(world.tip(item))


def test_an_event_that_an_operator_ends_lets_its_item_go_on_or_ends_what_depends_on_it(
    world: OutboxWorld, store: OrganizationId, maison: OrganizationId
) -> None:
    item = poison(world, store, maison)
    until_parked(world)
    world.serve(maison, item)
    world.settle(world.worker(later=30), turns=2)

    done = operating.refuse(service_of(world), "0x" + found(world)[0].event.event_id.hex(), reason="consent-invalid")

    ended = [(row.status, row.reason, row.parked) for row in world.rows() if row.item == item]
    assert done == {"letters": 1, "events": 1}
    assert ended == [("refused", Reason.CONSENT_INVALID, None), ("refused", Reason.UNKNOWN_ITEM, None)]


def test_what_somebody_has_sent_back_meanwhile_is_not_ended(world: OutboxWorld, store: OrganizationId, maison: OrganizationId) -> None:
    """Two operators at the same dead letter: it travels by the time the second decides."""
    item = poison(world, store, maison)
    until_parked(world)
    letter = found(world)[0]
    cure(world, letter.event.id)
    worker = world.worker(later=30)

    letters.requeue(world.around, [letter])
    worker.turn()
    ended = letters.end(world.around, letter, Reason.CONSENT_INVALID, now=world.now)

    assert (ended, world.statuses()) == (0, ["accepted"])
    world.settle(worker, turns=4)
    assert world.word(item) == word(world.tip(item)) != 0


def test_what_another_lane_parks_meanwhile_is_not_carried(world: OutboxWorld, maison: OrganizationId) -> None:
    """An operator may end what is parked, and nobody ends what travels."""
    world.mine_by_hand()
    world.manufacture(maison)

    def park(step: str) -> None:
        if step == "gather":
            with writing(world.engine) as connection:
                parking.park(connection, [world.rows()[0].id], "witness-mismatch: it does not fit", times=TRIES)

    with pytest.raises(LaneBusy):
        world.worker().turn(park)

    assert (world.rows()[0].batch, len(found(world)), world.transactions()) == (None, 1, [])


def test_a_parked_event_keeps_its_group_with_it(world: OutboxWorld, store: OrganizationId, maison: OrganizationId) -> None:
    item = world.manufacture(maison)
    world.settle(world.worker(), turns=3)
    poison(world, store, maison, unit="group")
    world.accept(store, item, Kind.VERDICT, detail=pack_detail(a=Outcome.AUTHENTIC, b=Method.PHOTO), unit="group")
    world.serve(maison, item)

    until_parked(world, later=30)
    world.settle(world.worker(later=60), turns=2)
    letters.end(world.around, found(world)[0], Reason.CONSENT_INVALID, now=world.now)
    world.settle(world.worker(later=90), turns=4)

    assert [row.reason for row in world.rows()[1:3]] == [Reason.CONSENT_INVALID, Reason.GROUP_REFUSED]
    assert [row.status for row in world.rows() if row.item == item] == ["final", "refused", "final"]


def test_a_batch_signed_by_its_organization_is_parked_whole_and_ends_whole(world: OutboxWorld, maison: OrganizationId) -> None:
    atelier = world.admit("atelier", Role.BRAND | Role.AUTHENTICATOR, accredited_by=maison, signer=OWN_KEY)
    world.mine_by_hand()
    poison(world, atelier, maison)
    world.manufacture(atelier)
    world.sign(OWN_KEY, [event_of_row(world, row.id) for row in world.rows()])

    until_parked(world)
    parked = [row.parked for row in world.rows()]
    letters.end(world.around, found(world)[0], Reason.CONSENT_INVALID, now=world.now)

    assert parked == [world.rows()[0].id] * 2
    assert [row.reason for row in world.rows()] == [Reason.CONSENT_INVALID, Reason.GROUP_REFUSED]


def test_a_parked_event_that_somebody_else_carries_is_recorded_and_frees_what_waits(world: OutboxWorld, maison: OrganizationId) -> None:
    world.mine_by_hand()
    item = world.manufacture(maison)
    world.serve(maison, item)
    worker = world.worker()
    worker.turn()
    first, behind = (row.id for row in world.rows())
    with writing(world.engine) as connection:
        connection.execute(text("UPDATE events SET parked = :first WHERE id = :first"), {"first": first})
        connection.execute(text("UPDATE events SET parked = :first, batch = NULL WHERE id = :row"), {"first": first, "row": behind})

    world.mine()
    world.index()

    assert [(row.status, row.parked) for row in world.rows()] == [("recorded", None)] * 2


def test_a_damaged_row_is_parked_at_once_and_never_signed_anew(world: OutboxWorld, maison: OrganizationId) -> None:
    world.mine_by_hand()
    item = world.manufacture(maison)
    world.serve(maison, item)
    rows = outbox_world._events
    with writing(world.engine) as connection:
        connection.execute(update(rows).where(rows.c.id == world.rows()[1].id).values(party=b"\x01" * 32, head=b"\x02" * 32))

    until_parked(world, turns=2)
    world.settle(world.worker(later=30), turns=3)

    assert [row.status for row in world.rows()] == ["final", "accepted"]
    assert (found(world)[0].failures, found(world)[0].error.split(":")[0]) == (1, "integrity")


def test_an_operator_is_told_when_there_is_nothing_to_decide(world: OutboxWorld, maison: OrganizationId) -> None:
    world.manufacture(maison)
    event_id = "0x" + world.rows()[0].event_id.hex()

    with pytest.raises(NotFound, match="Nothing of this is parked"):
        operating.refuse(service_of(world), event_id, reason="superseded")
    with pytest.raises(InvalidBody, match="No refusal reason"):
        operating.refuse(service_of(world), event_id, reason="because")
    assert operating.requeue(service_of(world), None) == {"letters": 0, "events": 0}
