"""A person with a telephone before the desk: an account by passkey and by code, photos, one of them blurred, sent off and followed."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.api.desk.world import SERIAL, SHOTS
from tests.browser.accessibility import complaints, faint_words
from tests.browser.asking import AskedDesk, asked_desk
from tests.browser.conftest import PHONE
from tests.browser.listening import listen
from tests.consortium import GTIN

Open = Callable[..., Page]
TWO_CHANGES = "".join(f'id: {number}\nevent: moved\ndata: {{"state": "queued"}}\n\n' for number in (1, 2))
EARLIER = '<article data-page="case" data-state="queued"><p>as it was</p></article>'
WHEN_IT_GOES_ON = "addEventListener('beforeunload', () => (sessionStorage.takesAnother = !document.querySelector('#photo').disabled))"
LOOKS = 3  # the page itself, and one for each change


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AskedDesk]:
    with asked_desk(tmp_path_factory.mktemp("asking")) as desk:
        yield desk


@pytest.fixture
def phone(asked: AskedDesk, browser: Browser) -> Iterator[Open]:
    """A telephone of somebody's own; nothing may go wrong on its pages, and it asks nobody but us."""
    contexts, troubles = [], []

    def opened(**options: Any) -> Page:
        context = browser.new_context(viewport=PHONE, locale="en-GB", has_touch=True, is_mobile=True, **options)
        contexts.append(context)
        page = context.new_page()
        listen(page, troubles)
        page.on("request", lambda request: None if request.url.startswith(asked.url) else troubles.append(request.url))
        return page

    yield opened
    for context in contexts:
        context.close()
    assert troubles == []


def with_a_passkey_device(page: Page) -> None:
    """The telephone's own: it keeps passkeys and says yes."""
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    kind = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True, "isUserVerified": True}
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": kind | {"automaticPresenceSimulation": True}})


def begin(page: Page) -> str:
    """The id of the case."""
    page.get_by_label("Serial number").fill(SERIAL)
    page.get_by_text("More that helps").click()
    page.get_by_label("Product number (GTIN)").fill(GTIN)
    page.get_by_role("button", name="Go on to the photos").click()
    page.wait_for_url("**/evaluate/*")
    return page.url.rpartition("/")[2]


def take(page: Page, asked: AskedDesk, name: str, *, spoiled: str | None = None) -> None:
    page.locator("#photo").set_input_files(asked.photo(name, spoiled=spoiled))


def fine(page: Page) -> None:
    assert complaints(page) == [] and faint_words(page) == []


def test_a_passkey_opens_an_account_and_opens_it_again(asked: AskedDesk, phone: Open) -> None:
    page = phone()
    with_a_passkey_device(page)
    page.goto(f"{asked.url}/evaluate")
    fine(page)
    page.get_by_role("button", name="Make a passkey").click()
    expect(page.get_by_text("This one is free")).to_be_visible()
    case = begin(page)

    page.goto(f"{asked.url}/account")
    fine(page)
    page.get_by_role("button", name="Sign out").click()
    page.goto(f"{asked.url}/evaluate/{case}")
    expect(page.get_by_role("heading", name="Make an account")).to_be_visible()
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url("**/evaluate")
    page.goto(f"{asked.url}/evaluate/{case}")

    expect(page.get_by_role("heading", level=1, name="The front")).to_be_visible()


def test_from_a_code_to_a_case_that_is_sent_off_with_one_blurred_photo_taken_again(asked: AskedDesk, phone: Open) -> None:
    page = phone()
    page.goto(f"{asked.url}/evaluate")
    page.get_by_role("button", name="Get a code").click()
    code = page.locator("[data-code]").inner_text()
    fine(page)
    page.get_by_role("link", name="I have kept it").click()
    fine(page)
    case = begin(page)
    fine(page)

    take(page, asked, "front", spoiled="blurred")
    expect(page.get_by_role("heading", name="Please take it again")).to_be_visible()
    assert page.url.endswith(case), "the answer comes without leaving the page"
    fine(page)
    for name in SHOTS:
        page.evaluate(WHEN_IT_GOES_ON)
        take(page, asked, name)
        page.wait_for_url(f"**good={name}")
        assert page.evaluate("sessionStorage.takesAnother") == "false", "it would be taken for the detail that is there"
    expect(page.get_by_text("8 of 8 photos are there")).to_be_visible()
    fine(page)
    page.get_by_role("button", name="Send it off").click()

    expect(page.get_by_role("heading", name="Being prepared")).to_be_visible()
    asked.desk.work()
    expect(page.get_by_role("heading", name="Waiting for an appraiser")).to_be_visible()  # told by the stream
    asked.desk.judged(case, "ada", "inconclusive")
    asked.desk.work()
    expect(page.get_by_text("What would help")).to_be_visible()
    fine(page)
    write_while_it_looks(page)
    other = phone()
    other.goto(f"{asked.url}/account")
    other.get_by_label("Your code").fill(code.lower())
    other.get_by_role("button", name="Sign in", exact=True).click()
    expect(other.get_by_text("Concluded")).to_be_visible()


def write_while_it_looks(page: Page) -> None:
    """The page hears of two changes at once and looks twice; the first answer comes last, and somebody writes all the while."""
    looks: list[Route] = []

    def answer_the_second_first(route: Route) -> None:
        looks.append(route)
        if route.request.resource_type == "document" or len(looks) > LOOKS:
            return route.continue_()
        if len(looks) == LOOKS:
            page.locator("#grounds").fill("the zip was replaced")
            page.evaluate("document.querySelector('[data-page]').firstElementChild.dataset.was = 'before'")
            route.continue_()
            expect(page.locator("[data-was]")).to_have_count(0)
            looks[1].fulfill(body=EARLIER, content_type="text/html")
        return None

    page.route("**/evaluate/*", answer_the_second_first)
    page.route("**/stream", lambda route: route.fulfill(body=TWO_CHANGES, content_type="text/event-stream"))
    with page.expect_response(lambda answer: answer.headers.get("content-length") == str(len(EARLIER))):
        page.reload()
    page.unroute_all()
    page.wait_for_load_state("networkidle")

    assert page.locator("#grounds").input_value() == "the zip was replaced" and page.get_by_text("as it was").count() == 0


def test_forms_do_the_same_where_no_script_runs(asked: AskedDesk, phone: Open) -> None:
    page = phone(java_script_enabled=False)
    page.goto(f"{asked.url}/evaluate")
    expect(page.get_by_role("button", name="Make a passkey")).to_be_hidden()
    page.get_by_role("button", name="Get a code").click()
    page.get_by_role("link", name="I have kept it").click()
    begin(page)

    take(page, asked, "front", spoiled="blurred")
    page.get_by_role("button", name="Send this photo").click()
    expect(page.get_by_role("heading", name="Please take it again")).to_be_visible()
    take(page, asked, "front")
    page.get_by_role("button", name="Send this photo").click()

    expect(page.get_by_role("heading", level=1, name="The back")).to_be_visible()
    expect(page.get_by_text("1 of 8 photos are there")).to_be_visible()
