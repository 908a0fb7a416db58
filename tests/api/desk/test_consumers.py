"""A case of a person with a light account: the same doors as a platform's, and never anybody else's."""

from pathlib import Path

from tests.api.desk.world import SHOTS, DeskWorld, photo
from tests.consortium import DIDS, count


def test_the_first_evaluation_of_an_account_is_free_and_the_next_one_has_a_price(world: DeskWorld) -> None:
    person, other = world.person(), world.person()

    prices = [one.new().json()["price_cents"] for one in (person, person, other)]

    assert prices == [None, 2900, None]


def test_a_person_s_case_goes_all_the_way_from_photos_to_a_certificate(world: DeskWorld) -> None:
    world.born()
    person = world.person()
    case = person.opened()
    sent = person.ask("POST", f"/v1/cases/{case}/submit").json()

    world.work()
    world.judged(case, "ada", "not-authentic")
    world.work()

    told = person.look(case)
    assert (sent["state"], told["state"]) == ("checking", "recording") and told["reference"] is None
    assert [line["by"] for line in told["journal"] if line["why"] in ("opened", "submitted")] == ["asker", "asker"]


def test_who_is_to_pay_cannot_say_that_it_is_paid(world: DeskWorld) -> None:
    person = world.person()
    person.new()
    second = person.opened()
    waiting = person.ask("POST", f"/v1/cases/{second}/submit").json()

    by_person = person.ask("POST", f"/v1/cases/{second}/paid")
    by_desk = world.doors.post("EXPERT", f"/v1/cases/{second}/paid")

    assert (waiting["state"], waiting["price_cents"]) == ("awaiting-payment", 2900)
    assert by_person.status_code == 401 and by_desk.json()["state"] == "checking"


def test_nobody_else_s_account_and_no_platform_finds_a_person_s_case(world: DeskWorld) -> None:
    person, other = world.person(), world.person()
    case = person.opened(notes="from my aunt")
    shot = person.look(case)["shots"][0]["photo"]
    doors = [("GET", ""), ("GET", f"/photos/{shot}"), ("PUT", "/shots/logo"), ("GET", "/certificate.json"), ("GET", "/evidence")]
    doors += [("POST", f"/{deed}") for deed in ("submit", "withdraw", "erase")]
    before = {table: count(world.doors.engine, table) for table in ("case_journal", "shots")}

    for method, path in doors:
        answers = [other.ask(method, f"/v1/cases/{case}{path}")]
        answers += [world.doors.ask(method, who, f"/v1/cases/{case}{path}") for who in ("PLATFORM", "EXPERT", "MAISON")]
        assert [answer.status_code for answer in answers] == [404] * 4, path
        assert world.doors.ask(method, None, f"/v1/cases/{case}{path}").status_code == 401

    assert other.ask("GET", "/v1/cases").json()["cases"] == []
    assert [one["id"] for one in person.ask("GET", "/v1/cases").json()["cases"]] == [case]
    assert {table: count(world.doors.engine, table) for table in before} == before


def test_a_cookie_opens_no_platform_s_case(world: DeskWorld) -> None:
    case = world.opened()

    assert world.person().ask("GET", f"/v1/cases/{case}").status_code == 404


def test_a_reference_is_a_platform_s_and_required_of_it(world: DeskWorld) -> None:
    body = {"authenticator": DIDS["EXPERT"], "brand": DIDS["MAISON"], "category": "handbag"}

    answers = [world.person().new(reference="R"), world.doors.post("PLATFORM", "/v1/cases", body)]

    assert [answer.json()["code"] for answer in answers] == ["invalid-body", "invalid-body"]


def test_an_account_has_so_many_cases_under_way_and_no_more(world: DeskWorld) -> None:
    person = world.person()

    answers = [person.new() for _ in range(11)]

    assert [answer.status_code for answer in answers] == [201] * 10 + [409]
    assert answers[-1].json()["code"] == "too-many-cases"


def test_a_photo_as_phones_make_them_fits_through_the_door(world: DeskWorld) -> None:
    person = world.person()
    case = person.new().json()["id"]
    large = photo("logo") + bytes(4 * 2**20)  # what stands behind the picture is thrown away

    answer = person.ask("PUT", f"/v1/cases/{case}/shots/logo", content=large)

    assert (answer.status_code, answer.json()["state"]) == (201, "good")


def test_erasing_a_judged_case_takes_the_photos_of_its_appeal_along(world: DeskWorld, tmp_path: Path) -> None:
    person = world.person()
    case = person.opened()
    person.ask("POST", f"/v1/cases/{case}/submit")
    world.work()
    world.judged(case, "ada", "not-authentic")
    world.work()
    heard = person.ask("POST", f"/v1/cases/{case}/appeal", json={"grounds": "the stitching is like my other one"})
    world.work()
    again = world.claimed("bo")["case"]
    world.decide("bo", again, "authentic")
    world.work()

    erased = person.ask("POST", f"/v1/cases/{case}/erase").json()

    assert heard.status_code == 202 and erased["state"] == "concluded" and len(erased["shots"]) > len(SHOTS)
    assert not [path for path in (tmp_path / "photos").rglob("*") if path.is_file()]
    assert count(world.doors.engine, "cases", "notes <> ''") == 0
    assert person.new().json()["price_cents"] == 2900, "erasing does not make the next one free"
