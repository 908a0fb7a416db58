"""A case as its asker lives it: opened, photographed, sent off, paid, followed, taken back, forgotten."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ledger_api.desk.rows import cases as rows
from ledger_api.store.engine import reading
from tests.api.desk.world import SERIAL, SHOTS, DeskWorld, photo
from tests.consortium import DIDS, count
from tests.doors import at_once


def test_a_new_case_says_what_to_photograph_and_costs_nothing_the_first_time(world: DeskWorld) -> None:
    first, second = world.new(), world.new()

    assert (first["state"], first["price_cents"], second["price_cents"]) == ("awaiting-photos", None, 2900)
    assert first["missing"] == list(SHOTS)
    assert [shot["name"] for shot in first["shots"] if not shot["required"]] == ["packaging"]


def test_of_cases_that_are_opened_at_once_only_the_first_is_free_and_one_reference_is_one_case(world: DeskWorld) -> None:
    with ThreadPoolExecutor(6) as pool:
        opened = list(pool.map(lambda reference: world.new(reference=reference), ["A", "B", "C", "D", "A", "A"]))

    by_reference = {one["reference"]: one["id"] for one in opened}
    assert {(one["reference"], one["id"]) for one in opened} == set(by_reference.items()) and len(by_reference) == 4
    assert len({one["id"] for one in opened if one["price_cents"] is None}) == 1


def test_the_same_reference_is_the_same_case_and_may_mean_nothing_else(world: DeskWorld) -> None:
    first, again = world.new(reference="R"), world.new(reference="R")
    body = {"authenticator": DIDS["EXPERT"], "reference": "R", "brand": DIDS["VERNE"], "category": "watch"}

    other = world.doors.post("PLATFORM", "/v1/cases", body)

    assert first["id"] == again["id"] and count(world.doors.engine, "cases") == 1
    assert (other.status_code, other.json()["code"]) == (409, "reference-taken")


def test_only_an_authenticator_runs_a_desk(world: DeskWorld) -> None:
    body = {"authenticator": DIDS["BOUTIQUE"], "reference": "R", "brand": DIDS["MAISON"], "category": "handbag"}

    answer = world.doors.post("PLATFORM", "/v1/cases", body)

    assert (answer.status_code, answer.json()["code"]) == (422, "not-an-authenticator")


def test_a_photo_is_answered_at_once_and_a_better_one_takes_its_place(world: DeskWorld) -> None:
    case = world.new()["id"]

    poor = world.send(case, "logo", photo("logo", spoiled="blurred")).json()
    good = world.send(case, "logo").json()

    assert (poor["state"], good["state"], good["attempt"]) == ("poor", "good", 2)
    assert set(poor["defects"]) <= {"blurred", "moved"} and good["defects"] == []
    assert "logo" not in world.look(case)["missing"]


def test_whoever_tried_three_times_may_go_on_and_a_person_looks(world: DeskWorld) -> None:
    case = world.opened()
    other = world.new()["id"]
    for name in SHOTS:
        for _ in range(3 if name == "zip" else 1):
            world.send(other, name, photo(name, spoiled="too-dark") if name == "zip" else None)

    assert world.look(other)["missing"] == []
    assert world.submit(other) in ("checking", "awaiting-payment") and world.submit(case) == "checking"


def test_a_case_without_its_shots_is_not_sent_off(world: DeskWorld) -> None:
    case = world.new()["id"]
    world.send(case, "front")

    answer = world.doors.post("PLATFORM", f"/v1/cases/{case}/submit")

    assert (answer.status_code, answer.json()["code"]) == (409, "shots-missing")
    assert answer.json()["missing"] == [name for name in SHOTS if name != "front"]


@pytest.mark.parametrize(
    ("name", "body", "code"),
    [
        ("logo", b"<svg/>", "photo-not-an-image"),
        ("logo", b"", "photo-not-an-image"),
        ("wheels", None, "unknown-shot"),
    ],
)
def test_what_is_no_photo_or_no_shot_changes_nothing(world: DeskWorld, tmp_path: Path, name: str, body: bytes | None, code: str) -> None:
    case = world.new()["id"]

    answer = world.send(case, name, body)

    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert count(world.doors.engine, "shots") == 0 and not [path for path in (tmp_path / "photos").rglob("*") if path.is_file()]


def test_a_second_evaluation_waits_until_it_is_paid(world: DeskWorld) -> None:
    world.opened()
    second = world.opened()

    submitted = world.doors.post("PLATFORM", f"/v1/cases/{second}/submit").json()
    paid = [world.doors.post(who, f"/v1/cases/{second}/paid") for who in ("MAISON", "EXPERT", "PLATFORM")]

    assert submitted["state"] == "awaiting-payment"
    assert [answer.status_code for answer in paid] == [404, 200, 200]
    assert paid[1].json()["state"] == "checking" and paid[2].json()["paid"] is True


def test_a_picture_is_for_its_asker_alone_and_has_no_notes(world: DeskWorld) -> None:
    case = world.opened()
    shot = world.look(case)["shots"][0]["photo"]

    mine = world.doors.get("PLATFORM", f"/v1/cases/{case}/photos/{shot}")
    others = [world.doors.get(who, f"/v1/cases/{case}/photos/{shot}").status_code for who in ("EXPERT", "MAISON", None)]

    assert mine.headers["content-type"] == "image/jpeg" and mine.content.startswith(b"\xff\xd8\xff")
    assert others == [404, 404, 401]


def test_what_was_taken_back_is_not_judged_and_the_quota_is_free_again(world: DeskWorld) -> None:
    case = world.queued()

    withdrawn = world.doors.post("PLATFORM", f"/v1/cases/{case}/withdraw")

    assert withdrawn.json()["state"] == "withdrawn"
    assert world.claimed("ada") is None and world.new()["price_cents"] is None


def test_photos_that_never_come_end_the_case(world: DeskWorld) -> None:
    case = world.new()["id"]

    world.later(14 * 86_400 + 1)
    world.work()

    assert world.state(case) == "expired"
    assert world.send(case, "front").json()["code"] == "case-moved"


def test_erasing_takes_photos_and_words_and_leaves_hashes(world: DeskWorld, tmp_path: Path) -> None:
    case = world.opened(notes="bought in Lyon from a friend")
    early = world.doors.post("PLATFORM", f"/v1/cases/{case}/erase")
    world.doors.post("PLATFORM", f"/v1/cases/{case}/withdraw")

    erased = [world.doors.post("PLATFORM", f"/v1/cases/{case}/erase") for _ in range(2)]

    assert early.json()["code"] == "case-moved" and [answer.status_code for answer in erased] == [200, 200]
    assert {shot["state"] for shot in erased[0].json()["shots"]} == {"erased", "missing"}
    assert not [path for path in (tmp_path / "photos").rglob("*") if path.is_file()]
    assert count(world.doors.engine, "cases", "notes <> ''") == 0
    assert count(world.doors.engine, "shots", "length(original) = 64") == len(SHOTS)


def test_erasing_takes_what_identifies_the_piece_and_what_a_machine_read_off_it(world: DeskWorld) -> None:
    case = world.opened(category="watch", references={"reference-number": "116.500LN"}, value_eur=12_000)
    world.submit(case)
    world.work()
    with reading(world.doors.engine) as connection:
        before = [check.result for check in rows.checks_of(connection, case) if check.result is not None]
    world.doors.post("PLATFORM", f"/v1/cases/{case}/withdraw")

    world.doors.post("PLATFORM", f"/v1/cases/{case}/erase")

    with reading(world.doors.engine) as connection:
        row, checks = rows.case(connection, case), rows.checks_of(connection, case)
    assert row is not None and (row.references, row.value_eur, row.notes) == (None, None, "")
    assert any(SERIAL in result for result in before) and len(checks) > 0 and {check.result for check in checks} == {None}


def test_a_photo_that_another_case_shows_is_kept_for_it(world: DeskWorld) -> None:
    first, second = world.opened(), world.opened()
    world.doors.post("PLATFORM", f"/v1/cases/{first}/withdraw")

    world.doors.post("PLATFORM", f"/v1/cases/{first}/erase")

    shot = world.look(second)["shots"][0]["photo"]
    assert world.doors.get("PLATFORM", f"/v1/cases/{second}/photos/{shot}").status_code == 200


def test_the_journal_tells_every_change_in_order(world: DeskWorld) -> None:
    case = world.queued()

    told = world.look(case)["journal"]

    assert [line["number"] for line in told] == list(range(1, len(told) + 1))
    assert [line["why"] for line in told if not line["why"].startswith("shot")] == ["opened", "submitted", "checked"]


def test_a_policy_that_is_written_twice_at_once_is_written(world: DeskWorld) -> None:
    terms = world.doors.get("EXPERT", "/v1/desk/policy").json()

    answers = at_once(world.doors.engine, "desk_policies", *[lambda: world.doors.ask("PUT", "EXPERT", "/v1/desk/policy", json=terms)] * 2)

    assert [answer.status_code for answer in answers] == [200, 200]
