"""What an audit found: checks with what they examined, numbers, and what was merely on its way. Pure."""

from dataclasses import dataclass, field
from typing import Any

MOST_FINDINGS = 50  # of one check that are kept in words; all are counted


@dataclass(slots=True)
class Check:
    """One promise, how many things it was held against, and where it was broken."""

    name: str
    examined: int = 0
    findings: list[str] = field(default_factory=list)
    found: int = 0

    def find(self, sentence: str) -> None:
        self.found += 1
        if len(self.findings) < MOST_FINDINGS:
            self.findings.append(sentence)


@dataclass(slots=True)
class Report:
    """As of one block. `in_flight` counts what the service is still at work on: no finding, unless everything should have settled."""

    chain_id: int
    block: int
    block_hash: bytes
    behind: int = 0  # blocks that the database had not followed yet
    checks: list[Check] = field(default_factory=list)
    in_flight: dict[str, int] = field(default_factory=dict)
    events: int = 0  # ever accepted
    recorded: int = 0  # by the chain, of ours
    refused: int = 0
    lost: int = 0  # accepted, said to be recorded or carried, and not on the chain
    duplicated: int = 0  # recordings of an event beyond its first
    foreign: int = 0  # recorded by organizations that sign elsewhere, in transactions that are not ours
    recorded_before_restore: int = 0  # ours, from the time that a restored backup does not know, adopted as such by an operator

    @property
    def is_clean(self) -> bool:
        return not any(check.found for check in self.checks)

    @property
    def waiting(self) -> int:
        """Accepted events whose outcome the chain has not told yet."""
        return sum(self.in_flight.get(name, 0) for name in ("loose", "pending", "travelling", "parked"))

    def as_json(self) -> dict[str, Any]:
        numbers = ("events", "recorded", "refused", "waiting", "lost", "duplicated", "foreign", "recorded_before_restore")
        return {
            "clean": self.is_clean,
            "as_of": {"chain_id": self.chain_id, "block": self.block, "block_hash": "0x" + self.block_hash.hex(), "behind": self.behind},
            **{name: getattr(self, name) for name in numbers},
            "in_flight": dict(self.in_flight),
            "checks": [
                {"name": check.name, "examined": check.examined, "found": check.found, "findings": check.findings} for check in self.checks
            ],
        }


def shown(octets: bytes) -> str:
    return "0x" + octets.hex()
