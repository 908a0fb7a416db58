"""What a page says, sentence by sentence: attributed, never in our own voice, never about who a consumer is."""

from datetime import UTC, datetime
from typing import Any

import pytest

from ledger_api.web.languages import TAGS, load_languages
from ledger_api.web.presenting import ItemPage, Shown, make_item_page
from tests.passports import BOUTIQUE, EXPERT, NAMELESS, entry, opinion, passport

LANGUAGES = load_languages()
NOW = datetime(2025, 7, 1, tzinfo=UTC)
HOLDS = ("lost", "stolen", "disputed", "recalled", "in-verification")


def page_of(given: dict[str, Any], *, tag: str = "en", final_block: int = 20, is_final: bool = True, serial: str | None = "A1") -> ItemPage:
    shown = Shown(given, block=21, final_block=final_block, is_final=is_final, serial=serial, link="https://id.example/01/1/21/A1")
    return make_item_page(shown, LANGUAGES[tag], now=NOW)


def hold(name: str, *, by: Any = "owner", until: str | None = None) -> dict[str, Any]:
    return {"hold": name, "since": "2025-06-08T10:00:00Z", "by": by, "sequence": 3, "until": until}


def texts(page: ItemPage) -> str:
    lines = [*page.notices, *page.glance]
    said = [text for line in lines for text in (line.title, *line.texts)]
    return " ".join([*said, *(moment.sentence for moment in page.story), *(one.sentence for one in page.opinions)])


@pytest.mark.parametrize(
    ("changes", "title"),
    [
        ({"stage": "unsold", "holder": {"type": "organization", "organization": passport()["brand"]}}, "Made"),
        ({"stage": "unsold", "holder": {"type": "organization", "organization": BOUTIQUE}}, "In the trade"),
        ({}, "Sold"),
        ({"story": [entry("sale"), entry("resale", sequence=2)]}, "Passed on"),
        ({"story": [entry("sale"), entry("transfer", sequence=2)]}, "Sold, and moved since"),
        ({"story": [entry("sale"), entry("transfer", sequence=2, void="compromised")]}, "Sold"),
        (
            {"story": [entry("enrolment", {"outcome": "authentic", "method": "in-person"}), entry("manufacture", sequence=2)]},
            "With its owner",
        ),
        ({"holder": {"type": "organization", "organization": BOUTIQUE}}, "With a dealer"),
        ({"stage": "enrolled"}, "Entered later"),
        ({"stage": "retired"}, "Retired"),
    ],
)
def test_the_state_says_where_the_item_is_in_its_life(changes: dict[str, Any], title: str) -> None:
    page = page_of(passport(**changes))

    assert page.glance[0].title == title


def test_an_opinion_is_attributed_with_how_and_when() -> None:
    page = page_of(passport(verdict=opinion("authentic")))

    assert page.glance[1].title == (
        '<bdi>Expert House</bdi> judged it authentic, in person, on <time datetime="2025-06-07T21:01:00Z">7 June 2025</time>.'
    )


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize("outcome", ["authentic", "not-authentic", "inconclusive"])
@pytest.mark.parametrize("method", ["photo", "chip", "in-person", "ruling"])
def test_in_every_language_every_opinion_names_who_gave_it_and_when(tag: str, outcome: str, method: str) -> None:
    title = page_of(passport(verdict=opinion(outcome, method)), tag=tag).glance[1].title

    assert "Expert House" in title and "2025-06-07" in title


def test_a_judgement_against_it_stands_on_top_with_whose_it_is_and_what_to_do() -> None:
    notice = page_of(passport(verdict=opinion("not-authentic", "photo"))).notices[0]

    assert notice.tone == "stop"
    assert notice.title == "Judged not authentic, according to <bdi>Expert House</bdi>"
    assert any("contest" in text for text in notice.texts)


def test_an_expired_opinion_says_that_it_has_expired() -> None:
    lapsed = page_of(passport(verdict=opinion("authentic", expires_at="2025-06-30T00:00:00Z")))
    valid = page_of(passport(verdict=opinion("authentic", expires_at="2026-06-30T00:00:00Z")))

    assert "has expired" in lapsed.glance[1].texts[0]
    assert "holds until" in valid.glance[1].texts[0]


def test_an_opinion_by_a_compromised_key_says_so_at_once() -> None:
    story = [entry("manufacture"), entry("verdict", {"outcome": "authentic", "method": "photo"}, sequence=2, void="compromised")]
    page = page_of(passport(verdict=opinion("authentic", "photo"), story=story))

    assert page.glance[1].texts[-1].startswith("Void")
    assert page.notices[0].title == "Some entries are void"
    assert page.story[1].is_void and page.opinions[0].mark == "void"


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize("name", HOLDS)
def test_every_hold_is_a_notice_that_says_what_it_means(tag: str, name: str) -> None:
    notice = page_of(passport(holds=[hold(name, by=EXPERT)]), tag=tag).notices[0]

    assert len(notice.texts) >= 2 and "Expert House" in notice.texts[0]


def test_an_owner_s_report_is_the_owner_s_and_never_names_them() -> None:
    page = page_of(passport(holds=[hold("stolen")]))

    assert page.notices[0].title == "Reported stolen by its owner"
    assert "at the owner’s word" in page.notices[0].texts[0]


def test_an_examination_that_ran_out_is_no_notice_any_more() -> None:
    over = page_of(passport(holds=[hold("in-verification", by=EXPERT, until="2025-06-20T00:00:00Z")]))
    running = page_of(passport(holds=[hold("in-verification", by=EXPERT, until="2025-07-20T00:00:00Z")]))

    assert over.notices == []
    assert "20 July 2025" in running.notices[0].texts[-1]


def test_a_pending_recovery_warns_until_when_it_can_be_refused() -> None:
    pending = {"requested_at": "2025-06-20T00:00:00Z", "ready_at": "2025-07-20T00:00:00Z", "sequence": 3}

    assert "20 July 2025" in page_of(passport(recovery=pending)).notices[0].texts[0]


def test_recorded_is_not_called_final() -> None:
    page = page_of(passport(), is_final=False, final_block=11)

    assert page.glance[-1].title == "Recorded, not final yet"
    assert [moment.is_final for moment in page.story] == [False, False]


def test_materials_say_whether_the_supplier_confirms_them() -> None:
    lots = [
        {"lot": "0x1", "name": "L-1", "material": "lambskin", "origin": "IT", "supplier": EXPERT, "named_by": "supplier"},
        {"lot": None, "name": "L-2", "material": None, "origin": None, "supplier": NAMELESS, "named_by": "brand"},
    ]

    confirmed, claimed = page_of(passport(materials=lots)).materials

    assert (confirmed.title, confirmed.is_confirmed) == ("lambskin, Italy", True)
    assert (claimed.title, claimed.is_confirmed) == ("Material not stated on record", False)
    assert "without a public name" in claimed.supplier


def test_opinions_keep_what_became_of_them() -> None:
    story = [
        entry("manufacture"),
        entry("verdict", {"outcome": "not-authentic", "method": "photo"}, sequence=2, by=EXPERT),
        entry("verdict", {"outcome": "authentic", "method": "photo"}, sequence=3, by=EXPERT, corrected_by=5),
        entry("ruling", {"outcome": "authentic", "expires_at": None}, sequence=4),
        entry("correction", {"sequence": 3, "outcome": "none", "reason": "wrong bag"}, sequence=5, by=EXPERT, corrects=3),
    ]

    marks = [one.mark for one in page_of(passport(verdict=opinion("authentic", "ruling", sequence=4), story=story)).opinions]

    assert marks == ["outranked", "withdrawn by its author", "in effect"]


def test_the_serial_is_shown_only_to_whoever_named_it() -> None:
    assert "A1" in [pair.value for pair in page_of(passport()).numbers]
    assert len(page_of(passport(), serial=None).numbers) == 1


@pytest.mark.parametrize(("category", "subtitle"), [("handbag", "Handbag · noir"), ("other", "noir"), ("category-11", "noir")])
def test_a_category_without_a_name_is_not_mentioned(category: str, subtitle: str) -> None:
    assert page_of(passport(category=category)).subtitle == subtitle


def test_a_lot_has_a_page_without_opinions() -> None:
    lot = passport(type="lot", stage="lot", name="CONC-1", material="lambskin", origin="IT", supplier=BOUTIQUE, certificates=[])
    lot |= {
        "holder": {"type": "organization", "organization": BOUTIQUE},
        "story": [entry("raw-material", {"material": "lambskin"}, by=BOUTIQUE)],
    }
    page = page_of({key: value for key, value in lot.items() if key not in ("brand", "model", "colour", "gtin")})

    assert (page.name, page.subtitle, page.brand) == ("lambskin", "Lot of material · Italy", "Boutique Milano")
    assert [line.title for line in page.glance] == ["Material", "Final"]


def test_names_from_outside_cannot_become_markup() -> None:
    evil = {"id": "0x" + "ee" * 32, "did": None, "name": "<script>alert(1)</script>"}
    page = page_of(passport(brand=evil, model="<img src=x>", verdict=opinion("authentic") | {"by": evil}))

    assert "<script>" not in texts(page) and "&lt;script&gt;" in page.glance[1].title
    assert "<img" not in page.title


def test_the_proof_names_everything_that_can_be_compared() -> None:
    values = [pair.value for pair in page_of(passport()).proof]

    assert values == ["31337", "0x" + "44" * 20, "0x" + "55" * 20, "0x" + "11" * 32, "0x" + "22" * 32, "0x" + "33" * 32, "21", "20"]
