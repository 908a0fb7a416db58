"""An appraiser at a real browser: by the keyboard alone, and without JavaScript."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route

from ledger_api.app import create_app
from ledger_api.desk.vault import DiskVault
from tests import servers
from tests.api.desk.world import DeskWorld, worker_of
from tests.browser.accessibility import complaints, faint_words
from tests.browser.conftest import DESKTOP, PHONE, served
from tests.browser.listening import listen
from tests.browser.pictures import picture
from tests.consortium import count
from tests.doors import opened_doors


@dataclass
class Office:
    """The desk as it is served, and a folder for screenshots."""

    world: DeskWorld
    url: str
    pictures: Path

    def sign_in(self, page: Page, who: str) -> None:
        page.goto(f"{self.url}/desk")
        page.fill("#key", self.world.keys[who])
        page.keyboard.press("Enter")
        page.wait_for_selector("[data-page=queue]")

    def picture(self, page: Page, name: str) -> None:
        for size in (DESKTOP, PHONE):
            page.set_viewport_size(size)
            picture(page, self.pictures / f"{name}-{size['width']}.png")
            assert complaints(page) == [] and faint_words(page) == []
        page.set_viewport_size(DESKTOP)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("office")
    with opened_doors(f"sqlite:///{folder / 'ledger.db'}", photos=DiskVault(folder / "photos", b"\x07" * 32)) as doors:
        world = DeskWorld(doors, worker_of(doors))
        with served(create_app(doors.context), servers.free_port()) as url:
            yield Office(world, url, folder)


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Any]:
    contexts = []

    def opened(**options: Any) -> tuple[Page, list[str]]:
        context = browser.new_context(**({"viewport": DESKTOP, "locale": "en-GB"} | options))
        contexts.append(context)
        page, errors = context.new_page(), []
        listen(page, errors)
        return page, errors

    yield opened
    for context in contexts:
        context.close()


def here(page: Page) -> str | None:
    return page.locator("[data-here]").get_attribute("data-shot")


def test_a_case_is_claimed_looked_into_and_decided_by_the_keyboard_alone(office: Office, open_page: Any) -> None:
    case = office.world.queued(notes="bought in 1998")
    page, errors = open_page()
    page.goto(f"{office.url}/desk")
    office.picture(page, "sign-in")
    page.locator("#key").focus()
    page.keyboard.type(office.world.keys["ada"])
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-page=queue][data-ready=yes]")
    office.picture(page, "queue")

    page.keyboard.press("c")
    page.wait_for_selector("[data-page=case][data-ready=yes]")
    page.wait_for_load_state("load")
    office.picture(page, "case")
    page.keyboard.press("j")
    page.keyboard.press("j")
    shot = here(page)
    pane = page.locator(f"#shot-{shot} [data-pane]")
    for key in ("+", "+", "ArrowRight"):
        page.keyboard.press(key)
    zoomed = pane.get_attribute("data-zoom"), pane.locator("img").evaluate("image => image.style.transform")
    picture(page, office.pictures / "zoomed.png", full_page=False)
    page.keyboard.press("0")
    page.keyboard.press("g")
    page.keyboard.type("j even strokes")
    for key in ("Escape", "2", "r", "Space", "c"):
        page.keyboard.press(key)
    page.keyboard.type("85")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("[data-page=queue] [role=status]")

    assert shot == "logo" and zoomed[0] == "in" and "scale(2.25)" in zoomed[1] and "translate(-80px" in zoomed[1]
    assert office.world.state(case) == "recording" and errors == []
    said = f"\"case\" = '{case}' AND outcome = 'not-authentic' AND confidence = 85 AND grounds = '{{\"logo\":\"j even strokes\"}}'"
    assert count(office.world.doors.engine, "appraisals", said) == 1


def test_a_flagged_case_is_reviewed_by_the_keyboard_alone(office: Office, open_page: Any) -> None:
    review = office.world.flagged(office.world.opened(), weapon=0.93, alcohol=0.61)
    page, errors = open_page()
    office.sign_in(page, "ada")
    page.goto(f"{office.url}/desk/reviews")
    page.wait_for_selector("[data-page=queue][data-ready=yes]")
    office.picture(page, "reviews")

    page.keyboard.press("c")
    page.wait_for_selector("[data-page=case][data-ready=yes]")
    page.wait_for_load_state("load")
    office.picture(page, "review")
    for key in ("j", "2", "r", "Space", "g"):
        page.keyboard.press(key)
    page.keyboard.type("a knife")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("[data-page=queue] [role=status]")
    office.picture(page, "reviewed")

    assert errors == []
    said = f"id = '{review}' AND state = 'refused' AND labels = '[\"weapon\"]' AND grounds = 'a knife'"
    assert count(office.world.doors.engine, "reviews", said) == 1


def test_the_desk_works_without_javascript(office: Office, open_page: Any) -> None:
    case = office.world.queued(value_eur=9_000)
    page, errors = open_page(java_script_enabled=False)
    page.goto(f"{office.url}/desk?lang=fr")
    page.fill("#key", office.world.keys["bo"])
    page.click("main form button")
    page.click("form:has([data-next]) button")
    page.wait_for_selector("[data-page=case]")
    page.wait_for_load_state()  # a photo that comes later than the question belongs to a case that nobody holds any more
    page.click("#ask summary")
    page.fill("#words", "de plus près, les lettres remplissent l’image")
    page.select_option("#shot", "logo")
    page.click("#ask form button")

    assert "Une autre photo est demandée" in page.inner_text("[role=status]")
    assert office.world.state(case) == "awaiting-photos" and errors == []


def test_a_double_click_claims_one_case(office: Office, open_page: Any) -> None:
    office.world.queued(), office.world.queued()
    page, errors = open_page()
    claims: list[Route] = []

    def answer_late(route: Route) -> None:
        claims.append(route)
        page.wait_for_timeout(400)
        route.continue_()

    page.route("**/desk/claim", answer_late)
    office.sign_in(page, "bo")
    page.wait_for_selector("[data-page=queue][data-ready=yes]")
    page.dblclick("[data-next]", delay=50)
    page.wait_for_selector("[data-page=case][data-ready=yes]")
    page.wait_for_load_state()

    assert len(claims) == 1 and errors == []


def test_who_leads_the_desk_sees_how_well_its_appraisers_agree(office: Office, open_page: Any) -> None:
    case = office.world.queued(value_eur=9_000)
    office.world.judged(case, "ada", "authentic")
    office.world.judged(case, "bo", "authentic")
    page, errors = open_page()
    page.goto(f"{office.url}/desk")
    page.fill("#key", office.world.doors.token("EXPERT"))
    page.click("main form button")
    office.picture(page, "agreement")
    page.goto(f"{office.url}/desk/tests")
    office.picture(page, "tests")

    assert page.locator("h1").inner_text() == "Test cases" and errors == []
