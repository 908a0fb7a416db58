"""Which opinions count, what overturns one, and how sure a rate is: pure functions of the words of a ledger."""

from dataclasses import asdict
from typing import Any

import pytest

from ledger_api.statistics.overturns import Tally, Word, tally, wilson
from ledger_verify.codes import Kind, Method, Outcome

MAISON, PIXEL, EXPERT = (bytes([number]) * 32 for number in (1, 2, 3))
AUTHENTIC, FAKE, UNSURE = Outcome.AUTHENTIC, Outcome.NOT_AUTHENTIC, Outcome.INCONCLUSIVE
PHOTO, IN_PERSON = Method.PHOTO, Method.IN_PERSON


class Bag:
    """The words about one bag of MAISON's, in order."""

    def __init__(self) -> None:
        self.words: list[Word] = []

    def says(self, who: bytes, outcome: int, method: int = PHOTO, *, is_void: bool = False) -> "Bag":
        kind = Kind.RULING if method == Method.RULING else Kind.VERDICT
        self.words.append(Word(b"bag", len(self.words) + 1, kind, who, MAISON, outcome, method, is_void))
        return self

    def rules(self, outcome: int, *, is_void: bool = False) -> "Bag":
        return self.says(MAISON, outcome, Method.RULING, is_void=is_void)

    def corrects(self, who: bytes, sequence: int, outcome: int) -> "Bag":
        self.words.append(Word(b"bag", len(self.words) + 1, Kind.CORRECTION, who, MAISON, outcome, 0, False, sequence))
        return self

    def of(self, who: bytes) -> dict[str, int]:
        """What is not zero."""
        found: dict[str, Any] = asdict(tally(self.words).get(who, Tally()))
        return {name: count for name, count in found.items() if count}


def test_an_opinion_that_nobody_answered_counts_and_is_not_reviewed() -> None:
    assert Bag().says(PIXEL, FAKE).of(PIXEL) == {"opinions": 1, "not_authentic": 1}


def test_a_ruling_with_the_other_outcome_overturns() -> None:
    assert Bag().says(PIXEL, FAKE).rules(AUTHENTIC).of(PIXEL) == {"opinions": 1, "not_authentic": 1, "reviewed": 1, "overturned": 1}


def test_a_ruling_with_the_same_outcome_confirms() -> None:
    assert Bag().says(PIXEL, FAKE).rules(FAKE).of(PIXEL) == {"opinions": 1, "not_authentic": 1, "reviewed": 1}


def test_a_stronger_method_of_somebody_else_overturns_and_an_equal_one_does_not() -> None:
    assert Bag().says(PIXEL, FAKE).says(EXPERT, AUTHENTIC, IN_PERSON).of(PIXEL)["overturned"] == 1
    assert "reviewed" not in Bag().says(PIXEL, FAKE).says(EXPERT, AUTHENTIC, PHOTO).of(PIXEL)


def test_the_ruling_weighs_more_than_the_stronger_opinion_before_it() -> None:
    bag = Bag().says(PIXEL, AUTHENTIC).says(EXPERT, FAKE, IN_PERSON).rules(AUTHENTIC)

    assert bag.of(PIXEL) == {"opinions": 1, "authentic": 1, "reviewed": 1}
    assert bag.of(EXPERT)["overturned"] == 1


@pytest.mark.parametrize("outcome", [UNSURE])
def test_a_ruling_without_a_conclusion_reviews_nothing(outcome: int) -> None:
    assert Bag().says(PIXEL, FAKE).rules(outcome).of(PIXEL) == {"opinions": 1, "not_authentic": 1}


def test_what_came_before_overturns_nothing() -> None:
    assert Bag().rules(AUTHENTIC).says(PIXEL, FAKE).of(PIXEL) == {"opinions": 1, "not_authentic": 1}


def test_an_own_correction_is_counted_apart() -> None:
    assert Bag().says(PIXEL, FAKE).corrects(PIXEL, 1, AUTHENTIC).of(PIXEL) == {"corrected": 1}
    assert Bag().says(PIXEL, FAKE).corrects(PIXEL, 1, Outcome.NONE).rules(AUTHENTIC).of(PIXEL) == {"corrected": 1}


def test_a_correction_after_the_ruling_comes_too_late() -> None:
    bag = Bag().says(PIXEL, FAKE).rules(AUTHENTIC).corrects(PIXEL, 1, AUTHENTIC)

    assert bag.of(PIXEL)["overturned"] == 1
    assert "corrected" not in bag.of(PIXEL)


def test_a_correction_that_keeps_the_outcome_changes_nothing() -> None:
    assert Bag().says(PIXEL, FAKE).corrects(PIXEL, 1, FAKE).of(PIXEL) == {"opinions": 1, "not_authentic": 1}


def test_an_author_who_says_the_contrary_later_has_corrected_itself() -> None:
    assert Bag().says(PIXEL, FAKE).says(PIXEL, AUTHENTIC).of(PIXEL) == {"opinions": 1, "authentic": 1, "corrected": 1}


def test_a_ruling_that_its_brand_corrected_counts_as_corrected() -> None:
    bag = Bag().says(PIXEL, FAKE).rules(AUTHENTIC).corrects(MAISON, 2, FAKE)

    assert bag.of(PIXEL) == {"opinions": 1, "not_authentic": 1, "reviewed": 1}


def test_void_and_inconclusive_opinions_are_beside_the_count_and_overturn_nothing() -> None:
    void = Bag().says(PIXEL, FAKE).says(EXPERT, AUTHENTIC, IN_PERSON, is_void=True).rules(AUTHENTIC, is_void=True)

    assert void.of(PIXEL) == {"opinions": 1, "not_authentic": 1}
    assert void.of(EXPERT) == {"void": 1}
    assert Bag().says(PIXEL, UNSURE).rules(FAKE).of(PIXEL) == {"inconclusive": 1}


def test_a_brands_word_on_its_own_item_is_no_authenticators_opinion() -> None:
    assert Bag().says(MAISON, AUTHENTIC).of(MAISON) == {}


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(0, 10, 0.0, 0.2775), (3, 3, 0.4385, 1.0), (1, 1, 0.2065, 1.0), (5, 10, 0.2366, 0.7634), (81, 263, 0.2553, 0.3662)],
)
def test_wilsons_interval_is_that_of_the_textbook(successes: int, trials: int, low: float, high: float) -> None:
    found = wilson(successes, trials)

    assert found is not None
    assert (found.low, found.high) == pytest.approx((low, high), abs=6e-5)


def test_nothing_seen_has_no_rate() -> None:
    assert wilson(0, 0) is None
