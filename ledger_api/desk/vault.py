"""Where photos are kept: by the SHA-256 of what they are, encrypted, checked when read, gone when deleted.

Each object has a data key of its own, wrapped by the vault's key from the keyring; both are AES-256-GCM with fresh nonces, and the name is
bound into them, so that two objects cannot be exchanged. Deleting the object deletes the only copy of its data key.

    "PLV1" ‖ nonce 12 ‖ wrapped data key 48 ‖ nonce 12 ‖ ciphertext

A name is 64 hexadecimal digits that were made here, and nothing else ever becomes part of a path.
"""

import hashlib
import os
import re
import secrets
from pathlib import Path
from typing import Protocol

from ledger_api.desk.errors import NoSuchPhoto, PhotoTampered

MAGIC = b"PLV1"
NONCE, WRAPPED = 12, 48
_NAME = re.compile(r"[0-9a-f]{64}")


class Vault(Protocol):
    """Content-addressed. Any number of processes may use one at a time."""

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
        if path.exists():
            return name
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = path.with_name(f".{secrets.token_hex(8)}")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(self._seal.close(name, body))
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _settle(path.parent)
        return name

    def get(self, name: str) -> bytes:
        try:
            kept = self._path(name).read_bytes()
        except FileNotFoundError:
            raise NoSuchPhoto from None
        return self._seal.open(name, kept)

    def delete(self, name: str) -> None:
        path = self._path(name)
        path.unlink(missing_ok=True)
        if path.parent.exists():
            _settle(path.parent)

    def has(self, name: str) -> bool:
        return self._path(name).exists()

    def _path(self, name: str) -> Path:
        """Raises NoSuchPhoto for what was never a name of ours."""
        if not _NAME.fullmatch(name):
            raise NoSuchPhoto
        return self._folder / name[:2] / name[2:4] / name


def _settle(folder: Path) -> None:
    """What changed in it is on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
