"""Photos at rest: found by what they are, readable with the key alone, gone when deleted."""

import hashlib
import os
from pathlib import Path

import pytest

from ledger_api.desk.errors import NoSuchPhoto, PhotosAway, PhotoTampered
from ledger_api.desk.vault import DiskVault
from ledger_api.settings import Settings

KEY, OTHER = b"\x01" * 32, b"\x02" * 32
PHOTO = b"a photo of a bag" * 100


@pytest.fixture
def vault(tmp_path: Path) -> DiskVault:
    return DiskVault(tmp_path / "vault", KEY)


def files(vault: DiskVault) -> list[Path]:
    return [path for path in vault._folder.rglob("*") if path.is_file()]


def test_what_was_put_is_got_by_its_hash(vault: DiskVault) -> None:
    name = vault.put(PHOTO)

    assert name == hashlib.sha256(PHOTO).hexdigest() and vault.has(name)
    assert vault.get(name) == PHOTO
    assert vault.put(PHOTO) == name and len(files(vault)) == 1


def test_at_rest_it_is_closed(vault: DiskVault) -> None:
    name = vault.put(PHOTO)
    (file,) = files(vault)

    assert b"a photo of a bag" not in file.read_bytes()
    assert oct(os.stat(file).st_mode & 0o777) == "0o600"
    with pytest.raises(PhotoTampered):
        DiskVault(vault._folder, OTHER).get(name)
    assert "01" * 8 not in repr(vault) and KEY.hex() not in repr(vault._seal)


@pytest.mark.parametrize("place", [0, 5, 20, 70, 90, -1])
def test_a_byte_that_was_changed_is_found_out(vault: DiskVault, place: int) -> None:
    name = vault.put(PHOTO)
    (file,) = files(vault)
    kept = bytearray(file.read_bytes())
    kept[place] ^= 1
    file.write_bytes(kept)

    with pytest.raises(PhotoTampered):
        vault.get(name)


def test_two_photos_cannot_be_exchanged(vault: DiskVault) -> None:
    first, second = vault.put(PHOTO), vault.put(PHOTO + b"!")
    vault._path(first).write_bytes(vault._path(second).read_bytes())

    with pytest.raises(PhotoTampered):
        vault.get(first)


def test_what_was_deleted_is_gone(vault: DiskVault) -> None:
    name = vault.put(PHOTO)

    vault.delete(name)
    vault.delete(name)

    assert files(vault) == [] and not vault.has(name)
    with pytest.raises(NoSuchPhoto):
        vault.get(name)


@pytest.mark.parametrize("name", ["", "..", "../../../etc/passwd", "A" * 64, "a" * 63, "a" * 65, "a" * 64 + "\n", "a/" * 32, "\0" * 64])
def test_what_was_never_a_name_reaches_no_file(vault: DiskVault, name: str) -> None:
    for ask in (vault.get, vault.has, vault.delete):
        with pytest.raises(NoSuchPhoto):
            ask(name)


def test_a_write_that_fails_half_way_leaves_nothing(vault: DiskVault, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(PhotosAway):
        vault.put(PHOTO)

    assert files(vault) == []


def test_a_disk_that_is_full_is_no_fault_of_the_callers(vault: DiskVault) -> None:
    vault.put(b"the folders are there")
    full = vault._folder / hashlib.sha256(PHOTO).hexdigest()[:2]
    full.write_text("a file stands where a folder has to be made")

    with pytest.raises(PhotosAway) as told:
        vault.put(PHOTO)

    assert told.value.status == 503 and told.value.facts["cause"] in ("ENOTDIR", "EEXIST")


@pytest.mark.parametrize("url", ["storage.example/bucket", "https://storage.example", "https://storage.example/a/b", "ftp://a/b"])
def test_a_bucket_is_named_by_an_address_and_its_name(url: str) -> None:
    with pytest.raises(ValueError, match="https://host/bucket"):
        _ = Settings(photos_bucket=url).bucket


def test_half_a_setting_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="CREDENTIALS_FILE"):
        _ = Settings(photos_bucket="https://storage.example/photos").bucket
    one_line = tmp_path / "keys"
    one_line.write_text("alone")
    found = Settings(photos_bucket="https://storage.example/photos", photos_credentials_file=one_line).bucket
    assert found is not None
    with pytest.raises(ValueError, match="two lines"):
        found.credentials()
