"""Whoever holds the item: its story, and does it hold? `consumer_looks_up.py GTIN SERIAL [NODE_URL LEDGER_ADDRESS]`, with LEDGER_URL."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from ledger_client import Ledger, LedgerProblem, calls


def main(gtin: str, serial: str, node: str | None = None, ledger_address: str = "") -> int:
    with Ledger(os.environ["LEDGER_URL"]) as ledger:
        try:
            item = ledger.ask(calls.find_item(gtin, serial)).passport
        except LedgerProblem as problem:
            print(problem.code, problem.detail)
            return 1
        for entry in ledger.ask(calls.story(item.id)).events:
            print(f"{entry.sequence}. {entry.occurred_at:%d %B %Y}: {entry.kind}, says {entry.organization.name}")
        said = item.verdict
        print("opinion:", f"{said.outcome} according to {said.by.name}, {said.method}, {said.at:%d %B %Y}" if said else "none on record")
        print("holds:", ", ".join(hold.hold for hold in item.holds) or "none")
        proof = ledger.ask(calls.proof(item.id, name=(gtin, serial)))

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "proof.json"
        file.write_bytes(proof)
        # the verifier knows nothing of the service: 0 all holds and is anchored, 3 it holds but is not anchored or not complete, 1 refused
        command = [sys.executable, "-m", "ledger_verify", str(file), *(["--rpc", node, "--ledger", ledger_address] if node else [])]
        return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
