"""The whole story of a second-hand sale, by nothing but what its parties would have: the platform an API key and a webhook address
(`tests.fake_platform`), seller and buyer a claim card and a link, the store's staff a desk key. The whole service is alive.

listing with hashtag → verification → order → both book → check-in → verdict → label → resale with it → the new owner's page and listing;
and the same with a fake, with a stolen bag, with a seller who does not come, and with a bag that changes hands elsewhere.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from coincurve import PrivateKey

from ledger_verify.checking import check
from ledger_verify.cli import ask_node
from ledger_verify.codes import Kind
from ledger_verify.proof import read_proof
from tests.api.desk.world import photo
from tests.fake_platform import BUYERS, HELD, SELLERS, Listing, Order, Platform, opened_platform
from tests.living import GTIN, World, did_of, living_ledger
from tests.owners import given, hex_address, signed, stolen
from tests.told import told_in

pytestmark = [pytest.mark.chain, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]
EVERY_DAY = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
TERMS = {
    "time_zone": "Europe/Rome",
    "hours": {day: [{"opens": "00:00", "closes": "24:00"}] for day in EVERY_DAY},
    "slot_minutes": 1,
    "capacity": 2,
    "notice_minutes": 0,
    "late_minutes": 0,
    "services": [{"category": "handbag"}],
}
PRICE_CENTS = 4500
SOON, LATER = 1, 30  # which of the free times: in a minute or two, in half an hour
OPINION = {"confidence": 95, "reasons": ["as-described"], "grounds": {"logo": "the spacing of the letters"}}
PLAIN, SOLD = ["manufacture", "shipment", "sale"], ["hold", "verdict", "release", "resale"]
Json = dict[str, Any]


@dataclass
class Person:
    """A seller or a buyer: a claim key that stays with them, a link that came from the platform, and no account."""

    http: httpx.Client
    key: PrivateKey = field(default_factory=PrivateKey)
    link: str = ""

    @property
    def address(self) -> str:
        return hex_address(self.key)

    def ask(self, method: str, path: str = "", body: Any = None) -> Any:
        answer = self.http.request(method, f"/v1/invitations/{self.link.rpartition('/')[2]}{path}", json=body)
        assert answer.is_success, (method, path, answer.text)
        return answer.json()

    def offer_times(self, which: int) -> None:
        store = self.ask("GET")["stores"][0]["id"]
        free = self.ask("GET", f"/slots?store={store}&days=1")["slots"]
        self.ask("PUT", "/slots", {"slots": [{"store": store, "starts_at": slot["starts_at"]} for slot in free[which : which + 3]]})

    def take_first_time(self) -> Json:
        first = min(self.ask("GET")["theirs"], key=lambda slot: slot["starts_at"])
        told: Json = self.ask("PUT", "/slots", {"slots": [first]})
        return told

    def sign(self, paper: str) -> Json:
        """Read, then sign; what was signed."""
        drafted = self.ask("GET", "/papers")
        assert drafted["paper"] == paper, drafted
        self.ask("POST", "/papers", {"paper": paper, "signature": signed(drafted["typed_data"], self.key)})
        message: Json = drafted["typed_data"]["message"]
        return message

    def appointment(self) -> str:
        """As the party's calendar gets it."""
        return self.http.get(f"/v1/invitations/{self.link.rpartition('/')[2]}/calendar.ics").text

    def holds(self, item: str) -> bool:
        return bool(self.http.get(f"/v1/items/{item}/consent-terms", params={"key": self.address}).json()["is_holder"])


@dataclass
class Milan:
    """The store: its staff, its drawer of labels."""

    http: httpx.Client
    store: str

    def ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        return self.http.request(method, f"/v1/desk{path}", json=body)

    def receive(self, person: Person) -> Json:
        return self._told("POST", "/bookings/check-in", {"code": person.ask("GET")["code"]})

    def judge(self, order: Order, outcome: str) -> None:
        """By the shot list, which is photographed before anybody may decide."""
        taken_up = self._told("POST", f"/bookings/{order.booking}/examine", {})
        case = taken_up["case"]
        early = self.ask("POST", f"/cases/{case}/decision", OPINION | {"outcome": outcome})
        assert (early.json()["code"], early.json()["missing"]) == ("shots-missing", taken_up["missing"])
        for shot in taken_up["missing"]:
            answer = self.http.put(f"/v1/desk/cases/{case}/shots/{shot}", content=photo(shot))
            assert answer.json()["state"] == "good", answer.text
        self._told("POST", f"/cases/{case}/decision", OPINION | {"outcome": outcome})

    def label(self, order: Order) -> httpx.Response:
        """Scan the next label of the drawer onto the item."""
        drawer = self._told("GET", f"/labels?store={self.store}")["labels"]
        free = next(label["serial"] for label in drawer if label["state"] == "printed")
        return self.ask("POST", "/labels/activate", {"serial": free, "booking": order.booking})

    def hand_to(self, person: Person) -> Json:
        return self._told("POST", "/bookings/take-away", {"code": person.ask("GET")["code"]})

    def _told(self, method: str, path: str, body: Any = None) -> Json:
        answer = self.ask(method, path, body)
        assert answer.is_success, (method, path, answer.text)
        told: Json = answer.json()
        return told


@dataclass
class Town:
    world: World
    platform: Platform
    milan: Milan

    def listed(self, *, opinion: str | None = None) -> tuple[Person, Listing]:
        """A bag that the boutique sold to somebody, who now wants to sell it. `opinion`: what Lens said of its photos."""
        serial, item = self.world.bag()
        seller, named = Person(self.world.http), {"id": item}
        self.world.record("boutique", {"kind": "sale", "item": named, "claim_key": seller.address})
        if opinion is not None:
            self.world.record("lens", {"kind": "verdict", "item": named, "method": "photo", "outcome": opinion})
        return seller, self.offered(serial, seller)

    def offered(self, serial: str, seller: Person) -> Listing:
        """Listed by the platform once what happened to the bag cannot fall out of the chain any more."""
        number = len(self.platform.listings) + 1
        self.world.mine(3)
        listing = self.platform.offer(Listing(f"L-{number}", GTIN, serial, seller.address, "#Milan12", did_of("maison"), "2400.00"))
        self.world.eventually(lambda: self.platform.look_again(listing).next != "wait")
        return listing

    def answers(self, listing: Listing) -> tuple[str, list[str], bool]:
        """What the platform is told to do with it and why, and whether its badge is alive."""
        self.platform.look_again(listing)
        return listing.next, listing.reasons, self.platform.badge(listing)["alive"]

    def booked(self, which: int = LATER) -> tuple[Person, Person, Order]:
        """Listed, ordered, and both have settled on a time."""
        (seller, listing), buyer = self.listed(), Person(self.world.http)
        assert self.answers(listing) == ("book-verification", ["no-verdict"], False) and listing.is_shown
        order = self.platform.accept(listing, buyer_key=buyer.address)
        seller.link, buyer.link = order.links["seller"], order.links["buyer"]
        seller.offer_times(which)
        assert buyer.take_first_time()["state"] == "booked"
        self.until_told(order, "reminder")  # it is within a day
        return seller, buyer, order

    def in_verification(self) -> tuple[Person, Person, Order, Json]:
        """Both came, and the seller signed: the hold, and the resale to the buyer (what that said)."""
        seller, buyer, order = self.booked()
        assert self.milan.receive(seller)["booking"]["state"] == "checked-in"
        self.milan.receive(buyer)
        seller.sign("hold")
        agreed = seller.sign("resale")
        self.until_told(order, "verifying")
        return seller, buyer, order, agreed

    def until_told(self, order: Order, kind: str) -> None:
        """Until the platform has heard it."""
        self.world.eventually(lambda: kind in order.told)

    def kinds(self, order: Order) -> list[str]:
        return [entry["kind"] for entry in self.world.passport(order.listing.serial)["story"]]

    def holder_by_the_node(self, item: str) -> str:
        """What a stranger finds out who has the item's proof, a node, and the address of the ledger that brands publish."""
        published = bytes.fromhex(self.world.http.get("/v1/verifications/signer").json()["ledger"][2:])
        encoded = self.world.http.get(f"/v1/items/{item}/proof").content
        report = check(encoded, replace(ask_node(self.world.chain_url, read_proof(encoded)), ledger=published))
        assert report.is_anchored and report.state is not None
        return "0x" + report.state.holder[-20:].hex()

    def page(self, path: str) -> httpx.Response:
        return self.world.http.get(path, headers={"Accept": "text/html", "Accept-Language": "en"})


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with living_ledger(tmp_path_factory.mktemp("story"), has_desk=True) as world:
        ada = world.post("lens", "/v1/desk/appraisers", {"name": "Ada"})["key"]
        store = world.post("lens", "/v1/stores", {"name": "Milano Brera", "address": "Via Solferino 12", "terms": TERMS})["id"]
        leads_to = {"stores": [store], "price_cents": PRICE_CENTS}
        campaign = world.http.put("/v1/campaigns/Milan12", json=leads_to, headers=world.bearer("lens"))
        assert campaign.is_success, campaign.text
        staff = httpx.Client(base_url=world.url, headers={"Authorization": f"Bearer {ada}"}, timeout=30)
        with staff, opened_platform(world.url, world.keys["platform"]) as platform:
            assert staff.post("/v1/desk/labels", json={"store": store, "count": 24}).content[:5] == b"%PDF-"
            yield Town(world, platform, Milan(staff, store))


def test_an_authentic_bag_changes_hands_with_its_verdict_and_its_new_owner_has_a_page(town: Town) -> None:
    seller, buyer, order, agreed = town.in_verification()
    item = str(order.listing.item)
    pages = [town.page(person.link) for person in (seller, buyer)]
    before = (order.money, seller.holds(item), [hold["hold"] for hold in town.world.passport(order.listing.serial)["holds"]])
    in_hand = town.answers(order.listing)

    town.milan.judge(order, "authentic")
    town.until_told(order, "handing-over")
    label = town.milan.label(order).json()
    taken = town.milan.hand_to(buyer)
    town.until_told(order, "completed")
    town.world.eventually(lambda: order.listing.next == "refuse")

    assert all(page.status_code == 200 and "Milano Brera" in page.text for page in pages)
    assert all("Via Solferino 12" in person.appointment() for person in (seller, buyer))
    led_to = order.listing.booking or {}
    assert (led_to["partner"], led_to["stores"]) == (town.platform.look(order)["partner"], [town.milan.store])
    assert led_to["price_cents"] == order.price_cents == PRICE_CENTS
    assert (agreed["action"], agreed["newHolder"][-40:]) == (Kind.RESALE, buyer.address[2:])
    assert before == (HELD, True, ["in-verification"]) and (in_hand[0], in_hand[-1]) == ("wait", False)
    assert order.told == ["inviting", "booked", "reminder", "checked-in", "holding", "verifying", "closing", "handing-over", "completed"]
    assert order.money == SELLERS and taken["state"] == "completed"
    events = town.world.http.get(f"/v1/items/{item}/events").json()["events"]
    together = {event["kind"]: event["transaction"] for event in events if event["kind"] in ("verdict", "release", "resale")}
    assert town.kinds(order) == PLAIN + SOLD and len(together) == 3 and len(set(together.values())) == 1
    assert order.last["resale"] == town.platform.look(order)["resale"] == events[-1]["event_id"]
    assert (seller.holds(item), buyer.holds(item), town.holder_by_the_node(item)) == (False, True, buyer.address)
    shown = town.world.http.get(f"/v1/labels/{label['serial']}").json()
    assert (label["state"], shown["state"], shown["item"], shown["store"]) == ("live", "live", item, "Milano Brera")
    early = town.platform.may_ship(order.listing, buyer_key=buyer.address)
    assert {reason["code"] for reason in early["reasons"]} <= {"not-final"}  # the last block may still fall out
    town.world.mine(3)
    town.world.eventually(lambda: town.platform.may_ship(order.listing, buyer_key=buyer.address)["decision"] == "accept")
    assert town.answers(order.listing) == ("refuse", ["not-the-holder"], False)  # the seller's listing ended by itself
    again = town.offered(order.listing.serial, buyer)
    badge = town.platform.badge(again)
    assert (again.next, badge["alive"], badge["verdict"]["method"]) == ("list", True, "in-person") and "Lens" in badge["says"]
    assert "Milano Brera" in town.page(f"/labels/{label['serial']}").text
    own, story = town.page(f"/own/{item}"), town.page(f"/items/{item}")
    assert (own.status_code, story.status_code) == (200, 200) and "Cabas Verne 32" in own.text
    assert "<bdi>Lens</bdi> judged it authentic, in person" in story.text and "It changed hands through <bdi>Lens</bdi>" in story.text


def test_a_fake_goes_back_unsold_unlabelled_and_free_and_so_does_the_money(town: Town) -> None:
    seller, buyer, order, _ = town.in_verification()
    item = str(order.listing.item)

    town.milan.judge(order, "not-authentic")
    town.until_told(order, "returning")
    unlabelled = town.milan.label(order)
    refused = town.milan.ask("POST", "/bookings/take-away", {"code": buyer.ask("GET")["code"]})
    taken = town.milan.hand_to(seller)
    town.world.eventually(lambda: order.listing.next == "refuse")

    assert town.kinds(order) == [*PLAIN, "hold", "verdict", "release"]
    assert (seller.holds(item), buyer.holds(item), town.world.passport(order.listing.serial)["holds"]) == (True, False, [])
    assert order.money == BUYERS and order.last["resale"] is None and taken["state"] == "returned"
    assert (unlabelled.json()["code"], refused.json()["code"]) == ("no-verdict-to-label", "no-such-code")
    assert "not-authentic" in order.listing.reasons and town.answers(order.listing)[::2] == ("refuse", False)
    told = town.platform.ask("GET", f"/v1/cases/{order.last['case']}/certificate.json")
    assert told["outcome"] == "not-authentic"  # what the seller may appeal


def test_a_stolen_bag_ends_its_listing_and_is_turned_away_at_the_counter(town: Town) -> None:
    thief, buyer, order = town.booked()
    item = str(order.listing.item)
    terms = town.world.http.get(f"/v1/items/{item}/consent-terms").json()
    deadline = int(town.world.clock()) + 3600
    town.world.http.post(f"/v1/items/{item}/hold", json=stolen(item, terms, thief.key, deadline=deadline)).raise_for_status()
    town.world.eventually(lambda: order.listing.next == "refuse")

    told = town.milan.receive(thief)
    town.until_told(order, "turned-away")

    assert "on-hold:stolen" in order.listing.reasons and town.answers(order.listing)[::2] == ("refuse", False)
    assert (told["booking"]["state"], told["against"]) == ("turned-away", ["stolen"])
    assert order.last["facts"] == {"against": ["stolen"]} and order.money == BUYERS
    assert town.kinds(order) == [*PLAIN, "hold"] and not buyer.holds(item)


def test_a_seller_who_does_not_come_keeps_the_bag_and_the_buyer_the_money(town: Town) -> None:
    seller, _, order = town.booked(SOON)

    town.world.later(150)
    town.until_told(order, "no-show")

    assert order.money == BUYERS and order.last["facts"]["absent"] == ["seller", "buyer"]
    assert town.kinds(order) == PLAIN and seller.holds(str(order.listing.item))
    assert town.answers(order.listing) == ("book-verification", ["no-verdict"], False)  # as before: they may book again
    assert datetime.fromisoformat(order.last["starts_at"]) < datetime.fromtimestamp(town.world.clock(), UTC)


def test_a_badge_lives_on_its_own_listing_alone_and_dies_when_the_bag_changes_hands_elsewhere(town: Town) -> None:
    seller, listing = town.listed(opinion="authentic")
    item, heir = str(listing.item), Person(town.world.http)
    alive, copied = town.platform.badge(listing), town.platform.badge(listing, url="https://pixe1.example/listings/7")
    before = town.answers(listing)

    terms = town.world.http.get(f"/v1/items/{item}/consent-terms").json()
    gift = given(item, terms, seller.key, to=heir.address, deadline=int(town.world.clock()) + 3600)
    town.world.http.post(f"/v1/items/{item}/transfer", json=gift).raise_for_status()
    town.world.eventually(lambda: listing.next == "refuse")

    assert before == ("list", [], True) and alive["item"] == item
    assert (alive["belongs"], copied["belongs"]) == (True, False)
    assert "not-the-holder" in listing.reasons and heir.holds(item)
    assert town.platform.badge(listing)["alive"] is False


def test_the_platform_believed_every_notice_of_the_service_and_believes_nobody_else(town: Town) -> None:
    never_made = Listing("L-0", GTIN, "NEVER-MADE", "", "#Milan12", did_of("maison"), "2400.00")
    order = town.platform.accept(never_made, buyer_key=Person(town.world.http).address)
    believed = town.platform.forged == 0
    body = {"type": "booking.handing-over", "timestamp": "2026-01-01T00:00:00Z", "data": {"reference": order.reference}}
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(int(time.time())), "webhook-signature": "v1,bm90IG91cnM="}

    answer = httpx.post(town.platform.webhook_url, json=body, headers=headers)

    assert believed and (answer.status_code, town.platform.forged, order.money) == (401, 1, HELD)


def test_every_call_of_the_docs_for_platforms_was_made_and_answered_as_they_say(town: Town) -> None:
    told = list(told_in((ROOT / "docs" / "platforms.md").read_text()))

    made = list(town.world.heard.exchanges())
    stale = [str(one) for one in told if not any(one.was_made(exchange) for exchange in made)]

    assert len(told) > 12 and sum(one.answer is not None for one in told) > 8
    assert stale == []
