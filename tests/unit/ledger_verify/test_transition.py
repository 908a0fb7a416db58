from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from ledger_verify.codes import RECOVERY_PERIOD, STOLEN_RELEASE, Hold, Kind, Method, Outcome, Phase, Stage
from ledger_verify.hashing import ZERO32, EventHash, OrganizationId, event_hash, next_head
from ledger_verify.logs import Enrolled, Log, Recorded, Refused, ReleasedByOrder
from ledger_verify.state import NO_ASIDE, UNBORN
from ledger_verify.transition import FoldMismatch, apply, effective_verdict, fold, replaces, state_to_bytes, touches_time, word
from tests.unit.ledger_verify.probes import all_probes
from tests.unit.ledger_verify.scenes import (
    SCENES,
    at_shop,
    bought_in,
    disputed,
    enrolled,
    held,
    judged,
    lot,
    recovering,
    ruled,
    sold,
    unsold,
    verifying,
)
from tests.unit.ledger_verify.world import (
    ALICE,
    BOB,
    CONSORTIUM,
    HOUSE,
    MAISON,
    OLD_HOUSE,
    PLATFORM,
    SHOP,
    STORE,
    TANNERY,
    TERMS,
    WATCH,
    Story,
    shown,
)

IN_PERSON = {"a": Outcome.AUTHENTIC, "b": Method.IN_PERSON}


def test_a_lot_is_born_with_its_supplier() -> None:
    state = lot().state

    assert (state.stage, state.holder, state.brand, state.sequence) == (Stage.LOT, TANNERY, TANNERY, 1)


def test_an_item_is_born_with_its_brand() -> None:
    state = unsold(WATCH).state

    assert (state.stage, state.holder, state.brand, state.category) == (Stage.UNSOLD, MAISON, MAISON, WATCH)


def test_a_sale_gives_the_item_to_the_buyers_key() -> None:
    state = at_shop().land(Kind.SALE, SHOP, party=ALICE).state

    assert (state.stage, state.holder) == (Stage.SOLD, ALICE)


def test_an_enrolled_item_is_judged_in_person_and_becomes_sold_when_its_brand_speaks() -> None:
    story = enrolled(MAISON)
    before = story.state

    story.land(Kind.MANUFACTURE, MAISON, party=story.commitment, c=WATCH)

    assert (before.stage, before.verdict, before.verdict_method, before.verdict_sequence) == (Stage.ENROLLED, 1, Method.IN_PERSON, 1)
    assert (story.state.stage, story.state.category, story.state.holder, story.state.verdict) == (Stage.SOLD, WATCH, ALICE, 1)


def test_an_enrolment_cannot_be_applied_without_its_brand() -> None:
    story = Story(OLD_HOUSE)

    with pytest.raises(ValueError, match="needs the brand"):
        apply(UNBORN, story.event(Kind.ENROLMENT, party=ALICE), HOUSE, 0, TERMS)


def test_every_event_moves_sequence_and_head_by_one() -> None:
    story = sold()
    event = story.event(Kind.SERVICE)

    after = story.apply_event(event, MAISON)

    assert after == replace(
        story.state,
        sequence=story.state.sequence + 1,
        head=next_head(story.state.head, event_hash(event), MAISON),
        last_occurred_at=event.occurred_at,
    )


def test_a_known_event_hash_is_not_computed_again() -> None:
    story = sold()

    after = apply(story.state, story.event(Kind.SERVICE), MAISON, 0, TERMS, hashed=EventHash(b"h" * 32))

    assert after.head == next_head(story.state.head, EventHash(b"h" * 32), MAISON)


def test_the_first_release_of_stolen_only_starts_the_waiting_time() -> None:
    story = held(Hold.STOLEN)
    begun_at = story.now

    story.land(Kind.RELEASE, PLATFORM, a=Hold.STOLEN, consented=True)

    assert story.state.holds == Hold.STOLEN.bit
    assert story.state.aside.stolen_release_at == begun_at + STOLEN_RELEASE
    assert story.wait(STOLEN_RELEASE).land(Kind.RELEASE, PLATFORM, a=Hold.STOLEN, consented=True).state.aside is NO_ASIDE


def test_saying_stolen_again_stops_the_waiting_time() -> None:
    story = held(Hold.STOLEN).land(Kind.RELEASE, PLATFORM, a=Hold.STOLEN, consented=True)

    story.land(Kind.HOLD, PLATFORM, a=Hold.STOLEN, consented=True)

    assert story.state.aside.stolen_release_at == 0 and story.state.holds == Hold.STOLEN.bit


def test_a_court_clears_stolen_at_once() -> None:
    story = held(Hold.STOLEN).land(Kind.RELEASE, CONSORTIUM, a=Hold.STOLEN)

    assert story.state.holds == 0 and story.state.aside is NO_ASIDE


@pytest.mark.parametrize(
    ("scene", "hold", "setter"),
    [
        ("sold, lost", Hold.LOST, ALICE),
        ("sold, recalled", Hold.RECALLED, MAISON),
        ("sold, in verification", Hold.IN_VERIFICATION, STORE),
        ("sold, disputed by an authenticator", Hold.DISPUTED, STORE),
        ("sold, disputed by its owner", Hold.DISPUTED, ALICE),
        ("lot disputed by its buyer", Hold.DISPUTED, MAISON),
        ("lot disputed by its supplier after shipping", Hold.DISPUTED, TANNERY),
        ("unsold, held by the shop as lost", Hold.LOST, SHOP),
        ("unsold at a shop, recalled by the brand", Hold.RECALLED, MAISON),
        ("bought in by a shop, stolen there", Hold.STOLEN, SHOP),
    ],
    ids=shown,
)
def test_a_hold_remembers_who_may_end_it(scene: str, hold: Hold, setter: bytes) -> None:
    state = SCENES[scene]().state

    assert state.holds == hold.bit
    assert state.aside.setters[hold] == setter


def test_saying_disputed_again_does_not_win_the_brand_more_time() -> None:
    story = sold().land(Kind.HOLD, MAISON, a=Hold.DISPUTED)
    since = story.state.aside.disputed_at

    story.wait(1000).land(Kind.HOLD, MAISON, a=Hold.DISPUTED)

    assert story.state.aside.disputed_at == since


def test_a_ruling_ends_the_dispute_and_stands_above_all() -> None:
    state = ruled(Outcome.NOT_AUTHENTIC).state

    assert (state.verdict, state.verdict_method, state.verdict_sequence, state.holds) == (2, Method.RULING, 4, 0)
    assert state.aside is NO_ASIDE


def test_a_recovery_is_completed_by_its_own_key_and_forgets_itself() -> None:
    story = recovering()
    asked_at = story.now - 100
    pending = story.state.aside

    story.wait(RECOVERY_PERIOD).land(Kind.RECOVERY, MAISON, a=Phase.COMPLETE, party=BOB)

    assert (pending.recovery_key, pending.recovery_ready_at) == (BOB[12:], asked_at + RECOVERY_PERIOD)
    assert story.state.holder == BOB and story.state.aside is NO_ASIDE


def test_a_veto_and_a_resale_both_end_a_recovery() -> None:
    vetoed = recovering().land(Kind.RECOVERY, PLATFORM, a=Phase.VETO, consented=True).state
    resold = recovering().land(Kind.RESALE, PLATFORM, party=BOB).state

    assert vetoed.aside is NO_ASIDE and vetoed.holder == ALICE
    assert resold.aside is NO_ASIDE and resold.holder == BOB


def test_a_handover_keeps_the_setter_of_a_hold_that_ended_by_itself() -> None:
    story = verifying().wait(30 * 86400)

    story.land(Kind.TRANSFER, PLATFORM, party=BOB)

    assert story.state.aside.setters[Hold.IN_VERIFICATION] == STORE


def test_a_correction_changes_the_verdict_only_when_it_names_it() -> None:
    fake = judged(Outcome.NOT_AUTHENTIC, Method.PHOTO)
    other = judged(Outcome.NOT_AUTHENTIC, Method.PHOTO).land(Kind.CORRECTION, MAISON, time=1).state
    changed = judged(Outcome.NOT_AUTHENTIC, Method.PHOTO).land(Kind.CORRECTION, HOUSE, time=3, a=Outcome.AUTHENTIC).state
    withdrawn = fake.land(Kind.CORRECTION, HOUSE, time=3).state

    assert (other.verdict, other.verdict_sequence) == (Outcome.NOT_AUTHENTIC, 3)
    assert (changed.verdict, changed.verdict_method, changed.verdict_sequence) == (Outcome.AUTHENTIC, Method.PHOTO, 3)
    assert (withdrawn.verdict, withdrawn.verdict_method, withdrawn.verdict_at, withdrawn.verdict_sequence) == (0, 0, 0, 0)


def test_a_retired_item_stays_retired() -> None:
    story = sold().land(Kind.RETIRE, PLATFORM, consented=True).land(Kind.VERDICT, HOUSE, **IN_PERSON)

    assert (story.state.stage, story.state.verdict) == (Stage.RETIRED, Outcome.AUTHENTIC)


# --- precedence


@pytest.mark.parametrize("method", list(Method)[1:])
def test_nothing_weaker_replaces_an_opinion(method: Method) -> None:
    for effective in (Outcome.AUTHENTIC, Outcome.INCONCLUSIVE):
        wins = replaces(effective=effective, effective_method=Method.CHIP, expired=False, outcome=Outcome.NOT_AUTHENTIC, method=method)
        assert wins == (method >= Method.CHIP)


@pytest.mark.parametrize("expired", [False, True])
@pytest.mark.parametrize("outcome", list(Outcome)[1:])
def test_fake_gives_way_only_to_something_stronger_and_certain(outcome: Outcome, expired: bool) -> None:
    fake = {"effective": Outcome.NOT_AUTHENTIC, "effective_method": Method.CHIP, "expired": expired, "outcome": outcome}

    assert not replaces(**fake, method=Method.CHIP)
    assert replaces(**fake, method=Method.IN_PERSON) == (outcome != Outcome.INCONCLUSIVE)
    assert replaces(**fake, method=Method.RULING)


def test_an_expired_opinion_gives_way_to_any() -> None:
    assert replaces(effective=1, effective_method=Method.RULING, expired=True, outcome=2, method=Method.PHOTO)


def test_the_first_opinion_is_effective() -> None:
    assert replaces(effective=0, effective_method=0, expired=False, outcome=3, method=Method.PHOTO)


def test_a_weaker_verdict_stays_in_the_history_only() -> None:
    story = judged(Outcome.AUTHENTIC, Method.IN_PERSON).land(Kind.VERDICT, HOUSE, a=Outcome.NOT_AUTHENTIC, b=Method.PHOTO)

    assert (story.state.verdict, story.state.verdict_sequence, story.state.sequence) == (Outcome.AUTHENTIC, 3, 4)


def test_authentic_expires_and_fake_does_not() -> None:
    expiry = sold().now + 1000
    authentic = judged(Outcome.AUTHENTIC, Method.CHIP, expiry).state
    fake = judged(Outcome.NOT_AUTHENTIC, Method.CHIP, expiry).state

    assert effective_verdict(authentic, expiry - 1) == "authentic"
    assert effective_verdict(authentic, expiry) == "expired"
    assert effective_verdict(fake, expiry) == "not-authentic"
    assert effective_verdict(sold().state, expiry) == "none"


# --- what cannot be predicted


@pytest.mark.parametrize(
    ("scene", "kind", "numbers", "touches"),
    [
        ("sold", Kind.DISPUTE, {}, True),
        ("sold", Kind.RECOVERY, {"a": Phase.REQUEST}, True),
        ("sold, recovery ready", Kind.RECOVERY, {"a": Phase.COMPLETE}, False),
        ("sold", Kind.HOLD, {"a": Hold.DISPUTED}, True),
        ("sold, disputed by its brand", Kind.HOLD, {"a": Hold.DISPUTED}, False),
        ("sold", Kind.HOLD, {"a": Hold.IN_VERIFICATION}, False),
        ("sold, stolen", Kind.RELEASE, {"a": Hold.STOLEN}, True),
        ("sold, release of stolen begun", Kind.RELEASE, {"a": Hold.STOLEN}, False),
        ("sold, lost", Kind.RELEASE, {"a": Hold.LOST}, False),
        ("sold", Kind.SERVICE, {}, False),
    ],
)
def test_only_some_effects_lean_on_block_time(scene: str, kind: Kind, numbers: dict[str, int], touches: bool) -> None:
    story = SCENES[scene]()

    assert touches_time(story.state, story.event(kind, **numbers)) == touches


def test_the_state_after_any_other_event_does_not_depend_on_when_it_lands() -> None:
    for scene in SCENES.values():
        story = scene()
        for probe in all_probes():
            event = probe.event(story)
            if story.judge_event(event, probe.by, probe.approval) is not None:
                continue
            early = story.apply_event(event, probe.by)
            story.now += 7
            late = story.apply_event(event, probe.by)
            story.now -= 7
            is_order = story.is_by_order(event, probe.by)
            assert (early != late) == (touches_time(story.state, event) and not is_order), probe.name


# --- fold


def logs_of(story: Story) -> Iterator[tuple[Log, int]]:
    """As the ledger would have told this story, with a refusal of somebody else's in between."""
    head = UNBORN.head
    for event, by, block_time, is_order in story.logged:
        yield Refused(event.item, EventHash(ZERO32), ZERO32, 25, bytes(20)), block_time
        if event.kind == Kind.ENROLMENT:
            yield Enrolled(event.item, story.maker, story.commitment), block_time
        if is_order:
            yield ReleasedByOrder(event.item, event.detail & 0xFF), block_time
        hashed = event_hash(replace(event, head=head))
        yield (
            Recorded(event.item, hashed, by, bytes(20), event.kind, event.occurred_at, event.party, event.detail, event.payload),
            block_time,
        )
        head = next_head(head, hashed, by)


@pytest.mark.parametrize("scene", SCENES)
def test_folding_an_items_logs_gives_its_word(scene: str) -> None:
    story = SCENES[scene]()

    folded = fold(logs_of(story), TERMS)

    assert folded == story.state
    assert (word(folded), state_to_bytes(folded)) == (word(story.state), state_to_bytes(story.state))


def test_a_release_by_order_folds_as_one() -> None:
    story = held(Hold.STOLEN).land(Kind.RELEASE, CONSORTIUM, a=Hold.STOLEN).land(Kind.HOLD, PLATFORM, a=Hold.STOLEN, consented=True)
    story.land(Kind.RELEASE, PLATFORM, a=Hold.STOLEN, consented=True)

    assert fold(logs_of(story), TERMS) == story.state


def test_a_fold_goes_on_from_a_state() -> None:
    story = bought_in()
    told = list(logs_of(story))

    assert fold(told[2:], TERMS, fold(told[:2], TERMS)) == story.state


@pytest.mark.parametrize("missing", [0, 1])
def test_a_missing_log_is_noticed(missing: int) -> None:
    recorded = [one for one in logs_of(disputed()) if isinstance(one[0], Recorded)]
    del recorded[missing]

    with pytest.raises(FoldMismatch, match="does not follow"):
        fold(recorded, TERMS)


def test_an_enrolment_without_its_names_is_noticed() -> None:
    recorded = [one for one in logs_of(enrolled()) if isinstance(one[0], Recorded)]

    with pytest.raises(FoldMismatch, match="Enrolled log is missing"):
        fold(recorded, TERMS)


def test_a_log_of_no_kind_is_noticed() -> None:
    event = sold().event(99, head=UNBORN.head)
    log = Recorded(event.item, event_hash(event), OrganizationId(ZERO32), bytes(20), 99, event.occurred_at, event.party, 0, event.payload)

    with pytest.raises(FoldMismatch, match="of no kind"):
        fold([(log, 0)], TERMS)


def test_applying_never_changes_the_state_it_started_from() -> None:
    story: Any = held(Hold.LOST)
    before = state_to_bytes(story.state)

    story.apply_event(story.event(Kind.RELEASE, a=Hold.LOST, consented=True), PLATFORM)

    assert state_to_bytes(story.state) == before
