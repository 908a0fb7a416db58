"""Bytes in the vault and the rows that name them: neither without the other."""

import hashlib
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from ledger_api.desk import asking, keeping, policy
from ledger_api.desk.errors import CaseMoved
from ledger_api.desk.rows import cases as rows
from ledger_api.desk.vault import Vault
from ledger_api.store.engine import reading
from tests.api.desk.world import SHOTS, DeskWorld, photo


class Forgetful:
    """A vault of which somebody forgets each photo as soon as it is there, once: who erases the same photo was a moment faster."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self.forgotten: set[str] = set()

    def put(self, body: bytes) -> str:
        name = self._vault.put(body)
        if name not in self.forgotten:
            self.forgotten.add(name)
            self._vault.delete(name)
        return name

    def get(self, name: str) -> bytes:
        return self._vault.get(name)

    def delete(self, name: str) -> None:
        self._vault.delete(name)

    def has(self, name: str) -> bool:
        return self._vault.has(name)


def vault_of(world: DeskWorld) -> Vault:
    found = world.doors.context.photos
    assert found is not None
    return found


def files(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / "photos").rglob("*") if path.is_file())


def send(world: DeskWorld, vault: Vault, case: rows.AnyRow, body: bytes) -> None:
    now, id = case.created_at, "f" * 32
    asking.add_shot(world.doors.engine, vault, case, "front", body, policy.default(), id=id, now=now)


def seen(world: DeskWorld, case: str) -> rows.AnyRow:
    with reading(world.doors.engine) as connection:
        found = rows.case(connection, case)
    assert found is not None
    return found


def test_a_photo_that_came_too_late_leaves_nothing_behind(world: DeskWorld, tmp_path: Path) -> None:
    case = str(world.new()["id"])
    as_it_was = seen(world, case)
    world.doors.post("PLATFORM", f"/v1/cases/{case}/withdraw")

    with pytest.raises(CaseMoved):
        send(world, vault_of(world), as_it_was, photo("front"))

    assert files(tmp_path) == []


def test_a_photo_that_came_too_late_and_is_shown_elsewhere_stays(world: DeskWorld, tmp_path: Path) -> None:
    case, _ = str(world.new()["id"]), world.opened()
    as_it_was, kept = seen(world, case), files(tmp_path)
    world.doors.post("PLATFORM", f"/v1/cases/{case}/withdraw")

    with pytest.raises(CaseMoved):
        send(world, vault_of(world), as_it_was, photo("front"))

    assert len(kept) == 2 * len(SHOTS) and files(tmp_path) == kept


def test_a_photo_that_is_forgotten_while_it_comes_is_kept_all_the_same(world: DeskWorld, tmp_path: Path) -> None:
    case, vault = str(world.new()["id"]), Forgetful(vault_of(world))

    send(world, vault, seen(world, case), photo("front"))

    assert len(vault.forgotten) == 2 and all(vault.has(name) for name in vault.forgotten)


def test_what_something_shows_is_not_let_go(world: DeskWorld, tmp_path: Path) -> None:
    world.opened()
    names = [path.name for path in files(tmp_path)]

    keeping.let_go(world.doors.engine, vault_of(world), names)

    assert [path.name for path in files(tmp_path)] == names


def test_where_a_photo_was_taken_is_in_nothing_that_is_kept(world: DeskWorld) -> None:
    """When and by which device is noted; of the file itself the picture alone is kept, under the name that the evidence gives."""
    exif = Image.Exif()
    exif[271], exif[306] = "Makers", "2026:11:20 18:30:05"
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 51.0, 29.9), 3: "E", 4: (2.0, 17.0, 40.2)})
    noted = BytesIO()
    Image.open(BytesIO(photo("front"))).save(noted, "JPEG", exif=exif, quality="keep")
    case = str(world.new()["id"])

    assert world.send(case, "front", noted.getvalue()).json()["state"] == "good"

    with reading(world.doors.engine) as connection:
        shot = rows.newest_shots(connection, case)["front"]
    kept = [vault_of(world).get(name) for name in (shot.original, shot.shown)]
    assert (shot.device, str(shot.captured_at)[:19]) == ("Makers", "2026-11-20 18:30:05")
    assert all(b"Exif\0" not in one and b"Makers" not in one and not Image.open(BytesIO(one)).getexif() for one in kept)
    assert Image.open(BytesIO(kept[0])).tobytes() == Image.open(noted).tobytes()
    assert shot.original == hashlib.sha256(kept[0]).hexdigest() != hashlib.sha256(noted.getvalue()).hexdigest()
