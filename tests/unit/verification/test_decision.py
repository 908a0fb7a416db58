"""Every row of the decision table, and that nothing else decides."""

from dataclasses import replace
from typing import Any

import pytest

from ledger_api.verification.codes import CODES, Decision, as_markdown
from ledger_api.verification.decision import STALE_SECONDS, Answer, Asked, AsOf, Found, decide, item_facts
from ledger_verify.codes import Hold, Outcome, Stage
from ledger_verify.hashing import ItemId, claim_holder, organization_id
from ledger_verify.state import UNBORN, Aside, State
from tests.passports import EXPERT, entry, opinion, passport

NOW = 1_760_000_000
BRAND = organization_id("did:web:maison.example")
OWNER, OTHER = claim_holder("0x" + "77" * 20), claim_holder("0x" + "88" * 20)
AS_OF = AsOf(block=100, block_hash=b"\xbb" * 32, time=NOW - 12, final_block=98)
SOLD = replace(
    UNBORN, sequence=3, stage=Stage.SOLD, holder=OWNER, brand=BRAND, verdict=Outcome.AUTHENTIC, verdict_method=3, verdict_sequence=2
)
STORY = [
    entry("manufacture"),
    entry("verdict", {"outcome": "authentic", "method": "in-person"}, sequence=2, by=EXPERT),
    entry("sale", sequence=3),
]
LOST = {"since": "2025-06-09T10:00:00Z", "until": None}
RECOVERY = {"requested_at": "2025-06-20T00:00:00Z", "ready_at": "2025-07-20T00:00:00Z", "sequence": 3}


def good(state: State = SOLD, **changes: Any) -> Found:
    """Sold to an owner, judged authentic in person, final, nothing pending."""
    shown = passport(verdict=opinion("authentic"), story=STORY) | changes
    return Found(ItemId(b"\x11" * 32), state, shown, last_block=90)


def answer(found: Found | None, asked: Asked | None = None, *, as_of: AsOf = AS_OF, visible: bool = True) -> Answer:
    return decide(found, asked or Asked(), as_of, now=NOW, visible=visible)


def codes(found: Found | None, asked: Asked | None = None, *, as_of: AsOf = AS_OF, visible: bool = True) -> list[str]:
    return [reason.code for reason in answer(found, asked, as_of=as_of, visible=visible).reasons]


def held(hold: Hold) -> Found:
    shown = {"hold": hold.code, "since": "2025-06-08T10:00:00Z", "by": "owner", "sequence": 3, "until": None}
    return good(replace(SOLD, holds=hold.bit, aside=Aside(verification_until=NOW + 60)), holds=[shown])


def judged(outcome: Outcome, *, expiry: int = 0) -> Found:
    shown = opinion(outcome.code) if outcome else None
    return good(replace(SOLD, verdict=outcome, verdict_expiry=expiry), verdict=shown)


PAY = Asked(step="pay", holder=OWNER)
ROWS: list[tuple[str, Found | None, Asked]] = [
    ("unknown-item", None, Asked()),
    ("not-final", replace(good(), last_block=99), Asked()),
    ("pending", replace(good(), pending=["hold"]), Asked()),
    ("retired", good(replace(SOLD, stage=Stage.RETIRED)), Asked()),
    ("on-hold:lost", held(Hold.LOST), Asked()),
    ("on-hold:stolen", held(Hold.STOLEN), Asked()),
    ("on-hold:recalled", held(Hold.RECALLED), Asked()),
    ("on-hold:in-verification", held(Hold.IN_VERIFICATION), Asked()),
    ("disputed", held(Hold.DISPUTED), Asked()),
    ("recovery-pending", good(recovery=RECOVERY), Asked()),
    ("not-sold", good(replace(SOLD, stage=Stage.UNSOLD)), Asked()),
    ("not-authentic", judged(Outcome.NOT_AUTHENTIC), Asked()),
    ("no-verdict", judged(Outcome.NONE), Asked()),
    ("verdict-expired", judged(Outcome.AUTHENTIC, expiry=NOW), Asked()),
    ("verdict-inconclusive", judged(Outcome.INCONCLUSIVE), Asked()),
    ("compromised", good(story=[STORY[0], STORY[1] | {"void": "compromised"}, STORY[2]]), Asked()),
    ("accreditation-withdrawn", good(verdict=opinion("authentic") | {"standing": LOST | {"reason": "accreditation-withdrawn"}}), Asked()),
    ("giver-suspended", good(verdict=opinion("authentic") | {"standing": LOST | {"reason": "suspended"}}), Asked()),
    ("not-the-holder", good(), Asked(holder=OTHER)),
    ("consent-missing", good(), PAY),
    ("consent-invalid", good(), replace(PAY, has_consent=True, consent_flaw="signature")),
    ("mismatch:brand", good(), Asked(brand=organization_id("did:web:other.example"))),
    ("mismatch:model", good(), Asked(descriptions={"model": "Sac Soleil"})),
    ("mismatch:colour", good(), Asked(descriptions={"colour": "blanc"})),
    ("mismatch:category", good(), Asked(descriptions={"category": "watch"})),
    ("not-stated:model", good(model=None), Asked(descriptions={"model": "Sac Lune"})),
    ("not-stated:colour", good(colour=None), Asked(descriptions={"colour": "noir"})),
    ("not-stated:category", good(category="unspecified"), Asked(descriptions={"category": "handbag"})),
]


@pytest.mark.parametrize(("code", "found", "asked"), ROWS, ids=[row[0] for row in ROWS])
def test_each_row_of_the_table_gives_its_code_and_its_decision(code: str, found: Found | None, asked: Asked) -> None:
    given = answer(found, asked)

    assert [reason.code for reason in given.reasons] == [code]
    assert given.decision is CODES[code].decision


def test_what_the_caller_may_not_see_is_withheld_and_nothing_more_is_said() -> None:
    assert codes(held(Hold.STOLEN), Asked(holder=OTHER), visible=False) == ["withheld"]


def test_an_old_mirror_answers_nothing_without_saying_so() -> None:
    old = replace(AS_OF, time=NOW - STALE_SECONDS - 1)

    assert codes(good(), as_of=old) == ["stale"]
    assert codes(None, as_of=old) == ["unknown-item", "stale"]


def test_no_code_of_the_table_is_left_untested() -> None:
    assert {row[0] for row in ROWS} | {"withheld", "stale"} == set(CODES)


def test_nothing_against_it_is_accept() -> None:
    everything = Asked(step="pay", brand=BRAND, descriptions={"model": "sac  LUNE", "colour": "Noir"}, holder=OWNER, has_consent=True)

    assert answer(good(), everything) == Answer(Decision.ACCEPT, [])


def test_the_worst_reason_decides_and_all_are_told() -> None:
    found = replace(held(Hold.STOLEN), last_block=99)

    given = answer(found, Asked(holder=OTHER, descriptions={"model": "Sac Soleil"}))

    assert [reason.code for reason in given.reasons] == ["not-final", "on-hold:stolen", "not-the-holder", "mismatch:model"]
    assert given.decision is Decision.REJECT


@pytest.mark.parametrize("code", ["unknown-item", "withheld", "stale", "not-final", "pending", "no-verdict", "verdict-expired"])
def test_what_is_not_known_never_rejects(code: str) -> None:
    assert CODES[code].decision is Decision.QUARANTINE


def test_a_lot_is_no_item_that_can_be_verified() -> None:
    assert codes(good(replace(SOLD, stage=Stage.LOT))) == ["unknown-item"]


def test_an_examination_that_ran_out_holds_nothing_back() -> None:
    over = replace(SOLD, holds=Hold.IN_VERIFICATION.bit, aside=Aside(verification_until=NOW - 1))

    assert codes(good(over)) == []


def test_a_verdict_against_it_does_not_expire_into_something_sellable() -> None:
    assert codes(judged(Outcome.NOT_AUTHENTIC, expiry=NOW - 1)) == ["not-authentic"]


def test_at_listing_and_for_an_organization_no_consent_is_asked() -> None:
    bought_in = good(holder={"type": "organization", "organization": EXPERT})

    assert codes(good(), Asked(step="list", holder=OWNER)) == []
    assert codes(bought_in, Asked(step="pay")) == []


def test_a_void_event_that_bears_nothing_of_the_present_state_does_not_stop_a_sale() -> None:
    idle = [*STORY, entry("service", {"description": "x"}, sequence=4, void="compromised")]

    assert codes(good(story=idle)) == []


def test_a_key_compromised_before_anything_changed_hands_is_looked_for_too() -> None:
    assert codes(good(story=[entry("service", {"description": "x"})])) == []


@pytest.mark.parametrize("reason", [None, "signer-retired"])
def test_a_verdict_of_somebody_who_left_in_order_is_as_good_as_it_was(reason: str | None) -> None:
    ended = LOST | {"reason": reason, "until": "2025-06-10T10:00:00Z"}

    assert codes(good(verdict=opinion("authentic") | {"standing": ended})) == []


def test_a_void_change_of_hands_stops_it() -> None:
    story = [*STORY[:2], STORY[2] | {"void": "compromised"}]
    recovered = [*STORY, entry("recovery", {"phase": "complete"}, sequence=4, void="compromised")]

    assert answer(good(story=story)).reasons[0].facts == {"sequences": [3]}
    assert answer(good(story=recovered)).reasons[0].facts == {"sequences": [4]}


def test_facts_never_hold_the_story_or_a_serial() -> None:
    facts = item_facts(good())

    assert "story" not in facts and "serial" not in facts
    assert facts["verdict"]["by"]["name"] == "Expert House"


def test_the_table_is_the_documentation() -> None:
    table = as_markdown()

    assert all(f"| `{code}` | {row.decision.code} |" in table for code, row in CODES.items())
