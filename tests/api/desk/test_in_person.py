"""An item on the counter: examined, signed for by whoever presents it (and by a brand that is a member), born on the ledger."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ledger_api.desk import receiving
from ledger_api.keys import Keyring
from ledger_api.settings import Settings
from ledger_verify.hashing import EventHash, Head, ItemId, OrganizationId, consent_digest, endorsement_digest, organization_id
from tests.api.desk.test_notices import told
from tests.api.desk.world import SERIAL, DeskWorld, photo
from tests.consortium import DIDS, EXPERT, GTIN, MAISON, NETWORK, address_of, count, key_of, record_all, sign
from tests.doors import at_once

OLD_BRAND = "did:web:maison-disparue.example"
SCARF = ("front", "logo", "stitching", "label")
PRESENTER = "0x" + address_of(key_of("presenter")).hex()


def examined(world: DeskWorld, who: str = "ada", **changes: Any) -> str:
    body = {"brand": OLD_BRAND, "category": "handbag", "gtin": GTIN, "serial": SERIAL} | changes
    answer = world.desk(who, "POST", "/in-person", body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["case"])


def photos_are_only_asked_for(world: DeskWorld) -> None:
    terms = world.doors.get("EXPERT", "/v1/desk/policy").json() | {"photos_in_person": "asked"}
    assert world.doors.ask("PUT", "EXPERT", "/v1/desk/policy", json=terms).status_code == 200


def photograph(world: DeskWorld, case: str, name: str, body: bytes | None = None, *, who: str = "ada") -> Any:
    sent = photo(name) if body is None else body
    return world.doors.ask("PUT", None, f"/v1/desk/cases/{case}/shots/{name}", token=world.keys[who], content=sent)


def consent_over(typed: dict[str, Any], signer: str) -> str:
    said = {name: bytes.fromhex(value[2:]) if isinstance(value, str) else value for name, value in typed["message"].items()}
    digest = consent_digest(
        NETWORK.domain_separator, action=said["action"], item=ItemId(said["item"]), head=Head(said["head"]), old_holder=said["oldHolder"],
        new_holder=said["newHolder"], detail=said["detail"], carrier=said["carrier"], store=said["store"], deadline=said["deadline"],
    )  # fmt: skip
    return "0x" + sign(key_of(signer), digest).hex()


def presented(world: DeskWorld, case: str, *, signer: str = "presenter") -> Any:
    typed = world.desk("ada", "POST", f"/cases/{case}/presenter-draft", {"presenter_key": PRESENTER}).json()["typed_data"]
    body = {"presenter_key": PRESENTER, "deadline": typed["message"]["deadline"], "signature": consent_over(typed, signer)}
    return world.desk("ada", "PUT", f"/cases/{case}/presenter", body)


def settled(world: DeskWorld) -> None:
    world.work()
    record_all(world.doors.engine)
    world.work()


def endorse(world: DeskWorld, case: str, signer: str) -> Any:
    answer = world.doors.get("MAISON", f"/v1/desk/cases/{case}/endorsement")
    assert answer.status_code == 200, answer.text
    said = answer.json()["typed_data"]["message"]
    brand, hashed = OrganizationId(bytes.fromhex(said["brand"][2:])), EventHash(bytes.fromhex(said["eventHash"][2:]))
    digest = endorsement_digest(NETWORK.domain_separator, brand=brand, event_hash=hashed, deadline=said["deadline"])
    body = {"endorser": "0x" + address_of(key_of(signer)).hex(), "signature": "0x" + sign(key_of(signer), digest).hex()}
    return world.doors.ask("PUT", "MAISON", f"/v1/desk/cases/{case}/endorsement", json=body)


def test_an_item_older_than_the_ledger_is_born_in_the_hand_of_whoever_presents_it(world: DeskWorld) -> None:
    case = examined(world, category="scarf")
    kept = presented(world, case)
    for name in SCARF:
        assert photograph(world, case, name).json()["state"] == "good"

    world.decide("ada", case, "authentic")
    settled(world)

    told = world.doors.get("EXPERT", f"/v1/cases/{case}/certificate.json").json()
    assert kept.status_code == 204 and count(world.doors.engine, "records", "kind = 8") == 1
    assert (told["method"], told["outcome"], told["ledger"]["sequence"], told["not_recorded"]) == ("in-person", "authentic", 1, None)


def test_a_brand_that_is_a_member_signs_what_the_appraiser_found(world: DeskWorld) -> None:
    photos_are_only_asked_for(world)
    case = examined(world, brand=DIDS["MAISON"])
    presented(world, case)
    early = world.doors.get("MAISON", f"/v1/desk/cases/{case}/endorsement").json()["code"]
    world.decide("ada", case, "authentic")
    settled(world)
    waiting = count(world.doors.engine, "events")

    forged, signed = endorse(world, case, "VERNE"), endorse(world, case, "MAISON")
    settled(world)

    assert early == "case-moved" and waiting == 0
    assert signed.status_code == 204 and count(world.doors.engine, "records", "kind = 8") == 1
    assert forged.json()["reason"] == "consent-invalid"


def test_a_brand_that_is_to_sign_hears_of_it_once_when_it_is_decided(world: DeskWorld) -> None:
    photos_are_only_asked_for(world)
    case = examined(world, brand=DIDS["MAISON"])
    presented(world, case)
    before = told(world, MAISON)
    world.decide("ada", case, "authentic")
    settled(world)
    endorse(world, case, "MAISON")
    settled(world)

    heard = told(world, MAISON)

    assert before == [] and [one["type"] for one in heard] == ["enrolment.endorsement-wanted"]
    assert heard[0]["data"]["case"] == case and heard[0]["data"]["authenticator"] == "0x" + EXPERT.hex()
    assert set(heard[0]["data"]) == {"case", "gtin", "serial", "category", "authenticator", "until"}


def test_a_brand_that_does_not_answer_in_time_ends_the_waiting(world: DeskWorld) -> None:
    photos_are_only_asked_for(world)
    case = examined(world, brand=DIDS["MAISON"])
    presented(world, case)
    world.decide("ada", case, "authentic")

    world.later(15 * 86_400)
    settled(world)

    told = world.doors.get("EXPERT", f"/v1/cases/{case}/certificate.json").json()
    assert told["ledger"] is None and told["not_recorded"] == "the brand did not sign the enrolment in time"


@pytest.fixture
def keyring(world: DeskWorld, tmp_path: Path) -> Keyring:
    """Of a service that signs for MAISON."""
    made = Keyring(tmp_path / "home", Settings(), 31337)
    made.create_signer(organization_id(DIDS["MAISON"]), key_of("MAISON").secret)
    world.worker = replace(world.worker, scribe=replace(world.worker.scribe, signers=made))
    world.doors.signs_for.add(organization_id(DIDS["MAISON"]))
    return made


def test_a_brand_whose_key_the_service_keeps_agrees_and_the_service_signs(world: DeskWorld, keyring: Keyring) -> None:
    photos_are_only_asked_for(world)
    case = examined(world, brand=DIDS["MAISON"])
    presented(world, case)
    world.decide("ada", case, "authentic")
    settled(world)
    before = count(world.doors.engine, "events")
    path = f"/v1/desk/cases/{case}/endorsement"

    by_the_desk, agreed = world.doors.post("EXPERT", path), world.doors.post("MAISON", path)
    settled(world)

    told = world.doors.get("EXPERT", f"/v1/cases/{case}/certificate.json").json()
    assert keyring.holds(organization_id(DIDS["MAISON"])) and before == 0
    assert (by_the_desk.status_code, agreed.status_code) == (403, 204)
    assert told["ledger"]["sequence"] == 1 and count(world.doors.engine, "records", "kind = 8") == 1
    assert world.doors.post("MAISON", path).json()["code"] == "case-moved"


def test_a_brand_that_keeps_its_key_itself_is_told_to_sign(world: DeskWorld) -> None:
    photos_are_only_asked_for(world)
    case = examined(world, brand=DIDS["MAISON"])
    presented(world, case)
    world.decide("ada", case, "authentic")

    refused = world.doors.post("MAISON", f"/v1/desk/cases/{case}/endorsement")
    signed = endorse(world, case, "MAISON")
    settled(world)

    assert (refused.status_code, refused.json()["code"], signed.status_code) == (404, "key-missing", 204)
    assert count(world.doors.engine, "records", "kind = 8") == 1


def test_a_signature_of_another_key_is_refused_at_the_counter(world: DeskWorld) -> None:
    case = examined(world)

    answer = presented(world, case, signer="somebody else")

    assert (answer.status_code, answer.json()["reason"]) == (409, "consent-invalid")


def test_an_item_that_the_ledger_knows_gets_a_verdict_in_person(world: DeskWorld) -> None:
    photos_are_only_asked_for(world)
    world.born()
    case = examined(world, brand=DIDS["MAISON"])
    refused = world.desk("ada", "POST", f"/cases/{case}/presenter-draft", {"presenter_key": PRESENTER}).json()["code"]

    world.decide("ada", case, "not-authentic")
    settled(world)

    told = world.doors.get("EXPERT", f"/v1/cases/{case}/certificate.json").json()
    assert refused == "not-in-person" and (told["method"], told["ledger"]["sequence"]) == ("in-person", 2)


def test_nobody_decides_before_the_required_shots_are_there_and_each_is_answered_at_once(world: DeskWorld) -> None:
    case = examined(world, category="scarf")
    poor = photograph(world, case, "logo", photo("logo", spoiled="blurred")).json()
    for name in ("front", "stitching"):
        photograph(world, case, name)

    refused = world.decide("ada", case, "authentic")
    missing = world.desk("ada", "GET", f"/cases/{case}").json()["missing"]
    good = photograph(world, case, "logo").json()
    photograph(world, case, "label")
    decided = world.decide("ada", case, "authentic")

    assert (poor["state"], poor["defects"], good["state"]) == ("poor", ["blurred"], "good")
    assert (refused.status_code, refused.json()["code"]) == (409, "shots-missing")
    assert missing == ["logo", "label"] == refused.json()["missing"] and count(world.doors.engine, "appraisals", "outcome IS NOT NULL") == 1
    assert decided.json()["next"] == "conclude"


def test_a_photo_that_was_taken_three_times_counts_as_it_is(world: DeskWorld) -> None:
    case = examined(world, category="scarf")
    for name in (shot for shot in SCARF if shot != "logo"):
        photograph(world, case, name)
    blurred = [photograph(world, case, "logo", photo("logo", spoiled="blurred")).json()["attempt"] for _ in range(2)]
    early = world.decide("ada", case, "inconclusive").json()["code"]

    photograph(world, case, "logo", photo("logo", spoiled="blurred"))

    assert blurred == [1, 2] and early == "shots-missing" and world.decide("ada", case, "inconclusive").status_code == 200


def test_machines_look_at_the_photos_of_a_counter_and_ask_nobody_else(world: DeskWorld) -> None:
    photos_are_only_asked_for(world)
    case = examined(world, serial="VN27B1275S")  # on the drawn plate there is another one
    photograph(world, case, "serial", photo("serial", spoiled="blurred"))  # it does not count, and no machine looks at it
    photograph(world, case, "serial")
    world.work()

    checks = world.desk("ada", "GET", f"/cases/{case}").json()["checks"]
    decided = world.decide("ada", case, "authentic").json()["next"]
    settled(world)

    read = {check["kind"]: (check["state"], check["result"]) for check in checks}
    evidence = world.doors.get("EXPERT", f"/v1/cases/{case}/evidence").json()
    assert len(checks) == 3 and read["serial"][1]["result"] == "mismatch" and read["reuse"][0] == "done" and decided == "conclude"
    assert [one["result"]["result"] for one in evidence["checks"] if one["kind"] == "serial"] == ["mismatch"]


def test_whoever_photographs_keeps_the_claim(world: DeskWorld) -> None:
    case = examined(world)
    world.later(15 * 60)
    photograph(world, case, "front")
    world.later(10 * 60)

    world.work()

    assert world.desk("ada", "GET", f"/cases/{case}").status_code == 200


def test_a_photo_of_whoever_lost_the_claim_while_it_was_sent_is_not_kept(world: DeskWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    case, receive = examined(world), receiving.receive

    def received(body: bytes) -> Any:
        world.later(21 * 60)
        world.work()
        assert world.claimed("bo", case)["case"] == case
        return receive(body)

    monkeypatch.setattr(receiving, "receive", received)
    answer = photograph(world, case, "front")

    assert (answer.status_code, answer.json()["code"]) == (409, "not-claimed")
    assert world.desk("bo", "GET", f"/cases/{case}").json()["shots"] == []


def test_two_who_open_a_case_under_one_reference_are_told_that_it_is_taken(world: DeskWorld) -> None:
    body = {"brand": OLD_BRAND, "category": "handbag", "reference": "counter 7"}

    answers = at_once(world.doors.engine, "cases", *[lambda: world.desk("ada", "POST", "/in-person", body)] * 2)

    assert sorted((answer.status_code, answer.json().get("code")) for answer in answers) == [(201, None), (409, "reference-taken")]


def test_nobody_is_asked_for_another_photo_of_what_lies_on_the_counter(world: DeskWorld) -> None:
    case = examined(world)

    answer = world.desk("ada", "POST", f"/cases/{case}/shots", {"shot": "logo", "words": "closer"})

    assert (answer.status_code, answer.json()["code"], answer.json()["shots"]) == (422, "unknown-shot", [])
    assert world.desk("ada", "GET", f"/cases/{case}").json()["state"] == "appraising"


def test_a_desk_that_only_asks_for_photos_keeps_those_that_are_taken_as_evidence(world: DeskWorld) -> None:
    photos_are_only_asked_for(world)
    case = examined(world)
    answer, theirs = photograph(world, case, "logo"), photograph(world, case, "logo", who="bo")

    world.decide("ada", case, "inconclusive")
    settled(world)

    evidence = world.doors.get("EXPERT", f"/v1/cases/{case}/evidence").json()
    assert (answer.json()["state"], theirs.json()["code"]) == ("good", "not-claimed")
    assert [shot["name"] for shot in evidence["shots"]] == ["logo"]


def test_nobody_gets_anothers_counter_as_the_next_in_line(world: DeskWorld) -> None:
    case = examined(world, value_eur=9_000)
    world.desk("ada", "POST", f"/cases/{case}/give-back")

    assert world.claimed("bo") is None and world.claimed("bo", case)["case"] == case


def test_a_platforms_case_takes_no_photos_from_an_appraiser(world: DeskWorld) -> None:
    case = world.queued()
    world.claimed("ada", case)

    answer = world.doors.ask("PUT", None, f"/v1/desk/cases/{case}/shots/logo", token=world.keys["ada"], content=photo("logo"))

    assert (answer.status_code, answer.json()["code"]) == (409, "not-in-person")


@pytest.mark.parametrize("name", ["presenter-draft", "presenter"])
def test_what_is_signed_at_the_counter_is_its_appraisers_alone(world: DeskWorld, name: str) -> None:
    case = examined(world)
    body = {"presenter_key": PRESENTER} | ({"deadline": 1, "signature": "0x" + "11" * 65} if name == "presenter" else {})

    answer = world.desk("bo", "POST" if name != "presenter" else "PUT", f"/cases/{case}/{name}", body)

    assert answer.json()["code"] == "not-claimed"
