"""What a transaction offers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_api.errors import FeeTooHigh
from ledger_api.outbox.fees import GWEI, Fee, bump, suggest

CAP = 200 * GWEI
wei = st.integers(0, CAP)


def test_the_base_fee_may_double() -> None:
    assert suggest(10 * GWEI, GWEI, CAP) == Fee(GWEI, 21 * GWEI)


def test_nothing_is_offered_above_the_cap() -> None:
    assert suggest(150 * GWEI, GWEI, CAP).max_wei == CAP
    with pytest.raises(FeeTooHigh):
        suggest(CAP, GWEI, CAP)


@given(wei, wei, wei, wei)
def test_a_replacement_offers_an_eighth_more_and_never_less_than_a_new_one(
    priority: int, most: int, new_priority: int, new_most: int
) -> None:
    old, suggested = Fee(priority, most), Fee(new_priority, new_most)

    fee = bump(old, suggested, CAP)

    if fee is None:
        assert max(most * 9 / 8 + 1, new_most) > CAP - 1
        return
    assert fee.priority_wei * 8 >= priority * 9 and fee.max_wei * 8 >= most * 9
    assert fee.priority_wei >= new_priority and fee.max_wei >= new_most
    assert fee.max_wei <= CAP
