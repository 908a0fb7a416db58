"""Cohen's kappa: known examples, and the cases in which chance explains everything."""

import pytest

from ledger_api.desk.agreement import agreements, kappa


def test_a_known_example() -> None:
    """J. Cohen's two-by-two: 20 and 15 agree, 5 and 10 do not."""
    judged = [("yes", "yes")] * 20 + [("yes", "no")] * 5 + [("no", "yes")] * 10 + [("no", "no")] * 15

    assert kappa(judged) == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("judged", "expected"),
    [
        ([], None),
        ([("yes", "yes")] * 9, None),
        ([("yes", "yes"), ("no", "no")], 1.0),
        ([("yes", "no"), ("no", "yes")], -1.0),
        ([("yes", "yes"), ("yes", "no"), ("no", "yes"), ("no", "no")], 0.0),
    ],
)
def test_none_all_and_chance(judged: list[tuple[str, str]], expected: float | None) -> None:
    assert kappa(judged) == expected


def test_a_pair_is_one_line_whoever_was_first() -> None:
    told = agreements([("bo", "ada", "yes", "no"), ("ada", "bo", "no", "yes"), ("ada", "cleo", "yes", "yes")])

    assert [(one.pair, one.cases, one.agreed) for one in told] == [(("ada", "bo"), 2, 0), (("ada", "cleo"), 1, 1)]
