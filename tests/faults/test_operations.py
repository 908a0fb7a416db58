"""The service as an operator sees it, in real processes: statuses that go back on a reorg, finality by the chain's own word, lines that
lead from the call to the receipt and hold no secret, a stop that finishes what it began.
"""

import contextlib
import http.client
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from ledger_api import operating
from ledger_api.cli import app
from ledger_api.outbox.worker import Worker
from ledger_api.store.engine import writing
from ledger_verify.transition import Role
from tests import servers
from tests.chain.outbox_world import OutboxWorld
from tests.doors import eventually
from tests.faults.fleet import Brand, Fleet, fleet_of


class Listener(threading.Thread):
    """Hears a submission's status as a caller does, over a real connection."""

    def __init__(self, fleet: Fleet, brand: Brand, submission: str) -> None:
        super().__init__(daemon=True)
        self.heard: list[dict[str, Any]] = []
        place = urlsplit(fleet.url)
        self._connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=60)
        self._connection.request("GET", f"/v1/submissions/{submission}/stream", headers={"Authorization": f"Bearer {brand.key}"})
        self._answer = self._connection.getresponse()
        self.start()

    def run(self) -> None:
        with contextlib.closing(self._connection), contextlib.suppress(OSError, http.client.HTTPException):
            for line in self._answer:
                if line.startswith(b"data: "):
                    self.heard.append(json.loads(line[6:]))

    def statuses(self) -> list[str]:
        return [one["status"] for one in self.heard]


@contextmanager
def fleet_by_hand(folder: Path, **settings: Any) -> Iterator[tuple[Fleet, Brand]]:
    with fleet_of(folder, f"sqlite:///{folder / 'ledger.db'}", mine_by_hand=True, block_time=None, **settings) as fleet:
        yield fleet, fleet.brand("maison")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Fleet, Brand]]:
    """One chain and one `serve` process for several tests; worker and indexer are turned by hand."""
    with fleet_by_hand(tmp_path_factory.mktemp("served"), confirmations=6) as (fleet, maison):
        fleet.start("serve")
        yield fleet, maison


def carry(fleet: Fleet) -> None:
    worker = Worker(fleet.service.surroundings(), owner="by hand")
    worker.turn()
    worker.stop()


def test_a_subscriber_hears_that_a_reorg_took_the_event_back_and_that_it_is_recorded_again(served: tuple[Fleet, Brand]) -> None:
    fleet, maison = served
    submission = fleet.send(maison, fleet.births(3))[1]["submission"]
    listener = Listener(fleet, maison, submission)
    carry(fleet)
    fleet.mine()
    fleet.index()
    eventually(lambda: listener.statuses() == ["accepted", "recorded"])

    fleet.node.call("anvil_reorg", 1, [])  # another block in its place, without our transaction
    fleet.mine()
    fleet.index()
    eventually(lambda: listener.statuses()[-1] == "accepted")
    carry(fleet)
    fleet.mine()
    fleet.index()
    eventually(lambda: listener.statuses()[-1] == "recorded")
    fleet.mine(7)
    fleet.index()
    listener.join(timeout=60)

    assert listener.statuses() == ["accepted", "recorded", "accepted", "recorded", "final"]
    assert [one["counts"]["accepted"] for one in listener.heard] == [3, 0, 3, 0, 0]
    assert b"ledger_reorgs_total 1.0" in fleet.get("/metrics")[1]


def test_what_is_parked_is_shown_to_the_caller_and_rings(served: tuple[Fleet, Brand]) -> None:
    fleet, maison = served
    submission = fleet.send(maison, fleet.births(2))[1]["submission"]
    with writing(fleet.service.engine) as connection:  # a row that somebody altered
        connection.execute(
            text("UPDATE events SET occurred_at = occurred_at + 1 WHERE submission = :s AND position = 0"), {"s": submission}
        )

    carry(fleet)
    fleet.mine()
    fleet.index()

    told = fleet.get(f"/v1/submissions/{submission}", maison)[1]
    assert told["counts"] == {"accepted": 1, "recorded": 1, "final": 0, "refused": 0, "parked": 1}
    assert (told["events"][0]["status"], told["events"][0]["parked"]["code"]) == ("accepted", "integrity")
    assert "parked" in [one["code"] for one in fleet.get("/readyz")[1]["warnings"]]
    assert operating.refuse(fleet.service, submission, reason="malformed") == {"letters": 1, "events": 1}
    assert fleet.get(f"/v1/submissions/{submission}", maison)[1]["counts"]["refused"] == 1


def test_an_operator_lists_shows_requeues_and_ends_at_the_command_line(served: tuple[Fleet, Brand]) -> None:
    fleet, maison = served
    submission = fleet.send(maison, fleet.births(2))[1]["submission"]
    with writing(fleet.service.engine) as connection:
        parked = text("UPDATE events SET parked = id, error = 'would-revert: no', failures = 10 WHERE submission = :submission")
        connection.execute(parked, {"submission": submission})

    letters = ledger(fleet, "list", "--parked")
    waiting = ledger(fleet, "list", "--waiting")
    shown = ledger(fleet, "show", letters[0]["event"])
    requeued = ledger(fleet, "requeue", letters[0]["event"])
    ended = ledger(fleet, "refuse", submission, "--reason", "superseded")

    assert [(one["code"], one["message"], one["failures"], one["submission"]) for one in letters] == [
        ("would-revert", "no", 10, submission)
    ] * 2
    assert [(one["submission"], one["waiting"], one["parked"]) for one in waiting] == [(submission, 2, 2)]
    assert (shown["submission"], shown["organization"], shown["counts"]["parked"]) == (submission, maison.did, 2)
    assert (requeued, ended) == ({"letters": 1, "events": 1}, {"letters": 1, "events": 1})
    assert [one["status"] for one in ledger(fleet, "show", submission)["events"]] == ["accepted", "refused"]


def ledger(fleet: Fleet, *arguments: str) -> Any:
    """`ledger submissions …`, as somebody at a terminal; what it prints for people must not fail either."""
    if arguments[0] in ("list", "show"):
        assert CliRunner().invoke(app, ["submissions", *arguments], env=fleet._environment()).exit_code == 0
    told = CliRunner().invoke(app, ["submissions", *arguments, "--json"], env=fleet._environment())
    assert told.exit_code == 0, told.output
    return json.loads(told.stdout)


def test_final_is_what_the_node_calls_finalized(tmp_path: Path) -> None:
    with servers.anvil(slots_in_an_epoch=2) as url:
        world = OutboxWorld(url, tmp_path / "home", f"sqlite:///{tmp_path / 'ledger.db'}", confirmations=0)
        maison = world.admit("maison", Role.BRAND)
        world.mine_by_hand()
        world.manufacture(maison)
        world.worker().turn()
        world.mine()
        recorded_in = int(world.node.call("eth_blockNumber"), 16)
        seen = set()

        for _ in range(8):
            finalized = int(world.node.call("eth_getBlockByNumber", "finalized", False)["number"], 16)
            world.index()
            seen.add((finalized >= recorded_in, world.statuses()[0]))
            world.mine()

        assert seen == {(False, "recorded"), (True, "final")}
        world.close()


def test_one_grep_follows_an_event_and_no_line_holds_a_secret(tmp_path: Path) -> None:
    with fleet_by_hand(tmp_path) as (fleet, maison):
        members = [fleet.start(command) for command in ("serve", "work --lane 0", "index")]
        headers = {"Authorization": f"Bearer {maison.key}", "Content-Type": "application/json", "X-Request-ID": "till-7.morning"}
        submission = fleet.ask("POST", "/v1/events", json.dumps(fleet.births(2)).encode(), headers)[1]["submission"]
        fleet.ask("POST", "/v1/events", b"{", headers | {"Authorization": "Bearer lk_wrong", "X-Request-ID": "a thief"})
        fleet.settle(seconds=120)
        fleet.get(f"/01/09990000100019/21/F{0:07d}")

        told = "\n".join(member.log.strip() for member in members)
        assert [line for line in told.splitlines() if not line.startswith("{")] == []
        way = [line for line in map(json.loads, told.splitlines()) if submission in line.get("submissions", [])]
        assert [line["event"] for line in way] == ["events received", "transaction sent", "transaction landed"]
        assert {request for line in way for request in line["requests"]} == {"till-7.morning"}
        assert [secret for secret in secrets_of(fleet, maison) if secret in told] == []
        assert "F0000000" not in told and "/01/{gtin}/21/{serial:path}" in told


def secrets_of(fleet: Fleet, brand: Brand) -> list[str]:
    """Every key and passphrase of the run, in the forms in which one could slip out."""
    keyring, home = fleet.service.keyring, fleet.settings.home
    found = [brand.key, brand.key.split("_")[-1], (home / "keys" / "passphrase").read_text().strip()]
    for path in (home / "keys").rglob("*.json"):
        found += [value for value in _strings(json.loads(path.read_text())) if len(value) >= 32]
    for signer in (keyring.signer(brand.id), keyring.relayer(0), keyring.owner(), keyring.service()):
        found.append(signer._key.secret.hex())
    found.append(keyring.blinding(brand.id)[1].hex())
    return found


def _strings(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for one in value.values():
                yield from _strings(one)
        case _:
            return


def test_a_worker_that_is_asked_to_end_finishes_its_transaction_and_gives_its_lane_back(tmp_path: Path) -> None:
    with fleet_by_hand(tmp_path, lease_seconds=600) as (fleet, maison):
        for _ in range(6):
            fleet.accept(maison, fleet.births(1000))
        first = fleet.start("work --lane 0")
        eventually(lambda: fleet.hanging()["transaction"] >= 1)

        code = first.end()
        hanging = fleet.hanging()
        carry(fleet)  # though the lease would run for ten minutes

        assert code == 0
        assert hanging["event"] == 6000 and hanging["transaction"] < 16
        assert fleet.hanging()["transaction"] == 16


def test_a_serving_process_ends_in_time_though_somebody_listens(served: tuple[Fleet, Brand]) -> None:
    fleet, maison = served
    listener = Listener(fleet, maison, fleet.send(maison, fleet.births(1))[1]["submission"])
    eventually(lambda: listener.statuses() == ["accepted"])

    began = time.monotonic()
    code = fleet.members[0].end(seconds=40)

    assert code == 0
    assert time.monotonic() - began < 20
