"""The service on a disk that somebody else fills to the last byte, and empties again: `python -m tests.faults.small_disk FOLDER`.

FOLDER, with home and logs, is a small file system of its own where a namespace with a mount may be made; where it may not, no file of
the service may grow instead. `on_a_small_disk` runs it either way. It ends with 0 if nothing was lost.
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults import storage_faults as faults
from tests.faults.fleet import Fleet, fleet_of
from tests.faults.knocking import pushing

SIZE_MEBIBYTES = 64
_OWN_MOUNTS = ("unshare", "--user", "--map-root-user", "--mount", "--propagation", "private", "sh", "-c")
_COMMANDS = ("work", "index", "serve")


def on_a_small_disk(folder: Path) -> subprocess.CompletedProcess[str]:
    """`main` in a process of its own, with a file system of its own if possible."""
    mount = f"mount -t tmpfs -o size={SIZE_MEBIBYTES}m,mode=700 small '{folder}'"
    itself = [sys.executable, "-m", "tests.faults.small_disk", str(folder)]
    may_mount = subprocess.run([*_OWN_MOUNTS, mount], capture_output=True).returncode == 0
    command = [*_OWN_MOUNTS, f'{mount} && exec "$@"', "sh", *itself] if may_mount else itself
    return subprocess.run(command, capture_output=True, text=True, timeout=240)


@contextmanager
def _filled(folder: Path) -> Iterator[None]:
    filler = folder / "somebody else's"
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(b"x" * 65_536):
                pass
        except OSError:
            pass  # that was the last byte
    yield
    filler.unlink()


@contextmanager
def _full(fleet: Fleet, folder: Path) -> Iterator[None]:
    if folder.is_mount():
        with _filled(folder):
            yield
        return
    with faults.no_room(fleet.members, largest=(fleet.settings.home / "ledger.db").stat().st_size // 4):
        yield


def main(folder: Path) -> None:
    (folder / "home").mkdir()
    with fleet_of(folder, f"sqlite:///{folder / 'home' / 'ledger.db'}") as fleet:
        maison = fleet.brand("maison")
        members = [fleet.start(command) for command in _COMMANDS]
        with pushing(fleet, maison, size=50) as till:
            time.sleep(1)
            with _full(fleet, folder):
                time.sleep(3)
            time.sleep(0.5)
        assert "Traceback" not in members[2].log, members[2].log[-4000:]
        assert till.told["database-busy: full"] + till.told["database-busy: disk"] >= 3, till.told
        assert till.faulty == [], till.told
        till.send_again()
        fleet.settle()
        assert all(member.is_alive() for member in members), fleet.picture()
        report = fleet.audit()
        assert (report.recorded, report.lost, report.duplicated) == (50 * len(till.acknowledged), 0, 0), report.as_json()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
