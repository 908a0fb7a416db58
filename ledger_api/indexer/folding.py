"""From the ledger's logs to records with the state after each: pure, and the place where a log that does not follow is noticed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ledger_api.errors import FoldMismatch
from ledger_api.indexer.source import Log
from ledger_api.store.outcomes import Refusal
from ledger_api.store.records import Record
from ledger_verify import logs as told_by
from ledger_verify.hashing import event_id
from ledger_verify.state import UNBORN, State, Terms, state_from_bytes, state_to_bytes
from ledger_verify.transition import FoldMismatch as DoesNotFollow
from ledger_verify.transition import apply_recorded
from ledger_verify.wire import decode_log

Before = told_by.Enrolled | told_by.ReleasedByOrder | None


class Decoded(NamedTuple):
    log: Log
    told: told_by.Log


@dataclass(frozen=True, slots=True)
class Folded:
    """`histories` are the whole ones of every item that was touched: what was stored and then the new records."""

    records: list[Record] = field(default_factory=list)
    histories: dict[bytes, list[Record]] = field(default_factory=dict)
    refused: list[Refusal] = field(default_factory=list)
    batches_refused: list[Refusal] = field(default_factory=list)


def decode_logs(logs: Iterable[Log]) -> list[Decoded]:
    """Raises FoldMismatch for a log that is none of the ledger's."""
    decoded = []
    for log in logs:
        try:
            decoded.append(Decoded(log, decode_log(log.topics, log.body)))
        except ValueError as error:
            raise FoldMismatch("the ledger's address emitted a log we cannot read", block=log.block_number, log=log.log_index) from error
    return decoded


def touched(decoded: Iterable[Decoded]) -> set[bytes]:
    return {told.item for _, told in decoded if isinstance(told, told_by.Recorded)}


def fold_logs(decoded: Sequence[Decoded], times: Mapping[int, int], stored: Mapping[bytes, Sequence[Record]], terms: Terms) -> Folded:
    """Logs in the chain's order on top of the stored histories; `times` are the blocks' times.

    Raises:
        FoldMismatch: an event hash is not that of its event on the head we have: a log is missing, or is not the ledger's.
    """
    folded = Folded(histories={item: list(history) for item, history in stored.items()})
    states = {item: state_from_bytes(history[-1].state) for item, history in stored.items()}
    before: Before = None  # what the next record leans on
    for log, told in decoded:
        match told:
            case told_by.Recorded():
                state = _next(states.get(told.item, UNBORN), log, told, before, times[log.block_number], terms)
                states[told.item] = state
                record = _record(log, told, state, times[log.block_number], before)
                folded.records.append(record)
                folded.histories.setdefault(told.item, []).append(record)
                before = None
            case told_by.Enrolled() | told_by.ReleasedByOrder():
                before = told
            case told_by.Refused():
                folded.refused.append(Refusal(told.event_hash, told.reason, log.block_number, log.transaction_hash))
            case told_by.BatchRefused():
                folded.batches_refused.append(Refusal(told.batch_hash, told.reason, log.block_number, log.transaction_hash))
    return folded


def _next(state: State, log: Log, told: told_by.Recorded, before: Before, block_time: int, terms: Terms) -> State:
    brand = before.brand if isinstance(before, told_by.Enrolled) and before.item == told.item else None
    by_order = isinstance(before, told_by.ReleasedByOrder) and before.item == told.item
    try:
        return apply_recorded(state, told, block_time, terms, brand=brand, by_order=by_order)
    except DoesNotFollow as error:
        raise FoldMismatch(str(error), item="0x" + told.item.hex(), block=log.block_number, log=log.log_index) from error


def _record(log: Log, told: told_by.Recorded, state: State, block_time: int, before: Before) -> Record:
    return Record(
        item=told.item,
        sequence=state.sequence,
        event_hash=told.event_hash,
        event_id=event_id(told.organization, told.item, told.kind, told.occurred_at, told.payload),
        organization=told.organization,
        signer=told.signer,
        kind=told.kind,
        occurred_at=told.occurred_at,
        party=told.party,
        detail=told.detail.to_bytes(8, "big"),
        payload=told.payload,
        extra=_extra(before),
        state=state_to_bytes(state),
        block_number=log.block_number,
        block_time=block_time,
        log_index=log.log_index,
        transaction_hash=log.transaction_hash,
    )


def _extra(before: Before) -> bytes:
    match before:
        case told_by.Enrolled():
            return before.brand + before.serial_commitment
        case told_by.ReleasedByOrder():
            return bytes([before.hold])
        case None:
            return b""
