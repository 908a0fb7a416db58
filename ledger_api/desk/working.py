"""`ledger desk`: everything at the desk that happens without somebody asking. Turn after turn, in any number of processes.

A turn: 1. checks (a photo's reuse, serial or tags), for a second · 2. cases whose checks have ended go to the queue · 3. deadlines, and
of cases that nobody is left to judge · 4. claims that ran out · 5. verdicts, disputes and corrections to the ledger, and what became of
them · 6. what is left of accounts whose owners left · 7. bookings · 8. what other rooms want machines to look at: photos of listings.

Every step is one transaction that proves the state it starts from; a process that dies between two of them loses and repeats nothing. A
check that fails three times is told as failed and holds nobody up: machines assist.
"""

import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import structlog
from sqlalchemy import Connection, Engine

from ledger_api.desk import accounts, appraising, life, policy, screening
from ledger_api.desk.booking.closing import Closer
from ledger_api.desk.checks import Machines
from ledger_api.desk.errors import DeskClosed, PhotoTampered
from ledger_api.desk.recording import Scribe, Signers
from ledger_api.desk.rows import cases as rows
from ledger_api.desk.rows import queue as line
from ledger_api.desk.screening import Flag, Subject
from ledger_api.desk.vault import Vault
from ledger_api.errors import BusyError, ChainError, IntegrityError
from ledger_api.intake import Intake
from ledger_api.store.engine import reading, writing

if TYPE_CHECKING:
    from ledger_api.desk.tagging import Tagger

CHECK_SECONDS = 120  # a check takes a second or two; whoever takes longer has died
CHECKING_SECONDS = 1.0  # of a turn: then all the rest has its time
MOST_TRIES = 3
MOST_AT_ONCE = 100
IDLE_SECONDS = 0.5
PATIENCE_SECONDS = 3.0
OFF: Mapping[str, Any] = {"state": "off", "result": None}  # nobody looked, because nothing is there to look with
FAILED: Mapping[str, Any] = {"state": "failed", "result": None}

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class DeskWorker:
    engine: Engine
    machines: Machines
    scribe: Scribe
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    others: Sequence[Callable[[], bool]] = ()  # steps of other rooms, taken at every turn

    def turn(self) -> bool:
        """Whether there was anything to do.

        Raises:
            BusyError: the database or the vault is away; nothing is lost.
        """
        now = self.clock()
        mine = (self._check_some(now), self._settle_checked(now), self._end_overdue(now), self._end_stranded(now), self._free_claims(now))
        steps = (*mine, self.scribe.turn(now))
        left = accounts.forget_left(self.engine, self.machines.vault, now=now, most=MOST_AT_ONCE)
        return any((*steps, left, Closer(self.scribe).turn(now), *[step() for step in self.others]))

    # --- 1

    def _check_some(self, now: datetime) -> bool:
        stop, found = time.monotonic() + CHECKING_SECONDS, self._check_one(now)
        while found and time.monotonic() < stop and self._check_one(now):
            pass
        return found

    def _check_one(self, now: datetime) -> bool:
        with writing(self.engine) as connection:
            check = rows.take_check(connection, now=now, until=now + timedelta(seconds=CHECK_SECONDS))
        if check is None:
            return False
        columns = self._checked(check) if check.tries < MOST_TRIES else FAILED
        if columns is not None:
            with writing(self.engine) as connection:
                rows.locked_case(connection, check.case)  # before its checks, as whoever erases it does
                if rows.end_check(connection, check.id, done_at=self.clock(), **columns):
                    self._send_to_review(connection, check, columns)
        return True

    def _checked(self, check: Any) -> Mapping[str, Any] | None:
        """None: it is tried again when the lease has run out."""
        with reading(self.engine) as connection:
            case, shot = rows.case(connection, check.case), rows.shot(connection, check.shot)
        if case is None or shot is None or shot.state == "erased":
            return FAILED
        try:
            told = self.machines.look(check.kind, case, shot)
        except PhotoTampered as error:  # one photo is no reason to stop the desk for everybody
            logger.critical("a photo is not what was kept", check=check.kind, case=check.case, facts=error.facts)
            return FAILED
        except (BusyError, IntegrityError):
            raise
        except Exception:  # the machines' own guard: a library that stumbles over a photo must not hold up the case
            logger.exception("a check failed", check=check.kind, case=check.case)
            return None
        if told is None:
            return OFF
        return {"state": "done", "result": orjson.dumps(told.result, option=orjson.OPT_SORT_KEYS).decode(), "version": told.version[:64]}

    def _send_to_review(self, connection: Connection, check: Any, columns: Mapping[str, Any]) -> None:
        """What the policy prohibits for listing, and a classifier saw, a person looks at."""
        told = orjson.loads(columns["result"]) if check.kind == "tags" and columns["result"] is not None else {"flagged": ()}
        if not told["flagged"]:
            return
        case, shot = rows.case(connection, check.case), rows.shot(connection, check.shot)
        assert case is not None and shot is not None
        flags = [Flag(0, tag["label"], tag["score"]) for tag in told["tags"] if tag["label"] in told["flagged"]]
        subject = Subject(case.authenticator, "case", case.id, [shot.shown])
        screening.open_review(connection, subject, flags, columns["version"], id=f"0{check.id[1:]}", now=self.clock())

    # --- 2

    def _settle_checked(self, now: datetime) -> int:
        with reading(self.engine) as connection:
            ended = rows.checked(connection, most=MOST_AT_ONCE)
        for case_id in ended:
            with writing(self.engine) as connection:
                case = rows.locked_case(connection, case_id)
                if case is None or case.state != "checking":
                    continue
                due = now + timedelta(hours=policy.read(connection, case.authenticator).judge_hours)
                needs = appraising.opinions_wanted(connection, case)
                life.step(connection, case_id, "checking", "queued", by="desk", at=now, why="checked", due_at=due, needs=needs)
        return len(ended)

    # --- 3 and 4

    def _end_overdue(self, now: datetime) -> int:
        with reading(self.engine) as connection:
            late = rows.overdue(connection, ("awaiting-photos", "awaiting-payment"), now=now, most=MOST_AT_ONCE)
        for case in late:
            with writing(self.engine) as connection:
                seen = rows.locked_case(connection, case.id)
                if seen is not None and seen.state == case.state and seen.due_at == case.due_at:
                    life.step(connection, case.id, case.state, "expired", by="desk", at=now, why="too-late")
        return len(late)

    def _end_stranded(self, now: datetime) -> int:
        with reading(self.engine) as connection:
            stranded = line.stranded(connection, now=now, most=MOST_AT_ONCE)
        ended = 0
        for case_id in stranded:
            with writing(self.engine) as connection:
                ended += appraising.end_stranded(connection, case_id, now=now)
        return ended

    def _free_claims(self, now: datetime) -> int:
        with writing(self.engine) as connection:
            return appraising.free_overdue_claims(connection, now=now, most=MOST_AT_ONCE)


def opened(intake: Intake, vault: Vault | None, model: Path | None = None, *, signers: Signers | None = None) -> DeskWorker:
    """`signers`: the keys that the service keeps for brands. Raises DeskClosed, ModelUnusable."""
    if vault is None:
        raise DeskClosed
    scribe = Scribe(intake, lambda: f"{time.time_ns() // 10**6:012x}{secrets.token_hex(10)}", signers)
    return DeskWorker(intake.engine, Machines(vault, intake.engine, _tagger(model)), scribe)


def _tagger(model: Path | None) -> "Tagger | None":
    if model is None:
        return None
    from ledger_api.desk.tagging import Tagger  # the runtime is loaded where there is a model alone

    return Tagger(model)


def run(worker: DeskWorker, stop: threading.Event) -> None:
    """Turn until asked to stop; a step that has begun is finished.

    Raises:
        IntegrityError: two records that must agree do not; somebody must look.
    """
    trouble = ""
    while not stop.is_set():
        try:
            seconds, trouble = (0.0 if worker.turn() else IDLE_SECONDS), ""
        except (BusyError, ChainError) as error:
            if error.code != trouble:
                logger.warning("the desk waits", code=error.code, why=error.message, facts=error.facts)
            seconds, trouble = PATIENCE_SECONDS, error.code
        except IntegrityError:
            raise
        except Exception:  # the loop's own guard: every step commits whole
            logger.exception("a turn of the desk failed")
            seconds = PATIENCE_SECONDS
        stop.wait(seconds)
