"""The indexer's step: read a stretch of the chain, fold it, and write the cursor with all its effects in one transaction.

Nothing is sent from here. Only who holds the lease writes, and the lease is proved inside the transaction that writes.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import structlog
from sqlalchemy import Connection, Engine

from ledger_api.domain.network import Network
from ledger_api.errors import ContractMissing, FoldMismatch, LaneBusy, NodeInconsistent, ReorgTooDeep, WrongChain
from ledger_api.indexer.effects import Effects, effects_of, read_givers, shown_chain
from ledger_api.indexer.folding import Folded
from ledger_api.indexer.passports import make_passports
from ledger_api.indexer.registry import compromised_by, fold_registry
from ledger_api.indexer.source import RangeTooWide, Source, Stretch
from ledger_api.passport.standing import differing
from ledger_api.store import following as mirror
from ledger_api.store import outcomes, parking, tallies, tracing
from ledger_api.store import records as stored
from ledger_api.store.engine import lock_items, reading, writing
from ledger_api.store.following import Block, Cursor, RegistryLog, Standing
from ledger_api.store.leases import holds_lease, take_lease
from ledger_verify.codes import Reason

LEASE = "indexer"
FIRST_SPAN = 8
NEAR_SPAN = 32  # blocks asked one by one
WIDEST_SPAN = 5_000
WANTED_LOGS = 4_000  # in one transaction
ANCESTORS_AT_ONCE = 64

logger = structlog.get_logger(__name__)
Compromised = Mapping[tuple[bytes, bytes], int]


@dataclass(frozen=True, slots=True)
class Following:
    """Whose chain goes into which database."""

    engine: Engine
    source: Source
    network: Network
    from_block: int  # of the deployment
    owner: str  # of the lease: this process
    lease_seconds: int = 5
    most_refreshes: int = 2_000  # passports of untouched items made again in one transaction


class Progress(NamedTuple):
    """What a step did. `idle`: nothing is left to do until the chain grows; `leased_elsewhere`: another indexer is at work."""

    to_block: int = -1
    logs: int = 0
    undone_blocks: int = 0
    span: int = FIRST_SPAN  # blocks to ask for in the next step
    idle: bool = False
    leased_elsewhere: bool = False


def check(following: Following) -> Cursor:
    """The start-up check: the database, the node and the deployment speak of one chain and the same contracts.

    Raises:
        WrongChain: another chain id or another first block.
        ContractMissing: a contract has no code, other code, or another address than this database was made for.
    """
    network, identity = following.network, following.source.identity()
    if identity.chain_id != network.chain_id:
        raise WrongChain(node=identity.chain_id, expected=network.chain_id)
    with writing(following.engine) as connection:
        cursor = mirror.read_cursor(connection)
        if cursor is not None and (cursor.chain_id, cursor.genesis_hash) != (identity.chain_id, identity.genesis_hash):
            raise WrongChain(node_genesis="0x" + identity.genesis_hash.hex(), expected_genesis="0x" + cursor.genesis_hash.hex())
        if identity.code_hash is None:
            raise ContractMissing(ledger="0x" + network.ledger.hex(), registry="0x" + network.registry.hex())
        if cursor is None:
            before = following.from_block - 1
            first = Cursor(*identity[:2], network.registry, network.ledger, identity.code_hash, following.from_block, before, before)
            cursor = mirror.begin_cursor(connection, first)
        if (cursor.registry, cursor.ledger, cursor.code_hash) != (network.registry, network.ledger, identity.code_hash):
            raise ContractMissing("the contracts are not those this database was made for", ledger="0x" + cursor.ledger.hex())
    return cursor


def step(following: Following, *, now: datetime, span: int = FIRST_SPAN) -> Progress:
    """One step. The caller has called `check` since it started.

    1. Take the lease.
    2. Ask the head; if the newest block we applied is no longer the chain's, undo to the common ancestor and stop here.
    3. Read the next stretch of blocks, far behind the head by range, near it by block hash.
    4. Fold its logs and make the passports of what they touched, writing nothing.
    5. Write blocks, records, passports, outcomes, watermark and cursor, and prove the lease, in one transaction.

    Raises:
        BusyError: the node or the database; nothing was written, ask again.
        FoldMismatch: a log does not follow from those before it; nothing was written.
        ReorgTooDeep: the chain changed below the final block; nothing was written.
    """
    # 1
    with reading(following.engine) as connection:
        cursor = mirror.read_cursor(connection)
        held = holds_lease(connection, LEASE, following.owner, now=now, seconds=following.lease_seconds)
    if cursor is None:
        raise ContractMissing("the start-up check was not made")
    if not held and not _take(following, now):
        return Progress(leased_elsewhere=True, idle=True, span=span)
    # 2
    head = following.source.head()
    fork = _common_ancestor(following, cursor, head)
    if fork is not None:
        _undo(following, cursor, fork, head, now)
        return Progress(to_block=fork, undone_blocks=cursor.next_block - 1 - fork, span=span)
    # 3
    safe = following.source.finalized() if following.network.confirmations == 0 else head.number - following.network.confirmations
    stretch, span = _read_stretch(following.source, cursor, head.number, safe, span)
    # 4
    stretch, effects = _fold(following, cursor, stretch, by_range=_is_far(cursor.next_block, safe))
    # 5
    to_block = stretch.to_block if stretch else cursor.next_block - 1
    final = max(cursor.final_block, min(safe, to_block))
    moved = cursor._replace(next_block=to_block + 1, head_block=max(head.number, to_block), final_block=final)
    if moved != cursor or effects.refreshed or effects.renamed:
        _write(following, cursor, moved, effects, now)
    queued = effects.stale or effects.renamed or effects.registry_logs or len(effects.refreshed) == following.most_refreshes
    idle = to_block >= head.number and not queued
    return Progress(to_block, len(stretch.logs) if stretch else 0, span=span, idle=idle)


def _take(following: Following, now: datetime) -> bool:
    with writing(following.engine) as connection:
        return take_lease(connection, LEASE, following.owner, now=now, seconds=following.lease_seconds)


def _prove(connection: Connection, following: Following, cursor: Cursor, now: datetime) -> None:
    if not take_lease(connection, LEASE, following.owner, now=now, seconds=following.lease_seconds):
        raise LaneBusy("another indexer took over")
    if mirror.read_cursor(connection) != cursor:
        raise LaneBusy("another indexer moved the cursor")


def _check_unmoved(following: Following, cursor: Cursor) -> None:
    """Logs that another indexer has applied meanwhile do not follow either, and that is nobody's lie."""
    with reading(following.engine) as connection:
        if mirror.read_cursor(connection) != cursor:
            raise LaneBusy("another indexer moved the cursor")


def _fold(following: Following, cursor: Cursor, stretch: Stretch | None, *, by_range: bool) -> tuple[Stretch | None, Effects]:
    """The stretch and what it does. A node may leave logs out of a range in silence: before that is called a lie, the first blocks
    of the range are read again by their hashes, and stand in its place.
    """
    try:
        with reading(following.engine) as connection:
            _check_link(connection, cursor, stretch)
            return stretch, effects_of(connection, following.network, stretch, most_refreshes=following.most_refreshes)
    except FoldMismatch:
        _check_unmoved(following, cursor)
        if stretch is None or not by_range:
            raise
    again = following.source.near_stretch(stretch.from_block, min(stretch.to_block, stretch.from_block + NEAR_SPAN - 1))
    return _fold(following, cursor, again, by_range=False)


# --- reading the chain ---------------------------------------------------------------------------------------------


def _is_far(block: int, safe: int) -> bool:
    """Far enough behind what no longer changes to ask for logs by range."""
    return block + NEAR_SPAN <= safe


def _read_stretch(source: Source, cursor: Cursor, head: int, safe: int, span: int) -> tuple[Stretch | None, int]:
    """The next blocks, and how many to ask for after them; None when there are none."""
    first = cursor.next_block
    if first > head:
        return None, span
    while True:
        far = _is_far(first, safe)
        last = min(first + span - 1, safe) if far else min(first + min(span, NEAR_SPAN) - 1, head)
        try:
            stretch = source.far_stretch(first, last) if far else source.near_stretch(first, last)
            break
        except RangeTooWide:
            if span == 1:
                stretch = source.near_stretch(first, first)
                break
            span = max(1, span // 2)
    if len(stretch.logs) > WANTED_LOGS:
        stretch = _cut(stretch)
        return stretch, stretch.to_block - first + 1
    if len(stretch.logs) < WANTED_LOGS // 2:
        return stretch, min(WIDEST_SPAN, span * 2)
    return stretch, span


def _cut(stretch: Stretch) -> Stretch:
    """Its first blocks with as many logs as one transaction should take; a block is never cut."""
    last = max(stretch.logs[0].block_number, stretch.logs[WANTED_LOGS].block_number - 1)
    blocks = [block for block in stretch.blocks if block.number <= last]
    logs = [log for log in stretch.logs if log.block_number <= last]
    return Stretch(stretch.from_block, blocks[-1].number, blocks, logs, [block for block in stretch.named if block.number <= last])


def _check_link(connection: Connection, cursor: Cursor, stretch: Stretch | None) -> None:
    """The first block read follows the newest one we applied; the next step finds out why if it does not."""
    newest = mirror.newest_blocks(connection, cursor.next_block - 1, 1)
    if stretch and newest and stretch.blocks[0].number == newest[0].number + 1 and stretch.blocks[0].parent_hash != newest[0].hash:
        raise NodeInconsistent("the chain moved while it was read", block=stretch.from_block)


def _common_ancestor(following: Following, cursor: Cursor, head: Block) -> int | None:
    """The newest block both we and the node have; None when that is the newest we applied (the node may lag behind it).

    Raises:
        ReorgTooDeep: it is below the final block.
        WrongChain, ContractMissing: because this is another chain altogether.
    """
    if head.number < following.from_block <= cursor.final_block:
        check(following)  # no block to compare: the node has lost its chain, or lags behind the very deployment
    below, most = min(cursor.next_block - 1, head.number), 1
    while below >= following.from_block:
        with reading(following.engine) as connection:
            ours = mirror.newest_blocks(connection, below, most)
        theirs = following.source.blocks(block.number for block in ours)
        for mine, other in zip(ours, theirs, strict=True):
            if other is None:  # one node of several, behind the one that told the head: no reorg
                raise NodeInconsistent("the node lacks a block below its head", block=mine.number)
            if other.hash == mine.hash:
                return None if most == 1 else _above_final(following, cursor, mine.number)
        if not ours:
            break
        below, most = ours[-1].number - 1, ANCESTORS_AT_ONCE
    return None if most == 1 else _above_final(following, cursor, following.from_block - 1)


def _above_final(following: Following, cursor: Cursor, ancestor: int) -> int:
    if ancestor < cursor.final_block:
        check(following)
        raise ReorgTooDeep(ancestor=ancestor, final_block=cursor.final_block)
    return ancestor


# --- writing it ----------------------------------------------------------------------------------------------------


def _write(following: Following, cursor: Cursor, moved: Cursor, effects: Effects, now: datetime) -> None:
    """Everything or nothing. Applying a stretch twice is impossible: the cursor it was read at has moved."""
    folded = effects.folded
    with writing(following.engine) as connection:
        _prove(connection, following, cursor, now)
        lock_items(connection, folded.histories.keys() | _items_of_refusals(connection, folded))
        # before this stretch's records, whose passports have the new names already
        mirror.show_differently(connection, effects.renamed)
        mirror.write_blocks(connection, effects.blocks)
        mirror.write_records(connection, folded.records)
        mirror.take_refreshes(connection, effects.refreshed)
        mirror.write_items(connection, effects.made.items, effects.made.materials)
        mirror.queue_refreshes(connection, effects.stale)
        _write_registry(connection, following.network, effects.registry_logs, effects.standing)
        _write_outcomes(connection, folded, cursor.next_block, moved.next_block - 1)
        outcomes.mark_final(connection, above=cursor.final_block, up_to=moved.final_block)
        mirror.write_cursor(connection, moved)


def _items_of_refusals(connection: Connection, folded: Folded) -> set[bytes]:
    """What is refused on the chain changes the tips of items of which nothing else may have happened there."""
    events, batches = ({refusal.hash for refusal in refusals} for refusals in (folded.refused, folded.batches_refused))
    return outcomes.items_of_events(connection, events) | outcomes.items_of_batches(connection, batches)


def _write_registry(connection: Connection, network: Network, logs: Sequence[RegistryLog], standing: Standing | None) -> None:
    if standing is None:
        return
    givers_before = read_givers(connection, network)
    mirror.write_registry_logs(connection, logs)
    mirror.replace_standing(connection, standing)
    mirror.queue_opinions_of(connection, differing(givers_before, read_givers(connection, network)))
    for log in logs:
        if (key := compromised_by(log)) is not None:
            mirror.queue_signed_by(connection, *key)


def _write_outcomes(connection: Connection, folded: Folded, first: int, last: int) -> None:
    recorded = outcomes.mark_recorded(connection, {record.event_id: record.event_hash for record in folded.records})
    if recorded:
        tallies.add(connection, tallies.RECORDED, {"": recorded})
    refusals = [*folded.refused, *folded.batches_refused]
    if refusals:
        ours = outcomes.ours(connection, {refusal.transaction_hash for refusal in refusals})
        outcomes.mark_refused(connection, [it for it in folded.refused if it.transaction_hash in ours])
        refused_batches = [it for it in folded.batches_refused if it.transaction_hash in ours]
        # a batch that was late is signed anew; everything else a batch is refused for holds for its events
        outcomes.mark_batches_refused(connection, refused_batches, retried=Reason.DEADLINE_PASSED)
        outcomes.drop_settled_tips(connection, outcomes.items_refused(connection, first, last))
        _tell_refusals(connection, first, last)
    outcomes.drop_settled_tips(connection, folded.histories)
    parking.free(connection)


def _tell_refusals(connection: Connection, first: int, last: int) -> None:
    """Counted, and one line each."""
    refused = tracing.refused_in(connection, first, last)
    tallies.add(connection, tallies.CHAIN, Counter(Reason(one.reason).code for one in refused))
    for one in refused:
        named = {"event_id": "0x" + one.event_id.hex(), "submissions": [one.submission], "requests": [one.request] if one.request else []}
        logger.warning("event refused", reason=Reason(one.reason).code, block=one.block, **named)


def _undo(following: Following, cursor: Cursor, ancestor: int, head: Block, now: datetime) -> None:
    """Back to the state after the common ancestor, passports and accepted events included."""
    logger.warning("reorg", ancestor=ancestor, undone=cursor.next_block - 1 - ancestor, head=head.number)
    with writing(following.engine) as connection:
        _prove(connection, following, cursor, now)
        gone = mirror.records_above(connection, ancestor)
        items = sorted({item for item, _ in gone})
        lock_items(connection, {*items, *outcomes.items_refused(connection, ancestor + 1, cursor.next_block)})
        signers_before, givers_before = stored.compromised_signers(connection), read_givers(connection, following.network)
        if mirror.forget_above(connection, ancestor):
            mirror.replace_standing(connection, fold_registry(mirror.registry_logs(connection)))
        compromised, givers = stored.compromised_signers(connection), read_givers(connection, following.network)
        mirror.queue_opinions_of(connection, differing(givers_before, givers))
        for key in _differing_signers(signers_before, compromised):
            mirror.queue_signed_by(connection, *key)
        histories = stored.histories(connection, items)
        mirror.forget_items(connection, [item for item in items if item not in histories])
        names = stored.organization_names(connection)
        chain = shown_chain(following.network)
        made = make_passports(connection, histories, names=names, compromised=compromised, givers=givers, chain=chain)
        mirror.write_items(connection, made.items, made.materials)
        mirror.queue_refreshes(connection, stored.made_from(connection, items) - histories.keys())
        outcomes.accept_again(connection, {event_id for _, event_id in gone}, above=ancestor)
        tallies.add(connection, tallies.REORGS, {"": 1})
        tallies.at_least(connection, tallies.DEEPEST_REORG, cursor.next_block - 1 - ancestor)
        mirror.write_cursor(connection, cursor._replace(next_block=ancestor + 1, head_block=max(head.number, ancestor)))


def _differing_signers(before: Compromised, after: Compromised) -> set[tuple[bytes, bytes]]:
    return {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
