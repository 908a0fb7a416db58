"""What a new word costs is measured, whatever a node's estimate is good for."""

from collections.abc import Iterable
from typing import Any

import pytest

from ledger_api.chain.pricing import dearer_word_gas
from ledger_api.chain.rpc import Call, Node, Refusal

SENDER = bytes(20)


class Estimating(Node):
    """Charges so much for each word that the code writes, and rounds up as geth does."""

    def __init__(self, word_gas: int) -> None:
        self._word_gas = word_gas

    def batch(self, calls: Iterable[Call]) -> list[Any]:
        return [self._estimate(method, params[0]["data"]) for method, params in calls]

    def _estimate(self, method: str, code: str) -> Any:
        if not self._word_gas:
            return Refusal(-32601, f"the method {method} does not exist", None)
        words = (len(code) // 2 - 2) // 5
        return hex((53_000 + words * self._word_gas) * 1015 // 1000)


@pytest.mark.parametrize(("word_gas", "dearer"), [(22_106, 0), (20_000, 0), (0, 0)])
def test_the_known_price_and_an_unknown_one_add_nothing(word_gas: int, dearer: int) -> None:
    assert dearer_word_gas(Estimating(word_gas), SENDER) == dearer


def test_a_repriced_word_adds_what_it_costs_more() -> None:
    more = dearer_word_gas(Estimating(110_020), SENDER)

    assert 110_020 - 22_100 <= more <= (110_020 - 22_100) * 11 // 10
