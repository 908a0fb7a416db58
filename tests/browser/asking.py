"""A desk before a real browser, on a phone: the service on a free port, no chain, photos as a script draws them.

with asked_desk(folder) as desk:
    desk.url        as a passkey needs it: a name, not a number
    desk.photo("logo", spoiled="blurred")   the path of a picture
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ledger_api.app import create_app
from ledger_api.desk.vault import DiskVault
from ledger_api.settings import Settings
from tests import servers
from tests.api.desk import world
from tests.browser.conftest import served
from tests.doors import opened_doors


@dataclass
class AskedDesk:
    desk: world.DeskWorld
    url: str
    folder: Path

    def photo(self, name: str, *, spoiled: str | None = None) -> Path:
        path = self.folder / f"{name}-{spoiled or 'good'}.jpg"
        if not path.exists():
            path.write_bytes(world.photo(name, spoiled=spoiled))
        return path


@contextmanager
def asked_desk(folder: Path) -> Iterator[AskedDesk]:
    settings = Settings(port=servers.free_port(), rate_per_minute_anonymous=100_000)
    photos = DiskVault(folder / "photos", b"\x07" * 32)
    with (
        opened_doors(f"sqlite:///{folder / 'ledger.db'}", settings=settings, photos=photos) as doors,
        served(create_app(doors.context), settings.port),
    ):
        yield AskedDesk(world.DeskWorld(doors, world.worker_of(doors)), f"http://localhost:{settings.port}", folder)
