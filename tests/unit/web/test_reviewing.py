"""What a visitor is told of opinions whose authors no longer stand, and of passports made before that was told."""

from datetime import UTC, datetime

import pytest
from markupsafe import Markup

from ledger_api.verification.decision import LOST_STANDING
from ledger_api.web.languages import load_languages
from ledger_api.web.presenting import Shown, make_item_page
from tests.passports import EXPERT, Json, entry, opinion, passport

NOW = datetime(2026, 11, 22, tzinfo=UTC)
ENGLISH = load_languages()["en"]
PAST, FUTURE = "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"


def judged(standing: Json | None) -> Json:
    told = entry("verdict", {"outcome": "authentic", "method": "in-person"}, sequence=2, by=EXPERT, standing=standing)
    return passport(story=[entry("manufacture"), told], verdict=opinion("authentic") | {"standing": standing})


@pytest.mark.parametrize(
    ("standing", "words"),
    [
        ({"reason": "suspended", "since": PAST, "until": None}, "suspended since"),
        ({"reason": "accreditation-withdrawn", "since": PAST, "until": None}, "accreditation was withdrawn on"),
        ({"reason": "accreditation-withdrawn", "since": None, "until": None}, "an unknown day"),
        ({"reason": "compromised", "since": PAST, "until": None}, "is compromised since"),
        ({"reason": "signer-retired", "since": PAST, "until": FUTURE}, "was retired on"),
        ({"reason": None, "since": None, "until": PAST}, "accreditation ended on"),
    ],
)
def test_an_opinion_says_why_its_author_could_not_give_it_now(standing: Json, words: str) -> None:
    shown = make_item_page(Shown(judged(standing), 20, 20, True, None, ""), ENGLISH, now=NOW)

    assert words in str(shown.opinions[0].note)
    assert any(words in str(text) for line in shown.glance for text in line.texts)


@pytest.mark.parametrize(("since", "words"), [(PAST, "compromised, since 1 January 2026"), (None, "later reported compromised.")])
def test_a_void_entry_says_since_when_its_key_is_compromised(since: str | None, words: str) -> None:
    standing = {"reason": "compromised", "since": since, "until": None}
    told = judged(standing)
    told["story"][1]["void"] = "compromised"

    shown = make_item_page(Shown(told, 20, 20, True, None, ""), ENGLISH, now=NOW)

    assert words in striptags(shown.story[1].notes[0])
    assert (shown.opinions[0].note is None) == (since is None)


def test_an_author_whose_accreditation_still_runs_is_not_marked() -> None:
    shown = make_item_page(Shown(judged({"reason": None, "since": None, "until": FUTURE}), 20, 20, True, None, ""), ENGLISH, now=NOW)

    assert shown.opinions[0].note is None


def test_a_passport_from_before_standing_was_told_is_shown_all_the_same() -> None:
    old = judged(None)
    for part in (old["verdict"], *old["story"]):
        del part["standing"]

    for is_effective in (False, True):
        shown = make_item_page(Shown(old, 20, 20, True, None, "", is_effective), ENGLISH, now=NOW)
        assert shown.opinions[0].note is None


def test_every_reason_has_its_words() -> None:
    assert all(ENGLISH.knows(f"author.{reason}") for reason in (*LOST_STANDING, "accreditation-expired", "signer-retired"))


def test_the_effective_view_says_what_became_of_an_enrolment() -> None:
    """The brand's own record came later, and a ruling judged otherwise than the store that enrolled it."""
    enrolment = {"outcome": "authentic", "method": "in-person", "expires_at": None, "category": "watch", "model": "Vieux"}
    story = [
        entry("enrolment", enrolment, sequence=1, by=EXPERT),
        entry("manufacture", {"category": "watch", "model": "Lune 1987"}, sequence=2),
        entry("ruling", {"outcome": "not-authentic", "expires_at": None}, sequence=3),
    ]
    told = passport(story=story, verdict=opinion("not-authentic", "ruling", sequence=3))

    shown = make_item_page(Shown(told, 20, 20, True, None, "", True), ENGLISH, now=NOW)

    notes = [[striptags(note) for note in one.notes] for one in shown.story]
    assert notes[0] == [
        "Entry 2, the brand’s own record, takes the place of this. Before, it read: Model: Vieux.",
        "Entry 3 outranks this opinion.",
    ]
    assert notes[1:] == [["Outranks entry 1."], ["Outranks entry 1."]]


def striptags(note: Markup) -> str:
    return note.striptags()
