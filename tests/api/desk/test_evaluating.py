"""The consumer's pages without a script: forms alone lead from nothing to a certificate, in five languages, and show nobody else's case."""

import re
from typing import Any

import pytest
from httpx import Response

from ledger_api.desk.appraising import REASONS
from ledger_api.desk.life import CASE
from ledger_api.desk.policy import default
from ledger_api.web.asking import DRAWINGS
from ledger_api.web.languages import TAGS, load_languages
from tests.api.desk.world import SERIAL, SHOTS, DeskWorld, Person, photo
from tests.consortium import DIDS, GTIN, count, record_all

PAGE = "text/html; charset=utf-8"


def form(person: Person, path: str, **fields: str) -> Response:
    return person.ask("POST", path, data=fields, headers={"Sec-Fetch-Site": "same-origin"})


def upload(person: Person, case: str, name: str, body: bytes) -> Response:
    return person.ask("POST", f"/evaluate/{case}/shots/{name}", files={"photo": ("photo.jpg", body, "image/jpeg")})


def begun(person: Person, **changes: str) -> str:
    fields = {"category": "handbag", "brand": DIDS["MAISON"], "authenticator": DIDS["EXPERT"], "serial": SERIAL, "gtin": GTIN}
    answer = form(person, "/evaluate", **(fields | changes))
    assert answer.status_code == 303, answer.text
    return answer.headers["location"].rpartition("/")[2]


def sent(person: Person, **changes: str) -> str:
    case = begun(person, **changes)
    for name in SHOTS:
        assert upload(person, case, name, photo(name)).status_code == 303
    assert form(person, f"/evaluate/{case}/submit").status_code == 303
    return case


def test_whoever_has_no_account_is_told_what_happens_what_it_costs_and_gets_a_code_once(world: DeskWorld) -> None:
    person = Person(world.doors)
    first = person.ask("GET", "/evaluate")
    joined = form(person, "/account/new")

    code = re.search(r"<code data-code>([0-9A-Z-]+)</code>", joined.text)
    again = Person(world.doors)
    entered = form(again, "/account/sign-in", code=code.group(1) if code else "")

    assert "The first one is free, any other costs €29.00." in first.text and 'action="/account/new"' in first.text
    assert code is not None and joined.headers["cache-control"] == "private, no-store"
    assert (entered.status_code, entered.headers["location"]) == (303, "/account") and again.ask("GET", "/v1/account").status_code == 200


def test_forms_alone_lead_from_nothing_to_a_certificate_an_appeal_and_oblivion(world: DeskWorld) -> None:
    world.born()
    person = world.person()
    chosen = person.ask("GET", "/evaluate").text
    case = sent(person)
    checking = person.ask("GET", f"/evaluate/{case}").text
    world.work()
    world.judged(case, "ada", "not-authentic")
    world.work()
    record_all(world.doors.engine)
    world.work()

    concluded = person.ask("GET", f"/evaluate/{case}").text
    appealed = form(person, f"/evaluate/{case}/appeal", grounds="The brand itself repaired this zip.")
    disputed = person.ask("GET", f"/evaluate/{case}").text

    assert "This one is free" in chosen and "Being prepared" in checking
    assert "Maison 0 · Handbag" in checking and "Expert 5 looked at it from photos and concluded" in concluded
    assert "The desk concluded: not authentic" in concluded and f'href="/v1/cases/{case}/certificate.pdf"' in concluded
    assert appealed.status_code == 303 and "Under appeal" in disputed and 'name="grounds"' not in disputed


def test_a_blurred_photo_is_answered_with_what_to_do_and_a_good_one_leads_to_the_next(world: DeskWorld) -> None:
    person = world.person()
    case = begun(person)

    poor = upload(person, case, "front", photo("front", spoiled="blurred"))
    told = person.ask("GET", poor.headers["location"]).text
    good = upload(person, case, "front", photo("front"))
    after = person.ask("GET", good.headers["location"]).text

    assert poor.headers["location"].endswith("?shot=front") and "Please take it again" in told
    assert "It is blurred." in told or "The phone moved." in told
    assert good.headers["location"].endswith("?good=front") and "Good. Everything can be seen." in after
    assert "<h1>The back</h1>" in after and "1 of 8 photos are there" in after


@pytest.mark.parametrize("body", [b"", b"<svg/>", b"\xff\xd8\xff\xe0 not a photo"])
def test_what_is_no_photo_is_refused_in_words_and_nothing_is_kept(world: DeskWorld, body: bytes) -> None:
    person = world.person()
    case = begun(person)

    answer = upload(person, case, "logo", body)

    assert answer.status_code == 422 and answer.headers["content-type"] == PAGE
    assert count(world.doors.engine, "shots") == 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"serial": "no spaces please"}, "A serial number has"),
        ({"gtin": "123"}, "A product number has"),
        ({"value_eur": "much"}, "Write whole euros"),
        ({"category": "boat"}, "Choose what it is."),
        ({"authenticator": "nobody"}, "Choose who should look at it."),
    ],
)
def test_what_cannot_be_is_said_beside_the_field_and_what_was_typed_stays(world: DeskWorld, changes: dict[str, str], words: str) -> None:
    fields = {"category": "watch", "brand": DIDS["MAISON"], "authenticator": DIDS["EXPERT"], "notes": "from <my> aunt"} | changes

    answer = form(world.person(), "/evaluate", **fields)

    assert answer.status_code == 422 and words in answer.text and "from &lt;my&gt; aunt" in answer.text
    assert count(world.doors.engine, "cases") == 0


def test_the_second_one_waits_for_its_price_and_says_whom_to_pay(world: DeskWorld) -> None:
    person = world.person()
    begun(person)
    shown = person.ask("GET", "/evaluate").text
    second = sent(person)

    waiting = person.ask("GET", f"/evaluate/{second}").text

    assert "€29.00" in shown and "This one is free" not in shown
    assert "Payment is awaited" in waiting and second in waiting


def test_an_appraiser_s_wish_for_another_photo_is_shown_in_their_words(world: DeskWorld) -> None:
    person = world.person()
    case = sent(person)
    world.work()
    world.claimed("ada", case)
    world.desk("ada", "POST", f"/cases/{case}/shots", {"shot": "logo", "words": "closer, <b>please</b>"})

    wanted = person.ask("GET", f"/evaluate/{case}").text

    assert "<h1>The logo</h1>" in wanted and "closer, &lt;b&gt;please&lt;/b&gt;" in wanted and "The appraiser asks for this photo" in wanted


def test_no_conclusion_says_what_would_help(world: DeskWorld) -> None:
    person = world.person()
    case = sent(person)
    world.work()
    world.judged(case, "ada", "inconclusive")
    world.work()

    shown = person.ask("GET", f"/evaluate/{case}").text

    assert "The desk came to no conclusion" in shown and "What would help" in shown and "Sharper, closer photos" in shown


def test_the_pages_of_a_case_are_its_person_s_alone(world: DeskWorld) -> None:
    person, other = world.person(), world.person()
    case = begun(person, notes="from my aunt")
    doors = [("GET", ""), ("POST", "/submit"), ("POST", "/withdraw"), ("POST", "/erase"), ("POST", "/appeal")]

    for method, path in doors:
        strangers = other.ask(method, f"/evaluate/{case}{path}", data={"grounds": "x" * 20} if method == "POST" else None)
        nobody = Person(world.doors).ask(method, f"/evaluate/{case}{path}")
        assert (strangers.status_code, strangers.headers["content-type"]) == (404, PAGE)
        assert (nobody.status_code, nobody.headers["location"]) == (303, "/account")

    assert upload(other, case, "logo", photo("logo")).status_code == 404
    assert person.look(case)["state"] == "awaiting-photos" and count(world.doors.engine, "shots") == 0


def test_a_form_on_another_site_s_page_does_nothing_and_says_so(world: DeskWorld) -> None:
    person = world.person()
    case = begun(person)

    answer = person.ask("POST", f"/evaluate/{case}/withdraw", headers={"Sec-Fetch-Site": "cross-site"})

    assert (answer.status_code, answer.headers["content-type"]) == (403, PAGE) and "Another site sent you here" in answer.text
    assert person.look(case)["state"] == "awaiting-photos"


def test_whoever_is_sure_leaves_by_a_form_too(world: DeskWorld) -> None:
    person = world.person()
    begun(person)

    unsure = form(person, "/account/erase")
    stays = person.ask("GET", "/account").text
    sure = form(person, "/account/erase", sure="yes")

    assert (unsure.headers["location"], sure.headers["location"]) == ("/account", "/evaluate")
    assert "Your cases" in stays and count(world.doors.engine, "accounts") == 0


# --- the certificate's page ------------------------------------------------------------------------------------------


def test_a_certificate_has_a_page_for_whoever_was_given_its_address_and_leads_to_the_ledger(world: DeskWorld) -> None:
    world.born()
    person = world.person()
    case = sent(person)
    early = world.doors.get(None, f"/certificates/{case}")
    world.work()
    world.judged(case, "ada", "authentic")
    world.work()
    record_all(world.doors.engine)
    world.work()

    shown, told = world.doors.get(None, f"/certificates/{case}"), world.doors.get(None, f"/v1/certificates/{case}").json()
    paper = world.doors.get(None, f"/certificates/{case}/certificate.pdf")

    assert early.status_code == 404 and shown.status_code == 200
    assert told["this"].endswith(f"/v1/certificates/{case}") and told["page"].endswith(f"/certificates/{case}")
    assert f'href="/items/{told["ledger"]["item"]}"' in shown.text and told["ledger"]["event_id"] in shown.text
    assert SERIAL not in shown.text and paper.content.startswith(b"%PDF")


def test_an_appeal_s_own_case_has_no_certificate(world: DeskWorld) -> None:
    person = world.person()
    case = sent(person)
    world.work()
    world.judged(case, "ada", "not-authentic")
    world.work()
    form(person, f"/evaluate/{case}/appeal", grounds="The brand itself repaired this zip.")
    hearing = person.look(case)["journal"][-1]["facts"]["appeal"]
    world.work()
    world.judged(hearing, "bo", "authentic")
    world.work()

    assert world.doors.get(None, f"/v1/certificates/{hearing}").status_code == 404
    assert "This is the outcome after an appeal" in world.doors.get(None, f"/certificates/{case}").text


# --- following it ----------------------------------------------------------------------------------------------------


def test_a_stream_tells_how_it_stands_and_ends_with_the_case(world: DeskWorld) -> None:
    person = world.person()
    case = begun(person)
    form(person, f"/evaluate/{case}/withdraw")

    told = person.ask("GET", f"/v1/cases/{case}/stream")
    last = re.search(r"id: (\S+)", told.text)
    again = person.ask("GET", f"/v1/cases/{case}/stream", headers={"Last-Event-ID": last.group(1) if last else ""})

    assert "event: moved" in told.text and '"state":"withdrawn"' in told.text
    assert again.status_code == 204 and world.person().ask("GET", f"/v1/cases/{case}/stream").status_code == 404


# --- words -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tag", TAGS)
def test_every_language_has_words_for_every_state_shot_defect_and_reason(tag: str) -> None:
    texts = load_languages()[tag].texts
    defects = ("blurred", "moved", "too-dark", "too-bright", "glare", "too-far", "cut-off", "too-few-pixels")
    shots = [shot.name for shot in default().shots]
    wanted = [f"ask_state.{state}{end}" for state in CASE.meanings for end in ("", "_text")]
    wanted += [f"shot.{shot}{end}" for shot in shots for end in ("", "_why", "_hint")]
    wanted += [f"better.{defect}" for defect in defects] + [f"ask_reason.{reason}" for reason in REASONS]

    assert [key for key in wanted if key not in texts] == [] and set(shots) <= DRAWINGS


@pytest.mark.parametrize("tag", TAGS)
def test_every_page_is_said_in_every_language(world: DeskWorld, tag: str) -> None:
    person: Any = world.person()
    case = begun(person)

    pages = [person.ask("GET", f"{path}?lang={tag}") for path in ("/evaluate", "/account", f"/evaluate/{case}")]
    pages.append(Person(world.doors).ask("GET", f"/evaluate?lang={tag}"))

    assert [answer.status_code for answer in pages] == [200] * 4
    assert all(f'<html lang="{tag}">' in answer.text and f"lang={tag}" in answer.text for answer in pages)
