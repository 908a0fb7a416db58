"""What statistics are counted from: the few records that give, dispute, answer or correct an opinion."""

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import Connection, text

from ledger_api.tables import IS_OPINION, IS_TOLD

ROWS_AT_ONCE = 5_000
_OPINIONS = text(
    "SELECT told.item, told.sequence, told.kind, told.organization, told.signer, told.detail, told.block_number, told.block_time,"
    " told.state, before.state AS state_before"
    f" FROM (SELECT * FROM records WHERE {IS_TOLD}) AS told"
    " LEFT JOIN records AS before ON told.kind = 15 AND before.item = told.item AND before.sequence = told.sequence - 1"
    " ORDER BY told.item, told.sequence"
)
_NEWEST = text(f"SELECT hash FROM blocks WHERE number = (SELECT max(block_number) FROM records WHERE {IS_TOLD})")
_HIDDEN = text(
    "SELECT items.item FROM items JOIN profiles ON profiles.organization = items.brand WHERE profiles.visibility <> 'public'"
    f" AND items.item IN (SELECT item FROM records WHERE organization = :organization AND {IS_OPINION})"
)


class Told(NamedTuple):
    """`state` is the item's after it; `state_before`: of corrections alone."""

    item: bytes
    sequence: int
    kind: int
    organization: bytes
    signer: bytes
    detail: bytes
    block_number: int
    block_time: int
    state: bytes
    state_before: bytes | None


def opinions(connection: Connection) -> Iterator[Told]:
    """Item by item, in the order of the ledger."""
    for row in connection.execution_options(yield_per=ROWS_AT_ONCE).execute(_OPINIONS):
        yield Told._make(row)


def newest_told(connection: Connection) -> bytes | None:
    """The hash of the newest block in which something of that kind was said; it stands for all that was said before. None: nothing was."""
    found: bytes | None = connection.scalar(_NEWEST)
    return found


def hidden_items(connection: Connection, organization: bytes) -> set[bytes]:
    """Items judged by the organization whose brand does not show them to everybody."""
    return set(connection.scalars(_HIDDEN, {"organization": organization}))
