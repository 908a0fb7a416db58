"""The feed by which an owner hears of what happens to an item."""

from collections.abc import Iterator
from xml.etree.ElementTree import fromstring

import pytest
from coincurve import PrivateKey
from httpx import Client

from tests.gallery import NEW_CARD, OWNER, SECOND_OWNER, Gallery, address_of, visiting

NAMES = {"atom": "http://www.w3.org/2005/Atom"}


@pytest.fixture
def visitor(gallery: Gallery) -> Iterator[Client]:
    with visiting(gallery) as client:
        yield client


def item_of(visitor: Client, gallery: Gallery, piece: str) -> str:
    found: str = visitor.get(gallery.path(piece), headers={"Accept": "application/json"}).json()["passport"]["id"]
    return found


def titles(text: str) -> list[str]:
    return [str(title.text) for title in fromstring(text).iterfind("atom:entry/atom:title", NAMES)]


def test_an_owner_hears_of_a_theft_report_and_not_of_repairs(visitor: Client, gallery: Gallery) -> None:
    item = item_of(visitor, gallery, "stolen")

    answer = visitor.get(f"/v1/items/{item}/feed")

    assert answer.headers["content-type"].startswith("application/atom+xml")
    assert any("stolen" in title.lower() for title in titles(answer.text))
    assert "<bdi>" not in answer.text and "manufacture" not in answer.text


def test_a_reader_that_has_it_is_told_so(visitor: Client, gallery: Gallery) -> None:
    item = item_of(visitor, gallery, "stolen")
    first = visitor.get(f"/v1/items/{item}/feed")

    again = visitor.get(f"/v1/items/{item}/feed", headers={"If-None-Match": first.headers["etag"]})

    assert again.status_code == 304


def test_the_feed_speaks_the_readers_language(visitor: Client, gallery: Gallery) -> None:
    item = item_of(visitor, gallery, "stolen")

    french, english = (titles(visitor.get(f"/v1/items/{item}/feed?lang={tag}").text) for tag in ("fr", "en"))

    assert len(french) == len(english) > 0
    assert french != english


def test_an_item_that_is_nowhere_has_no_feed(visitor: Client) -> None:
    assert visitor.get("/v1/items/0x" + "00" * 32 + "/feed").status_code == 404
    assert visitor.get("/v1/items/nonsense/feed").status_code == 404


@pytest.mark.parametrize(("piece", "status"), [("withheld", 403), ("folded", 404)])
def test_a_hidden_item_has_a_feed_for_the_key_that_holds_it_alone(visitor: Client, gallery: Gallery, piece: str, status: int) -> None:
    feed = f"/v1/items/0x{gallery.items[piece].hex()}/feed"

    answer = visitor.get(f"{feed}?key={hex_of(OWNER)}&lang=en")

    assert answer.status_code == 200
    assert titles(answer.text) == ["Reported stolen", "New claim card requested", "Sold"]
    assert "Maison" not in answer.text and "Lune" not in answer.text and "<summary>" not in answer.text
    assert visitor.get(feed).status_code == status
    assert visitor.get(f"{feed}?key={hex_of(NEW_CARD)}").status_code == 404


def test_a_key_hears_what_took_the_item_away_and_nothing_later(visitor: Client, gallery: Gallery) -> None:
    """The Sac Lune: sold to one owner, judged twice, resold to the second, corrected since."""
    feed = f"/v1/items/{item_of(visitor, gallery, 'lune')}/feed?lang=en&key="

    first, second = (titles(visitor.get(feed + hex_of(key)).text) for key in (OWNER, SECOND_OWNER))

    assert (first[0], second[0]) == ("Resold", "Corrected")
    assert second[1:] == first


def hex_of(key: PrivateKey) -> str:
    return "0x" + address_of(key).hex()
