"""Claim cards made by the client library: address, letters and link are of one key, and nothing but the card itself tells it."""

import pytest

from ledger_client.cards import make_card
from ledger_verify import claims

ITEM = "0x" + "5e" * 32


def test_letters_link_and_address_are_of_one_key() -> None:
    card = make_card("https://ledger.example/", ITEM)

    keys = [claims.claim_key(claims.read_card(told)) for told in (card.text, card.link)]

    assert {"0x" + claims.address_of(key).hex() for key in keys} == {card.address}
    assert card.link.startswith(f"https://ledger.example/own/{ITEM}#c=")


def test_every_card_is_another_and_no_log_line_has_its_secret() -> None:
    cards = [make_card("https://ledger.example", ITEM) for _ in range(3)]

    assert len({card.address for card in cards}) == len({card.text for card in cards}) == 3
    assert all(card.text not in repr(card) and "#c=" not in repr(card) and card.address in repr(card) for card in cards)


def test_the_page_asks_nobody_and_names_come_as_text() -> None:
    card = make_card("https://ledger.example", ITEM)

    page = card.page(piece="<b>Maison</b> & Fils", lang="fr", heading="Carte", advice=("À garder.",))

    assert card.text in page and "&lt;b&gt;Maison&lt;/b&gt; &amp; Fils" in page and '<html lang="fr">' in page and "À garder." in page
    assert not any(asking in page for asking in ("<script", "src=", "href=", "url(", "@import"))


@pytest.mark.parametrize("item", ["", "0x12", "nonsense"])
def test_there_is_no_card_for_what_is_no_item(item: str) -> None:
    with pytest.raises(ValueError):
        make_card("https://ledger.example", item)
