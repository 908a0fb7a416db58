"""Run the same story on every client and write what came of it into the README: `make test-clients`.

go-ethereum is built once from the Go module proxy, into .build/go, where a Go toolchain is present; where it cannot be had,
one line says so and the table says *not run*.
"""

import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
FOUND = ROOT / ".build" / "clients.xml"
GO_BIN = ROOT / ".build" / "go"
# the newest release all of whose modules the proxy serves
GETH = "github.com/ethereum/go-ethereum/cmd/geth@v1.17.8"
BEGIN, END = "<!-- clients: make test-clients -->\n", "<!-- end of clients -->\n"
CLIENTS = ("Anvil", "Hardhat", "go-ethereum")
COLUMNS = ("client", "version", "main job", "fee bump", "audit", "`eth_getProof`", "date")
_TEST_OF = {"main job": "test_main_job", "fee bump": "test_fee_bump", "audit": "test_audit"}
_BUILD_SECONDS = 1800


@dataclass
class Outcome:
    """What the tests told of one client."""

    told: dict[str, str] = field(default_factory=dict)  # test → passed, failed or not run
    properties: dict[str, str] = field(default_factory=dict)

    def row(self, name: str, date: str) -> list[str]:
        tests = [self.told.get(test, "not run") for test in _TEST_OF.values()]
        proof = "failed" if self.told.get("test_proof") == "failed" else self.properties.get("proof", "not run")
        return [name, self.properties.get("version", ""), *tests, proof, date]


def table(outcomes: Mapping[str, Outcome], date: str) -> str:
    rows = [list(COLUMNS), ["---"] * len(COLUMNS), *(outcomes.get(name, Outcome()).row(name, date) for name in CLIENTS)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def shown(readme: str, rows: str) -> str:
    """The README with this table between its markers."""
    head, rest = readme.split(BEGIN)
    return head + BEGIN + rows + END + rest.split(END)[1]


def read_outcomes(junit: str) -> dict[str, Outcome]:
    outcomes: dict[str, Outcome] = {}
    for case in ET.fromstring(junit).iter("testcase"):
        test, _, client = case.attrib["name"].removesuffix("]").partition("[")
        outcome = outcomes.setdefault(client, Outcome())
        outcome.told[test] = _verdict(case)
        outcome.properties |= {one.attrib["name"]: one.attrib["value"] for one in case.iter("property")}
    return outcomes


def _verdict(case: ET.Element) -> str:
    if case.find("skipped") is not None:
        return "not run"
    return "passed" if case.find("failure") is None and case.find("error") is None else "failed"


def have_geth() -> bool:
    """Built here, found on PATH, or built now. One line says why not."""
    if (GO_BIN / "geth").exists() or shutil.which("geth"):
        return True
    go = shutil.which("go")
    if go is None:
        print("go-ethereum: not run, there is neither a geth nor a Go toolchain here")
        return False
    print(f"building {GETH.rpartition('/')[2]} into .build/go; this takes some minutes", flush=True)
    environment = {**os.environ, "GOBIN": str(GO_BIN)}
    try:
        built = subprocess.run([go, "install", GETH], env=environment, capture_output=True, text=True, timeout=_BUILD_SECONDS)
    except subprocess.TimeoutExpired:
        print(f"go-ethereum: not run, it was not built within {_BUILD_SECONDS} s")
        return False
    if built.returncode:
        print(f"go-ethereum: not run, it cannot be built here: {built.stderr.strip().splitlines()[-1][:200]}")
    return built.returncode == 0


def main() -> int:
    have_geth()
    FOUND.parent.mkdir(exist_ok=True)
    FOUND.unlink(missing_ok=True)
    # only the older JUnit form has room for properties of a test
    told = ["-o", "junit_family=xunit1", f"--junitxml={FOUND}"]
    code = subprocess.run([sys.executable, "-m", "pytest", "-q", "tests/clients", *told, *sys.argv[1:]], cwd=ROOT).returncode
    if not FOUND.exists():
        return code or 1
    outcomes = read_outcomes(FOUND.read_text())
    rows = table(outcomes, datetime.now(UTC).date().isoformat())
    print(rows, end="")
    if outcomes.keys() >= set(CLIENTS):  # not of a run that was narrowed to some of them
        README.write_text(shown(README.read_text(), rows))
    return code


if __name__ == "__main__":
    sys.exit(main())
