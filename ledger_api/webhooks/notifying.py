"""`ledger notify`: delivers notices. Any number of processes may run; a dead one's lines are taken over within seconds.

A turn is one transaction: what came of the requests is committed, and the next ones are taken. So a 2xx is noted within some
milliseconds, many at once; who dies in between leaves a delivery that is sent again, under the same `webhook-id`.
"""

import asyncio
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy import Engine

from ledger_api.errors import BusyError, ChainError, IntegrityError
from ledger_api.store.engine import reading, writing
from ledger_api.store.leases import drop_lease, is_free, take_lease
from ledger_api.webhooks import endpoints, lines, signing
from ledger_api.webhooks.lines import Done, Job, Terms
from ledger_api.webhooks.sending import Answer, Sender

LEASE = "notices"
AT_ONCE = 64  # requests of one process
PER_ENDPOINT = 24
GATHER_SECONDS = 0.004  # answers that come together are committed together
IDLE_SECONDS = 0.25
PATIENCE_SECONDS = 3.0
FORGET_SECONDS = 600.0

logger = structlog.get_logger(__name__)


@dataclass
class Notifier:
    """`owner`: this process, in leases and lines."""

    engine: Engine
    terms: endpoints.Terms
    owner: str
    first_pause_seconds: float = 5.0
    lease_seconds: int = 5
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    draw: Callable[[], float] = random.random
    steps: Sequence[Callable[[], object]] = ()  # of other rooms that make notices by themselves, taken at every turn
    _names: int = 0
    _proved: float = 0.0  # monotonic
    _forgot: float = 0.0

    @property
    def name(self) -> str:
        return f"{self.owner}/{self._names}"

    # --- the database's side, in a thread

    def prepare(self) -> None:
        """Raises: BusyError."""
        for step in self.steps:
            step()
        self.spread()

    def spread(self) -> bool:
        """Whether notices got their deliveries. Raises: BusyError."""
        now = self.clock()
        with reading(self.engine) as connection:
            if not lines.has_new(connection) or not is_free(connection, LEASE, self.owner, now=now):
                return False
        with writing(self.engine) as connection:
            if not take_lease(connection, LEASE, self.owner, now=now, seconds=self.lease_seconds):
                return False
            return lines.spread(connection, now=now) > 0

    def turn(self, done: list[Done], *, room: int, flying: Counter[str]) -> list[Job]:
        """Notes what is done and takes what is next. Raises: BusyError; nothing was noted or taken, or we go on under another name."""
        crowded = {endpoint for endpoint, count in flying.items() if count >= PER_ENDPOINT}
        began, now = time.monotonic(), self.clock()
        if not done and not self._is_late(flying):
            with reading(self.engine) as connection:
                if room == 0 or not lines.is_due(connection, now=now, crowded=crowded):
                    return []
        terms = Terms(self.name, now, self.first_pause_seconds, [self.draw() for _ in done])
        try:
            with writing(self.engine) as connection:
                lines.prove(connection, self.name, until=now + timedelta(seconds=self.lease_seconds))
                lines.settle(connection, terms, done)
                jobs = lines.take(connection, terms, most=room, crowded=crowded, per_endpoint=PER_ENDPOINT) if room else []
        except Exception:
            self._names += 1  # what a commit whose end we do not know has taken must not be ours for ever
            raise
        self._proved = began
        return jobs

    def _is_late(self, flying: Counter[str]) -> bool:
        """Whether what flies would be another's soon."""
        return bool(flying) and time.monotonic() - self._proved > self.lease_seconds / 3

    def forget(self) -> None:
        if time.monotonic() - self._forgot > FORGET_SECONDS:
            self._forgot = time.monotonic()
            with writing(self.engine) as connection:
                lines.forget(connection, before=self.clock() - timedelta(days=lines.KEPT_DAYS))

    def leave(self) -> None:
        with writing(self.engine) as connection:
            drop_lease(connection, LEASE, self.owner)
            lines.leave(connection, self.name, now=self.clock())

    # --- the network's side

    async def deliver(self, sender: Sender, job: Job) -> Done:
        """Only while the line is certainly ours: a process that was frozen must not send what another has taken over."""
        at, began = self.clock(), time.monotonic()
        if began - self._proved > self.lease_seconds:
            return Done(job, at)
        try:
            secrets = [self.terms.secret(salt) for salt in job.salts]
            headers = signing.headers(secrets, notice=job.notice, body=job.body, at=at)
            answer = await sender.send(job.url, headers, job.body)
        except Exception:  # the loop's own guard: one delivery that cannot be made must not end the others
            logger.exception("a delivery failed", delivery=job.delivery)
            answer = Answer(None, "failed")
        return Done(job, at, int((time.monotonic() - began) * 1000), answer.status, answer.why)


async def notify(notifier: Notifier, sender: Sender, stop: threading.Event) -> None:
    """Until asked to stop; requests that are on their way are waited for, and noted.

    Raises:
        IntegrityError: two records that must agree do not; somebody must look.
    """
    tasks: set[asyncio.Task[Done]] = set()
    flying: Counter[str] = Counter()
    done: list[Done] = []
    trouble = ""
    while not stop.is_set() or tasks or done:
        try:
            if not stop.is_set():
                await asyncio.to_thread(notifier.prepare)
                await asyncio.to_thread(notifier.forget)
            room = 0 if stop.is_set() else AT_ONCE - len(tasks)
            jobs = await asyncio.to_thread(notifier.turn, done, room=room, flying=flying)
            done, trouble = [], ""
        except (BusyError, ChainError) as error:
            if error.code != trouble:
                logger.warning("notices wait", code=error.code, why=error.message, facts=error.facts)
            jobs, trouble = [], error.code
            await asyncio.sleep(PATIENCE_SECONDS)
        except IntegrityError:
            raise
        except Exception:  # the loop's own guard: every turn commits whole
            logger.exception("a turn of the notifier failed")
            jobs = []
            await asyncio.sleep(PATIENCE_SECONDS)
        for job in jobs:
            flying[job.endpoint] += 1
            tasks.add(asyncio.create_task(notifier.deliver(sender, job)))
        await _gather(tasks, flying, done)
    await asyncio.to_thread(notifier.leave)


async def _gather(tasks: set[asyncio.Task[Done]], flying: Counter[str], done: list[Done]) -> None:
    """Waits until something came back, a moment longer for its neighbours, and moves what has come to `done`."""
    if not tasks:
        await asyncio.sleep(0 if done else IDLE_SECONDS)
        return
    finished, _ = await asyncio.wait(tasks, timeout=IDLE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    if finished:
        await asyncio.sleep(GATHER_SECONDS)
        finished = {task for task in tasks if task.done()}
    for task in finished:
        tasks.discard(task)
        one = task.result()
        flying[one.job.endpoint] -= 1
        if flying[one.job.endpoint] <= 0:
            del flying[one.job.endpoint]
        done.append(one)


def run(notifier: Notifier, stop: threading.Event) -> None:
    """The loop of one process."""

    async def all_of_it() -> None:
        async with Sender(loopback=notifier.terms.loopback) as sender:
            await notify(notifier, sender, stop)

    asyncio.run(all_of_it())
