"""The proof vectors: what this verifier says to every file and alteration that a second implementation has to answer too."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ledger_verify.checking import NOTHING_TRUSTED, check
from ledger_verify.cli import read_trust
from ledger_verify.refusals import Refused

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "tests" / "vectors" / "proofs"
INDEX: dict[str, Any] = json.loads((FOLDER / "index.json").read_text())


def altered(case: dict[str, Any]) -> bytes:
    whole = (FOLDER / case["file"]).read_bytes()
    edit = case.get("edit")
    if edit is None:
        return whole
    return whole[: edit["at"]] + bytes.fromhex(edit["insert"]) + whole[edit["at"] + edit["remove"] :]


def answer(case: dict[str, Any]) -> dict[str, Any]:
    trust = read_trust(json.dumps(INDEX["trust"][case["file"]]).encode()) if case["trusted"] else NOTHING_TRUSTED
    try:
        report = check(altered(case), trust)
    except Refused as refused:
        return {"refused": refused.code}
    word = None if report.word is None else f"0x{report.word:064x}"
    said = {"events": len(report.events), "head": "0x" + report.events[-1].head.hex(), "word": word}
    return {"verdict": report.verdict} | said


def test_every_case_has_its_answer() -> None:
    """`refused: null` stands for any code."""
    wrong = []
    for case in INDEX["cases"]:
        said, expected = answer(case), case["expect"]
        if "refused" in said and expected.get("refused", "") is None:
            continue
        if any(said.get(name) != value for name, value in expected.items()):
            wrong.append((case["name"], said, expected))

    assert wrong == []
    assert len(INDEX["cases"]) > 500


@pytest.mark.slow
def test_the_committed_vectors_are_up_to_date() -> None:
    checked = subprocess.run([sys.executable, ROOT / "scripts" / "make_proof_vectors.py", "--check"], capture_output=True, text=True)

    assert checked.returncode == 0, checked.stdout + checked.stderr
