"""What has to run for a command: the embedded chain, the loops, or nothing because it runs already.

`chain` gives a node's URL, `working` a service whose worker and indexer are at work, `everything` all of `ledger up`.
Each starts only what does not run on this home, and ends only what it started.
"""

import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from subprocess import Popen

from pydantic import SecretStr

from ledger_api.errors import BusyError
from ledger_api.home import Home, embedded_chain, free_port, loops
from ledger_api.service import Service, deploy_once, open_service
from ledger_api.settings import Settings

_READY_SECONDS = 60


@dataclass(frozen=True)
class Running:
    """All of `ledger up`: where it answers and the processes it is made of."""

    settings: Settings
    service: Service
    rpc_url: str
    url: str
    processes: list[Popen[bytes]] = field(default_factory=list)


@contextmanager
def chain(settings: Settings) -> Iterator[str]:
    """The URL of this home's chain: a foreign one, the one that runs, or the embedded one for as long as the block lasts."""
    home = Home(settings.home)
    found = home.running()
    if settings.rpc_url or found:
        yield settings.rpc_url or str(found["rpc_url"] if found else "")
        return
    with home.occupied(), embedded_chain(home, settings) as url:
        home.announce(rpc_url=url)
        yield url


@contextmanager
def working(settings: Settings) -> Iterator[Service]:
    """A service with worker and indexer at work: those that run on this home, else our own for as long as the block lasts."""
    running = Home(settings.home).running()
    with chain(settings) as url:
        if not settings.rpc_url:
            deploy_once(settings, url)
        service = open_service(settings, url)
        with ExitStack() as stack:
            stack.callback(service.close)
            if running is None:
                environment = _environment(settings, url)
                stack.enter_context(loops(_work(settings), environment, settings.home / "logs" / "loops.log"))
            yield service


@contextmanager
def everything(settings: Settings, *, port: int | None) -> Iterator[Running]:
    """Chain, database, worker, indexer and pages. Raises: HomeBusy when it runs already."""
    home = Home(settings.home)
    with ExitStack() as stack:
        stack.enter_context(home.occupied())
        rpc_url = settings.rpc_url or stack.enter_context(embedded_chain(home, settings))
        deploy_once(settings, rpc_url)
        service = open_service(settings, rpc_url)
        stack.callback(service.close)
        chosen = free_port(port or settings.port)
        url = f"http://{settings.host}:{chosen}"
        environment = _environment(settings, rpc_url) | {"LEDGER_PORT": str(chosen), "LEDGER_PUBLIC_URL": settings.public_url or url}
        processes = stack.enter_context(loops((*_work(settings), "serve"), environment, settings.home / "logs" / "loops.log"))
        _await_ready(url, processes)
        home.announce(rpc_url=rpc_url, url=url)
        yield Running(settings, service, rpc_url, url, processes)


def watch(here: Running, stop: threading.Event) -> None:
    """Until asked to stop. Raises: BusyError when a part of it ended by itself."""
    while not stop.wait(0.5):
        for process in here.processes:
            if process.poll() is not None:
                raise BusyError(
                    f"a part of the service ended with code {process.returncode}; see logs/loops.log", home=str(here.settings.home)
                )


def _work(settings: Settings) -> tuple[str, ...]:
    desk = ("desk",) if find_spec("cv2") is not None else ()  # of the extra `desk`
    return ("index", *(f"work --lane {lane}" for lane in range(settings.lanes)), *desk, "notify")


def _environment(settings: Settings, rpc_url: str) -> dict[str, str]:
    """What the loops need to know beyond our own environment, which they inherit (secrets travel by it alone)."""
    chosen = {name: getattr(settings, name) for name in settings.model_fields_set}
    told = {
        f"LEDGER_{name.upper()}": str(value) for name, value in chosen.items() if value is not None and not isinstance(value, SecretStr)
    }
    return told | {"LEDGER_HOME": str(settings.home.resolve()), "LEDGER_RPC_URL": rpc_url}


def _await_ready(url: str, processes: list[Popen[bytes]]) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline:
        ended = [process for process in processes if process.poll() is not None]
        if ended:
            raise BusyError(f"a part of the service ended with code {ended[0].returncode}; see logs/loops.log")
        try:
            with urllib.request.urlopen(f"{url}/healthz", timeout=1) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.05)
    raise BusyError("the service did not answer in time; see logs/loops.log")
