"""A backup holds what cannot be had from the chain, and a restore believes nothing that the manifest does not say."""

import errno
import io
import json
import sqlite3
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ledger_api import backup as backup_of
from ledger_api import migrations
from ledger_api.backup import BackupExists, BackupUnusable, DumpFailed, HomeNotEmpty, NothingToBackUp, back_up, restore_home
from ledger_api.cli import app
from ledger_api.durable import write_durably
from ledger_api.settings import Settings
from ledger_api.store.engine import open_engine

Member = tuple[tarfile.TarInfo, bytes]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Keys, a deployment, and a database with one API key in it; nothing of it in use."""
    home = tmp_path / "home"
    signer = home / "keys" / "organizations" / "aa" / "signer.json"
    signer.parent.mkdir(parents=True)
    signer.write_text('{"crypto": "sealed"}')
    (home / "keys" / "passphrase").write_text("open sesame")
    (home / "keys" / ".signer.json.half-written").write_text("{")
    (home / "deployments").mkdir()
    (home / "deployments" / "31337.json").write_text("{}")
    (home / "claim-keys.json").write_text("{}")
    (home / "lock").write_text("")
    engine = open_engine(f"sqlite:///{home / 'ledger.db'}")
    migrations.upgrade(engine)
    engine.dispose()
    return home


@pytest.fixture
def backup(home: Path, tmp_path: Path) -> Path:
    back_up(Settings(home=home), tmp_path / "backup.tar")
    return tmp_path / "backup.tar"


def members_of(path: Path) -> list[Member]:
    with tarfile.open(path) as archive:
        return [(member, archive.extractfile(member).read()) for member in archive]  # type: ignore[union-attr]  # all are regular files


def written(path: Path, members: list[Member]) -> Path:
    with tarfile.open(path, "w") as archive:
        for member, content in members:
            archive.addfile(member, io.BytesIO(content))
    return path


def forged(member: str, content: bytes = b"x", **facts: Any) -> Member:
    header = tarfile.TarInfo(member)
    header.size = len(content)
    for name, value in facts.items():
        setattr(header, name, value)
    return header, content


def with_manifest(members: list[Member], change: Callable[[dict[str, Any]], None]) -> list[Member]:
    told = json.loads(members[0][1])
    change(told)
    return [forged("manifest.json", json.dumps(told).encode()), *members[1:]]


def files_of(home: Path) -> dict[str, bytes]:
    return {path.relative_to(home).as_posix(): path.read_bytes() for path in sorted(home.rglob("*")) if path.is_file()}


def test_a_restored_home_has_the_same_keys_and_names_and_a_sound_database(home: Path, backup: Path, tmp_path: Path) -> None:
    restored = tmp_path / "deep" / "restored"

    manifest = restore_home(backup, restored)

    before, after = files_of(home), files_of(restored)
    left_behind = {"lock", "ledger.db", "ledger.db-wal", "ledger.db-shm", "keys/.signer.json.half-written"}
    assert {name: after[name] for name in after if name != "ledger.db"} == {name: before[name] for name in before.keys() - left_behind}
    database = sqlite3.connect(restored / "ledger.db")
    assert database.execute("SELECT version_num FROM alembic_version").fetchone() == (manifest.schema,)
    database.close()


def test_only_its_owner_can_read_a_backup_and_what_is_restored_from_it(backup: Path, tmp_path: Path) -> None:
    restore_home(backup, tmp_path / "restored")

    readable = [path for path in (backup, *(tmp_path / "restored").rglob("*"), tmp_path / "restored") if path.stat().st_mode & 0o077]
    assert readable == []
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600


def test_a_backup_is_one_moment_of_a_database_that_is_written_to(home: Path, tmp_path: Path) -> None:
    writer = sqlite3.connect(home / "ledger.db", isolation_level=None)
    writer.execute("INSERT INTO tips VALUES (x'01', x'01')")
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("INSERT INTO tips VALUES (x'02', x'02')")

    back_up(Settings(home=home), tmp_path / "backup.tar")

    writer.execute("COMMIT")
    writer.close()
    restore_home(tmp_path / "backup.tar", tmp_path / "restored")
    copy = sqlite3.connect(tmp_path / "restored" / "ledger.db")
    assert copy.execute("SELECT hex(item) FROM tips").fetchall() == [("01",)]
    copy.close()


@pytest.mark.parametrize("has_links", [True, False])
def test_a_backup_has_files_as_they_were_when_they_are_replaced_or_forgotten_meanwhile(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, has_links: bool
) -> None:
    photo = home / "photos" / "ab" / "cd" / "photo"
    photo.parent.mkdir(parents=True)
    photo.write_text("sealed")
    write_archive = backup_of._write_archive

    def meanwhile(*asked: Any) -> None:
        write_durably(home / "claim-keys.json", '{"seed": "another"}')
        photo.unlink()
        write_archive(*asked)

    def on_another_disk(*_: Any) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(backup_of, "_write_archive", meanwhile)
    if not has_links:
        monkeypatch.setattr(Path, "hardlink_to", on_another_disk)
    back_up(Settings(home=home), tmp_path / "backup.tar")
    restore_home(tmp_path / "backup.tar", tmp_path / "restored")

    after = files_of(tmp_path / "restored")
    assert (after["claim-keys.json"], after["photos/ab/cd/photo"]) == (b"{}", b"sealed")


def test_a_backup_is_never_written_over_a_file(home: Path, backup: Path) -> None:
    before = backup.read_bytes()

    with pytest.raises(BackupExists):
        back_up(Settings(home=home), backup)

    assert backup.read_bytes() == before


def test_a_home_without_a_database_is_not_backed_up(tmp_path: Path) -> None:
    with pytest.raises(NothingToBackUp):
        back_up(Settings(home=tmp_path / "home"), tmp_path / "backup.tar")

    assert list(tmp_path.iterdir()) == []


def test_a_home_that_has_something_is_left_alone(home: Path, backup: Path) -> None:
    before = files_of(home)

    with pytest.raises(HomeNotEmpty):
        restore_home(backup, home)

    assert files_of(home) == before


def alter(members: list[Member], place: int, content: bytes) -> list[Member]:
    changed = list(members)
    changed[place] = forged(members[place][0].name, content)
    return changed


def links(kind: bytes) -> Callable[[list[Member]], list[Member]]:
    def change(members: list[Member]) -> list[Member]:
        return [*members[:-1], forged(members[-1][0].name, b"", type=kind, linkname="/etc/passwd")]

    return change


def named(name: str) -> Callable[[list[Member]], list[Member]]:
    """A member of that name which the manifest vouches for."""
    digest = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"  # of b"x"

    def change(members: list[Member]) -> list[Member]:
        return [*with_manifest(members, lambda told: told["members"].update({name: {"sha256": digest, "bytes": 1}})), forged(name)]

    return change


HOSTILE: dict[str, Callable[[list[Member]], list[Member]]] = {
    "a key was exchanged": lambda members: alter(members, -1, bytes(len(members[-1][1]))),
    "a key was lengthened": lambda members: alter(members, -1, members[-1][1] + b" "),
    "a member was added": lambda members: [*members, forged("keys/owner.json")],
    "a member was taken away": lambda members: members[:-1],
    "a member comes twice": lambda members: [*members, members[-1]],
    "the manifest is missing": lambda members: members[1:],
    "the manifest comes last": lambda members: [*members[1:], members[0]],
    "the manifest is no JSON": lambda members: alter(members, 0, b"{"),
    "the manifest is a list": lambda members: alter(members, 0, b"[]"),
    "the manifest lacks a word": lambda members: with_manifest(members, lambda told: told.pop("schema")),
    "the manifest says more": lambda members: with_manifest(members, lambda told: told.update(more=1)),
    "the format is newer": lambda members: with_manifest(members, lambda told: told.update(format=2)),
    "the sizes are words": lambda members: with_manifest(members, lambda told: told["members"]["ledger.db"].update(bytes="1")),
    "the schema is another": lambda members: with_manifest(members, lambda told: told.update(schema="0000")),
    "the database is missing": lambda members: with_manifest(
        [members[0], *(one for one in members[1:] if one[0].name != "ledger.db")], lambda told: told["members"].pop("ledger.db")
    ),
    "it climbs out of the home": named("../outside"),
    "it climbs out by a folder of ours": named("keys/../../outside"),
    "it names a place of its own": named("/tmp/ledger-outside"),
    "it names a file that no backup has": named("lock"),
    "it has a back slash": named("keys\\outside"),
    "it names a folder": named("keys"),
    "it puts a file where a folder is": named("keys/organizations"),
    "it puts a file below a file": named("keys/passphrase/below"),
    "it has a dot for a name": named("keys/./passphrase"),
    "it is a symbolic link": links(tarfile.SYMTYPE),
    "it is a hard link": links(tarfile.LNKTYPE),
    "it is a device": links(tarfile.CHRTYPE),
    "it is a pipe": links(tarfile.FIFOTYPE),
}


@pytest.mark.parametrize("trick", HOSTILE)
def test_nothing_is_restored_when(trick: str, backup: Path, tmp_path: Path) -> None:
    file = written(tmp_path / "hostile.tar", HOSTILE[trick](members_of(backup)))
    before = {path for path in tmp_path.rglob("*")}

    with pytest.raises(BackupUnusable):
        restore_home(file, tmp_path / "restored")

    assert {path for path in tmp_path.rglob("*")} == before


@pytest.mark.parametrize("length", [0, 1, 700, 100_000])
def test_a_file_that_was_cut_short_is_no_backup(length: int, backup: Path, tmp_path: Path) -> None:
    file = tmp_path / "short.tar"
    file.write_bytes(backup.read_bytes()[:length])

    with pytest.raises(BackupUnusable):
        restore_home(file, tmp_path / "restored")

    assert not (tmp_path / "restored").exists()


def test_a_database_that_is_none_is_not_restored(backup: Path, tmp_path: Path) -> None:
    from hashlib import sha256

    content = b"SQLite format 3\0" + bytes(4080)
    facts = {"sha256": sha256(content).hexdigest(), "bytes": len(content)}
    members = with_manifest(members_of(backup), lambda told: told["members"].update({"ledger.db": facts}))
    file = written(tmp_path / "none.tar", [forged("ledger.db", content) if one[0].name == "ledger.db" else one for one in members])

    with pytest.raises(BackupUnusable):
        restore_home(file, tmp_path / "restored")


def test_a_dump_that_fails_leaves_no_backup_and_shows_no_password(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "bin" / "pg_dump"
    tool.parent.mkdir()
    tool.write_text('#!/bin/sh\necho "arguments: $*" >&2\nexit 1\n')
    tool.chmod(0o700)
    monkeypatch.setenv("PATH", str(tool.parent))
    settings = Settings(home=home, database_url="postgresql+psycopg://ledger:very-secret@127.0.0.1:1/ledger")

    with pytest.raises(DumpFailed) as failed:
        back_up(settings, tmp_path / "backup.tar")

    assert "127.0.0.1" in failed.value.message and "very-secret" not in failed.value.message
    assert not (tmp_path / "backup.tar").exists()


def test_the_commands_say_what_they_did_and_refuse_with_their_codes(home: Path, tmp_path: Path) -> None:
    file, restored = str(tmp_path / "b.tar"), str(tmp_path / "restored")

    made = CliRunner().invoke(app, ["backup", file, "--home", str(home), "--json"])
    again = CliRunner().invoke(app, ["backup", file, "--home", str(home)])
    first = CliRunner().invoke(app, ["restore", file, "--home", restored])
    second = CliRunner().invoke(app, ["restore", file, "--home", restored])

    assert made.exit_code == 0 and "keys/passphrase" in json.loads(made.stdout)["members"]
    assert (again.exit_code, first.exit_code, second.exit_code) == (1, 0, 1)
    assert "backup-exists" in again.stderr and "home-not-empty" in second.stderr and "of no chain yet" in first.stderr
