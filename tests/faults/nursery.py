"""Victims by the dozen: one process that has everything imported and forks a real one for every order, in milliseconds.

    with Nursery(tmp_path) as nursery:
        nursery.serve(fleet.settings, fleet.chain_url, tmp_path)
        nursery.run(work("turn", "turn"))

An order is a short script for one process (`work`, `index`, `adopt`, `admit` …). A child opens the service for itself, as the
CLI does, and dies by SIGKILL at the first of its points that is not in the diary. `run` starts successors, each with its clock past
the lease of the dead, until one finishes the script.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from ledger_api.settings import Settings

ROOT = Path(__file__).resolve().parent.parent.parent
PATIENCE_SECONDS = 60
FRESH = "a member nobody knows"
_MOST_DEATHS = 400  # in one script
_MOST_STARTS = 20

Order = dict[str, Any]


@dataclass
class Nursery:
    """`points`: where children die. `deaths` counts them. `later`: how far the next child's clock is ahead."""

    folder: Path  # of its log
    points: Sequence[str] = ()
    deaths: int = 0
    later: float = 0.0
    told: list[str] = field(default_factory=list)  # the codes of the errors that the last child met

    def serve(self, settings: Settings, rpc_url: str, folder: Path) -> None:
        """Children are of this service from now on, and nobody has died yet."""
        self._settings = {name: str(getattr(settings, name)) for name in settings.model_fields_set}
        self._lease_seconds, self._rpc_url, self._place = settings.lease_seconds, rpc_url, folder
        self.points = ()
        self.start_over()

    @property
    def diary(self) -> Path:
        return self._place / "diary"

    def died_at(self) -> set[str]:
        return set(self.diary.read_text().split()) if self.diary.exists() else set()

    def start_over(self) -> None:
        """Nobody has died yet."""
        self.diary.unlink(missing_ok=True)
        self.deaths = 0

    def __enter__(self) -> Self:
        self._log = (self.folder / "nursery.log").open("ab")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.nursery"], cwd=ROOT,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, start_new_session=True,
        )  # fmt: skip
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=PATIENCE_SECONDS)
        self._process.stdout.close()
        self._log.close()

    def run(self, order: Order) -> list[str]:
        """Successor after successor until one comes to the end of the script; the codes of the errors that it met.

        Raises:
            AssertionError: one ended by itself in another way; with its traceback.
        """
        for _ in range(_MOST_DEATHS):
            self.later += self._lease_seconds + 1  # past the lease of whoever was before
            told = self._ask(order | self._circumstances(order))
            if told["signal"] != signal.SIGKILL:
                break
            self.deaths += 1
        assert told["signal"] == 0 and told["trouble"] == "", f"{order} ended with {told['signal']}: {told['trouble']}"
        self.told = told["codes"]
        return self.told

    def _circumstances(self, order: Order) -> Order:
        told = {"points": list(self.points), "diary": str(self.diary), "later": self.later, "rpc": self._rpc_url}
        return told | {"settings": self._settings | order["settings"]}

    def _ask(self, order: Order) -> Any:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the nursery ended: {(self.folder / 'nursery.log').read_text()[-3000:]}"
        return json.loads(line)


# --- orders


def work(*script: Any, lane: int = 0, naive: bool = False, **settings: Any) -> Order:
    """Words of the script: `turn`, `stop`, `hold`, `adopt`, or [a node's method, its parameters]."""
    return {"do": "work", "script": script, "lane": lane, "naive": naive, "settings": settings}


def index(*, ends: bool = False, naive: bool = False, **settings: Any) -> Order:
    """Follow to the head; `ends`: the loop itself, asked to stop."""
    return {"do": "index", "ends": ends, "naive": naive, "settings": settings}


def tell(*script: Sequence[Any]) -> Order:
    """The registrar: each [its method, values…]; bytes as 0x hex, FRESH for a new DID. ["together", [...], [...]] says several at once."""
    return {"do": "registrar", "script": script, "settings": {}}


def decide(word: str) -> Order:
    """The operator's word on every dead letter: `requeue` or `end`."""
    return {"do": "letters", "word": word, "settings": {}}


# --- the parent of all children


def main() -> None:
    import ledger_api.indexer.loop
    import ledger_api.outbox.letters
    import ledger_api.outbox.worker
    import ledger_api.service  # noqa: F401
    import tests.faults.naive  # noqa: F401
    from tests.faults import points

    points.sites()
    assert threading.active_count() == 1, "what is forked must be alone"
    for line in sys.stdin:
        order = json.loads(line)
        result = Path(order["diary"]).with_name("result")
        result.unlink(missing_ok=True)
        child = os.fork()
        if child == 0:
            _live(order, result)
        status = _await_child(child)
        told = json.loads(result.read_text()) if result.exists() else {"codes": [], "trouble": "it said nothing"}
        sys.stdout.write(json.dumps(told | {"signal": status}) + "\n")
        sys.stdout.flush()


def _await_child(child: int) -> int:
    """The signal it ended by; 0 when it ended by itself."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        time.sleep(0.002)
    os.kill(child, signal.SIGABRT)
    os.waitpid(child, 0)
    return signal.SIGABRT


def _live(order: Order, result: Path) -> None:
    """The child: from here on a process like any other. Never returns."""
    from tests.faults.victim import Doom, arm

    os.dup2(2, 1)  # its prints are no answer of the nursery's
    told: dict[str, Any] = {"codes": [], "trouble": ""}
    try:
        arm(Doom(order["points"], Path(order["diary"])))
        _JOBS[order["do"]](order, told["codes"])
    except BaseException:
        told["trouble"] = traceback.format_exc()
    result.write_text(json.dumps(told))
    os._exit(0)


def _opened(order: Order) -> tuple[Any, Callable[[], datetime]]:
    """Started again, as a supervisor would, while the node says *later*: on a busy machine it may take longer than a short patience."""
    from ledger_api.errors import BusyError
    from ledger_api.service import open_service
    from ledger_api.settings import Settings

    for tries in range(_MOST_STARTS):
        try:
            service = open_service(Settings(**order["settings"]), order["rpc"])
            break
        except BusyError:
            if tries == _MOST_STARTS - 1:
                raise
            time.sleep(0.25)
    return service, lambda: datetime.now(UTC) + timedelta(seconds=order["later"])


def _work(order: Order, codes: list[str]) -> None:
    from ledger_api.errors import LedgerError
    from ledger_api.outbox.worker import Worker
    from tests.faults.naive import NaiveWorker

    service, clock = _opened(order)
    kind: Any = NaiveWorker if order["naive"] else Worker
    worker = kind(service.surroundings(), owner=service.owner, lane=order["lane"], clock=clock)
    for word in order["script"]:
        try:
            match word:
                case "turn":
                    worker.turn()
                case "stop":
                    worker.stop()
                case "hold":
                    worker.lane.hold(clock())
                case "adopt":
                    worker.lane.adopt(clock())
                case [method, parameters]:
                    service.node.call(method, *parameters)
        except LedgerError as error:
            codes.append(error.code)


def _index(order: Order, codes: list[str]) -> None:
    from ledger_api.errors import LedgerError
    from ledger_api.indexer.loop import catch_up, follow
    from tests.faults import naive

    service, clock = _opened(order)
    try:
        if order["ends"]:
            stop = threading.Event()
            stop.set()
            follow(service.following(), stop, clock=clock)
        elif order["naive"]:
            naive.catch_up(service.following(), clock=clock)
        else:
            catch_up(service.following(), clock=clock)
    except LedgerError as error:
        codes.append(error.code)


def _registrar(order: Order, codes: list[str]) -> None:
    from ledger_api.errors import LedgerError
    from ledger_api.outbox import registrar

    service, clock = _opened(order)
    registrar._now = clock  # this process lives later, past the lease of the dead
    teller = service.registrar()

    fresh = f"did:web:member-{uuid.uuid4().hex[:12]}.example"  # somebody whom no process before this one has admitted

    def say(method: str, *values: Any) -> None:
        getattr(teller, method)(*(_value(fresh if value == FRESH else value) for value in values))

    for method, *values in order["script"]:
        try:
            if method == "together":
                with teller.together():
                    for inner, *told in values:
                        say(inner, *told)
            else:
                say(method, *values)
        except LedgerError as error:
            codes.append(error.code)


def _letters(order: Order, _codes: list[str]) -> None:
    from ledger_api.outbox import letters
    from ledger_api.store import parking
    from ledger_api.store.engine import reading
    from ledger_verify.codes import Reason

    service, clock = _opened(order)
    with reading(service.engine) as connection:
        dead = parking.letters(connection)
    if order["word"] == "requeue":
        letters.requeue(service.surroundings(), dead)
        return
    for letter in dead:
        letters.end(service.surroundings(), letter, Reason.MALFORMED, now=int(clock().timestamp()))


def _value(told: Any) -> Any:
    from ledger_api.directory import Accreditation
    from ledger_verify.hashing import OrganizationId
    from ledger_verify.transition import Role

    match told:
        case {"brand": brand, "organization": organization, "role": role}:
            members = (OrganizationId(bytes.fromhex(one[2:])) for one in (brand, organization))
            return Accreditation(*members, Role(role), 2**64 - 1, from_time=0, until_time=0)
        case str() if told.startswith("0x"):
            return bytes.fromhex(told[2:])
    return told


_JOBS: dict[str, Callable[[Order, list[str]], None]] = {"work": _work, "index": _index, "registrar": _registrar, "letters": _letters}


if __name__ == "__main__":
    main()
