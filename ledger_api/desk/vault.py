"""Where photos are kept: by the SHA-256 of what they are, encrypted, checked when read, gone when deleted.

Each object has a data key of its own, wrapped by the vault's key from the keyring; both are AES-256-GCM with fresh nonces, and the name is
bound into them, so that two objects cannot be exchanged. Deleting the object deletes the only copy of its data key.

    "PLV1" ‖ nonce 12 ‖ wrapped data key 48 ‖ nonce 12 ‖ ciphertext

A name is 64 hexadecimal digits that were made here, and nothing else ever becomes part of a path. What is kept in a bucket is closed
before it leaves: whoever runs the storage reads nothing.
"""

import errno
import hashlib
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Protocol

from ledger_api.desk.errors import NoSuchPhoto, PhotosAway, PhotoTampered
from ledger_api.durable import sync_folder, written_beside
from ledger_api.settings import Bucket

MAGIC = b"PLV1"
NONCE, WRAPPED = 12, 48
_NAME = re.compile(r"[0-9a-f]{64}")


class Vault(Protocol):
    """Content-addressed. Any number of processes may use one at a time. Everything raises PhotosAway while the storage does not work."""

    def put(self, body: bytes) -> str:
        """Its name; durable when this returns. Harmless to repeat."""

    def get(self, name: str) -> bytes:
        """Raises NoSuchPhoto, PhotoTampered."""

    def delete(self, name: str) -> None:
        """Harmless to repeat."""

    def has(self, name: str) -> bool: ...


class Seal:
    """From plain to kept and back, under one vault key. Its key cannot be read back or printed."""

    __slots__ = ("_cipher", "_key")

    def __init__(self, key: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # of the extra `desk`: who keeps no photos needs none

        self._cipher = AESGCM
        self._key = AESGCM(key)

    def close(self, name: str, body: bytes) -> bytes:
        data_key, outer, inner = self._cipher.generate_key(256), secrets.token_bytes(NONCE), secrets.token_bytes(NONCE)
        bound = name.encode()
        return b"".join(
            (MAGIC, outer, self._key.encrypt(outer, data_key, bound), inner, self._cipher(data_key).encrypt(inner, body, bound))
        )

    def open(self, name: str, kept: bytes) -> bytes:
        """Raises PhotoTampered."""
        from cryptography.exceptions import InvalidTag

        bound, start = name.encode(), len(MAGIC) + NONCE
        try:
            if kept[: len(MAGIC)] != MAGIC:
                raise InvalidTag
            data_key = self._key.decrypt(kept[len(MAGIC) : start], kept[start : start + WRAPPED], bound)
            inner = start + WRAPPED
            body = self._cipher(data_key).decrypt(kept[inner : inner + NONCE], kept[inner + NONCE :], bound)
        except (InvalidTag, ValueError):
            raise PhotoTampered(name=name) from None
        if hashlib.sha256(body).hexdigest() != name:
            raise PhotoTampered(name=name)
        return body

    def __repr__(self) -> str:
        return "Seal()"


class DiskVault:
    """In a folder: two levels of 256, files 0600, written whole and on disk before their name is told."""

    def __init__(self, folder: Path, key: bytes) -> None:
        self._folder, self._seal = folder, Seal(key)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def put(self, body: bytes) -> str:
        name = hashlib.sha256(body).hexdigest()
        path = self._path(name)
        if not path.exists():
            with _at_hand(), written_beside(path, self._seal.close(name, body)) as written:
                written.replace(path)
        return name

    def get(self, name: str) -> bytes:
        path = self._path(name)
        try:
            with _at_hand():
                kept = path.read_bytes()
        except FileNotFoundError:
            raise NoSuchPhoto from None
        return self._seal.open(name, kept)

    def delete(self, name: str) -> None:
        path = self._path(name)
        with _at_hand():
            path.unlink(missing_ok=True)
            if path.parent.exists():
                sync_folder(path.parent)

    def has(self, name: str) -> bool:
        return self._path(name).exists()

    def _path(self, name: str) -> Path:
        """Raises NoSuchPhoto for what was never a name of ours."""
        if not _NAME.fullmatch(name):
            raise NoSuchPhoto
        return self._folder / name[:2] / name[2:4] / name


@contextmanager
def _at_hand() -> Iterator[None]:
    """A disk that is full, gone or read-only is no fault of the caller's. What is not there is told by its own name."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise PhotosAway(cause=errno.errorcode.get(error.errno or 0, "disk")) from error


class BucketVault:
    """In a bucket of an S3-compatible storage, by the same names and closed in the same way."""

    def __init__(self, bucket: Bucket, key: bytes) -> None:
        from minio import Minio  # of the extra `desk`
        from urllib3 import PoolManager, Timeout

        access_key, secret_key = bucket.credentials()
        self._name, self._seal = bucket.name, Seal(key)
        self._storage = Minio(
            bucket.host,
            access_key=access_key,
            secret_key=secret_key,
            secure=bucket.is_secure,
            region=bucket.region,
            http_client=PoolManager(timeout=Timeout(connect=5, read=30), retries=2, maxsize=16),
        )

    def put(self, body: bytes) -> str:
        name = hashlib.sha256(body).hexdigest()
        if not self.has(name):
            kept = self._seal.close(name, body)
            with _in_reach():
                self._storage.put_object(self._name, _key(name), BytesIO(kept), len(kept))
        return name

    def get(self, name: str) -> bytes:
        with _in_reach():
            answer = self._storage.get_object(self._name, _key(name))
            try:
                kept = answer.read()
            finally:
                answer.close()
                answer.release_conn()
        return self._seal.open(name, kept)

    def delete(self, name: str) -> None:
        with _in_reach():
            self._storage.remove_object(self._name, _key(name))

    def has(self, name: str) -> bool:
        try:
            with _in_reach():
                self._storage.stat_object(self._name, _key(name))
        except NoSuchPhoto:
            return False
        return True


def _key(name: str) -> str:
    """Raises NoSuchPhoto for what was never a name of ours."""
    if not _NAME.fullmatch(name):
        raise NoSuchPhoto
    return f"photos/{name[:2]}/{name}"


@contextmanager
def _in_reach() -> Iterator[None]:
    """Raises NoSuchPhoto, PhotosAway: no answer of the storage, which may hold its address, is repeated."""
    from minio.error import MinioException, S3Error
    from urllib3.exceptions import HTTPError

    try:
        yield
    except S3Error as error:
        if error.code in ("NoSuchKey", "NoSuchObject"):
            raise NoSuchPhoto from None
        raise PhotosAway(cause=str(error.code)) from None
    except (MinioException, HTTPError, OSError) as error:
        raise PhotosAway(cause=type(error).__name__) from None
