"""Five languages: who gets which, and that each says everything."""

import string
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from ledger_api.web.languages import TAGS, choose_language, load_languages, override_of
from ledger_verify.codes import CATEGORY_CODES, HOLD_CODES, KIND_CODES, Hold, Kind

LANGUAGES = load_languages()
FIRST = datetime(2025, 6, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("accept", "tag"),
    [
        (None, "en"),
        ("", "en"),
        ("de-DE,de;q=0.9", "en"),
        ("fr-CA,fr;q=0.9,en;q=0.8", "fr"),
        ("it-CH", "it"),
        ("en;q=0.4, it;q=0.9", "it"),
        ("fr;q=0, it;q=0.1", "it"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-Hans"),
        ("zh-SG", "zh-Hans"),
        ("zh", "zh-Hans"),
        ("zh-TW", "zh-Hant"),
        ("zh-HK,zh;q=0.9", "zh-Hant"),
        ("zh-MO", "zh-Hant"),
        ("zh-Hant", "zh-Hant"),
        ("zh-Hans-HK", "zh-Hans"),
        ("zh-Hant-CN", "zh-Hant"),
        ("yue", "zh-Hant"),
        ("cmn-Hans", "zh-Hans"),
        ("ja, *;q=0.5", "en"),
        ("fr;q=oops, it", "it"),
        ("x" * 100_000 + ",fr", "en"),
    ],
)
def test_the_best_language_of_the_header_is_chosen(accept: str | None, tag: str) -> None:
    assert choose_language(accept) == tag


def test_a_choice_by_hand_wins_and_nonsense_is_no_choice() -> None:
    assert choose_language("fr", "zh-TW") == "zh-Hant"
    assert choose_language("fr", "tlh") == "fr"
    assert override_of("zh-TW") == "zh-Hant"
    assert override_of("<script>") is None
    assert override_of(None) is None


@pytest.mark.parametrize("tag", TAGS)
def test_every_language_says_everything_with_the_same_names_in_braces(tag: str) -> None:
    english, other = LANGUAGES["en"].texts, LANGUAGES[tag].texts

    assert other.keys() == english.keys()
    assert {key: _braces(text) for key, text in other.items() if not key.startswith("language.")} == {
        key: _braces(text) for key, text in english.items() if not key.startswith("language.")
    }
    assert all(text.strip() and "<" not in text for text in other.values())


@pytest.mark.parametrize("tag", TAGS)
def test_every_kind_hold_and_category_has_a_name(tag: str) -> None:
    texts = LANGUAGES[tag].texts
    plain = {KIND_CODES[kind] for kind in Kind} - {"hold", "release", "recovery"}

    assert all(f"kind.{kind}" in texts for kind in plain)
    assert all(f"kind.hold_{HOLD_CODES[hold]}" in texts and f"notice.{HOLD_CODES[hold]}" in texts for hold in Hold)
    assert all(f"category.{code}" in texts for code in list(CATEGORY_CODES.values())[:11])


@pytest.mark.parametrize(
    ("tag", "first", "later"),
    [
        ("en", "1 June 2025", "7 June 2025"),
        ("fr", "1er juin 2025", "7 juin 2025"),
        ("it", "1º giugno 2025", "7 giugno 2025"),
        ("zh-Hans", "2025年6月1日", "2025年6月7日"),
        ("zh-Hant", "2025年6月1日", "2025年6月7日"),
    ],
)
def test_dates_are_written_as_the_language_writes_them(tag: str, first: str, later: str) -> None:
    assert LANGUAGES[tag].date(FIRST) == first
    assert LANGUAGES[tag].date(FIRST.replace(day=7)) == later


def test_a_time_carries_its_instant_for_machines() -> None:
    assert LANGUAGES["fr"].time(FIRST) == '<time datetime="2025-06-01T12:00:00Z">1er juin 2025</time>'


def test_values_are_escaped_when_they_are_filled_in() -> None:
    assert "&lt;b&gt;" in LANGUAGES["en"].say("material.lot", name="<b>")


def test_countries_are_named_and_unknown_codes_are_shown_as_they_came() -> None:
    assert [LANGUAGES[tag].country("IT") for tag in TAGS] == ["Italy", "Italie", "Italia", "意大利", "義大利"]
    assert LANGUAGES["en"].country("XQ") == "XQ"


def test_french_keeps_its_narrow_spaces() -> None:
    wrong = [text for text in LANGUAGES["fr"].texts.values() for one, two in pairwise(text) if two in ";!?" and one == " "]

    assert wrong == []


def _braces(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}
