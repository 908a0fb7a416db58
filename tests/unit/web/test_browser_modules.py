"""What runs in a visitor's browser, run by Node: the modules' own tests, and a key file that somebody else's tool opens."""

import json
import subprocess
import sys
from pathlib import Path

from eth_account import Account

ROOT = Path(__file__).resolve().parents[3]
NODE = Path(sys.prefix) / "bin" / "node"
SEAL = """
const {{ sealKey }} = await import("{folder}/keyfile.js");
const file = await sealKey(Uint8Array.from({{ length: 32 }}, (_, place) => place + 1), "correct horse", {{ rounds: 2000, item: "0xab" }});
process.stdout.write(JSON.stringify(file));
"""


def node(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([NODE, *arguments], capture_output=True, text=True, cwd=ROOT, timeout=120)


def test_the_modules_of_the_pages_pass_their_own_tests() -> None:
    ran = node("--test", "tests/js/*.test.js")

    assert ran.returncode == 0, ran.stdout
    assert "ℹ fail 0" in ran.stdout or "# fail 0" in ran.stdout


def test_a_key_file_made_in_the_page_is_opened_by_another_tool() -> None:
    folder = (ROOT / "ledger_api" / "web" / "static" / "own").as_uri()

    made = node("--input-type=module", "-e", SEAL.format(folder=folder))

    assert bytes(Account.decrypt(json.loads(made.stdout), "correct horse")) == bytes(range(1, 33))
