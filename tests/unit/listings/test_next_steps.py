"""What to do with a listing next: every reason has its step, and the step that holds it back most decides."""

import pytest

from ledger_api.listings.next_steps import OF_VERIFICATION, Known, Step, next_step
from ledger_api.verification.codes import CODES, Decision


def test_nothing_against_it_is_list() -> None:
    found = next_step(Known(verification=[], review="clear"))

    assert (found.step, found.reasons) == (Step.LIST, [])


def test_every_reason_that_does_not_reject_has_a_step_and_none_of_them_refuses() -> None:
    assert set(OF_VERIFICATION) == {name for name, code in CODES.items() if code.decision == Decision.QUARANTINE}
    assert Step.REFUSE not in OF_VERIFICATION.values()
    assert Step.LIST not in OF_VERIFICATION.values()


@pytest.mark.parametrize("code", [name for name, code in CODES.items() if code.decision == Decision.REJECT])
def test_what_the_verification_rejects_is_refused(code: str) -> None:
    assert next_step(Known([code])).step == Step.REFUSE


@pytest.mark.parametrize(
    ("known", "step", "code"),
    [
        (Known(None), Step.OPEN_CASE, "no-identifier"),
        (Known([], review="waiting"), Step.WAIT, "photos-in-review"),
        (Known([], review="refused"), Step.REFUSE, "photos-refused"),
        (Known([], are_photos_reused=True), Step.BOOK_VERIFICATION, "photos-reused"),
        (Known([], is_clone_suspected=True), Step.BOOK_VERIFICATION, "clone-suspected"),
        (Known([], is_of_value=True), Step.BOOK_VERIFICATION, "of-value"),
        (Known(["consent-missing"]), Step.ASK_CONSENT, "consent-missing"),
    ],
)
def test_each_finding_of_the_listing_leads_to_its_step(known: Known, step: Step, code: str) -> None:
    found = next_step(known)

    assert (found.step, [reason.code for reason in found.reasons]) == (step, [code])


def test_all_reasons_are_told_and_the_one_that_holds_it_back_most_decides() -> None:
    found = next_step(Known(["no-verdict", "consent-missing"], is_clone_suspected=True))

    assert [reason.code for reason in found.reasons] == ["no-verdict", "consent-missing", "clone-suspected"]
    assert found.step == Step.BOOK_VERIFICATION


def test_a_partner_sees_what_a_desk_would_have_looked_at_and_nothing_else_is_changed_by_a_hashtag() -> None:
    led = [next_step(Known(known, has_partner=True)) for known in (None, ["unknown-item"], ["no-verdict", "consent-missing"])]
    others = [next_step(Known([code], has_partner=True)).step for code in ("not-final", "consent-missing")]

    assert [found.step for found in led] == [Step.BOOK_VERIFICATION] * 3
    assert [reason.step for reason in led[-1].reasons] == [Step.BOOK_VERIFICATION, Step.ASK_CONSENT]
    assert (others, next_step(Known([], has_partner=True)).step) == ([Step.WAIT, Step.ASK_CONSENT], Step.LIST)


def test_where_nobody_looked_at_the_photos_no_reason_pretends_that_somebody_did() -> None:
    assert next_step(Known([], review="off")).reasons == []
