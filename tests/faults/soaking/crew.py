"""The crew: which processes run, and somebody who starts again what died, as an operator's supervisor does.

A process that ended because records disagree (exit code 5) stays down: that is for a person to look at, and fails the soak.
"""

import contextlib
import signal
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from random import Random

from sqlalchemy import text

from ledger_api.errors import LedgerError
from ledger_api.store.engine import reading
from tests.faults.fleet import Fleet, Member

INTEGRITY = 5
RESTART_SECONDS = 0.5
WORKERS = ("work --lane 0", "work --lane 1")
ROLES = {"worker 0": WORKERS[0], "worker 1": WORKERS[1], "indexer 0": "index", "indexer 1": "index", "server": "serve"}


class Crew:
    """`with Crew(fleet) as crew:` everything runs, and is started again until the block ends."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.members: dict[str, Member] = {}
        self.restarts: Counter[str] = Counter()
        self.failures: list[str] = []  # processes that found records that disagree
        self._frozen: set[str] = set()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._supervise, name="supervisor", daemon=True)

    def __enter__(self) -> "Crew":
        self.members = {role: self.fleet.start(command) for role, command in ROLES.items()}
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        for role, member in self.members.items():
            if member.is_alive():
                with contextlib.suppress(Exception):  # one that does not end is killed by `end`; the soak has counted already
                    member.end(seconds=10)
            self.restarts[role] += 0

    def _supervise(self) -> None:
        died: dict[str, float] = {}
        while not self._stop.wait(0.1):
            for role, member in list(self.members.items()):
                if member.is_alive() or (role in died and member.code == INTEGRITY):
                    continue
                if role not in died:
                    died[role] = time.monotonic()
                    self._note(role, member)
                elif time.monotonic() - died[role] > RESTART_SECONDS:
                    del died[role]
                    self.restarts[role] += 1
                    self.members[role] = self.fleet.start(ROLES[role], awaits=False)

    def _note(self, role: str, member: Member) -> None:
        if member.code == INTEGRITY:
            self.failures.append(f"{role}: {member.log[-1500:]}")

    # --- what an injector does to them

    def kill(self, role: str) -> bool:
        """At once, whatever it is doing. Whether it was alive."""
        member = self.members[role]
        if not member.is_alive():
            return False
        member.kill()
        return True

    def kill_at_work(self, role: str) -> bool:
        """The same of one that is needed, so that something is lost by it: a lane, or the mirror. One that only starts is left alone, or a
        slow machine would never see one at work."""
        return self._has_lease(self.members[role]) and self.kill(role)

    def kill_server(self) -> bool:
        return self.fleet.is_serving() and self.kill("server")

    def ask_to_end(self, role: str) -> bool:
        member = self.members[role]
        if not member.is_alive() or role in self._frozen or not self._has_lease(member):
            return False
        member.process.terminate()
        return True

    def freeze(self, role: str, seconds: float) -> bool:
        """It stands still, and then goes on as if no time had passed: its lease has run out meanwhile. Who has none is left alone."""
        with self._lock:
            member = self.members[role]
            if not member.is_alive() or role in self._frozen:
                return False
            self._frozen.add(role)
        member.process.send_signal(signal.SIGSTOP)
        try:
            has_lease = self._has_lease(member)
            self._stop.wait(seconds if has_lease else 0)
            return has_lease and member.is_alive()
        finally:
            member.process.send_signal(signal.SIGCONT)
            with self._lock:
                self._frozen.discard(role)

    def _has_lease(self, member: Member) -> bool:
        """As of now. The owner of a lease is named `machine:process:…`."""
        with contextlib.suppress(LedgerError), reading(self.fleet.service.engine) as connection:
            owners = connection.scalars(text("SELECT owner FROM leases WHERE expires_at > :now"), {"now": datetime.now(UTC)})
            return any(owner.split(":")[1] == str(member.process.pid) for owner in owners)
        return False

    def one_of(self, kind: str, random: Random) -> str:
        return random.choice([role for role in ROLES if role.startswith(kind)])
