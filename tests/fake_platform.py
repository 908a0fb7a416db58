"""A second-hand platform as its engineers would write it in a day: an API key, a dozen calls, one address for webhooks.

    with opened_platform(service_url, key) as platform:
        listing = platform.offer(Listing("L-1", gtin=…, serial=…, seller_key=…, hashtag="#Milan12", …))
        listing.next                # book-verification: at the partner to whom the hashtag leads
        order = platform.accept(listing, buyer_key=…)
        order.links["seller"]       # sent to the two parties, who need no account
        order.money                 # held, until a webhook says whose it is

It knows the service by its answers and its webhooks alone, and imports nothing of it. What it decides is the platform's own business:
what to list, when to pay, when to give the money back.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from standardwebhooks import Webhook, WebhookVerificationError

from tests.receivers import Seen, receiving

Json = dict[str, Any]
HELD, SELLERS, BUYERS = "held", "the seller's", "the buyer's again"
# whose the money is once this was heard
MONEY: Mapping[str, str] = {
    "booking.handing-over": SELLERS,
    "booking.returning": BUYERS,
    "booking.turned-away": BUYERS,
    "booking.no-show": BUYERS,
    "booking.cancelled": BUYERS,
    "booking.expired": BUYERS,
}


@dataclass
class Listing:
    reference: str
    gtin: str
    serial: str
    seller_key: str
    hashtag: str
    brand: str
    price: str  # in euros
    id: str = ""
    next: str = ""  # as it was last answered
    reasons: list[str] = field(default_factory=list)
    item: str | None = None
    booking: Json | None = None  # the partner to whom the hashtag leads, its price and its stores

    @property
    def url(self) -> str:
        return f"https://pixel.example/listings/{self.reference}"

    @property
    def is_shown(self) -> bool:
        """What a store alone can heal is shown with the partner's hashtag."""
        return self.next in ("list", "book-verification")

    def learn(self, answer: Json) -> "Listing":
        self.id, self.item, self.booking = answer["id"], answer["item"], answer["booking"] or self.booking
        self.next, self.reasons = answer["next"], [reason["code"] for reason in answer["reasons"]]
        return self


@dataclass
class Order:
    reference: str
    listing: Listing
    money: str = HELD
    booking: str = ""
    links: dict[str, str] = field(default_factory=dict)
    price_cents: int = 0  # of the verification
    told: list[str] = field(default_factory=list)  # by webhook, in their order
    last: Json = field(default_factory=dict)


class Platform:
    def __init__(self, service_url: str, key: str) -> None:
        self._http = httpx.Client(base_url=service_url, headers={"Authorization": f"Bearer {key}"}, timeout=30)
        self._checker: Webhook | None = None
        self.webhook_url = ""
        self._known: set[str] = set()  # notices that were heard: one may come twice
        self.listings: list[Listing] = []
        self.orders: dict[str, Order] = {}
        self.forged = 0  # notices whose signature was not good

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._http.request(method, path, json=body)
        assert answer.is_success, (method, path, answer.text)
        return answer.json()

    # --- what it asks

    def begin(self, webhook_url: str) -> None:
        """Once: where we are to be told, and the secret under which."""
        made = self.ask("POST", "/v1/webhooks/endpoints", {"url": webhook_url, "types": ["booking.*", "verification.*"]})
        self._checker, self.webhook_url = Webhook(made["secret"]), webhook_url

    def offer(self, listing: Listing) -> Listing:
        """A seller wants to sell. We ask what to do with it, and to be told when the answer would be another."""
        self.listings.append(listing)
        said = {"brand": listing.brand, "category": "handbag", "seller": {"claim_key": listing.seller_key}, "hashtags": [listing.hashtag]}
        offer = said | {"price": {"amount": listing.price, "currency": "EUR"}}
        named = {"gtin": listing.gtin, "serial": listing.serial, "title": "Cabas Verne 32", "url": listing.url}
        return listing.learn(self.ask("POST", "/v1/listings", {"reference": listing.reference, "offer": offer, "watch": True} | named))

    def look_again(self, listing: Listing) -> Listing:
        return listing.learn(self.ask("GET", f"/v1/listings/{listing.id}"))

    def badge(self, listing: Listing, *, url: str = "") -> Json:
        """What anybody who sees the listing, or a copy of it at another address, finds out."""
        told: Json = self.ask("GET", f"/v1/listings/{listing.id}/badge.json?url={url or listing.url}")
        return told

    def accept(self, listing: Listing, *, buyer_key: str) -> Order:
        """The seller took the buyer's offer: the buyer has paid us, and both are invited to a store."""
        order = self.orders[f"O-{listing.reference}"] = Order(f"O-{listing.reference}", listing)
        about = {"brand": listing.brand, "category": "handbag", "gtin": listing.gtin, "serial": listing.serial}
        parties = {"seller": f"seller of {listing.reference}", "buyer": f"buyer of {listing.reference}", "new_holder": buyer_key}
        terms = {"hashtag": listing.hashtag, "listing": listing.reference, "price": {"amount": listing.price, "currency": "EUR"}}
        opened = self.ask("POST", "/v1/bookings", {"reference": order.reference} | about | parties | terms)
        order.booking, order.links, order.price_cents = opened["id"], opened["links"], opened["price_cents"]
        return order

    def look(self, order: Order) -> Json:
        found: Json = self.ask("GET", f"/v1/bookings/{order.booking}")
        return found

    def may_ship(self, listing: Listing, *, buyer_key: str) -> Json:
        """The last question: does the ledger say that it is the buyer's?"""
        expect = {"brand": listing.brand, "buyer": {"claim_key": buyer_key}}
        told: Json = self.ask("POST", "/v1/verifications", {"id": listing.item, "step": "ship", "expect": expect})
        return told

    # --- what it is told

    def hear(self, seen: Seen) -> int:
        """A webhook. 401 for what the service did not sign; 2xx also for what came before."""
        try:
            assert self._checker is not None
            told = self._checker.verify(seen.body, seen.headers)
        except WebhookVerificationError:
            self.forged += 1
            return 401
        if seen.notice not in self._known:
            self._act(told["type"], told["data"])
            self._known.add(seen.notice)
        return 204

    def _act(self, kind: str, about: Json) -> None:
        if kind == "verification.changed":
            named = (about["request"]["gtin"], about["request"]["serial"])
            for listing in self.listings:
                if (listing.gtin, listing.serial) == named:
                    self.look_again(listing)
        if kind.startswith("booking."):
            order = self.orders[about["reference"]]
            if kind == "booking.completed":
                order.listing.learn(self.ask("POST", f"/v1/listings/{order.listing.id}/close"))
            order.money = MONEY.get(kind, order.money)
            order.last = about
            order.told.append(kind.removeprefix("booking."))

    def close(self) -> None:
        self._http.close()


@contextmanager
def opened_platform(service_url: str, key: str) -> Iterator[Platform]:
    platform = Platform(service_url, key)
    with receiving(platform.hear) as receiver:
        platform.begin(receiver.url)
        try:
            yield platform
        finally:
            platform.close()
