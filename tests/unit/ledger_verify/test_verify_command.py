"""`ledger-verify`: its exit codes, what it trusts and in which order, and what it says."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ledger_verify.cli import main
from ledger_verify.hashing import keccak
from ledger_verify.proof import canonical
from tests.unit.ledger_verify.proven import (
    CHAIN_ID,
    LEDGER,
    LEDGER_CODE,
    REGISTRY,
    Json,
    by_receipts,
    by_state,
    life,
    short_life,
    shown,
    trust_of,
)

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def proof(tmp_path: Path) -> Path:
    return written(tmp_path, by_state(life()))


def written(folder: Path, document: Json) -> Path:
    path = folder / "proof.json"
    path.write_bytes(canonical(document))
    return path


def block_hash(document: Json) -> str:
    return shown(keccak(bytes.fromhex(document["inclusion"]["header"][2:])))


def options(document: Json) -> list[str]:
    return [
        "--chain-id", str(CHAIN_ID), "--ledger", shown(LEDGER), "--code-hash", shown(LEDGER_CODE), "--block-hash", block_hash(document),
    ]  # fmt: skip


def test_everything_holds_and_is_trusted(proof: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main([str(proof), *options(by_state(life()))])

    said = capsys.readouterr().out
    assert code == 0
    assert [line.split(".")[0].strip() for line in said.splitlines()[:10]] == [str(number) for number in range(1, 11)]
    assert "ANCHORED: everything holds" in said and "Freshness" in said and '/colour "noir"' in said


@pytest.mark.parametrize("left_out", range(4))
def test_a_trusted_fact_less_is_another_exit_code(proof: Path, left_out: int, capsys: pytest.CaptureFixture[str]) -> None:
    told = options(by_state(life()))

    code = main([str(proof), *told[: 2 * left_out], *told[2 * left_out + 2 :]])

    assert code == 3
    assert "CONSISTENT, NOT ANCHORED" in capsys.readouterr().out


def test_a_refusal_has_its_code_and_stops_the_recipe(proof: Path, capsys: pytest.CaptureFixture[str]) -> None:
    proof.write_bytes(proof.read_bytes().replace(b"noir", b"blue"))

    code = main([str(proof)])

    said = capsys.readouterr().out
    assert code == 1
    assert "REFUSED (payload)" in said or "REFUSED (word)" in said
    assert "\n10." not in said


def test_a_trust_file_tells_what_the_options_do_not(proof: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    known = {
        "chain_id": CHAIN_ID,
        "ledger": shown(LEDGER),
        "ledger_code_hash": shown(LEDGER_CODE),
        "registry": shown(REGISTRY),
        "owner": "0x1",
    }
    trust = tmp_path / "trust.json"
    trust.write_text(json.dumps(known | {"block_hash": [block_hash(by_state(life())), "0x" + "11" * 32]}))

    assert main([str(proof), "--trust", str(trust)]) == 0
    assert main([str(proof), "--trust", str(trust), "--chain-id", "5"]) == 1
    assert "no trusted one was given" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "told", ["[]", "{", '{"ledger": "0x12"}', '{"ledger": 5}', '{"chain_id": "1"}', '{"block_hash": 5}', '{"sequence": "5"}']
)
def test_a_trust_file_that_cannot_be_read_trusts_nothing(proof: Path, tmp_path: Path, told: str) -> None:
    trust = tmp_path / "trust.json"
    trust.write_text(told)

    assert main([str(proof), "--trust", str(trust)]) == 2


def test_json_is_one_value(proof: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([str(proof), "--json"])
    whole = json.loads(capsys.readouterr().out)
    proof.write_bytes(b"{}")
    refused = main([str(proof), "--json"])

    assert whole["verdict"] == "consistent, not anchored" and len(whole["events"]) == 5
    assert refused == 1 and json.loads(capsys.readouterr().out)["code"] == "unknown-format"


def test_a_version_that_shows_less_is_written(proof: Path, tmp_path: Path) -> None:
    less = tmp_path / "less.json"

    code = main([str(proof), "--withhold", "/colour", "--write", str(less)])

    assert code == 3
    assert b"noir" in proof.read_bytes() and b"noir" not in less.read_bytes()
    assert main([str(less)]) == 3
    assert main([str(proof), "--withhold", "/nothing", "--write", str(less)]) == 2


def test_receipts_are_told_with_what_they_leave_open(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = by_receipts(short_life())
    hashes = trust_of(document).block_hashes or frozenset()
    trusted = [option for one in hashes for option in ("--block-hash", shown(one))]

    code = main([str(written(tmp_path, document)), *options(by_state(life()))[:6], *trusted])

    said = capsys.readouterr().out
    assert code == 3
    assert "Completeness" in said and "CONSISTENT, NOT COMPLETE." in said


@pytest.mark.parametrize(("known", "code", "word"), [(2, 0, "ANCHORED"), (3, 3, "the item has 3 events"), (1, 3, "the item has 1 events")])
def test_receipts_are_complete_for_whoever_knows_how_many_events_there_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], known: int, code: int, word: str
) -> None:
    document, trust = by_receipts(short_life()), tmp_path / "trust.json"
    hashes = [shown(one) for one in trust_of(document).block_hashes or ()]
    trust.write_text(json.dumps({"block_hash": hashes, "sequence": known}))

    told = main([str(written(tmp_path, document)), *options(by_state(life()))[:6], "--trust", str(trust)])

    assert told == code
    assert word in capsys.readouterr().out


def test_what_a_proof_shows_cannot_speak_to_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = by_state(life())
    document["name"]["serial"] = "\x1b[31mred"

    main([str(written(tmp_path, document))])

    assert "\x1b" not in capsys.readouterr().out


def test_only_a_web_address_is_a_node(proof: Path) -> None:
    assert main([str(proof), "--rpc", "file:///etc/passwd"]) == 2


def test_a_file_that_is_not_there_is_no_refusal(tmp_path: Path) -> None:
    assert main([str(tmp_path / "none.json")]) == 2


@pytest.mark.slow
def test_the_verifier_installs_alone_and_knows_nothing_of_the_service(proof: Path, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "installed"
    shutil.copytree(ROOT / "ledger_verify", source, ignore=shutil.ignore_patterns("__pycache__"))
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--target", str(target)]
    subprocess.run([*pip, str(source)], check=True, capture_output=True)
    alone = "import sys; sys.modules['ledger_api'] = None; from ledger_verify import cli; print(cli.__file__); sys.exit(cli.main(['-']))"

    with proof.open("rb") as piped:
        environment = {**os.environ, "PYTHONPATH": str(target)}
        checked = subprocess.run([sys.executable, "-c", alone], cwd=tmp_path, env=environment, stdin=piped, capture_output=True)

    assert checked.returncode == 3, checked.stderr
    assert checked.stdout.decode().startswith(str(target))
    assert (target / "bin" / "ledger-verify").exists()


def test_it_runs_as_a_module_on_what_is_piped_to_it(proof: Path) -> None:
    with proof.open("rb") as piped:
        checked = subprocess.run([sys.executable, "-m", "ledger_verify", "-"], cwd=ROOT, stdin=piped, capture_output=True)

    assert checked.returncode == 3, checked.stderr
