"""One file with everything that cannot be had from the chain: the database, the keys, where the contracts are, claim cards.

```
manifest.json               schema revision, chain, how far it was followed, and size and SHA-256 of every other member
ledger.db                   the embedded database at one moment (PostgreSQL: ledger.pgdump, where `pg_dump` is found)
keys/ deployments/ photos/  as in the home folder, passphrase included when it was made there; photos elsewhere (LEDGER_PHOTOS) are not
claim-keys.json demo-api-keys.json
```
Whoever has this file can sign for every organization in it: it is written 0600 and belongs where keys are kept. A restore
believes nothing that the manifest does not say, and writes nowhere but into an empty home.
"""

import json
import os
import shutil
import sqlite3
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import IO, Any

from sqlalchemy import make_url, text

from ledger_api.durable import sync_folder
from ledger_api.errors import BusyError, CallerError, IntegrityError, NotFound
from ledger_api.settings import Settings
from ledger_api.store.engine import open_engine, reading

MANIFEST, DATABASE, DUMP = "manifest.json", "ledger.db", "ledger.pgdump"
_FORMAT = 1
_FOLDERS, _FILES = ("keys", "deployments", "photos"), ("claim-keys.json", "demo-api-keys.json")
_CHUNK = 1 << 20
_LARGEST_MANIFEST = 16 << 20
_CURSOR = text("SELECT chain_id, ledger, registry, next_block, final_block FROM chain_cursor WHERE id = 1")
_REVISION = text("SELECT version_num FROM alembic_version")


class NothingToBackUp(NotFound):
    """There is no database to back up in this home."""

    code = "nothing-to-back-up"


class BackupExists(CallerError):
    """A backup is never written over another file."""

    code, status = "backup-exists", 409


class DumpFailed(BusyError):
    """The database's own tool could not write its dump."""

    code = "dump-failed"


class HomeNotEmpty(CallerError):
    """A backup is restored into an empty home only."""

    code, status = "home-not-empty", 409


class BackupUnusable(IntegrityError):
    """The file is no backup of ours, or not as it was written; nothing was restored."""

    code = "backup-unusable"


@dataclass(frozen=True, slots=True)
class Manifest:
    made_at: str
    schema: str
    database: str  # "sqlite", "pg_dump", or "not included"
    chain: Mapping[str, Any] | None  # None: no block was ever followed
    members: Mapping[str, Mapping[str, Any]]

    def as_json(self) -> dict[str, Any]:
        told = {name: getattr(self, name) for name in ("made_at", "schema", "database", "chain", "members")}
        return {"format": _FORMAT, **told}


# --- making one ------------------------------------------------------------------------------------------------------


def back_up(settings: Settings, target: Path) -> Manifest:
    """Write the backup of this home while everything runs on.

    The database is copied first: keys only ever become more, so that every organization in the copy has its keys beside it.

    Raises:
        NothingToBackUp, BackupExists, DumpFailed: and no file is left behind.
    """
    if target.exists():
        raise BackupExists(path=str(target))
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".ledger-backup-", dir=target.parent) as folder:
        database, kind = _copy_database(settings, Path(folder))
        revision, chain = _place(settings, database if kind == "sqlite" else None)
        paths = ({database.name: database} if database else {}) | dict(_set_aside(_home_files(settings.home), Path(folder)))
        members = {name: {"sha256": _digest(path), "bytes": path.stat().st_size} for name, path in paths.items()}
        manifest = Manifest(datetime.now(UTC).isoformat(timespec="seconds"), revision, kind, chain, members)
        made = Path(folder) / "backup.tar"
        _write_archive(made, manifest, paths)
        os.link(made, target)  # refuses where somebody was faster
        sync_folder(target.parent)
    return manifest


def _copy_database(settings: Settings, folder: Path) -> tuple[Path | None, str]:
    url = make_url(settings.sqlalchemy_url)
    if url.get_backend_name() == "sqlite":
        return _copy_sqlite(Path(url.database or ""), folder / DATABASE), "sqlite"
    tool = shutil.which("pg_dump")
    if tool is None:
        return None, "not included"
    place = url.set(drivername="postgresql", password=None).render_as_string()
    command = [tool, "--format=custom", "--no-password", f"--file={folder / DUMP}", f"--dbname={place}"]
    # the password travels where no list of processes shows it
    done = subprocess.run(command, env={"PGPASSWORD": url.password or "", "PATH": os.defpath}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DumpFailed(f"pg_dump: {done.stderr.strip()[-300:]}")
    return folder / DUMP, "pg_dump"


def _copy_sqlite(source: Path, target: Path) -> Path:
    """One moment of a database that others write to, by SQLite's own online backup."""
    if not source.is_file():
        raise NothingToBackUp(path=str(source))
    reads, writes = sqlite3.connect(source), sqlite3.connect(target)
    try:
        reads.backup(writes)
        _check(writes, target)
    finally:
        reads.close()
        writes.close()
    return target


def _check(database: sqlite3.Connection, path: Path) -> None:
    (verdict,) = database.execute("PRAGMA quick_check").fetchone()
    if verdict != "ok":
        raise BackupUnusable("the database is damaged", path=path.name, verdict=verdict)


def _place(settings: Settings, copy: Path | None) -> tuple[str, dict[str, Any] | None]:
    """Which schema, and how much of which chain, as the copy has it."""
    engine = open_engine(f"sqlite:///{copy}" if copy else settings.sqlalchemy_url)
    try:
        with reading(engine) as connection:
            revision = str(connection.scalar(_REVISION))
            row = connection.execute(_CURSOR).mappings().one_or_none()
    finally:
        engine.dispose()
    if row is None:
        return revision, None
    return revision, {name: "0x" + bytes(value).hex() if name in ("ledger", "registry") else value for name, value in row.items()}


def _home_files(home: Path) -> Iterator[tuple[str, Path]]:
    """Names in the archive with their files; a file that begins with a dot is on its way to become one."""
    for name in _FOLDERS:
        for path in sorted((home / name).rglob("*")):
            if path.is_file() and not path.is_symlink() and not path.name.startswith("."):
                yield path.relative_to(home).as_posix(), path
    yield from ((name, home / name) for name in _FILES if (home / name).is_file())


def _set_aside(files: Iterator[tuple[str, Path]], folder: Path) -> Iterator[tuple[str, Path]]:
    """Each as it is now, whatever is replaced or forgotten while the archive is written: a file of a home is never written to again."""
    aside = folder / "aside"
    aside.mkdir()
    for number, (name, path) in enumerate(files):
        held = aside / str(number)
        with suppress(FileNotFoundError):  # a photo, forgotten since it was listed
            _hold(path, held)
            yield name, held


def _hold(path: Path, held: Path) -> None:
    try:
        held.hardlink_to(path)
    except OSError:  # on another disk, or on one without links
        shutil.copyfile(path, held)


def _write_archive(path: Path, manifest: Manifest, paths: Mapping[str, Path]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
            with tempfile.TemporaryFile() as told:
                size = told.write(json.dumps(manifest.as_json(), indent=1).encode())
                told.seek(0)
                archive.addfile(_header(MANIFEST, size), told)
            for name, source in paths.items():
                with source.open("rb") as content:
                    archive.addfile(_header(name, manifest.members[name]["bytes"]), content)
        file.flush()
        os.fsync(file.fileno())


def _header(name: str, size: int) -> tarfile.TarInfo:
    header = tarfile.TarInfo(name)
    header.size, header.mode = size, 0o600
    return header


# --- restoring one ---------------------------------------------------------------------------------------------------


def restore_home(source: Path, home: Path) -> Manifest:
    """Everything in the backup, into a home that has nothing yet: all of it, or the home stays as it was.

    Raises:
        HomeNotEmpty: restoring never mixes with what is there.
        BackupUnusable: a member the manifest does not name, names otherwise, or that would land elsewhere.
    """
    if home.exists() and (not home.is_dir() or any(home.iterdir())):
        raise HomeNotEmpty(home=str(home))
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".ledger-restore-", dir=home.parent) as folder:
        made = Path(folder) / "home"
        made.mkdir(mode=0o700)
        try:
            with tarfile.open(source, mode="r:") as archive:
                manifest = _extract(archive, made)
        except (tarfile.TarError, EOFError, UnicodeDecodeError) as error:
            raise BackupUnusable("the file is no archive of ours", path=str(source)) from error
        _check_database(made, manifest)
        if home.exists():
            home.rmdir()
        made.rename(home)
        sync_folder(home.parent)
    return manifest


def _extract(archive: tarfile.TarFile, home: Path) -> Manifest:
    first = archive.next()
    if first is None or first.name != MANIFEST or not first.isreg() or first.size > _LARGEST_MANIFEST:
        raise BackupUnusable("the manifest does not come first")
    manifest = _read_manifest(_content(archive, first).read())
    missing = dict(manifest.members)
    while (member := archive.next()) is not None:
        expected = missing.pop(member.name, None)
        if expected is None or not member.isreg() or member.issparse() or not _is_ours(member.name):
            raise BackupUnusable("the archive has a member that the manifest does not allow", member=member.name[:200])
        if member.size != expected["bytes"]:
            raise BackupUnusable("a member has another size than the manifest says", member=member.name)
        if _keep(_content(archive, member), member.name, home) != expected["sha256"]:
            raise BackupUnusable("a member is not what was backed up: its hash differs", member=member.name)
    if missing:
        raise BackupUnusable("the archive lacks a member of its manifest", member=min(missing))
    return manifest


def _read_manifest(content: bytes) -> Manifest:
    try:
        told = json.loads(content)
        if told.pop("format") != _FORMAT:
            raise BackupUnusable("the backup has a format that this version does not know")
        manifest = Manifest(**told)
        for name, facts in manifest.members.items():
            if not (isinstance(name, str) and isinstance(facts["bytes"], int) and isinstance(facts["sha256"], str)):
                raise TypeError(name)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BackupUnusable("the manifest cannot be read") from error
    return manifest


def _is_ours(name: str) -> bool:
    """A plain path below one of the places that a backup writes."""
    parts = PurePosixPath(name).parts
    is_plain = name == "/".join(parts) and not any(part in ("..", ".", "/") or "\0" in part or "\\" in part for part in parts)
    return is_plain and (name in (DATABASE, DUMP, *_FILES) or (len(parts) > 1 and parts[0] in _FOLDERS))


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    content = archive.extractfile(member)
    if content is None:
        raise BackupUnusable("a member has no content", member=member.name)
    return content


def _keep(content: IO[bytes], name: str, home: Path) -> str:
    """Write a new file 0600, on disk before this returns; its SHA-256."""
    digest, path = sha256(), home / name
    try:
        for folder in reversed(path.relative_to(home).parents):
            (home / folder).mkdir(exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except (FileExistsError, NotADirectoryError) as error:
        raise BackupUnusable("two members of the archive are in each other's way", member=name) from error
    with os.fdopen(descriptor, "wb") as file:
        while chunk := content.read(_CHUNK):
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


def _check_database(home: Path, manifest: Manifest) -> None:
    if manifest.database != "sqlite":
        return
    path = home / DATABASE
    if not path.is_file():
        raise BackupUnusable("the backup has no database, though its manifest says so")
    try:
        database = sqlite3.connect(path)
        try:
            _check(database, path)
            (revision,) = database.execute("SELECT version_num FROM alembic_version").fetchone()
        finally:
            database.close()
    except (sqlite3.DatabaseError, TypeError) as error:
        raise BackupUnusable("the database in the backup cannot be read") from error
    if revision != manifest.schema:
        raise BackupUnusable("the database has another schema than the manifest says", schema=manifest.schema)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        digest = sha256()
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
