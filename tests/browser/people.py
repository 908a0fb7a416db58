"""What a shop, an owner and a buyer do in their browsers, one deed a function: press, wait until the page says so, take a picture.

Every step that is looked at is audited for accessibility too.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import zxingcpp
from eth_account import Account

from ledger_api.web.languages import load_languages
from ledger_verify import claims
from tests.browser.accessibility import complaints, faint_words
from tests.browser.pictures import picture
from tests.browser.visitors import Visitor
from tests.living import GTIN

THREE_DAYS, WAITING_PERIOD = 72 * 3600, 30 * 24 * 3600
ENGLISH = load_languages()["en"]
OWNERS_PASSPHRASE, BUYERS_PASSPHRASE = "four plain words here", "another four plain words"


@dataclass(frozen=True)
class Card:
    """A printed card, as its buyer holds it."""

    link: str
    text: str

    @property
    def secret(self) -> bytes:
        return claims.read_card(self.link)

    def spellings(self) -> list[str]:
        """Of what must never reach a server: the secret as it is printed, as bytes, and the key that it gives."""
        return [self.text, self.text.replace(" ", ""), self.secret.hex(), claims.claim_key(self.secret).secret.hex(), "#c="]


def look(who: Visitor, name: str) -> None:
    """A picture for whoever wants to see, and what an auditor of accessibility would say."""
    who.picture(name)
    assert complaints(who.page) == []
    assert faint_words(who.page) == []


def sell(shop: Visitor, serial: str) -> Card:
    begin_a_sale(shop, serial)
    shop.shown("card")
    return read_card(shop)


def begin_a_sale(shop: Visitor, serial: str) -> None:
    shop.go("/shop")
    enter_the_sale(shop, serial)


def enter_the_sale(shop: Visitor, serial: str) -> None:
    page = shop.page
    page.fill('[data-form="sale"] [name=key]', shop.world.keys["boutique"])
    page.fill("#gtin", GTIN)
    page.fill("#serial", serial)
    page.click('[data-form="sale"] button')


def read_card(shop: Visitor) -> Card:
    pixels = shop.pixels_of('[data-step="card"] svg.code')
    (code,) = zxingcpp.read_barcodes(pixels)
    return Card(code.text, shop.page.inner_text(".secret code"))


def print_the_card(shop: Visitor, card: Card) -> None:
    """What comes out of the printer is the card and nothing else."""
    page = shop.page
    page.emulate_media(media="print")
    picture(page, shop.world.folder / "card-on-paper.png", full_page=False)
    assert read_card(shop) == card
    assert not any(page.locator(part).first.is_visible() for part in (".top", ".bottom", ".own > header", "button"))
    page.emulate_media(media="screen")


def hand_the_card_over(shop: Visitor) -> None:
    shop.page.click("[data-printed]")
    shop.shown("sale")
    assert shop.page.evaluate("localStorage.length") == 0


def make_a_key(who: Visitor, passphrase: str) -> Path:
    page = who.page
    page.fill("#fresh-passphrase", passphrase)
    page.fill("#fresh-again", passphrase)
    return who.keep_download(lambda: page.click('[data-form="fresh"] button'))


def agree(who: Visitor, deed: str, then: str = "mine", *, to: str | None = None) -> None:
    """What is signed is said in words first: this deed and no other, and to which key where the piece goes to one."""
    who.shown("agree")
    page = who.page
    said = ENGLISH.say(f"deed.{deed.replace('-', '_')}").striptags()
    assert page.locator('[data-say="deed"] > p:visible').all_inner_texts() == [said]
    buyers = page.locator('[data-if="has-buyer"]:visible [data-fill="to"]').all_inner_texts()
    assert buyers == ([] if to is None else [to])
    look(who, f"agree-{deed}")
    page.click("[data-agree]")
    who.shown(then)


def open_with_file(who: Visitor, item: str, file: Path, passphrase: str, then: str = "mine") -> None:
    page = who.go(f"/own/{item}")
    page.set_input_files("#file", file)
    page.fill("#file-passphrase", passphrase)
    page.click('[data-form="file"] button')
    who.shown(then)


def claim(owner: Visitor, card: Card, passphrase: str) -> Path:
    """Opens the card and moves the piece to a fresh key: its file."""
    owner.go(card.link)
    owner.shown("mine")
    look(owner, "mine-by-card")
    assert owner.page.evaluate("location.hash") == ""
    owner.page.click('.notice [data-deed="fresh"]')
    owner.shown("fresh")
    look(owner, "fresh")
    file = make_a_key(owner, passphrase)
    agree(owner, "claim", to=address_in(file))
    return file


def lift_the_report(owner: Visitor) -> None:
    """Two signatures, 72 hours apart; in between the page says when, and the rules say no."""
    page = owner.page
    page.click('[data-deed="lift"]')
    agree(owner, "release-stolen")
    assert "UTC" in page.inner_text('[data-fill="release-at"]')
    look(owner, "mine-lift-begun")
    page.click('[data-deed="lift"]')
    agree_in_vain(owner, "waiting-period")
    owner.world.later(THREE_DAYS)
    page.click("[data-cancel]:visible")
    page.click('[data-deed="lift"]')
    agree(owner, "release-stolen")


def agree_in_vain(who: Visitor, code: str) -> None:
    who.shown("agree")
    who.page.click("[data-agree]")
    who.page.wait_for_selector(f'[data-problem][data-code="{code}"]')


def ask_for(buyer: Visitor, item: str, passphrase: str) -> tuple[str, Path]:
    """The buyer's request: (its link, the file of the buyer's new key)."""
    buyer.go(f"/buy/{item}")
    buyer.shown("fresh")
    look(buyer, "see")
    file = make_a_key(buyer, passphrase)
    buyer.shown("request")
    buyer.page.wait_for_selector('[data-name="none"]:visible')
    look(buyer, "request")
    (code,) = zxingcpp.read_barcodes(buyer.pixels_of('[data-step="request"] svg.code'))
    assert code.text == buyer.page.inner_text('[data-fill="link"]')
    return code.text, file


def offer(owner: Visitor, request: str) -> None:
    """The owner, whose page is open, follows the buyer's request and consents to exactly that."""
    owner.go(request).wait_for_selector('[data-if="request"]:visible')
    look(owner, "mine-asked")
    agree_to_the_request(owner, request)


def agree_to_the_request(owner: Visitor, request: str) -> None:
    page = owner.page
    page.click('.notice [data-deed="handover"]')
    owner.shown("handover")
    look(owner, "handover")
    page.click('[data-form="handover"] [type=submit]')
    agree(owner, "offer", then="offered", to=request.rpartition("#to=")[2])
    look(owner, "offered")


def address_in(file: Path) -> str:
    """Of a key file, whose address anybody may read."""
    return "0x" + str(json.loads(file.read_text())["address"])


def secret_of(file: Path, passphrase: str) -> str:
    """The key in a key file, opened by another implementation of keystore v3."""
    return bytes(Account.decrypt(json.loads(file.read_text()), passphrase)).hex()
