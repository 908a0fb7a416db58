"""`make bench`: every figure of results.json, each against its baseline in the same run; ends with 1 when a bar is missed."""

import sys

from benchmarks import (
    accepting,
    bulk,
    checking,
    clones,
    desk,
    desk_checks,
    indexing,
    lookup,
    photo_quality,
    photo_reuse,
    pipeline,
    proofs,
    restart,
    verdicts,
)
from benchmarks.figures import RESULTS, keep


def main() -> int:
    missed = []
    for part in (
        pipeline,
        accepting,
        lookup,
        indexing,
        proofs,
        restart,
        checking,
        photo_quality,
        photo_reuse,
        desk,
        desk_checks,
        verdicts,
        bulk,
        clones,
    ):
        figures = part.measure()
        keep(figures)
        for figure in figures:
            ratio = f", {figure.ratio}× {figure.baseline_is}" if figure.ratio is not None else ""
            print(f"{figure.name}: {figure.value} {figure.unit}{ratio} (bar {figure.bar})")
        missed += [figure for figure in figures if figure.is_missed]
    print(f"kept in {RESULTS.name}")
    for figure in missed:
        print(f"missed: {figure.name} {figure.bar}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
