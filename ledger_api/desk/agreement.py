"""How well two appraisers agree beyond what chance would give: Cohen's kappa (J. Cohen, 1960). Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Agreement(NamedTuple):
    """Of one pair, in the order of their names. `kappa` None: both always said the same one thing, and chance explains it all."""

    pair: tuple[str, str]
    cases: int
    agreed: int
    kappa: float | None


def kappa(judged: Sequence[tuple[str, str]]) -> float | None:
    """Of pairs of outcomes; None for none, or where agreement by chance is certain."""
    if not judged:
        return None
    total = len(judged)
    observed = sum(first == second for first, second in judged) / total
    firsts, seconds = Counter(first for first, _ in judged), Counter(second for _, second in judged)
    by_chance = sum(firsts[outcome] * seconds[outcome] for outcome in firsts) / total**2
    return None if by_chance == 1 else (observed - by_chance) / (1 - by_chance)


def agreements(told: Iterable[tuple[str, str, str, str]]) -> list[Agreement]:
    """From (appraiser, other, outcome, other's outcome) of each case: one line per pair, whoever of them was first."""
    by_pair: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for first, second, outcome, other in told:
        ordered = (first, second) if first <= second else (second, first)
        by_pair.setdefault(ordered, []).append((outcome, other) if first <= second else (other, outcome))
    return [
        Agreement(pair, len(judged), sum(one == other for one, other in judged), kappa(judged)) for pair, judged in sorted(by_pair.items())
    ]
