"""Static analysis of the contracts: every finding is fixed or explained here, and an analysis that failed is no analysis.

Slither prints ERROR lines and then "0 results" when it could not compile: any such line fails. It lives in its own virtual
environment (it pins an older web3) and is told of forge by the path.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from forge import ROOT, forge_binary

SLITHER = ROOT / ".venv-slither" / "bin" / "slither"


class Explanation(NamedTuple):
    """Why findings of a detector that match are no fault. The narrower the pattern, the more is still found."""

    check: str
    pattern: str
    why: str


EXPLAINED = (
    Explanation(
        "incorrect-equality",
        r"(?s)^(?!.*(block\.timestamp|block\.number|moment ==|balance)).*$",
        "ids, kinds, roles and stages are compared, for which equality is right; the analyser calls them dangerous because they "
        "lie in one memory struct with the block's time. An equality on time, block number or balance still fails.",
    ),
    Explanation("timestamp", r"block\.timestamp > (\w+\.)?(deadline|endorsementDeadline)", "deadlines of minutes to days"),
    Explanation(
        "timestamp",
        r"(?s)^(?!.*(block\.timestamp|moment)).*$",
        "no time is compared: the struct that holds the block's time holds these fields too",
    ),
    Explanation("calls-loop", r"REGISTRY\.\w+\(", "the registry is ours, read only, and asked once for what repeats in a batch"),
    Explanation("calls-loop", r"this\.recordGroup\(", "the ledger calls itself, once for each all-or-nothing batch"),
    Explanation("reentrancy-events", r"this\.recordGroup\(", "the call is to the ledger itself; refusals can only be told after it"),
    Explanation("unused-return", r"ECDSA\.tryRecover", "the third value only details the error that the second one names"),
    Explanation("unused-return", r"trace\.push\(|_push\(", "a checkpoint answers what it replaced; nobody asks"),
    Explanation("unused-return", r"REGISTRY\.standingFor\(", "of a receiver the standing is asked, not a signer"),
    Explanation("uninitialized-local", r".", "Solidity's zero is the meant first value"),
    Explanation(
        "assembly",
        r"^(BoundedSignature\._ask|Hashing\.\w+|States\.\w+)\(",
        "docs/decisions/bounded-erc1271-call.md and assembly-for-hashing.md",
    ),
    Explanation(
        "naming-convention", r"(DOMAIN_SEPARATOR|REGISTRY|_PERIOD|CONSORTIUM)", "immutables, and the name that EIP-2612 made usual"
    ),
)


def analyse() -> list[dict[str, Any]]:
    path = os.pathsep.join([str(forge_binary().parent), str(Path(sys.prefix) / "bin"), os.environ["PATH"]])
    # It begins with `forge clean`: a build folder of its own keeps that away from everybody else's.
    own = {"FOUNDRY_OUT": ".build/slither", "FOUNDRY_CACHE_PATH": ".build/slither-cache"}
    environment = {**os.environ, **own, "PATH": path}
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "slither.json"
        command = [str(SLITHER), ".", "--config-file", "slither.config.json", "--json", str(report)]
        # Its exit code counts findings; what failed is told by lines and by the report.
        outcome = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600)
        said = outcome.stdout + outcome.stderr
        errors = [line for line in said.splitlines() if re.search(r"\bERROR\b|Traceback", line)]
        if errors or not report.exists():
            sys.exit("\n".join(["the analysis failed", *errors, said[-3000:]]))
        answer = json.loads(report.read_text())
    if not answer["success"]:
        sys.exit(f"the analysis failed: {answer['error']}")
    if "0 contracts" in said:
        sys.exit("the analysis saw no contract")
    return list(answer["results"].get("detectors", []))


def is_explained(finding: dict[str, Any]) -> bool:
    return any(one.check == finding["check"] and re.search(one.pattern, finding["description"]) for one in EXPLAINED)


def main() -> None:
    findings = analyse()
    unexplained = [finding for finding in findings if not is_explained(finding)]
    for finding in unexplained:
        print(f"{finding['check']} ({finding['impact']}): {finding['description'].strip()}")
    print(f"slither: {len(findings)} findings, {len(findings) - len(unexplained)} of them explained")
    sys.exit(bool(unexplained))


if __name__ == "__main__":
    main()
