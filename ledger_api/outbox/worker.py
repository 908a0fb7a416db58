"""The worker: one lane, one turn after another, each turn a list of named steps.

1. `hold` the lane's lease; when it is new, `check` chain, contracts and nonces.
2. `follow` what landed, reverted or fell out of the chain.
3. `resend` saved bytes the node does not have, `outbid` what is stuck. Only then anything new:
4. `settle` batches whose deadline has passed, and items whose history is not the one their events were accepted on. Once a block, also
   what the registry was told and a reorg took.
5. `gather` accepted events into batches, sign them, encode; `save` batches and transaction in one commit; `send`.

`Worker.turn` calls `between` after each step, so that a test can end the process there. What a dead worker saved, the next one
sends; what it did not save never was.
"""

import threading
from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from ledger_api.alarms import Bell
from ledger_api.chain.deploy import verify_deployment
from ledger_api.chain.rpc import Hint, quantity, unhex
from ledger_api.errors import (
    BusyError,
    ChainError,
    IntegrityError,
    LaneBusy,
    LedgerError,
    NodeInconsistent,
    NodeRefused,
    ReorgTooDeep,
)
from ledger_api.outbox import rejudge
from ledger_api.outbox.gather import Gatherer, Load
from ledger_api.outbox.lane import Lane, Outgoing, Saved, Sight
from ledger_api.outbox.registrar import ChainRegistrar
from ledger_api.outbox.surroundings import Surroundings
from ledger_api.store import lanes, sending, tracing
from ledger_api.store.engine import reading

logger = structlog.get_logger(__name__)

_IDLE_SECONDS = 0.2
_STANDBY_SECONDS = 0.25  # while another worker has the lane: as soon as its lease has run out, this one has it
_PAUSE_SECONDS = 0.3  # after trouble with the node or the database, and twice as long each time in a row: most of it is over at once
_LONGEST_PAUSE_SECONDS = 2.0
_EXPIRY_SECONDS = 15  # between two looks for batches whose deadline has passed: deadlines are hours, the look is not free


def utc_now() -> datetime:
    return datetime.now(UTC)


class Worker:
    """Carries accepted events on the lane of one relayer. `owner` names the process; one owner, one lane at a time."""

    def __init__(self, around: Surroundings, *, owner: str, lane: int = 0, clock: Callable[[], datetime] = utc_now) -> None:
        self._around = around
        self._clock = clock
        self._engine = around.engine
        relayer, release = around.keyring.relayer(lane), rejudge.releasing(around.keyring)
        self.lane = Lane(around.engine, around.node, relayer, terms=around.lane_terms, owner=owner, release=release)
        self._gatherer = Gatherer(around, self.lane.relayer)
        self._registrar: ChainRegistrar | None = None  # made when it is first needed: it opens the owner's keystore
        self._registry_trouble = ""
        self._is_started = False
        self._settled_at_block = -1
        self._asked_to_end = threading.Event()
        self._next_expiry = 0

    def turn(self, between: Callable[[str], None] = lambda _step: None) -> int:
        """One round of all steps; returns how many transactions were sent for the first time.

        Raises:
            BusyError: the lane, the node, the database or the fees say *later*; nothing is lost.
            LaneMismatch, WrongChain, ContractMissing, ReorgTooDeep: the lane stops until somebody has looked.
        """
        now = self._clock()
        self._hold(now)
        between("hold")
        if not self._is_started:
            verify_deployment(self._around.node, self._around.deployment)
            self.lane.check()
            self._gatherer.ask_prices()
            self._is_started = True
            between("check")
        sight = self.lane.look()
        if self.lane.is_below_final(sight):
            self._refuse_other_chain(sight)
        self.lane.follow(sight, now)
        between("follow")
        self._resend(sight, now)
        between("resend")
        self.lane.outbid(sight, now)
        between("outbid")
        self._settle(sight, now)
        between("settle")
        return self._carry(sight, now, between)

    def _hold(self, now: datetime) -> None:
        try:
            self.lane.hold(now)
        except LaneBusy:
            self._is_started = False  # another worker has the lane: look at everything again when it is ours
            raise

    def _refuse_other_chain(self, sight: Sight) -> None:
        """What was final is not there. Nothing is taken back, sent or settled on such a chain.

        Where the final block stands, only our own row was of a block that fell out while nobody looked: `follow` takes it back.
        """
        verify_deployment(self._around.node, self._around.deployment)
        with reading(self._engine) as connection:
            final = sending.final_block(connection)
        if final is None:
            return
        number, ours = final
        theirs = self._around.node.call("eth_getBlockByNumber", quantity(number), False)
        if theirs is None or sight.block_number < number:
            raise NodeInconsistent("the node lags behind a block that is final", block=number)
        if unhex(theirs["hash"]) != ours:
            raise ReorgTooDeep(final_block=number)

    def heed(self, stop: threading.Event) -> None:
        """Once it is set, a turn ends after the transaction that it has begun."""
        self._asked_to_end = stop

    def stop(self) -> None:
        """Let another worker have the lane at once."""
        self.lane.let_go()

    def _resend(self, sight: Sight, now: datetime) -> None:
        try:
            self.lane.resend(sight)
        except NodeRefused as error:
            if error.facts.get("hint") != Hint.TOO_LARGE.value:
                raise
            self._gatherer.shrink()
            refused = next(flight for flight in self.lane.flights() if flight.nonce == error.facts["nonce"])
            self.lane.cancel(refused, sight, now)

    def _settle(self, sight: Sight, now: datetime) -> None:
        if sight.block_number == self._settled_at_block:
            return
        seconds = int(now.timestamp())
        if seconds >= self._next_expiry:
            rejudge.renew_expired(self._around, now=seconds)
            rejudge.free_parked(self._around)
            self._next_expiry = seconds + _EXPIRY_SECONDS
        rejudge.end_impossible(self._around, self._gatherer.take_impossible(), now=seconds)
        rejudge.look_again(self._around, self._gatherer.take_stale(), now=seconds)
        self._look_after_registry(now)
        self._settled_at_block = sight.block_number

    def _look_after_registry(self, now: datetime) -> None:
        """Its troubles are no reason to carry no events: they are said once, and tried again with the next block."""
        try:
            owner = self._around.keyring.owner_address()
            with reading(self._engine) as connection:
                is_open = owner is not None and lanes.is_open(connection, owner)
            if is_open:
                self._registrar = self._registrar or ChainRegistrar(self._around)
                self._registrar.look_after(now)
            self._registry_trouble = ""
        except LedgerError as error:
            if error.code != self._registry_trouble:
                logger.warning("what the registry was told waits", code=error.code, why=error.message, facts=error.facts)
            self._registry_trouble = error.code

    # --- new transactions

    def _carry(self, sight: Sight, now: datetime, between: Callable[[str], None]) -> int:
        sent = 0
        flying = len(self.lane.flights())
        while flying + sent < self._around.settings.max_in_flight and not self._asked_to_end.is_set():
            with reading(self._engine) as connection:
                is_careful = lanes.has_unexplained_revert(connection, self.lane.relayer)
            if is_careful and flying + sent:
                break  # what was expected proved wrong: one transaction at a time, until the indexer has told all
            load = self._gatherer.gather(sight, now, is_careful=is_careful)
            between("gather")
            if load is None:
                break
            saved = self._save(load, sight, now)
            between("save")
            self.lane.send(saved, sight)
            self._say_sent(saved)
            between("send")
            sent += 1
            now = self._clock()
        return sent

    def _say_sent(self, saved: Saved) -> None:
        with reading(self._engine) as connection:
            traced = tracing.of_transactions(connection, [saved.id])
        logger.info("transaction sent", transaction="0x" + saved.hash.hex(), nonce=saved.nonce, **traced)

    def _save(self, load: Load, sight: Sight, now: datetime) -> Saved:
        outgoing = Outgoing(self._around.deployment.ledger, load.body, load.gas)
        return self.lane.save(outgoing, sight, now, book=load.book)


def run(worker: Worker, stop: threading.Event, *, bell: Bell | None = None) -> None:
    """Turn until asked to stop; a step that has begun is finished. `bell` says which alarms begin and end.

    Raises:
        IntegrityError: two records that must agree do not. The lane stays stopped until somebody has looked.
    """
    trouble, pause = "", _PAUSE_SECONDS
    worker.heed(stop)
    try:
        while not stop.is_set():
            seconds, trouble = _one_turn(worker, bell, trouble, pause)
            pause = min(_LONGEST_PAUSE_SECONDS, 2 * pause) if seconds >= pause else _PAUSE_SECONDS
            stop.wait(seconds)
    finally:
        worker.stop()


def _one_turn(worker: Worker, bell: Bell | None, trouble: str, pause: float) -> tuple[float, str]:
    """Seconds to wait before the next turn (`pause` after trouble), and the code of what it waits for: said when it changes, not at every
    turn."""
    try:
        if bell is not None:
            bell.look(utc_now().timestamp())
        seconds = 0.0 if worker.turn() else _IDLE_SECONDS
    except LaneBusy as error:
        return _STANDBY_SECONDS, error.code
    except (BusyError, ChainError) as error:
        if error.code != trouble:
            logger.warning("the worker waits", code=error.code, why=error.message, facts=error.facts)
        return pause, error.code
    except IntegrityError:
        raise
    except Exception:  # the loop's own guard: nothing was half done, since every step commits whole
        logger.exception("a turn of the worker failed")
        return pause, "failed"
    if trouble:
        logger.info("the worker goes on", code=trouble)
    return seconds, ""
