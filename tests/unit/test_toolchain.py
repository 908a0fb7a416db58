"""One compiler, one set of settings, whichever tool compiles; artifacts in the package are fresh."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from scripts import build_contracts

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ("OrganizationRegistry", "ProvenanceLedger")
ENVIRONMENT = {**os.environ, "PATH": f"{Path(sys.prefix) / 'bin'}{os.pathsep}{os.environ['PATH']}"}


def run(*command: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, timeout=300)


def committed(contract: str) -> dict[str, object]:
    loaded: dict[str, object] = json.loads((ROOT / "ledger_api" / "abi" / f"{contract}.json").read_text())
    return loaded


def test_foundry_has_the_settings_of_the_one_file() -> None:
    shared = json.loads((ROOT / "scripts" / "solc-settings.json").read_text())["settings"]
    foundry = tomllib.loads((ROOT / "foundry.toml").read_text())["profile"]["default"]

    assert foundry["evm_version"] == shared["evmVersion"]
    assert foundry["via_ir"] == shared["viaIR"]
    assert foundry["optimizer"] == shared["optimizer"]["enabled"]
    assert foundry["optimizer_runs"] == shared["optimizer"]["runs"]
    assert foundry["bytecode_hash"] == shared["metadata"]["bytecodeHash"]
    assert foundry["cbor_metadata"] == shared["metadata"]["appendCBOR"]


@pytest.mark.slow
def test_committed_artifacts_are_what_py_solc_x_builds() -> None:
    outcome = run(sys.executable, "scripts/build_contracts.py", "--check")

    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


@pytest.mark.slow
def test_forge_builds_the_same_bytecode() -> None:
    aside = ("--out", ".build/forge-compare", "--cache-path", ".build/forge-compare-cache")

    outcome = run(sys.executable, "scripts/forge.py", "build", "--skip", "test", *aside)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr

    for contract in SHIPPED:
        built = json.loads((ROOT / ".build" / "forge-compare" / f"{contract}.sol" / f"{contract}.json").read_text())
        assert built["bytecode"]["object"] == committed(contract)["bytecode"]
        assert built["deployedBytecode"]["object"] == committed(contract)["deployedBytecode"]


@pytest.mark.slow
def test_hardhat_builds_the_same_bytecode() -> None:
    node = str(Path(sys.prefix) / "bin" / "node")

    outcome = run(node, "node_modules/hardhat/dist/src/cli.js", "build")
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr

    for contract in SHIPPED:
        built = json.loads((ROOT / ".build" / "hardhat" / "contracts" / f"{contract}.sol" / f"{contract}.json").read_text())
        assert built["bytecode"] == committed(contract)["bytecode"]


def test_lock_files_carry_no_download_address() -> None:
    for lock in ("package-lock.json", *(f"locks/{name}.txt" for name in ("python", "slither", "uv"))):
        text = (ROOT / lock).read_text()
        assert '"resolved"' not in text
        assert "--index-url" not in text
        assert "--find-links" not in text


def test_the_libraries_in_the_browser_are_those_of_the_locked_packages() -> None:
    outcome = run(sys.executable, str(ROOT / "scripts" / "vendor_js.py"), "--check")

    assert outcome.returncode == 0, outcome.stdout


def test_the_committed_artifacts_know_what_they_were_built_from() -> None:
    assert {str(committed(contract)["sourceHash"]) for contract in SHIPPED} == {build_contracts.source_hash()}


def test_the_heart_is_installed_alone_with_the_limits_it_has_inside() -> None:
    whole = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    heart = tomllib.loads((ROOT / "ledger_verify" / "pyproject.toml").read_text())["project"]

    assert set(heart["dependencies"]) <= set(whole["dependencies"])
    assert heart["requires-python"] == whole["requires-python"]
