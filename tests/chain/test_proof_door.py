"""`GET /v1/items/{id}/proof`, `ledger verify` and `ledger erase` as a caller meets them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from ledger_api import operating
from ledger_api.app import create_service_app
from ledger_api.cli import app as cli
from ledger_verify.checking import check
from ledger_verify.hashing import ItemId
from ledger_verify.transition import Role
from tests.chain.proof_world import GTIN, ProofWorld, later, manufacture, proof_world
from tests.doors import InProcess


class Door:
    """One item of MAISON's with two events, the second a shop's; a key of each."""

    def __init__(self, world: ProofWorld, client: httpx.Client) -> None:
        self.world, self.client = world, client
        maison = world.admit("maison", Role.BRAND)
        shop = world.admit("shop", Role.RETAILER, accredited_by=maison)
        world.record(maison, manufacture(world, "A1", workshop="R-77"))
        self.item: ItemId = world.record(shop, later(world, "service", "A1", 1, {"description": "polished", "bill": "B-9"}))
        self.keys = {name: self._key(name) for name in ("maison", "shop")}

    def _key(self, name: str) -> str:
        made = operating.create_api_key(self.world.service, organization=f"did:web:{name}.example", scopes=["events:read"], name="test")
        return str(made["key"])

    def ask(self, query: str = "", *, who: str | None = None, headers: dict[str, str] | None = None) -> Any:
        authorization = {"authorization": f"Bearer {self.keys[who]}"} if who is not None else {}
        return self.client.get(f"/v1/items/0x{self.item.hex()}/proof{query}", headers=authorization | (headers or {}))


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    folder = tmp_path_factory.mktemp("door")
    with (
        proof_world(folder, f"sqlite:///{folder / 'ledger.db'}") as world,
        httpx.Client(transport=InProcess(create_service_app(world.service)), base_url="http://ledger.example") as client,
    ):
        yield Door(world, client)


def fields(answer: Any) -> list[set[str]]:
    assert answer.status_code == 200, answer.text
    return [{field.path for field in event.fields} for event in check(answer.content).events]


def test_anybody_gets_a_proof_of_what_is_public(door: Door) -> None:
    answer = door.ask()

    assert fields(answer) == [{"/model", "/colour", "/atelier"}, {"/description"}]
    assert answer.headers["content-type"] == "application/json" and answer.headers["cache-control"] == "no-cache"


def test_a_proof_that_one_has_is_not_sent_again(door: Door) -> None:
    first = door.ask()

    again = door.ask(headers={"if-none-match": first.headers["etag"]})

    assert (again.status_code, again.content) == (304, b"")
    assert not first.headers["etag"].startswith("W/")


def test_a_proof_of_a_final_block_may_be_kept_for_ever(door: Door) -> None:
    block = check(door.ask().content).blocks[0].number

    pinned = door.ask(f"?block={block}")

    assert "immutable" in pinned.headers["cache-control"] and check(pinned.content).blocks[0].number == block
    assert door.ask("?block=1").status_code == 404


def test_each_organization_shows_its_own_and_withholds_what_it_likes(door: Door) -> None:
    assert fields(door.ask("?disclose=own", who="shop")) == [{"/model", "/colour", "/atelier"}, {"/description", "/bill"}]
    assert {"/workshop", "/serial"} < fields(door.ask("?disclose=own", who="maison"))[0]
    assert fields(door.ask("?disclose=own&withhold=/workshop&withhold=1/serial&withhold=/colour", who="maison"))[0] >= {"/gtin", "/model"}
    assert "/bill" not in fields(door.ask("?disclose=own", who="maison"))[1]
    assert door.ask("?disclose=own").status_code == 401


def test_anybody_may_have_less_shown(door: Door) -> None:
    assert fields(door.ask("?withhold=/colour&withhold=2/description")) == [{"/model", "/atelier"}, set()]


def test_the_serial_is_shown_to_whoever_names_it(door: Door) -> None:
    assert check(door.ask(f"?gtin={GTIN}&serial=A1").content).name == f"{GTIN} A1"
    assert check(door.ask(f"?gtin={GTIN}&serial=A2").content).name is None


@pytest.mark.parametrize(
    "query",
    [
        "?withhold=colour",
        "?disclose=all",
        "?block=-1",
        "?block=x",
        "?inclusion=faith",
        f"?gtin={GTIN}",
        "?serial=A1",
        "?gtin=1&serial=A1",
        "?x=1",
    ],
)
def test_what_cannot_be_meant_is_refused(door: Door, query: str) -> None:
    assert door.ask(query).status_code == 422


def test_receipts_are_shown_when_asked_for(door: Door) -> None:
    report = check(door.ask("?inclusion=receipts").content)

    assert len(report.blocks) == 2 and all(event.signer is not None for event in report.events)


@pytest.mark.parametrize(("visibility", "status"), [("withheld", 403), ("folded", 404)])
def test_a_brand_that_shows_nothing_shows_no_proof_either(door: Door, visibility: str, status: int) -> None:
    with door.world.service.engine.begin() as connection:
        connection.execute(text("UPDATE profiles SET visibility = :to WHERE did = 'did:web:maison.example'"), {"to": visibility})

    answers = door.ask().status_code, door.ask(who="shop").status_code

    with door.world.service.engine.begin() as connection:
        connection.execute(text("UPDATE profiles SET visibility = 'public'"))
    assert answers == (status, 200)


# --- commands


def test_the_command_trusts_its_own_deployment(door: Door, tmp_path: Path) -> None:
    proof = tmp_path / "proof.json"
    proof.write_bytes(door.ask().content)
    home = ["--home", str(door.world.settings.home)]
    block_hash = "0x" + check(door.ask().content).blocks[0].hash.hex()
    runner = CliRunner()

    by_node = runner.invoke(cli, ["verify", str(proof), "--rpc", door.world.url, *home])
    by_hash = runner.invoke(cli, ["verify", str(proof), "--block-hash", block_hash, *home])
    elsewhere = runner.invoke(cli, ["verify", str(proof), "--home", str(tmp_path / "nothing")])
    proof.write_bytes(proof.read_bytes()[:-1])
    refused = runner.invoke(cli, ["verify", str(proof), *home])

    assert (by_node.exit_code, by_hash.exit_code, elsewhere.exit_code, refused.exit_code) == (0, 0, 3, 1)
    assert "10. the trusted facts: all four agree" in by_node.output


def test_the_command_forgets_and_the_proof_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with proof_world(tmp_path, f"sqlite:///{tmp_path / 'ledger.db'}") as world:
        maison = world.admit("maison", Role.BRAND)
        item = world.record(maison, manufacture(world, "A1"))
        monkeypatch.setenv("LEDGER_RPC_URL", world.url)
        monkeypatch.setenv("LEDGER_DATABASE_URL", f"sqlite:///{tmp_path / 'ledger.db'}")
        asked = ["erase", "0x" + item.hex(), "--organization", "did:web:maison.example", "--home", str(world.settings.home)]

        done = CliRunner().invoke(cli, [*asked, "--json"])
        wrong = CliRunner().invoke(cli, ["erase", "0x12", *asked[2:]])

        assert (done.exit_code, done.stdout.strip()) == (0, '{\n "erased": 1\n}')
        assert wrong.exit_code == 1
        assert check(world.prove(item).body).events[0].withheld is None
        with world.service.engine.connect() as connection:
            erased_at = connection.execute(text("SELECT erased_at FROM payloads")).scalar_one()
        assert str(erased_at)[:10] == datetime.now(UTC).strftime("%Y-%m-%d")
