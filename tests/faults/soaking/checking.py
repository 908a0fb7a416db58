"""The chain against the callers' book: nothing of ours is asked but, for what is not on the chain, the reason at the door."""

from collections import Counter
from dataclasses import dataclass

from ledger_verify import hashing
from ledger_verify.logs import Recorded
from ledger_verify.wire import decode_log
from tests.faults.fleet import Brand, Fleet

BLOCKS_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Balance:
    """What the chain has of what was answered with 202."""

    recorded: int
    refused: int
    lost: int  # accepted, and neither recorded nor refused with a reason
    duplicated: int  # recordings beyond an event's first
    invented: int  # recorded, and nobody sent it


def balance(fleet: Fleet, accepted: dict[str, str], members: list[Brand]) -> Balance:
    on_chain = recordings(fleet)
    missing = [event for event in accepted if event not in on_chain]
    refused = sum(any(_is_refused(fleet, member, event) for member in members) for event in missing)
    return Balance(
        recorded=len(on_chain),
        refused=refused,
        lost=len(missing) - refused,
        duplicated=sum(count - 1 for count in on_chain.values()),
        invented=sum(event not in accepted for event in on_chain),
    )


def recordings(fleet: Fleet) -> Counter[str]:
    """How often the node's own logs have each event id."""
    head = int(fleet.node.call("eth_blockNumber"), 16)
    found: Counter[str] = Counter()
    for first in range(0, head + 1, BLOCKS_AT_ONCE):
        asked = {"fromBlock": hex(first), "toBlock": hex(min(first + BLOCKS_AT_ONCE - 1, head)), "address": "0x" + _ledger(fleet)}
        for log in fleet.node.call("eth_getLogs", asked):
            said = decode_log([bytes.fromhex(topic[2:]) for topic in log["topics"]], bytes.fromhex(log["data"][2:]))
            if isinstance(said, Recorded):
                found["0x" + hashing.event_id(said.organization, said.item, said.kind, said.occurred_at, said.payload).hex()] += 1
    return found


def _ledger(fleet: Fleet) -> str:
    return fleet.service.network.ledger.hex()


def _is_refused(fleet: Fleet, member: Brand, event: str) -> bool:
    status, told = fleet.get(f"/v1/events/{event}", member)
    return status == 200 and told["status"] == "refused" and bool(told["reason"])
