"""The pages as a browser asks for them, on a real database: what each piece shows, the honest answers, the search box, the headers."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NoReturn

import pytest
from httpx import Client, Response

from ledger_api.errors import DatabaseBusy, FoldMismatch, LedgerError
from ledger_api.settings import Settings
from ledger_api.web.languages import TAGS
from tests.gallery import GTIN, SERIALS, Gallery, gallery_app, make_gallery, visiting
from tests.reading_app import client_of

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@pytest.fixture
def visitor(gallery: Gallery) -> Iterator[Client]:
    with visiting(gallery) as client:
        client.headers.update(BROWSER)
        yield client


def look_at(visitor: Client, gallery: Gallery, piece: str, **headers: str) -> Response:
    return visitor.get(gallery.path(piece), headers=headers)


@pytest.mark.parametrize(
    ("piece", "said"),
    [
        ("made", "It is with its maker"),
        ("shop", "<bdi>Boutique Milano</bdi> and has not been sold"),
        ("sold", "It belongs to its first owner"),
        ("lune", "It has changed hands since it was first sold"),
        ("bought", "is now with <bdi>轉售 HK</bdi>"),
        ("enrolled", "its brand has not spoken yet"),
        ("retired", "has left circulation"),
        ("stolen", "Reported stolen by its owner"),
        ("recalled", "Recalled by the brand"),
        ("examined", "Being examined"),
        ("recovering", "A new claim card has been requested"),
        ("disputed", "A dispute is open"),
        ("fake", "Judged not authentic, according to <bdi>Pixel Eye</bdi>"),
        ("cleared", "<bdi>Maison Aurélle</bdi> ruled on"),
        ("void", "Some entries are void"),
        ("fresh", "Recorded, not final yet"),
    ],
)
def test_each_piece_says_how_it_stands(visitor: Client, gallery: Gallery, piece: str, said: str) -> None:
    answer = look_at(visitor, gallery, piece)

    assert answer.status_code == 200
    assert said in answer.text


def test_a_bag_wrongly_called_fake_keeps_the_whole_story_once_it_is_cleared(visitor: Client, gallery: Gallery) -> None:
    page = look_at(visitor, gallery, "cleared").text

    assert "<bdi>Pixel Eye</bdi> judged it not authentic" in page
    assert "recorded a dispute" in page
    assert "ruled that it is authentic" in page
    assert 'class="notice' not in page


def test_no_page_calls_anything_authentic_in_its_own_voice(visitor: Client, gallery: Gallery) -> None:
    words = ("genuine", "certified", "verified", "guaranteed", "is authentic.", "100 %")
    pages = {piece: look_at(visitor, gallery, piece).text for piece in SERIALS if piece != "folded"}

    claims = [
        (piece, line)
        for piece, page in pages.items()
        for line in page.splitlines()
        if any(word in line for word in words) and "ruled" not in line
    ]

    assert claims == []


def test_an_owner_s_key_is_on_no_page(visitor: Client, gallery: Gallery) -> None:
    holder = gallery.world.states[gallery.items["lune"]].holder

    assert holder[12:].hex() not in look_at(visitor, gallery, "lune").text.lower()


def test_a_serial_that_is_not_there_is_unknown_and_that_is_no_verdict(visitor: Client) -> None:
    answer = visitor.get(f"/01/{GTIN}/21/NOBODY")

    assert answer.status_code == 404
    assert "That is not a verdict" in answer.text and "NOBODY" in answer.text


def test_withheld_is_said_and_a_folded_item_looks_exactly_unknown(visitor: Client, gallery: Gallery) -> None:
    withheld, folded = look_at(visitor, gallery, "withheld"), look_at(visitor, gallery, "folded")
    unknown = visitor.get(f"/01/{GTIN}/21/F1000002")

    assert (withheld.status_code, folded.status_code) == (403, 404)
    assert "not shown publicly" in withheld.text and "Lune" not in withheld.text
    assert folded.text == unknown.text.replace("F1000002", SERIALS["folded"])


def test_the_page_by_id_never_learns_the_serial(visitor: Client, gallery: Gallery) -> None:
    answer = visitor.get(f"/items/0x{gallery.items['lune'].hex()}")

    assert answer.status_code == 200 and "Sac Lune" in answer.text
    assert SERIALS["lune"] not in answer.text


def test_a_lot_has_a_page_of_its_own(visitor: Client, gallery: Gallery) -> None:
    answer = visitor.get(f"/items/0x{gallery.items['leather'].hex()}")

    assert answer.status_code == 200 and "CONC-202500035" in answer.text


@pytest.mark.parametrize("item", ["0x" + "00" * 32, "0x12", "nonsense", "0x" + "Z" * 64])
def test_an_id_that_leads_nowhere_is_an_honest_page_too(visitor: Client, item: str) -> None:
    answer = visitor.get(f"/items/{item}")

    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("tag", TAGS)
def test_the_page_speaks_the_visitor_s_language_and_says_so(visitor: Client, gallery: Gallery, tag: str) -> None:
    answer = look_at(visitor, gallery, "stolen", **{"Accept-Language": f"{tag},en;q=0.5"})

    assert f'<html lang="{tag}">' in answer.text
    assert answer.headers["content-language"] == tag
    assert "Accept-Language" in answer.headers["vary"]


def test_a_language_chosen_by_hand_is_kept_in_our_links(visitor: Client, gallery: Gallery) -> None:
    page = visitor.get(f"{gallery.path('stolen')}?lang=zh-TW", headers={"Accept-Language": "fr"}).text

    assert '<html lang="zh-Hant">' in page
    assert 'href="/?lang=zh-Hant"' in page
    assert 'href="/01/09506000134352/21/H7208047%2F7?lang=it"' in page


def test_the_search_box_leads_to_the_digital_link(visitor: Client) -> None:
    answer = visitor.get("/", params={"gtin": " 9506000-134352 ", "serial": "H7208047/7", "lang": "it"})

    assert answer.status_code == 303
    assert answer.headers["location"] == "/01/09506000134352/21/H7208047%2F7?lang=it"


@pytest.mark.parametrize(
    ("gtin", "serial", "said"),
    [
        ("", "A1", "Enter the product number."),
        ("123", "A1", "has 8, 12, 13 or 14 digits"),
        ("٠٩٥٠٦٠٠٠١٣٤٣٥٢", "A1", "has 8, 12, 13 or 14 digits"),
        ("09506000134353", "A1", "the last digit does not fit the others"),
        (GTIN, "", "Enter the serial number."),
        (GTIN, "a b", "no spaces"),
        (GTIN, "é", "no spaces"),
        (GTIN, "A" * 21, "at most 20 characters"),
    ],
)
def test_what_is_wrong_with_the_numbers_is_said_in_words_beside_the_field(visitor: Client, gtin: str, serial: str, said: str) -> None:
    answer = visitor.get("/", params={"gtin": gtin, "serial": serial})

    assert answer.status_code == 422
    assert said in answer.text and 'aria-invalid="true"' in answer.text


def test_wrong_numbers_in_a_link_get_the_form_and_not_an_error(visitor: Client) -> None:
    answer = visitor.get("/01/09506000134353/21/A1")

    assert answer.status_code == 400
    assert "the last digit does not fit" in answer.text and 'value="09506000134353"' in answer.text


def test_what_was_typed_comes_back_escaped_and_cut(visitor: Client) -> None:
    answer = visitor.get("/", params={"gtin": "<script>alert(1)</script>", "serial": '"' * 10_000})

    assert "<script>" not in answer.text
    assert len(answer.text) < 10_000


def test_every_page_forbids_scripts_frames_and_other_origins(visitor: Client, gallery: Gallery) -> None:
    answers = [visitor.get("/"), look_at(visitor, gallery, "lune"), look_at(visitor, gallery, "withheld"), visitor.get("/items/x")]

    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'") and "script-src" not in policy and "unsafe" not in policy
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert " style=" not in answer.text and "<script" not in answer.text and "http://www" not in answer.text.replace("www.w3.org", "")


def test_the_stylesheet_may_be_kept_for_ever_under_its_own_name(visitor: Client) -> None:
    page = visitor.get("/").text
    path = page.split('rel="stylesheet" href="')[1].split('"')[0]

    found, gone = visitor.get(path), visitor.get("/assets/000000000000/style.css")

    assert found.status_code == 200 and "immutable" in found.headers["cache-control"]
    assert found.headers["content-type"].startswith("text/css")
    assert gone.status_code == 404


def test_too_many_lookups_are_asked_to_wait_in_the_visitor_s_language(database_url: str) -> None:
    gallery = make_gallery(database_url)
    gallery.settings = Settings(rate_per_minute_anonymous=2)
    with visiting(gallery) as visitor:
        answers = [visitor.get(f"/01/{GTIN}/21/GUESS{turn}", headers=BROWSER | {"Accept-Language": "fr"}) for turn in range(3)]

    assert [answer.status_code for answer in answers] == [404, 404, 429]
    assert "Trop de demandes" in answers[2].text and int(answers[2].headers["retry-after"]) > 0
    gallery.engine.dispose()


@dataclass
class Failing:
    """A reader that finds nothing but trouble."""

    error: LedgerError

    def by_serial(self, gtin: str, serial: str) -> NoReturn:
        raise self.error

    def close(self) -> None: ...


def test_a_database_that_is_away_says_nothing_about_the_piece(gallery: Gallery) -> None:
    answer = look_in_trouble(gallery, DatabaseBusy())

    assert answer.status_code == 503
    assert "This says nothing about the piece" in answer.text


def test_records_that_disagree_are_no_page_at_all(gallery: Gallery) -> None:
    answer = look_in_trouble(gallery, FoldMismatch())

    assert (answer.status_code, answer.json()["code"]) == (500, "fold-mismatch")


def look_in_trouble(gallery: Gallery, error: LedgerError) -> Response:
    app = gallery_app(gallery)
    app.state.context = replace(app.state.context, passports=Failing(error))
    with client_of(app) as visitor:
        return visitor.get(gallery.path("lune"), headers=BROWSER)


def test_modules_are_served_as_they_were_published_under_one_name(visitor: Client, gallery: Gallery) -> None:
    app = gallery_app(gallery)
    with client_of(app) as asking:
        asking.get("/")
        path = next(path for path in app.state.site.assets if path.endswith("/own/claims.js"))
        module = asking.get(path)
        curve = asking.get(path.replace("own/claims.js", "vendor/noble-curves/secp256k1.js"))

    assert module.headers["content-type"].startswith("text/javascript") and "immutable" in module.headers["cache-control"]
    assert '"../vendor/noble-curves/secp256k1.js"' in module.text and "secp256k1" in curve.text
