"""The verifier that runs in a visitor's browser and the one of the command line are two readings of docs/proof.md: they never disagree.

The vectors are answered by tests/js/verify_*.test.js; here both are shown the same altered proofs, and must say the same of each.
"""

import base64
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from ledger_verify.checking import check
from ledger_verify.cli import read_trust
from ledger_verify.refusals import Refused
from tests.unit.web.mutants import mutant

ROOT = Path(__file__).resolve().parents[3]
NODE = Path(sys.prefix) / "bin" / "node"
SEED, MUTANTS = 20_260_711, 2_500
# codes of every depth that the alterations have to reach
DEEP = {"account", "storage", "payload", "history", "witness", "word", "signature", "registry", "unused-node", "receipt"}


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


def test_both_verifiers_say_the_same_of_thousands_of_altered_proofs() -> None:
    said: Counter[str] = Counter()
    with browser() as page:
        for number in range(MUTANTS):
            name, encoded, trust = mutant(Random(f"{SEED}/{number}"))
            ours = command_line(encoded, trust)

            assert page.answer(encoded, trust) == ours, f"seed {SEED}/{number}: {name}"

            said[ours.get("refused", "accepted")] += 1

    assert said.total() == MUTANTS
    # alterations that say less are accepted; the others are refused for reasons of every depth
    assert set(said) >= DEEP and said["history"] > 500 and said["word"] > 100, said
