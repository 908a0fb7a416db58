"""Counters that outlive every process, for metrics: refusals by who refused and why, reorgs, costs. Written beside what they count."""

from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import Connection, text

DOOR, CHAIN, WORKER = "refusals-door", "refusals-chain", "refusals-worker"
RECORDED, REORGS, DEEPEST_REORG = "recorded", "reorgs", "deepest-reorg"
GAS, FEE_WEI = "gas", "fee-wei"

_ADD = text(
    "INSERT INTO tallies (name, label, value) VALUES (:name, :label, :value)"
    " ON CONFLICT (name, label) DO UPDATE SET value = tallies.value + excluded.value"
)
_RAISE = text(
    "INSERT INTO tallies (name, label, value) VALUES (:name, :label, :value)"
    " ON CONFLICT (name, label) DO UPDATE SET value = CASE WHEN excluded.value > tallies.value THEN excluded.value ELSE tallies.value END"
)
_READ = text("SELECT name, label, value FROM tallies ORDER BY name, label")


class Tally(NamedTuple):
    name: str
    label: str
    value: float


def add(connection: Connection, name: str, counts: Mapping[str, int]) -> None:
    """By label. In one order, so that two transactions never wait for each other; best the last thing a transaction writes."""
    for label, count in sorted(counts.items()):
        connection.execute(_ADD, {"name": name, "label": label, "value": float(count)})


def at_least(connection: Connection, name: str, value: int) -> None:
    """The most that was ever seen."""
    connection.execute(_RAISE, {"name": name, "label": "", "value": float(value)})


def read(connection: Connection) -> list[Tally]:
    return [Tally._make(row) for row in connection.execute(_READ)]
