"""A lane: one relayer key and its nonces. Signed bytes are saved before they are sent; the chain says what became of them.

1. `hold` the lease. 2. `check` the nonces when the lane starts. 3. `look` at the chain. 4. `follow` what landed, fell out of
the chain or reverted. 5. `resend` what the node lost, `outbid` what is stuck. 6. `save` new bytes, then `send` them.
Dying between any two of these loses nothing: whatever is saved is sent again, and sending twice is harmless.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Connection, Engine

from ledger_api.chain import fees, transactions
from ledger_api.chain.rpc import Hint, Node, Refusal
from ledger_api.errors import FeeTooHigh, LaneBusy, LaneMismatch, NodeInconsistent, NodeRefused, RelayerUnfunded
from ledger_api.keys import Signer
from ledger_api.store import lanes, tracing
from ledger_api.store.engine import reading, writing
from ledger_api.store.leases import drop_lease, take_lease

logger = structlog.get_logger(__name__)

_PLAIN_TRANSFER_GAS = 21_000
# A nonce that is used, by nothing we know: believed after so many blocks, for a replica may lag behind itself
_DOUBT_BLOCKS = 3

Release = Callable[[Connection, list[int]], None]  # takes back the batches of a transaction that did not land
Book = Callable[[Connection], Sequence[int]]  # writes what a new transaction carries, in its own commit; returns the batches


@dataclass(frozen=True, slots=True)
class LaneTerms:
    chain_id: int
    tariff: fees.Tariff
    lease_seconds: int
    stuck_blocks: int


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What to say to a contract."""

    to: bytes
    body: bytes
    gas: int


@dataclass(frozen=True, slots=True)
class Sight:
    """The chain as one batch of questions found it."""

    block_number: int
    block_time: int
    market: fees.Market
    used_nonces: int  # how many the relayer has used in mined blocks
    pending_nonces: int  # the same with the node's pool


@dataclass(frozen=True, slots=True)
class Saved:
    id: int
    nonce: int
    raw: bytes
    hash: bytes


class Lane:
    """One relayer's transactions. `owner` names this process; two workers on one lane exclude each other by the lease."""

    def __init__(self, engine: Engine, node: Node, signer: Signer, *, terms: LaneTerms, owner: str, release: Release) -> None:
        self._engine = engine
        self._node = node
        self._signer = signer
        self._terms = terms
        self._owner = owner
        self._release = release
        self._waiting_since: dict[int, int] = {}  # the lowest nonce in flight → the block we first saw it there
        self._unexplained: dict[int, int] = {}  # a used nonce without a receipt → the block we first saw it
        self._reviewed_block = -1  # the head when what has landed was last compared with what the indexer told

    @property
    def relayer(self) -> bytes:
        return self._signer.address

    @property
    def lease(self) -> str:
        return f"lane:{self.relayer.hex()}"

    # --- 1. the lease

    def hold(self, now: datetime) -> None:
        """Take or prolong the lease. Raises: LaneBusy."""
        with writing(self._engine) as connection:
            self._prove_held(connection, now)

    def let_go(self) -> None:
        with writing(self._engine) as connection:
            drop_lease(connection, self.lease, self._owner)

    def _prove_held(self, connection: Connection, now: datetime) -> None:
        if not take_lease(connection, self.lease, self._owner, now=now, seconds=self._terms.lease_seconds):
            raise LaneBusy(relayer="0x" + self.relayer.hex())

    # --- 2. the start

    def check(self) -> None:
        """Compare the chain's nonces with the saved ones, when the lane starts.

        Raises:
            LaneMismatch: the chain or its pool has transactions of this key that we never saved: the key is used by
                somebody else, or the database is older than the chain. `adopt` goes on from there.
        """
        sight = self.look()
        with reading(self._engine) as connection:
            top = lanes.top_nonce(connection, self.relayer)
        next_nonce = sight.used_nonces if top is None else top + 1
        if max(sight.used_nonces, sight.pending_nonces) > next_nonce:
            raise self._mismatch("used by somebody else, or our database is older than the chain", sight, next_nonce)

    def adopt(self, now: datetime, *, is_restored: bool = False) -> list[int]:
        """An operator's decision after a LaneMismatch: the nonces we did not save are somebody else's, go on after them.

        `is_restored`: they are our own, of the time that a restored backup does not know.
        Returns them. Whatever of ours waited on such a nonce travels again. One that a reorg took from somebody else's
        transaction is filled with nothing, or ours after it could never land.
        """
        sight = self.look()
        used = max(sight.used_nonces, sight.pending_nonces)
        with writing(self._engine) as connection:
            self._prove_held(connection, now)
            top = lanes.top_nonce(connection, self.relayer)
            unsaved = used if top is None else top + 1
            strange = set(range(0 if is_restored and top is None else unsaved, used))
            strange |= self._displaced(connection, sight)
            self._release(connection, lanes.carried_on(connection, self.relayer, strange))
            lanes.save_foreign(connection, self.relayer, sorted(strange), now=now, is_restored=is_restored)
            missing = self._missing(connection, sight)
        for nonce in missing:
            self._fill(nonce, sight, now)
        self._unexplained.clear()
        return sorted(strange)

    def _missing(self, connection: Connection, sight: Sight) -> set[int]:
        """Nonces below ours in flight that are free again, and for which we have no bytes."""
        flights = {flight.nonce for flight in lanes.flying(connection, self.relayer)}
        return set(range(sight.used_nonces, max(flights, default=0))) - flights

    def _fill(self, nonce: int, sight: Sight, now: datetime) -> None:
        fee = self._fee(sight)
        signed = self._sign(Outgoing(self.relayer, b"", _PLAIN_TRANSFER_GAS), fee, nonce)
        with writing(self._engine) as connection:
            self._prove_held(connection, now)
            lanes.forget_foreign(connection, self.relayer, nonce)
            new = lanes.NewTransaction(self.relayer, nonce, signed.raw, signed.hash, fee.max_wei)
            saved = Saved(lanes.save_transaction(connection, new, now=now), nonce, signed.raw, signed.hash)
        self.send(saved, sight)

    def _displaced(self, connection: Connection, sight: Sight) -> set[int]:
        """Nonces in flight that the chain has used, though not for anything of ours."""
        used = {flight.nonce for flight in lanes.flying(connection, self.relayer) if flight.nonce < sight.used_nonces}
        known = {landing.variant.nonce for landing in self._landings(lanes.variants(connection, self.relayer, used))}
        return used - known

    def _mismatch(self, why: str, sight: Sight, next_nonce: int) -> LaneMismatch:
        return LaneMismatch(
            f"the nonces of relayer 0x{self.relayer.hex()} are {why}",
            relayer="0x" + self.relayer.hex(),
            next_saved=next_nonce,
            used_on_chain=sight.used_nonces,
            pending_on_chain=sight.pending_nonces,
        )

    # --- 3. the sight

    def look(self) -> Sight:
        """The head, the fees and the relayer's nonces, asked together. Raises: NodeInconsistent, when there is no head."""
        who = "0x" + self.relayer.hex()
        nonces = [("eth_getTransactionCount", (who, "latest")), ("eth_getTransactionCount", (who, "pending"))]
        head, priority, gas_price, used, pending = self._node.batch([*fees.QUESTIONS, *nonces])
        for answer in (head, used, pending):
            if isinstance(answer, Refusal):
                raise answer.error("eth_getTransactionCount")
        if head is None:
            raise NodeInconsistent("the node denies its newest block")
        return Sight(
            block_number=int(head["number"], 16),
            block_time=int(head["timestamp"], 16),
            market=fees.market_of(head, priority, gas_price),
            used_nonces=int(used, 16),
            pending_nonces=int(pending, 16),
        )

    # --- 4. what became of it

    def is_below_final(self, sight: Sight) -> bool:
        """Has the chain not used a nonce that it had used in a final block? Then the node lags far, or this is another chain."""
        with reading(self._engine) as connection:
            final = lanes.final_top(connection, self.relayer)
        return final is not None and final >= sight.used_nonces

    def follow(self, sight: Sight, now: datetime) -> None:
        """Settle the nonces that the chain has used; take back those it has no longer used. The caller asked `is_below_final`.

        Raises:
            LaneMismatch: a nonce was used for something that is not ours, or that was not ours fell out of the chain.
            LaneBusy: the lease went to another worker, who has seen more; nothing was written.
        """
        self._review(sight, now)
        with reading(self._engine) as connection:
            settled = lanes.settled_top(connection, self.relayer)
            used = [flight.nonce for flight in lanes.flying(connection, self.relayer) if flight.nonce < sight.used_nonces]
            candidates = lanes.variants(connection, self.relayer, used)
        if settled is not None and settled >= sight.used_nonces:
            # A reorg, or a replica that lags: in both cases sending the same bytes again is right, and harmless
            with writing(self._engine) as connection:
                self._prove_held(connection, now)
                lanes.take_back(connection, self.relayer, sight.used_nonces)
        landings = self._landings(candidates)
        if landings:
            with writing(self._engine) as connection:
                self._prove_held(connection, now)
                for landing in landings:
                    self._settle(connection, landing, candidates)
                lanes.count_costs(connection, landings)
        with reading(self._engine) as connection:
            missing = self._missing(connection, sight)
        self._doubt(missing | set(used) - {landing.variant.nonce for landing in landings}, sight)

    def _review(self, sight: Sight, now: datetime) -> None:
        """Once a block: what has landed, and the indexer does not tell of, may have landed otherwise after a reorg."""
        if sight.block_number == self._reviewed_block:
            return
        with reading(self._engine) as connection:
            untold = lanes.untold(connection, self.relayer)
        if untold:
            logger.warning("looking again for what landed in blocks that fell out", transactions=len(untold))
            with writing(self._engine) as connection:
                self._prove_held(connection, now)
                lanes.look_up_again(connection, untold)
        self._reviewed_block = sight.block_number

    def _settle(self, connection: Connection, landing: lanes.Landing, candidates: Sequence[lanes.Variant]) -> None:
        siblings = [one.id for one in candidates if one.nonce == landing.variant.nonce]
        traced = tracing.of_transactions(connection, siblings)
        returned = lanes.land(connection, landing, siblings)
        facts = {"transaction": "0x" + landing.variant.hash.hex(), "nonce": landing.variant.nonce, "block": landing.block_number}
        if landing.is_success:
            logger.info("transaction landed", **facts, gas_used=landing.gas_used, gas_price_wei=landing.gas_price_wei, **traced)
            return
        logger.warning("transaction reverted", **facts, gas_used=landing.gas_used, gas_price_wei=landing.gas_price_wei, **traced)
        self._release(connection, returned)  # its batches travel again

    def _landings(self, candidates: Sequence[lanes.Variant]) -> list[lanes.Landing]:
        receipts = self._node.batch([("eth_getTransactionReceipt", ("0x" + one.hash.hex(),)) for one in candidates])
        found: dict[int, lanes.Landing] = {}
        for variant, receipt in zip(candidates, receipts, strict=True):
            if isinstance(receipt, dict) and receipt.get("blockNumber"):
                found[variant.nonce] = _landing(variant, receipt)
        return list(found.values())

    def _doubt(self, nonces: set[int], sight: Sight) -> None:
        self._unexplained = {nonce: self._unexplained.get(nonce, sight.block_number) for nonce in nonces}
        oldest = min(self._unexplained.values(), default=sight.block_number)
        if sight.block_number - oldest >= _DOUBT_BLOCKS:
            raise self._mismatch("not those we saved", sight, min(self._unexplained))

    # --- 5. what the node lost, what is stuck

    def resend(self, sight: Sight) -> int:
        """Send again, in order, what is saved and not in the node's pool; at most once a block. Returns how many."""
        with reading(self._engine) as connection:
            lost = [
                flight
                for flight in lanes.flying(connection, self.relayer)
                if flight.nonce >= sight.used_nonces
                and (flight.status == "saved" or flight.nonce >= sight.pending_nonces)
                and (flight.sent_block is None or flight.sent_block < sight.block_number)
            ]
        for flight in lost:
            with reading(self._engine) as connection:
                raw = lanes.raw_bytes(connection, flight.id)
            self.send(Saved(flight.id, flight.nonce, raw, flight.hash), sight)
        return len(lost)

    def outbid(self, sight: Sight, now: datetime) -> int:
        """Replace, with a higher fee and the same nonce, what has waited too many blocks. Returns how many."""
        with reading(self._engine) as connection:
            flights = [flight for flight in lanes.flying(connection, self.relayer) if flight.nonce >= sight.used_nonces]
        if not flights:
            self._waiting_since = {}
            return 0
        lowest = flights[0].nonce
        self._waiting_since = {lowest: self._waiting_since.get(lowest, sight.block_number)}
        if sight.block_number - self._waiting_since[lowest] < self._terms.stuck_blocks:
            return 0
        self._waiting_since = {}
        stuck = [flight for flight in flights if flight.nonce == lowest or int(flight.max_fee_wei) < sight.market.base_fee_wei]
        return sum(self._replace_with_higher_fee(flight, sight, now) for flight in stuck)

    def _replace_with_higher_fee(self, flight: lanes.Flight, sight: Sight, now: datetime) -> bool:
        with reading(self._engine) as connection:
            old = transactions.read(lanes.raw_bytes(connection, flight.id))
        before = fees.Fee(old.priority_fee_wei, old.max_fee_wei)
        fee = self._terms.tariff.bump(before, sight.market)
        if fee is None:
            logger.warning("a transaction is stuck at the fee cap", nonce=flight.nonce, relayer=self.relayer.hex())
            return False
        if fee == before:  # gas is free: what waits does not wait for a higher fee
            return False
        saved = self._save_replacement(flight.id, Outgoing(old.to, old.body, old.gas), fee, nonce=flight.nonce, now=now)
        with reading(self._engine) as connection:
            traced = tracing.of_transactions(connection, [saved.id])
        hashes = {"transaction": "0x" + saved.hash.hex(), "instead_of": "0x" + flight.hash.hex()}
        logger.warning("transaction outbid", **hashes, nonce=flight.nonce, max_fee_wei=fee.max_wei, **traced)
        self.send(saved, sight)
        return True

    def cancel(self, flight: lanes.Flight, sight: Sight, now: datetime) -> None:
        """Fill the nonce with nothing, because no node takes what it has; what it carried travels anew.

        Should the first bytes land after all, their events are recorded and the second carrying changes nothing.
        """
        with reading(self._engine) as connection:
            old = transactions.read(lanes.raw_bytes(connection, flight.id))
        tariff = self._terms.tariff
        fee = tariff.bump(fees.Fee(old.priority_fee_wei, old.max_fee_wei), sight.market)
        if fee is None:
            raise FeeTooHigh(base_fee_wei=sight.market.base_fee_wei, cap_wei=tariff.cap_wei)
        empty = Outgoing(self.relayer, b"", _PLAIN_TRANSFER_GAS)
        self.send(self._save_replacement(flight.id, empty, fee, nonce=flight.nonce, now=now, carries_on=False), sight)

    def _save_replacement(
        self, old: int, outgoing: Outgoing, fee: fees.Fee, *, nonce: int, now: datetime, carries_on: bool = True
    ) -> Saved:
        """`carries_on`: what the old one carries; else that travels anew."""
        signed = self._sign(outgoing, fee, nonce)
        with writing(self._engine) as connection:
            self._prove_held(connection, now)
            new = lanes.NewTransaction(self.relayer, nonce, signed.raw, signed.hash, fee.max_wei)
            identifier = lanes.save_transaction(connection, new, now=now)
            if not carries_on:
                self._release(connection, lanes.carried_on(connection, self.relayer, [nonce]))
            lanes.replace(connection, old, identifier)
        return Saved(identifier, nonce, signed.raw, signed.hash)

    # --- 6. new bytes

    def save(self, outgoing: Outgoing, sight: Sight, now: datetime, *, book: Book = lambda _connection: ()) -> Saved:
        """Sign with the next nonce; bytes, nonce, hash and what it carries are in one commit before this returns.

        Raises:
            LaneBusy: the lease, or the nonce, went to another worker meanwhile; nothing was saved.
        """
        with reading(self._engine) as connection:
            nonce = self._next_nonce(connection, sight)
        fee = self._fee(sight)
        signed = self._sign(outgoing, fee, nonce)
        with writing(self._engine) as connection:
            self._prove_held(connection, now)
            if self._next_nonce(connection, sight) != nonce:
                raise LaneBusy(relayer="0x" + self.relayer.hex())
            new = lanes.NewTransaction(self.relayer, nonce, signed.raw, signed.hash, fee.max_wei)
            identifier = lanes.save_transaction(connection, new, now=now)
            self._load(connection, book(connection), identifier)
        return Saved(identifier, nonce, signed.raw, signed.hash)

    def _load(self, connection: Connection, batches: Sequence[int], identifier: int) -> None:
        if lanes.carry(connection, batches, identifier) != len(batches):
            raise LaneBusy("another lane carries one of these batches already", relayer="0x" + self.relayer.hex())

    def _next_nonce(self, connection: Connection, sight: Sight) -> int:
        top = lanes.top_nonce(connection, self.relayer)
        return sight.used_nonces if top is None else top + 1

    def _fee(self, sight: Sight) -> fees.Fee:
        return self._terms.tariff.offer(sight.market)

    def _sign(self, outgoing: Outgoing, fee: fees.Fee, nonce: int) -> transactions.Signed:
        unsigned = transactions.Transaction(
            self._terms.chain_id, nonce, fee.priority_wei, fee.max_wei, outgoing.gas, outgoing.to, outgoing.body
        )
        return transactions.sign(unsigned, self._signer.sign)

    def send(self, saved: Saved, sight: Sight) -> None:
        """Give the bytes to the node. When it objects, the chain is asked whether it has them; its words are hints.

        Raises:
            NodeUnreachable: what became of them is unknown; they go out again.
            RelayerUnfunded: somebody has to send the relayer ether.
            NodeRefused: the node does not take them; they stay saved.
        """
        answer: Any = self._node.ask("eth_sendRawTransaction", "0x" + saved.raw.hex())
        if isinstance(answer, Refusal) and not self._is_known(saved.hash):
            self._explain(answer, saved, sight)
            return
        with writing(self._engine) as connection:
            lanes.mark_sent(connection, saved.id, sight.block_number)

    def _is_known(self, transaction_hash: bytes) -> bool:
        found = self._node.ask("eth_getTransactionByHash", "0x" + transaction_hash.hex())
        return isinstance(found, dict)

    def _explain(self, refusal: Refusal, saved: Saved, sight: Sight) -> None:
        match refusal.hint:
            case Hint.NO_FUNDS:
                raise RelayerUnfunded(relayer="0x" + self.relayer.hex(), nonce=saved.nonce)
            case Hint.NONCE_USED:
                logger.info("a nonce is used already; the next look tells by what", nonce=saved.nonce)
            case Hint.UNDERPRICED:
                # the next `outbid` need not wait
                self._waiting_since[saved.nonce] = sight.block_number - self._terms.stuck_blocks
            case _:
                raise NodeRefused(refusal.error("eth_sendRawTransaction").message, hint=refusal.hint.value, nonce=saved.nonce)

    def flights(self) -> list[lanes.Flight]:
        with reading(self._engine) as connection:
            return lanes.flying(connection, self.relayer)


def _landing(variant: lanes.Variant, receipt: dict[str, str]) -> lanes.Landing:
    gas_used, gas_price = (int(receipt[name], 16) if name in receipt else None for name in ("gasUsed", "effectiveGasPrice"))
    is_success = int(receipt["status"], 16) == 1
    return lanes.Landing(variant, int(receipt["blockNumber"], 16), is_success, gas_used, gas_price)
