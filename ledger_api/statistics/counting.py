"""From the chain's mirror to the words that are counted. Nothing but records, items and marked keys is read: no payload, no account."""

from collections.abc import Iterator, Mapping

from sqlalchemy import Connection

from ledger_api.statistics.overturns import Word
from ledger_api.store.records import compromised_signers
from ledger_api.store.statistics import Told, opinions
from ledger_verify.codes import Kind, Method
from ledger_verify.state import state_from_bytes, unpack_detail


def read_words(connection: Connection) -> Iterator[Word]:
    """Every opinion, every ruling, and the corrections that changed what was effective, item by item."""
    compromised = compromised_signers(connection)
    for told in opinions(connection):
        word = _word(told, compromised)
        if word is not None:
            yield word


def _word(told: Told, compromised: Mapping[tuple[bytes, bytes], int]) -> Word | None:
    detail = unpack_detail(int.from_bytes(told.detail, "big"))
    since = compromised.get((told.organization, told.signer))
    is_void = since is not None and told.block_number >= since
    method, corrects = detail.b, 0
    if told.kind == Kind.RULING:
        method = Method.RULING
    if told.kind == Kind.CORRECTION:
        if told.state_before is None or state_from_bytes(told.state_before).verdict_sequence != detail.time:
            return None  # of something else than the effective opinion: no outcome is changed by it
        corrects = detail.time
    return Word(told.item, told.sequence, told.kind, told.organization, told.brand, detail.a, method, is_void, corrects)
