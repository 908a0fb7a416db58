"""The desk's loop when machines stumble, when two of it run, and when it is asked to stop."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import pytest

from ledger_api.desk.checks import Checked, Machines
from ledger_api.desk.errors import DeskClosed
from ledger_api.desk.rows.cases import AnyRow
from ledger_api.desk.working import opened, run
from ledger_api.errors import DatabaseBusy
from tests.api.desk.world import DeskWorld, worker_of
from tests.consortium import count


@dataclass(frozen=True, slots=True)
class Stumbling(Machines):
    """A library that falls over this photo, each time."""

    asked: list[str] = field(default_factory=list)

    def look(self, kind: str, case: AnyRow, shot: AnyRow) -> Checked:
        self.asked.append(kind)
        raise RuntimeError("not a photo that I know")


def test_a_check_that_fails_three_times_holds_nobody_up(world: DeskWorld) -> None:
    case = world.opened()
    world.submit(case)
    machines = Stumbling(world.worker.machines.vault)
    worker = replace(world.worker, machines=machines)

    for _ in range(4):
        worker.turn()
        world.later(121)

    assert len(machines.asked) == 3 and world.state(case) == "queued"
    assert count(world.doors.engine, "checks", "state = 'failed' AND result IS NULL") == 1


def test_a_case_that_was_taken_back_meanwhile_is_left_alone(world: DeskWorld) -> None:
    case = world.opened()
    world.submit(case)
    world.doors.post("PLATFORM", f"/v1/cases/{case}/withdraw")

    world.work()

    assert world.state(case) == "withdrawn"


def test_two_loops_do_each_check_once(world: DeskWorld) -> None:
    cases = [world.opened() for _ in range(2)]
    for case in cases:
        world.submit(case)
    other = worker_of(world.doors)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda worker: [worker.turn() for _ in range(4)], (world.worker, other)))

    assert [world.state(case) for case in cases] == ["queued", "queued"]
    assert count(world.doors.engine, "checks", "state = 'done' AND tries = 1") == 2
    assert count(world.doors.engine, "case_journal", "why = 'checked'") == 2


def test_the_loop_waits_where_the_database_is_busy_and_ends_when_it_is_asked(world: DeskWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    from ledger_api.desk import working

    stop, turns = threading.Event(), list[int]()

    def turn(_worker: object) -> bool:
        turns.append(1)
        if len(turns) == 1:
            raise DatabaseBusy(cause="locked")
        if len(turns) == 2:
            raise RuntimeError("once")
        stop.set()
        return False

    monkeypatch.setattr(working, "PATIENCE_SECONDS", 0.01)
    monkeypatch.setattr(working.DeskWorker, "turn", turn)
    run(world.worker, stop)

    assert len(turns) == 3


def test_without_a_place_for_photos_there_is_no_desk(world: DeskWorld) -> None:
    with pytest.raises(DeskClosed):
        opened(world.doors.context.intake, None)
