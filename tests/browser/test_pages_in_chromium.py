"""The pages in a real Chromium: every language, desktop and phone, light and dark, by keyboard alone, without scripts, on paper."""

from typing import Any

import pytest
import zxingcpp

from ledger_api.web.languages import TAGS
from tests.browser.accessibility import complaints, faint_words
from tests.browser.conftest import DESKTOP, PHONE, Museum
from tests.browser.pictures import picture
from tests.gallery import GTIN, SERIALS

PIECES = ("lune", "shop", "stolen", "fake", "disputed", "recovering", "void", "enrolled", "fresh")
HONEST = {"unknown": f"/01/{GTIN}/21/NOBODY", "wrong": "/?gtin=123&serial=a%20b", "missing": "/items/nothing", "search": "/"}
NARROWEST = {"width": 320, "height": 640}  # WCAG 2.2, 1.4.10: text reflows


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("tag", TAGS)
def test_every_language_reads_well_on_a_desktop_and_on_a_phone(open_page: Any, museum: Museum, tag: str, viewport: dict[str, int]) -> None:
    here = open_page(locale=tag, viewport=viewport)

    for piece in ("lune", "disputed"):
        page = here.go(museum.at(piece))
        picture(page, museum.pictures / f"{piece}-{tag}-{viewport['width']}.png")
        assert page.get_attribute("html", "lang") == tag
        assert complaints(page) == []
    here.go("/")

    assert complaints(here.page) == []
    here.assert_quiet()


@pytest.mark.parametrize("piece", PIECES)
def test_every_piece_has_a_sound_page(open_page: Any, museum: Museum, piece: str) -> None:
    here = open_page(viewport=PHONE)

    page = here.go(museum.at(piece))
    picture(page, museum.pictures / f"{piece}.png")

    assert complaints(page) == []
    here.assert_quiet()


@pytest.mark.parametrize("name", list(HONEST))
def test_every_honest_page_is_sound_and_says_what_to_do_next(open_page: Any, museum: Museum, name: str) -> None:
    here = open_page()

    page = here.go(HONEST[name])
    picture(page, museum.pictures / f"{name}.png")

    assert complaints(page) == []
    assert page.locator("main :is(form, .button)").count() == 1
    # the console notes the status of an honest 4xx, and nothing else
    assert all("Failed to load resource" in error for error in here.errors) and here.strangers == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_in_the_light_and_in_the_dark(open_page: Any, museum: Museum, scheme: str) -> None:
    here = open_page(color_scheme=scheme)

    faint = {address: faint_words(here.go(address)) for address in (*map(museum.at, PIECES), *HONEST.values())}

    assert {address: words for address, words in faint.items() if words} == {}


def test_the_audits_notice_planted_faults(open_page: Any, museum: Museum) -> None:
    page = open_page().go("/")
    assert complaints(page) == [] and faint_words(page) == []

    page.evaluate(
        """() => {
          document.documentElement.removeAttribute('lang');
          document.querySelector('label').remove();
          document.querySelector('h1').outerHTML = '<h4>Every piece</h4>';
          document.querySelector('button').textContent = '';
          document.querySelector('main').insertAdjacentHTML('beforeend', '<a href="#nowhere">x</a><ul><p></p></ul><div id="gtin"></div>');
          for (const word of document.querySelectorAll('.lead, .hint')) word.style.color = '#999';
        }"""
    )

    assert len(complaints(page)) == 8
    assert len(faint_words(page)) == 4


def test_text_reflows_on_the_narrowest_screen(open_page: Any, museum: Museum) -> None:
    here = open_page(viewport=NARROWEST)

    for address in (*map(museum.at, PIECES), "/"):
        assert complaints(here.go(address)) == []


def test_a_visitor_without_scripts_finds_a_piece(open_page: Any, museum: Museum) -> None:
    here = open_page(java_script_enabled=False, locale="it-IT")
    page = here.go("/")

    page.fill("#gtin", "9506000134352")
    page.fill("#serial", SERIALS["stolen"])
    page.click("button")

    assert page.url == museum.at("stolen")
    assert page.text_content(".notice h2") == "Denunciato come rubato dal proprietario"
    here.assert_quiet()


def test_a_keyboard_alone_is_enough(open_page: Any, museum: Museum) -> None:
    here = open_page()
    page, press = here.go("/"), here.page.keyboard.press

    press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    press("Enter")
    press("Tab")
    assert page.evaluate("document.activeElement.id") == "gtin"
    page.keyboard.type("9506000134352")
    press("Tab")
    page.keyboard.type(SERIALS["lune"])
    press("Enter")
    page.wait_for_url(museum.at("lune"))
    page.focus("#entry-1 summary")
    press("Enter")

    assert page.locator("#entry-1 details[open] code").first.is_visible()
    here.assert_quiet()


def test_whatever_has_the_focus_shows_it(open_page: Any, museum: Museum) -> None:
    page = open_page().go(museum.at("lune"))

    seen = set()
    for _ in range(30):
        page.keyboard.press("Tab")
        seen.add(page.evaluate("[document.activeElement.tagName, getComputedStyle(document.activeElement).outlineStyle].join(' ')"))

    assert {"A solid", "SUMMARY solid"} <= seen
    assert all(one.endswith("solid") for one in seen if not one.startswith("BODY"))


def test_wrong_numbers_are_named_beside_their_fields_and_kept(open_page: Any) -> None:
    page = open_page(locale="fr-FR").go("/")

    page.fill("#gtin", "09506000134353")
    page.fill("#serial", "deux mots")
    page.click("button")
    page.wait_for_load_state()

    described = page.get_attribute("#gtin", "aria-describedby").split()
    assert "Un chiffre est inexact" in page.text_content(f"#{described[-1]}")
    assert page.input_value("#serial") == "deux mots"
    assert page.locator("[role=alert] a").count() == 2


def test_a_language_chosen_by_hand_stays_chosen(open_page: Any, museum: Museum) -> None:
    page = open_page(locale="en-GB").go(museum.at("lune"))

    page.click("nav a[lang=zh-Hant]")
    assert page.get_attribute("html", "lang") == "zh-Hant"
    page.click(".wordmark")
    page.fill("#gtin", GTIN)
    page.fill("#serial", SERIALS["sold"])
    page.click("button")

    assert page.get_attribute("html", "lang") == "zh-Hant"
    assert page.text_content("h3") == "已售出"


def test_the_code_on_the_page_leads_to_the_page(open_page: Any, museum: Museum) -> None:
    page = open_page(bypass_csp=True).go(museum.at("stolen"))

    width, pixels = page.evaluate(_GREY)
    (code,) = zxingcpp.read_barcodes(memoryview(bytes(pixels)).cast("B", shape=[width, width]))

    assert code.text == museum.at("stolen")


def test_a_correction_is_one_step_away_from_what_it_corrects(open_page: Any, museum: Museum) -> None:
    page = open_page().go(museum.at("lune"))

    page.click("#entry-1 .note a")

    assert page.url.endswith("#entry-8")
    assert "corrected entry 1" in page.text_content("#entry-8")


def test_nothing_moves_for_whoever_asked_for_stillness(open_page: Any, museum: Museum) -> None:
    page = open_page(reduced_motion="reduce").go(museum.at("lune"))

    assert page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"


def test_on_paper_the_story_and_the_proof_remain(open_page: Any, museum: Museum) -> None:
    page = open_page().go(museum.at("lune"))
    page.emulate_media(media="print")
    picture(page, museum.pictures / "paper.png")

    assert page.locator(".timeline").is_visible() and page.locator(".proof .code").is_visible()
    assert not page.locator(".languages").is_visible() and not page.locator("details").first.is_visible()


# the page's own code, drawn by the browser, as rows of grey
_GREY = """async () => {
  const code = document.querySelector('svg.code').cloneNode(true), side = 400;
  code.setAttribute('width', side); code.setAttribute('height', side); code.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  const image = new Image();
  image.src = 'data:image/svg+xml,' + encodeURIComponent(code.outerHTML);
  await image.decode();
  const canvas = Object.assign(document.createElement('canvas'), {width: side, height: side}), pen = canvas.getContext('2d');
  pen.fillStyle = '#fff'; pen.fillRect(0, 0, side, side); pen.drawImage(image, 0, 0, side, side);
  return [side, [...pen.getImageData(0, 0, side, side).data].filter((_, index) => index % 4 === 0)];
}"""
