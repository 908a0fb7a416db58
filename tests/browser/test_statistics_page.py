"""The statistics of verdicts in a real Chromium: forty weeks of two brands and three authenticators, read, chosen from, counted again."""

import random
from collections.abc import Iterator
from typing import Any, cast

import pytest

from ledger_api.web.languages import TAGS
from ledger_verify.codes import Kind, Role
from tests import servers
from tests.browser.accessibility import complaints, faint_words
from tests.browser.conftest import DESKTOP, PHONE, Museum, served
from tests.browser.pictures import picture
from tests.following import new_database
from tests.judging import AUTHENTIC, FAKE, UNSURE, Judging
from tests.reading_app import reading_app

WEEKS, SEED = 40, 7
DAYS = 86_400


def judged(judging: Judging) -> None:
    """About six hundred verdicts, more each season; some are appealed, some of these overturned, and a few categories are rare."""
    world, dice, number = judging.world, random.Random(SEED), 0
    verne = world.admit("did:web:verne.example", "Verne & Fils", roles=int(Role.BRAND))
    world.chain.pace = 7 * DAYS
    for week in range(WEEKS):
        judging.block()
        for _ in range(0 if week == 17 else dice.randint(2 if week % 13 == 5 else 8, 4 if week % 13 == 5 else 12 + week // 3)):
            number += 1
            brand = verne if dice.random() < 0.3 else judging.maison
            category = dice.choices([1, 2, 3, 4, 5], [60, 20, 12, 6, 1])[0]
            bag = world.manufacture(brand, f"B-{number}", category=category)
            author, method = (judging.pixel, 1) if dice.random() < 0.7 else (judging.lens, 3)
            outcome = dice.choices([AUTHENTIC, FAKE, UNSURE], [66, 28, 6])[0]
            judging.says(author, bag, outcome, method)
            if outcome == FAKE and dice.random() < 0.15:
                world.record(author, bag, Kind.DISPUTE, time=2, payload={})
                if dice.random() < 0.5:
                    world.record(author, bag, Kind.CORRECTION, time=2, a=AUTHENTIC, payload={"reason": "appeal"})
    judging.block()


@pytest.fixture(scope="module")
def museum(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Museum]:
    folder = tmp_path_factory.mktemp("statistics")
    engine = new_database(f"sqlite:///{folder / 'ledger.db'}")
    judged(Judging(engine))
    with served(reading_app(engine), servers.free_port()) as url:
        yield Museum(cast(Any, None), url, folder)  # no gallery hangs here
    engine.dispose()


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("tag", TAGS)
def test_statistics_read_well_in_every_language(open_page: Any, museum: Museum, tag: str, viewport: dict[str, int]) -> None:
    here = open_page(locale=tag, viewport=viewport)

    page = here.go("/statistics")
    picture(page, museum.pictures / f"statistics-{tag}-{viewport['width']}.png")

    assert page.get_attribute("html", "lang") == tag
    assert complaints(page) == []
    here.assert_quiet()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_and_nothing_needs_a_wide_screen(open_page: Any, museum: Museum, scheme: str) -> None:
    here = open_page(color_scheme=scheme, viewport={"width": 320, "height": 640})

    page = here.go("/statistics")
    picture(page, museum.pictures / f"statistics-{scheme}.png")

    assert faint_words(page) == [] and complaints(page) == []


def test_what_is_chosen_is_counted_and_what_is_few_is_hidden(open_page: Any, museum: Museum) -> None:
    here = open_page(java_script_enabled=False)
    page = here.go("/statistics")
    every = page.locator(".figures dd").first.inner_text()

    page.get_by_label("Category", exact=True).select_option(label="Handbags")
    page.get_by_label("Method", exact=True).select_option(label="In person")
    page.get_by_role("button", name="Show these").click()
    page.wait_for_load_state()
    chosen = page.locator(".figures dd").first.inner_text()

    assert 0 < int(chosen) < int(every)
    assert page.get_by_label("Category", exact=True).input_value() == "handbag"
    page.get_by_role("link", name="Show everything").click()
    page.wait_for_load_state()
    jewellery = page.locator("section[aria-labelledby=by-category] li", has_text="Jewellery").inner_text()
    assert "Hidden: fewer than 5" in jewellery and "%" not in jewellery


def test_every_number_leads_to_its_question_and_its_blocks(open_page: Any, museum: Museum) -> None:
    here = open_page()
    page = here.go("/statistics?category=handbag&from_week=2025-W30")
    told = page.locator("section[aria-labelledby=again]").inner_text()
    shown = page.locator(".figures dd").first.inner_text()

    page.locator("section[aria-labelledby=by-brand]").get_by_role("link", name="These figures, as data").click()
    page.wait_for_load_state()
    data = page.evaluate("JSON.parse(document.body.innerText)")

    assert str(data["total"]["verdicts"]) == shown
    assert data["query"]["group_by"] == "brand" and data["query"]["category"] == "handbag"
    assert data["blocks"]["block_hash"] in told and "--from-chain" in told and "--from-week 2025-W30" in told


def test_a_choice_that_cannot_be_meant_is_answered_with_everything(open_page: Any, museum: Museum) -> None:
    here = open_page()

    page = here.go("/statistics?from_week=soon")

    assert page.get_by_role("alert").inner_text() == "That choice cannot be meant. Everything is shown instead."
    assert page.locator(".figures").count() == 1
