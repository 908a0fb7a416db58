"""The commands of an operator, on a home of their own: what they print, and the code they end with."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ledger_api.cli import app

SAMPLE = Path(__file__).resolve().parents[2] / "samples" / "maison"

pytestmark = pytest.mark.chain


def run(home: Path, *words: str) -> tuple[int, str, str]:
    outcome = CliRunner().invoke(app, [*words, "--home", str(home)])
    return outcome.exit_code, outcome.stdout, outcome.stderr


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("commands") / "home"
    code, out, err = run(home, "import", str(SAMPLE), "--json")
    assert code == 0, err
    assert json.loads(out) == json.loads((SAMPLE / "expected.json").read_text())["files"]
    return home


def test_refused_rows_are_written_beside_the_home(imported: Path) -> None:
    rows = (imported / "refused.csv").read_text().splitlines()

    expected = json.loads((SAMPLE / "expected.json").read_text())["files"]
    assert len(rows) == 1 + sum(sum(one["refused"].values()) for one in expected.values())


def test_status_says_where_the_chain_and_the_database_are(imported: Path) -> None:
    code, out, _ = run(imported, "status", "--json")

    facts = json.loads(out)
    assert code == 0
    assert (facts["items"], facts["recorded_events"], facts["waiting_events"]) == (54, 150, 0)


def test_rebuild_changes_no_passport(imported: Path) -> None:
    code, out, _ = run(imported, "rebuild", "--json")

    told = json.loads(out)
    assert code == 0
    assert (told["items"], told["unchanged"]) == (54, True)
    assert told["logs"] > 150  # the ledger's and the registry's


def test_a_key_is_shown_once_listed_and_revoked(imported: Path) -> None:
    _, out, _ = run(imported, "key", "create", "did:web:encore.example", "--scope", "verify", "--json")
    made = json.loads(out)

    _, listed, _ = run(imported, "key", "list", "--json")
    code, _, _ = run(imported, "key", "revoke", made["id"])
    _, again, _ = run(imported, "key", "list", "--json")

    assert made["key"] not in listed
    assert [one["revoked_at"] for one in json.loads(listed) if one["id"] == made["id"]] == [None]
    assert code == 0
    assert [one["revoked_at"] is not None for one in json.loads(again) if one["id"] == made["id"]] == [True]


def test_an_organization_is_admitted_and_accredited_by_command(imported: Path) -> None:
    did = "did:web:nouvelle.example"

    admitted, _, err = run(imported, "org", "admit", did, "--name", "Nouvelle", "--role", "retailer")
    accredited, _, _ = run(imported, "org", "accredit", did, "--role", "retailer", "--brand", "did:web:atelier-verne.example")
    _, out, _ = run(imported, "org", "list", "--json")

    assert (admitted, accredited) == (0, 0), err
    assert {"did": did, "name": "Nouvelle", "roles": ["retailer"], "suspended": False} in json.loads(out)


def test_a_key_for_a_stranger_is_refused_with_a_code(imported: Path) -> None:
    code, _, err = run(imported, "key", "create", "did:web:nobody.example", "--scope", "verify")

    assert code == 1
    assert "not-found" in err


def test_a_folder_that_does_not_exist_is_a_usage_error(tmp_path: Path) -> None:
    code, _, _ = run(tmp_path / "home", "import", str(tmp_path / "nothing"))

    assert code == 2


def test_serving_without_a_chain_says_what_to_do(tmp_path: Path) -> None:
    code, _, err = run(tmp_path / "home", "work")

    assert code == 1
    assert "ledger up" in err
