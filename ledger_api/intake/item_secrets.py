"""What the item keys of one list are made with, read before anything is hashed, and still true when it is written.

An organization's secrets are drawn once, before its first event, in a commit of their own. An erasure meanwhile changes a bucket: whoever
hashed with what was destroyed starts again.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

from sqlalchemy import Connection, Engine

from ledger_api.store import item_secrets as rows
from ledger_api.store.engine import reading, writing
from ledger_verify.hashing import ItemId, OrganizationId


class SecretsChanged(Exception):
    """A secret of the list was destroyed since it was read; nothing has happened."""


@dataclass(frozen=True, slots=True)
class Secrets:
    by_item: dict[bytes, bytes] = field(default_factory=dict)
    generations: dict[int, int] = field(default_factory=dict)  # of the buckets they were read from

    def prove(self, connection: Connection, organization: OrganizationId) -> None:
        """Until this transaction ends they stand. Raises SecretsChanged."""
        if not self.generations:
            return
        now = rows.buckets(connection, organization, self.generations, lock=True)
        if {number: bucket.generation for number, bucket in now.items()} != self.generations:
            raise SecretsChanged


def secrets_of(engine: Engine, organization: OrganizationId, items: Collection[ItemId]) -> Secrets:
    """The secret of every item."""
    if not items:
        return Secrets()
    with reading(engine) as connection:
        by_item, made = rows.read_with_buckets(connection, organization, items)
    if len(made) < len(set(map(rows.bucket_of, items))):
        with writing(engine) as connection:
            rows.draw_buckets(connection, organization)
            by_item, made = rows.read_with_buckets(connection, organization, items)
    return Secrets(by_item, {number: bucket.generation for number, bucket in made.items()})
