"""`make soak`: run the soak, print what broke and what came of it, write benchmarks/soak.json; ends with 1 when a promise is broken."""

import argparse
import json
import logging
import sys
import tempfile
from pathlib import Path
from random import SystemRandom

import structlog
from rich.console import Console
from rich.table import Table

from tests.faults.soaking.running import Outcome, Plan, soak

TARGET = Path(__file__).resolve().parent.parent / "benchmarks" / "soak.json"
FULL_SECONDS = 600  # of a run that has to reach the figures below
LEAST_EVENTS, LEAST_FAULTS, LEAST_KINDS, LEAST_RATIO = 50_000, 500, 20, 0.5


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=FULL_SECONDS)
    parser.add_argument("--seed", type=int, default=None, help="what breaks, and in which order; left out: another one each time")
    chosen = parser.parse_args()
    seed = SystemRandom().randrange(10**6) if chosen.seed is None else chosen.seed
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    console = Console()
    console.print(f"seed {seed}, {chosen.seconds:.0f} seconds", highlight=False)
    with tempfile.TemporaryDirectory(prefix="ledger-soak-") as folder:
        outcome = soak(Plan(seconds=chosen.seconds, seed=seed), Path(folder))
    TARGET.write_text(json.dumps(outcome.as_json(), indent=1) + "\n")
    show(console, outcome)
    broken = shortcomings(outcome)
    for sentence in broken:
        console.print(f"[red]{sentence}[/red]", highlight=False, soft_wrap=True)
    return 1 if broken else 0


def show(console: Console, outcome: Outcome) -> None:
    table = Table("fault", "took effect", title=f"{outcome.faults:,} faults of {len(outcome.faults_by_kind)} kinds, seed {outcome.seed}")
    for kind, count in outcome.faults_by_kind.items():
        table.add_row(kind, f"{count:,}")
    console.print(table)
    told = outcome.as_json()
    for name in ("events", "events_under_faults", "refused", "lost", "duplicated", "invented", "restarts", "settle_seconds", "audit"):
        console.print(f"{name.replace('_', ' ')}: {told[name]}", highlight=False, soft_wrap=True)
    console.print(
        f"events per second: {outcome.undisturbed_per_second:,} undisturbed, {outcome.killed_per_second:,} while one worker of two is "
        f"killed every five seconds (ratio {outcome.kill_throughput_ratio}, with leases of {outcome.lease_seconds} seconds)",
        highlight=False,
    )


def shortcomings(outcome: Outcome) -> list[str]:
    """What a soak must show and this one did not; how much it must show depends on how long it ran."""
    share = outcome.seconds / FULL_SECONDS
    found = list(outcome.problems)
    if outcome.lost or outcome.duplicated or outcome.invented or outcome.audit != "clean":
        found.append("the chain, the callers' book and the database do not agree")
    if outcome.events_under_faults < LEAST_EVENTS * share:
        found.append(f"only {outcome.events_under_faults} events while everything broke")
    if outcome.faults < LEAST_FAULTS * share or len(outcome.faults_by_kind) < min(LEAST_KINDS, LEAST_FAULTS * share / 5):
        found.append(f"only {outcome.faults} faults of {len(outcome.faults_by_kind)} kinds")
    if outcome.kill_throughput_ratio < LEAST_RATIO:
        found.append(f"throughput fell to {outcome.kill_throughput_ratio} of the undisturbed while workers were killed")
    return found


if __name__ == "__main__":
    sys.exit(main())
