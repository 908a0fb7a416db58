"""The policy of retries, which is a function: when again, or never."""

import itertools

import pytest

from ledger_api.outbox.retrying import RAREST_BLOCKS, Failure, next_try


def waits(failure: Failure, *, most: int) -> list[int]:
    """The blocks between two tries, until it is parked."""
    tried = (next_try(times, failure, block=1000, most=most) for times in itertools.count(1))
    return [again - 1000 for again in itertools.takewhile(lambda again: again is not None, tried) if again is not None]


def test_what_the_contract_would_revert_is_tried_ever_more_rarely_and_then_parked() -> None:
    assert waits(Failure.CONTRACT, most=5) == [2, 4, 8, 16]


def test_nobody_waits_longer_than_the_rarest() -> None:
    assert waits(Failure.CONTRACT, most=13)[8:] == [512, RAREST_BLOCKS, RAREST_BLOCKS, RAREST_BLOCKS]


def test_the_nodes_own_refusals_get_more_patience_than_the_contracts() -> None:
    assert len(waits(Failure.NODE, most=5)) == 2 * 5 - 1


def test_a_damaged_row_is_parked_at_once() -> None:
    assert next_try(1, Failure.DAMAGED, block=7, most=10) is None


@pytest.mark.parametrize("failure", Failure)
def test_every_failure_ends_in_a_finite_number_of_tries(failure: Failure) -> None:
    assert next_try(10_000, failure, block=1, most=10) is None
