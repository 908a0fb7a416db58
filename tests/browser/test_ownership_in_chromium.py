"""Owners in real browsers before the whole service: a shop, an owner and a buyer, from the sale to the hand-over, without an account.

Keys are made and used in the pages; whatever arrives at the server is read again here, and no secret is ever in it.
"""

import hashlib
from collections.abc import Iterator

import pytest
import zxingcpp
from playwright.sync_api import Browser, Route

from ledger_api.web.languages import TAGS
from ledger_client.cards import make_card
from ledger_verify import claims
from tests.browser.people import (
    BUYERS_PASSPHRASE,
    OWNERS_PASSPHRASE,
    WAITING_PERIOD,
    agree,
    agree_to_the_request,
    ask_for,
    begin_a_sale,
    claim,
    enter_the_sale,
    hand_the_card_over,
    lift_the_report,
    look,
    offer,
    open_with_file,
    print_the_card,
    read_card,
    secret_of,
    sell,
)
from tests.browser.visitors import Visitor, visitor
from tests.living import GTIN, World, living_ledger


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with living_ledger(tmp_path_factory.mktemp("owning")) as made:
        yield made


# --- from the sale to the hand-over ------------------------------------------------------------------------------------


def test_from_the_sale_to_the_hand_over(world: World, browser: Browser) -> None:
    shop, owner, buyer = (visitor(world, browser, name) for name in ("shop", "owner", "buyer"))
    serial, item = world.bag()

    card = sell(shop, serial)
    look(shop, "card")
    print_the_card(shop, card)
    hand_the_card_over(shop)
    owners_file = claim(owner, card, OWNERS_PASSPHRASE)
    owner.page.click('[data-deed="stolen"]')
    agree(owner, "hold-stolen")
    look(owner, "mine-stolen")
    asked = world.post("platform", "/v1/verifications", {"gtin": GTIN, "serial": serial})
    assert asked["decision"] == "reject"
    assert "on-hold:stolen" in {reason["code"] for reason in asked["reasons"]}
    assert "stolen" in buyer.go(f"/buy/{item}").inner_text("[data-notices]")
    lift_the_report(owner)
    assert world.passport(serial)["holds"] == []
    request, buyers_file = ask_for(buyer, item, BUYERS_PASSPHRASE)
    offer(owner, request)
    buyer.page.wait_for_selector('[data-name="open"]:visible')
    look(buyer, "exactly-what-you-saw")
    buyer.page.click("[data-take]")
    buyer.shown("yours")
    look(buyer, "yours")

    open_with_file(buyer, item, buyers_file, BUYERS_PASSPHRASE)
    open_with_file(owner, item, owners_file, OWNERS_PASSPHRASE, then="elsewhere")
    owner.go(card.link)
    owner.shown("elsewhere")
    look(owner, "card-opens-nothing")
    keys = [secret_of(owners_file, OWNERS_PASSPHRASE), secret_of(buyers_file, BUYERS_PASSPHRASE)]
    world.assert_never_heard(*card.spellings(), *keys, OWNERS_PASSPHRASE, BUYERS_PASSPHRASE)
    with pytest.raises(AssertionError):
        world.assert_never_heard(claims.address_of(claims.claim_key(card.secret)).hex())  # an address it does hear
    for each in (shop, owner, buyer):
        each.assert_quiet()


def test_a_card_that_a_till_made_and_printed_opens_the_piece(world: World, browser: Browser) -> None:
    till, owner = visitor(world, browser, "till"), visitor(world, browser, "owner-of-a-till")
    _, item = world.bag()
    card = make_card(world.url, item)
    world.record("boutique", {"kind": "sale", "item": {"id": item}, "claim_key": card.address})

    till.page.set_content(card.page(piece="Maison · Cabas Verne 32"))
    till.page.emulate_media(media="print")
    (code,) = zxingcpp.read_barcodes(till.pixels_of("main"))
    letters = till.page.inner_text("code")
    owner.go(code.text)
    owner.shown("mine")

    assert owner.page.get_attribute("[data-feed]", "href") == f"/v1/items/{item}/feed?key={card.address}"
    assert (code.text, letters) == (card.link, card.text)
    world.assert_never_heard(card.text.replace(" ", ""), "#c=")
    owner.assert_quiet()


# --- what happens in between -------------------------------------------------------------------------------------------


def test_an_event_between_the_offer_and_the_taking_is_told_and_withdraws_it(world: World, browser: Browser) -> None:
    shop, owner, buyer = (visitor(world, browser, name) for name in ("shop", "owner-2", "buyer-2"))
    serial, item = world.bag()
    owner.go(sell(shop, serial).link)
    owner.shown("mine")
    request, _ = ask_for(buyer, item, BUYERS_PASSPHRASE)
    offer(owner, request)
    buyer.page.wait_for_selector("[data-take]:visible")

    # the buyer's page knows nothing yet: it presses the button all the same
    buyer.page.route("**/offers/*", lambda route: route.abort())
    world.record("maison", {"kind": "service", "item": {"id": item}, "payload": {"description": "handle replaced"}})
    buyer.page.click("[data-take]")
    buyer.page.wait_for_selector('[data-problem][data-code="consent-withdrawn"]')
    look(buyer, "refused")
    buyer.page.unroute("**/offers/*")
    buyer.page.wait_for_selector('[data-name="withdrawn"]:visible')
    assert buyer.page.locator("[data-take]:visible").count() == 0
    look(buyer, "something-happened")

    # looked at again, the request is the same and a new consent is for what is seen now
    buyer.page.click("[data-again]")
    buyer.page.wait_for_selector('[data-name="withdrawn"]:visible')
    assert buyer.page.inner_text('[data-fill="link"]') == request
    owner.page.click("[data-look]:visible")
    owner.shown("mine")
    agree_to_the_request(owner, request)
    buyer.page.wait_for_selector("[data-take]:visible")


def test_who_follows_a_request_presses_nothing_before_the_page_knows_the_piece(world: World, browser: Browser) -> None:
    shop, owner = visitor(world, browser, "shop-2b"), visitor(world, browser, "owner-2b")
    serial, item = world.bag()
    owner.go(sell(shop, serial).link)
    owner.shown("mine")
    buyer = "0x" + "ab" * 20
    hand_over, seen = owner.page.locator('.notice [data-deed="handover"]'), []

    def answer_late(route: Route) -> None:
        seen.append((hand_over.is_visible(), hand_over.is_disabled()))
        route.continue_()

    owner.page.route("**/consent-terms*", answer_late)
    owner.go(f"/own/{item}#to={buyer}")
    agree_to_the_request(owner, f"/own/{item}#to={buyer}")

    assert seen == [(True, True)], "the answer would have taken away what was shown meanwhile"


def test_a_sale_whose_answer_is_lost_keeps_its_card_and_is_recorded_once(world: World, browser: Browser) -> None:
    shop, owner = visitor(world, browser, "shop-3"), visitor(world, browser, "owner-3")
    serial, _ = world.bag()

    # the sale arrives, its answer does not
    shop.page.route("**/v1/events", deliver_and_break)
    begin_a_sale(shop, serial)
    shop.page.wait_for_selector('[data-problem][data-code="unreachable"]')
    look(shop, "connection-lost")
    world.eventually(lambda: world.passport(serial)["stage"] == "sold")
    shop.page.unroute("**/v1/events")
    shop.page.reload()
    shop.shown("again")
    shop.page.fill('[data-form="again"] [name=key]', world.keys["boutique"])
    shop.page.click('[data-form="again"] [type=submit]')
    shop.shown("card")
    card = read_card(shop)
    shop.page.reload()
    shop.shown("card")

    assert read_card(shop) == card
    assert [entry["kind"] for entry in world.passport(serial)["story"]].count("sale") == 1
    owner.go(card.link)
    owner.shown("mine")


def deliver_and_break(route: Route) -> None:
    route.fetch()
    route.abort("connectionreset")


def test_a_sale_that_is_refused_says_why_and_its_card_can_be_thrown_away(world: World, browser: Browser) -> None:
    shop = visitor(world, browser, "shop-4")
    serial, _ = world.bag()
    sell(shop, serial)
    hand_the_card_over(shop)

    begin_a_sale(shop, serial)
    shop.page.wait_for_selector('[data-problem][data-code="already-sold"]')
    shop.shown("again")
    shop.page.click("[data-forget]")
    shop.shown("sale")

    assert shop.page.evaluate("localStorage.length") == 0


def test_two_windows_of_one_shop_lose_no_card(world: World, browser: Browser) -> None:
    shop = visitor(world, browser, "shop-5")
    (one, _), (two, _) = world.bag(), world.bag()
    shop.go("/shop")
    other = shop.another_window()
    other.go("/shop")

    for window, serial in ((shop, one), (other, two)):
        enter_the_sale(window, serial)
        window.shown("card")
    cards = {read_card(shop), read_card(other)}

    shop.page.dblclick("[data-printed]")  # the second half would throw the other card away
    shop.page.wait_for_selector(f'[data-step="card"] [data-fill="serial"]:has-text("{two}")')
    hand_the_card_over(shop)

    assert len(cards) == 2 and read_card(other) in cards


def test_an_owner_needs_no_mouse(world: World, browser: Browser) -> None:
    shop, owner = visitor(world, browser, "shop-6"), visitor(world, browser, "owner-6")
    serial, item = world.bag()
    card = sell(shop, serial)
    page, press = owner.go(f"/own/{item}"), owner.page.keyboard.press

    owner.tab_to("#card")
    page.keyboard.type(card.text.lower())
    press("Enter")
    owner.shown("mine")
    assert page.evaluate("document.activeElement.textContent") == "This is yours"
    owner.tab_to('[data-deed="lost"]')
    press("Space")
    owner.shown("agree")
    owner.tab_to("[data-agree]")
    press("Enter")
    page.wait_for_selector('[data-deed="found"]:visible')

    assert world.passport(serial)["holds"][0]["hold"] == "lost"
    page.click('[data-deed="found"]')
    agree(owner, "release-lost")
    assert world.passport(serial)["holds"] == []
    assert page.locator('[data-deed="lost"]:visible').count() == 1
    owner.assert_quiet()


@pytest.mark.parametrize("tag", TAGS)
def test_every_page_reads_well_in_every_language_and_in_the_dark(world: World, browser: Browser, tag: str) -> None:
    guest = visitor(world, browser, f"guest-{tag}", locale=tag, color_scheme="dark")
    item = world.standing_item()

    for page in ("/shop", f"/own/{item}", f"/buy/{item}", f"/recover/{item}"):
        guest.go(page)
        look(guest, page.split("/")[1])

    guest.assert_quiet()


def test_the_owner_sees_a_request_to_replace_the_key_and_refuses_it(world: World, browser: Browser) -> None:
    shop, owner, desk = (visitor(world, browser, name) for name in ("shop-7", "owner-7", "desk"))
    serial, item = world.bag()
    card = sell(shop, serial)
    ask_brand(desk, item, "request", "0x" + "ab" * 20)
    desk.page.wait_for_selector('[data-if="pending"]:visible')
    look(desk, "pending")

    owner.go(card.link)
    owner.shown("mine")
    look(owner, "mine-recovery")
    owner.page.click('[data-deed="veto"]')
    agree(owner, "recovery")

    assert owner.page.locator('[data-deed="veto"]:visible').count() == 0
    assert world.passport(serial)["recovery"] is None
    desk.go(f"/recover/{item}").wait_for_selector('[data-if="none-pending"]:visible')


def test_a_lost_card_is_replaced_after_the_waiting_period_and_the_new_key_opens_the_piece(world: World, browser: Browser) -> None:
    shop, owner, desk = (visitor(world, browser, name) for name in ("shop-9", "owner-9", "desk-9"))
    serial, item = world.bag()
    card = sell(shop, serial)
    request, file = ask_for(owner, item, OWNERS_PASSPHRASE)  # the owner's fresh key, whose address is brought to the brand
    ask_brand(desk, item, "request", request.rpartition("#to=")[2])
    desk.page.wait_for_selector('[data-if="pending"]:visible')

    world.later(WAITING_PERIOD + 60)
    ask_brand(desk, item, "complete", request.rpartition("#to=")[2])
    desk.page.wait_for_selector('[data-if="none-pending"]:visible')
    look(desk, "completed")

    open_with_file(owner, item, file, OWNERS_PASSPHRASE)
    assert owner.page.locator('[data-deed="veto"]:visible').count() == 0
    owner.go(card.link)
    owner.shown("elsewhere")
    assert [entry["facts"]["phase"] for entry in world.passport(serial)["story"] if entry["kind"] == "recovery"] == ["request", "complete"]


def ask_brand(desk: Visitor, item: str, phase: str, address: str) -> None:
    page = desk.go(f"/recover/{item}")
    page.fill("#recovery-key", desk.world.keys["maison"])
    page.check(f'[name=phase][value="{phase}"]')
    page.fill("#address", address)
    page.click('[data-form="recovery"] [type=submit]')


def test_an_owner_contradicts_an_opinion_and_the_evidence_stays_at_home(world: World, browser: Browser) -> None:
    shop, owner = visitor(world, browser, "shop-8"), visitor(world, browser, "owner-8")
    serial, item = world.bag()
    card = sell(shop, serial)
    fake = {"outcome": "not-authentic", "method": "photo", "payload": {"appraiser": "A-1"}}
    world.record("maison", {"kind": "verdict", "item": {"id": item}} | fake)
    invoice = b"an invoice with the name of its owner"
    page = owner.go(card.link)
    owner.shown("mine")

    page.click('[data-deed="contradict"]')
    page.fill("#sequence", "4")
    page.fill("#grounds", "Bought in the boutique, with its invoice.")
    page.set_input_files("#evidence", {"name": "invoice.pdf", "mimeType": "application/pdf", "buffer": invoice})
    look(owner, "contradict")
    page.click('[data-form="contradict"] [type=submit]')
    owner.shown("agree")
    agreed_to = page.inner_text('[data-step="agree"]')
    agree(owner, "dispute")

    (told,) = world.http.get("/v1/disputes", headers=world.bearer("maison")).json()["disputes"]
    print_of_invoice = hashlib.sha256(invoice).hexdigest()
    assert (told["item"], told["contests"], told["grounds"]) == (item, 4, "Bought in the boutique, with its invoice.")
    assert told["evidence"] == ["0x" + print_of_invoice]
    assert "Bought in the boutique" in agreed_to and f"0x{print_of_invoice[:6]}" in agreed_to
    world.assert_never_heard(invoice.decode(), "invoice.pdf")
    owner.assert_quiet()
