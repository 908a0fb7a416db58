"""Worker, indexer and registrar die at every point at which they can, and nothing is lost or doubled.

The points are read from the code (`points`), the situations are `scenes`, the processes are real and die by SIGKILL. First every
point of every scene in processes that the nursery forks; then, as an operator sees it, the command line's own processes with their
own leases. `--faults long` plays the scenes again and again: other orders, other choices, the second or third passing of a point.
"""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from tests.faults import points
from tests.faults.fleet import Fleet, Member, fleet_of, verdict
from tests.faults.scenes import SCENES
from tests.faults.stage import Stage, stage_of
from tests.faults.victim import DIARY, POINTS

SEED = 20_261_122
ROUNDS = 8  # of the long form
SAMPLE = 5  # deaths of each kind of process of the command line, in the short form
VICTIM = ("-m", "tests.faults.victim")
# Points that no scene reaches, each with the reason why none can.
UNREACHABLE: dict[str, str] = {}
# What an ordinary day passes, for the processes of the command line.
OF_A_WORKER = (
    "outbox.lane:Lane.hold:commit#1",
    "outbox.lane:Lane.look:ask#1",
    "outbox.sealing:Seal.__call__:sign#1",
    "outbox.lane:Lane._sign:sign#1",
    "outbox.lane:Lane.save:commit#1",
    "outbox.lane:Lane.send:ask#1",
    "outbox.lane:Lane.send:commit#1",
    "outbox.lane:Lane._landings:ask#1",
)
OF_AN_INDEXER = (
    "indexer.following:check:commit#1",
    "indexer.following:_take:commit#1",
    "indexer.source:Source.head:ask#1",
    "indexer.source:Source._headers:ask#1",
    "indexer.source:Source._logs_by_hash:ask#1",
    "indexer.following:_write:cursor#1",
    "indexer.following:_write:commit#1",
)


@pytest.fixture
def stage(tmp_path: Path, database_url: str) -> Iterator[Stage]:
    with stage_of(tmp_path, database_url) as made:
        yield made


def test_the_list_of_points_has_every_commit_and_every_request_in_the_code() -> None:
    code = {path: path.read_text() for room in points.ROOMS for path in (points.ROOT / room).glob("*.py")}

    commits = sum(len(re.findall(r"\bwith writing\(", text)) for text in code.values())
    requests = sum(len(re.findall(r"\bnode\.(?:call|ask|batch)\(", text)) for text in code.values())

    listed = [site.effect for site in points.sites()]
    assert listed.count("commit") == commits
    assert listed.count("ask") >= requests > 5
    assert len(set(points.points())) == 2 * len(listed)


def test_the_rooms_commit_in_no_other_way() -> None:
    """A transaction begun by hand would be no site, and nobody would die there."""
    by_hand = re.compile(r"\.(?:begin|begin_nested|commit|connect|raw_connection)\(|\bengine\.writing\b|\bSession\b|import writing as")
    code = {path: path.read_text() for room in points.ROOMS for path in (points.ROOT / room).glob("*.py")}

    assert [path.name for path, text in code.items() if by_hand.search(text)] == []
    assert by_hand.search((points.ROOT / "store" / "engine.py").read_text()), "the search finds what it looks for"


def test_what_the_rooms_call_of_the_store_leaves_the_commit_to_them() -> None:
    """A commit in a function of the store would be a step of the worker's, and no site. Savepoints commit nothing."""
    commits = re.compile(r"\bwriting\(|\.(?:begin|commit|raw_connection)\(|\bSession\b|autocommit")
    code = {path.name: path.read_text() for path in (points.ROOT / "store").glob("*.py")}

    assert {name for name, text in code.items() if commits.search(text)} - {"engine.py"} == {"reading.py"}
    assert commits.search(code["engine.py"]), "the search finds what it looks for"
    assert not re.search(r"\b(?:INSERT|UPDATE|DELETE|insert\(|update\(|delete\()", code["reading.py"]), "its own connection only reads"


def test_what_happens_at_a_place_that_is_not_listed_is_an_error() -> None:
    worker = str(points.ROOT / "outbox" / "worker.py")

    with pytest.raises(points.Unlisted):
        points.site_at(worker, 1, "commit")


def test_dying_at_every_point_of_every_scene_loses_and_repeats_nothing(stage: Stage, is_long: bool) -> None:
    stage.nursery.points = points.points()
    stage.cast()

    for scene in SCENES:
        scene(stage)
        stage.finish()
        stage.fleet.audit(rebuild=False)

    missed = set(points.points()) - stage.nursery.died_at() - UNREACHABLE.keys()
    assert missed == set()
    assert stage.nursery.deaths == len(stage.nursery.died_at()) >= 90
    if is_long:
        _play_again(stage)
    stage.fleet.audit()


def _play_again(stage: Stage) -> None:
    """Other orders of scenes, other choices of points, and their second or third passing."""
    for number in range(ROUNDS):
        seed = SEED + number
        random = Random(seed)
        share = random.choice((0.1, 0.3, 1.0))
        stage.nursery.points = [f"{one}@{random.randint(1, 3)}" for one in points.points() if random.random() < share]
        stage.nursery.start_over()
        for scene in random.sample(SCENES, len(SCENES)):
            with replayable(seed):
                scene(stage)
                stage.finish()
        assert stage.nursery.deaths >= len(stage.nursery.points) // 4, f"seed {seed}"
        stage.fleet.audit(rebuild=False)


@contextmanager
def replayable(seed: int) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        error.add_note(f"seed {seed}")
        raise


def test_the_command_lines_own_processes_die_and_are_succeeded(tmp_path: Path, is_long: bool) -> None:
    random = Random(SEED)
    chosen = {
        command: [f"{name}:{side}" for name in names for side in points.SIDES]
        for command, names in (("work --lane 0", OF_A_WORKER), ("index", OF_AN_INDEXER))
    }
    if not is_long:
        chosen = {command: random.sample(some, SAMPLE) for command, some in chosen.items()}
    assert {point for some in chosen.values() for point in some} <= set(points.points())

    with fleet_of(tmp_path, f"sqlite:///{tmp_path / 'ledger.db'}", block_time=1) as fleet:
        deaths = _die_one_after_the_other(fleet, tmp_path, chosen)
        fleet.settle()

        assert deaths == sum(map(len, chosen.values()))
        fleet.audit()


def _die_one_after_the_other(fleet: Fleet, folder: Path, chosen: dict[str, list[str]]) -> int:
    """Victims and their successors, with events coming in all the time, until somebody has died at every chosen point."""
    maison = fleet.brand("maison")
    alive = {command: _start(fleet, command, folder, some) for command, some in chosen.items()}
    deaths, number, deadline = 0, 0, time.monotonic() + 60 * len(points.SIDES)
    while deaths < sum(map(len, chosen.values())):
        assert time.monotonic() < deadline, f"seed {SEED}: {_left(folder, chosen)} were not reached\n{fleet.picture()}"
        fleet.accept(maison, fleet.births(2))
        fleet.accept(maison, [verdict(number)])
        number += 2
        for command, member in alive.items():
            if not member.is_alive():
                assert member.code == -9, f"{command} ended by itself ({member.code}): {member.log[-2000:]}"
                deaths += 1
                alive[command] = _start(fleet, command, folder, chosen[command])
        time.sleep(0.2)
    return deaths


def _start(fleet: Fleet, command: str, folder: Path, some: list[str]) -> Member:
    word = command.split()[0]
    (folder / f"{word}.points").write_text("\n".join(some))
    return fleet.start(command, entry=VICTIM, env={POINTS: str(folder / f"{word}.points"), DIARY: str(folder / f"{word}.diary")})


def _left(folder: Path, chosen: dict[str, list[str]]) -> set[str]:
    died = {point for diary in folder.glob("*.diary") for point in diary.read_text().split()}
    return {point for some in chosen.values() for point in some} - died
