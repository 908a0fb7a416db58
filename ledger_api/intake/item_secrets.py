"""What item keys are made with, drawn before the first event of an organization on an item is.

In a transaction of its own, before anything is hashed: two lists that meet on a new item use the one secret that was first, and an event
that is refused today has the same id when it is sent again tomorrow. A secret whose event never came is harmless.
"""

import secrets
from collections.abc import Collection

from sqlalchemy import Engine

from ledger_api.store import item_secrets as rows
from ledger_api.store.engine import reading, writing
from ledger_verify.hashing import ItemId, OrganizationId

SECRET_BYTES = 32
Secrets = dict[bytes, bytes]


def secrets_of(engine: Engine, organization: OrganizationId, items: Collection[ItemId]) -> Secrets:
    """The secret of every item, durable when this returns."""
    if not items:
        return {}
    with reading(engine) as connection:
        known = rows.read(connection, organization, items)
    missing = [item for item in items if item not in known]
    if missing:
        with writing(engine) as connection:
            rows.keep(connection, organization, {item: secrets.token_bytes(SECRET_BYTES) for item in missing})
            known |= rows.read(connection, organization, missing)
    return known
