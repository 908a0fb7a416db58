"""Photos of listings by nothing but a platform's calls, against the whole service: the desk's own loop looks at them and finds a copy."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.photos import draw
from benchmarks.reworking import changed
from ledger_client import answers, calls
from ledger_client.asking import Ledger
from ledger_client.problems import Refused
from tests.living import did_of, living_ledger

pytestmark = pytest.mark.chain
PATIENCE_SECONDS = 60
MINE = draw(5, shot="logo", size=(840, 630))


def settled(ask: Callable[[], answers.Listing]) -> answers.Listing:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (found := ask()).review == "checking":
        assert time.monotonic() < deadline, found
        time.sleep(0.2)
    return found


def offered(ledger: Ledger, reference: str, photo: bytes) -> answers.Listing:
    url = f"https://resale.example/{reference}"
    listing = ledger.ask(calls.list_item(reference=reference, title="Sac", url=url, authenticator=did_of("lens")))
    put = ledger.ask(calls.put_listing_photo(listing.id, 1, photo))
    assert (put.next, put.review, put.photos[0].state) == ("wait", "checking", "waiting")
    return settled(lambda: ledger.ask(calls.listing(listing.id)))


def test_the_desks_loop_looks_at_listings_photos_and_tells_the_platform_of_a_copy(tmp_path: Path) -> None:
    with living_ledger(tmp_path, has_desk=True) as world:
        with Ledger(world.url, key=world.keys["platform"]) as platform, Ledger(world.url, key=world.keys["boutique"]) as boutique:
            first = offered(platform, "L-1", changed(MINE, "same", seed=7))
            copied = offered(boutique, "L-2", changed(MINE, "mirror", seed=7))
            with pytest.raises(Refused) as refused:
                boutique.ask(calls.put_listing_photo(copied.id, 2, b"%PDF-1.7"))
        headers = {"Authorization": f"Bearer {world.keys['boutique']}"}
        notices = world.http.get("/v1/webhooks/notices", headers=headers).json()["notices"]

    assert (first.next, first.review, [photo.reused for photo in first.photos]) == ("open-case", "off", [False])
    assert (copied.next, [photo.reused for photo in copied.photos]) == ("book-verification", [True])
    assert [reason.code for reason in copied.reasons] == ["no-identifier", "photos-reused"]
    assert refused.value.code == "photo-not-an-image"
    assert "listing.photos" in [notice["type"] for notice in notices]
