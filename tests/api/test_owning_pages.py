"""The pages on which keys are used: words from the server, modules of our own, nothing else; no secret can come here."""

from collections.abc import Iterator

import pytest
from httpx import Client

from ledger_api.routes.owning import DEEDS, PROBLEMS
from ledger_api.web.languages import TAGS
from tests.gallery import DAY, Gallery, visiting

BROWSER = {"Accept": "text/html"}
PAGES = ("own", "buy", "recover")


@pytest.fixture
def visitor(gallery: Gallery) -> Iterator[Client]:
    with visiting(gallery) as client:
        client.headers.update(BROWSER)
        yield client


def item_of(visitor: Client, gallery: Gallery, piece: str = "lune") -> str:
    found: str = visitor.get(gallery.path(piece), headers={"Accept": "application/json"}).json()["passport"]["id"]
    return found


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize("page", PAGES)
def test_every_page_is_said_in_every_language(visitor: Client, gallery: Gallery, page: str, tag: str) -> None:
    answer = visitor.get(f"/{page}/{item_of(visitor, gallery)}?lang={tag}")

    assert answer.status_code == 200
    assert f'<html lang="{tag}">' in answer.text and "<noscript>" in answer.text
    assert all(f'data-code="{code}"' in answer.text for code in PROBLEMS)


@pytest.mark.parametrize("page", [*PAGES, "shop"])
def test_these_pages_run_our_own_modules_and_ask_our_own_doors_alone(visitor: Client, gallery: Gallery, page: str) -> None:
    address = "/shop" if page == "shop" else f"/{page}/{item_of(visitor, gallery)}"

    answer = visitor.get(address)

    policy = answer.headers["content-security-policy"]
    assert "script-src 'self'" in policy and "connect-src 'self'" in policy and "unsafe" not in policy
    assert answer.text.count("<script") == answer.text.count('<script type="module" src="/assets/') == 2
    assert " style=" not in answer.text and " onclick=" not in answer.text
    assert answer.headers["referrer-policy"] == "no-referrer"


def test_the_owner_reads_every_deed_before_it_is_signed(visitor: Client, gallery: Gallery) -> None:
    text = visitor.get(f"/own/{item_of(visitor, gallery)}").text

    assert all(f'data-name="{deed}"' in text for deed in DEEDS)


def test_an_item_that_is_nowhere_has_no_owner_s_page(visitor: Client) -> None:
    assert visitor.get("/own/0x" + "00" * 32).status_code == 404
    assert visitor.get("/own/nonsense").status_code == 404


@pytest.mark.parametrize("piece", ["withheld", "folded"])
@pytest.mark.parametrize("page", PAGES)
def test_the_owner_of_a_hidden_piece_reaches_the_doors_and_the_page_names_nothing(
    visitor: Client, gallery: Gallery, page: str, piece: str
) -> None:
    answer = visitor.get(f"/{page}/0x{gallery.items[piece].hex()}")

    assert answer.status_code == 200
    assert "Lune" not in answer.text and "Maison" not in answer.text and 'class="eyebrow"' not in answer.text
    assert "data-standing" in answer.text


def test_the_shop_s_page_speaks_of_no_piece_before_one_is_sold(visitor: Client) -> None:
    answer = visitor.get("/shop")

    assert answer.status_code == 200
    assert "data-standing" not in answer.text and "shows nothing of this piece" not in answer.text


@pytest.mark.parametrize("piece", ["withheld", "folded"])
def test_the_terms_of_a_hidden_piece_tell_its_holds_and_name_nobody(visitor: Client, gallery: Gallery, piece: str) -> None:
    terms = visitor.get(f"/v1/items/0x{gallery.items[piece].hex()}/consent-terms").json()

    (hold,) = terms["holds"]
    assert (hold["hold"], hold["by"], hold["until"]) == ("stolen", "owner", None)
    assert hold["since"] <= terms["now"]
    assert terms["recovery_ready_at"] is not None and terms["verdict"] is None


def test_an_examination_that_ran_out_is_no_hold_any_more(visitor: Client, gallery: Gallery) -> None:
    address, now = f"/v1/items/0x{gallery.items['examined'].hex()}/consent-terms", gallery.now
    (held,) = visitor.get(address).json()["holds"]

    gallery.now += 30 * DAY
    later = visitor.get(address).json()["holds"]
    gallery.now = now

    assert (held["hold"], held["by"]) == ("in-verification", "organization")
    assert held["until"] is not None and later == []


def test_an_item_s_page_leads_to_its_owner_s(visitor: Client, gallery: Gallery) -> None:
    item = item_of(visitor, gallery)

    text = visitor.get(gallery.path("lune")).text

    assert all(f'href="/{page}/{item}"' in text for page in PAGES)
