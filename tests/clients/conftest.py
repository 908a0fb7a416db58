"""Collected only when asked for by name (`pytest tests/clients`): `make test` has its second client in tests/chain.

Every client is asked the same; what was found goes into the JUnit file as properties, which `scripts/test_clients.py` reads.
A client that cannot be had is skipped with one line that says so.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger_api.settings import Settings
from tests import servers
from tests.clients.client import CLIENTS, Client, running
from tests.faults.fleet import Fleet

_HERE = Path(__file__).resolve().parent


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    is_asked_for = any("clients" in Path(asked.split("::")[0]).parts for asked in config.args)
    return None if is_asked_for else True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker("chain")
            item.add_marker("slow")


@pytest.fixture(scope="module", params=list(CLIENTS))
def client(request: pytest.FixtureRequest) -> Client:
    chosen: Client = CLIENTS[request.param]
    if chosen.name == "go-ethereum" and servers.geth_binary() is None:
        pytest.skip("go-ethereum: not run, there is neither a geth nor a Go toolchain here")
    return chosen


@pytest.fixture(scope="module")
def fleet(client: Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A worker, an indexer and the HTTP service at work on this client."""
    folder = tmp_path_factory.mktemp("fleet")
    settings = Settings(home=folder / "home", lease_seconds=2)
    with running(client.start, settings) as url:
        made = Fleet(url, settings, folder, is_mined_by_hand=False)
        try:
            for command in ("work", "index", "serve"):
                made.start(command)
            assert all(member.is_alive() for member in made.members), made.picture()  # the import waits for them
            yield made
        finally:
            made.end()
            made.service.close()
