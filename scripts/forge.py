"""Run forge itself. The launcher that npm puts into node_modules/.bin exits 0 when tests fail; the real binary does not."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def forge_binary() -> Path:
    for candidate in sorted((ROOT / "node_modules" / "@foundry-rs").glob("forge-*/bin/forge")):
        return candidate
    sys.exit("missing: forge; run `make install`")


if __name__ == "__main__":
    os.execv(forge_binary(), ["forge", *sys.argv[1:]])
