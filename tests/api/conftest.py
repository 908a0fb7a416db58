"""Fixtures of the tests that go through HTTP, or follow a chain in memory, on a real database. A module may have its own instead."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from tests.doors import Doors, opened_doors
from tests.fake_chain import FakeChain, World
from tests.following import new_database
from tests.gallery import Gallery, standing_gallery
from tests.remembering import photos_seen_once


@pytest.fixture(scope="session", autouse=True)
def photos_that_are_known() -> Iterator[None]:
    with photos_seen_once():
        yield


@pytest.fixture
def doors(database_url: str) -> Iterator[Doors]:
    with opened_doors(database_url) as opened:
        yield opened


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """The newest schema, and nothing in it."""
    engine = new_database(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def world(engine: Engine) -> World:
    return World(FakeChain(), engine)


@pytest.fixture(scope="module")
def gallery(database_kind: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gallery]:
    with standing_gallery(database_kind, request, tmp_path_factory.mktemp("gallery")) as made:
        yield made
