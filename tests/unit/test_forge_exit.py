"""A failing contract test must fail `make test`: the very command of the Makefile is run on a project that must fail."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEST = """// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

contract VerdictTest {{
    function test_Verdict() external pure {{
        require({verdict});
    }}
}}
"""


def command_of(target: str) -> list[str]:
    """What `make` would run for a target, without its prerequisites; as written in the Makefile."""
    lines = (ROOT / "Makefile").read_text().splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(f"{target}:"))
    recipe = lines[start + 1].strip().removeprefix("@").replace("$(BIN)/python", sys.executable)
    return shlex.split(recipe)


@pytest.mark.parametrize(("verdict", "passes"), [("true", True), ("false", False)])
def test_a_failing_contract_test_fails_the_makefiles_command(verdict: str, passes: bool, tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "Verdict.t.sol").write_text(TEST.format(verdict=verdict))
    compiler = ROOT / "scripts" / "solc.mjs"
    settings = f'src = "tests"\ntest = "tests"\noffline = true\nauto_detect_solc = false\nsolc = "{compiler}"\n'
    (tmp_path / "foundry.toml").write_text(f"[profile.default]\n{settings}")
    environment = {**os.environ, "PATH": f"{Path(sys.prefix) / 'bin'}{os.pathsep}{os.environ['PATH']}"}

    command = [*command_of("contracts"), "--root", str(tmp_path)]
    outcome = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)

    assert (outcome.returncode == 0) is passes, outcome.stdout + outcome.stderr
    assert "test_Verdict" in outcome.stdout
