"""Fixtures every test may use: a database (SQLite and PostgreSQL by `--database`), an Anvil of the module's own."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from tests import servers


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
    """What lies in chain/ and browser/ is marked so: a forgotten marker would let a slow test into the fast run."""
    for item in items:
        for folder in {"chain", "browser"} & set(item.path.parts):
            item.add_marker(folder)


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """A command that was called in a test has configured the logs of the whole process; the next test finds them as they come."""
    yield
    structlog.reset_defaults()
    logging.getLogger("ledger_api").setLevel(logging.NOTSET)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    with servers.postgres() as base:
        yield base


@pytest.fixture
def database_url(database_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of this test's own; the same test runs on both kinds."""
    if database_kind == "sqlite":
        yield f"sqlite:///{tmp_path / 'ledger.db'}"
        return
    with servers.fresh_database(request.getfixturevalue("postgres_server")) as url:
        yield url


@pytest.fixture(scope="module")
def anvil_url() -> Iterator[str]:
    """An Anvil that mines every transaction at once, for this module."""
    with servers.anvil() as url:
        yield url
