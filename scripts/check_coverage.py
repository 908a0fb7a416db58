"""Branch coverage of the contracts by their Solidity tests: at least 95 % of each whole, and every row has its test.

The ledger is one contract in several files, so they are counted together. Random lives are left out here: what only luck
reaches is not covered. The table of rows in tests/contracts/README.md must name tests that exist, and all refusals.
"""

import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REPORT = ROOT / ".build" / "coverage.info"
TESTS = ROOT / "tests" / "contracts"
LEAST = 0.95
LEDGER = ("ProvenanceLedger", "Authority", "Judgement", "BoundedSignature", "Hashing", "State")
WHOLES = {"OrganizationRegistry": ("OrganizationRegistry",), "ProvenanceLedger": LEDGER, "Transition": ("Transition",)}


def run_forge() -> None:
    """Through the IR with few optimisations: the contracts do not fit the stack without. Fewer fuzz runs: lines repeat."""
    command = [sys.executable, "scripts/forge.py", "coverage", "--ir-minimum", "--report", "lcov", "--report-file", str(REPORT)]
    environment = {**os.environ, "FOUNDRY_PROFILE": "coverage", "FOUNDRY_FUZZ_RUNS": "32"}
    REPORT.parent.mkdir(exist_ok=True)
    outcome = subprocess.run([*command, "--no-match-contract", "Invariants"], cwd=ROOT, env=environment, capture_output=True, text=True)
    if outcome.returncode != 0:
        sys.exit(outcome.stdout[-4000:] + outcome.stderr[-4000:])


def branches_of(report: str) -> dict[str, list[bool]]:
    """Whether each branch was taken, by file."""
    taken: dict[str, list[bool]] = defaultdict(list)
    source = ""
    for line in report.splitlines():
        key, _, value = line.partition(":")
        if key == "SF":
            source = value
        elif key == "BRDA" and source.startswith("contracts/"):
            taken[Path(source).stem].append(value.rsplit(",", 1)[1] not in {"0", "-"})
    return taken


def missing_rows() -> list[str]:
    """Tests that the table names and nobody wrote, and refusal tests that it forgot."""
    written = set(re.findall(r"function (test\w+)\(", "".join(path.read_text() for path in TESTS.glob("*.t.sol"))))
    named = set(re.findall(r"`(test\w+)`", (TESTS / "README.md").read_text()))
    refusals = {name for name in written if "IsRefused_" in name}
    return [f"named and not written: {name}" for name in sorted(named - written)] + [
        f"written and not in the table: {name}" for name in sorted(refusals - named)
    ]


def main() -> None:
    run_forge()
    taken = branches_of(REPORT.read_text())
    failed = missing_rows()
    for whole, files in WHOLES.items():
        branches = [branch for file in files for branch in taken[file]]
        share = sum(branches) / len(branches) if branches else 0.0
        print(f"{whole}: {sum(branches)} of {len(branches)} branches, {share:.1%}")
        if share < LEAST:
            failed.append(f"{whole}: less than {LEAST:.0%} of its branches are tested")
    sys.exit("\n".join(failed) or None)


if __name__ == "__main__":
    main()
