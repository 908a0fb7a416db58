"""A partner's store with its doors, and the loop at hand."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger_api.desk.vault import DiskVault
from tests.api.booking.world import BookingWorld
from tests.doors import opened_doors


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[BookingWorld]:
    with opened_doors(database_url, photos=DiskVault(tmp_path / "photos", b"\x07" * 32)) as doors:
        yield BookingWorld(doors)
