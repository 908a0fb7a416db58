"""The checking page in a real Chromium: proofs of a real chain fetched from the real service, files, a node of the visitor's, forgeries."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Route

from ledger_api.app import create_service_app
from ledger_api.proving import Asked
from ledger_api.web.languages import TAGS
from ledger_verify.disclosure import withhold
from ledger_verify.hashing import ItemId
from ledger_verify.proof import canonical
from ledger_verify.transition import Role
from tests import servers
from tests.browser.accessibility import complaints, faint_words
from tests.browser.conftest import DESKTOP, PHONE, Opened, served
from tests.browser.listening import listen
from tests.browser.pictures import picture
from tests.chain.proof_world import ProofWorld, later, manufacture, proof_world
from tests.unit.ledger_verify.proven import cut_short

VECTORS = Path(__file__).resolve().parents[1] / "vectors" / "proofs"
TRUST: dict[str, Any] = json.loads((VECTORS / "index.json").read_text())["trust"]
FOREVER = "[data-verdict]:not([hidden]), [data-problem]:not([hidden])"


@dataclass
class Desk:
    """A service with one item of two events, and where its pages and its chain are."""

    world: ProofWorld
    item: ItemId
    url: str
    pictures: Path

    @property
    def path(self) -> str:
        return f"{self.url}/check/0x{self.item.hex()}"

    @property
    def ledger(self) -> str:
        return "0x" + self.world.deployment.ledger.hex()


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("desk")
    with proof_world(folder, f"sqlite:///{folder / 'ledger.db'}") as world:
        maison = world.admit("maison", Role.BRAND)
        shop = world.admit("shop", Role.RETAILER, accredited_by=maison)
        world.record(maison, manufacture(world, "A1"))
        item = world.record(shop, later(world, "service", "A1", 1, {"description": "polished", "bill": "B-9"}))
        with served(create_service_app(world.service), servers.free_port()) as url:
            yield Desk(world, item, url, folder)


@pytest.fixture
def visit(browser: Browser) -> Iterator[Any]:
    """Opens an address; `strangers` are all whom the page asked, the service too."""
    contexts = []

    def visited(address: str, **options: Any) -> Opened:
        context = browser.new_context(**({"viewport": DESKTOP, "locale": "en-GB"} | options))
        contexts.append(context)
        here = Opened(context.new_page(), "")
        listen(here.page, here.errors)
        here.page.on("request", lambda request: here.strangers.append(request.url))
        here.go(address)
        return here

    yield visited
    for context in contexts:
        context.close()


def verdict(page: Any) -> str:
    page.wait_for_selector(FOREVER)
    shown = page.locator(FOREVER)
    assert shown.count() == 1
    return str(shown.first.get_attribute("data-verdict") or shown.first.get_attribute("data-problem"))


def states(page: Any) -> list[str]:
    return [step.get_attribute("data-is") for step in page.locator("[data-recipe]").all()]


def choose(page: Any, name: str, edit: Any = lambda content: content) -> str:
    """Checks a file of the vectors, with what its index says is known."""
    content = edit((VECTORS / name).read_bytes())
    page.set_input_files("#file", {"name": name, "mimeType": "application/json", "buffer": content})
    return verdict(page)


def test_the_items_page_leads_to_a_proof_that_is_checked_at_once(visit: Any, desk: Desk) -> None:
    here = visit(f"{desk.url}/items/0x{desk.item.hex()}")

    here.page.click("a[href^='/check/']")

    assert verdict(here.page) == "consistent, not anchored"
    assert states(here.page) == ["good"] * 9 + ["grey"]
    assert here.page.locator("[data-events] > li").count() == 2
    assert "polished" in here.page.inner_text("[data-events]")
    assert sum(url.endswith("/proof") for url in here.strangers) == 1
    assert here.errors == [] and all(url.startswith(desk.url) for url in here.strangers)


def test_with_a_node_of_the_visitors_choice_the_proof_is_anchored(visit: Any, desk: Desk) -> None:
    page = visit(desk.path, viewport=PHONE).page
    verdict(page)

    page.fill("#ledger", desk.ledger)
    page.fill("#node", desk.world.url)
    page.focus("button[type=submit]")
    page.keyboard.press("Enter")

    page.wait_for_selector('[data-verdict="anchored"]:not([hidden])')
    assert states(page) == ["good"] * 10
    picture(page, desk.pictures / "anchored.png")
    assert complaints(page) == []


def test_a_proof_by_receipts_is_complete_where_the_visitors_node_knows_of_no_more_events(visit: Any, desk: Desk) -> None:
    by_receipts = desk.world.prove(desk.item, Asked(inclusion="receipts")).body
    page = visit(f"{desk.url}/check").page
    page.fill("#ledger", desk.ledger)
    page.fill("#node", desk.world.url)

    whole = choose(page, "short.json", lambda _: by_receipts)
    page.reload()
    page.fill("#ledger", desk.ledger)
    page.fill("#node", desk.world.url)
    ended = choose(page, "short.json", lambda _: canonical(cut_short(json.loads(by_receipts), 1)))

    assert (whole, ended) == ("anchored", "consistent, not complete")
    assert complaints(page) == [] and faint_words(page) == []


def test_another_ledger_at_the_same_node_is_refused(visit: Any, desk: Desk) -> None:
    page = visit(desk.path).page
    verdict(page)

    page.fill("#ledger", "0x" + desk.world.deployment.registry.hex())
    page.fill("#node", desk.world.url)
    page.click("button[type=submit]")

    page.wait_for_selector('[data-verdict="refused"]:not([hidden])')
    assert page.inner_text("[data-refusal]") == "other-ledger"
    assert states(page) == ["good"] * 9 + ["bad"]


def test_a_node_that_does_not_answer_is_said_to_be_silent(visit: Any, desk: Desk) -> None:
    here = visit(desk.path)
    verdict(here.page)

    here.page.fill("#node", f"http://127.0.0.1:{servers.free_port()}")
    here.page.click("button[type=submit]")

    here.page.wait_for_selector('[data-problem="node"]:not([hidden])')
    assert here.page.locator("[data-verdict]:not([hidden])").count() == 0


def test_a_node_that_has_not_the_block_is_said_not_to_know_it(visit: Any, desk: Desk) -> None:
    page = visit(f"{desk.url}/check").page

    page.fill("#node", desk.world.url)

    assert choose(page, "life.json") == "block"  # block 1,000 of another chain
    assert states(page) == ["good"] * 2 + ["wait"] * 8


def test_a_file_that_is_dropped_on_the_page_is_checked(visit: Any, desk: Desk) -> None:
    page = visit(f"{desk.url}/check").page

    page.evaluate(_DROP, (VECTORS / "short.json").read_text())

    assert verdict(page) == "consistent, not anchored"
    assert page.locator("[data-events] > li").count() == 2


def test_a_proof_that_comes_late_takes_no_place_of_the_file_that_was_chosen(visit: Any, desk: Desk) -> None:
    page = visit(f"{desk.url}/check").page

    def answer_late(route: Route) -> None:
        choose(page, "life.json", lambda content: content.replace(b"Cabas Verne", b"Cabas Verna"))
        route.continue_()

    page.route("**/proof", answer_late)
    with page.expect_response("**/proof"):
        page.goto(desk.path)
    page.wait_for_load_state("networkidle")

    assert verdict(page) == "refused" and page.inner_text("[data-refusal]") == "payload"


def test_what_is_typed_wrongly_is_marked_and_nothing_is_checked(visit: Any, desk: Desk) -> None:
    page = visit(desk.path).page
    verdict(page)

    page.fill("#ledger", "0x12")
    page.click("button[type=submit]")

    page.wait_for_selector('[data-problem="typed"]:not([hidden])')
    assert page.locator("#ledger[aria-invalid=true]:focus").count() == 1 and set(states(page)) == {"wait"}


@pytest.mark.parametrize("name", ["anvil-state.json", "receipts.json"])
def test_a_file_is_checked_offline_against_typed_facts(visit: Any, desk: Desk, name: str) -> None:
    here = visit(f"{desk.url}/check")
    here.page.wait_for_load_state("networkidle")  # its icon comes after the page
    here.page.context.set_offline(True)
    here.page.click("summary:has-text('Without a node')")
    for fact in ("chain_id", "ledger", "ledger_code_hash"):
        here.page.fill(f"#{fact}", str(TRUST[name][fact]))
    here.page.fill("#block_hash", " ".join(TRUST[name]["block_hash"]))

    assert choose(here.page, name) == ("consistent, not complete" if name == "receipts.json" else "anchored")

    assert ("grey" in states(here.page)) == (name == "receipts.json")
    assert here.errors == []


def test_whoever_holds_a_proof_saves_a_copy_that_shows_less(visit: Any, desk: Desk) -> None:
    here = visit(f"{desk.url}/check", viewport=PHONE, accept_downloads=True)
    page, whole = here.page, (VECTORS / "life.json").read_bytes()
    choose(page, "life.json")
    first, *others = (box.get_attribute("data-shows") for box in page.locator("[data-shows]").all())
    assert others and page.is_disabled("[data-withhold]")

    page.uncheck(f'[data-shows="{first}"]')
    picture(page, desk.pictures / "showing-less.png")
    assert complaints(page) == []
    with page.expect_download() as given:
        page.click("[data-withhold]")
    copy = Path(given.value.path()).read_bytes()

    assert copy == withhold(whole, {first})
    page.set_input_files("#file", {"name": "copy.json", "mimeType": "application/json", "buffer": copy})
    page.wait_for_function("many => document.querySelectorAll('[data-shows]').length === many", arg=len(others))
    assert verdict(page) == "consistent, not anchored"
    assert here.errors == []


def test_a_file_with_one_letter_changed_is_refused_at_its_step(visit: Any, desk: Desk) -> None:
    page = visit(f"{desk.url}/check", viewport=PHONE).page

    assert choose(page, "life.json", lambda content: content.replace(b"Cabas Verne", b"Cabas Verna")) == "refused"

    assert states(page) == ["good"] * 4 + ["bad"] + ["grey"] * 5
    assert page.inner_text("[data-refusal]") == "payload"
    assert page.locator("[data-recipe]:not([data-is=good]) dl").locator("visible=true").count() == 0
    picture(page, desk.pictures / "refused.png")
    assert complaints(page) == [] and faint_words(page) == []


@pytest.mark.parametrize("tag", TAGS)
def test_every_language_reads_well_on_the_checking_page(visit: Any, desk: Desk, tag: str) -> None:
    here = visit(f"{desk.url}/check", locale=tag, viewport=PHONE if tag.startswith("zh") else DESKTOP)

    assert choose(here.page, "life-less-shown.json") == "consistent, not anchored"

    picture(here.page, desk.pictures / f"check-{tag}.png")
    assert complaints(here.page) == [] and faint_words(here.page) == []
    assert here.errors == []


def test_what_is_no_item_has_the_honest_page_and_an_unknown_item_no_proof(visit: Any, desk: Desk) -> None:
    missing = visit(f"{desk.url}/check/nothing").page
    unknown = visit(f"{desk.url}/check/0x{'77' * 32}").page

    assert missing.locator("[data-page=check]").count() == 0
    assert verdict(unknown) == "proof" and set(states(unknown)) == {"wait"}


def test_only_the_checking_page_may_ask_other_nodes(visit: Any, desk: Desk) -> None:
    page = visit(f"{desk.url}/check").page
    asks = "url => fetch(url, {method: 'POST', body: '{}'}).then(() => 'asked', () => 'refused')"

    assert page.evaluate(asks, desk.world.url) == "asked"
    page.goto(f"{desk.url}/shop")
    assert page.evaluate(asks, desk.world.url) == "refused"


def test_without_scripts_the_page_says_how_to_check(visit: Any, desk: Desk) -> None:
    page = visit(desk.path, java_script_enabled=False).page

    assert "ledger-verify" in page.inner_text("header.hero")
    assert page.get_attribute("a[download]", "href") == f"/v1/items/0x{desk.item.hex()}/proof"


_DROP = """(text) => {
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([text], 'proof.json', { type: 'application/json' }));
  document.querySelector('article.check h1').dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
}"""
