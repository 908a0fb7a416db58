"""Storage that fails under the running service: what was acknowledged is there, what was not is answered 503 and may be sent again,
and every process comes back by itself.
"""

import os
import random
import resource
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from ledger_api.errors import DatabaseDamaged, KeyMissing, LedgerError
from ledger_api.service import NotDeployed, open_service
from ledger_api.settings import Settings
from ledger_api.store.engine import reading, writing
from tests import servers
from tests.faults import storage_faults as faults
from tests.faults.fleet import Brand, Fleet, Member, fleet_of
from tests.faults.knocking import Till, at_once, knock, pushing
from tests.faults.small_disk import on_a_small_disk

SEED = 20261122


@dataclass
class Place:
    """A whole service at work."""

    fleet: Fleet
    maison: Brand
    members: list[Member]
    database_url: str
    server: faults.OwnPostgres | None = None

    def is_whole(self) -> bool:
        return all(member.is_alive() for member in self.members)


@contextmanager
def at_work(folder: Path, database_url: str, server: faults.OwnPostgres | None = None) -> Iterator[Place]:
    with fleet_of(folder, database_url) as fleet:
        maison = fleet.brand("maison")
        members = [fleet.start(command) for command in ("work", "index", "serve")]
        yield Place(fleet, maison, members, database_url, server)


@pytest.fixture(scope="module")
def on_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with faults.own_postgres() as server, servers.fresh_database(server.uri) as url:
        patient = f"{url}{'&' if '?' in url else '?'}options=-c%20lock_timeout%3D500ms"
        with at_work(tmp_path_factory.mktemp("postgres"), patient, server) as place:
            yield place


@pytest.fixture(scope="module")
def on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("sqlite")
    (folder / "home").mkdir()
    with at_work(folder, f"sqlite:///{folder / 'home' / 'ledger.db'}?timeout=3") as place:
        yield place


def assert_nothing_is_lost(place: Place, till: Till) -> None:
    """Every list that was acknowledged is recorded once, what was not was told so, and nobody had to be started again."""
    assert till.faulty == []
    till.send_again()
    place.fleet.settle()
    assert place.is_whole(), place.fleet.picture()
    serials = [event["serial"] for events in till.acknowledged for event in events]
    with reading(place.fleet.service.engine) as connection:
        recorded = connection.execute(
            text("SELECT identifiers.serial, count(*) FROM identifiers JOIN records ON records.item = identifiers.item GROUP BY 1")
        ).all()
    counted = {row[0]: row[1] for row in recorded}
    assert {serial: counted.get(serial) for serial in serials} == dict.fromkeys(serials, 1)
    place.fleet.audit()


# --- PostgreSQL ------------------------------------------------------------------------------------------------------


def test_a_server_that_is_restarted_while_it_writes_loses_nothing(on_postgres: Place, is_long: bool) -> None:
    server, restarts = on_postgres.server, 8 if is_long else 2
    assert server is not None
    starts = {server.started_at()}

    with pushing(on_postgres.fleet, on_postgres.maison) as till:
        for _ in range(restarts):
            time.sleep(0.8)
            server.restart_at_once()
            starts.add(server.started_at())
        time.sleep(0.5)

    assert len(starts) == restarts + 1
    assert till.failures, till.told
    assert_nothing_is_lost(on_postgres, till)


def test_connections_cut_under_the_door_the_worker_and_the_indexer_lose_nothing(on_postgres: Place, is_long: bool) -> None:
    server, cuts, chance = on_postgres.server, 60 if is_long else 12, random.Random(SEED)
    assert server is not None

    def enough() -> bool:
        """Cut while it was at work: how often that is depends on the machine."""
        return cut >= cuts and till.failures >= 3 and all("database-busy" in member.log for member in on_postgres.members)

    with pushing(on_postgres.fleet, on_postgres.maison, size=200) as till:
        cut = rounds = 0
        while rounds < cuts or (not enough() and rounds < 8 * cuts):
            time.sleep(chance.uniform(0.05, 0.4))
            cut += server.cut(on_postgres.database_url)
            rounds += 1

    assert enough(), f"seed {SEED}: {cut} connections cut, {till.told}"
    assert_nothing_is_lost(on_postgres, till)


def test_a_table_in_other_hands_is_waited_for_so_long_and_no_longer(on_postgres: Place) -> None:
    server, fleet, till = on_postgres.server, on_postgres.fleet, Till(on_postgres.fleet, on_postgres.maison)
    assert server is not None
    answers = {}

    for table in ("events", "idempotency", "api_keys", "leases", "chain_cursor"):
        with server.locked(on_postgres.database_url, table):
            answers[table] = knock(fleet, on_postgres.maison, fleet.births(2), key=f"while {table} is locked")
            time.sleep(0.7)  # the worker and the indexer meet it too

    assert {table: answer.status for table, answer in answers.items()} == dict.fromkeys(answers, 503) | {"leases": 202}
    assert max(answer.seconds for answer in answers.values()) < 5
    refused = [answer for answer in answers.values() if answer.status == 503]
    assert {(answer.code, answer.json()["cause"], answer.headers["retry-after"]) for answer in refused} == {
        ("database-busy", "locked", "1")
    }
    till.send(fleet.births(2))
    assert_nothing_is_lost(on_postgres, till)


def test_a_server_made_read_only_is_busy_and_not_our_mistake(on_postgres: Place) -> None:
    server, till = on_postgres.server, Till(on_postgres.fleet, on_postgres.maison)
    assert server is not None

    with server.read_only(on_postgres.database_url):
        till.send(on_postgres.fleet.births(3))
        looked_up = knock(on_postgres.fleet, None, path="/v1/items?gtin=09990000100019&serial=F0000000")
        time.sleep(2.5)

    assert till.told == {"database-busy: read-only": 1}
    assert looked_up.status in (200, 404)
    assert_nothing_is_lost(on_postgres, till)


# --- SQLite ----------------------------------------------------------------------------------------------------------


def test_a_database_locked_by_another_process_is_busy_and_the_rest_of_the_service_answers(on_sqlite: Place) -> None:
    place, till = on_sqlite, Till(on_sqlite.fleet, on_sqlite.maison)
    till.send(place.fleet.births(3))
    place.fleet.settle()
    lists = [place.fleet.births(2) for _ in range(60)]

    with faults.locked_sqlite(place.fleet.settings.home / "ledger.db"):

        def ask(number: int) -> Any:
            if number < 60:
                return till.send(lists[number]), time.monotonic()
            time.sleep(0.2)
            answer = knock(place.fleet, None, path=("/healthz", "/v1/items?gtin=09990000100019&serial=F0000000")[number % 2])
            return answer, time.monotonic()

        answers, ended = zip(*at_once(64, ask), strict=True)

    assert {answer.status for answer in answers[:60]} == {503}
    assert {answer.json()["cause"] for answer in answers[:60]} <= {"locked", "crowded"}
    assert [answer.status for answer in answers[60:]] == [200] * 4
    assert max(ended[60:]) < min(ended[:60]), "every thread waits for the lock, but life and lookups need none"
    assert_nothing_is_lost(place, till)


def test_a_full_disk_refuses_what_it_cannot_keep_and_keeps_what_it_took(on_sqlite: Place) -> None:
    place = on_sqlite
    database = place.fleet.settings.home / "ledger.db"

    with pushing(place.fleet, place.maison, size=50) as till:
        time.sleep(1)
        with faults.no_room(place.members, largest=max(64 * 1024, database.stat().st_size // 4)):
            time.sleep(3)
        time.sleep(0.5)

    assert till.told["database-busy: disk"] + till.told["database-busy: full"] >= 3, till.told
    assert_nothing_is_lost(place, till)


def test_a_disk_that_somebody_fills_to_the_last_byte_logs_and_all_loses_nothing(tmp_path: Path) -> None:
    told = on_a_small_disk(tmp_path)

    assert told.returncode == 0, told.stdout[-2000:] + told.stderr[-2000:]


def test_a_payload_that_is_gone_is_said_to_be_gone_and_comes_back_when_the_event_is_sent_again(on_sqlite: Place) -> None:
    place, till = on_sqlite, Till(on_sqlite.fleet, on_sqlite.maison)
    events = place.fleet.births(2)
    event_id = till.send(events).json()["results"][0]["event_id"]
    with writing(place.fleet.service.engine) as connection:
        gone = connection.execute(text("DELETE FROM payloads WHERE event_id = :id"), {"id": bytes.fromhex(event_id[2:])}).rowcount
    place.fleet.settle()
    without = knock(place.fleet, place.maison, path=f"/v1/events/{event_id}").json()

    again = knock(place.fleet, place.maison, events).json()

    assert gone == 1
    assert (without["payload"], without["sequence"]) == (None, 1)
    assert (again["accepted"], again["duplicates"]) == (0, 2)
    assert knock(place.fleet, place.maison, path=f"/v1/events/{event_id}").json()["payload"]["model"] == "Cabas Verne 32"
    time.sleep(1.5)
    story = knock(place.fleet, None, path=f"/v1/items?gtin={events[0]['gtin']}&serial={events[0]['serial']}").json()["passport"]
    assert story["model"] == "Cabas Verne 32"
    assert_nothing_is_lost(place, till)


def test_one_torn_keystore_holds_up_its_own_organization_and_nobody_else(on_sqlite: Place) -> None:
    fleet, folder = on_sqlite.fleet, on_sqlite.fleet.settings.home / "keys" / "organizations"
    before = set(folder.iterdir())
    torn = fleet.brand("torn")
    (own,) = set(folder.iterdir()) - before
    keystore, kept = own / "signer.json", (own / "signer.json").read_bytes()
    faults.truncate(keystore, keep=0.5)
    till = Till(fleet, on_sqlite.maison)

    fleet.accept(torn, fleet.births(3))
    till.send(fleet.births(3))
    deadline = time.monotonic() + 20
    while fleet.hanging() != {"event": 3, "transaction": 0}:
        assert time.monotonic() < deadline, fleet.picture()
        time.sleep(0.1)
    replaced = keystore.with_suffix(".new")
    replaced.write_bytes(kept)
    os.replace(replaced, keystore)

    assert_nothing_is_lost(on_sqlite, till)
    assert "keystore-damaged" in on_sqlite.members[0].log


# --- at the start ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def resting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A home with a brand and an event that waits, on which nothing runs."""
    with fleet_of(tmp_path_factory.mktemp("resting"), "", block_time=None) as fleet:
        maison = fleet.brand("maison")
        fleet.accept(maison, fleet.births(300))
        fleet.service.close()
        faults.fold_in(fleet.settings.home / "ledger.db")
        yield fleet


def _no_deployment(home: Path) -> None:
    (home / "deployments" / "31337.json").unlink()


def _torn_deployment(home: Path) -> None:
    faults.truncate(home / "deployments" / "31337.json", keep=0.5)


def _scribbled(home: Path) -> None:
    faults.scribble(home / "ledger.db")


def _truncated(home: Path) -> None:
    faults.truncate(home / "ledger.db", keep=0.6)


def _torn_service_key(home: Path) -> None:
    faults.truncate(home / "keys" / "service.json", keep=0.5)


def _no_passphrase(home: Path) -> None:
    (home / "keys" / "passphrase").unlink()


STARTS = [
    ("index", _torn_deployment, "deployment-unusable", 5),
    ("work", _truncated, "database-damaged", 5),
    ("serve", _torn_service_key, "keystore-damaged", 5),
]


@pytest.mark.parametrize(("command", "damage", "code", "exit_code"), STARTS, ids=[f"{one[0]}-{one[2]}" for one in STARTS])
def test_a_start_on_something_broken_is_refused_in_one_line(
    resting: Fleet, tmp_path: Path, command: str, damage: Any, code: str, exit_code: int
) -> None:
    home = tmp_path / "home"
    resting.service.keyring.service()
    shutil.copytree(resting.settings.home, home)
    damage(home)

    member = started(resting, command, home)

    assert member.await_end(seconds=60) == exit_code, member.log
    assert member.log.startswith(f"{code}:") and member.log.count("\n") == 1, member.log


@pytest.mark.parametrize(
    ("damage", "error"),
    [(_no_deployment, NotDeployed), (_scribbled, DatabaseDamaged), (_no_passphrase, KeyMissing)],
    ids=lambda one: one.__name__,
)
def test_what_is_gone_or_something_else_is_named(resting: Fleet, tmp_path: Path, damage: Any, error: type[LedgerError]) -> None:
    home = tmp_path / "home"
    shutil.copytree(resting.settings.home, home)
    damage(home)

    with pytest.raises(error):
        open_service(Settings(home=home), resting.chain_url)


def started(fleet: Fleet, command: str, home: Path, **more: str) -> Member:
    environment = {"LEDGER_HOME": str(home), "LEDGER_DATABASE_URL": "", "LEDGER_RPC_URL": fleet.chain_url} | more
    own = {**fleet._environment(), **environment, "LEDGER_PORT": "0"}
    return Member(command, ["-m", "ledger_api.cli", command], own, home.parent / "log")


def test_a_database_that_may_not_be_written_is_read_all_the_same(resting: Fleet, tmp_path: Path) -> None:
    home, maison = tmp_path / "home", resting.brand("reader")
    shutil.copytree(resting.settings.home, home)
    faults.fold_in(home / "ledger.db")
    url = f"sqlite:///file:{home / 'ledger.db'}?mode=ro&uri=true"

    resting.start("serve", env={"LEDGER_HOME": str(home), "LEDGER_DATABASE_URL": url})
    refused = knock(resting, maison, resting.births(1), key="one")
    followed = knock(resting, maison, path="/v1/organizations")

    assert (refused.status, refused.code, refused.json()["cause"], followed.status) == (503, "database-busy", "read-only", 200)


def test_the_disk_limit_of_these_tests_really_limits(tmp_path: Path) -> None:
    """A harness that injects nothing would prove nothing."""
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limit[1]))
    try:
        with pytest.raises(OSError, match="File too large"), (tmp_path / "large").open("wb", buffering=0) as file:
            file.write(b"x" * 4096)
            file.write(b"x")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
