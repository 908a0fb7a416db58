"""Fixtures every test may use: a database (SQLite and PostgreSQL by `--database`), an Anvil of the module's own."""

import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import settings

from ledger_api import migrations
from ledger_api.store.engine import open_engine
from tests import servers
from tests.databases import Databases

# a busy machine is slow now and then: how fast something is stands in the benchmarks
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--database", choices=("sqlite", "postgres", "both"), default="sqlite")
    parser.addoption("--faults", choices=("short", "long"), default="short", help="how many faults tests/faults injects")
    parser.addoption("--twin", choices=("some", "all"), default="some", help="how many questions the twin and the contract are compared on")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "database_kind" in metafunc.fixturenames:
        chosen = metafunc.config.getoption("--database")
        kinds = ["sqlite", "postgres"] if chosen == "both" else [chosen]
        metafunc.parametrize("database_kind", kinds, scope="module")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What lies in chain/ and browser/ is marked so, and what takes a database: a forgotten marker would put a test into the wrong run.

    Files with slow tests come first: the last file of a run is waited for, with one process at work.
    """
    for item in items:
        for folder in {"chain", "browser"} & set(item.path.parts):
            item.add_marker(folder)
        if "database_kind" in getattr(item, "fixturenames", ()):
            item.add_marker("database")
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """A command that was called in a test has configured the logs of the whole process; the next test finds them as they come."""
    yield
    structlog.reset_defaults()
    logging.getLogger("ledger_api").setLevel(logging.NOTSET)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    with servers.postgres(is_durable=False) as base:
        yield base


@pytest.fixture(scope="session")
def postgres_databases(postgres_server: str) -> Iterator[Databases]:
    template = servers.new_database(postgres_server)
    upgraded(servers.url_of(postgres_server, template))
    databases = Databases(postgres_server, template)
    yield databases
    databases.drop_idle()
    servers.drop_database(postgres_server, template)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("template") / "ledger.db"
    upgraded(f"sqlite:///{file}")
    return file


@pytest.fixture
def database_url(database_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database of this test's own, with every table and no row: copied or lent, not made. The same test runs on both kinds."""
    if database_kind == "sqlite":
        yield f"sqlite:///{shutil.copy(request.getfixturevalue('sqlite_template'), tmp_path)}"
        return
    with request.getfixturevalue("postgres_databases").lent() as url:
        yield url


@pytest.fixture
def empty_database_url(database_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The same without a table."""
    if database_kind == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    with servers.fresh_database(request.getfixturevalue("postgres_server")) as url:
        yield url


def upgraded(url: str) -> None:
    engine = open_engine(url)
    migrations.upgrade(engine)
    engine.dispose()


@pytest.fixture(scope="module")
def anvil_url() -> Iterator[str]:
    """An Anvil that mines every transaction at once, for this module."""
    with servers.anvil() as url:
        yield url
