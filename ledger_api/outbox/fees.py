"""What a transaction offers for its place in a block (EIP-1559), and how much more its replacement must offer."""

from dataclasses import dataclass

from ledger_api.errors import FeeTooHigh

GWEI = 10**9
# geth core/txpool/legacypool DefaultConfig.PriceBump is 10 %, its blob pool and some clients ask 12.5 % and more
_BUMP_NUMERATOR, _BUMP_DENOMINATOR = 9, 8


@dataclass(frozen=True, slots=True)
class Fee:
    priority_wei: int
    max_wei: int


def suggest(base_fee_wei: int, priority_wei: int, cap_wei: int) -> Fee:
    """Room for the base fee to double, never above the cap.

    Raises:
        FeeTooHigh: even the next block costs more than the cap.
    """
    priority = min(priority_wei, cap_wei)
    if base_fee_wei + priority > cap_wei:
        raise FeeTooHigh(base_fee_wei=base_fee_wei, cap_wei=cap_wei)
    return Fee(priority, min(2 * base_fee_wei + priority, cap_wei))


def bump(old: Fee, suggested: Fee, cap_wei: int) -> Fee | None:
    """The least that a node takes in the place of `old`, or the suggestion where that is more; None above the cap."""
    fee = Fee(max(_more(old.priority_wei), suggested.priority_wei), max(_more(old.max_wei), suggested.max_wei))
    return fee if fee.max_wei <= cap_wei else None


def _more(wei: int) -> int:
    return -(-wei * _BUMP_NUMERATOR // _BUMP_DENOMINATOR) + 1
