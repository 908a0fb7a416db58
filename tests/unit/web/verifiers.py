"""The two verifiers side by side: the modules of the page, run by Node, and `ledger_verify`. What each says of a file, in the same words.

with browser() as page:
    assert page.answer(encoded, trust) == command_line(encoded, trust)
"""

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ledger_verify.checking import Trust, check
from ledger_verify.cli import read_trust
from ledger_verify.refusals import Refused

ROOT = Path(__file__).resolve().parents[3]
NODE = Path(sys.prefix) / "bin" / "node"


class Browser:
    """The modules of the page, run by Node: a proof a line."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def answer(self, encoded: bytes, trust: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None and self._process.stdout is not None
        line = {"proof": base64.b64encode(encoded).decode(), "trust": trust}
        self._process.stdin.write(json.dumps(line) + "\n")
        self._process.stdin.flush()
        said: dict[str, Any] = json.loads(self._process.stdout.readline())
        return said


@contextmanager
def browser() -> Iterator[Browser]:
    command = [NODE, ROOT / "tests" / "js" / "answering.js"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Browser(process)


def command_line(encoded: bytes, trust: dict[str, Any]) -> dict[str, Any]:
    try:
        report = check(encoded, read_trust(json.dumps(trust).encode()))
    except Refused as refused:
        return {"refused": refused.code}
    return {
        "verdict": report.verdict,
        "events": len(report.events),
        "head": "0x" + report.events[-1].head.hex(),
        "word": None if report.word is None else f"0x{report.word:064x}",
        "signers": [None if event.signer is None else "0x" + event.signer.hex() for event in report.events],
    }


def as_typed(trust: Trust) -> dict[str, Any]:
    """The trusted facts as the page has them."""
    told = {name: getattr(trust, name) for name in ("ledger", "ledger_code_hash", "registry", "registry_code_hash")}
    shown = {name: "0x" + value.hex() for name, value in told.items() if value is not None}
    return shown | {
        "chain_id": trust.chain_id,
        "sequence": trust.sequence,
        "block_hash": ["0x" + one.hex() for one in sorted(trust.block_hashes)],
    }
