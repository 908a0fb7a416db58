"""Compile contracts/ with py-solc-x and write what the service needs: ABI and bytecode in ledger_api/abi.

`--check` compares instead of writing and exits 1 when a committed artifact is stale.
"""

import hashlib
import json
import sys
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


def main() -> None:
    stale = []
    for name, artifact in compile_all().items():
        path = ARTIFACTS / f"{name}.json"
        text = json.dumps(artifact, indent=1, sort_keys=True) + "\n"
        if "--check" in sys.argv:
            if not path.exists() or path.read_text() != text:
                stale.append(name)
            continue
        ARTIFACTS.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        print(f"{name}: {(len(artifact['deployedBytecode']) - 2) // 2} bytes of runtime code")
    if stale:
        sys.exit(f"stale artifacts, run `make abi`: {', '.join(stale)}")


if __name__ == "__main__":
    main()
