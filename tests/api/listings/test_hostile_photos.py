"""Files that are no honest photos, through a listing's door: refused by the desk's codes or made into pixels, and nothing else is kept."""

import random

import pytest

from tests.api.desk.test_hostile_uploads import POLYGLOTS
from tests.api.listings.studio import EXPERT, Studio
from tests.unit.desk.test_receiving import malformed, png_of

MEBIBYTE = 2**20
REFUSED = {
    "nothing": (b"", 422, "photo-not-an-image"),
    "a bomb": (png_of(40_000, 40_000), 422, "photo-too-many-pixels"),
    "too small": (png_of(20, 20), 422, "photo-too-small"),
    "no picture": (b"%PDF-1.7\n" * 100, 422, "photo-not-an-image"),
    "more than 25 MiB": (b"\xff\xd8\xff" + bytes(25 * MEBIBYTE), 422, "photo-too-large"),
    "more than the edge lets pass": (b"\xff\xd8\xff" + bytes(26 * MEBIBYTE), 413, "body-too-large"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_photo_is_refused_by_the_desks_codes(studio: Studio, name: str) -> None:
    body, status, code = REFUSED[name]
    listing = studio.offer("cleared", authenticator=EXPERT)["id"]

    answer = studio.put(listing, 1, body)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (studio.kept(), studio.count("listing_photos"), studio.look(listing)["next"]) == (set(), 0, "list")


def test_files_that_are_two_things_leave_pixels_or_nothing(studio: Studio) -> None:
    listing = studio.offer("cleared", authenticator=EXPERT)["id"]
    bodies = [*POLYGLOTS.values(), *random.Random(7).sample(list(malformed(60, seed=8)), 12)]

    answers = [(body, studio.put(listing, number % 12 + 1, body)) for number, body in enumerate(bodies)]
    studio.work()

    taken = [body for body, answer in answers if answer.status_code == 201]
    refused = [answer.json()["code"] for _, answer in answers if answer.status_code != 201]
    shown = [studio.vault.get(studio.photo(listing, one["number"]).shown) for one in studio.look(listing)["photos"]]
    assert taken and refused and all(code.startswith("photo-") for code in refused)
    assert len(studio.kept()) <= 2 * len(shown) and all(len(name) == 64 for name in studio.kept())
    assert all(pixels.startswith(b"\xff\xd8\xff") for pixels in shown)
    assert not any(part in pixels for pixels in shown for part in (b"evil", b"script", b"PK\x03\x04"))
