"""What a classifier flags goes to a person; without one nothing is tagged and nobody hints at it; another desk sees none of it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from benchmarks.photos import Pixels, draw, jpeg
from ledger_api.desk import screening
from ledger_api.desk.rows import cases as rows
from ledger_api.desk.screening import Flag, Subject
from ledger_api.desk.tagging import Tagger
from ledger_api.store.engine import reading, writing
from tests.api.desk.world import DeskWorld
from tests.consortium import count
from tests.doors import await_waiting
from tests.unit.desk.test_tagging import model

SHOTS = ("front", "logo", "stitching", "label")


@pytest.fixture
def tagged(world: DeskWorld, tmp_path: Path) -> Iterator[DeskWorld]:
    machines = replace(world.worker.machines, tagger=Tagger(model(tmp_path / "model")))
    world.worker = replace(world.worker, machines=machines)
    yield world


def tinted(seed: int, name: str, *, green: bool) -> bytes:
    pixels: Pixels = draw(seed, category="scarf", shot=name, size=(840, 630))
    pixels //= 3
    pixels[..., 1 if green else 0] = 230
    return jpeg(pixels)


def sent(world: DeskWorld, *, green: str | None = None) -> str:
    case = str(world.new(category="scarf")["id"])
    for number, name in enumerate(SHOTS):
        for _ in range(3):
            if world.send(case, name, tinted(3_000 + number, name, green=name == green)).json()["state"] == "good":
                break
    world.submit(case)
    world.work(most=100)
    return case


def reviews(world: DeskWorld) -> Any:
    return world.desk("ada", "GET", "/reviews").json()["reviews"]


def test_tags_fill_the_case_and_stand_with_their_version_in_the_evidence(tagged: DeskWorld) -> None:
    case = sent(tagged)
    shown = tagged.claimed("ada", case)
    tagged.decide("ada", case, "not-authentic")
    tagged.work()

    evidence = tagged.doors.get("PLATFORM", f"/v1/cases/{case}/evidence").json()

    found = [check for check in evidence["checks"] if check["kind"] == "tags"]
    assert shown["tags"] == {"colour": "red"} and reviews(tagged) == []
    assert len(found) == len(SHOTS) and {check["version"][:5] for check in found} == {"tags-"}


def test_what_is_flagged_waits_for_a_person_who_allows_or_refuses_with_grounds(tagged: DeskWorld) -> None:
    case = sent(tagged, green="logo")
    (review,) = reviews(tagged)
    path = f"/reviews/{review['id']}"
    picture = tagged.desk("ada", "GET", f"{path}/photos/0")
    ruling = {"ruling": "refused", "labels": ["weapon", "animal"], "grounds": "A knife beside the scarf, and a cat."}

    decided, again = (tagged.desk(who, "POST", f"{path}/ruling", ruling) for who in ("ada", "bo"))
    labels = tagged.desk("bo", "GET", "/reviews/labels").json()["labels"]

    assert (review["kind"], review["subject"], review["flags"][0]["label"]) == ("case", case, "weapon")
    assert picture.content.startswith(b"\xff\xd8\xff")
    assert (decided.json()["state"], decided.json()["reviewer"]) == ("refused", tagged.ids["ada"])
    assert (again.status_code, again.json()["code"]) == (409, "review-decided") and reviews(tagged) == []
    assert [(one["label"], one["precision"], one["recall"]) for one in labels] == [("animal", None, 0.0), ("weapon", 1.0, 1.0)]


def test_without_a_model_the_check_is_off_and_says_so(world: DeskWorld) -> None:
    case = sent(world, green="logo")

    shown = world.claimed("ada", case)

    assert {check["state"] for check in shown["checks"] if check["kind"] == "tags"} == {"off"}
    assert shown["tags"] == {} and reviews(world) == []


def test_a_reviewer_may_ask_for_a_review_that_no_machine_did(world: DeskWorld) -> None:
    case = world.new(category="scarf")["id"]

    first, second = (world.desk("ada", "POST", "/reviews", {"case": case}) for _ in range(2))
    unknown = world.desk("ada", "POST", "/reviews", {"case": "0" * 32})

    assert first.status_code == 201 and first.json()["id"] == second.json()["id"] and first.json()["flags"] == []
    assert unknown.json()["code"] == "no-such-case"


def test_a_listings_photos_are_reviewed_once_and_for_one_desk_alone(world: DeskWorld) -> None:
    flag = Flag(0, "weapon", 0.9)
    with writing(world.doors.engine) as connection:
        for number, organization in enumerate((b"\x01" * 32, b"\x01" * 32, b"\x02" * 32)):
            subject = Subject(organization, "listing", f"L{number // 2}", ["a" * 64])
            screening.open_review(connection, subject, [flag], "tags-1", id=f"{number:032x}", now=world.worker.clock())
        mine = screening.waiting(connection, b"\x01" * 32, after=None, most=10)

    path, ruling = f"/reviews/{mine[0].id}", {"ruling": "allowed", "grounds": "it is a toy"}
    others = [
        world.desk("ada", "GET", path),
        world.desk("ada", "GET", f"{path}/photos/0"),
        world.desk("ada", "POST", f"{path}/ruling", ruling),
    ]

    assert [one.subject for one in mine] == ["L0"]
    assert reviews(world) == [] and {(other.status_code, other.json()["code"]) for other in others} == {(404, "no-such-review")}
    assert count(world.doors.engine, "reviews", "state = 'waiting'") == 2


def test_a_case_of_another_desk_is_put_into_no_queue(world: DeskWorld) -> None:
    case = world.new(category="scarf")["id"]
    with writing(world.doors.engine) as connection:
        connection.execute(text("UPDATE cases SET authenticator = :other"), {"other": b"\x02" * 32})

    answer = world.desk("ada", "POST", "/reviews", {"case": case})

    assert (answer.status_code, answer.json()["code"]) == (404, "no-such-case") and count(world.doors.engine, "reviews") == 0


def flag(connection: Connection, case: str, photo: int, label: str, now: datetime) -> str:
    row, shots = rows.case(connection, case), rows.newest_shots(connection, case)
    assert row is not None
    subject = Subject(row.authenticator, "case", case, [shot.shown for shot in shots.values()])
    return screening.open_review(connection, subject, [Flag(photo, label, 0.9)], "tags-1", id=f"{photo:032x}", now=now)


@pytest.mark.parametrize("meanwhile", ["opened", "joined", "decided"])
def test_what_is_flagged_at_the_same_time_waits_for_a_person(world: DeskWorld, meanwhile: str) -> None:
    """Two machines look at two photos of one case; or somebody decides what was flagged before."""
    case, engine, now = world.opened(), world.doors.engine, world.worker.clock()
    if meanwhile != "opened":
        with writing(engine) as connection:
            flag(connection, case, 0, "weapon", now)

    def another() -> str:
        with writing(engine) as connection:
            return flag(connection, case, 1, "ivory", now)

    with ThreadPoolExecutor(1) as pool:
        with writing(engine) as connection:
            if meanwhile == "decided":
                found = screening.review(connection, rows.case(connection, case).authenticator, f"{0:032x}")  # type: ignore[union-attr]  # it is
                screening.decide(connection, found, "allowed", labels=(), grounds="a toy", reviewer=world.ids["ada"], now=now)
            else:
                flag(connection, case, 2, "fur", now)
            asked = pool.submit(another)
            await_waiting(engine, 1)
        asked.result()

    with reading(engine) as connection:
        waiting = connection.execute(text("SELECT flags FROM reviews WHERE state = 'waiting'")).scalars().all()
    assert len(waiting) == 1 and "ivory" in waiting[0]
    assert ("fur" in waiting[0]) == (meanwhile != "decided")
