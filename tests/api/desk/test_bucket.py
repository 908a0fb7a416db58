"""Photos in a bucket, on a real S3-compatible server of the loopback: the same promises as in a folder."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from minio import Minio
from moto.server import ThreadedMotoServer

from ledger_api.desk.errors import NoSuchPhoto, PhotosAway, PhotoTampered
from ledger_api.desk.vault import BucketVault
from ledger_api.settings import Bucket

KEY, OTHER = b"\x01" * 32, b"\x02" * 32
PHOTO = b"a photo of a bag" * 100


@pytest.fixture(scope="module")
def storage() -> Iterator[str]:
    """An S3-compatible storage on a free port of the loopback."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(storage: str, tmp_path: Path) -> Bucket:
    keys = tmp_path / "keys"
    keys.write_text("an-access-key\na-secret-key\n")
    Minio(storage, "an-access-key", "a-secret-key", secure=False).make_bucket(
        name := f"photos-{tmp_path.name[-12:].lower().replace('_', '-')}"
    )
    return Bucket(storage, name, False, "us-east-1", keys)


def test_a_bucket_keeps_photos_as_a_folder_does(bucket: Bucket) -> None:
    vault = BucketVault(bucket, KEY)

    name = vault.put(PHOTO)

    assert name == hashlib.sha256(PHOTO).hexdigest() and vault.has(name)
    assert vault.get(name) == PHOTO and vault.put(PHOTO) == name
    with pytest.raises(PhotoTampered):
        BucketVault(bucket, OTHER).get(name)
    vault.delete(name)
    vault.delete(name)
    assert not vault.has(name)
    with pytest.raises(NoSuchPhoto):
        vault.get(name)


def test_whoever_runs_the_storage_reads_nothing(bucket: Bucket) -> None:
    name = BucketVault(bucket, KEY).put(PHOTO)
    storage = Minio(bucket.host, "an-access-key", "a-secret-key", secure=False)

    (kept,) = storage.list_objects(bucket.name, recursive=True)

    assert kept.object_name == f"photos/{name[:2]}/{name}"
    assert b"a photo of a bag" not in storage.get_object(bucket.name, kept.object_name).read()


def test_a_storage_that_is_away_is_told_without_its_keys(bucket: Bucket, tmp_path: Path) -> None:
    nobody = BucketVault(replace(bucket, host="127.0.0.1:9"), KEY)
    stranger = BucketVault(replace(bucket, name="no-such-bucket"), KEY)

    for vault in (nobody, stranger):
        with pytest.raises(PhotosAway) as told:
            vault.put(PHOTO)
        assert "secret-key" not in repr((vault, told.value, told.value.facts))


@pytest.mark.parametrize("name", ["../../etc/passwd", "x" * 64, ""])
def test_a_bucket_has_only_names_of_ours(bucket: Bucket, name: str) -> None:
    with pytest.raises(NoSuchPhoto):
        BucketVault(bucket, KEY).get(name)
