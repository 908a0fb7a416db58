"""The appraisers' pages: an API key becomes a cookie, and what the pages say and do is what the API says and does."""

import re
from io import BytesIO
from typing import Any

import orjson
import pytest
from httpx import Response
from pypdf import PdfReader
from sqlalchemy import text

from ledger_api.desk.rows import cases as rows
from ledger_api.store.engine import writing
from ledger_api.web.languages import TAGS, load_languages
from tests.api.desk.world import SHOTS, DeskWorld, photo
from tests.consortium import count, record_all
from tests.passports import entry, passport

LANGUAGES = load_languages()
SAME = {"Sec-Fetch-Site": "same-origin"}


def post(world: DeskWorld, path: str, fields: dict[str, Any] | None = None, *, cookie: str | None = None, **headers: str) -> Response:
    sent = SAME | headers | ({"Cookie": f"desk={cookie}"} if cookie else {})
    world.doors.client.cookies.clear()
    return world.doors.client.post(path, data=fields or {}, headers=sent)


def get(world: DeskWorld, path: str, cookie: str | None = None) -> Response:
    world.doors.client.cookies.clear()
    return world.doors.client.get(path, headers={"Cookie": f"desk={cookie}"} if cookie else {})


def sitting(world: DeskWorld, who: str = "ada") -> str:
    """The cookie of a browser in which they are signed in."""
    answer = post(world, "/desk/sign-in", {"key": world.keys.get(who) or world.doors.token(who)})
    assert answer.status_code == 303, answer.text
    return str(answer.cookies["desk"])


def test_a_key_becomes_a_cookie_that_no_script_reads_and_stands_in_no_page(world: DeskWorld) -> None:
    answer = post(world, "/desk/sign-in", {"key": world.keys["ada"]})

    said = answer.headers["set-cookie"]
    page = get(world, "/desk", answer.cookies["desk"])
    assert "HttpOnly" in said and "samesite=strict" in said.lower() and world.keys["ada"] not in said + page.text
    assert answer.headers["location"] == "/desk" and "ada" in page.text
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert answer.cookies["desk"] not in repr(count(world.doors.engine, "desk_sittings"))


@pytest.mark.parametrize(("key", "status"), [("lk_x_y", 401), ("", 401), ("PLATFORM", 403)])
def test_a_key_that_opens_no_desk_is_refused_on_the_page(world: DeskWorld, key: str, status: int) -> None:
    answer = post(world, "/desk/sign-in", {"key": world.doors.token(key) if key == "PLATFORM" else key})

    assert answer.status_code == status and "set-cookie" not in answer.headers and 'role="alert"' in answer.text


def test_a_sitting_ends_with_its_key_with_its_day_and_when_somebody_signs_out(world: DeskWorld) -> None:
    ada, bo, cleo = sitting(world, "ada"), sitting(world, "bo"), sitting(world, "cleo")

    world.doors.ask("DELETE", "EXPERT", f"/v1/desk/appraisers/{world.ids['ada']}")
    post(world, "/desk/sign-out", cookie=bo)
    living = [get(world, "/desk/agreement", cookie).status_code for cookie in (ada, bo, cleo)]
    world.later(12 * 3600 + 1)

    assert living == [303, 303, 200] and get(world, "/desk/agreement", cleo).status_code == 303


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}])
def test_another_sites_page_does_nothing_with_a_sitting(world: DeskWorld, headers: dict[str, str]) -> None:
    case, ada = world.queued(), sitting(world)

    answer = post(world, "/desk/claim", {"case": case}, cookie=ada, **headers)

    assert answer.status_code == 403 and world.state(case) == "queued"


def test_the_page_of_a_case_shows_what_helps_and_decides_by_a_form(world: DeskWorld) -> None:
    world.doors.ask("PUT", "EXPERT", "/v1/desk/policy", json=_with_reference(world))
    case, ada = world.queued(notes="bought in 1998 <b>in Lyon</b>"), sitting(world)
    claimed = post(world, "/desk/claim", {"case": case}, cookie=ada)
    shown = get(world, claimed.headers["location"], ada)
    photos = re.findall(r'<img src="([^"]+)"', shown.text)
    fields = {
        "outcome": "authentic",
        "confidence": "80",
        "reasons": ["as-described", "customised"],
        "grounds-logo": "even strokes",
        "note": "",
    }

    decided = post(world, f"/desk/cases/{case}/decision", fields, cookie=ada)

    assert claimed.headers["location"] == f"/desk/cases/{case}" and len(photos) == 8
    assert get(world, photos[0]).status_code == 303
    assert "the o is round" in shown.text and "&lt;b&gt;in Lyon" in shown.text and "matches the claim" in shown.text
    assert decided.headers["location"] == "/desk?done=conclude" and world.state(case) == "recording"
    assert count(world.doors.engine, "appraisals", 'confidence = 80 AND grounds = \'{"logo":"even strokes"}\'') == 1


def _with_reference(world: DeskWorld) -> dict[str, Any]:
    terms = world.doors.get("EXPERT", "/v1/desk/policy").json()
    return terms | {"references": [{"words": "the o is round", "categories": ["handbag"], "brands": [], "shot": "logo"}]}


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"confidence": "80"}, "outcome"),
        ({"outcome": "authentic", "confidence": "x"}, "confidence"),
        ({"outcome": "authentic", "confidence": "101"}, "confidence"),
        ({"outcome": "inconclusive", "confidence": "50"}, "reasons"),
        ({"outcome": "authentic", "confidence": "50", "reasons": "because"}, "reasons"),
    ],
)
def test_an_incomplete_decision_comes_back_with_what_was_written(world: DeskWorld, fields: dict[str, str], wrong: str) -> None:
    case, ada = world.queued(), sitting(world)
    post(world, "/desk/claim", {"case": case}, cookie=ada)

    answer = post(world, f"/desk/cases/{case}/decision", fields | {"note": "I was here"}, cookie=ada)

    assert answer.status_code == 422 and f'href="#{wrong}"' in answer.text and "I was here" in answer.text
    assert world.state(case) == "appraising"


def test_the_second_appraisers_page_does_not_tell_what_the_first_said_and_the_seniors_does(world: DeskWorld) -> None:
    case = world.queued(value_eur=9_000)
    world.claimed("ada", case)
    body = {"outcome": "not-authentic", "confidence": 91, "reasons": ["counterfeit-signs"], "grounds": {"logo": "the-o-is-oval"}}
    world.desk("ada", "POST", f"/cases/{case}/decision", body | {"note": "a-note-of-mine"})
    bo, cleo = sitting(world, "bo"), sitting(world, "cleo")

    queue = get(world, "/desk", bo).text
    post(world, "/desk/claim", {"case": case}, cookie=bo)
    blind = get(world, f"/desk/cases/{case}", bo).text
    world.decide("bo", case, "authentic")
    post(world, "/desk/claim", {"case": case}, cookie=cleo)
    senior = get(world, f"/desk/cases/{case}", cleo).text

    for secret in ("the-o-is-oval", "a-note-of-mine", world.ids["ada"], "91"):
        assert secret not in re.sub(r"[0-9a-f]{32}", "", queue + blind), secret
        assert secret in senior
    assert get(world, f"/desk/cases/{case}", bo).status_code == 409


def test_a_shot_is_asked_for_a_claim_prolonged_and_given_back_by_forms(world: DeskWorld) -> None:
    case, ada = world.queued(), sitting(world)
    post(world, "/desk/claim", cookie=ada)
    world.later(15 * 60)

    kept = post(world, f"/desk/cases/{case}/keep", cookie=ada)
    back = post(world, f"/desk/cases/{case}/give-back", cookie=ada)
    again = post(world, "/desk/claim", cookie=ada)
    wordless = post(world, f"/desk/cases/{case}/shots", {"shot": "logo", "words": " "}, cookie=ada)
    asked = post(world, f"/desk/cases/{case}/shots", {"shot": "logo", "words": "closer"}, cookie=ada)

    assert [answer.status_code for answer in (kept, back, again, wordless, asked)] == [303, 303, 303, 422, 303]
    assert (world.state(case), world.look(case)["missing"]) == ("awaiting-photos", ["logo"])
    assert post(world, "/desk/claim", cookie=ada).headers["location"] == "/desk?done=nothing"


def test_the_page_has_the_pieces_numbers_and_says_what_the_serial_was_compared_with(world: DeskWorld) -> None:
    on_the_ledger(world)
    watch = world.new(category="watch", references={"reference-number": "116.500", "movement-number": "4130/7"})["id"]
    for name in ("front", "back", "logo", "serial", "movement", "clasp"):
        world.send(watch, name, photo("serial" if name == "serial" else "logo"))
    shown = judged_page(world, watch)

    assert re.search(r"<dt>Reference number</dt><dd><code>116\.500</code>", shown) and "4130/7" in shown and "Movement number" in shown
    assert "<dt>Compared with the ledger</dt><dd>matches the ledger</dd>" in shown


@pytest.mark.parametrize("tag", TAGS)
def test_a_photo_that_was_seen_before_stands_beside_the_finding_in_words_of_the_language(world: DeskWorld, tag: str) -> None:
    case = str(world.new()["id"])
    for name in SHOTS:
        world.send(case, name, photo("logo") if name == "lining" else None)
    world.submit(case)
    world.work()
    ada = sitting(world)
    post(world, "/desk/claim", {"case": case}, cookie=ada)

    shown = get(world, f"/desk/cases/{case}?lang={tag}", ada).text
    path = re.findall(rf'<a href="(/desk/cases/{case}/matches/[0-9a-f]{{32}})"><img src="\1"', shown)[0]

    said = LANGUAGES[tag].say
    for key in (
        "field_how",
        "how_same-file",
        "field_whose",
        "whose_this-case",
        "field_case",
        "field_covers",
        "field_mirrored",
        "state_off",
    ):
        assert str(said(f"appraise.{key}")) in shown, key
    assert get(world, path, ada).content.startswith(b"\xff\xd8\xff")
    assert get(world, path).status_code == 303 and get(world, path, sitting(world, "bo")).status_code == 409


def test_what_is_not_to_be_listed_warns(world: DeskWorld) -> None:
    case, ada = world.queued(), sitting(world)
    tags = {"tags": [{"label": "weapon", "score": 0.91}], "flagged": ["weapon"]}
    with writing(world.doors.engine) as connection:
        check = next(one for one in rows.checks_of(connection, case) if one.kind == "tags")
        said = rows.checks.update().where(rows.checks.c.id == check.id)
        connection.execute(said.values(state="done", result=orjson.dumps(tags).decode()))
    post(world, "/desk/claim", {"case": case}, cookie=ada)

    shown = get(world, f"/desk/cases/{case}", ada).text

    (finding,) = re.findall(r'<section class="finding warns">(.*?)</section>', shown, re.DOTALL)
    assert "Not to be listed</dt><dd>weapon" in finding


def test_without_a_model_the_page_says_that_the_check_is_off_and_nothing_hints_at_ai(world: DeskWorld) -> None:
    on_the_ledger(world)
    case, ada = world.queued(), sitting(world)
    page = judged_page(world, case)
    world.decide("ada", case, "not-authentic")
    world.work()
    record_all(world.doors.engine)
    world.work()
    certificate = f"/v1/cases/{case}/certificate"

    told = [
        world.doors.get("PLATFORM", f"{certificate}.json").text,
        get(world, f"/certificates/{case}").text,
        page,
        get(world, "/desk", ada).text,
    ]
    paper = PdfReader(BytesIO(world.doors.get("PLATFORM", f"{certificate}.pdf").content))
    told += [sheet.extract_text() for sheet in paper.pages]

    off = page.count("this check is off: nobody looked")
    assert off == len(SHOTS) and world.state(case) == "concluded"
    for said in told:
        words = re.sub(r"https?://\S+|[0-9a-f]{32,}", "", said)
        assert not re.search(r"\bAI\b|artificial|neural|intelligen|classifier|algorithm", words, re.IGNORECASE), words


def on_the_ledger(world: DeskWorld) -> None:
    """The bag, with a passport as the indexer would have it."""
    world.born()
    with writing(world.doors.engine) as connection:
        connection.execute(text("UPDATE items SET passport = :body"), {"body": orjson.dumps(passport(story=[entry("manufacture")]))})


def judged_page(world: DeskWorld, case: str, who: str = "ada") -> str:
    cookie = sitting(world, who)
    if world.state(case) == "awaiting-photos":
        world.submit(case)
        world.work()
    post(world, "/desk/claim", {"case": case}, cookie=cookie)
    return get(world, f"/desk/cases/{case}", cookie).text


def test_agreement_is_shown_with_its_sample_to_the_desk_and_with_names_to_its_lead(world: DeskWorld) -> None:
    for first, second in (("authentic", "authentic"), ("not-authentic", "authentic")):
        case = world.queued(value_eur=9_000)
        world.judged(case, "ada", first)
        world.judged(case, "bo", second)

    lead, ada = get(world, "/desk/agreement", sitting(world, "EXPERT")).text, get(world, "/desk/agreement", sitting(world)).text

    assert f"ada ({world.ids['ada']})" in lead and "Few cases" in lead
    assert world.ids["bo"] in ada and "bo (" not in ada
    assert get(world, "/desk", sitting(world, "EXPERT")).headers["location"] == "/desk/agreement"
