"""What became of opinions, in a real Chromium: the disputes of a piece, the two views of its story, how authenticators fared."""

from typing import Any

import pytest

from ledger_api.web.languages import TAGS
from tests.browser.accessibility import complaints
from tests.browser.conftest import DESKTOP, PHONE, Museum
from tests.browser.pictures import picture


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("tag", TAGS)
def test_disputes_and_rates_read_well_in_every_language(open_page: Any, museum: Museum, tag: str, viewport: dict[str, int]) -> None:
    here = open_page(locale=tag, viewport=viewport)

    for name, path in (("disputes", f"/items/0x{museum.gallery.items['cleared'].hex()}/disputes"), ("authenticators", "/authenticators")):
        page = here.go(path)
        picture(page, museum.pictures / f"{name}-{tag}-{viewport['width']}.png")
        assert page.get_attribute("html", "lang") == tag
        assert complaints(page) == []

    here.assert_quiet()


def test_a_visitor_walks_from_a_piece_to_its_disputes_and_on_to_the_rates(open_page: Any, museum: Museum) -> None:
    here = open_page()
    page = here.go(museum.at("cleared"))

    page.get_by_role("link", name="Disputes and rulings").click()
    page.wait_for_load_state()
    told = page.locator("main").inner_text()
    page.get_by_role("link", name="How authenticators’ opinions fared").click()
    page.wait_for_load_state()
    fared = page.locator("main").inner_text()

    assert "The opinion in effect was “not authentic” and is “authentic” from then on." in told
    assert "Pixel Eye" in fared and "with 95 % confidence" in fared and "Few opinions" in fared
    here.assert_quiet()


def test_the_story_is_switched_to_what_stands_now_without_scripts(open_page: Any, museum: Museum) -> None:
    here = open_page(java_script_enabled=False)
    page = here.go(museum.at("lune"))
    assert page.locator(".left-out").count() == 0

    page.get_by_role("link", name="What stands now").click()
    page.wait_for_load_state()

    told = page.locator(".story").inner_text()
    assert "Before, it read: Colour: noir." in told
    assert page.locator(".left-out li").count() == 2  # the correction, and the opinion that was outranked
    assert page.locator("[aria-current]").get_by_text("What stands now").count() == 1
    assert all(page.locator(link).count() == 1 for link in page.eval_on_selector_all(".story .note a", "all => all.map(a => a.hash)"))


def test_a_dispute_that_waits_for_its_ruling_says_so(open_page: Any, museum: Museum) -> None:
    here = open_page()

    page = here.go(f"/items/0x{museum.gallery.items['disputed'].hex()}/disputes")

    assert "Until the brand has ruled, the piece cannot change hands." in page.locator("main").inner_text()
    assert complaints(page) == []
    here.assert_quiet()
