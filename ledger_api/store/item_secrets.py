"""The secrets that item keys are made with: 256 for each organization, from which those of its items follow, and those that were set apart.

An item's secret is that of its bucket (the first byte of its id) bound to the item. To destroy one item's: every other item of the bucket
gets its own written down, then the bucket gets a new secret and a new generation. Nothing else has to be remembered for an item.
"""

import hmac
import secrets
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, delete, select, text, update
from sqlmodel import SQLModel

from ledger_api import tables  # noqa: F401  # the import makes the tables known to the metadata
from ledger_api.store.records import LIST_LIMIT

BUCKETS, SECRET_BYTES = 256, 32
_APART, _BUCKETS, _PAYLOADS = (SQLModel.metadata.tables[name] for name in ("item_secrets", "secret_buckets", "payloads"))
_READ_APART = select(_APART.c.item, _APART.c.secret).where(
    _APART.c.organization == bindparam("organization"), _APART.c.item.in_(bindparam("items", expanding=True))
)
_READ_BUCKETS = select(_BUCKETS.c.bucket, _BUCKETS.c.generation, _BUCKETS.c.secret).where(
    _BUCKETS.c.organization == bindparam("organization"), _BUCKETS.c.bucket.in_(bindparam("numbers", expanding=True))
)
_KEEP_APART = text("INSERT INTO item_secrets (organization, item, secret) VALUES (:organization, :item, :secret) ON CONFLICT DO NOTHING")
_KEEP_BUCKET = text(
    "INSERT INTO secret_buckets (organization, bucket, generation, secret) VALUES (:organization, :bucket, 1, :secret)"
    " ON CONFLICT DO NOTHING"
)


class Bucket(NamedTuple):
    generation: int
    secret: bytes


def bucket_of(item: bytes) -> int:
    return item[0]


def made_of(bucket_secret: bytes, item: bytes) -> bytes:
    return hmac.digest(bucket_secret, b"item secret\x00" + item, "sha256")


def set_apart(connection: Connection, organization: bytes, items: Collection[bytes]) -> dict[bytes, bytes]:
    """By item, of those that have a secret of their own. An empty one: the item key follows from the blinding key alone."""
    ordered, found = list(items), dict[bytes, bytes]()
    for start in range(0, len(ordered), LIST_LIMIT):
        asked = {"organization": organization, "items": ordered[start : start + LIST_LIMIT]}
        found.update((bytes(item), bytes(secret)) for item, secret in connection.execute(_READ_APART, asked))
    return found


def buckets(connection: Connection, organization: bytes, numbers: Iterable[int], *, lock: bool = False) -> dict[int, Bucket]:
    """`lock`: none of them changes until this transaction ends."""
    asked = _READ_BUCKETS.with_for_update(read=True) if lock else _READ_BUCKETS
    rows = connection.execute(asked, {"organization": organization, "numbers": sorted(set(numbers))})
    return {row.bucket: Bucket(row.generation, bytes(row.secret)) for row in rows}


def secrets_by(apart: Mapping[bytes, bytes], made: Mapping[int, Bucket], items: Iterable[bytes]) -> dict[bytes, bytes]:
    """Of those items whose bucket is known."""
    own = {item: made_of(made[bucket_of(item)].secret, item) for item in items if item not in apart and bucket_of(item) in made}
    return own | dict(apart)


def read(connection: Connection, organization: bytes, items: Collection[bytes]) -> dict[bytes, bytes]:
    """The secret of each item; no entry where the organization has none yet."""
    return read_with_buckets(connection, organization, items)[0]


def read_with_buckets(
    connection: Connection, organization: bytes, items: Collection[bytes]
) -> tuple[dict[bytes, bytes], dict[int, Bucket]]:
    """The same, and the buckets. These are read first: what an erasure sets apart between the two is found apart, and its generation is one
    that was read already, so that it is noticed."""
    made = buckets(connection, organization, map(bucket_of, items))
    return secrets_by(set_apart(connection, organization, items), made, items), made


def draw_buckets(connection: Connection, organization: bytes) -> None:
    """All of them at once, so that every later backup has them; those that are there stand."""
    drawn = [{"organization": organization, "bucket": number, "secret": secrets.token_bytes(SECRET_BYTES)} for number in range(BUCKETS)]
    connection.execute(_KEEP_BUCKET, drawn)


def destroy(connection: Connection, organization: bytes, item: bytes) -> None:
    """The item's secret can be made no more, by anybody; those of its neighbours stay what they are."""
    number = bucket_of(item)
    here = (_BUCKETS.c.organization == organization) & (_BUCKETS.c.bucket == number)
    old = connection.execute(select(_BUCKETS.c.secret).where(here).with_for_update()).scalar()
    connection.execute(delete(_APART).where(_APART.c.organization == organization, _APART.c.item == item))
    if old is None:
        return
    kept = [
        {"organization": organization, "item": other, "secret": made_of(bytes(old), other)}
        for other in _neighbours(connection, organization, number)
        if other != item
    ]
    if kept:
        connection.execute(_KEEP_APART, kept)
    fresh = {"secret": secrets.token_bytes(SECRET_BYTES), "generation": _BUCKETS.c.generation + 1}
    connection.execute(update(_BUCKETS).where(here).values(**fresh))


def _neighbours(connection: Connection, organization: bytes, number: int) -> list[bytes]:
    """Items of the bucket that this organization has said something of."""
    items = select(_PAYLOADS.c.item).where(_PAYLOADS.c.organization == organization, _PAYLOADS.c.item >= bytes((number,)))
    if number < BUCKETS - 1:
        items = items.where(_PAYLOADS.c.item < bytes((number + 1,)))
    return sorted(bytes(item) for item in connection.scalars(items.distinct()))
