"""Each step of a case is told in the transaction that takes it: to the platform that asked and to the desk; privately, to nobody."""

from typing import Any

import orjson
from sqlalchemy import text

from ledger_api.store.engine import reading
from tests.api.desk.world import DeskWorld
from tests.consortium import EXPERT, PLATFORM


def told(world: DeskWorld, organization: bytes) -> list[dict[str, Any]]:
    with reading(world.doors.engine) as connection:
        asked = text("SELECT body FROM webhook_notices WHERE organization = :who ORDER BY number")
        return [orjson.loads(body) for body in connection.execute(asked, {"who": organization}).scalars()]


def test_platform_and_desk_hear_of_each_step_in_its_order(world: DeskWorld) -> None:
    case = world.queued(reference="R-7")
    world.judged(case, "ada", "authentic")

    heard = told(world, PLATFORM)
    assert [one["type"] for one in heard] == [f"case.{line['state']}" for line in steps(world, case)]
    assert {one["subject"] for one in heard} == {f"case:{case}"} and {one["data"]["reference"] for one in heard} == {"R-7"}
    assert [one["data"] for one in told(world, EXPERT)] == [one["data"] for one in heard]


def steps(world: DeskWorld, case: str) -> list[dict[str, Any]]:
    """Lines of the journal at which the state changed."""
    lines = world.look(case)["journal"]
    return [line for before, line in zip([{"state": ""}, *lines], lines, strict=False) if line["state"] != before["state"]]


def test_what_was_found_is_told_when_it_is_concluded_and_not_before(world: DeskWorld) -> None:
    world.judged(world.queued(), "ada", "authentic")

    outcomes = {one["data"]["state"]: one["data"]["outcome"] for one in told(world, PLATFORM)}
    assert outcomes["recording"] is None and outcomes["appraising"] is None


def test_nobody_is_told_of_a_private_person_s_case(world: DeskWorld) -> None:
    world.person().opened()

    assert told(world, PLATFORM) == told(world, EXPERT) == []
