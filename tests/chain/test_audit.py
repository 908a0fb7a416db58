"""The audit says nothing of a ledger that is whole, and names what was tampered with: one test for each of its promises."""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ledger_api.audit import Report, audit
from ledger_api.cli import app
from ledger_verify.hashing import keccak
from ledger_verify.transition import Role
from tests import servers
from tests.chain.audited import ENCORE, Small, birth, service_of, small_service

pytestmark = pytest.mark.chain

COPY = (
    "CREATE TEMP TABLE twin AS SELECT * FROM events WHERE id = 1;"
    "DROP INDEX events_live_event_id; UPDATE twin SET id = 9001; INSERT INTO events SELECT * FROM twin;"
)
PHANTOM = (
    "CREATE TEMP TABLE twin AS SELECT * FROM events WHERE id = 1;"
    "UPDATE twin SET id = 9001, event_id = randomblob(32), event_hash = randomblob(32); INSERT INTO events SELECT * FROM twin;"
)
FOREVER = "recorded once or refused"
# what is done to the database → the check that must say so, and a word of its sentence
TAMPERED = {
    "an event is forgotten": ("DELETE FROM events WHERE id = 1", "nobody sent", "in a transaction of ours"),
    "an event is there twice": (COPY, FOREVER, "accepted twice"),
    "an event is invented": (PHANTOM, FOREVER, "not on the chain"),
    "an event is called accepted": ("UPDATE events SET status = 'accepted' WHERE id = 1", FOREVER, "still called accepted"),
    "an event has an unknown status": ("UPDATE events SET status = 'gone' WHERE id = 1", FOREVER, "status gone"),
    "an event has another hash": ("UPDATE events SET event_hash = zeroblob(32) WHERE id = 1", FOREVER, "another event hash"),
    "an event is final too early": ("UPDATE chain_cursor SET final_block = 1", FOREVER, "called final"),
    "a refusal has no reason": ("UPDATE events SET status = 'refused' WHERE id = 1", "has a reason", "without a reason"),
    "a recorded event is called refused": (
        "UPDATE events SET status = 'refused', reason = 3 WHERE id = 1", "has a reason", "is on the chain",
    ),
    "a refusal was never told": (
        "UPDATE events SET status = 'refused', reason = 3, refused_block = 7, event_id = zeroblob(32) WHERE id = 1",
        "has a reason", "was not refused in block 7",
    ),
    "a record is missing": (
        "DELETE FROM records WHERE sequence = 2", "records equal the logs", "not in the records",
    ),
    "the first record of two is missing": (
        "DELETE FROM records WHERE sequence = 1 AND item IN (SELECT item FROM records WHERE sequence = 2)", "sequences", "sequences 2",
    ),
    "a record is altered": (
        "UPDATE records SET occurred_at = occurred_at + 1 WHERE sequence = 2", "records equal the logs", "log in occurred_at",
    ),
    "a record is invented": (
        "CREATE TEMP TABLE twin AS SELECT * FROM records WHERE sequence = 2 LIMIT 1; UPDATE twin SET sequence = 3;"
        "INSERT INTO records SELECT * FROM twin", "records equal the logs", "not on the chain",
    ),
    "an item's state is altered": (
        "UPDATE items SET state = zeroblob(128) WHERE sequence = 2", "items equal the fold", "in state",
    ),
    "an item is forgotten": ("DELETE FROM items WHERE sequence = 2", "items equal the fold", "not in the database"),
    "an item is invented": (
        "CREATE TEMP TABLE twin AS SELECT * FROM items LIMIT 1; UPDATE twin SET item = zeroblob(32); INSERT INTO items SELECT * FROM twin",
        "items equal the fold", "not on the chain",
    ),
    "a passport is altered": (
        "UPDATE items SET passport = CAST(replace(CAST(passport AS TEXT), 'noir', 'ocre') AS BLOB) WHERE sequence = 2",
        "passports", "differs from the one",
    ),
    "a passport's tag is altered": ("UPDATE items SET etag = 'x' WHERE sequence = 2", "passports", "differs from the one"),
    "a payload is altered": (
        "UPDATE payloads SET body = replace(body, 'Cabas', 'Sac')", "passports", "differs from the one",
    ),
    "a payload is lost": (
        "DELETE FROM payloads WHERE event_id = (SELECT event_id FROM events WHERE id = 1)", "has its payload", "no payload",
    ),
    "a submission is lost": ("DELETE FROM submissions", "in limbo", "belongs to no submission"),
    "a submission has nothing": ("UPDATE events SET submission = 'other'", "in limbo", "has no event"),
    "a tip is left": (
        "INSERT INTO tips SELECT item, state FROM items LIMIT 1", "tips stand", "nothing that waits",
    ),
    "a batch holds nothing": (
        "CREATE TEMP TABLE twin AS SELECT * FROM batches LIMIT 1; UPDATE twin SET id = 9001, status = 'signed';"
        "INSERT INTO batches SELECT * FROM twin", "no batch is open", "holds no event",
    ),
    "a batch was sent with nothing": (
        "UPDATE batches SET status = 'sent', \"transaction\" = NULL", "no batch is open", "transaction is missing",
    ),
    "a nonce is missing": (
        "DELETE FROM transactions WHERE id = (SELECT max(id) - 1 FROM transactions)", "no lane has a gap", "the one before it is not",
    ),
    "the last nonce is missing": (
        "DELETE FROM transactions WHERE id = (SELECT max(id) FROM transactions)", "no lane has a gap", "were never saved",
    ),
    "a nonce is said to be used": (
        "CREATE TEMP TABLE twin AS SELECT * FROM transactions WHERE id = (SELECT max(id) FROM transactions);"
        "UPDATE twin SET id = 9001, nonce = nonce + 1, hash = zeroblob(32); INSERT INTO transactions SELECT * FROM twin",
        "no lane has a gap", "the chain has not used it",
    ),
    "a nonce landed twice": (
        "CREATE TEMP TABLE twin AS SELECT * FROM transactions WHERE id = (SELECT max(id) FROM transactions);"
        "UPDATE twin SET id = 9001, hash = zeroblob(32); INSERT INTO transactions SELECT * FROM twin",
        "no lane has a gap", "has landed 2 times",
    ),
    "a used nonce is forgotten": (
        "UPDATE transactions SET status = 'replaced' WHERE id = (SELECT max(id) FROM transactions)",
        "no lane has a gap", "nothing of it is known to have landed",
    ),
    "a carried event vanished": (
        PHANTOM + "UPDATE events SET status = 'accepted' WHERE id = 9001; INSERT INTO tips SELECT item, state FROM events WHERE id = 9001",
        "on its way", "nothing carries it",
    ),
    "an accepted event has no tip": (
        PHANTOM + "UPDATE events SET status = 'accepted', batch = NULL WHERE id = 9001", "tips stand", "no tip",
    ),
    "a tip is another state": (
        PHANTOM + "UPDATE events SET status = 'accepted', batch = NULL WHERE id = 9001;"
        "INSERT INTO tips SELECT item, zeroblob(128) FROM events WHERE id = 9001", "tips stand", "not the state after",
    ),
    "the chain followed is another": ("UPDATE blocks SET hash = zeroblob(32)", "chain followed", "does not have"),
}  # fmt: skip


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    """Four items, two of them with two events, carried in three transactions."""
    with servers.anvil() as url, small_service(tmp_path_factory.mktemp("audit"), url) as here:
        here.record([birth(number) for number in range(4)])
        here.record([service_of(0)])
        here.record([service_of(1)])
        yield here


@pytest.fixture
def copied(whole: Small, tmp_path: Path) -> Iterator[Small]:
    """The same service on a copy of its database, to be tampered with."""
    path = tmp_path / "copy.db"
    with sqlite3.connect(whole.service.settings.home / "ledger.db") as source, sqlite3.connect(path) as target:
        source.backup(target)
    source.close()
    target.close()
    here = whole.with_database(path)
    yield here
    here.service.engine.dispose()


def tamper(here: Small, statements: str) -> None:
    path = str(here.service.engine.url.database)
    connection = sqlite3.connect(path)
    connection.executescript(statements)
    connection.close()


def found(report: Report) -> dict[str, list[str]]:
    return {check.name: check.findings for check in report.checks if check.found}


def test_a_whole_ledger_is_clean_and_every_check_has_looked_at_something(whole: Small) -> None:
    report = audit(whole.service, patience=0)

    told = report.as_json()
    assert found(report) == {}
    assert [told[name] for name in ("events", "recorded", "refused", "waiting", "lost", "duplicated", "foreign")] == [6, 6, 0, 0, 0, 0, 0]
    idle = {
        "every refusal has a reason",
        "nothing is recorded that nobody sent",
        "what is accepted is on its way",
        "tips stand where something waits",
    }
    assert {check.name for check in report.checks if not check.examined} <= idle | {"no batch is open with nothing behind it"}


@pytest.mark.parametrize("what", TAMPERED)
def test_it_says_so_when(what: str, copied: Small) -> None:
    statements, check, sentence = TAMPERED[what]
    tamper(copied, statements)

    report = audit(copied.service, patience=0)

    told = [one for name, findings in found(report).items() if check in name for one in findings]
    assert not report.is_clean
    assert any(sentence in one for one in told), found(report)


def test_what_is_lost_is_counted(copied: Small) -> None:
    tamper(copied, PHANTOM)

    report = audit(copied.service, patience=0, rebuild=False)

    assert (report.lost, report.duplicated, report.events) == (1, 0, 7)


def test_a_word_that_the_logs_do_not_give_is_found(whole: Small) -> None:
    item = whole.value("SELECT item FROM items ORDER BY item LIMIT 1")
    node, ledger = whole.service.node, "0x" + whole.service.network.ledger.hex()
    slot = "0x" + keccak(item + (2).to_bytes(32, "big")).hex()
    honest = node.call("eth_getStorageAt", ledger, slot, "latest")
    node.call("anvil_setStorageAt", ledger, slot, "0x" + "11" * 32)
    whole.mine()
    whole.index()

    report = audit(whole.service, patience=0, rebuild=False)

    node.call("anvil_setStorageAt", ledger, slot, honest)
    whole.mine()
    whole.index()
    assert {name: len(findings) for name, findings in found(report).items()} == {"words on chain equal the fold": 1}
    assert audit(whole.service, patience=0, rebuild=False).is_clean


def test_what_waits_is_told_and_is_no_finding(copied: Small) -> None:
    assert set(small_intake(copied).accept([service_of(2), birth(8)])) == {"accepted"}

    report = audit(copied.service, patience=0)

    assert report.is_clean, found(report)
    assert (report.waiting, report.in_flight["loose"]) == (2, 2)


def test_what_waits_is_a_finding_where_everything_should_have_settled(copied: Small) -> None:
    settled = audit(copied.service, patience=0, rebuild=False, settled=True)
    small_intake(copied).accept([service_of(2)])

    report = audit(copied.service, patience=0, rebuild=False, settled=True)

    assert settled.is_clean
    assert [len(findings) for findings in found(report).values()] == [1] and "(loose)" in str(found(report))


def small_intake(here: Small) -> Small:
    """The same, with a door to the same database."""
    intake = replace(here.service.intake, engine=here.service.engine)
    return replace(here, service=replace(here.service, intake=intake))


def test_auditing_changes_nothing_and_takes_no_lease(copied: Small) -> None:
    before = copied.dump()

    audit(copied.service, patience=0)

    assert copied.dump() == before


def test_an_indexer_that_is_behind_is_told_of(copied: Small) -> None:
    copied.mine(2)

    report = audit(copied.service, patience=0)

    assert report.is_clean and report.behind >= 2


def test_events_of_an_organization_that_signs_elsewhere_are_foreign(whole: Small, copied: Small) -> None:
    keys = whole.service.settings.home / "keys" / "organizations"
    whole.admit(ENCORE, Role.BRAND)
    whole.record([birth(70)], did=ENCORE)
    copied.index()
    hidden = [path for path in keys.iterdir() if (path / "signer.json").exists()]
    tamper(copied, "DELETE FROM transactions")

    with_keys = audit(copied.service, patience=0, rebuild=False)
    for path in hidden:
        path.rename(path.with_suffix(".away"))
    without_keys = audit(copied.service, patience=0, rebuild=False)
    for path in hidden:
        path.with_suffix(".away").rename(path)

    assert with_keys.foreign == 0 and "a key that we hold" in str(found(with_keys)["nothing is recorded that nobody sent"])
    assert without_keys.foreign == 1 and without_keys.is_clean


def test_the_command_ends_with_five_on_a_finding(whole: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    shutil.copytree(whole.service.settings.home, home)
    monkeypatch.setenv("LEDGER_RPC_URL", whole.url)

    clean = CliRunner().invoke(app, ["audit", "--json", "--no-rebuild", "--home", str(home)])
    with sqlite3.connect(home / "ledger.db") as database:
        database.execute("DELETE FROM events WHERE id = 1")
    database.close()
    tampered = CliRunner().invoke(app, ["audit", "--home", str(home)])

    assert clean.exit_code == 0 and json.loads(clean.stdout)["clean"] is True
    assert tampered.exit_code == 5 and "nobody sent it" in tampered.stderr


def test_it_audits_either_database_while_events_wait(database_url: str, anvil_url: str, tmp_path: Path) -> None:
    with small_service(tmp_path, anvil_url, database_url) as here:
        here.record([birth(number) for number in range(30)])
        here.accept([service_of(3)])

        report = audit(here.service, patience=0)

        assert report.is_clean, found(report)
        assert (report.events, report.recorded, report.waiting) == (31, 30, 1)
