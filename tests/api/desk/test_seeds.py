"""Test cases with a known answer: nobody who judges can tell them apart, nothing is recorded, and what they measure is the desk's alone."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson
import pytest
from sqlalchemy import text

from ledger_api.desk import appeals, appraising, policy, recording
from ledger_api.desk.rows import cases as rows
from ledger_api.desk.rows import queue as line
from ledger_api.store.engine import reading, writing
from tests.api.desk.test_desk_pages import get, sitting
from tests.api.desk.world import SHOTS, DeskWorld, photo
from tests.consortium import DIDS, GTIN, count, record_all
from tests.doors import await_waiting
from tests.passports import EXPERT, entry, opinion, passport

PIECES: tuple[dict[str, Any], ...] = (
    {},
    {"category": "watch", "references": {"reference-number": "116.500", "movement-number": "4130/7"}},
    {"category": "car", "references": {"vin": "1M8GDM9AXKP042788"}},
)


def concluded(world: DeskWorld, who: str = "bo", **piece: Any) -> str:
    case = world.queued(notes="from my aunt", **piece)
    world.judged(case, who, "not-authentic")
    world.work()
    record_all(world.doors.engine)
    world.work()
    assert world.state(case) == "concluded"
    return case


def seeded(world: DeskWorld, **body: Any) -> dict[str, Any]:
    answer = world.doors.post("EXPERT", "/v1/desk/seeds", {"known_outcome": "not-authentic"} | body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def shown_on_the_ledger(world: DeskWorld) -> None:
    """The item's passport as the indexer would have it after the first verdict."""
    story = [entry("manufacture"), entry("verdict", {"outcome": "not-authentic", "method": "photo"}, sequence=2, by=EXPERT)]
    body = passport(story=story, verdict=opinion("not-authentic", "photo", sequence=2))
    with world.doors.engine.begin() as connection:
        connection.execute(text("UPDATE items SET passport = :body"), {"body": orjson.dumps(body)})


@pytest.mark.parametrize("piece", PIECES, ids=("handbag", "watch", "car"))
def test_a_test_case_looks_like_the_case_that_it_was_made_from(world: DeskWorld, piece: dict[str, Any]) -> None:
    world.born()
    first = concluded(world, **piece)
    shown_on_the_ledger(world)
    world.later(90 * 86_400)
    other = world.queued(**piece)
    seed = seeded(world, from_case=first)["case"]

    real, test = world.claimed("ada", other), world.claimed("ada", seed)

    known = {name: (real[name], test[name]) for name in real if real[name] != test[name]}
    assert set(known) <= {"case", "notes", "shots", "checks", "journal", "until", "due_at", "ledger"}, known
    for name in ("journal", "checks", "shots"):
        assert [set(one) for one in test[name]] == [set(one) for one in real[name]]
    assert [(line["by"], line["why"]) for line in test["journal"]] == [(line["by"], line["why"]) for line in real["journal"]]
    assert max(line["at"] for line in test["journal"]) >= max(line["at"] for line in real["journal"][:-1])
    assert test["case"][:4] == real["case"][:4] and len(test["case"]) == 32
    assert [entry["kind"] for entry in test["ledger"]["story"]] == ["manufacture"] and test["ledger"]["verdict"] is None


def test_photos_of_a_test_case_that_were_seen_before_do_not_name_the_case_that_they_are_from(world: DeskWorld) -> None:
    first = str(world.new()["id"])
    for name in SHOTS:
        world.send(first, name, photo("logo") if name == "lining" else photo(name))
    world.submit(first)
    world.work()
    world.hire("dan")
    for who in ("bo", "dan"):  # one photo for two details wants two
        world.judged(first, who, "not-authentic")
    world.work()
    record_all(world.doors.engine)
    world.work()
    original = {shot.id for shot in newest(world, first)}
    seed = seeded(world, from_case=first)["case"]

    told = world.claimed("ada", seed)

    named = [match for check in told["checks"] for match in (check["result"] or {}).get("matches", [])]
    assert {(match["case"], match["whose"]) for match in named} == {(seed, "this-case")}
    assert world.desk("ada", "GET", f"/cases/{seed}/matches/{named[0]['photo']}").status_code == 200
    assert first not in str(told) and not any(photo_id in str(told) for photo_id in original)


def test_a_test_case_from_photos_of_an_earlier_case_is_no_reuse_and_neither_is_a_later_case(world: DeskWorld) -> None:
    world.queued()
    seed = seeded(world, brand=DIDS["MAISON"], category="handbag")["case"]
    for name in SHOTS:
        world.doors.ask("PUT", "EXPERT", f"/v1/desk/seeds/{seed}/shots/{name}", content=photo(name))
    world.doors.post("EXPERT", f"/v1/desk/seeds/{seed}/submit")
    world.work()
    later = world.queued()

    test, real = world.claimed("ada", seed), world.claimed("bo", later)

    assert reused(test) == set()
    assert reused(real) and seed not in reused(real)


def newest(world: DeskWorld, case: str) -> list[Any]:
    with reading(world.doors.engine) as connection:
        return list(rows.newest_shots(connection, case).values())


def reused(told: dict[str, Any]) -> set[str]:
    """The cases that the reuse checks name."""
    return {match["case"] for check in told["checks"] for match in (check["result"] or {}).get("matches", [])}


def test_who_judged_the_first_case_does_not_get_its_copy(world: DeskWorld) -> None:
    seed = seeded(world, from_case=concluded(world, "bo"))["case"]

    assert world.claimed("bo") is None and world.desk("bo", "POST", "/claims", {"case": seed}).json()["code"] == "case-moved"


def test_a_test_case_from_photos_goes_every_other_cases_way(world: DeskWorld) -> None:
    seed = seeded(world, brand=DIDS["MAISON"], category="handbag", gtin=GTIN, serial="VN27B1274S")["case"]
    for name in SHOTS:
        sent = world.doors.ask("PUT", "EXPERT", f"/v1/desk/seeds/{seed}/shots/{name}", content=photo(name))
        assert sent.json()["state"] == "good", sent.text
    submitted = world.doors.post("EXPERT", f"/v1/desk/seeds/{seed}/submit").json()
    world.work()

    shown = world.claimed("ada", seed)

    assert submitted["state"] == "checking" and shown["journal"][0]["by"] == "asker"
    assert next(check for check in shown["checks"] if check["kind"] == "serial")["result"]["result"] == "match"


def test_nothing_of_a_test_case_is_recorded_or_shown_to_anybody_else(world: DeskWorld) -> None:
    world.born()
    seed = seeded(world, from_case=concluded(world))["case"]
    shown_on_the_ledger(world)
    before = count(world.doors.engine, "events")
    world.judged(seed, "ada", "not-authentic")
    world.work()

    hidden = [
        world.doors.get(who, f"/v1/cases/{seed}{what}").status_code
        for who in ("EXPERT", "PLATFORM")
        for what in ("", "/certificate.json", "/evidence")
    ]
    assert count(world.doors.engine, "events") == before and set(hidden) == {404}
    assert world.doors.get("EXPERT", "/v1/desk/agreement").json()["pairs"] == []


def test_hits_and_misses_are_told_to_the_organization_alone(world: DeskWorld) -> None:
    first = concluded(world, "cleo")
    for outcome in ("not-authentic", "not-authentic", "authentic", "inconclusive"):
        seed = seeded(world, from_case=first)["case"]
        world.judged(seed, "ada", outcome)

    (score,) = world.doors.get("EXPERT", "/v1/desk/seeds/scores").json()["scores"]

    assert (score["hits"], score["misses"], score["inconclusive"], score["rate"]) == (2, 1, 1, 0.6667)
    assert score["low"] < 0.3 and score["high"] > 0.9
    assert world.desk("ada", "GET", "/seeds/scores").status_code == 403
    assert get(world, "/desk/tests", sitting(world)).status_code == 403
    assert "67%" in get(world, "/desk/tests", sitting(world, "EXPERT")).text


def test_no_answer_of_the_desk_to_an_appraiser_names_a_test_case(world: DeskWorld) -> None:
    world.born()
    seed = seeded(world, from_case=concluded(world))["case"]
    shown_on_the_ledger(world)
    ada = sitting(world)

    told = [world.desk("ada", "GET", "/queue").text, get(world, "/desk", ada).text, orjson.dumps(world.claimed("ada", seed)).decode()]
    told += [get(world, f"/desk/cases/{seed}", ada).text, world.decide("ada", seed, "authentic").text]

    for answer in told:
        assert "known" not in answer.replace('id="known"', "").replace('aria-labelledby="known"', "").replace('class="known"', "").replace(
            "unknown", ""
        )
        assert "seed" not in answer and "counterfeit" not in answer.replace("counterfeit-signs", "").replace("signs of a counterfeit", "")
        assert world.ids["bo"] not in answer


def test_erasing_a_case_takes_the_photos_of_its_copies_along(world: DeskWorld) -> None:
    first = concluded(world)
    seed = seeded(world, from_case=first)["case"]

    erased = world.doors.post("PLATFORM", f"/v1/cases/{first}/erase")

    assert erased.status_code == 200 and count(world.doors.engine, "shots", "state <> 'erased'") == 0
    assert world.desk("ada", "POST", "/claims", {"case": seed}).json()["code"] == "case-moved"
    refused = world.doors.post("EXPERT", "/v1/desk/seeds", {"known_outcome": "authentic", "from_case": first})
    assert refused.json()["code"] == "case-moved"


def test_a_case_is_erased_also_while_somebody_claims_its_copy(world: DeskWorld) -> None:
    first, engine = concluded(world), world.doors.engine
    seed = seeded(world, from_case=first)["case"]

    with ThreadPoolExecutor(1) as pool, writing(engine) as connection:
        appraising.claim(connection, line.appraiser(connection, world.ids["ada"]), seed, now=world.worker.clock())
        erasing = pool.submit(world.doors.post, "PLATFORM", f"/v1/cases/{first}/erase")
        await_waiting(engine, 1)

    assert erasing.result().status_code == 200, erasing.result().text
    assert count(engine, "shots", "state <> 'erased'") == 0 and count(engine, "cases", f"id = '{seed}' AND state = 'appraising'") == 1


def test_a_case_is_erased_also_while_its_appeal_is_concluded_anew(world: DeskWorld) -> None:
    """A reorg took what the appeal had sent. Neither waits for what the other has locked."""
    first, heard, engine, now = concluded(world), "f" * 32, world.doors.engine, world.worker.clock()
    with writing(engine) as connection:
        appeals.appeal(connection, first, "look again", policy.default(), id=heard, now=now)
    world.judged(heard, "ada", "not-authentic")
    world.work()
    with writing(engine) as connection:
        rows.change(connection, heard, state="recording")

    with ThreadPoolExecutor(1) as pool, writing(engine) as connection:
        rows.locked_case(connection, heard)
        erasing = pool.submit(world.doors.post, "PLATFORM", f"/v1/cases/{first}/erase")
        await_waiting(engine, 1)
        assert recording.end(connection, heard, now, "recorded")

    assert erasing.result().status_code == 200, erasing.result().text


@pytest.mark.parametrize("which", ["another", "queued", "appeal"])
def test_a_test_case_is_made_from_a_concluded_case_of_the_desks_own(world: DeskWorld, which: str) -> None:
    case = world.queued() if which == "queued" else concluded(world)
    if which == "another":
        with world.doors.engine.begin() as connection:
            connection.execute(text("UPDATE cases SET authenticator = :other"), {"other": bytes(32)})
    if which == "appeal":
        case = world.doors.post("PLATFORM", f"/v1/cases/{case}/appeal", {"grounds": "It was my aunt's own."}).json()["journal"][-1][
            "facts"
        ]["appeal"]

    answer = world.doors.post("EXPERT", "/v1/desk/seeds", {"known_outcome": "authentic", "from_case": case})

    assert answer.json()["code"] == ("no-such-case" if which == "another" else "case-moved")
