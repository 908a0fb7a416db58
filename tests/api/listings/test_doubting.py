"""A listing that comes to be suspected while nobody asks: its platform is told by webhook, and again when the doubt is gone."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from sqlalchemy import text

from ledger_api.listings import rows
from ledger_api.listings.doubting import Doubter
from ledger_api.store.engine import reading, writing
from tests.api.listings.conftest import HONG_KONG, MILAN, Json, Listings
from tests.fake_chain import NETWORK

NEW_YORK = {"latitude": 40.7, "longitude": -74.0}


@dataclass
class Doubting:
    listings: Listings
    later: float = 0.0

    def told(self) -> list[Json]:
        """What was told since the last time."""
        engine = self.listings.gallery.engine
        doubter = Doubter(engine, NETWORK, lambda: datetime.fromtimestamp(self.listings.gallery.now + self.later, UTC))
        while doubter.turn():
            pass
        with writing(engine) as connection:
            found = connection.execute(text("SELECT body FROM webhook_notices ORDER BY number")).scalars().all()
            connection.execute(text("DELETE FROM webhook_notices"))
        return [orjson.loads(body) for body in found]

    def suspected(self, piece: str = "bought") -> list[Json]:
        """Listings of it in three towns, on two platforms."""
        said: list[tuple[str, Any]] = [("platform", MILAN), ("boutique", HONG_KONG), ("platform", NEW_YORK)]
        return [self.listings.offer(piece, by=by, place=place) for by, place in said]

    def doubts(self) -> list[tuple[bool]]:
        with reading(self.listings.gallery.engine) as connection:
            return [(bool(row[0]),) for row in connection.execute(text("SELECT suspected FROM doubts"))]


@pytest.fixture
def doubting(listings: Listings) -> Iterator[Doubting]:
    yield Doubting(listings)
    with writing(listings.gallery.engine) as connection:
        for table in ("doubts", "webhook_notices"):
            connection.execute(text(f"DELETE FROM {table}"))


def test_every_platform_that_lists_it_is_told_once_what_its_listing_is_now(doubting: Doubting) -> None:
    first, *others = doubting.suspected()

    told = doubting.told()

    assert {one["data"]["listing"] for one in told} == {first["id"], *(other["id"] for other in others)}
    assert {(one["type"], one["data"]["suspected"], one["data"]["next"]) for one in told} == {
        ("listing.suspicion", True, "book-verification")
    }
    assert told[0]["subject"] == f"suspicion:{told[0]['data']['listing']}"
    assert doubting.told() == []


def test_when_the_others_are_withdrawn_the_one_that_is_left_is_told_to_be_calm(doubting: Doubting) -> None:
    first, *others = doubting.suspected()
    doubting.told()
    doubting.listings.gallery.now += 40 * 86_400

    for by, other in zip(("boutique", "platform"), others, strict=True):
        doubting.listings.ask("POST", f"/v1/listings/{other['id']}/withdraw", by=by)
    told = doubting.told()
    doubting.listings.gallery.now -= 40 * 86_400

    assert [(one["data"]["listing"], one["data"]["suspected"]) for one in told] == [(first["id"], False)]
    assert doubting.doubts() == []


def test_what_only_time_calms_is_looked_at_by_itself(doubting: Doubting) -> None:
    listing = doubting.listings.offer("sold")
    at, item = datetime.fromtimestamp(doubting.listings.gallery.now, UTC), doubting.listings.gallery.items["sold"]
    with writing(doubting.listings.gallery.engine) as connection:
        rows.count_seen(connection, [rows.seen_row(item, "spent-key", at) for _ in range(2)])

    (doubted,) = doubting.told()
    doubting.later = 91 * 86_400
    (calm,) = doubting.told()

    assert [(one["data"]["listing"], one["data"]["suspected"]) for one in (doubted, calm)] == [
        (listing["id"], True),
        (listing["id"], False),
    ]


def test_what_is_looked_up_and_not_listed_is_nobody_s_doubt(doubting: Doubting) -> None:
    at, item = datetime.fromtimestamp(doubting.listings.gallery.now, UTC), doubting.listings.gallery.items["sold"]
    with writing(doubting.listings.gallery.engine) as connection:
        rows.count_seen(connection, [rows.seen_row(item, "spent-key", at) for _ in range(4)])

    assert (doubting.doubts(), doubting.told()) == ([], [])
