"""How many verdicts there were: what each counts as, in which week; and that what is hidden stays hidden."""

from collections.abc import Iterable
from dataclasses import asdict
from itertools import product

import pytest

from ledger_api.errors import InvalidBody
from ledger_api.statistics.overturns import Word, fates
from ledger_api.statistics.telling import Range, question_of, tell
from ledger_api.statistics.verdicts import SMALLEST, Cell, Counts, Question, count, hidden_rows, tabulate, unpacked, week_of
from ledger_verify.codes import Category, Kind, Method, Outcome

MAISON, VERNE, PIXEL, LENS = (bytes([number]) * 32 for number in (1, 2, 3, 4))
AUTHENTIC, FAKE, UNSURE, NONE = Outcome.AUTHENTIC, Outcome.NOT_AUTHENTIC, Outcome.INCONCLUSIVE, Outcome.NONE
PHOTO, IN_PERSON = Method.PHOTO, Method.IN_PERSON
DAY = 86_400
MONDAY = 1_763_337_600  # 17 November 2025, the first second of week 47


class Bag:
    """The words about one bag of MAISON's, in order."""

    def __init__(self) -> None:
        self.words: list[Word] = []

    def _add(self, kind: int, who: bytes, outcome: int = 0, method: int = 0, *, is_void: bool = False, about: int = 0) -> "Bag":
        word = Word(b"bag", len(self.words) + 1, kind, who, MAISON, outcome, method, is_void, about, Category.HANDBAG, MONDAY)
        self.words.append(word)
        return self

    def says(self, who: bytes, outcome: int, method: int = PHOTO, *, is_void: bool = False) -> "Bag":
        return self._add(Kind.VERDICT, who, outcome, method, is_void=is_void)

    def disputes(self, who: bytes, about: int, *, is_void: bool = False) -> "Bag":
        return self._add(Kind.DISPUTE, who, about=about, is_void=is_void)

    def corrects(self, who: bytes, about: int, outcome: int) -> "Bag":
        return self._add(Kind.CORRECTION, who, outcome, about=about)

    def rules(self, outcome: int) -> "Bag":
        return self._add(Kind.RULING, MAISON, outcome, Method.RULING)

    def counts(self) -> dict[str, int]:
        """What is not zero, of all verdicts together."""
        found = asdict(unpacked(sum(count(fates(self.words)).values())))
        return {name: number for name, number in found.items() if number}


# --- what a verdict counts as ----------------------------------------------------------------------------------------


def test_a_verdict_counts_under_its_week_brand_category_method_and_author() -> None:
    cells = count(fates(Bag().says(PIXEL, FAKE).words))

    assert cells == {Cell("2025-W47", MAISON, Category.HANDBAG, PHOTO, PIXEL): Counts(verdicts=1, not_authentic=1).packed()}


def test_a_brands_word_on_its_own_item_is_no_verdict() -> None:
    assert Bag().says(MAISON, AUTHENTIC).counts() == {}


def test_an_overturned_verdict_counts_at_the_conclusion_that_stands() -> None:
    assert Bag().says(PIXEL, FAKE).rules(AUTHENTIC).counts() == {"verdicts": 1, "authentic": 1, "overturned": 1}


def test_a_verdict_changed_on_appeal_is_overturned() -> None:
    bag = Bag().says(PIXEL, FAKE).disputes(PIXEL, 1).corrects(PIXEL, 1, AUTHENTIC)

    assert bag.counts() == {"verdicts": 1, "authentic": 1, "appealed": 1, "overturned": 1}


def test_a_verdict_that_an_appeal_leaves_is_appealed_and_stands() -> None:
    assert Bag().says(PIXEL, FAKE).disputes(LENS, 1).counts() == {"verdicts": 1, "not_authentic": 1, "appealed": 1}


def test_the_brand_may_rule_that_the_first_word_was_right_after_all() -> None:
    bag = Bag().says(PIXEL, FAKE).disputes(PIXEL, 1).corrects(PIXEL, 1, AUTHENTIC).rules(FAKE)

    assert bag.counts() == {"verdicts": 1, "not_authentic": 1, "appealed": 1}


def test_an_appeal_that_ends_without_a_conclusion_is_a_correction() -> None:
    bag = Bag().says(PIXEL, FAKE).disputes(PIXEL, 1).corrects(PIXEL, 1, UNSURE)

    assert bag.counts() == {"verdicts": 1, "inconclusive": 1, "appealed": 1, "corrected": 1}


def test_a_dispute_by_a_compromised_key_appeals_nothing() -> None:
    bag = Bag().says(PIXEL, FAKE).disputes(LENS, 1, is_void=True).corrects(PIXEL, 1, AUTHENTIC)

    assert bag.counts() == {"verdicts": 1, "authentic": 1, "corrected": 1}


def test_a_corrected_verdict_counts_at_the_corrected_conclusion() -> None:
    assert Bag().says(PIXEL, FAKE).corrects(PIXEL, 1, AUTHENTIC).counts() == {"verdicts": 1, "authentic": 1, "corrected": 1}


def test_a_verdict_taken_back_is_withdrawn() -> None:
    assert Bag().says(PIXEL, FAKE).corrects(PIXEL, 1, NONE).counts() == {"verdicts": 1, "withdrawn": 1, "corrected": 1}


def test_a_verdict_replaced_by_its_author_is_withdrawn_and_the_later_one_counts() -> None:
    assert Bag().says(PIXEL, FAKE).says(PIXEL, AUTHENTIC).counts() == {"verdicts": 2, "authentic": 1, "withdrawn": 1, "corrected": 1}


def test_an_inconclusive_verdict_may_come_to_a_conclusion() -> None:
    assert Bag().says(PIXEL, UNSURE).counts() == {"verdicts": 1, "inconclusive": 1}
    assert Bag().says(PIXEL, UNSURE).corrects(PIXEL, 1, FAKE).counts() == {"verdicts": 1, "not_authentic": 1}


def test_a_void_verdict_is_beside_the_count() -> None:
    assert Bag().says(PIXEL, FAKE, is_void=True).disputes(LENS, 1).counts() == {"void": 1}


@pytest.mark.parametrize(
    ("seconds", "week"),
    [(MONDAY - 1, "2025-W46"), (MONDAY, "2025-W47"), (1_767_139_200, "2026-W01"), (1_798_761_600, "2026-W53"), (0, "1970-W01")],
)
def test_weeks_are_those_of_iso_8601_in_utc(seconds: int, week: str) -> None:
    assert week_of(seconds) == week


# --- what must not be told ---------------------------------------------------------------------------------------------


def cells_of(*told: tuple[Cell, int]) -> dict[Cell, int]:
    return {cell: Counts(verdicts=size, authentic=size).packed() for cell, size in told}


def cell(week: str = "2025-W47", brand: bytes = MAISON, category: int = 1, method: int = PHOTO, who: bytes = PIXEL) -> Cell:
    return Cell(week, brand, category, method, who)


def shown(cells: dict[Cell, int], **asked: str | None) -> tuple[int | None, dict[str, int | None]]:
    """(total, rows), None where it is hidden."""
    question = question_of(**asked)  # type: ignore[arg-type]  # group_by is never None here
    told = tell(tabulate(cells, question), question, Range(1, bytes(20), 0, 9, None), {})
    sizes = {group["key"]: group["counts"] and group["counts"]["verdicts"] for group in told["groups"]}
    return told["total"] and told["total"]["verdicts"], sizes


def test_enough_verdicts_are_told() -> None:
    cells = cells_of((cell(category=1), 9), (cell(category=2), 5))

    assert shown(cells, group_by="category") == (14, {"handbag": 9, "watch": 5})


def test_a_small_row_is_hidden_and_with_it_the_next_smallest() -> None:
    cells = cells_of((cell(category=1), 90), (cell(category=2), 3), (cell(category=3), 7))

    assert shown(cells, group_by="category") == (100, {"handbag": 90, "watch": None, "shoes": None})


def test_small_rows_that_hide_each_other_need_no_third() -> None:
    cells = cells_of((cell(category=1), 90), (cell(category=2), 3), (cell(category=3), 4), (cell(category=4), 4))

    assert shown(cells, group_by="category")[1] == {"handbag": 90, "watch": None, "shoes": None, "scarf": None}


def test_two_rows_as_large_as_a_small_one_can_be_do_not_hide_each_other() -> None:
    cells = cells_of((cell(category=1), 90), (cell(category=2), 4), (cell(category=3), 4))

    assert shown(cells, group_by="category") == (98, {"handbag": None, "watch": None, "shoes": None})


def test_where_there_is_no_other_row_the_total_is_hidden_too() -> None:
    assert shown(cells_of((cell(), 3))) == (None, {"2025-W47": None})
    assert shown(cells_of((cell(category=1), 4), (cell(category=2), 4)), group_by="category")[0] is None


def test_nothing_is_told_as_nothing() -> None:
    assert shown({}) == (0, {})
    assert shown(cells_of((cell(), 30)), category="watch") == (0, {})


@pytest.mark.parametrize("rows", [2, 3, 4])
def test_no_hidden_row_follows_from_what_is_told(rows: int) -> None:
    """Every table of a few small rows, as somebody sees it who knows the total and the rule that some hidden row is small."""
    for sizes in product(range(1, 9 if rows < 4 else 7), repeat=rows):
        hidden = hidden_rows(dict(enumerate(sizes)))
        if not hidden or len(hidden) == rows:
            continue
        rest = sum(sizes[place] for place in hidden)
        possible = [one for one in product(range(1, rest), repeat=len(hidden)) if sum(one) == rest and min(one) < SMALLEST]

        assert all(len({one[place] for one in possible}) > 1 for place in range(len(hidden))), sizes


def test_a_filter_tells_no_more_than_the_table_it_chooses_a_row_of() -> None:
    cells = cells_of((cell(category=1), 90), (cell(category=2), 3), (cell(category=3), 7))

    assert shown(cells, group_by="brand", category="watch")[0] is None
    assert shown(cells, group_by="brand", category="shoes")[0] is None  # 100 − 90 − 7 would be the three watches
    assert shown(cells, group_by="brand", category="handbag")[0] == 90


def test_weeks_are_not_cut_so_that_a_few_verdicts_are_left_outside() -> None:
    cells = cells_of((cell("2025-W45"), 2), (cell("2025-W46"), 20), (cell("2025-W47"), 20))

    assert shown(cells, from_week="2025-W46")[0] is None
    assert shown(cells, from_week="2025-W47")[0] == 20


def test_a_row_that_another_table_hides_is_hidden_here_too() -> None:
    told = ((MAISON, 1, 50), (MAISON, 2, 40), (VERNE, 1, 3), (VERNE, 2, 60), (LENS, 1, 9), (LENS, 2, 70))
    cells = cells_of(*((cell(brand=brand, category=category), size) for brand, category, size in told))

    total, rows = shown(cells, group_by="category", brand="0x" + LENS.hex())

    assert (total, rows) == (79, {"handbag": None, "watch": None})  # among handbags by brand, nine hide the three


def test_an_author_of_void_verdicts_alone_is_as_many_as_they_are() -> None:
    counts = {PIXEL: Counts(verdicts=30, authentic=30), LENS: Counts(void=2), VERNE: Counts(verdicts=6)}
    cells = {cell(who=who): its.packed() for who, its in counts.items()}

    _, rows = shown(cells, group_by="authenticator")

    assert rows == {"0x" + PIXEL.hex(): 30, "0x" + LENS.hex(): None, "0x" + VERNE.hex(): None}


# --- questions ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {"group_by": "colour"},
        {"from_week": "2025-W54"},
        {"from_week": "2025-47"},
        {"to_week": "2025-W7"},
        {"from_week": "2025-W48", "to_week": "2025-W47"},
        {"category": "umbrella"},
        {"method": "ruling"},
        {"brand": "0x12"},
    ],
)
def test_a_question_that_cannot_be_meant_names_its_field(wrong: dict[str, str]) -> None:
    with pytest.raises(InvalidBody) as refused:
        question_of(**wrong)  # type: ignore[arg-type]  # wrong on purpose

    assert refused.value.facts["field"] in wrong


def test_a_brand_may_be_named_by_its_id() -> None:
    def brands(names: Iterable[str]) -> list[Question]:
        return [question_of(brand=name) for name in names]

    assert brands(["0x" + MAISON.hex()])[0].brand == MAISON
    assert len(set(brands(["did:web:maison.example", "did:web:verne.example"]))) == 2
