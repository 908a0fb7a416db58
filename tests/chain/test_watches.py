"""A watch from end to end on a real chain: the platform hears within seconds of the block, hears again when a reorg takes the block back,
and once more when the event is recorded anew.
"""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from ledger_api import operating
from ledger_api.store.engine import reading
from tests.faults.fleet import Brand, Fleet, fleet_of
from tests.receivers import Receiver, receiving

SECONDS = 10  # between the block's own time and the notice; a second or two when the machine has nothing else to do


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folder: Path = tmp_path_factory.mktemp("watches")
    with fleet_of(folder, f"sqlite:///{folder / 'ledger.db'}", confirmations=30, webhook_loopback=True) as fleet:
        yield fleet


def ask(fleet: Fleet, key: str, path: str, body: Any) -> Any:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    status, told = fleet.ask("POST", path, json.dumps(body).encode(), headers)
    assert status < 300, told
    return told


def until(happens: Callable[[], bool], fleet: Fleet, *, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < deadline, fleet.picture()
        time.sleep(0.05)


def held_at(fleet: Fleet) -> int | None:
    """The block that holds the hold, when the indexer has read it."""
    with reading(fleet.service.engine) as connection:
        return connection.execute(text("SELECT block_number FROM records WHERE kind = 12")).scalar()


def mined(fleet: Fleet) -> int:
    """When the block says that the hold was recorded."""
    block = fleet.node.call("eth_getBlockByNumber", hex(held_at(fleet) or 0), False)
    return int(block["timestamp"], 16)


def watched(fleet: Fleet, maison: Brand, platform: Brand, receiver: Receiver) -> dict[str, Any]:
    """A bag that its maison has recorded, which the platform watches. The answer."""
    (bag,) = fleet.births(1)
    assert fleet.send(maison, [bag])[0] == 202
    fleet.settle()
    key = operating.create_api_key(fleet.service, organization=platform.did, scopes=["organization verify"], name="watch")["key"]
    ask(fleet, key, "/v1/webhooks/endpoints", {"url": receiver.url, "types": ["verification.*"]})
    told: dict[str, Any] = ask(fleet, key, "/v1/verifications", {"gtin": bag["gtin"], "serial": bag["serial"], "watch": True})
    return told | {"bag": bag}


def test_the_platform_hears_of_a_stolen_item_within_seconds_and_again_when_a_reorg_takes_it_back(fleet: Fleet) -> None:
    maison, platform = fleet.brand("maison"), fleet.admit("pixel", "platform")
    for process in ("serve", "index", "work", "notify"):
        fleet.start(process)
    with receiving() as receiver:
        bag = watched(fleet, maison, platform, receiver)["bag"]
        item = {"gtin": bag["gtin"], "serial": bag["serial"]}
        fleet.send(maison, [{"kind": "hold", "occurred_at": "2025-07-15T15:06:40Z", "item": item, "hold": "stolen"}])
        until(lambda: len(receiver.good) == 1, fleet)
        seconds_after_the_block = time.time() - mined(fleet)
        head = int(fleet.node.call("eth_blockNumber"), 16)
        fleet.node.call("anvil_reorg", head - int(held_at(fleet) or head) + 1, [])
        until(lambda: len(receiver.good) >= 3, fleet)

    print(f"{seconds_after_the_block:.2f} s from the block to the notice")  # noqa: T201  # for whoever runs it with -s
    assert seconds_after_the_block < SECONDS
    told = [one.told["data"] for one in receiver.good]
    assert [one["new"]["decision"] for one in told[:3]] == ["reject", "quarantine", "reject"]
    assert ["on-hold:stolen" in [reason["code"] for reason in one["new"]["reasons"]] for one in told[:3]] == [True, False, True]
    assert [one["old"]["decision"] for one in told[:3]] == ["quarantine", "reject", "quarantine"]
