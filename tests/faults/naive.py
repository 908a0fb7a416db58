"""A worker and an indexer as one writes them first, to see that the harness and the auditor catch what is wrong with them.

`NaiveWorker` sends before it saves, keeps the nonce in memory, signs anew with the next nonce after any error, sends nothing again,
and takes a receipt as truth. `NaiveIndexer` commits its cursor before the effects, compares no parent hash, asks for logs by range
wherever it is, and takes what comes. Both do everything right as long as nothing goes wrong. They run in the nursery like the real ones,
and `points` lists where they can die by the same reading of code.
"""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import text

from ledger_api.chain.rpc import quantity
from ledger_api.indexer import following as true
from ledger_api.indexer.effects import effects_of
from ledger_api.indexer.following import Following
from ledger_api.indexer.source import Source, Stretch
from ledger_api.outbox import Surroundings, rejudge
from ledger_api.outbox.gather import Gatherer
from ledger_api.outbox.lane import Lane, Outgoing, Sight
from ledger_api.store import following as mirror
from ledger_api.store import lanes
from ledger_api.store.engine import reading, writing
from ledger_api.store.leases import take_lease

_MINED = (
    "UPDATE transactions SET status = 'mined', block_number = :block WHERE id = :id",
    "UPDATE batches SET status = 'done' WHERE \"transaction\" = :id",
    "UPDATE events SET status = 'recorded' WHERE batch IN (SELECT id FROM batches WHERE \"transaction\" = :id)",
)


class NaiveWorker:
    def __init__(self, around: Surroundings, *, owner: str, lane: int = 0, clock: Callable[[], datetime]) -> None:
        self._around, self._clock = around, clock
        release = rejudge.releasing(around.keyring)
        self.lane = Lane(around.engine, around.node, around.keyring.relayer(lane), terms=around.lane_terms, owner=owner, release=release)
        self._gatherer = Gatherer(around, self.lane.relayer)
        self._nonce: int | None = None

    def turn(self) -> int:
        now = self._clock()
        self.lane.hold(now)
        sight = self.lane.look()
        self._believe_receipts()
        load = self._gatherer.gather(sight, now, is_careful=False)
        if load is None:
            return 0
        fee, nonce = self.lane._fee(sight), self._next_nonce(sight)
        signed = self.lane._sign(Outgoing(self._around.deployment.ledger, load.body, load.gas), fee, nonce)
        self._around.node.call("eth_sendRawTransaction", "0x" + signed.raw.hex())
        with writing(self._around.engine) as connection:
            new = lanes.NewTransaction(self.lane.relayer, nonce, signed.raw, signed.hash, fee.max_wei)
            identifier = lanes.save_transaction(connection, new, now=now)
            lanes.carry(connection, load.book(connection), identifier)
            lanes.mark_sent(connection, identifier, sight.block_number)
        return 1

    def stop(self) -> None:
        self.lane.let_go()

    def _next_nonce(self, sight: Sight) -> int:
        nonce = sight.pending_nonces if self._nonce is None else self._nonce
        self._nonce = nonce + 1
        return nonce

    def _believe_receipts(self) -> None:
        for flight in self.lane.flights():
            receipt = self._around.node.call("eth_getTransactionReceipt", "0x" + flight.hash.hex())
            if receipt is None:
                continue
            with writing(self._around.engine) as connection:
                for statement in _MINED:
                    values = {"id": flight.id} | ({"block": int(receipt["blockNumber"], 16)} if ":block" in statement else {})
                    connection.execute(text(statement), values)


def catch_up(following: Following, *, clock: Callable[[], datetime]) -> None:
    """The naive indexer's way to the head."""
    now = clock()
    true.check(following)
    with writing(following.engine) as connection:
        take_lease(connection, true.LEASE, following.owner, now=now, seconds=following.lease_seconds)
    with reading(following.engine) as connection:
        cursor = mirror.read_cursor(connection)
    head = following.source.head().number
    assert cursor is not None
    if cursor.next_block > head:
        return
    stretch = _by_range(following.source, cursor.next_block, head)
    final = max(cursor.final_block, head - following.network.confirmations)
    moved = cursor._replace(next_block=head + 1, head_block=head, final_block=final)
    with reading(following.engine) as connection:
        effects = effects_of(connection, following.network, stretch, most_refreshes=following.most_refreshes)
    with writing(following.engine) as connection:
        mirror.write_cursor(connection, gone := moved._replace(final_block=cursor.final_block))
    true._write(following, gone, moved, effects, now)


def _by_range(source: Source, first: int, last: int) -> Stretch:
    asked = {"fromBlock": quantity(first), "toBlock": quantity(last), "address": source._addresses()}
    found = source._logs(source.node.call("eth_getLogs", asked))
    blocks = [block for block in source.blocks(range(first, last + 1)) if block is not None]
    return Stretch(first, last, blocks, sorted(found, key=lambda log: (log.block_number, log.log_index)))
