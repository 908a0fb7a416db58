"""The badge of a listing on a real database behind the real indexer: alive, dead, signed, at home and nowhere else."""

import itertools
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

import orjson
import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from httpx import Client, Response
from sqlalchemy import text

from ledger_api.auth import Scope
from ledger_api.listings import rows
from ledger_api.listings.addresses import belongs, origin_of
from ledger_api.store.engine import writing
from ledger_api.web.languages import TAGS
from ledger_api.web.rendering import utc
from ledger_verify.codes import Kind, Role
from ledger_verify.hashing import keccak
from ledger_verify.state import word
from tests.doors import meanwhile
from tests.gallery import GTIN, OWNER, SECOND_OWNER, SERIALS, SERVICE, Gallery, address_of, happened, holder_of, make_gallery, visiting

Json = dict[str, Any]
URL = "https://resale.example/items/7?colour=noir"
HOME = "https://resale.example"
NUMBERS = itertools.count(1)
HOSTILE = [
    "</text><script>alert(1)</script>",
    "&lt;script&gt; &#x202e; ]]> <!-- &bogus;",
    "Sac \u202eetonger\u2066\u200f Lune\x00\x08\x1b\u2028",
    "W" * 10_000,
    "晨" * 10_000,
    '" onload="alert(1)',
]


@dataclass
class Stall:
    """A platform's listings, and the visitor who looks at their badges."""

    gallery: Gallery
    client: Client

    def offer(self, piece: str = "lune", *, url: str = URL, title: str = "Sac Lune, noir", seller: Any = None, **changes: Any) -> str:
        number = next(NUMBERS)
        id, at = f"{number:032x}", utc(self.gallery.now)
        expect = {} if seller is None else {"seller": {"claim_key": "0x" + address_of(seller).hex()}}
        question = {"gtin": GTIN, "serial": SERIALS[piece], "expect": expect}
        row = {
            "id": id,
            "platform": self.gallery.members["platform"].id,
            "reference": f"L-{number}",
            "item": self.gallery.items[piece],
            "question": orjson.dumps(question).decode(),
            "title": title,
            "url": url,
            "origin": origin_of(url),
            "offer": "{}",
            "state": "live",
            "created_at": at,
            "changed_at": at,
        }
        with writing(self.gallery.engine) as connection:
            rows.keep(connection, row | changes)
        return id

    def change(self, listing: str, **columns: Any) -> None:
        with writing(self.gallery.engine) as connection:
            rows.change(connection, listing, **columns)

    def told(self, listing: str, **query: str) -> Json:
        answer = self.client.get(f"/v1/listings/{listing}/badge.json", params=query)
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()
        return found

    def picture(self, listing: str, **headers: str) -> str:
        answer = self.client.get(f"/v1/listings/{listing}/badge.svg", headers=headers)
        assert answer.status_code == 200 and answer.headers["content-type"] == "image/svg+xml", answer.text
        return answer.text

    def page(self, listing: str, tag: str = "en") -> Response:
        return self.client.get(f"/badges/{listing}", headers={"Accept-Language": tag})


@pytest.fixture
def stall(gallery: Gallery) -> Iterator[Stall]:
    with visiting(gallery) as client:
        yield Stall(gallery, client)
    with writing(gallery.engine) as connection:  # too many of one bag would look like clones
        connection.execute(rows.listings.delete())


@pytest.fixture
def own(database_url: str) -> Iterator[Stall]:
    """For tests in which something happens to the item."""
    gallery = make_gallery(database_url)
    with visiting(gallery) as client:
        yield Stall(gallery, client)
    gallery.engine.dispose()


def words(svg: str) -> str:
    """What the picture shows; that it can be read is half of the test."""
    root = ElementTree.fromstring(svg)
    return " ".join("".join(text.itertext()).strip() for text in root.iter("{http://www.w3.org/2000/svg}text"))


def recovered(told: Json) -> str:
    return str(Account.recover_message(encode_typed_data(full_message=told["typed_data"]), signature=told["signature"])).lower()


# --- alive and dead --------------------------------------------------------------------------------------------------


def test_a_live_badge_says_who_judged_how_and_when(stall: Stall) -> None:
    listing = stall.offer()

    told = stall.told(listing, url=URL)
    shown = words(stall.picture(listing))

    assert (told["alive"], told["belongs"]) == (True, True)
    assert told["verdict"]["by"]["name"] == "Expert House"
    assert told["says"].startswith("Expert House judged it authentic, in person, on ")
    assert all(part in shown for part in ("On record", "Sac Lune, noir", "轉售 HK", "resale.example", "Expert House judged", "Valid until"))


def test_a_badge_is_of_one_block_also_when_the_indexer_comes_in_between(own: Stall) -> None:
    """Who reads the item's word at the block that is named finds the one that was signed."""
    listing, gallery, item = own.offer(), own.gallery, own.gallery.items["lune"]

    def stolen() -> None:
        happened(gallery, gallery.members["maison"], item, Kind.HOLD, a=1, consented=True)
        gallery.block()

    before, known = own.told(listing), word(gallery.world.states[item])
    with meanwhile(gallery.engine, "FROM items", stolen):
        badge = own.told(listing)

    dead = badge["block"] > before["block"]
    assert (badge["alive"], int(badge["typed_data"]["message"]["word"], 16)) == ((False, 0) if dead else (True, known))


@pytest.mark.parametrize("death", ["stolen", "judged anew"])
def test_a_badge_dies_with_its_answer_and_does_not_say_why(own: Stall, death: str) -> None:
    listing, gallery = own.offer(), own.gallery
    item = gallery.items["lune"]
    assert own.told(listing)["alive"]

    if death == "stolen":
        happened(gallery, gallery.members["maison"], item, Kind.HOLD, a=1, consented=True)
    else:
        happened(gallery, gallery.members["expert"], item, Kind.VERDICT, a=2, b=3)
    gallery.block()

    assert_silent(own, listing)


def test_a_badge_dies_when_the_seller_holds_the_piece_no_more(own: Stall) -> None:
    listing, gallery = own.offer(seller=SECOND_OWNER), own.gallery
    assert own.told(listing)["alive"]

    happened(gallery, gallery.members["platform"], gallery.items["lune"], Kind.RESALE, party=holder_of(OWNER))
    gallery.world.mine(6)
    gallery.block()
    gallery.now += 84

    assert_silent(own, listing)
    assert own.told(own.offer(seller=OWNER))["alive"]


@pytest.mark.parametrize("state", ["closed", "withdrawn"])
def test_a_badge_dies_with_its_listing(stall: Stall, state: str) -> None:
    listing = stall.offer()
    assert stall.told(listing)["alive"]

    stall.change(listing, state=state)

    assert_silent(stall, listing)


def assert_silent(stall: Stall, listing: str) -> None:
    """It says that it says nothing, and not why."""
    told, shown, page = stall.told(listing), words(stall.picture(listing)), stall.page(listing).text
    assert (told["alive"], told["verdict"], told["item"], told["item_page"]) == (False, None, None, None)
    assert told["says"] == "This badge says nothing any more"
    signed = told["typed_data"]["message"]
    assert (signed["step"], signed["item"], signed["word"]) == (0, "0x" + "00" * 32, "0x" + "00" * 32)
    for said in (shown, page):
        assert "says nothing any more" in said and "Expert House" not in said
        assert "stolen" not in said.lower() and stall.gallery.items["lune"].hex() not in said


@pytest.mark.parametrize("piece", ["fake", "stolen", "inconclusive", "expired", "sold", "withheld", "folded"])
def test_whatever_is_not_to_be_listed_has_no_live_badge(stall: Stall, piece: str) -> None:
    assert stall.told(stall.offer(piece))["alive"] is False


def test_too_many_listings_of_one_piece_leave_none_of_them_a_live_badge(stall: Stall) -> None:
    listings = [stall.offer(url=f"{HOME}/items/{number}") for number in range(4)]

    assert not any(stall.told(listing)["alive"] for listing in listings)


def test_what_only_partners_see_has_no_public_badge(own: Stall) -> None:
    listing, gallery = own.offer(), own.gallery
    maison, platform = gallery.members["maison"], gallery.members["platform"]
    gallery.world.accredit(maison, platform, int(Role.PLATFORM))
    gallery.block()
    assert own.told(listing)["alive"]

    with writing(gallery.engine) as connection:
        connection.execute(text("UPDATE profiles SET visibility = 'withheld' WHERE organization = :brand"), {"brand": maison.id})
    headers = {"Authorization": f"Bearer {gallery.key('platform', Scope.VERIFY)}"}
    next_step = own.client.get(f"/v1/listings/{listing}", headers=headers).json()["next"]

    assert next_step == "list"
    assert_silent(own, listing)


def test_a_listing_without_an_item_has_no_live_badge(stall: Stall) -> None:
    assert stall.told(stall.offer(item=None, question=None))["alive"] is False


def test_a_badge_dies_when_the_chain_is_not_followed_any_more(own: Stall) -> None:
    listing = own.offer()
    own.gallery.now += 3600

    assert own.told(listing)["alive"] is False


# --- signed ----------------------------------------------------------------------------------------------------------


def test_the_signature_is_the_service_s_and_names_this_listing_and_this_state(stall: Stall) -> None:
    listing, gallery = stall.offer(), stall.gallery
    platform, item = gallery.members["platform"].id, gallery.items["lune"]

    told = stall.told(listing)
    signed, now = told["typed_data"]["message"], int(gallery.now)

    assert recovered(told) == told["signer"] == "0x" + address_of(SERVICE).hex()
    assert told["signer"] == stall.client.get("/v1/verifications/signer").json()["signer"]
    assert told["typed_data"]["domain"]["name"] == "ProvenanceLedger Badge"
    assert signed["listing"] == "0x" + keccak(platform + keccak(told["listing"]["reference"].encode()) + keccak(URL.encode())).hex()
    assert signed["origin"] == "0x" + keccak(HOME.encode()).hex()
    assert (signed["item"], signed["word"]) == ("0x" + item.hex(), f"0x{word(gallery.world.states[item]):064x}")
    assert (signed["step"], signed["issuedAt"], signed["validUntil"]) == (1, now, now + 300)


def test_what_is_signed_for_one_listing_is_not_signed_for_another(stall: Stall) -> None:
    one = stall.told(stall.offer())
    other = stall.told(stall.offer(url=f"{HOME}/items/8"))

    assert one["typed_data"]["message"]["listing"] != other["typed_data"]["message"]["listing"]
    assert one["digest"] != other["digest"]
    altered = {**one, "typed_data": {**one["typed_data"], "message": other["typed_data"]["message"]}}
    assert recovered(altered) != one["signer"]


def test_the_picture_and_the_dead_badge_are_signed_too(stall: Stall) -> None:
    listing = stall.offer(state="withdrawn")

    told = stall.told(listing)
    svg = stall.picture(listing)

    assert recovered(told) == told["signer"]
    assert told["signature"] in svg


# --- at home ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "is_its_own"),
    [
        (URL, True),
        ("HTTPS://Resale.Example:443/items/7?colour=noir#photos", True),
        ("https://resale.example/items/8?colour=noir", False),
        ("https://resale.example/items/7?colour=noir&id=8", False),
        ("https://resale.example/items/7", False),
        ("http://resale.example/items/7?colour=noir", False),
        ("https://resale.example.thief.example/items/7?colour=noir", False),
        ("https://resale.example@thief.example/items/7?colour=noir", False),
        ("https://resale.example:8443/items/7?colour=noir", False),
        ("https://[resale.example/items/7?colour=noir", False),
        ("javascript:alert(1)", False),
        ("", False),
    ],
)
def test_it_belongs_to_one_address(url: str, is_its_own: bool) -> None:
    assert belongs(URL, url) is is_its_own


def test_another_listing_s_address_is_told_so(stall: Stall) -> None:
    told = stall.told(stall.offer(), url=f"{HOME}/items/8")

    assert (told["belongs"], told["says"]) == (False, "This badge belongs to another listing")


@pytest.mark.parametrize("headers", [{"Referer": "https://thief.example/copy"}, {"Origin": "https://thief.example"}, {"Origin": "null"}])
def test_a_picture_on_another_site_says_that_it_belongs_elsewhere(stall: Stall, headers: dict[str, str]) -> None:
    svg = stall.picture(stall.offer(), **headers)

    assert "This badge belongs to another listing" in words(svg) and "resale.example" in words(svg)
    assert "Expert House" not in svg and "Sac Lune" not in svg and "metadata" not in svg


@pytest.mark.parametrize(
    "headers", [{}, {"Referer": f"{HOME}/"}, {"Referer": URL, "Origin": HOME}, {"Referer": "http://127.0.0.1:8080/badges/x"}]
)
def test_a_picture_at_home_says_what_it_says(stall: Stall, headers: dict[str, str]) -> None:
    assert "Expert House judged it" in words(stall.picture(stall.offer(), **headers))


def test_the_snippet_may_be_framed_by_its_own_site_alone(stall: Stall) -> None:
    listing = stall.offer()
    answer = stall.client.get(f"/v1/listings/{listing}/badge.html")

    assert answer.headers["content-security-policy"].endswith(f"frame-ancestors 'self' {HOME}")
    assert f'href="http://127.0.0.1:8080/badges/{listing}"' in answer.text
    assert f'src="http://127.0.0.1:8080/v1/listings/{listing}/badge.svg"' in answer.text
    assert 'referrerpolicy="strict-origin"' in answer.text


# --- hostile words ---------------------------------------------------------------------------------------------------


class Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.mark.parametrize("title", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_title_stays_text_on_its_line(stall: Stall, title: str, database_kind: str) -> None:
    kept = title if database_kind == "sqlite" else title.replace("\x00", "")[:255]  # PostgreSQL keeps no more
    listing = stall.offer(title=kept)

    svg, page = stall.picture(listing), stall.page(listing).text
    snippet = stall.client.get(f"/v1/listings/{listing}/badge.html").text

    root = ElementTree.fromstring(svg)
    assert {node.tag.partition("}")[2] for node in root.iter()} <= {
        "svg", "title", "desc", "metadata", "clipPath", "rect", "g", "circle", "path", "text", "set",
    }  # fmt: skip
    assert not any(name.startswith("on") or "href" in name for node in root.iter() for name in node.attrib)
    for said in (svg, page, snippet):
        assert not set(said) & set("\u202e\u2066\u200f\x00\x08\x1b\u2028")
        assert all(tag != "script" and not any(name.startswith("on") for name in attrs) for tag, attrs in Tags(said).found)
    assert len(svg) < 10_000 and len(snippet) < 2_500


def test_an_address_that_is_no_web_address_is_shown_and_never_linked(stall: Stall) -> None:
    listing = stall.offer(url="javascript:alert(1)", origin="'unsafe-inline' *")

    page = stall.page(listing).text
    policy = stall.client.get(f"/v1/listings/{listing}/badge.html").headers["content-security-policy"]

    assert "javascript:alert(1)" in page and 'href="javascript' not in page
    assert policy.endswith("frame-ancestors 'self'")


# --- headers and pages -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["json", "svg", "html"])
def test_nobody_keeps_a_badge(stall: Stall, kind: str) -> None:
    headers = stall.client.get(f"/v1/listings/{stall.offer()}/badge.{kind}").headers

    assert (headers["cache-control"], headers["x-content-type-options"]) == ("no-store", "nosniff")
    if kind == "svg":
        assert headers["content-security-policy"] == "default-src 'none'"
        assert headers["cross-origin-resource-policy"] == "cross-origin"


@pytest.mark.parametrize("path", ["/v1/listings/{}/badge.json", "/v1/listings/{}/badge.svg", "/v1/listings/{}/badge.html", "/badges/{}"])
@pytest.mark.parametrize("listing", ["0" * 32, "x", "%00"])
def test_a_listing_that_is_not_there_has_no_badge(stall: Stall, path: str, listing: str) -> None:
    assert stall.client.get(path.format(listing)).status_code == 404


@pytest.mark.parametrize("tag", TAGS)
def test_the_page_says_the_address_in_five_languages(stall: Stall, tag: str) -> None:
    listing = stall.offer()

    answer = stall.page(listing, tag)

    assert (answer.status_code, answer.headers["content-language"], answer.headers["cache-control"]) == (200, tag, "no-store")
    assert f"<code>{URL}</code>" in answer.text and f"/items/0x{stall.gallery.items['lune'].hex()}" in answer.text
    assert "Expert House" in answer.text and f"badge.svg?lang={tag}" in answer.text
    assert words(stall.client.get(f"/v1/listings/{listing}/badge.svg?lang={tag}").text)
