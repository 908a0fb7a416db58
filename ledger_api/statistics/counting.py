"""From the chain's mirror to the words that are counted. Nothing but records and marked keys is read: no payload, no account."""

from collections.abc import Iterable, Iterator, Mapping

from sqlalchemy import Connection

from ledger_api.statistics.overturns import Word
from ledger_api.store.records import compromised_signers
from ledger_api.store.statistics import Told, opinions
from ledger_verify.codes import Kind, Method
from ledger_verify.state import glance, unpack_detail


def read_words(connection: Connection) -> Iterator[Word]:
    """Every opinion, ruling and dispute, and the corrections that changed what was effective, item by item."""
    return words_of(opinions(connection), compromised_signers(connection))


def words_of(told: Iterable[Told], compromised: Mapping[tuple[bytes, bytes], int]) -> Iterator[Word]:
    """`compromised`: since which block, by organization and signer."""
    return (word for one in told if (word := _word(one, compromised)) is not None)


def _word(told: Told, compromised: Mapping[tuple[bytes, bytes], int]) -> Word | None:
    detail, state = unpack_detail(int.from_bytes(told.detail, "big")), glance(told.state)
    since = compromised.get((told.organization, told.signer))
    is_void = since is not None and told.block_number >= since
    outcome, method, about = detail.a, detail.b, 0
    match told.kind:
        case Kind.RULING:
            method = Method.RULING
        case Kind.DISPUTE:
            outcome, about = 0, detail.time or state.verdict_sequence
        case Kind.CORRECTION:
            if not told.state_before or glance(told.state_before).verdict_sequence != detail.time:
                return None  # of something else than the effective opinion: no outcome is changed by it
            about = detail.time
    said = (told.organization, state.brand, outcome, method, is_void, about, state.category, told.block_time)
    return Word(told.item, told.sequence, told.kind, *said)
