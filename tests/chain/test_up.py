"""`ledger up` as a person uses it: start, look, stop, start again; nothing is left running and nothing is lost."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ledger_api.chain.deploy import verify_deployment
from ledger_api.chain.rpc import Node
from ledger_api.home import Home, embedded_chain
from ledger_api.service import deploy_once
from ledger_api.settings import Settings
from tests.doors import eventually
from tests.told import tried

pytestmark = pytest.mark.chain
PATIENCE = 120
ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def ledger_up(home: Path, *options: str) -> Iterator[dict[str, str]]:
    """The command in a process of its own, until it has announced itself; ended by Ctrl-C's signal."""
    log = home.parent / "up.log"
    with log.open("ab") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "ledger_api.cli", "up", "--home", str(home), *options], stdout=sink, stderr=sink, start_new_session=True
        )
        try:
            yield announced(home, process, log)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=60)


def announced(home: Path, process: subprocess.Popen[bytes], log: Path) -> dict[str, str]:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        if (home / "running.json").exists() and "Ctrl-C" in log.read_text():
            told: dict[str, str] = json.loads((home / "running.json").read_text())
            if "url" in told:
                return told
        time.sleep(0.1)
    raise AssertionError(f"nothing was announced: {log.read_text()}")


def processes_of(home: Path) -> list[str]:
    """Command lines of living processes that name this home."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                line = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            except OSError:
                continue
            if str(home).encode() in line and b"pytest" not in (entry / "cmdline").read_bytes():
                found.append((entry / "cmdline").read_text())
    return found


def get(url: str) -> dict[str, object]:
    with urllib.request.urlopen(url, timeout=30) as answer:
        told: dict[str, object] = json.loads(answer.read())
        return told


def sample_counts() -> str:
    files = json.loads((ROOT / "samples" / "maison" / "expected.json").read_text())["files"].values()
    recorded, again = (sum(file[name] for file in files) for name in ("recorded", "duplicates"))
    return f"Sample: {recorded} events recorded, {again} rows said what was there already"


@pytest.mark.skipif(not Path("/proc").exists(), reason="looks for left-over processes in /proc")
def test_up_starts_everything_ends_everything_and_finds_everything_again(tmp_path: Path) -> None:
    home = tmp_path / "home"
    item = "v1/items?gtin=09990000100026&serial=V116038%2F2"
    offered_in_docs = "v1/items?gtin=09990000100019&serial=V108119-A"

    with ledger_up(home, "--sample") as here:
        eventually(lambda: get(f"{here['url']}/{offered_in_docs}")["status"] == "final", seconds=60)  # until then a listing is told to wait
        first = get(f"{here['url']}/{item}")
        assert get(f"{here['url']}/readyz")["ready"] is True
        with urllib.request.urlopen(f"{here['url']}/evaluate", timeout=30) as page:
            offered = page.read().decode()
        keys = json.loads(Home(home).api_keys.read_text())
        names = {"URL": here["url"], "PARTNER_KEY": keys["authenticator"], "PLATFORM_KEY": keys["platform"]}
        sent = list(tried((ROOT / "docs" / "platforms.md").read_text(), names))
    left_running, greeting = processes_of(home), (tmp_path / "up.log").read_text()
    with ledger_up(home) as here:
        second = get(f"{here['url']}/{item}")

    assert left_running == []
    assert sample_counts() in " ".join(greeting.split())
    assert len(sent) == 4 and [one for one in sent if not one[1]] == [], "what the docs tell a platform to try was answered otherwise"
    assert second["passport"] == first["passport"]
    assert "Photo Avis" in offered and "The first one is free" in offered, "somebody sits at the sample's desk"
    assert processes_of(home) == []


def test_a_second_up_on_the_same_home_says_that_it_is_busy(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with ledger_up(home):
        outcome = subprocess.run(
            [sys.executable, "-m", "ledger_api.cli", "up", "--home", str(home)], capture_output=True, text=True, timeout=60
        )

    assert outcome.returncode == 3
    assert "home-busy" in outcome.stderr


def test_a_chain_that_was_restarted_many_times_is_still_the_same_chain(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    home = Home(settings.home)
    with embedded_chain(home, settings) as url:
        made = deploy_once(settings, url)

    for _ in range(6):
        with embedded_chain(home, settings) as url:
            verify_deployment(Node(url), made)
