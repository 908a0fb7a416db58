"""The badge in a real Chromium: the picture and its page at two sizes, a picture that outlives its time, a copy on another site."""

from typing import Any

import orjson
import pytest

from ledger_api.listings import rows
from ledger_api.store.engine import writing
from ledger_api.web.languages import TAGS
from ledger_api.web.rendering import utc
from tests.browser.accessibility import complaints, faint_words
from tests.browser.conftest import DESKTOP, PHONE, Museum
from tests.browser.pictures import picture
from tests.gallery import GTIN, SERIALS

LISTING, DEAD = "1" * 32, "2" * 32
HOME, THIEF = "http://resale.example", "http://thief.example"


@pytest.fixture(scope="module")
def museum(museum: Museum) -> Museum:
    """With two listings of the same bag; one is withdrawn."""
    gallery = museum.gallery
    for id, state in ((LISTING, "live"), (DEAD, "withdrawn")):
        row = {
            "id": id,
            "platform": gallery.members["platform"].id,
            "reference": id[:3],
            "item": gallery.items["lune"],
            "question": orjson.dumps({"gtin": GTIN, "serial": SERIALS["lune"]}).decode(),
            "title": "Sac Lune, cuir d’agneau noir satiné, très bon état, avec sa boîte",
            "url": f"{HOME}/items/{id[:3]}",
            "origin": HOME,
            "offer": "{}",
            "state": state,
            "created_at": utc(gallery.now),
            "changed_at": utc(gallery.now),
        }
        with writing(gallery.engine) as connection:
            rows.keep(connection, row)
    return museum


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("tag", TAGS)
def test_the_page_reads_well_in_every_language(open_page: Any, museum: Museum, tag: str, viewport: dict[str, int]) -> None:
    here = open_page(locale=tag, viewport=viewport)

    page = here.go(f"/badges/{LISTING}")
    picture(page, museum.pictures / f"badge-{tag}-{viewport['width']}.png")

    assert page.get_attribute("html", "lang") == tag
    assert page.evaluate("document.querySelector('.seen img').naturalWidth") == 440
    assert complaints(page) == [] and faint_words(page) == []
    here.assert_quiet()


@pytest.mark.parametrize("listing", [LISTING, DEAD], ids=["live", "silent"])
@pytest.mark.parametrize("tag", TAGS)
def test_every_word_of_the_picture_has_its_room(open_page: Any, museum: Museum, tag: str, listing: str) -> None:
    here = open_page(locale=tag, viewport={"width": 440, "height": 190})

    page = here.go(f"/v1/listings/{listing}/badge.svg")
    picture(page, museum.pictures / f"picture-{tag}-{listing[0]}.png", full_page=False)

    ends = page.evaluate("[...document.querySelectorAll('svg > g > text')].map((one) => one.getBBox().x + one.getBBox().width)")
    assert 200 < max(ends) <= 432
    here.assert_quiet()


def test_a_picture_that_stays_open_goes_dark_when_its_time_is_over(open_page: Any, museum: Museum) -> None:
    page = open_page().go(f"/v1/listings/{LISTING}/badge.svg")
    shown = "[...document.querySelectorAll('text')].filter((one) => one.getClientRects().length).map((one) => one.textContent).join(' ')"
    assert "Expert House" in page.evaluate(shown)

    page.evaluate("document.documentElement.setCurrentTime(299)")
    assert "Expert House" in page.evaluate(shown)
    page.evaluate("document.documentElement.setCurrentTime(301)")

    assert "Expert House" not in page.evaluate(shown) and "The time of this badge is over" in page.evaluate(shown)


@pytest.mark.parametrize(("site", "says"), [(HOME, "Expert House"), (THIEF, "belongs to another listing")], ids=["home", "copy"])
def test_a_snippet_says_nothing_on_another_site(open_page: Any, museum: Museum, site: str, says: str) -> None:
    here = open_page()
    snippet = here.page.request.get(f"{museum.url}/v1/listings/{LISTING}/badge.html").text()
    here.page.route(f"{site}/**", lambda route: route.fulfill(content_type="text/html", body=f"<!doctype html><title>x</title>{snippet}"))

    # what Chromium would send is sent, by hands that may ask this machine from any site
    here.page.route("**/badge.svg", lambda route: route.fulfill(response=route.fetch()))

    with here.page.expect_response("**/badge.svg") as answer:
        here.go(f"{site}/items/111")
    picture(here.page, museum.pictures / f"snippet-{says[:6]}.png", full_page=False)

    assert says in answer.value.text()
