"""Erasure: an organization's payloads on one item go, the commitments stay, and the passport is made again without them."""

from datetime import datetime

from sqlalchemy import Engine

from ledger_api.errors import UnknownItem
from ledger_api.store.engine import writing
from ledger_api.store.erasing import erase_payloads, settle_files
from ledger_api.store.following import queue_refreshes
from ledger_api.store.records import histories
from ledger_verify.hashing import OrganizationId


def erase(engine: Engine, *, organization: OrganizationId, item: bytes, now: datetime) -> int:
    """How many payloads were erased; harmless to repeat. What this cannot reach is said in docs/proof.md §4.

    Raises:
        UnknownItem: nothing of it is recorded, so nothing can be told apart from what is on its way.
    """
    with writing(engine) as connection:
        if not histories(connection, [item]):
            raise UnknownItem
        erased = erase_payloads(connection, organization=organization, item=item, at=now)
        queue_refreshes(connection, [item])
    settle_files(engine)
    return erased
