"""A booked verification on two telephones before the service's doors: from the links to the counter, and what the owner signs in the page.

Keys stay on the telephones: whatever they send is read again here.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import zxingcpp
from eth_account import Account
from playwright.sync_api import Browser, Page

from ledger_api.app import create_app
from ledger_api.desk.vault import DiskVault
from ledger_verify import claims
from tests import servers
from tests.api.booking.world import SERIAL, BookingWorld
from tests.browser.accessibility import complaints, faint_words
from tests.browser.conftest import PHONE, served
from tests.browser.listening import listen
from tests.browser.pictures import picture
from tests.browser.visitors import pixels_of
from tests.consortium import manufacture, record_all, sale
from tests.doors import opened_doors

SECRET = bytes(range(20))
CARD = claims.card_text(SECRET)
OWNERS_KEY = claims.claim_key(SECRET)
PASSPHRASE = "four plain words here"
SECRETS = (CARD, CARD.replace(" ", ""), SECRET.hex(), OWNERS_KEY.secret.hex(), PASSPHRASE)


@dataclass
class Town:
    """The store's world as it is served, and everything that telephones sent to it."""

    world: BookingWorld
    url: str
    pictures: Path
    sent: list[str] = field(default_factory=list)

    def open(self) -> str:
        """A booking of a bag that is on the ledger in the hand of whoever has the card."""
        address = "0x" + claims.address_of(OWNERS_KEY).hex()
        for body in (manufacture(SERIAL), sale(SERIAL, claim_key=address)):
            assert self.world.doors.post("MAISON", "/v1/events", body).status_code == 202
        record_all(self.world.doors.engine)
        return str(self.world.open()["id"])

    def link(self, booking: str, role: str) -> str:
        """The invitation's link, at the address that the test serves."""
        return f"{self.url}/bookings/{self.world.token(booking, role)}"


@dataclass
class Telephone:
    town: Town
    page: Page
    errors: list[str] = field(default_factory=list)

    def look(self, name: str) -> None:
        picture(self.page, self.town.pictures / f"{name}.png")
        assert complaints(self.page) == [] and faint_words(self.page) == []

    def is_in(self, state: str) -> None:
        self.page.wait_for_selector(f'[data-page="booking"][data-state="{state}"]')

    def agree_to(self, paper: str) -> None:
        self.page.wait_for_selector(f'[data-step="agree"]:not([hidden]) [data-say="paper"] [data-name="{paper}"]:not([hidden])')
        self.look(f"agree-{paper}")
        self.page.click("[data-agree]")


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    photos = DiskVault(tmp_path / "photos", b"\x07" * 32)
    with (
        opened_doors(f"sqlite:///{tmp_path / 'ledger.db'}", photos=photos) as doors,
        served(create_app(doors.context), servers.free_port()) as url,
    ):
        yield Town(BookingWorld(doors), url, tmp_path)


@pytest.fixture
def telephone(browser: Browser, town: Town) -> Iterator[Callable[[str], Telephone]]:
    contexts = []

    def picked_up(link: str) -> Telephone:
        context = browser.new_context(viewport=PHONE, locale="en-GB", accept_downloads=True)
        context.set_default_timeout(60_000)
        contexts.append(context)
        made = Telephone(town, context.new_page())
        listen(made.page, made.errors)
        context.on("request", lambda request: town.sent.append(f"{request.url} {request.post_data or ''}"))
        made.page.goto(link)
        return made

    yield picked_up
    for context in contexts:
        context.close()


def settle(seller: Telephone, buyer: Telephone) -> None:
    """Two times of the seller's, the first of which the buyer takes."""
    for box in seller.page.locator(".hours label").all()[1:3]:
        box.click()
    seller.look("times")
    seller.page.click('button[value="mark"]')
    buyer.page.reload()
    buyer.look("proposed")
    buyer.page.locator('.deeds button[value="mark"]').first.click()
    buyer.is_in("booked")


def make_a_key(buyer: Telephone) -> str:
    """The address of the buyer's new key, whose file the telephone keeps; the booking knows it."""
    page = buyer.page
    page.fill("#fresh-passphrase", PASSPHRASE)
    page.fill("#fresh-again", PASSPHRASE)
    with page.expect_download():
        page.click('[data-form="fresh"] button')
    page.wait_for_function("document.querySelector('#address').value !== ''")
    address = page.input_value("#address")
    buyer.look("key")
    page.click('button[value="key"]')
    page.wait_for_selector("#address", state="detached")
    return address


def test_the_owner_settles_a_time_shows_the_code_and_signs_at_the_counter(town: Town, telephone: Callable[[str], Telephone]) -> None:
    world, booking = town.world, town.open()
    seller, buyer = telephone(town.link(booking, "seller")), telephone(town.link(booking, "buyer"))

    settle(seller, buyer)
    address = make_a_key(buyer)
    seller.page.reload()
    seller.look("appointment")
    (code,) = zxingcpp.read_barcodes(pixels_of(seller.page, ".ticket figure svg"))
    assert code.text == world.code(booking, "seller") == seller.page.inner_text("figcaption strong")
    assert world.look(booking)["new_holder"] == address

    world.at(world.starts_at(booking))
    assert world.come(booking).status_code == 200
    seller.page.reload()
    seller.page.fill("#card", "AAAA BBBB")
    seller.page.click('[data-form="card"] button')
    seller.page.wait_for_selector('[data-problem][data-code="not-a-card"]:not([hidden])')
    seller.look("no-card")
    seller.page.fill("#card", CARD)
    seller.page.click('[data-form="card"] button')
    seller.agree_to("hold")
    seller.page.wait_for_selector('[data-say="paper"] [data-name="resale"]:not([hidden])')  # the buyer's key is known: next paper
    assert world.state(booking) == "holding"
    assert seller.page.inner_text(".hero h1") == "Being put on hold" and "Times are those of the clock" in seller.page.inner_text("footer")

    seller.page.reload()
    sealed = json.dumps(Account.encrypt(OWNERS_KEY.secret, PASSPHRASE, kdf="pbkdf2", iterations=10_000)).encode()
    seller.page.set_input_files("#file", {"name": "key.json", "mimeType": "application/json", "buffer": sealed})
    seller.page.fill("#file-passphrase", PASSPHRASE)
    seller.page.click('[data-form="file"] button')
    seller.agree_to("resale")
    seller.page.wait_for_selector('[data-step="signed"]:not([hidden])')
    seller.look("resale-signed")

    record_all(world.doors.engine, block=11)
    world.work()
    seller.page.reload()
    seller.is_in("verifying")
    assert world.party(booking, "seller").json()["is_resale_signed"] is True
    assert [error for each in (seller, buyer) for error in each.errors if "status of 409" not in error] == []
    assert not [request for request in town.sent if not request.startswith((town.url, f"blob:{town.url}"))]
    assert not [secret for secret in SECRETS if any(secret.lower() in request.lower() for request in town.sent)]


def test_a_key_that_does_not_hold_the_piece_is_told_so_before_it_signs(town: Town, telephone: Callable[[str], Telephone]) -> None:
    booking = town.open()
    world = town.world
    world.mark(booking, "seller", world.slots(booking)[0])
    world.mark(booking, "buyer", world.slots(booking)[0])
    world.at_the_counter(booking)
    seller = telephone(town.link(booking, "seller"))

    seller.page.fill("#card", claims.card_text(bytes(20)))
    seller.page.click('[data-form="card"] button')

    seller.page.wait_for_selector('[data-problem][data-code="consent-not-the-holder"]:not([hidden])')
    seller.look("another-card")
    assert seller.page.locator("[data-agree]:visible").count() == 0
    assert world.state(booking) == "checked-in"
