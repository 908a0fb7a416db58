"""A process that dies: the product as it is, wrapped at run time so that the process kills itself at a chosen point.

    python -m tests.faults.victim work --lane 0      # the CLI, with LEDGER_VICTIM_POINTS and LEDGER_VICTIM_DIARY

It dies by SIGKILL, so nothing is finished, rolled back politely or closed. Every point it dies at is first written into the diary,
and nobody dies at a point that is in the diary: who starts successors until none dies has been at every point that is reached.
`name@3` in the list means the third time that this process passes there.
"""

import importlib
import os
import pkgutil
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

from sqlalchemy import Connection, Engine

from ledger_api.chain.rpc import Node
from ledger_api.keys import Signer
from ledger_api.store import engine, following
from tests.faults import points
from tests.faults.points import Site

POINTS, DIARY = "LEDGER_VICTIM_POINTS", "LEDGER_VICTIM_DIARY"
Pass = Callable[[str], None]


class Doom:
    """Decides at every point whether the process ends there."""

    def __init__(self, chosen: Iterable[str], diary: Path) -> None:
        self._diary = diary
        died = set(diary.read_text().split()) if diary.exists() else set[str]()
        self._left = {name: int(times or 1) for name, _, times in (one.partition("@") for one in chosen) if name not in died}
        self._lock = threading.Lock()

    def __call__(self, point: str) -> None:
        with self._lock:
            if point not in self._left:
                return
            self._left[point] -= 1
            if self._left[point] == 0:
                with self._diary.open("a") as diary:
                    diary.write(point + "\n")
                os.kill(os.getpid(), signal.SIGKILL)


def arm(passed: Pass) -> None:
    """From now on this process calls `passed` at every point of `points.sites()`."""
    points.sites()  # read now, while the files are what was imported
    for module in _rooms():
        if getattr(module, "writing", None) is engine.writing:
            vars(module)["writing"] = _commits(engine.writing, passed)
    _wrap(Node, "_post", "ask", passed)
    _wrap(Signer, "sign", "sign", passed)
    _wrap(following, "write_cursor", "cursor", passed)


def _rooms() -> Iterator[ModuleType]:
    for room in points.ROOMS:
        package = importlib.import_module(f"ledger_api.{room}")
        yield package
        for found in pkgutil.iter_modules(package.__path__):
            yield importlib.import_module(f"ledger_api.{room}.{found.name}")
    yield importlib.import_module("tests.faults.naive")


def _wrap(owner: Any, name: str, effect: str, passed: Pass) -> None:
    true = getattr(owner, name)

    def wrapped(*positional: Any, **named: Any) -> Any:
        site = _site(sys._getframe(1), effect)
        _pass(site, 0, passed)
        answer = true(*positional, **named)
        _pass(site, 1, passed)
        return answer

    setattr(owner, name, wrapped)


def _commits(
    true: Callable[[Engine], AbstractContextManager[Connection]], passed: Pass
) -> Callable[[Engine], AbstractContextManager[Connection]]:
    def wrapped(on: Engine) -> AbstractContextManager[Connection]:
        return _committed(true(on), _site(sys._getframe(1), "commit"), passed)

    return wrapped


@contextmanager
def _committed(transaction: AbstractContextManager[Connection], site: Site | None, passed: Pass) -> Iterator[Connection]:
    with transaction as connection:
        yield connection
        _pass(site, 0, passed)
    _pass(site, 1, passed)


def _pass(site: Site | None, side: int, passed: Pass) -> None:
    if site is not None:
        passed(site.points[side])


def _site(frame: FrameType | None, effect: str) -> Site | None:
    """That of the nearest frame in a room; None where no room is at work (the start of a process)."""
    while frame is not None:
        if points.module_of(frame.f_code.co_filename) is not None:
            return points.site_at(frame.f_code.co_filename, frame.f_lineno, effect)
        frame = frame.f_back
    return None


def main() -> None:
    from ledger_api import cli

    arm(Doom(Path(os.environ[POINTS]).read_text().split(), Path(os.environ[DIARY])))
    cli.main()


if __name__ == "__main__":
    main()
