"""Each kind of event as a sentence, in each language; what became of an entry."""

from typing import Any

import pytest

from ledger_api.web.languages import TAGS, load_languages
from ledger_api.web.timeline import Entry, Reader, make_entries
from ledger_verify.codes import KIND_CODES, Kind
from tests.passports import BOUTIQUE, EXPERT, entry, passport

LANGUAGES = load_languages()
TOLD: list[tuple[str, dict[str, Any], str]] = [
    ("raw-material", {"material": "lambskin", "origin": "IT", "certificates": ["LWG-1", "LWG-2"]}, "Material recorded"),
    ("manufacture", {"category": "handbag", "model": "Sac Lune", "colour": "noir", "atelier": "Pantin"}, "Made"),
    ("shipment", {"to": BOUTIQUE}, "On its way"),
    ("sale", {}, "Sold"),
    ("resale", {}, "Resold"),
    ("transfer", {}, "Moved to another key"),
    ("verdict", {"outcome": "authentic", "method": "photo", "expires_at": None, "appraiser": "APR-1"}, "Examined"),
    ("verdict", {"outcome": "not-authentic", "method": "chip", "expires_at": None}, "Examined"),
    ("verdict", {"outcome": "inconclusive", "method": "in-person", "expires_at": "2026-01-01T00:00:00Z"}, "Examined"),
    ("enrolment", {"outcome": "authentic", "method": "in-person", "expires_at": None, "category": "watch"}, "Entered on record"),
    ("dispute", {"sequence": None}, "Contested"),
    ("dispute", {"sequence": 2}, "Contested"),
    ("ruling", {"outcome": "authentic", "expires_at": None, "grounds": "Compared."}, "Ruling"),
    ("ruling", {"outcome": "not-authentic", "expires_at": None}, "Ruling"),
    ("ruling", {"outcome": "inconclusive", "expires_at": None}, "Ruling"),
    ("service", {"description": "New lining"}, "Cared for"),
    *(("hold", {"hold": name, "until": None}, title) for name, title in (("lost", "Reported lost"), ("stolen", "Reported stolen"))),
    ("hold", {"hold": "disputed", "until": None}, "Placed under dispute"),
    ("hold", {"hold": "recalled", "until": None}, "Recalled"),
    ("hold", {"hold": "in-verification", "until": "2025-07-01T00:00:00Z"}, "Taken in for examination"),
    ("release", {"hold": "lost"}, "No longer reported lost"),
    ("release", {"hold": "stolen", "by_order": True}, "No longer reported stolen"),
    ("release", {"hold": "in-verification"}, "Examination over"),
    ("recovery", {"phase": "request"}, "New claim card requested"),
    ("recovery", {"phase": "veto"}, "Request refused by the owner"),
    ("recovery", {"phase": "complete"}, "New claim card in force"),
    ("correction", {"sequence": 1, "reason": "typo", "replaces": {"colour": "blanc"}}, "Corrected"),
    ("correction", {"sequence": 1, "reason": "wrong bag", "outcome": "none"}, "Corrected"),
    ("correction", {"sequence": 1, "reason": "mixed up", "outcome": "inconclusive"}, "Corrected"),
    ("retire", {"reason": "Lost in a fire"}, "Retired"),
]


def told(*story: dict[str, Any], tag: str = "en") -> list[Entry]:
    return make_entries(passport(story=list(story)), Reader(LANGUAGES[tag]), final_block=20)


@pytest.mark.parametrize(("kind", "facts", "title"), TOLD)
def test_every_kind_is_a_sentence_about_whoever_recorded_it(kind: str, facts: dict[str, Any], title: str) -> None:
    (one,) = told(entry(kind, facts, by=EXPERT))

    assert one.title == title
    assert "Expert House" in one.sentence
    assert "{" not in one.sentence


@pytest.mark.parametrize("tag", TAGS)
def test_every_language_tells_every_kind(tag: str) -> None:
    entries = told(*(entry(kind, facts, by=EXPERT) for kind, facts, _ in TOLD), tag=tag)

    assert {kind for kind, _, _ in TOLD} == set(KIND_CODES.values())
    assert len(Kind) == 16
    assert all("Expert House" in one.sentence for one in entries)


def test_the_first_lifting_of_a_theft_report_only_begins_the_wait() -> None:
    stolen, release = {"hold": "stolen", "until": None}, {"hold": "stolen"}
    story = [entry("hold", stolen), entry("release", release, sequence=2), entry("release", release, sequence=3)]
    again = [entry("hold", stolen, sequence=4), entry("release", release, sequence=5)]

    titles = [one.title for one in told(*story, *again)]

    begun, done = "Lifting of the theft report requested", "No longer reported stolen"
    assert titles == ["Reported stolen", begun, done, "Reported stolen", begun]


def test_a_day_between_happening_and_recording_is_said_and_an_hour_is_not() -> None:
    late, soon = told(
        entry("sale", occurred_at="2025-03-01T10:00:00Z", recorded_at="2025-06-07T10:00:00Z"),
        entry("sale", sequence=2, occurred_at="2025-06-07T09:00:00Z", recorded_at="2025-06-07T10:00:00Z"),
    )

    assert late.notes[0].count("<time") == 2
    assert soon.notes == []


def test_a_corrected_entry_leads_to_its_correction_and_back() -> None:
    first, second = told(
        entry("manufacture", {"category": "handbag", "colour": "noir"}, corrected_by=2),
        entry("correction", {"sequence": 1, "reason": "typo", "replaces": {"colour": "blanc"}}, sequence=2, corrects=1),
    )

    assert '<a href="#entry-2">2</a>' in first.notes[0]
    assert '<a href="#entry-1">1</a>' in second.sentence
    assert [(pair.name, pair.value) for pair in second.facts] == [("Reason", "typo"), ("Colour, now", "blanc")]


def test_what_the_head_of_the_page_says_is_not_said_again_unless_it_was_corrected() -> None:
    same, other = told(
        entry("manufacture", {"model": "Sac Lune", "colour": "noir", "atelier": "Pantin"}),
        entry("manufacture", {"model": "Sac Lune", "colour": "rouge"}, sequence=2),
    )

    assert [pair.value for pair in same.facts] == ["Pantin"]
    assert [pair.value for pair in other.facts] == ["rouge"]


def test_payload_words_cannot_become_markup() -> None:
    (one,) = told(entry("service", {"description": "<script>1</script>"}))

    assert one.facts[0].value == "&lt;script&gt;1&lt;/script&gt;"
