"""Appraisers at work: one case, one pair of eyes at a time; when one opinion is not enough; what reaches the ledger."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson
import pytest
import rfc8785
from sqlalchemy import text

from ledger_api.desk.rows import cases as rows
from ledger_api.store.engine import reading, writing
from ledger_verify.hashing import keccak
from ledger_verify.transition import state_from_bytes
from tests.api.desk.world import CHECKS, SERIAL, SHOTS, DeskWorld, photo
from tests.consortium import DIDS, count, record_all
from tests.doors import await_dozing, dozing, meanwhile


def records(world: DeskWorld, kind: int) -> int:
    return count(world.doors.engine, "records", f"kind = {kind}")


VERDICT, DISPUTE, CORRECTION, RELEASE, RULING = 7, 9, 15, 13, 10


def serial_of(shown: Any) -> Any:
    (read,) = [check["result"] for check in shown["checks"] if check["kind"] == "serial"]
    return read


# --- claims ----------------------------------------------------------------------------------------------------------


def test_two_appraisers_never_have_the_same_case(world: DeskWorld) -> None:
    cases = {world.queued(reference=f"C{number}") for number in range(3)}

    with ThreadPoolExecutor(6) as pool:
        claimed = list(pool.map(lambda who: world.claimed(who), ["ada", "bo", "cleo"] * 2))

    had = Counter(one["case"] for one in claimed if one is not None)
    assert set(had) == cases and set(had.values()) == {1}
    assert sum(one is None for one in claimed) == 3


def test_a_named_case_is_claimed_once(world: DeskWorld) -> None:
    case = world.queued()
    first = world.claimed("ada", case)

    second = world.desk("bo", "POST", "/claims", {"case": case})

    assert first["case"] == case and first["seat"] == 1
    assert (second.status_code, second.json()["code"]) == (409, "case-moved")


def test_nobody_judges_twice_who_asks_for_the_next_case_in_another_window(world: DeskWorld) -> None:
    """The next in line was looked for before they decided this one, and found when it waited for the second opinion."""
    case, engine = world.queued(value_eur=9_000), world.doors.engine

    with ThreadPoolExecutor(1) as pool:
        with dozing(engine, "cases"):
            other = pool.submit(world.claimed, "ada")
            await_dozing(engine)
        world.claimed("ada", case)
        assert world.decide("ada", case, "authentic").json()["next"] == "second"
        other.result()

    assert count(engine, "appraisals", f"appraiser = '{world.ids['ada']}'") == 1
    assert world.claimed("bo")["case"] == case


def test_who_is_silent_loses_the_case_and_cannot_decide_it_any_more(world: DeskWorld) -> None:
    case = world.queued()
    world.claimed("ada", case)
    world.later(15 * 60)
    world.desk("ada", "POST", f"/cases/{case}/keep")
    world.later(15 * 60)
    world.work()
    kept = world.state(case)

    world.later(6 * 60)
    world.work()

    assert (kept, world.state(case)) == ("appraising", "queued")
    assert world.decide("ada", case, "authentic").json()["code"] == "not-claimed"
    assert world.claimed("bo", case)["case"] == case


def test_what_was_given_back_is_there_for_the_next(world: DeskWorld) -> None:
    case = world.queued()
    world.claimed("ada", case)

    given = world.desk("ada", "POST", f"/cases/{case}/give-back")

    assert given.status_code == 204 and world.claimed("bo")["case"] == case


def test_the_queue_shows_the_dear_ones_first_and_pages_through_all(world: DeskWorld) -> None:
    cheap, dear = world.queued(), world.queued(value_eur=9_000)

    queue = world.desk("ada", "GET", "/queue").json()
    watches = world.desk("ada", "GET", "/queue?category=watch").json()

    assert [one["case"] for one in queue["cases"]] == [dear, cheap] and queue["next"] is None
    assert watches["cases"] == []


def test_a_key_that_is_no_appraisers_opens_no_desk(world: DeskWorld) -> None:
    plain = world.doors.token("EXPERT", frozenset({"desk"}))

    answers = [world.doors.ask("GET", None, "/v1/desk/queue", token=plain), world.doors.get("EXPERT", "/v1/desk/queue")]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(403, "not-an-appraiser"), (403, "forbidden")]


def test_an_appraiser_who_left_can_do_nothing_and_the_opinions_stay(world: DeskWorld) -> None:
    case = world.queued()
    world.judged(case, "ada", "authentic")

    world.doors.ask("DELETE", "EXPERT", f"/v1/desk/appraisers/{world.ids['ada']}")

    assert world.desk("ada", "GET", "/queue").status_code == 401
    assert count(world.doors.engine, "appraisals", f"appraiser = '{world.ids['ada']}'") == 1


# --- what lies on the desk -------------------------------------------------------------------------------------------


def test_the_desk_shows_photos_findings_and_what_the_ledger_knows(world: DeskWorld) -> None:
    world.born()
    case = world.queued()

    shown = world.claimed("ada", case)

    assert {shot["name"] for shot in shown["shots"]} == set(SHOTS)
    assert shown["ledger"] is not None and shown["item"].startswith("0x")
    (check,) = [one for one in shown["checks"] if one["kind"] == "serial"]
    assert (check["kind"], check["result"]["result"], check["result"]["read"]) == ("serial", "match", SERIAL)
    picture = world.desk("ada", "GET", f"/cases/{case}/photos/{shown['shots'][0]['photo']}")
    assert picture.content.startswith(b"\xff\xd8\xff")
    assert world.desk("bo", "GET", f"/cases/{case}/photos/{shown['shots'][0]['photo']}").json()["code"] == "not-claimed"


def test_another_shot_that_is_asked_for_goes_to_the_asker_and_comes_back(world: DeskWorld) -> None:
    case = world.queued()
    world.claimed("ada", case)
    world.desk("ada", "POST", f"/cases/{case}/shots", {"shot": "logo", "words": "closer, the letters fill the frame"})
    asked = world.look(case)
    early = world.doors.post("PLATFORM", f"/v1/cases/{case}/submit").json()

    world.send(case, "logo")
    world.submit(case)
    world.work()

    assert (asked["state"], asked["missing"]) == ("awaiting-photos", ["logo"])
    assert asked["journal"][-1]["facts"]["words"] == "closer, the letters fill the frame"
    assert early["code"] == "shots-missing" and world.state(case) == "queued"
    assert len(world.claimed("bo", case)["checks"]) == CHECKS + 2  # the new photo was looked at; what was read is not read again


@pytest.mark.parametrize(
    "change", [{"reasons": ["because"]}, {"outcome": "inconclusive", "reasons": []}, {"confidence": 101}, {"outcome": "fake"}]
)
def test_a_decision_that_cannot_be_is_refused_and_the_case_stays(world: DeskWorld, change: dict[str, Any]) -> None:
    case = world.queued()
    world.claimed("ada", case)
    body = {"outcome": "authentic", "confidence": 90, "reasons": ["as-described"], "grounds": {}} | change

    answer = world.desk("ada", "POST", f"/cases/{case}/decision", body)

    assert (answer.status_code, answer.json()["code"], world.state(case)) == (422, "invalid-body", "appraising")


# --- to the ledger ---------------------------------------------------------------------------------------------------


def concluded(world: DeskWorld, outcome: str = "not-authentic") -> str:
    """A case whose verdict is recorded."""
    world.born()
    case = world.queued()
    world.judged(case, "ada", outcome)
    world.work()
    record_all(world.doors.engine)
    world.work()
    return case


def test_the_verdict_is_recorded_once_in_the_authenticators_name_with_the_evidence_hash(world: DeskWorld) -> None:
    case = concluded(world)
    for _ in range(3):
        world.work()

    told, evidence = world.look(case), world.doors.get("PLATFORM", f"/v1/cases/{case}/evidence").json()

    assert (told["state"], told["outcome"], records(world, VERDICT)) == ("concluded", "not-authentic", 1)
    with reading(world.doors.engine) as connection:
        asked = "SELECT payloads.body FROM payloads JOIN records ON records.event_id = payloads.event_id WHERE records.kind = 7"
        payload = orjson.loads(connection.execute(text(asked)).scalar_one())
    assert payload["evidence"] == ["0x" + keccak(rfc8785.dumps(evidence)).hex()]
    assert payload["appraiser"] == world.ids["ada"] == evidence["opinions"][0]["appraiser"]
    assert {shot["name"] for shot in evidence["shots"]} == set(SHOTS)


@pytest.mark.parametrize(("outcome", "days", "stands"), [("authentic", 180, 180), ("authentic", 0, 0), ("not-authentic", 180, 0)])
def test_an_authentic_verdict_expires_when_the_policy_says_and_no_other_does(
    world: DeskWorld, outcome: str, days: int, stands: int
) -> None:
    terms = world.doors.get("EXPERT", "/v1/desk/policy").json() | {"verdict_days": days}
    assert world.doors.ask("PUT", "EXPERT", "/v1/desk/policy", json=terms).status_code == 200

    item = world.look(concluded(world, outcome))["item"]

    with reading(world.doors.engine) as connection:
        found = rows.state(connection, bytes.fromhex(item[2:]))
    assert found is not None
    state = state_from_bytes(found)
    assert state.verdict_expiry == (state.verdict_at + stands * 86_400 if stands else 0) and state.verdict_at > 0


def test_an_item_that_the_ledger_does_not_know_is_concluded_without_it_and_says_so(world: DeskWorld) -> None:
    case = world.queued()
    world.judged(case, "ada", "authentic")
    world.work()

    certificate = world.doors.get("PLATFORM", f"/v1/cases/{case}/certificate.json").json()

    assert world.state(case) == "concluded" and count(world.doors.engine, "events") == 0
    assert certificate["ledger"] is None and "only an examination in person can enrol it" in certificate["not_recorded"]


def test_a_verdict_that_the_ledger_refuses_ends_the_case_with_the_reason(world: DeskWorld) -> None:
    world.born()
    case = world.queued()
    world.judged(case, "ada", "authentic")
    with writing(world.doors.engine) as connection:
        connection.execute(text("DELETE FROM accreditations"))

    world.work()

    told = world.look(case)["journal"][-1]
    assert (told["why"], told["facts"]["reason"]) == ("not-recorded", "not-accredited")
    assert records(world, VERDICT) == 0


def test_a_verdict_that_a_reorg_took_is_on_its_way_again(world: DeskWorld) -> None:
    case = concluded(world)
    with writing(world.doors.engine) as connection:  # as the indexer leaves it
        connection.execute(text("DELETE FROM records WHERE kind = 7"))
        connection.execute(text("UPDATE events SET status = 'accepted' WHERE kind = 7"))

    world.work()
    between = world.state(case)
    with writing(world.doors.engine) as connection:
        connection.execute(text("UPDATE events SET status = 'recorded' WHERE kind = 7"))
    world.work()

    assert (between, world.state(case)) == ("recording", "concluded")


def test_the_certificate_leads_to_the_ledger_in_both_forms(world: DeskWorld) -> None:
    case = concluded(world)

    told = world.doors.get("PLATFORM", f"/v1/cases/{case}/certificate.json").json()
    paper = world.doors.get("PLATFORM", f"/v1/cases/{case}/certificate.pdf")

    assert (told["authenticator"]["name"], told["authenticator"]["did"]) == ("Expert 5", DIDS["EXPERT"])
    assert told["ledger"]["sequence"] == 2 and told["ledger"]["event_id"] == world.look(case)["verdict"]
    assert paper.headers["content-type"] == "application/pdf" and paper.content.startswith(b"%PDF")


# --- appeals ---------------------------------------------------------------------------------------------------------


def appealed(world: DeskWorld, case: str) -> str:
    """The id of the case that hears it."""
    answer = world.doors.post("PLATFORM", f"/v1/cases/{case}/appeal", {"grounds": "The brand itself repaired this zip in 2019."})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["journal"][-1]["facts"]["appeal"])


def test_an_appeal_is_a_dispute_on_the_ledger_and_somebody_else_judges(world: DeskWorld) -> None:
    case = concluded(world)
    hearing = appealed(world, case)
    world.work()
    record_all(world.doors.engine)
    refused = world.desk("ada", "POST", "/claims", {"case": hearing}).json()["code"]

    shown = world.claimed("bo", hearing)
    world.decide("bo", hearing, "authentic")
    world.work()
    record_all(world.doors.engine)
    world.work()

    told = world.look(case)
    assert refused == "case-moved" and shown["is_appeal"] and shown["notes"].startswith("The brand itself")
    assert (told["state"], told["outcome"], told["journal"][-1]["why"]) == ("concluded", "authentic", "overturned")
    assert [records(world, kind) for kind in (VERDICT, DISPUTE, CORRECTION, RELEASE)] == [1, 1, 1, 1]


@pytest.mark.parametrize("door", ["/v1/cases/{}/certificate.json", "/v1/certificates/{}"])
def test_a_certificate_that_is_made_while_an_appeal_ends_is_of_before_or_after(world: DeskWorld, door: str) -> None:
    case = concluded(world)
    hearing = appealed(world, case)
    world.work()
    record_all(world.doors.engine)
    world.later(60)
    world.judged(hearing, "bo", "authentic")
    world.work()
    record_all(world.doors.engine)

    def asked() -> tuple[str, str]:
        told = world.doors.get("PLATFORM", door.format(case)).json()
        return told["outcome"], told["decided_at"]

    before = asked()
    with meanwhile(world.doors.engine, "FROM case_journal", world.work):
        between = asked()

    assert between in (before, asked()) and before != asked()


def test_an_appeal_that_changes_nothing_only_ends_the_dispute(world: DeskWorld) -> None:
    case = concluded(world)
    hearing = appealed(world, case)
    world.work()
    record_all(world.doors.engine)

    world.judged(hearing, "bo", "not-authentic")
    world.work()
    record_all(world.doors.engine)
    world.work()

    told = world.look(case)
    assert (told["state"], told["outcome"], told["journal"][-1]["why"]) == ("concluded", "not-authentic", "upheld")
    assert [records(world, kind) for kind in (CORRECTION, RELEASE)] == [0, 1]


def test_an_appeal_has_the_findings_the_numbers_and_as_many_eyes_as_the_policy_wants(world: DeskWorld) -> None:
    world.born()
    case = world.opened(serial="ZZ99999999", value_eur=9_000, category="watch", references={"reference-number": "116.500"})
    world.submit(case)
    world.work()
    first = world.claimed("ada", case)
    world.decide("ada", case, "not-authentic")
    world.judged(case, "bo", "not-authentic")
    world.work()
    hearing = appealed(world, case)
    world.hire("dan")

    shown = world.claimed("dan", hearing)
    comes = world.decide("dan", hearing, "authentic").json()["next"]

    found = [sorted((check["kind"], check["state"]) for check in of["checks"]) for of in (first, shown)]
    assert found[0] == found[1] and len(shown["shots"]) == len(first["shots"]) > 0
    assert {check["shot"] for check in shown["checks"]} == {shot["photo"] for shot in shown["shots"]}
    assert ("mismatch", shown["numbers"]) == (serial_of(shown)["result"], {"reference-number": "116.500"})
    assert (comes, world.judged(hearing, "cleo", "authentic")) == ("second", "conclude")


def test_an_appeal_is_heard_once_and_in_time(world: DeskWorld) -> None:
    case, late = concluded(world), world.queued()
    for who in ("ada", "bo"):  # its photos were seen before
        world.judged(late, who, "not-authentic")
    world.work()
    record_all(world.doors.engine)
    world.work()
    appealed(world, case)

    twice = world.doors.post("PLATFORM", f"/v1/cases/{case}/appeal", {"grounds": "I still think otherwise."}).json()
    world.later(31 * 86_400)
    too_late = world.doors.post("PLATFORM", f"/v1/cases/{late}/appeal", {"grounds": "I still think otherwise."}).json()

    assert (twice["code"], too_late["code"]) == ("already-appealed", "appeal-too-late")


def test_a_photo_can_be_sent_to_nobody_elses_case(world: DeskWorld) -> None:
    case = world.new()["id"]

    answer = world.doors.ask("PUT", "BOUTIQUE", f"/v1/cases/{case}/shots/logo", content=photo("logo"))

    assert (answer.status_code, answer.json()["code"]) == (404, "no-such-case")
