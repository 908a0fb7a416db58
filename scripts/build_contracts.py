"""Compile contracts/ with py-solc-x and write what the service needs: ABI and bytecode in ledger_api/abi.

`--check` compares instead of writing and exits 1 when a committed artifact is stale.
"""

import hashlib
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import solcx
from solcx.exceptions import SolcError

ROOT = Path(__file__).resolve().parent.parent
ARTIFACTS = ROOT / "ledger_api" / "abi"
CONTRACTS = ("OrganizationRegistry", "ProvenanceLedger")


def settings() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((ROOT / "scripts" / "solc-settings.json").read_text())
    return loaded


def sources() -> dict[str, dict[str, str]]:
    """Every contract of ours under the key that forge and Hardhat use too (metadata and bytecode depend on it)."""
    paths = sorted(path for path in (ROOT / "contracts").rglob("*.sol") if "test" not in path.relative_to(ROOT).parts)
    return {str(path.relative_to(ROOT)): {"content": path.read_text()} for path in paths}


def compile_all() -> dict[str, dict[str, Any]]:
    """Artifacts by contract name. Warnings about our own files end the build; a library's are its authors' concern."""
    request = {
        "language": "Solidity",
        "sources": sources(),
        "settings": settings()["settings"]
        | {
            "remappings": ["@openzeppelin/=node_modules/@openzeppelin/"],
            "outputSelection": {"*": {"*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"]}},
        },
    }
    try:
        answer = solcx.compile_standard(request, solc_binary=ROOT / "scripts" / "solc.mjs", base_path=str(ROOT))
    except SolcError as refusal:
        sys.exit(refusal.message)
    complaints = [error["formattedMessage"] for error in answer.get("errors", []) if not _is_foreign_warning(error)]
    if complaints:
        sys.exit("\n".join(complaints))
    return {name: _artifact(name, answer) for name in CONTRACTS}


def _is_foreign_warning(error: dict[str, Any]) -> bool:
    return error["severity"] != "error" and error.get("sourceLocation", {}).get("file", "").startswith("node_modules/")


def source_hash() -> str:
    """SHA-256 over our sources and settings: tells in a millisecond that an artifact cannot be fresh."""
    told = json.dumps([settings(), sources()], sort_keys=True).encode()
    return "0x" + hashlib.sha256(told).hexdigest()


def _artifact(name: str, answer: dict[str, Any]) -> dict[str, Any]:
    output = answer["contracts"][f"contracts/{name}.sol"][name]
    return {
        "contract": name,
        "compiler": settings()["version"],
        "sourceHash": source_hash(),
        "abi": output["abi"],
        "bytecode": "0x" + output["evm"]["bytecode"]["object"],
        "deployedBytecode": "0x" + output["evm"]["deployedBytecode"]["object"],
    }


def text_of(artifact: dict[str, Any]) -> str:
    return json.dumps(artifact, indent=1, sort_keys=True) + "\n"


def stale(names: Iterable[str]) -> list[str]:
    """Which committed artifacts a build would change. Where the sources are other ones, no compiler need be asked."""
    told = {name: (ARTIFACTS / f"{name}.json").read_text() if (ARTIFACTS / f"{name}.json").exists() else "{}" for name in names}
    other = [name for name, text in told.items() if json.loads(text).get("sourceHash") != source_hash()]
    return other or [name for name, artifact in compile_all().items() if told[name] != text_of(artifact)]


def main() -> None:
    if "--check" in sys.argv:
        found = stale(CONTRACTS)
        sys.exit(f"stale artifacts, run `make abi`: {', '.join(found)}" if found else 0)
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    for name, artifact in compile_all().items():
        (ARTIFACTS / f"{name}.json").write_text(text_of(artifact))
        print(f"{name}: {(len(artifact['deployedBytecode']) - 2) // 2} bytes of runtime code")


if __name__ == "__main__":
    main()
