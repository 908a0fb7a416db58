"""Docs/protocol.md §8 row by row: each refusal that a row can give, by hand, on the scene where it matters."""

from dataclasses import replace
from typing import Any

import pytest

from ledger_verify.codes import SKEW, Hold, Kind, Method, Outcome, Phase, Reason
from ledger_verify.hashing import ZERO32, Commitment, Head, OrganizationId, keccak
from ledger_verify.state import Link, Opening
from ledger_verify.transition import Consented, DoesNotOpen, Event, by_order, counting_holds, judge, judge_batch
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
    CAROL,
    CLOSED,
    CONSENTED,
    CONSORTIUM,
    FORGED,
    HEIR,
    HOUSE,
    MAISON,
    NEWSHOP,
    NOVICE,
    OLD_HOUSE,
    OUTSIDER,
    PLATFORM,
    REGISTRY,
    RIVAL,
    SHOP,
    STORE,
    STRANGER,
    TANNERY,
    TERMS,
    Story,
    shown,
)

Row = tuple[str, int, OrganizationId, dict[str, Any], Consented | None, Reason | None]
IN_PERSON = {"a": Outcome.AUTHENTIC, "b": Method.IN_PERSON}
FAKE = {"a": Outcome.NOT_AUTHENTIC, "b": Method.PHOTO}
ENROLMENT = IN_PERSON | {"party": CAROL, "c": 1, "consented": True}
ENDORSED = Consented(endorsed=True)
SOLD, UNSOLD, SHOPS = "sold", "unsold", "unsold at a shop"

ROWS: list[Row] = [
    # raw-material, manufacture
    ("unborn lot", Kind.RAW_MATERIAL, TANNERY, {"party": Story(TANNERY).commitment}, None, None),
    ("unborn lot", Kind.RAW_MATERIAL, TANNERY, {"party": keccak(b"another")}, None, Reason.MALFORMED),
    ("unborn", Kind.RAW_MATERIAL, MAISON, {"party": Story().commitment}, None, Reason.ROLE_MISSING),
    ("lot", Kind.RAW_MATERIAL, TANNERY, {"party": Story(TANNERY).commitment}, None, Reason.ALREADY_RECORDED),
    ("unborn lot", Kind.MANUFACTURE, TANNERY, {"party": Story(TANNERY).commitment}, None, Reason.ROLE_MISSING),
    (UNSOLD, Kind.MANUFACTURE, MAISON, {"party": Story().commitment}, None, Reason.ALREADY_RECORDED),
    ("enrolled for a member brand", Kind.MANUFACTURE, MAISON, {"party": Story().commitment}, None, None),
    ("enrolled for a member brand", Kind.MANUFACTURE, RIVAL, {"party": Story().commitment}, None, Reason.ALREADY_RECORDED),
    ("enrolled for a member brand", Kind.MANUFACTURE, MAISON, {"party": keccak(b"another")}, None, Reason.MALFORMED),
    # shipment
    (UNSOLD, Kind.SHIPMENT, MAISON, {"party": STRANGER}, None, Reason.UNKNOWN_ORGANIZATION),
    ("unborn", Kind.SHIPMENT, MAISON, {"party": STRANGER}, None, Reason.UNKNOWN_ORGANIZATION),
    (UNSOLD, Kind.SHIPMENT, MAISON, {"party": CLOSED}, None, Reason.SUSPENDED),
    ("unborn", Kind.SHIPMENT, MAISON, {"party": SHOP}, None, Reason.UNKNOWN_ITEM),
    (SOLD, Kind.SHIPMENT, MAISON, {"party": SHOP}, None, Reason.ALREADY_SOLD),
    ("unsold, held by the shop as lost", Kind.SHIPMENT, SHOP, {"party": MAISON}, None, Reason.ON_HOLD),
    ("unsold, judged fake", Kind.SHIPMENT, MAISON, {"party": SHOP}, None, Reason.NOT_AUTHENTIC),
    (SHOPS, Kind.SHIPMENT, MAISON, {"party": SHOP}, None, Reason.NOT_THE_HOLDER),
    (SHOPS, Kind.SHIPMENT, MAISON, {"party": MAISON}, None, None),
    ("lot shipped to its buyer", Kind.SHIPMENT, TANNERY, {"party": TANNERY}, None, Reason.NOT_THE_HOLDER),
    (SHOPS, Kind.SHIPMENT, PLATFORM, {"party": PLATFORM}, None, Reason.NOT_THE_HOLDER),
    # sale
    (SHOPS, Kind.SALE, SHOP, {"party": ALICE}, None, None),
    (SHOPS, Kind.SALE, MAISON, {"party": ALICE}, None, Reason.NOT_THE_HOLDER),
    (UNSOLD, Kind.SALE, PLATFORM, {"party": ALICE}, None, Reason.ROLE_MISSING),
    (UNSOLD, Kind.SALE, NEWSHOP, {"party": ALICE}, None, Reason.NOT_ACCREDITED),
    (UNSOLD, Kind.SALE, MAISON, {"party": SHOP}, None, Reason.MALFORMED),
    ("lot", Kind.SALE, TANNERY, {"party": ALICE}, None, Reason.UNKNOWN_ITEM),
    # resale, transfer
    (SOLD, Kind.RESALE, PLATFORM, {"party": CAROL}, CONSENTED, None),
    (SOLD, Kind.RESALE, MAISON, {"party": CAROL}, CONSENTED, Reason.ROLE_MISSING),
    (SOLD, Kind.RESALE, MAISON, {"party": CLOSED}, CONSENTED, Reason.ROLE_MISSING),
    (SOLD, Kind.RESALE, PLATFORM, {"party": CLOSED}, CONSENTED, Reason.SUSPENDED),
    (SOLD, Kind.RESALE, PLATFORM, {"party": CAROL}, None, Reason.CONSENT_MISSING),
    (SOLD, Kind.RESALE, PLATFORM, {"party": CAROL}, FORGED, Reason.CONSENT_INVALID),
    (UNSOLD, Kind.RESALE, PLATFORM, {"party": CAROL}, None, Reason.NOT_SOLD),
    ("sold, in verification", Kind.RESALE, PLATFORM, {"party": CAROL}, CONSENTED, Reason.ON_HOLD),
    ("sold, in verification for too long", Kind.RESALE, PLATFORM, {"party": CAROL}, CONSENTED, None),
    ("sold, fake by photo", Kind.TRANSFER, PLATFORM, {"party": CAROL}, CONSENTED, Reason.NOT_AUTHENTIC),
    ("bought in by a shop", Kind.TRANSFER, SHOP, {"party": CAROL}, None, None),
    ("bought in by a shop", Kind.TRANSFER, PLATFORM, {"party": CAROL}, CONSENTED, Reason.NOT_THE_HOLDER),
    (SOLD, Kind.TRANSFER, OUTSIDER, {"party": STRANGER}, CONSENTED, Reason.UNKNOWN_ORGANIZATION),
    (SOLD, Kind.TRANSFER, OUTSIDER, {"party": ZERO32}, CONSENTED, Reason.MALFORMED),
    # verdict
    (UNSOLD, Kind.VERDICT, STORE, IN_PERSON, None, None),
    ("unsold watch", Kind.VERDICT, STORE, IN_PERSON, None, Reason.NOT_ACCREDITED),
    (UNSOLD, Kind.VERDICT, NOVICE, IN_PERSON, None, Reason.NOT_ACCREDITED),
    (UNSOLD, Kind.VERDICT, SHOP, IN_PERSON, None, Reason.ROLE_MISSING),
    (UNSOLD, Kind.VERDICT, MAISON, {"a": 1, "b": Method.RULING}, None, Reason.MALFORMED),
    (UNSOLD, Kind.VERDICT, MAISON, IN_PERSON | {"time": 1}, None, Reason.MALFORMED),
    ("sold, retired", Kind.VERDICT, HOUSE, FAKE, None, None),
    # enrolment
    ("unborn of a brand that never joined", Kind.ENROLMENT, HOUSE, ENROLMENT, CONSENTED, None),
    ("unborn of a brand that never joined", Kind.ENROLMENT, SHOP, ENROLMENT, CONSENTED, Reason.ROLE_MISSING),
    ("unborn of a brand that never joined", Kind.ENROLMENT, STORE, ENROLMENT, CONSENTED, Reason.NOT_ACCREDITED),
    ("unborn of a brand that never joined", Kind.ENROLMENT, HOUSE, ENROLMENT, None, Reason.CONSENT_MISSING),
    ("unborn of a brand that never joined", Kind.ENROLMENT, HOUSE, ENROLMENT, FORGED, Reason.CONSENT_INVALID),
    ("unborn", Kind.ENROLMENT, HOUSE, ENROLMENT, CONSENTED, Reason.CONSENT_MISSING),
    ("unborn", Kind.ENROLMENT, HOUSE, ENROLMENT, Consented(valid=False), Reason.CONSENT_MISSING),
    ("unborn", Kind.ENROLMENT, HOUSE, ENROLMENT, Consented(endorsed=False), Reason.CONSENT_INVALID),
    ("unborn", Kind.ENROLMENT, HOUSE, ENROLMENT, ENDORSED, None),
    (SOLD, Kind.ENROLMENT, HOUSE, ENROLMENT, ENDORSED, Reason.ALREADY_RECORDED),
    ("unborn", Kind.ENROLMENT, HOUSE, ENROLMENT | {"a": 2}, ENDORSED, Reason.MALFORMED),
    # dispute, ruling
    (SOLD, Kind.DISPUTE, PLATFORM, {}, None, Reason.ROLE_MISSING),
    (SOLD, Kind.DISPUTE, NOVICE, {}, None, Reason.NOT_ACCREDITED),
    (SOLD, Kind.DISPUTE, PLATFORM, {"consented": True}, None, Reason.CONSENT_MISSING),
    (SOLD, Kind.DISPUTE, PLATFORM, {"consented": True}, FORGED, Reason.CONSENT_INVALID),
    ("sold, disputed by its owner", Kind.DISPUTE, MAISON, {}, None, Reason.ON_HOLD),
    (SOLD, Kind.DISPUTE, MAISON, {"time": 3}, None, Reason.MALFORMED),
    ("lot", Kind.DISPUTE, HOUSE, {}, None, Reason.ROLE_MISSING),
    (SHOPS, Kind.DISPUTE, MAISON, {"consented": True}, None, Reason.MALFORMED),
    (SOLD, Kind.RULING, MAISON, {"a": 1}, None, Reason.NOT_DISPUTED),
    ("sold, disputed by its owner", Kind.RULING, RIVAL, {"a": 1}, None, Reason.ROLE_MISSING),
    ("sold, disputed by its owner", Kind.RULING, CONSORTIUM, {"a": 1}, None, Reason.TOO_EARLY),
    ("sold, dispute left unanswered", Kind.RULING, CONSORTIUM, {"a": 1}, None, None),
    ("enrolled, disputed", Kind.RULING, CONSORTIUM, {"a": 1}, None, None),
    # service
    (SOLD, Kind.SERVICE, SHOP, {}, None, None),
    (SOLD, Kind.SERVICE, HOUSE, {}, None, None),
    (SOLD, Kind.SERVICE, OUTSIDER, {}, None, Reason.CONSENT_MISSING),
    (SOLD, Kind.SERVICE, OUTSIDER, {"consented": True}, CONSENTED, None),
    (SOLD, Kind.SERVICE, MAISON, {"consented": True}, FORGED, Reason.CONSENT_INVALID),
    # hold
    (SHOPS, Kind.HOLD, SHOP, {"a": Hold.LOST}, None, None),
    (SHOPS, Kind.HOLD, PLATFORM, {"a": Hold.LOST}, None, Reason.ROLE_MISSING),
    (SHOPS, Kind.HOLD, SHOP, {"a": Hold.IN_VERIFICATION, "time": 1 << 39}, None, Reason.MALFORMED),
    (SOLD, Kind.HOLD, MAISON, {"a": Hold.LOST}, None, Reason.CONSENT_MISSING),
    (SOLD, Kind.HOLD, SHOP, {"a": Hold.RECALLED}, None, Reason.ROLE_MISSING),
    ("sold, stolen", Kind.HOLD, PLATFORM, {"a": Hold.STOLEN, "consented": True}, CONSENTED, None),
    ("unsold, held by the shop as lost", Kind.HOLD, MAISON, {"a": Hold.LOST}, None, Reason.ON_HOLD),
    # release
    (SOLD, Kind.RELEASE, OUTSIDER, {"a": Hold.LOST}, None, Reason.NOT_ON_HOLD),
    ("sold, lost", Kind.RELEASE, MAISON, {"a": Hold.LOST}, None, Reason.CONSENT_MISSING),
    ("sold, lost", Kind.RELEASE, CONSORTIUM, {"a": Hold.LOST}, None, None),
    ("sold, lost", Kind.RELEASE, CONSORTIUM, {"a": Hold.LOST, "consented": True}, FORGED, Reason.CONSENT_INVALID),
    ("sold, recalled", Kind.RELEASE, SHOP, {"a": Hold.RECALLED}, None, Reason.ROLE_MISSING),
    ("sold, recalled", Kind.RELEASE, PLATFORM, {"a": Hold.RECALLED, "consented": True}, CONSENTED, Reason.ROLE_MISSING),
    ("sold, release of stolen begun", Kind.RELEASE, PLATFORM, {"a": 1, "consented": True}, CONSENTED, Reason.WAITING_PERIOD),
    ("sold, release of stolen begun", Kind.RELEASE, CONSORTIUM, {"a": Hold.STOLEN}, None, None),
    ("sold, release of stolen waited for", Kind.RELEASE, PLATFORM, {"a": 1, "consented": True}, CONSENTED, None),
    ("unsold, held by a brand that is gone", Kind.RELEASE, HEIR, {"a": Hold.RECALLED}, None, None),
    # recovery
    (SOLD, Kind.RECOVERY, RIVAL, {"a": Phase.REQUEST, "party": BOB}, None, Reason.ROLE_MISSING),
    (UNSOLD, Kind.RECOVERY, MAISON, {"a": Phase.REQUEST, "party": BOB}, None, Reason.NOT_SOLD),
    ("bought in by a shop", Kind.RECOVERY, MAISON, {"a": Phase.REQUEST, "party": BOB}, None, Reason.MALFORMED),
    ("sold, lost", Kind.RECOVERY, MAISON, {"a": Phase.REQUEST, "party": BOB}, None, Reason.ON_HOLD),
    ("sold, disputed by its owner", Kind.RECOVERY, MAISON, {"a": Phase.REQUEST, "party": BOB}, None, Reason.ON_HOLD),
    ("sold, recalled", Kind.RECOVERY, MAISON, {"a": Phase.REQUEST, "party": BOB}, None, None),
    ("sold, recovery requested", Kind.RECOVERY, MAISON, {"a": Phase.REQUEST, "party": CAROL}, None, Reason.WAITING_PERIOD),
    ("sold, recovery requested", Kind.RECOVERY, MAISON, {"a": Phase.COMPLETE, "party": BOB}, None, Reason.WAITING_PERIOD),
    ("sold, recovery ready", Kind.RECOVERY, MAISON, {"a": Phase.COMPLETE, "party": CAROL}, None, Reason.TOO_EARLY),
    (SOLD, Kind.RECOVERY, MAISON, {"a": Phase.COMPLETE, "party": BOB}, None, Reason.TOO_EARLY),
    (SOLD, Kind.RECOVERY, PLATFORM, {"a": Phase.VETO, "consented": True}, CONSENTED, Reason.TOO_EARLY),
    ("sold, recovery ready", Kind.RECOVERY, PLATFORM, {"a": Phase.VETO, "consented": True}, None, Reason.CONSENT_MISSING),
    ("sold, recovery ready", Kind.RECOVERY, PLATFORM, {"a": Phase.VETO, "consented": True}, CONSENTED, None),
    # correction
    ("sold, fake by photo", Kind.CORRECTION, HOUSE, {"time": 3}, None, None),
    ("sold, fake by photo", Kind.CORRECTION, STORE, {"time": 3}, None, Reason.ROLE_MISSING),
    ("sold, fake by photo", Kind.CORRECTION, HOUSE, {"time": 3, "a": Outcome.AUTHENTIC}, None, None),
    ("sold, fake by photo", Kind.CORRECTION, MAISON, {"time": 1, "a": Outcome.AUTHENTIC}, None, Reason.MALFORMED),
    ("sold, fake by ruling", Kind.CORRECTION, MAISON, {"time": 4, "a": Outcome.AUTHENTIC}, None, None),
    (SOLD, Kind.CORRECTION, MAISON, {"time": 3}, None, Reason.MALFORMED),
    (SOLD, Kind.CORRECTION, MAISON, {"time": 0}, None, Reason.MALFORMED),
    # retire
    ("lot shipped to its buyer", Kind.RETIRE, TANNERY, {}, None, Reason.NOT_THE_HOLDER),
    (SHOPS, Kind.RETIRE, SHOP, {}, None, Reason.ROLE_MISSING),
    (SHOPS, Kind.RETIRE, MAISON, {}, None, None),
    (SOLD, Kind.RETIRE, MAISON, {}, None, Reason.CONSENT_MISSING),
    ("sold, retired", Kind.RETIRE, PLATFORM, {"consented": True}, CONSENTED, Reason.RETIRED),
]


@pytest.mark.parametrize(("scene", "kind", "by", "fields", "approval", "reason"), ROWS, ids=shown)
def test_each_row_refuses_what_it_says(
    scene: str, kind: int, by: OrganizationId, fields: dict[str, Any], approval: Consented | None, reason: Reason | None
) -> None:
    assert SCENES[scene]().judge(kind, by, approval=approval, **fields) == reason


def test_in_verification_needs_the_holder_an_authenticator_and_an_end() -> None:
    until = sold().now + 3600
    asked = {"a": Hold.IN_VERIFICATION, "time": until}

    assert sold().judge(Kind.HOLD, STORE, approval=CONSENTED, consented=True, **asked) is None
    assert sold().judge(Kind.HOLD, STORE, **asked) == Reason.CONSENT_MISSING
    assert sold().judge(Kind.HOLD, NOVICE, **asked) == Reason.NOT_ACCREDITED
    assert sold().judge(Kind.HOLD, MAISON, **asked) == Reason.ROLE_MISSING
    assert bought_in().judge(Kind.HOLD, STORE, a=Hold.IN_VERIFICATION, time=until + 100) == Reason.NOT_THE_HOLDER


def test_an_expired_verification_may_be_set_again_by_another_store() -> None:
    story = verifying().wait(86400)
    fields = {"a": Hold.IN_VERIFICATION, "time": story.now + 10, "consented": True}

    assert story.judge(Kind.HOLD, HOUSE, approval=CONSENTED, **fields) is None
    assert verifying().judge(Kind.HOLD, HOUSE, approval=CONSENTED, **fields) == Reason.ON_HOLD


def test_a_hold_counts_to_the_last_second_of_its_verification() -> None:
    state = verifying().state

    assert counting_holds(state, state.aside.verification_until) == Hold.IN_VERIFICATION.bit
    assert counting_holds(state, state.aside.verification_until + 1) == 0


@pytest.mark.parametrize("kind", [0, 17, 255])
def test_an_unknown_kind_is_malformed(kind: int) -> None:
    assert sold().judge(kind, MAISON) == Reason.MALFORMED


@pytest.mark.parametrize("kind", list(Kind))
def test_a_bit_that_no_kind_names_is_malformed(kind: Kind) -> None:
    used = {Kind.MANUFACTURE, Kind.ENROLMENT}
    bit = 1 << 8 if kind in used else 1 << 56

    assert sold().judge(kind, MAISON, raw=bit) == Reason.MALFORMED


def test_the_clock_may_be_a_little_fast_and_not_more() -> None:
    story = sold()

    assert story.judge(Kind.SERVICE, MAISON, occurred_at=story.now + SKEW) is None
    assert story.judge(Kind.SERVICE, MAISON, occurred_at=story.now + SKEW + 1) == Reason.IN_THE_FUTURE


def test_an_event_is_not_older_than_the_one_before_it() -> None:
    story = sold()

    assert story.judge(Kind.SERVICE, MAISON, occurred_at=story.state.last_occurred_at) is None
    assert story.judge(Kind.SERVICE, MAISON, occurred_at=story.state.last_occurred_at - 1) == Reason.TOO_EARLY


def test_an_event_on_another_history_is_superseded() -> None:
    assert sold().judge(Kind.SERVICE, MAISON, head=Head(keccak(b"another"))) == Reason.SUPERSEDED


def test_the_lowest_number_is_given_when_several_apply() -> None:
    """A stranger's shop, a wrong head, a sold item and no right to ship it."""
    reason = sold().judge(Kind.SHIPMENT, RIVAL, party=STRANGER, head=Head(keccak(b"another")))

    assert reason == Reason.UNKNOWN_ORGANIZATION


def test_a_stranger_and_a_suspended_member_are_told_so_before_anything_is_signed() -> None:
    assert sold().judge(Kind.SERVICE, STRANGER) == Reason.UNKNOWN_ORGANIZATION
    assert sold().judge(Kind.TRANSFER, CLOSED, approval=CONSENTED, party=CAROL) == Reason.SUSPENDED


@pytest.mark.parametrize(
    ("by", "signer_valid", "late", "reason"),
    [
        (MAISON, True, 0, None),
        (MAISON, True, 1, Reason.DEADLINE_PASSED),
        (MAISON, False, 1, Reason.SIGNER_INVALID),
        (CLOSED, False, 1, Reason.SUSPENDED),
        (STRANGER, False, 1, Reason.UNKNOWN_ORGANIZATION),
    ],
)
def test_a_batch_is_refused_in_the_contracts_order(by: OrganizationId, signer_valid: bool, late: int, reason: Reason | None) -> None:
    assert judge_batch(by, signer_valid=signer_valid, deadline=100, now=100 + late, authority=REGISTRY) == reason


def opened(story: Story, event: Event, by: OrganizationId, opening: Opening | None) -> Reason | None:
    return judge(story.state, event, by, story.now, REGISTRY, TERMS, ENDORSED, opening)


@pytest.mark.parametrize("opening", [None, Opening(brand=MAISON, serial_commitment=Commitment(bytes(32)))])
def test_an_enrolment_that_its_carrier_does_not_open_is_no_refusal(opening: Opening | None) -> None:
    story = Story(OLD_HOUSE)
    event = story.event(Kind.ENROLMENT, **ENROLMENT)

    with pytest.raises(DoesNotOpen):
        opened(story, event, HOUSE, opening)


def test_a_history_that_does_not_lead_to_the_tip_is_no_refusal() -> None:
    story = sold()
    event = story.event(Kind.CORRECTION, time=1)
    honest = story.opening(event)
    assert honest is not None

    for wrong in (None, replace(honest, history=honest.history[1:]), replace(honest, prior_head=Head(b"x" * 32))):
        with pytest.raises(DoesNotOpen):
            opened(story, event, MAISON, wrong)
    assert opened(story, event, MAISON, honest) is None


def test_a_carrier_cannot_give_an_event_to_another_author() -> None:
    story = judged(Outcome.NOT_AUTHENTIC, Method.PHOTO)
    event = story.event(Kind.CORRECTION, time=3)
    honest = story.opening(event)
    assert honest is not None
    forged = replace(honest, history=(Link(honest.history[0].event_hash, MAISON),))

    with pytest.raises(DoesNotOpen):
        opened(story, event, MAISON, forged)


def test_who_lost_its_accreditation_can_still_withdraw_its_verdict_but_not_change_it() -> None:
    story = unsold().land(Kind.VERDICT, STORE, **FAKE)
    story.state = replace(story.state, category=2)

    assert story.judge(Kind.CORRECTION, STORE, time=2) is None
    assert story.judge(Kind.CORRECTION, STORE, time=2, a=Outcome.AUTHENTIC) == Reason.NOT_ACCREDITED


def test_only_the_brands_voice_changes_a_ruling() -> None:
    story = disputed().wait(TERMS.ruling_period).land(Kind.RULING, CONSORTIUM, a=Outcome.AUTHENTIC)

    assert story.judge(Kind.CORRECTION, CONSORTIUM, time=4) is None
    assert story.judge(Kind.CORRECTION, CONSORTIUM, time=4, a=Outcome.NOT_AUTHENTIC) == Reason.ROLE_MISSING


@pytest.mark.parametrize(
    ("scene", "by", "hold", "consented", "is_order"),
    [
        ("sold, recalled", CONSORTIUM, Hold.RECALLED, False, True),
        ("sold, recalled", CONSORTIUM, Hold.RECALLED, True, True),
        ("sold, recalled", MAISON, Hold.RECALLED, False, False),
        ("sold, lost", CONSORTIUM, Hold.LOST, False, True),
        ("sold, lost", CONSORTIUM, Hold.LOST, True, False),
        ("sold, lost", CONSORTIUM, Hold.STOLEN, False, False),
        ("sold, lost", CONSORTIUM, 5, False, False),
        ("enrolled, disputed", CONSORTIUM, Hold.DISPUTED, False, False),
    ],
    ids=shown,
)
def test_a_release_is_by_order_where_only_the_consortium_says_so(
    scene: str, by: OrganizationId, hold: int, consented: bool, is_order: bool
) -> None:
    story = SCENES[scene]()
    event = story.event(Kind.RELEASE, a=hold, consented=consented)

    assert by_order(story.state, event, by, REGISTRY) == is_order


def test_what_is_no_release_is_never_by_order() -> None:
    story = held(Hold.LOST)

    assert not by_order(story.state, story.event(Kind.HOLD, a=Hold.LOST), CONSORTIUM, REGISTRY)


def test_every_reason_of_the_contract_is_given_by_some_probe() -> None:
    found = {
        story.judge_event(probe.event(story), probe.by, probe.approval)
        for story in (scene() for scene in SCENES.values())
        for probe in all_probes()
    }

    elsewhere = {
        Reason.TIME_ZONE_MISSING,
        Reason.GTIN_CHECK_DIGIT,
        Reason.SERIAL_INVALID,
        Reason.UNKNOWN_LOT,
        Reason.SIGNER_INVALID,
        Reason.GROUP_REFUSED,
        Reason.DEADLINE_PASSED,
    }
    assert found == {None, *Reason} - elsewhere


def test_a_lot_is_serviced_held_and_retired_by_its_supplier() -> None:
    assert lot().judge(Kind.SERVICE, TANNERY) is None
    assert lot().judge(Kind.HOLD, TANNERY, a=Hold.RECALLED) is None
    assert lot().judge(Kind.RETIRE, TANNERY) is None
    assert at_shop().judge(Kind.SERVICE, TANNERY) == Reason.CONSENT_MISSING


def test_the_owner_of_an_enrolled_item_may_sell_it_on() -> None:
    assert enrolled().judge(Kind.RESALE, PLATFORM, approval=CONSENTED, party=BOB) is None
    assert ruled(Outcome.AUTHENTIC).judge(Kind.RESALE, PLATFORM, approval=CONSENTED, party=BOB) is None
    assert recovering().judge(Kind.RESALE, PLATFORM, approval=CONSENTED, party=CAROL) is None
