"""When one opinion is not enough: who looks second, who is kept for the third, and what ends where nobody is left."""

import orjson
import pytest

from tests.api.desk.test_judging import appealed, serial_of
from tests.api.desk.world import SERIAL, SHOTS, DeskWorld, photo
from tests.consortium import record_all


def test_one_opinion_is_enough_for_an_ordinary_item(world: DeskWorld) -> None:
    case = world.queued()

    assert world.judged(case, "ada", "authentic") == "conclude"
    assert world.state(case) == "recording"


def test_the_second_pair_of_eyes_does_not_learn_what_the_first_said(world: DeskWorld) -> None:
    case = world.queued(value_eur=9_000)
    comes = world.judged(case, "ada", "not-authentic")

    queue = world.desk("bo", "GET", "/queue").text
    again = world.desk("ada", "POST", "/claims", {"case": case})
    shown = world.desk("bo", "POST", "/claims", {"case": case})

    assert comes == "second" and again.json()["code"] == "case-moved"
    for told in (queue, shown.text, orjson.dumps(world.look(case)).decode()):
        assert "not-authentic" not in told and "counterfeit" not in told and world.ids["ada"] not in told
    assert shown.json()["seat"] == 2 and shown.json()["others"] == []


def test_two_who_agree_conclude_as_sure_as_the_less_sure(world: DeskWorld) -> None:
    case = world.queued(value_eur=9_000)
    world.judged(case, "ada", "not-authentic")
    world.claimed("bo", case)

    comes = world.decide("bo", case, "not-authentic", confidence=61).json()["next"]
    world.work()

    told = world.look(case)
    assert (comes, told["outcome"], told["confidence"]) == ("conclude", "not-authentic", 61)


def test_two_who_differ_go_to_a_senior_who_sees_both(world: DeskWorld) -> None:
    case = world.queued(value_eur=9_000)
    world.judged(case, "ada", "authentic")
    comes = world.judged(case, "bo", "not-authentic")
    refused = world.desk("ada", "POST", "/claims", {"case": case}).json()["code"]

    shown = world.claimed("cleo", case)
    last = world.decide("cleo", case, "not-authentic").json()["next"]
    world.work()

    assert (comes, refused, last) == ("senior", "case-moved", "conclude")
    assert [one["outcome"] for one in shown["others"]] == ["authentic", "not-authentic"]
    assert world.look(case)["outcome"] == "not-authentic"


@pytest.mark.parametrize("said", ["authentic", "not-authentic", "inconclusive"])
def test_what_a_machine_found_wants_a_second_opinion_whatever_the_first_was(world: DeskWorld, said: str) -> None:
    """Who is second knows that somebody has looked, and nothing of what they said."""
    case = world.opened(serial="ZZ99999999")
    world.submit(case)
    world.work()

    shown = world.claimed("ada", case)
    comes = world.decide("ada", case, said).json()["next"]

    assert serial_of(shown)["result"] == "mismatch" and comes == "second"
    assert world.claimed("bo", case)["journal"][-2]["why"] == "second-opinion"


def test_the_only_senior_is_kept_free_for_when_opinions_differ(world: DeskWorld) -> None:
    plain, dear = world.queued(), world.queued(value_eur=9_000)
    refused = world.desk("cleo", "POST", "/claims", {"case": dear}).json()["code"]
    queue = [one["case"] for one in world.desk("cleo", "GET", "/queue").json()["cases"]]
    world.judged(dear, "ada", "authentic")
    between = world.desk("cleo", "POST", "/claims", {"case": dear}).json()["code"]
    world.judged(dear, "bo", "not-authentic")

    last = world.judged(dear, "cleo", "not-authentic")

    assert (refused, between, last) == ("case-moved", "case-moved", "conclude") and dear not in queue and len(queue) == 1 == len({plain})
    another = world.queued(value_eur=9_000)
    world.hire("fay", is_senior=True)
    assert world.judged(another, "cleo", "authentic") == "second"


def small_desk(world: DeskWorld) -> str:
    """Two people: one takes the first seat, the senior the second, and they differ."""
    world.born()
    world.doors.ask("DELETE", "EXPERT", f"/v1/desk/appraisers/{world.ids['bo']}")
    case = world.queued(value_eur=9_000)
    world.judged(case, "ada", "authentic")
    assert world.judged(case, "cleo", "not-authentic") == "senior"
    return case


def test_a_case_that_nobody_is_left_to_judge_ends_in_its_time_and_says_why(world: DeskWorld) -> None:
    case = small_desk(world)
    world.work()
    waiting = world.state(case)
    world.later(30 * 86_400)

    world.work()
    record_all(world.doors.engine)
    world.work()

    told = world.look(case)
    assert (waiting, told["state"], told["outcome"], told["reasons"]) == ("queued", "concluded", "inconclusive", ["nobody-left"])
    assert [line["by"] for line in told["journal"] if line["why"] == "nobody-left"] == ["desk"]
    assert "Another authenticator's desk." in told["would_help"]


def test_somebody_who_is_hired_in_time_judges_what_nobody_was_left_for(world: DeskWorld) -> None:
    case = small_desk(world)
    world.hire("fay", is_senior=True)
    world.later(30 * 86_400)
    world.work()

    assert world.judged(case, "fay", "authentic") == "conclude" and world.look(case)["journal"][-1]["why"] == "decided"


def test_an_appeal_that_nobody_is_left_to_judge_leaves_the_verdict_as_it_is(world: DeskWorld) -> None:
    world.born()
    case = world.queued(value_eur=9_000)
    for who in ("ada", "bo"):
        world.judged(case, who, "not-authentic")
    world.work()
    record_all(world.doors.engine)
    world.work()
    hearing = appealed(world, case)
    assert world.judged(hearing, "cleo", "authentic") == "second"
    world.later(30 * 86_400)

    for _ in range(2):
        world.work()
        record_all(world.doors.engine)
    world.work()

    told = world.look(case)
    assert (told["state"], told["outcome"], told["journal"][-1]["why"]) == ("concluded", "not-authentic", "upheld")


@pytest.mark.parametrize(("on_the_photo", "ledger", "comes"), [(SERIAL, "match", "conclude"), ("QX83C4419T", "mismatch", "second")])
def test_a_serial_that_nobody_claimed_is_compared_with_the_ledgers(world: DeskWorld, on_the_photo: str, ledger: str, comes: str) -> None:
    world.born()
    item = world.new()["item"]
    case = str(world.new(gtin=None, serial=None, item=item)["id"])
    for name in SHOTS:
        world.send(case, name, photo("serial", serial=on_the_photo) if name == "serial" else None)
    world.submit(case)
    world.work()

    shown = world.claimed("ada", case)

    read = serial_of(shown)
    assert (read["result"], read["read"], read["ledger"]) == ("nothing-claimed", on_the_photo, ledger)
    assert world.decide("ada", case, "authentic").json()["next"] == comes
    assert on_the_photo == SERIAL or SERIAL not in str(read)


def test_agreement_is_told_for_each_pair(world: DeskWorld) -> None:
    for first, second in (("authentic", "authentic"), ("not-authentic", "not-authentic"), ("authentic", "not-authentic")):
        case = world.queued(value_eur=9_000)
        world.judged(case, "ada", first)
        world.judged(case, "bo", second)

    (pair,) = world.doors.get("EXPERT", "/v1/desk/agreement").json()["pairs"]

    assert set(pair["appraisers"]) == {world.ids["ada"], world.ids["bo"]}
    assert (pair["cases"], pair["agreed"], pair["kappa"]) == (3, 2, 0.4)
