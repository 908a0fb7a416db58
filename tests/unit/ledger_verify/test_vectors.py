"""The committed vectors are what the twin answers today; a change of any answer must be seen in review."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_the_committed_vectors_are_up_to_date() -> None:
    checked = subprocess.run([sys.executable, ROOT / "scripts" / "make_vectors.py", "--check"], capture_output=True, text=True)

    assert checked.returncode == 0, checked.stdout + checked.stderr
