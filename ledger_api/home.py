"""The one folder that holds everything local, and the embedded chain that lives in it.

```
<home>/ledger.db            SQLite (unless LEDGER_DATABASE_URL says otherwise)
<home>/chain/state.json     the embedded Anvil's state
<home>/deployments/<id>.json
<home>/keys/                keystores and their passphrase
<home>/claim-keys.json      the importer's demo buyers, never an organization's
<home>/running.json         who runs here now: pid, rpc_url, url
```
Nothing here decides what may be recorded. Only processes started here are ended here.
"""

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ledger_api.durable import write_durably
from ledger_api.errors import BusyError, NotFound
from ledger_api.settings import Settings

EMBEDDED_CHAIN_ID = 31337
BLOCK_GAS_LIMIT = 500_000_000  # ours alone: Anvil's own 30 million would be 900 births a second, whatever the machine


class AnvilMissing(NotFound):
    """The embedded chain needs the `anvil` binary: run `make install`, put it on PATH, or set LEDGER_RPC_URL."""

    code = "anvil-missing"


class HomeBusy(BusyError):
    """Another process uses this home folder's embedded chain."""

    code = "home-busy"


@dataclass(frozen=True)
class Home:
    """Names of what is in the folder."""

    path: Path

    @property
    def chain_state(self) -> Path:
        return self.path / "chain" / "state.json"

    @property
    def claim_keys(self) -> Path:
        return self.path / "claim-keys.json"

    @property
    def running_file(self) -> Path:
        return self.path / "running.json"

    @property
    def api_keys(self) -> Path:
        return self.path / "demo-api-keys.json"

    def deployment(self, chain_id: int) -> Path:
        return self.path / "deployments" / f"{chain_id}.json"

    def running(self) -> dict[str, str | int] | None:
        """What runs on this home now, or None. A file left by a dead process counts as none."""
        try:
            facts: dict[str, str | int] = json.loads(self.running_file.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return None
        return facts if self._is_locked() else None

    def _is_locked(self) -> bool:
        lock = self.path / "lock"
        if not lock.exists():
            return False
        with lock.open("r+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    @contextmanager
    def occupied(self) -> Iterator[None]:
        """Hold the home for the embedded chain. Raises HomeBusy when somebody else does."""
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / "lock").open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise HomeBusy(home=str(self.path)) from error
            try:
                yield
            finally:
                self.running_file.unlink(missing_ok=True)

    @contextmanager
    def importing(self) -> Iterator[None]:
        """One import at a time: each adds to the claim keys that the ones before it kept."""
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / "import.lock").open("a+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def announce(self, **facts: str | int) -> None:
        """Tell other commands on this home how to reach what runs here."""
        write_durably(self.running_file, json.dumps({"pid": os.getpid(), **facts}))


def free_port(preferred: int = 0) -> int:
    """The preferred loopback port when it is free, else any free one."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise BusyError("no free loopback port")


def find_anvil() -> Path:
    """The real binary: the npm launcher in front of it swallows exit codes."""
    modules = Path(__file__).resolve().parent.parent / "node_modules" / "@foundry-rs"
    for candidate in sorted(modules.glob("anvil-*/bin/anvil")):
        return candidate
    found = shutil.which("anvil")
    if found is None:
        raise AnvilMissing
    return Path(found)


@contextmanager
def embedded_chain(home: Home, settings: Settings) -> Iterator[str]:
    """Anvil on this home's state, mining every `block_time_seconds`; yields its URL.

    It mines by the clock because automine was seen to stall under load; its state is written every second, so that
    even kill -9 loses seconds of chain, which the worker sends again from its saved bytes.
    """
    home.chain_state.parent.mkdir(parents=True, exist_ok=True)
    port = free_port(8545)
    log = (home.path / "chain" / "anvil.log").open("ab")
    process = subprocess.Popen(
        [
            str(find_anvil()), "--host", "127.0.0.1", "--port", str(port), "--chain-id", str(EMBEDDED_CHAIN_ID),
            "--block-time", str(settings.block_time_seconds), "--gas-limit", str(BLOCK_GAS_LIMIT),
            "--state", str(home.chain_state), "--state-interval", "1",
        ],
        stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
    )  # fmt: skip
    try:
        _await_port(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        stop(process, asking=signal.SIGINT)  # on which Anvil writes its state a last time
        log.close()


def _await_port(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(1200):
        if process.poll() is not None:
            raise BusyError(f"the embedded chain ended with code {process.returncode}; see chain/anvil.log")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.025)
    raise BusyError("the embedded chain did not answer within 30 s")


def stop(process: subprocess.Popen[bytes], *, asking: signal.Signals = signal.SIGTERM, patience: float = 20.0) -> None:
    """Ask a process of ours to end (it finishes its step), then insist."""
    if process.poll() is not None:
        return
    process.send_signal(asking)
    try:
        process.wait(timeout=patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def loops(names: tuple[str, ...], environment: dict[str, str], log: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """`ledger serve`, `work` and `index` as processes of their own, ended in reverse order."""
    log.parent.mkdir(parents=True, exist_ok=True)
    processes: list[subprocess.Popen[bytes]] = []
    with log.open("ab") as sink:
        try:
            for name in names:
                processes.append(
                    subprocess.Popen(
                        [sys.executable, "-m", "ledger_api.cli", *name.split()],
                        env={**os.environ, **environment}, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink,
                        start_new_session=True,
                    )
                )  # fmt: skip
            yield processes
        finally:
            for process in reversed(processes):
                stop(process)
