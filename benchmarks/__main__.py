"""`make bench`: every figure of results.json, each against its baseline in the same run."""

from benchmarks import accepting, checking, desk, indexing, lookup, photo_quality, pipeline, proofs, restart
from benchmarks.figures import RESULTS, keep


def main() -> None:
    for part in (pipeline, accepting, lookup, indexing, proofs, restart, checking, photo_quality, desk):
        figures = part.measure()
        keep(figures)
        for figure in figures:
            ratio = f", {figure.ratio}× {figure.baseline_is}" if figure.ratio is not None else ""
            print(f"{figure.name}: {figure.value} {figure.unit}{ratio} (bar {figure.bar})")
    print(f"kept in {RESULTS.name}")


if __name__ == "__main__":
    main()
