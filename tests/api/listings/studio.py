"""Listings with photos beside the gallery: a vault, the loop that looks at them, and two desks with a reviewer each.

listing = studio.offer("cleared", authenticator=EXPERT)["id"]
studio.put(listing, 1, picture(7))           what the door answers
studio.work()                                machines look until there is nothing to look at
studio.rule(review, "refused")               by the expert's reviewer
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from types import SimpleNamespace
from typing import Any

import httpx
import orjson
from sqlalchemy import text

from benchmarks.photos import Pixels, draw, jpeg
from benchmarks.reworking import changed
from ledger_api.desk import staff
from ledger_api.desk.vault import DiskVault
from ledger_api.intake.accepting import AuthorityCache
from ledger_api.listings import rows
from ledger_api.listings.looking import PhotoChecker
from ledger_api.store.engine import reading
from tests.api.listings.conftest import Listings
from tests.fake_chain import NETWORK
from tests.gallery import Gallery

Json = dict[str, Any]
EXPERT = "did:web:expert.example"
TABLES = ("listing_photos", "photo_marks", "photo_prints", "reviews", "webhook_notices", "shots", "cases", "accounts")
CONTEXT: Mapping[str, Any] = {"intake": SimpleNamespace(authority=AuthorityCache(NETWORK.consortium))}


@cache
def pixels(seed: int) -> Pixels:
    return draw(seed, shot="logo", size=(840, 630))


def picture(seed: int, change: str = "same") -> bytes:
    return changed(pixels(seed), change, seed=7)


def tinted(seed: int, *, green: bool) -> bytes:
    """Of which the tests' classifier says *weapon* where it is green."""
    coloured = pixels(seed) // 3
    coloured[..., 1 if green else 0] = 230
    return jpeg(coloured)


@dataclass
class Studio(Listings):
    vault: DiskVault
    checker: PhotoChecker
    reviewers: dict[str, str] = field(default_factory=dict)

    def employ(self, gallery: Gallery) -> None:
        for desk in ("expert", "pixel"):
            taken = staff.take_on(gallery.engine, gallery.members[desk].id, desk, is_senior=False, categories=None, now=int(gallery.now))
            self.reviewers[desk] = taken.key.token

    def put(self, listing: str, number: int | str, body: bytes, *, by: str = "platform") -> httpx.Response:
        self.gallery.now += 0.001  # so that ids and times follow one another
        return self.ask("PUT", f"/v1/listings/{listing}/photos/{number}", by=by, content=body)

    def offered(self, piece: str | None, body: bytes, *, by: str = "platform", number: int = 1, **changes: Any) -> str:
        """A listing with one photo that machines have looked at."""
        listing = str(self.offer(piece, by=by, authenticator=EXPERT, **changes)["id"])
        answer = self.put(listing, number, body, by=by)
        assert answer.status_code == 201, answer.text
        self.work()
        return listing

    def work(self) -> None:
        for _ in range(100):
            if not self.checker.turn():
                return
        raise AssertionError("the machines never came to rest")

    def later(self, seconds: int) -> None:
        self.gallery.now += seconds

    def end(self, listing: str, deed: str = "withdraw", *, by: str = "platform") -> Json:
        return dict(self.ask("POST", f"/v1/listings/{listing}/{deed}", by=by).json())

    # --- the desk

    def desk(self, method: str, path: str, *, by: str = "expert", **request: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.reviewers[by]}"}
        return self.client.request(method, f"/v1/desk/reviews{path}", headers=headers, **request)

    def reviews(self, *, by: str = "expert") -> list[Json]:
        return list(self.desk("GET", "", by=by).json()["reviews"])

    def rule(self, review: str, ruling: str) -> None:
        body = {"ruling": ruling, "labels": ["weapon"] if ruling == "refused" else [], "grounds": "I looked."}
        answer = self.desk("POST", f"/{review}/ruling", json=body)
        assert answer.status_code == 200, answer.text

    # --- what is kept

    def count(self, table: str, where: str = "1 = 1") -> int:
        with reading(self.gallery.engine) as connection:
            return int(connection.execute(text(f"SELECT count(*) FROM {table} WHERE {where}")).scalar_one())

    def kept(self) -> set[str]:
        return {path.name for path in self.vault._folder.rglob("*") if path.is_file()}

    def notices(self) -> list[Json]:
        """What the platforms were told, oldest first."""
        with reading(self.gallery.engine) as connection:
            found = connection.execute(text("SELECT body FROM webhook_notices WHERE type = 'listing.photos' ORDER BY number"))
            return [orjson.loads(row.body)["data"] for row in found]

    def photo(self, listing: str, number: int = 1) -> Any:
        with reading(self.gallery.engine) as connection:
            return next(one for one in rows.photos_of(connection, listing) if one.number == number)


def codes(answer: Json) -> list[str]:
    return [reason["code"] for reason in answer["reasons"]]
