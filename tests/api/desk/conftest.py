"""A desk with its doors, its photos in a folder of the test's own, and its loop at hand."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger_api.desk.vault import DiskVault
from tests.api.desk.world import DeskWorld, worker_of
from tests.doors import opened_doors


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[DeskWorld]:
    with opened_doors(database_url, photos=DiskVault(tmp_path / "photos", b"\x07" * 32)) as doors:
        yield DeskWorld(doors, worker_of(doors))
