"""A platform's webhooks on a real database, with real requests to real receivers."""

import pytest

from tests.api.webhooks.world import Hooks
from tests.doors import Doors


@pytest.fixture
def hooks(doors: Doors) -> Hooks:
    return Hooks(doors)
