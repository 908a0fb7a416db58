"""`/v1/listings` on a real database behind the real indexer: what a platform is told to do with what it offers."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import httpx
import pytest

from tests.api.listings.conftest import HONG_KONG, MILAN, STORE, Listings
from tests.api.listings.studio import CONTEXT, EXPERT
from tests.doors import InProcess, at_once
from tests.gallery import GTIN, OWNER, SECOND_OWNER, SERIALS, address_of, gallery_app

Json = dict[str, Any]


def codes(answer: Json) -> list[str]:
    return [reason["code"] for reason in answer["reasons"]]


@pytest.mark.parametrize(
    ("piece", "step", "decision"),
    [
        ("enrolled", "list", "accept"),
        ("cleared", "list", "accept"),
        ("sold", "open-case", "quarantine"),
        ("expired", "open-case", "quarantine"),
        ("inconclusive", "book-verification", "quarantine"),
        ("withheld", "book-verification", "quarantine"),
        ("folded", "open-case", "quarantine"),
        ("recovering", "wait", "quarantine"),
        ("fake", "refuse", "reject"),
        ("stolen", "refuse", "reject"),
        ("recalled", "refuse", "reject"),
    ],
)
def test_each_piece_is_told_what_to_do_next(listings: Listings, piece: str, step: str, decision: str) -> None:
    answer = listings.offer(piece)

    assert (answer["next"], answer["verification"]["decision"], answer["review"]) == (step, decision, "off")
    assert (codes(answer) == []) == (step == "list")


def test_what_the_ledger_does_not_know_is_asked_about_and_never_refused(listings: Listings) -> None:
    unnamed = listings.offer(None)
    unknown = listings.offer(None, gtin="03760001000399", serial="NOBODY")

    assert (unnamed["next"], codes(unnamed), unnamed["verification"], unnamed["item"]) == ("open-case", ["no-identifier"], None, None)
    assert (unknown["next"], codes(unknown)) == ("open-case", ["unknown-item"])


@pytest.mark.parametrize(
    ("piece", "amount", "currency", "step", "reasons"),
    [
        ("sold", "5000", "EUR", "book-verification", ["no-verdict", "of-value"]),
        ("sold", "4999.99", "EUR", "open-case", ["no-verdict"]),
        ("sold", "5000.00", "XAU", "open-case", ["no-verdict"]),
        ("expired", "9000", "CHF", "book-verification", ["verdict-expired", "of-value"]),
        ("enrolled", "900000", "EUR", "list", []),
        ("cleared", "900000", "EUR", "list", []),
        (None, "5000", "EUR", "book-verification", ["no-identifier", "of-value"]),
    ],
)
def test_a_dear_piece_is_seen_before_it_is_listed_unless_somebody_had_it_in_hand_or_the_brand_has_ruled(
    listings: Listings, piece: str | None, amount: str, currency: str, step: str, reasons: list[str]
) -> None:
    answer = listings.offer(piece, offer={"price": {"amount": amount, "currency": currency}})

    assert (answer["next"], codes(answer)) == (step, reasons)


def test_a_hashtag_leads_to_the_partner_when_the_object_has_to_be_seen_and_when_nobody_has_judged_it(listings: Listings) -> None:
    offer = {"brand": "did:web:maison.example", "category": "handbag", "hashtags": ["#summer", "#MILAN12"]}

    led = [listings.offer(piece, offer=offer) for piece in ("inconclusive", "sold", None)]
    other = listings.offer("sold", offer=offer | {"category": "watch"})
    fine = listings.offer("cleared", offer={"hashtags": ["#Milan12"]})

    partner = "0x" + listings.gallery.members["expert"].id.hex()
    booking = {"partner": partner, "hashtag": "milan12", "price_cents": 0, "stores": [STORE]}
    assert [(one["next"], one["booking"]) for one in led] == [("book-verification", booking)] * 3
    assert (other["next"], other["booking"]) == ("open-case", None)
    assert (fine["next"], fine["booking"]) == ("list", None)


def test_another_seller_than_the_holder_and_another_brand_refuse_and_a_wrong_consent_asks_for_another(listings: Listings) -> None:
    thief = {"seller": {"claim_key": "0x" + address_of(SECOND_OWNER).hex()}}
    consent = {"new_holder": "0x" + "11" * 20, "deadline": "2030-01-01T00:00:00Z", "signature": "0x" + "11" * 65}

    stranger = listings.offer("cleared", offer=thief)
    mislabelled = listings.offer("enrolled", offer={"brand": "did:web:maison.example"})
    mine = listings.offer("cleared", offer={"seller": {"claim_key": "0x" + address_of(OWNER).hex()}})
    unsigned = listings.offer("cleared", consent=consent)

    assert (stranger["next"], codes(stranger)) == ("refuse", ["not-the-holder"])
    assert (mislabelled["next"], codes(mislabelled)) == ("refuse", ["mismatch:brand"])
    assert mine["next"] == "list"
    assert (unsigned["next"], codes(unsigned)) == ("ask-consent", ["consent-invalid"])


def test_the_same_reference_is_the_same_listing_and_another_content_is_refused(listings: Listings) -> None:
    body = listings.body("cleared", place=MILAN)
    consent = {"new_holder": "0x" + "11" * 20, "deadline": "2030-01-01T00:00:00Z", "signature": "0x" + "11" * 65}

    first, again, with_consent = listings.post(body), listings.post(body), listings.post(body | {"consent": consent})
    other = [
        listings.post(body | change) for change in ({"title": "Other"}, {"serial": "X1"}, {"place": HONG_KONG}, {"offer": {"model": "x"}})
    ]
    elsewhere = listings.post(body, by="boutique")

    assert {answer.json()["id"] for answer in (first, again, with_consent)} == {first.json()["id"]}
    assert with_consent.json()["next"] == "ask-consent"
    assert [(answer.status_code, answer.json()["code"]) for answer in other] == [(409, "listing-reference-taken")] * 4
    assert (elsewhere.status_code, elsewhere.json()["id"] == first.json()["id"]) == (201, False)


def test_a_listing_that_is_watched_keeps_the_watch_of_the_question_it_asks(listings: Listings) -> None:
    seller = {"claim_key": "0x" + address_of(OWNER).hex()}
    question = {"gtin": GTIN, "serial": SERIALS["cleared"], "expect": {"seller": seller}}
    body = listings.body("cleared", offer={"seller": seller}, watch=True)

    first, again = listings.post(body).json(), listings.post(body).json()
    asked = listings.ask("POST", "/v1/verifications", json=question | {"watch": True}).json()
    unwatched = listings.post({name: value for name, value in body.items() if name != "watch"}).json()
    unknown = listings.offer(None, gtin="03760001000399", serial="NOBODY", watch=True)

    nothing = listings.offer(None, watch=True)

    kept, empty = sorted(listings.ask("GET", "/v1/watches").json()["watches"], key=lambda watch: watch["item"] is None)
    for watch in (kept, empty):
        listings.ask("DELETE", f"/v1/watches/{watch['id']}")
    assert kept["id"] == first["watch"]["id"] == again["watch"]["id"] == asked["watch"]["id"]
    assert (kept["request"], kept["decision"]) == (question | {"watch": True}, "accept")
    assert (empty["id"], empty["item"]) == (unknown["watch"]["id"], None)
    assert (unwatched["watch"], nothing["watch"], listings.look(first["id"])["watch"]) == (None, None, None)


def test_requests_at_the_same_moment_make_one_listing(listings: Listings) -> None:
    body, token = listings.body("sold"), listings.token("platform")

    with httpx.Client(transport=InProcess(gallery_app(listings.gallery)), base_url="http://ledger.example") as client:

        def post(_: int) -> Json:
            return dict(client.post("/v1/listings", json=body, headers={"Authorization": f"Bearer {token}"}).json())

        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(post, range(12)))

    assert len({answer["id"] for answer in answers}) == 1


def test_a_consent_and_an_authenticator_that_are_added_at_once_are_both_kept(listings: Listings) -> None:
    body, token, engine = listings.body("cleared"), listings.token("platform"), listings.gallery.engine
    consent = {"new_holder": "0x" + "11" * 20, "deadline": "2030-01-01T00:00:00Z", "signature": "0x" + "11" * 65}
    first = listings.post(body).json()

    with httpx.Client(transport=InProcess(gallery_app(listings.gallery, **CONTEXT)), base_url="http://ledger.example") as client:

        def add(**more: Any) -> int:
            return client.post("/v1/listings", json=body | more, headers={"Authorization": f"Bearer {token}"}).status_code

        added = at_once(engine, "listings", partial(add, consent=consent), partial(add, authenticator=EXPERT))

    told = listings.look(first["id"])
    assert added == [201, 201]
    assert (codes(told), told["authenticator"] is not None) == (["consent-invalid"], True)


def test_a_listing_ends_once_and_ending_it_again_does_no_harm(listings: Listings) -> None:
    sold, gone = listings.offer("expired")["id"], listings.offer("expired")["id"]

    ended = [
        listings.ask("POST", f"/v1/listings/{listing}/{deed}") for listing, deed in ((sold, "close"), (sold, "close"), (gone, "withdraw"))
    ]
    wrong = listings.ask("POST", f"/v1/listings/{gone}/close")

    assert [answer.json()["state"] for answer in ended] == ["closed", "closed", "withdrawn"]
    assert (wrong.status_code, wrong.json()["code"], wrong.json()["state"]) == (409, "listing-over", "withdrawn")


def test_another_platform_finds_no_listing_and_none_in_its_list(listings: Listings) -> None:
    mine = listings.offer("sold")["id"]

    answers = [listings.ask("GET", f"/v1/listings/{mine}", by="secret")]
    answers += [listings.ask("POST", f"/v1/listings/{mine}/{deed}", by="secret") for deed in ("close", "withdraw")]
    without = listings.client.get("/v1/listings")

    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(404, "no-such-listing")}
    assert listings.ask("GET", "/v1/listings", by="secret").json() == {"listings": [], "next": None}
    assert mine in [one["id"] for one in listings.ask("GET", "/v1/listings").json()["listings"]]
    assert without.status_code == 401


@pytest.mark.parametrize(
    "change",
    [
        {"url": "http://resale.example/l/1"},
        {"url": "https://user@resale.example/"},
        {"url": "https://resale.example:99999/"},
        {"gtin": "03760001000399"},
        {"place": {"latitude": 91.0, "longitude": 0.0}},
        {"offer": {"category": "spaceship"}},
        {"offer": {"hashtags": ["# a"]}},
        {"reference": ""},
    ],
)
def test_what_cannot_be_a_listing_is_named(listings: Listings, change: Json) -> None:
    answer = listings.post(listings.body(None, **change))

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-body")


def test_one_serial_in_two_far_places_is_seen_by_both_platforms_and_neither_is_told_of_the_other(listings: Listings) -> None:
    here = listings.offer("bought", place=MILAN)
    others = [listings.offer("bought", by=by, place=HONG_KONG, reference="SECRET-OF-ANOTHER") for by in ("boutique", "expert", "pixel")]
    now = listings.look(here["id"])

    assert here["suspicion"] == {"score": 0, "reasons": []}
    assert (now["suspicion"]["score"] >= 50, now["next"]) == (True, "book-verification")
    assert "clone-suspected" in codes(now)
    told = str(now)
    for name in ("boutique", "expert", "pixel"):
        assert listings.gallery.members[name].id.hex() not in told
        assert listings.gallery.members[name].did not in told
    assert not any(text in told for text in ("SECRET-OF-ANOTHER", *(other["id"] for other in others)))

    for by, other in zip(("boutique", "expert", "pixel"), others, strict=True):
        listings.ask("POST", f"/v1/listings/{other['id']}/withdraw", by=by)
    assert listings.look(here["id"])["suspicion"]["score"] < 50


def test_whoever_may_not_see_an_item_is_not_told_how_often_it_is_offered(listings: Listings) -> None:
    for piece in ("withheld", "folded"):
        listings.offer(piece, by="boutique", place=MILAN)
        answer = [listings.offer(piece, by="expert", place=HONG_KONG) for _ in range(4)][-1]
        assert (answer["suspicion"], answer["item"]) == ({"score": 0, "reasons": []}, None)
