"""What statistics are counted from: the few records that give, answer or correct an opinion."""

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import Connection, text

from ledger_api.tables import IS_OPINION

ROWS_AT_ONCE = 5_000
_OPINIONS = text(
    "SELECT told.item, told.sequence, told.kind, told.organization, told.signer, told.detail, told.block_number, items.brand,"
    " before.state AS state_before"
    f" FROM (SELECT * FROM records WHERE {IS_OPINION}) AS told JOIN items ON items.item = told.item"
    " LEFT JOIN records AS before ON told.kind = 15 AND before.item = told.item AND before.sequence = told.sequence - 1"
    " ORDER BY told.item, told.sequence"
)
_HIDDEN = text(
    "SELECT items.item FROM items JOIN profiles ON profiles.organization = items.brand WHERE profiles.visibility <> 'public'"
    " AND items.item IN (SELECT item FROM records WHERE organization = :organization AND kind IN (7, 8, 10, 15))"
)


class Told(NamedTuple):
    """`state_before`: of corrections alone."""

    item: bytes
    sequence: int
    kind: int
    organization: bytes
    signer: bytes
    detail: bytes
    block_number: int
    brand: bytes
    state_before: bytes | None


def opinions(connection: Connection) -> Iterator[Told]:
    """Item by item, in the order of the ledger."""
    for row in connection.execution_options(yield_per=ROWS_AT_ONCE).execute(_OPINIONS):
        yield Told._make(row)


def hidden_items(connection: Connection, organization: bytes) -> set[bytes]:
    """Items judged by the organization whose brand does not show them to everybody."""
    return set(connection.scalars(_HIDDEN, {"organization": organization}))
