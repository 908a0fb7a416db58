"""Fixtures of the tests that go through HTTP on a real database."""

from collections.abc import Iterator

import pytest

from tests.doors import Doors, opened_doors


@pytest.fixture
def doors(database_url: str) -> Iterator[Doors]:
    with opened_doors(database_url) as opened:
        yield opened
