"""The plainest world of the tests on a chain. A module may have its own instead."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger_verify.codes import Role
from ledger_verify.hashing import OrganizationId
from tests import servers
from tests.chain.outbox_world import OutboxWorld


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[OutboxWorld]:
    with servers.anvil() as url:
        made = OutboxWorld(url, tmp_path / "home", database_url)
        yield made
        made.close()


@pytest.fixture
def maison(world: OutboxWorld) -> OrganizationId:
    return world.admit("maison", Role.BRAND)
