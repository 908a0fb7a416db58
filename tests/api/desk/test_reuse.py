"""Photos that were sent before: the appraiser sees which and whose, the asker and other desks never, what is erased is known no more."""

from typing import Any

import numpy as np
import orjson
import pytest
from sqlalchemy import event, text

from benchmarks.photos import draw
from benchmarks.reworking import changed
from ledger_api.desk.asking import Account, NewCase, open_case
from ledger_api.desk.policy import default
from ledger_api.desk.rows import cases as rows
from ledger_api.desk.rows import prints
from ledger_api.desk.rows.accounts import keep_account
from ledger_api.store.engine import reading, writing
from ledger_verify.hashing import organization_id
from tests.api.desk.world import CHECKS, SHOTS, DeskWorld, photo
from tests.consortium import DIDS, count

SCARF = ("front", "logo", "stitching", "label")
MINE = draw(991, shot="logo", size=(840, 630))


def matches(world: DeskWorld, case: str, name: str = "logo") -> list[dict[str, Any]]:
    """What the reuse check of this shot found, as it is kept."""
    with reading(world.doors.engine) as connection:
        shot = rows.newest_shots(connection, case)[name]
        (check,) = [one for one in rows.checks_of(connection, case) if one.kind == "reuse" and one.shot == shot.id]
    assert check.state == "done" and check.version == "reuse-2"
    found: list[dict[str, Any]] = orjson.loads(check.result)["matches"]
    return found


def sent(world: DeskWorld, changes: dict[str, str] | None = None, *, seed: int = 0) -> str:
    """A checked case of its own pictures; `changes` says what was done to MINE for which shot."""
    case = str(world.new(category="scarf")["id"])
    for number, name in enumerate(SCARF):
        change = (changes or {}).get(name)
        own = draw(seed + number, category="scarf", shot=name, size=(840, 630))
        body = changed(own, "same", seed=1) if change is None else changed(MINE, change, seed=7)
        for _ in range(3):  # what is not good enough goes to a person after the third time
            if world.send(case, name, body).json()["state"] == "good":
                break
    world.submit(case)
    world.work(most=100)
    return case


@pytest.mark.parametrize(("change", "how"), [("same", "same-file"), ("recompressed", "copy"), ("crop", "crop"), ("screen", "reworked")])
def test_a_photo_of_another_case_is_found_and_said_whose_it_was(world: DeskWorld, change: str, how: str) -> None:
    first = sent(world, {"logo": "same"}, seed=1000)
    again = sent(world, {"logo": change}, seed=2000)

    (match,) = matches(world, again)

    assert (match["how"], match["case"], match["shot"], match["whose"]) == (how, first, "logo", "same-platform")
    assert matches(world, first) == [] and matches(world, again, "front") == []


def test_an_own_earlier_attempt_does_not_count_and_the_same_photo_for_two_details_does(world: DeskWorld) -> None:
    case = str(world.new()["id"])
    for name in SHOTS:
        world.send(case, name)
    world.send(case, "logo")
    world.send(case, "lining", photo("logo"))
    world.submit(case)

    world.work()

    assert matches(world, case, "front") == []
    assert [(match["whose"], match["shot"]) for match in matches(world, case, "lining")] == [("this-case", "logo")] * 2


def test_a_question_of_a_few_marks_and_one_of_many_are_the_same_statements(world: DeskWorld) -> None:
    """Which who writes SQL then has ready: to write it anew for a hundred marks takes longer than to answer it."""
    asked: list[set[str]] = []
    event.listen(world.doors.engine, "before_cursor_execute", lambda _, __, said, *___: asked[-1].add(said))

    for many in (1, 7, 90):
        asked.append(set())
        with reading(world.doors.engine) as connection:
            assert prints.nearest(connection, np.arange(many, dtype=np.uint64) * np.uint64(0x0001_0001_0001_0001), most=5) == []

    assert sum("count(" in one for one in asked[0]) == len(prints.BANDS) and asked[0] == asked[1] == asked[2]


def test_the_appraiser_sees_the_earlier_photo_and_nobody_else_does(world: DeskWorld) -> None:
    first, again = sent(world, {"logo": "same"}, seed=1000), sent(world, {"logo": "mirror"}, seed=2000)
    (match,) = matches(world, again)
    path = f"/cases/{again}/matches/{match['photo']}"
    unclaimed = world.desk("ada", "GET", path)
    told = world.claimed("ada", again)

    seen, other = world.desk("ada", "GET", path), world.desk("ada", "GET", f"/cases/{again}/matches/{'0' * 32}")

    assert match["mirrored"] and seen.headers["content-type"] == "image/jpeg"
    assert unclaimed.json()["code"] == "not-claimed" and other.json()["code"] == "no-such-photo"
    assert first in str(told["checks"])
    assert first not in world.doors.get("PLATFORM", f"/v1/cases/{again}").text


def test_an_opinion_against_a_photo_seen_before_needs_a_second_and_the_evidence_says_how_but_not_whose(world: DeskWorld) -> None:
    first, again = sent(world, {"logo": "same"}, seed=1000), sent(world, {"logo": "crop"}, seed=2000)
    photo_id = matches(world, again)[0]["photo"]

    assert world.judged(again, "ada", "authentic") == "second"
    assert world.judged(again, "bo", "authentic") == "conclude"
    world.work()

    evidence = world.doors.get("PLATFORM", f"/v1/cases/{again}/evidence")
    found = [check for check in evidence.json()["checks"] if check["kind"] == "reuse" and check["result"]["matches"]]
    assert [(check["shot"], check["version"], check["result"]["matches"][0]["how"]) for check in found] == [("logo", "reuse-2", "crop")]
    assert found[0]["result"]["digest"].startswith("0x")
    assert first not in evidence.text and photo_id not in evidence.text


def test_what_was_erased_is_recognised_no_more(world: DeskWorld) -> None:
    first = sent(world, {"logo": "same"}, seed=1000)
    world.doors.post("PLATFORM", f"/v1/cases/{first}/withdraw")
    world.doors.post("PLATFORM", f"/v1/cases/{first}/erase")

    again = sent(world, {"logo": "same"}, seed=2000)

    assert matches(world, again) == []
    with reading(world.doors.engine) as connection:
        shots = connection.execute(text('SELECT COUNT(*) FROM shots WHERE "case" = :case'), {"case": again}).scalar()
    assert count(world.doors.engine, "photo_prints", "1 = 1") == shots


def test_another_desk_learns_that_a_photo_was_seen_and_not_where(world: DeskWorld) -> None:
    first = sent(world, {"logo": "same"}, seed=1000)
    with writing(world.doors.engine) as connection:
        connection.execute(text("UPDATE cases SET authenticator = :other WHERE id = :case"), {"other": b"\x05" * 32, "case": first})

    again = sent(world, {"logo": "same"}, seed=2000)

    (match,) = matches(world, again)
    assert (match["desk"], match["case"], match["photo"], match["shot"], match["outcome"]) == ("another", None, None, None, None)


def test_who_asks_again_with_their_own_photos_is_said_as_such(world: DeskWorld) -> None:
    person = Account("a" * 32)
    new = NewCase(authenticator=organization_id(DIDS["EXPERT"]), brand_did=DIDS["MAISON"], category="handbag")
    ids = [f"{number:032x}" for number in (1, 2)]
    first, again = sent(world, {"logo": "same"}, seed=1000), sent(world, {"logo": "same"}, seed=2000)
    with writing(world.doors.engine) as connection:
        now = world.worker.clock()
        keep_account(connection, person.id, now=now)
        for case_id in ids:
            open_case(connection, person, new, default(), id=case_id, now=now)
        for case_id in (first, again):
            connection.execute(text("UPDATE cases SET account = :me, platform = NULL WHERE id = :case"), {"me": person.id, "case": case_id})

    from ledger_api.desk import reuse

    with reading(world.doors.engine) as connection:
        case, shot = rows.case(connection, again), rows.newest_shots(connection, again)["logo"]
    found = reuse.find(world.doors.engine, world.worker.machines.vault, reuse.OfCase(case, shot))

    assert [match["whose"] for match in found["matches"]] == ["same-account"]


def test_the_asker_sees_how_far_the_machines_are(world: DeskWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger_api.desk.working.CHECKING_SECONDS", 0)  # one check in each turn
    case = world.opened()
    before = world.look(case)["checks"]
    world.submit(case)
    world.worker.turn()
    underway = world.look(case)["checks"]

    world.work()

    assert before == {"done": 0, "total": 0} and underway == {"done": 1, "total": CHECKS}
    assert world.look(case)["checks"] == {"done": CHECKS, "total": CHECKS}
