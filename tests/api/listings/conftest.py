"""Two platforms and a partner's campaign beside the gallery; what a test offers it offers under a reference of its own."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from sqlalchemy import text

from ledger_api.auth import Scope
from ledger_api.desk.booking import rows, stores
from ledger_api.desk.booking.slots import Terms
from ledger_api.desk.checks import Machines
from ledger_api.desk.tagging import Tagger
from ledger_api.desk.vault import DiskVault
from ledger_api.listings import rows as listing_rows
from ledger_api.listings.looking import PhotoChecker
from ledger_api.store.engine import writing
from tests.gallery import GTIN, SERIALS, Gallery, standing_gallery, visiting

if TYPE_CHECKING:
    from tests.api.listings.studio import Studio

Json = dict[str, Any]
STORE = "5" * 32
MILAN, HONG_KONG = {"latitude": 45.4642, "longitude": 9.19}, {"latitude": 22.3193, "longitude": 114.1694}


@dataclass
class Listings:
    gallery: Gallery
    client: httpx.Client
    numbers: Iterator[int]

    def token(self, member: str) -> str:
        return self.gallery.key(member, Scope.VERIFY)

    def ask(self, method: str, path: str, *, by: str = "platform", **request: Any) -> httpx.Response:
        return self.client.request(method, path, headers={"Authorization": f"Bearer {self.token(by)}"}, **request)

    def body(self, piece: str | None, **changes: Any) -> Json:
        named = {} if piece is None else {"gtin": GTIN, "serial": SERIALS[piece]}
        number = next(self.numbers)
        return {"reference": f"L-{number}", "title": "Sac", "url": f"https://resale.example/l/{number}"} | named | changes

    def post(self, body: Json, *, by: str = "platform") -> httpx.Response:
        return self.ask("POST", "/v1/listings", by=by, json=body)

    def offer(self, piece: str | None, *, by: str = "platform", **changes: Any) -> Json:
        answer = self.post(self.body(piece, **changes), by=by)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def look(self, listing: str, *, by: str = "platform") -> Json:
        return dict(self.ask("GET", f"/v1/listings/{listing}", by=by).json())


@pytest.fixture(scope="module")
def gallery(database_kind: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gallery]:
    """The pieces, and a campaign of the expert's; what is listed goes with its test."""
    with standing_gallery(database_kind, request, Path(tmp_path_factory.mktemp("gallery"))) as made:
        _campaign(made)
        yield made


@pytest.fixture
def listings(gallery: Gallery) -> Iterator[Listings]:
    with visiting(gallery) as client:
        yield Listings(gallery, client, count(1))
    with writing(gallery.engine) as connection:
        for table in (listing_rows.listings, listing_rows.seen):
            connection.execute(table.delete())


def _campaign(gallery: Gallery) -> None:
    at, expert = datetime.fromtimestamp(gallery.now, UTC), gallery.members["expert"].id
    terms = Terms.model_validate({"time_zone": "Europe/Rome", "hours": {}, "services": [{"category": "handbag"}]})
    row = {"id": STORE, "organization": expert, "name": "Milano", "address": "Via Sempione 1", "is_open": True}
    with writing(gallery.engine) as connection:
        rows.keep_store(connection, row | {"terms": terms.model_dump_json(), "created_at": at, "changed_at": at})
        stores.keep_campaign(connection, expert, "Milan12", stores=None, price_cents=0, until=None, now=at)


@pytest.fixture
def studio(gallery: Gallery, tmp_path: Path) -> Iterator["Studio"]:
    """With a classifier; what is kept of photos goes with its test."""
    from tests.api.listings.studio import CONTEXT, TABLES, Studio
    from tests.unit.desk.test_tagging import model

    vault, began = DiskVault(tmp_path / "photos", b"\x07" * 32), gallery.now
    machines = Machines(vault, gallery.engine, Tagger(model(tmp_path / "model")))
    checker = PhotoChecker(machines, clock=lambda: datetime.fromtimestamp(gallery.now, UTC))
    with visiting(gallery, photos=vault, **CONTEXT) as client:
        made = Studio(gallery, client, count(1), vault, checker)
        made.employ(gallery)
        yield made
    gallery.now = began
    with writing(gallery.engine) as connection:
        for name in (*TABLES, "appraisers", "desk_policies", "listings", "item_seen", "doubts"):
            connection.execute(text(f'DELETE FROM "{name}"'))
