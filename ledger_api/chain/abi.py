"""The committed artifacts: what a contract's functions and errors look like in bytes. Built by `make abi`, never at run time.

For the registry's rare calls and the contracts' reads. The ledger's hot paths have their own encoders (`ledger_verify.wire`).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from eth_abi import abi as eth_abi

from ledger_verify.hashing import keccak


@dataclass(frozen=True, slots=True)
class Entry:
    """A function or an error."""

    name: str
    selector: bytes
    names: Sequence[str]
    types: Sequence[str]
    returns: Sequence[str]


@dataclass(frozen=True, slots=True)
class Artifact:
    contract: str
    creation_code: bytes
    constructor: Sequence[str]
    functions: Mapping[str, Entry]
    errors: Mapping[bytes, Entry]

    def encode(self, function: str, *values: Any) -> bytes:
        """Call data. A struct is a tuple."""
        entry = self.functions[function]
        return entry.selector + eth_abi.encode(entry.types, values)

    def decode(self, function: str, answer: bytes) -> tuple[Any, ...]:
        return eth_abi.decode(self.functions[function].returns, answer)

    def deployment(self, *values: Any) -> bytes:
        """The body of the transaction that deploys it."""
        return self.creation_code + eth_abi.encode(self.constructor, values)


def load_artifact(contract: str) -> Artifact:
    stored = json.loads((files("ledger_api") / "abi" / f"{contract}.json").read_text())
    abi: list[dict[str, Any]] = stored["abi"]
    constructor: list[dict[str, Any]] = next((entry["inputs"] for entry in abi if entry["type"] == "constructor"), [])
    return Artifact(
        contract=contract,
        creation_code=bytes.fromhex(stored["bytecode"][2:]),
        constructor=[_type(one) for one in constructor],
        functions={entry["name"]: _entry(entry) for entry in abi if entry["type"] == "function"},
        errors={one.selector: one for one in (_entry(entry) for entry in abi if entry["type"] == "error")},
    )


def _entry(described: dict[str, Any]) -> Entry:
    types = [_type(one) for one in described["inputs"]]
    return Entry(
        name=described["name"],
        selector=keccak(f"{described['name']}({','.join(types)})".encode())[:4],
        names=[one["name"] for one in described["inputs"]],
        types=types,
        returns=[_type(one) for one in described.get("outputs", [])],
    )


def _type(described: dict[str, Any]) -> str:
    """The canonical type; a struct becomes a tuple of its members."""
    kind: str = described["type"]
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(_type(one) for one in described['components'])}){kind.removeprefix('tuple')}"
