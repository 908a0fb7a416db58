"""The desk's loop when machines stumble, when two of it run, and when it is asked to stop."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from ledger_api.desk import appraising
from ledger_api.desk.checks import Checked, Machines
from ledger_api.desk.errors import DeskClosed
from ledger_api.desk.rows import cases as rows
from ledger_api.desk.rows.cases import AnyRow
from ledger_api.desk.vault import DiskVault
from ledger_api.desk.working import opened, run
from ledger_api.errors import DatabaseBusy
from ledger_api.store.engine import reading, writing
from ledger_verify.transition import Reason
from tests.api.desk.world import CHECKS, DeskWorld, worker_of
from tests.consortium import count
from tests.doors import await_dozing, await_waiting, dozing


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
    machines = Stumbling(world.worker.machines.vault, world.doors.engine)
    worker = replace(world.worker, machines=machines)

    for _ in range(4):
        for _ in range(CHECKS):
            worker.turn()
        world.later(121)

    assert len(machines.asked) == 3 * CHECKS and world.state(case) == "queued"
    assert count(world.doors.engine, "checks", "state = 'failed' AND result IS NULL") == CHECKS


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
        list(pool.map(lambda worker: [worker.turn() for _ in range(2 * CHECKS)], (world.worker, other)))

    assert [world.state(case) for case in cases] == ["queued", "queued"]
    assert count(world.doors.engine, "checks", "tries = 1") == 2 * CHECKS
    assert count(world.doors.engine, "case_journal", "why = 'checked'") == 2


def test_a_claim_that_is_renewed_while_overdue_ones_are_looked_for_stays(world: DeskWorld) -> None:
    case = world.queued()
    world.claimed("ada", case)
    world.later(60 * 60)
    now, engine = world.worker.clock(), world.doors.engine

    def free() -> int:
        with writing(engine) as connection:
            return appraising.free_overdue_claims(connection, now=now, most=10)

    with ThreadPoolExecutor(1) as pool:
        with dozing(engine, "appraisals JOIN"):
            freeing = pool.submit(free)
            await_dozing(engine)
        renewed = world.desk("ada", "POST", f"/cases/{case}/keep")

    assert (freeing.result(), renewed.status_code) in ((0, 200), (1, 409))
    assert world.state(case) == ("appraising" if renewed.status_code == 200 else "queued")


def test_two_loops_that_see_one_verdict_waiting_bring_it_once(world: DeskWorld) -> None:
    """The second has read the case before the first has brought its verdict, and says a second later what it says."""
    world.born()
    case = world.queued()
    assert world.judged(case, "ada", "authentic") == "conclude"
    with reading(world.doors.engine) as connection:
        seen = rows.case(connection, case)
    assert seen is not None and seen.state == "recording"
    now = world.worker.clock()

    brought = [world.worker.scribe._bring(seen, now + timedelta(seconds=after)) for after in (0, 1)]

    assert brought == [True, False]
    assert count(world.doors.engine, "events", "kind = 7") == 1
    assert world.state(case) == "recording"


def test_two_loops_that_see_one_verdict_refused_send_it_again_once(world: DeskWorld) -> None:
    """The item's history moved on. The second has read the refusal before the first has sent the verdict again."""
    world.born()
    case = world.queued()
    assert world.judged(case, "ada", "authentic") == "conclude"
    scribe, now = world.worker.scribe, world.worker.clock()
    scribe.turn(now)
    with writing(world.doors.engine) as connection:
        refused = "UPDATE events SET status = 'refused', reason = :reason WHERE kind = 7"
        connection.execute(text(refused), {"reason": int(Reason.SUPERSEDED)})
        connection.execute(text("DELETE FROM tips"))
        seen = rows.case(connection, case)
    assert seen is not None

    followed = [scribe._follow(seen, now)]
    scribe.turn(now + timedelta(seconds=1))
    followed.append(scribe._follow(seen, now + timedelta(seconds=2)))
    scribe.turn(now + timedelta(seconds=3))

    assert followed == [True, False]
    assert count(world.doors.engine, "events", "kind = 7 AND status = 'accepted'") == 1


def test_who_ends_a_case_late_takes_nothing_from_the_verdict_that_another_sent(world: DeskWorld) -> None:
    """One of two loops read the case before the ledger knew the item, the other afterwards."""
    case = world.queued()
    assert world.judged(case, "ada", "authentic") == "conclude"
    with reading(world.doors.engine) as connection:
        seen = rows.case(connection, case)
    assert seen is not None
    world.born()
    world.worker.scribe.turn(world.worker.clock())

    assert not world.worker.scribe.end(seen, world.worker.clock(), "unknown-to-the-ledger")
    assert (world.state(case), count(world.doors.engine, "events", "kind = 7")) == ("recording", 1)


def test_what_a_machine_read_off_a_photo_is_forgotten_with_it(world: DeskWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its asker takes the case back and has it erased while the machine looks."""
    case = world.opened()
    world.submit(case)
    look = Machines.look

    def erased_meanwhile(machines: Machines, kind: str, row: AnyRow, shot: AnyRow) -> Checked | None:
        found = look(machines, kind, row, shot)
        for deed in ("withdraw", "erase") if world.state(case) == "checking" else ():
            assert world.doors.post("PLATFORM", f"/v1/cases/{case}/{deed}").status_code == 200
        return found

    monkeypatch.setattr(Machines, "look", erased_meanwhile)
    world.work()

    assert world.look(case)["checks"]["done"] == CHECKS
    assert count(world.doors.engine, "checks", "result IS NOT NULL") == 0


def test_whoever_erases_a_case_does_not_wait_for_a_check_that_waits_for_the_case(world: DeskWorld) -> None:
    """What a machine flags is put into the case's review, which is the case's to lock."""
    case, engine, now = world.opened(), world.doors.engine, world.worker.clock()
    world.submit(case)

    with ThreadPoolExecutor(1) as pool:
        with writing(engine) as connection:
            rows.locked_case(connection, case)
            ending = pool.submit(world.worker._check_one, now)
            await_waiting(engine, 1)
            rows.forget_words(connection, case, at=now)
        ending.result()

    assert count(engine, "checks", "state = 'failed'") == CHECKS


def test_a_check_that_took_too_long_does_not_overwrite_the_one_that_took_its_place(
    world: DeskWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.submit(world.opened())
    look, kinds = Machines.look, list[str]()

    def slow(machines: Machines, kind: str, row: AnyRow, shot: AnyRow) -> Checked | None:
        kinds.append(kind)
        if len(kinds) > 1:
            return look(machines, kind, row, shot)
        world.later(121)
        world.work()
        return Checked({"matches": []}, "late")

    monkeypatch.setattr(Machines, "look", slow)
    world.work()

    assert kinds[0] == kinds[1] == "reuse"
    assert count(world.doors.engine, "checks", "version = 'late'") == 0


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


def test_a_photo_that_is_not_what_was_kept_stops_nobody_but_its_check(world: DeskWorld) -> None:
    case = world.opened()
    world.submit(case)
    vault = world.worker.machines.vault
    assert isinstance(vault, DiskVault)
    with world.doors.engine.connect() as connection:
        shown = connection.exec_driver_sql("SELECT shown FROM shots WHERE name = 'serial'").scalar_one()
    vault._path(shown).write_bytes(b"PLV1 and nothing that opens")

    world.work()

    assert world.state(case) == "queued"
    assert count(world.doors.engine, "checks", "kind = 'serial' AND state = 'failed'") == 1
