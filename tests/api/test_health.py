"""Alive, ready, measured: what an operator and a load balancer are told."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from httpx import Client
from sqlalchemy import insert, text

from ledger_api.tables import LeaseRow, SubmissionRow
from ledger_verify.codes import Kind
from tests.fake_chain import NETWORK
from tests.gallery import Gallery, make_gallery, visiting


@pytest.fixture
def gallery(database_url: str) -> Iterator[Gallery]:
    made = make_gallery(database_url)
    yield made
    made.engine.dispose()


@pytest.fixture
def client(gallery: Gallery) -> Iterator[Client]:
    with visiting(gallery) as client:
        yield client


def change(gallery: Gallery, statement: str, **values: object) -> None:
    with gallery.engine.begin() as connection:
        connection.execute(text(statement), values)


def lease(gallery: Gallery, name: str) -> None:
    until = datetime.fromtimestamp(gallery.now, UTC) + timedelta(seconds=10)
    with gallery.engine.begin() as connection:
        connection.execute(text("DELETE FROM leases WHERE name = :name"), {"name": name})
        connection.execute(insert(LeaseRow), {"name": name, "owner": "me", "expires_at": until})


def accept_one(gallery: Gallery, *, error: str | None = None) -> None:
    """An event that waits for ten minutes."""
    world, item = gallery.world, gallery.items["lune"]
    at = datetime.fromtimestamp(gallery.now - 600, UTC)
    row = {"id": "s1", "organization": gallery.members["maison"].id, "request_id": "r", "created_at": at}
    with gallery.engine.begin() as connection:
        connection.execute(insert(SubmissionRow), row)
    state = world.states[item]
    event = world.record(gallery.members["maison"], item, Kind.SERVICE, payload={})
    world.accept(gallery.members["maison"], event, expected=state, error=error)


def codes(remarks: list[dict[str, str]]) -> list[str]:
    return [remark["code"] for remark in remarks]


def test_alive_asks_nothing_of_anybody(client: Client, gallery: Gallery) -> None:
    change(gallery, "DROP TABLE chain_cursor")

    assert client.get("/healthz").json() == {"status": "ok"}


def test_a_service_that_follows_its_chain_is_ready(client: Client, gallery: Gallery) -> None:
    lease(gallery, "indexer")

    answer = client.get("/readyz")

    assert (answer.status_code, answer.json()) == (200, {"ready": True, "reasons": [], "warnings": []})


def test_before_the_first_block_it_is_not_ready_and_says_why(client: Client, gallery: Gallery) -> None:
    change(gallery, "DELETE FROM chain_cursor")

    answer = client.get("/readyz")

    assert (answer.status_code, codes(answer.json()["reasons"])) == (503, ["not-followed-yet"])


def test_a_database_of_another_chain_is_not_served(client: Client, gallery: Gallery) -> None:
    change(gallery, "UPDATE chain_cursor SET chain_id = 1")

    assert codes(client.get("/readyz").json()["reasons"]) == ["wrong-chain"]


def test_a_database_without_its_tables_is_away(client: Client, gallery: Gallery) -> None:
    change(gallery, "DROP TABLE chain_cursor")

    answer = client.get("/readyz")

    assert (answer.status_code, codes(answer.json()["reasons"])) == (503, ["database-away"])


def test_trouble_ahead_is_a_warning_and_keeps_it_ready(client: Client, gallery: Gallery) -> None:
    accept_one(gallery, error="nonce too low")
    change(gallery, "UPDATE chain_cursor SET head_block = head_block + 100")
    change(gallery, "DELETE FROM leases")

    answer = client.get("/readyz")

    assert answer.status_code == 200
    assert codes(answer.json()["warnings"]) == ["behind", "no-indexer", "no-worker", "stuck", "slow"]


def test_a_worker_s_lease_is_somebody_at_work(client: Client, gallery: Gallery) -> None:
    accept_one(gallery)
    lease(gallery, "indexer")
    lease(gallery, "lane:00")

    assert codes(client.get("/readyz").json()["warnings"]) == ["slow"]


def test_metrics_say_what_waits_and_how_far_the_mirror_is(client: Client, gallery: Gallery) -> None:
    accept_one(gallery)
    lease(gallery, "indexer")

    told = client.get("/metrics").text

    assert "ledger_events_waiting 1.0" in told
    assert "ledger_events_waiting_oldest_seconds 600.0" in told
    assert 'ledger_lease_held{lease="indexer"} 1.0' in told
    assert f"ledger_indexed_block {float(gallery.world.chain.blocks[-1].number)}" in told
    assert NETWORK.chain_id == 31337


def test_metrics_are_told_before_the_first_block_too(client: Client, gallery: Gallery) -> None:
    change(gallery, "DELETE FROM chain_cursor")

    told = client.get("/metrics").text

    assert "ledger_events_waiting 0.0" in told and "ledger_indexed_block" not in told


def test_requests_are_counted_by_route_and_never_by_serial(client: Client, gallery: Gallery) -> None:
    client.get(gallery.path("lune"))

    told = client.get("/metrics").text

    assert 'ledger_http_requests_total{method="GET",route="/01/{gtin}/21/{serial:path}",status="200"} 1.0' in told
    assert "A3513268" not in told
