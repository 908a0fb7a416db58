"""Proofs: how many of a five-event item are checked per second in Python, and how large they are for 5 and for 50 events.

Made on a real chain by the real service, public fields shown, and judged alike by both verifiers; the check is the whole recipe with every
trusted fact, on one core. The baseline is what no verifier can do without: the signatures of the same file alone.
"""

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from benchmarks.figures import Figure, keep
from ledger_api.proving import Made
from ledger_verify.checking import check
from ledger_verify.hashing import keccak
from ledger_verify.signers import recover
from tests.chain.proof_world import ProofWorld, later, life, proof_world
from tests.unit.web.verifiers import as_typed, browser, command_line

ROUNDS, SECONDS = 9, 0.5
MANY = 50


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder, proof_world(Path(folder), f"sqlite:///{folder}/ledger.db") as world:
        few, whole = proofs(world)
        trust = world.trust(world.hash_of(few.block))
        require_agreement(world, few, whole)
    checked = per_second(lambda: check(few.body, trust))
    signatures = [bytes.fromhex(event["signer"]["signature"][2:]) for event in json.loads(few.body)["events"]]
    alone = per_second(lambda: [recover(keccak(one), one) for one in signatures])
    how = f"{len(few.body)} bytes, 5 events, 5 signers, header and state proofs; median of {ROUNDS} rounds, by processor time"
    on = "Anvil; hexadecimal text, not compressed"
    return [
        Figure(
            "proof_verify_per_s", round(checked), "proofs/s", round(alone), "the signatures alone", round(checked / alone, 2), "≥ 300", how
        ),
        Figure("proof_bytes_5", len(few.body), "bytes", note=on),
        Figure("proof_bytes_50", len(whole.body), "bytes", note=on),
    ]


def proofs(world: ProofWorld) -> tuple[Made, Made]:
    """Of an item after 5 events, and after 50, each in a batch of its own."""
    item = life(world)
    few, brand = world.prove(item), world.organization("maison")
    for number in range(5, MANY):
        world.record(brand, later(world, "service", "S-1", number, {"description": f"visit {number}", "parts": ["strap"]}))
    return few, world.prove(item)


def require_agreement(world: ProofWorld, few: Made, whole: Made) -> None:
    """The two files whose figures are told are anchored, whole, and the same to both verifiers."""
    with browser() as page:
        for made, events in ((few, 5), (whole, MANY)):
            trust = as_typed(world.trust(world.hash_of(made.block)))
            told = page.answer(made.body, trust)
            assert told == command_line(made.body, trust), "the two verifiers disagree"
            assert (told["verdict"], told["events"]) == ("anchored", events)


def per_second(work: Callable[[], object]) -> float:
    return median(_round(work) for _ in range(ROUNDS))


def _round(work: Callable[[], object]) -> float:
    """Per second of processor time: what else the machine does is not the verifier's."""
    done, began = 0, time.process_time()
    while time.process_time() - began < SECONDS:
        work()
        done += 1
    return done / (time.process_time() - began)


def main() -> None:
    figures = measure()
    keep(figures)
    print(json.dumps({figure.name: figure.value for figure in figures}))


if __name__ == "__main__":
    main()
