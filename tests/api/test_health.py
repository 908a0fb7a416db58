"""Alive, ready, measured: what an operator and a load balancer are told."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from httpx import Client
from sqlalchemy import insert, text
from structlog.testing import capture_logs

from ledger_api.alarms import MEANINGS, Bell
from ledger_api.desk.tables import CaseRow
from ledger_api.settings import Settings
from ledger_api.store.engine import writing
from ledger_api.tables import LeaseRow, SubmissionRow
from ledger_api.webhooks import endpoints, lines
from ledger_api.webhooks.telling import tell
from ledger_verify.codes import Kind
from tests.fake_chain import NETWORK
from tests.gallery import Gallery, gallery_app, make_gallery, visiting
from tests.reading_app import client_of


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


def accept_one(gallery: Gallery) -> None:
    """An event that waits for ten minutes."""
    world, item = gallery.world, gallery.items["lune"]
    at = datetime.fromtimestamp(gallery.now - 600, UTC)
    row = {"id": "s1", "organization": gallery.members["maison"].id, "request_id": "r", "created_at": at}
    with gallery.engine.begin() as connection:
        connection.execute(insert(SubmissionRow), row)
    state = world.states[item]
    event = world.record(gallery.members["maison"], item, Kind.SERVICE, payload={})
    world.accept(gallery.members["maison"], event, expected=state)


def value_of(told: str, name: str) -> float:
    return float(next(line for line in told.splitlines() if line.startswith(name + " ")).split()[1])


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
    accept_one(gallery)
    change(gallery, "UPDATE events SET retry_block = 7 WHERE status = 'accepted'")
    change(gallery, "UPDATE chain_cursor SET head_block = head_block + 100")
    change(gallery, "DELETE FROM leases")

    answer = client.get("/readyz")

    assert answer.status_code == 200
    assert codes(answer.json()["warnings"]) == ["behind", "no-indexer", "no-worker", "stuck", "slow"]


def test_a_dead_letter_rings_its_own_alarm_and_no_other(client: Client, gallery: Gallery) -> None:
    accept_one(gallery)
    change(gallery, "UPDATE events SET parked = id WHERE status = 'accepted'")
    for name in ("indexer", "lane:00"):
        lease(gallery, name)

    warnings = client.get("/readyz").json()["warnings"]

    assert [(one["code"], one["facts"]) for one in warnings] == [("parked", {"letters": 1, "events": 1})]


def test_a_notice_that_nobody_sends_rings_and_an_endpoint_that_fails_does_not(client: Client, gallery: Gallery) -> None:
    for name in ("indexer", "lane:00"):
        lease(gallery, name)
    now = datetime.fromtimestamp(gallery.now, UTC)
    with writing(gallery.engine) as connection:
        endpoints.begin(connection, b"\x01" * 32, endpoint="e", url="https://hooks.example.com/", types=None, description="", at=now)
        tell(connection, b"\x01" * 32, "test", "case:1", {}, at=now - timedelta(hours=1))
    unread = client.get("/readyz").json()["warnings"]
    with writing(gallery.engine) as connection:
        lines.spread(connection, now=now + timedelta(hours=2))  # it failed, and is due again in two hours

    retried = client.get("/readyz").json()["warnings"]

    assert [(one["code"], one["facts"]) for one in unread] == [("notices", {"seconds": 3600, "deliveries": 0})]
    assert retried == []
    assert "ledger_notices_undelivered 1.0" in client.get("/metrics").text


def test_a_case_past_its_deadline_rings_and_one_that_waits_for_its_asker_does_not(client: Client, gallery: Gallery) -> None:
    for name in ("indexer", "lane:00"):
        lease(gallery, name)
    now = datetime.fromtimestamp(gallery.now, UTC)
    for number, state in enumerate(("queued", "recording", "appraising", "awaiting-photos", "concluded", "checking")):
        due = now + timedelta(hours=1) if state == "checking" else now - timedelta(hours=number + 1)
        row = {"id": f"{number:032x}", "authenticator": b"\x01" * 32, "brand": b"\x02" * 32, "brand_did": "did:web:a.example"}
        row |= {"category": "handbag", "notes": "", "method": "photo", "state": state}
        row |= {"due_at": due, "created_at": now, "changed_at": now}
        with writing(gallery.engine) as connection:
            connection.execute(insert(CaseRow).values(**row))

    warnings = client.get("/readyz").json()["warnings"]

    assert [(one["code"], one["facts"]) for one in warnings] == [("cases", {"cases": 3, "seconds": 3 * 3600})]
    told = client.get("/metrics").text
    assert "ledger_cases_overdue 3.0" in told and 'ledger_alarm{code="cases"} 1.0' in told


def test_an_alarm_is_said_when_it_begins_and_when_it_ends_and_not_in_between(gallery: Gallery) -> None:
    bell = Bell(gallery.engine, Settings(oldest_waiting_seconds=60))
    lease(gallery, "indexer")
    lease(gallery, "lane:00")

    with capture_logs() as said:
        for at in (0, 1):  # the second look comes too early, and is none
            bell.look(gallery.now + at)
        accept_one(gallery)
        for at in (6, 7, 8):
            bell.look(gallery.now + at)
        change(gallery, "UPDATE events SET status = 'refused' WHERE status = 'accepted'")
        bell.look(gallery.now + 14)

    assert [(line["event"], line["code"]) for line in said if line["code"] == "slow"] == [("alarm", "slow"), ("alarm over", "slow")]


def test_metrics_tell_refusals_reorgs_and_what_landing_has_cost(client: Client, gallery: Gallery) -> None:
    change(gallery, "INSERT INTO tallies (name, label, value) VALUES ('refusals-door', 'on-hold', 3), ('reorgs', '', 2)")
    change(gallery, "INSERT INTO tallies (name, label, value) VALUES ('deepest-reorg', '', 4)")
    change(
        gallery, "INSERT INTO tallies (name, label, value) VALUES ('gas', '', 2e5), ('fee-wei', '', 1e22), ('recorded', '', 4)"
    )  # above 2^63
    for number, status in enumerate(("mined", "reverted", "sent")):
        change(
            gallery,
            "INSERT INTO transactions (id, relayer, nonce, raw, hash, max_fee_wei, status, created_at)"
            " VALUES (:number, :bytes, :number, :bytes, :bytes, '1', :status, '2026-01-01 00:00:00')",
            number=number, status=status, bytes=b"%d" % number,
        )  # fmt: skip

    told = client.get("/metrics").text

    assert 'ledger_refusals_total{by="door",reason="on-hold"} 3.0' in told
    assert "ledger_reorgs_total 2.0" in told and "ledger_reorg_deepest_blocks 4.0" in told
    assert "ledger_gas_used_total 200000.0" in told and value_of(told, "ledger_fee_wei_total") == 1e22
    assert value_of(told, "ledger_event_fee_wei") == 2.5e21
    assert "ledger_transactions_in_flight 1.0" in told and 'ledger_transactions{status="reverted"} 1.0' in told


def test_every_alarm_is_a_metric_that_rings_or_does_not(client: Client, gallery: Gallery) -> None:
    lease(gallery, "indexer")

    told = client.get("/metrics").text

    assert {code for code in MEANINGS if f'ledger_alarm{{code="{code}"}} 0.0' in told} == set(MEANINGS)


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


def test_requests_are_counted_by_route_and_never_by_serial(gallery: Gallery) -> None:
    with client_of(gallery_app(gallery)) as client:
        client.get(gallery.path("lune"))

        told = client.get("/metrics").text

    assert 'ledger_http_requests_total{method="GET",route="/01/{gtin}/21/{serial:path}",status="200"} 1.0' in told
    assert "A3513268" not in told
