"""What may travel together: the planner's promises, one by one, on histories made at random too."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_api.outbox.plan import Limits, Parcel, Plan, Planner, event_of
from ledger_api.store.sending import Accepted, Batch
from ledger_verify import hashing
from ledger_verify.hashing import Commitment, ItemId, OrganizationId
from ledger_verify.state import UNBORN, Event, State, Terms, pack_detail
from ledger_verify.transition import Kind, apply

TERMS = Terms()
MAISON, SHOP, EXPERT = (OrganizationId(hashing.keccak(name)) for name in (b"maison", b"shop", b"expert"))
FIRST_TIME = 1_750_000_000


class Tale:
    """Accepted events in order, each on the head the one before it leaves."""

    def __init__(self) -> None:
        self.events: list[Accepted] = []
        self.states: dict[bytes, State] = {}
        self._ids = itertools.count(1)

    def tell(self, organization: OrganizationId, item: bytes, kind: Kind, *, detail: int = 0, **changes: object) -> Accepted:
        state = self.states.get(item, UNBORN)
        number = next(self._ids)
        party = item if kind == Kind.MANUFACTURE else bytes(32)
        event = Event(ItemId(item), kind, state.head, FIRST_TIME + number, party, detail, Commitment(hashing.keccak(b"%d" % number)))
        self.states[item] = apply(state, event, organization, FIRST_TIME, TERMS)
        accepted = Accepted(
            number, b"id", organization, item, kind, event.occurred_at, party, detail.to_bytes(8, "big"), event.payload, event.head,
            hashing.event_hash(event), None, "accepted", None, None,
        )  # fmt: skip
        accepted = accepted._replace(**changes)
        self.events.append(accepted)
        return accepted

    def birth(self, number: int) -> bytes:
        item = hashing.keccak(b"item %d" % number)
        self.tell(MAISON, item, Kind.MANUFACTURE)
        return item


@pytest.fixture
def tale() -> Tale:
    return Tale()


def no_history(_item: bytes, _first: int) -> tuple[bytes, Sequence[tuple[bytes, bytes]]]:
    return bytes(32), ()


def planner(limits: Limits | None = None, *, is_careful: bool = False) -> Planner:
    return Planner(TERMS, limits or Limits(), history=no_history, is_careful=is_careful)


def planned(events: Sequence[Accepted], limits: Limits | None = None, *, is_careful: bool = False) -> Plan:
    made = planner(limits, is_careful=is_careful)
    for accepted in events:
        if not made.add_loose(accepted):
            break
    return made.plan


def ids(plan: Plan) -> list[int]:
    return [carried.accepted.id for carried in plan.events()]


def owners(parcels: Sequence[Parcel]) -> list[bytes]:
    return [parcel.organization for parcel in parcels]


def test_events_of_one_organization_share_a_batch(tale: Tale) -> None:
    for number in range(5):
        tale.tell(MAISON, tale.birth(number), Kind.SERVICE)

    assert owners(planned(tale.events).parcels) == [MAISON]


def test_an_events_batch_is_not_before_that_of_the_items_previous_event(tale: Tale) -> None:
    item, other = tale.birth(1), tale.birth(2)
    tale.tell(SHOP, item, Kind.SERVICE)
    tale.tell(MAISON, item, Kind.SERVICE)
    tale.tell(MAISON, other, Kind.SERVICE)

    plan = planned(tale.events)

    assert owners(plan.parcels) == [MAISON, SHOP, MAISON]
    assert [len(parcel.members) for parcel in plan.parcels] == [2, 1, 2]


steps = st.lists(st.tuples(st.integers(0, 4), st.sampled_from([MAISON, SHOP, EXPERT])), max_size=60)


@given(steps, st.integers(1, 40))
def test_whatever_is_planned_opens_every_word_it_meets(told: list[tuple[int, OrganizationId]], most: int) -> None:
    tale = Tale()
    items = [tale.birth(number) for number in range(5)]
    for number, organization in told:
        tale.tell(organization, items[number], Kind.SERVICE)

    plan = planned(tale.events, Limits(size=640 + 352 * most))

    chain: dict[bytes, State] = {}
    for parcel in plan.parcels:
        for carried in parcel.members:
            item = carried.accepted.item
            assert carried.state == chain.get(item, UNBORN)
            chain[item] = apply(carried.state, carried.event, OrganizationId(parcel.organization), FIRST_TIME, TERMS)
    assert plan.size <= 640 + 352 * most or len(plan.events()) == 1


def test_a_chain_where_a_new_word_is_dearer_gets_more_gas_for_births_alone() -> None:
    tale = Tale()
    items = [tale.birth(number) for number in range(3)]
    tale.tell(MAISON, items[0], Kind.SERVICE)

    usual, dearer = planned(tale.events), planned(tale.events, Limits(dearer_word_gas=89_000))

    assert len(usual.events()) == len(dearer.events()) == 4
    assert dearer.gas == usual.gas + 3 * 89_000


@given(steps, st.integers(1, 40))
def test_what_is_left_out_is_what_comes_last(told: list[tuple[int, OrganizationId]], most: int) -> None:
    tale = Tale()
    items = [tale.birth(number) for number in range(5)]
    for number, organization in told:
        tale.tell(organization, items[number], Kind.SERVICE)

    plan = planned(tale.events, Limits(size=640 * 3 + 352 * most))

    assert sorted(ids(plan)) == list(range(1, len(plan.events()) + 1))


def test_behind_an_event_that_holds_the_blocks_time_the_item_waits(tale: Tale) -> None:
    item = tale.birth(1)
    tale.tell(MAISON, item, Kind.DISPUTE)
    tale.tell(MAISON, item, Kind.SERVICE)

    assert ids(planned(tale.events)) == [1, 2]


def test_behind_another_lane_the_item_waits(tale: Tale) -> None:
    item = tale.birth(1)
    after = tale.tell(MAISON, item, Kind.SERVICE)
    made = planner()
    made.follow(tale.events[0], is_ours=False)

    made.add_loose(after)

    assert made.plan.is_empty()
    assert made.plan.stale == set()


def test_behind_this_lane_it_travels_with_the_state_to_come(tale: Tale) -> None:
    item = tale.birth(1)
    after = tale.tell(MAISON, item, Kind.SERVICE)
    made = planner()
    made.follow(tale.events[0], is_ours=True)

    made.add_loose(after)

    (carried,) = made.plan.events()
    assert carried.state.sequence == 1
    assert carried.state.head == after.head


def test_another_head_than_the_chains_is_stale_only_when_nothing_is_on_its_way(tale: Tale) -> None:
    item = tale.birth(1)
    lost = tale.tell(MAISON, item, Kind.SERVICE)._replace(head=b"\x01" * 32)
    idle, busy = planner(), planner()
    idle.know({item: apply(UNBORN, event_of(tale.events[0]), MAISON, FIRST_TIME, TERMS)})
    busy.follow(tale.events[0], is_ours=True)

    idle.add_loose(lost)
    busy.add_loose(lost)

    assert idle.plan.stale == {item}
    assert busy.plan.stale == set()
    assert idle.plan.is_empty() and busy.plan.is_empty()


def test_a_careful_plan_has_one_event_of_an_item(tale: Tale) -> None:
    item, other = tale.birth(1), tale.birth(2)
    tale.tell(MAISON, item, Kind.SERVICE)
    tale.tell(MAISON, other, Kind.SERVICE)

    assert ids(planned(tale.events, is_careful=True)) == [1, 2]


def test_a_unit_is_one_all_or_nothing_batch(tale: Tale) -> None:
    item = tale.birth(1)
    unit = [tale.tell(MAISON, item, Kind.SERVICE, unit="u") for _ in range(3)]
    made = planner()
    made.add_loose(tale.events[0])

    assert made.add_unit(unit)

    assert [(parcel.all_or_nothing, len(parcel.members)) for parcel in made.plan.parcels] == [(False, 1), (True, 3)]


def test_a_unit_that_does_not_fit_any_more_waits_whole(tale: Tale) -> None:
    item, other = tale.birth(1), tale.birth(2)
    unit = [tale.tell(MAISON, item, Kind.SERVICE, unit="u") for _ in range(3)]
    made = planner(Limits(size=640 + 352 * 3))
    made.add_loose(tale.events[0])
    made.add_loose(tale.events[1])

    assert not made.add_unit(unit)

    assert made.plan.is_full
    assert {carried.accepted.item for carried in made.plan.events()} == {item, other}


def test_a_group_behind_a_time_of_its_own_is_impossible(tale: Tale) -> None:
    item = tale.birth(1)
    unit = [tale.tell(MAISON, item, Kind.DISPUTE, unit="u"), tale.tell(MAISON, item, Kind.SERVICE, unit="u")]
    made = planner()
    made.add_loose(tale.events[0])

    made.add_unit(unit)

    assert made.plan.impossible == unit
    assert ids(made.plan) == [1]


def signed_batch(events: Sequence[Accepted]) -> tuple[Batch, list[Accepted]]:
    return Batch(7, events[0].organization, bytes(20), FIRST_TIME, False, bytes(65)), [one._replace(batch=7) for one in events]


def test_loose_events_wait_behind_a_signed_batch_that_waits(tale: Tale) -> None:
    item = tale.birth(1)
    signed = signed_batch([tale.tell(SHOP, item, Kind.SERVICE)])
    after = tale.tell(MAISON, item, Kind.SERVICE)
    made = planner()

    was_added = made.add_signed(*signed)
    made.add_loose(tale.events[0])
    made.add_loose(after)
    is_added = made.add_signed(*signed, is_last_chance=True)

    assert (was_added, is_added) == (False, True)
    assert ids(made.plan) == [1, 2]
    assert made.plan.parcels[1].signed is signed[0]


def test_in_a_signed_batch_what_has_ended_changes_nothing_any_more(tale: Tale) -> None:
    item = tale.birth(1)
    birth, ended = tale.events[0], tale.tell(MAISON, item, Kind.SERVICE)
    batch, members = signed_batch([birth, ended])
    made = planner()
    made.know({item: tale.states[item]})

    assert made.add_signed(batch, [one._replace(status="recorded") for one in members])

    assert [carried.state for carried in made.plan.events()] == [tale.states[item]] * 2


def test_doubting_an_event_expects_the_next_to_find_the_same_state(tale: Tale) -> None:
    item = tale.birth(1)
    batch, members = signed_batch([tale.tell(MAISON, item, Kind.SERVICE), tale.tell(MAISON, item, Kind.SERVICE)])
    after_birth = apply(UNBORN, event_of(tale.events[0]), MAISON, FIRST_TIME, TERMS)
    made = planner(is_careful=True)
    made.know({item: after_birth})
    made.doubt(item, 0)

    assert made.add_signed(batch, members)

    assert [carried.state for carried in made.plan.events()] == [after_birth] * 2


@pytest.mark.parametrize("sequence", [1, 2])
def test_a_correction_of_what_travels_shows_it(tale: Tale, sequence: int) -> None:
    item = tale.birth(1)
    tale.tell(SHOP, item, Kind.SERVICE)
    tale.tell(MAISON, item, Kind.CORRECTION, detail=pack_detail(time=sequence))

    corrections = [carried for carried in planned(tale.events).events() if carried.event.kind == Kind.CORRECTION]

    hashes = [one.event_hash for one in tale.events[sequence - 1 : 2]]
    assert [link.event_hash for link in corrections[0].links] == hashes
    assert corrections[0].prior_head == tale.events[sequence - 1].head


def test_a_correction_of_what_is_recorded_begins_with_the_record(tale: Tale) -> None:
    item = tale.birth(1)
    told: Callable[[bytes, int], tuple[bytes, list[tuple[bytes, bytes]]]] = lambda _item, _first: (b"\x05" * 32, [(b"\x06" * 32, MAISON)])  # noqa: E731
    made = Planner(TERMS, Limits(), history=told)
    made.know({item: replace(tale.states[item])})
    correction = tale.tell(MAISON, item, Kind.CORRECTION, detail=pack_detail(time=1))

    made.add_loose(correction)

    (carried,) = made.plan.events()
    assert (carried.prior_head, carried.links[0].event_hash) == (b"\x05" * 32, b"\x06" * 32)
