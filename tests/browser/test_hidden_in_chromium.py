"""Pieces that their brand hides, in a real browser: the page names nothing; owner and buyer learn what the chain tells of them."""

import json
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from tests.browser.accessibility import complaints, faint_words
from tests.browser.conftest import Museum, Opened
from tests.browser.pictures import picture
from tests.gallery import OWNER, address_of

PASSPHRASE = "four plain words here"


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The owner's key as any wallet writes it."""
    file = tmp_path_factory.mktemp("keys") / "key.json"
    file.write_text(json.dumps(Account.encrypt(OWNER.secret, PASSPHRASE, kdf="pbkdf2", iterations=1000)))
    return file


def notices(here: Opened) -> list[str]:
    return [str(title) for title in here.page.locator("[data-standing]:visible h2").all_inner_texts()]


@pytest.mark.parametrize("piece", ["withheld", "folded"])
def test_the_owner_of_a_hidden_piece_can_lift_what_they_reported_and_subscribe(
    open_page: Any, museum: Museum, key_file: Path, piece: str
) -> None:
    here = open_page()
    item = "0x" + museum.gallery.items[piece].hex()
    page = here.go(f"/own/{item}")
    page.wait_for_selector("[data-page][data-ready=yes]")

    page.set_input_files("#file", key_file)
    page.fill("#file-passphrase", PASSPHRASE)
    page.click('[data-form="file"] button')
    page.wait_for_selector('[data-step="mine"]:not([hidden])')

    assert page.locator('[data-deed="lift"]:visible').count() == 1 and page.locator('[data-deed="stolen"]:visible').count() == 0
    assert page.locator('[data-deed="veto"]:visible').count() == 1
    assert notices(here) == ["Reported stolen", "A new claim card has been requested"]
    assert page.get_attribute("[data-feed]", "href") == f"/v1/items/{item}/feed?key=0x{address_of(OWNER).hex()}"
    assert complaints(page) == [] and faint_words(page) == []
    picture(page, museum.pictures / f"own-{piece}.png")
    here.assert_quiet()


@pytest.mark.parametrize("piece", ["withheld", "folded"])
def test_whoever_is_about_to_buy_a_hidden_piece_sees_that_it_is_stolen(open_page: Any, museum: Museum, piece: str) -> None:
    here = open_page()

    page = here.go(f"/buy/0x{museum.gallery.items[piece].hex()}")
    page.wait_for_selector("[data-page][data-ready=yes]")

    assert notices(here) == ["Reported stolen", "A new claim card has been requested"]
    assert "UTC" in page.inner_text('[data-standing="stolen"]')
    assert complaints(page) == []
    picture(page, museum.pictures / f"buy-{piece}.png")
    here.assert_quiet()
