"""A benchmark that misses what the project promises says so."""

import json
import re

import pytest

from benchmarks.figures import RESULTS, Figure


@pytest.mark.parametrize(
    ("bar", "value", "ratio", "is_missed"),
    [
        ("≥ 3000", 2999, None, True), ("≥ 3000", 3000, None, False), ("< 2", 2.0, None, True), ("< 2", 1.99, None, False),
        ("≥ 10×", 1, 10.0, False), ("≥ 10×", 100, 9.9, True), ("≥ 300", 843, 0.16, False), ("≥ 0.9 at ≤ 0.1 % false", 0.89, None, True),
        ("", 0, None, False),
    ],
)  # fmt: skip
def test_a_bar_is_of_the_value_or_of_the_ratio(bar: str, value: float, ratio: float | None, is_missed: bool) -> None:
    assert Figure("figure", value, "s", ratio=ratio, bar=bar).is_missed is is_missed


def test_every_bar_of_the_last_run_is_understood() -> None:
    """One that is not would never be missed."""
    bars = {one["bar"] for one in json.loads(RESULTS.read_text())} - {""}

    assert [bar for bar in bars if not re.match(r"(?:≥|<) [0-9.]+", bar)] == []
