"""How often an item is seen: lookups by its code, counted beside the road and written down; what they say of it, and to whom."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from ledger_api.auth import Scope
from ledger_api.listings import rows
from ledger_api.listings.clones import SUSPECTED
from ledger_api.listings.scans import MOST_PLACES, Scans
from ledger_api.store.engine import reading, writing
from tests.api.listings.conftest import HONG_KONG, MILAN, Json, Listings
from tests.gallery import GTIN, SERIALS, Gallery, gallery_app
from tests.reading_app import client_of


def counted(gallery: Gallery) -> list[tuple[bytes, str, int]]:
    with reading(gallery.engine) as connection:
        return [(bytes(row[0]), row[1], row[2]) for row in connection.execute(text("SELECT item, how, count FROM item_seen"))]


def test_every_lookup_by_the_code_is_counted_and_nothing_of_who_looked_is_kept(listings: Listings) -> None:
    gallery = listings.gallery
    scans, app = Scans(gallery.engine, lambda: gallery.now), gallery_app(gallery)
    app.state.context = replace(app.state.context, scans=scans)
    with client_of(app) as client:
        for path in (f"/v1/items?gtin={GTIN}&serial={SERIALS['sold']}", gallery.path("sold"), f"{gallery.path('sold')}?linkType=linkset"):
            assert client.get(path).status_code == 200
        for path in (gallery.path("withheld"), f"/v1/items?gtin={GTIN}&serial=NOBODY", f"/v1/items/0x{gallery.items['sold'].hex()}"):
            client.get(path)
    scans.flush()
    scans.flush()

    assert counted(gallery) == [(gallery.items["sold"], "scan", 3)]


def test_threads_count_together_and_a_closed_counter_leaves_nothing_behind(listings: Listings) -> None:
    gallery = listings.gallery
    scans, item = Scans(gallery.engine, lambda: gallery.now), gallery.items["sold"]
    scans.start()
    threads = [threading.Thread(target=lambda: [scans.count(item) for _ in range(500)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    scans.flush()
    for thread in threads:
        thread.join()
    scans.close()
    scans.close()

    assert counted(gallery) == [(item, "scan", 2000)]


PARIS, SINGAPORE = {"latitude": 48.8566, "longitude": 2.3522}, {"latitude": 1.3521, "longitude": 103.8198}


@dataclass
class Counting:
    """The service with a counter, which is written down before anybody is asked what was seen."""

    listings: Listings
    client: httpx.Client
    scans: Scans

    def verify(self, piece: str, place: Json, **more: Any) -> httpx.Response:
        asked = {"gtin": GTIN, "serial": SERIALS[piece], "place": place} | more
        return self.client.post("/v1/verifications", json=asked, headers=self.key())

    def look(self, piece: str, place: str) -> httpx.Response:
        return self.client.get("/v1/items", params={"gtin": GTIN, "serial": SERIALS[piece], "place": place})

    def key(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.listings.token('platform')}"}

    def signs(self, piece: str) -> dict[str, int]:
        self.scans.flush()
        path = f"/v1/items/0x{self.listings.gallery.items[piece].hex()}/clone-signals"
        return {one["code"]: one["count"] for one in self.client.get(path, headers=self.key()).json()["reasons"]}

    def places(self) -> list[tuple[str, str, int]]:
        self.scans.flush()
        with reading(self.listings.gallery.engine) as connection:
            rows = connection.execute(text("SELECT how, place, count FROM item_seen ORDER BY how, place"))
            return [(row[0], row[1], row[2]) for row in rows]


@pytest.fixture
def counting(listings: Listings) -> Iterator[Counting]:
    gallery = listings.gallery
    scans, app = Scans(gallery.engine, lambda: gallery.now), gallery_app(gallery)
    app.state.context = replace(app.state.context, scans=scans)
    with client_of(app) as client:
        yield Counting(listings, client, scans)


def test_platforms_that_hold_one_serial_in_two_towns_within_the_hour_are_a_sign(counting: Counting) -> None:
    assert counting.verify("sold", PARIS).status_code == counting.verify("sold", PARIS).status_code == 200
    assert counting.signs("sold") == {}

    lines = [{"gtin": GTIN, "serial": SERIALS["sold"], "place": SINGAPORE}]
    counting.client.post("/v1/verifications/bulk", json=lines, headers=counting.key())

    assert counting.signs("sold") == {"impossible-travel": 1}
    assert counting.places() == [("sighting", "1.4,103.8", 1), ("sighting", "48.9,2.4", 2)]


def test_where_another_object_is_says_nothing_of_this_one(counting: Counting) -> None:
    counting.verify("sold", PARIS, expect={"model": "Something else"})
    counting.verify("withheld", PARIS)
    counting.listings.offer("sold", place=MILAN, offer={"brand": "did:web:another.example"})

    assert counting.places() == []


def test_a_consumer_names_a_place_or_none_and_no_more_than_a_degree_of_it_is_kept(counting: Counting) -> None:
    answers = [counting.look("sold", place).status_code for place in ("48.8566,2.3522", "-0.4,103.8198")]
    link = counting.client.get(f"{counting.listings.gallery.path('sold')}?place=1.3,103.9", headers={"Accept": "application/json"})

    assert [*answers, link.status_code] == [200, 200, 200]
    assert counting.places() == [("scan", "0.0,104.0", 1), ("scan", "1.0,104.0", 1), ("scan", "49.0,2.0", 1)]
    assert counting.signs("sold") == {"scans-apart": 1}


@pytest.mark.parametrize("place", ["", "48", "91,0", "0,-180.5", "nan,nan", "48.9,2.4,1", "1e1,2", "FR"])
def test_what_is_no_place_is_refused_by_its_field(counting: Counting, place: str) -> None:
    answer = counting.look("sold", place)

    assert (answer.status_code, answer.json()["fields"][0]["field"]) == (422, "query.place")
    assert counting.places() == []


def test_whoever_names_a_hundred_places_fills_no_table_and_makes_no_clone(counting: Counting) -> None:
    for degrees in range(80):
        counting.look("sold", f"0,{4 * degrees - 160}")

    kept = counting.places()
    assert (len(kept), sum(count for _, _, count in kept)) == (MOST_PLACES + 1, 80)
    assert counting.signs("sold") == {"scans-apart": MOST_PLACES - 1, "many-scans": 80}
    assert counting.listings.offer("sold")["suspicion"]["score"] < SUSPECTED


def test_each_way_of_being_seen_is_forgotten_in_its_time_a_consumer_s_place_after_a_week(counting: Counting) -> None:
    gallery = counting.listings.gallery
    counting.look("sold", "48,2")
    counting.verify("sold", PARIS)
    spent = rows.seen_row(gallery.items["sold"], "spent-key", datetime.fromtimestamp(gallery.now, UTC))
    with writing(gallery.engine) as connection:
        rows.count_seen(connection, [spent])
    counting.scans.flush()

    kept = []
    for days in (6, 8, 31, 91):
        later = Scans(gallery.engine, lambda days=days: gallery.now + days * 86_400)
        later.forget()
        later.forget()
        kept.append([how for how, _, _ in counting.places()])

    assert kept == [["scan", "sighting", "spent-key"], ["sighting", "spent-key"], ["spent-key"], []]


def test_the_signals_of_an_item_are_for_platforms_and_its_brand(listings: Listings) -> None:
    for by, place in (("platform", MILAN), ("boutique", HONG_KONG)):
        listings.offer("bought", by=by, place=place)
    path = f"/v1/items/0x{listings.gallery.items['bought'].hex()}/clone-signals"

    def ask(member: str, scope: Scope) -> tuple[int, str]:
        answer = listings.client.get(path, headers={"Authorization": f"Bearer {listings.gallery.key(member, scope)}"})
        return answer.status_code, str(answer.json().get("code") or [reason["code"] for reason in answer.json()["reasons"]])

    seen = "['listings-at-once', 'places-apart', 'impossible-travel']"
    assert ask("platform", Scope.VERIFY) == ask("maison", Scope.READ) == (200, seen)
    assert ask("platform", Scope.READ) == ask("secret", Scope.READ) == (403, "forbidden")
    assert listings.ask("GET", "/v1/items/0xx/clone-signals").status_code == 422
    hidden = [listings.ask("GET", f"/v1/items/0x{listings.gallery.items[piece].hex()}/clone-signals") for piece in ("withheld", "folded")]
    assert [answer.status_code for answer in hidden] == [403, 404]
