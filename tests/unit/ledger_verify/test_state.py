from dataclasses import replace
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils import keccak
from hypothesis import given
from hypothesis import strategies as st

from ledger_verify.codes import CATEGORY_CODES, KIND_CODES, METHOD_CODES, ROLE_CODES, Category, Hold, Kind, Reason
from ledger_verify.state import (
    NO_ASIDE,
    UNBORN,
    Aside,
    Event,
    State,
    aside_hash,
    clear,
    facts,
    glance,
    has_aside,
    pack_detail,
    state_from_bytes,
    state_to_bytes,
    unpack_detail,
    word,
)

WORDS = st.binary(min_size=32, max_size=32)
TIMES = st.integers(0, 2**48 - 1)
ASIDES = st.builds(
    Aside,
    setters=st.tuples(*[WORDS] * 5),
    verification_until=TIMES,
    stolen_release_at=TIMES,
    disputed_at=TIMES,
    recovery_key=st.binary(min_size=20, max_size=20),
    recovery_ready_at=TIMES,
)
STATES = st.builds(
    State,
    sequence=st.integers(1, 2**32 - 1),
    stage=st.integers(1, 5),
    verdict=st.integers(0, 3),
    holds=st.integers(0, 31),
    head=WORDS,
    holder=WORDS,
    brand=WORDS,
    last_occurred_at=TIMES,
    category=st.integers(0, 63),
    verdict_method=st.integers(0, 4),
    verdict_at=TIMES,
    verdict_expiry=TIMES,
    verdict_sequence=st.integers(0, 2**32 - 1),
    aside=ASIDES | st.just(NO_ASIDE),
)


@given(STATES)
def test_the_word_commits_to_everything_that_is_not_in_clear(state: State) -> None:
    aside = state.aside
    times = (aside.verification_until, aside.stolen_release_at, aside.disputed_at)
    fields = (aside.setters, *times, aside.recovery_key, aside.recovery_ready_at)
    set_aside = keccak(encode(["(bytes32[5],uint48,uint48,uint48,address,uint48)"], [fields])) if aside != NO_ASIDE else bytes(32)
    committed = keccak(
        encode(["bytes32", "bytes32", "bytes32", "uint256", "bytes32"], [state.head, state.holder, state.brand, facts(state), set_aside])
    )

    packed = word(state)

    assert packed & (1 << 200) - 1 == int.from_bytes(committed, "big") & (1 << 200) - 1
    assert clear(packed) == (state.sequence, state.stage, state.verdict, state.holds)
    assert aside_hash(state) == set_aside


def test_the_word_of_an_unborn_item_is_zero() -> None:
    assert word(UNBORN) == 0


@given(STATES)
def test_a_state_comes_back_from_its_bytes(state: State) -> None:
    assert state_from_bytes(state_to_bytes(state)) == state
    assert glance(state_to_bytes(state)) == (state.brand, state.category, state.verdict_sequence)


def test_a_state_with_nothing_set_aside_takes_128_bytes() -> None:
    assert len(state_to_bytes(UNBORN)) == 128


@pytest.mark.parametrize("length", [0, 127, 129, 333])
def test_bytes_of_another_length_are_no_state(length: int) -> None:
    with pytest.raises(ValueError, match=f"not {length}"):
        state_from_bytes(bytes(length))


def test_an_aside_whose_fields_are_all_zero_again_counts_as_none() -> None:
    emptied = replace(UNBORN, aside=Aside())

    assert not has_aside(emptied)


@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 2**40 - 1), st.integers(0, 127), st.booleans())
def test_a_detail_comes_back_from_its_number(a: int, b: int, time: int, c: int, consented: bool) -> None:
    packed = pack_detail(a=a, b=b, time=time, c=c, consented=consented)

    assert 0 <= packed < 1 << 64
    assert unpack_detail(packed) == (a, b, time, c, consented)


@pytest.mark.parametrize("numbers", [{"a": 256}, {"b": -1}, {"time": 1 << 40}, {"c": 128}])
def test_a_number_that_does_not_fit_is_not_packed(numbers: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        pack_detail(**numbers)


@pytest.mark.parametrize(
    "wrong",
    [{"item": bytes(20)}, {"party": bytes(20)}, {"occurred_at": 1 << 48}, {"occurred_at": -1}, {"detail": 1 << 64}, {"kind": 256}],
)
def test_an_event_with_a_field_of_another_size_cannot_be_made(wrong: dict[str, Any]) -> None:
    fields: dict[str, Any] = {
        "item": bytes(32),
        "kind": 1,
        "head": bytes(32),
        "occurred_at": 0,
        "party": bytes(32),
        "detail": 0,
        "payload": bytes(32),
    }

    with pytest.raises(ValueError, match="of an event"):
        Event(**fields | wrong)


def test_every_number_has_one_code_both_ways() -> None:
    assert Kind.from_code("raw-material") is Kind.RAW_MATERIAL and KIND_CODES[Kind.RAW_MATERIAL] == "raw-material"
    assert [Reason.from_code(reason.code) for reason in Reason] == list(Reason)
    assert METHOD_CODES[3] == "in-person"  # type: ignore[index]  # a plain number finds it too
    assert set(ROLE_CODES.values()) == {"supplier", "brand", "retailer", "platform", "authenticator"}


def test_an_unknown_code_is_an_error() -> None:
    with pytest.raises(ValueError, match="Kind has no code 'gift'"):
        Kind.from_code("gift")


def test_a_category_without_a_name_can_still_be_read() -> None:
    assert Category(42).code == CATEGORY_CODES[Category(42)] == "category-42"


@pytest.mark.parametrize("number", [-1, 64, "handbag"])
def test_a_category_out_of_range_cannot(number: Any) -> None:
    with pytest.raises(ValueError, match="not a valid Category"):
        Category(number)


def test_a_hold_knows_its_bit() -> None:
    assert [hold.bit for hold in Hold] == [1, 2, 4, 8, 16]
