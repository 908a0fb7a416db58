"""What a transaction offers, by the kind of chain, and what its replacement adds."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ledger_api.chain.fees import GWEI, PROFILES, Fee, Market, ProfileName, Tariff, confirmations, market_of, profile_of, tariff
from ledger_api.chain.rpc import Refusal
from ledger_api.errors import FeeTooHigh, NodeInconsistent, NodeRefused

CAP = 200 * GWEI
NAMES: tuple[ProfileName, ...] = tuple(PROFILES)
UNKNOWN_METHOD = Refusal(-32601, "the method does not exist", None)
wei = st.integers(0, CAP)
markets = st.builds(Market, wei, st.none() | st.integers(0, 2 * CAP), st.none() | st.integers(0, 2 * CAP))
tariffs = st.builds(Tariff, st.sampled_from(list(PROFILES.values())), st.just(CAP))


def on(name: ProfileName, cap: int = CAP) -> Tariff:
    return Tariff(PROFILES[name], cap)


@pytest.mark.parametrize(
    ("name", "market", "offered"),
    [
        ("anvil", Market(10 * GWEI, GWEI), Fee(GWEI, 21 * GWEI)),
        ("anvil", Market(GWEI, 1), Fee(GWEI, 3 * GWEI)),  # what `geth --dev` suggests
        ("l1", Market(10 * GWEI, 2 * GWEI), Fee(2 * GWEI, 22 * GWEI)),
        ("l1", Market(10 * GWEI, None), Fee(GWEI // 100, 20 * GWEI + GWEI // 100)),
        ("l1", Market(10 * GWEI, 1), Fee(GWEI // 100, 20 * GWEI + GWEI // 100)),
        ("l2", Market(GWEI // 50, 3 * GWEI), Fee(GWEI // 10, 4 * (GWEI // 50) + GWEI // 10)),
        ("l2", Market(GWEI // 50, 0), Fee(GWEI // 1000, 4 * (GWEI // 50) + GWEI // 1000)),
        ("private", Market(0, 0), Fee(0, 0)),
        ("private", Market(0, None), Fee(0, 0)),
        ("private", Market(7, 1000), Fee(1000, 1014)),
    ],
)
def test_each_kind_of_chain_has_its_offer(name: ProfileName, market: Market, offered: Fee) -> None:
    assert on(name).offer(market) == offered


@given(tariffs, markets)
def test_an_offer_pays_for_the_next_block_and_stays_below_the_cap(tariff: Tariff, market: Market) -> None:
    assume(market.base_fee_wei + tariff.profile.least_tip_wei <= CAP)

    fee = tariff.offer(market)

    assert fee.priority_wei >= tariff.profile.least_tip_wei
    assert market.base_fee_wei + fee.priority_wei <= fee.max_wei <= CAP


@pytest.mark.parametrize("name", NAMES)
def test_a_chain_dearer_than_the_cap_is_not_bid_on(name: ProfileName) -> None:
    with pytest.raises(FeeTooHigh):
        on(name).offer(Market(CAP + 1, GWEI))


@pytest.mark.parametrize("name", NAMES)
def test_a_nodes_greedy_tip_is_cut_to_what_the_cap_leaves(name: ProfileName) -> None:
    fee = on(name).offer(Market(CAP - GWEI, 1000 * GWEI))

    assert (fee.max_wei, fee.priority_wei <= GWEI) == (CAP, True)


@given(tariffs, wei, wei, markets)
def test_a_replacement_adds_an_eighth_to_both_and_offers_no_less_than_a_new_one(
    tariff: Tariff, priority: int, most: int, market: Market
) -> None:
    assume(market.base_fee_wei + tariff.profile.least_tip_wei <= CAP and 0 < priority <= most)
    new = tariff.offer(market)

    fee = tariff.bump(Fee(priority, most), market)

    if fee is None:
        assert most * 9 / 8 + 2 > CAP
        return
    assert fee.priority_wei * 8 >= priority * 9 and fee.max_wei * 8 >= most * 9
    assert fee.priority_wei >= new.priority_wei and fee.max_wei >= new.max_wei
    assert fee.priority_wei <= fee.max_wei <= CAP


@pytest.mark.parametrize("name", ["l1", "l2"])
def test_a_tip_that_was_far_too_low_is_no_longer_so_after_a_dozen_replacements(name: ProfileName) -> None:
    market, times = Market(GWEI, 1), 0
    fee = on(name).offer(market)

    while fee.priority_wei < 2 * GWEI:
        bumped = on(name).bump(fee, market)
        assert bumped is not None
        fee, times = bumped, times + 1

    assert times <= 12


def test_where_gas_is_free_there_is_nothing_to_outbid_with() -> None:
    assert on("private", cap=0).bump(Fee(0, 0), Market(0, 0)) == Fee(0, 0)
    assert on("private").bump(Fee(0, 0), Market(0, 5)) == Fee(5, 5)


@pytest.mark.parametrize(("chain_id", "deepest"), [(1, 0), (8453, 0), (31337, 2)])
def test_the_deepest_reorg_goes_by_the_kind_of_chain_unless_the_operator_counts(chain_id: int, deepest: int) -> None:
    assert confirmations(None, "auto", chain_id) == deepest
    assert confirmations(None, "private", chain_id) == PROFILES["private"].confirmations > 5
    assert confirmations(7, "auto", chain_id) == 7


@pytest.mark.parametrize(
    ("chain_id", "name"), [(31337, "anvil"), (1337, "anvil"), (1, "l1"), (8453, "l2"), (42161, "l2"), (10, "l2"), (987654321, "l1")]
)
def test_auto_goes_by_the_chain_id(chain_id: int, name: ProfileName) -> None:
    assert profile_of(chain_id) == name
    assert tariff("auto", chain_id, CAP) == on(name)
    assert tariff("private", chain_id, CAP) == on("private")


@pytest.mark.parametrize(
    ("priority", "gas_price", "tip"),
    [("0x5", "0xff", 5), ("0x5", "0x66", 2), (UNKNOWN_METHOD, "0x6b", 7), (UNKNOWN_METHOD, "0x1", 0), (UNKNOWN_METHOD, UNKNOWN_METHOD, 0)],
)
def test_a_node_that_suggests_no_tip_has_one_in_its_gas_price(priority: object, gas_price: object, tip: int) -> None:
    market = market_of({"baseFeePerGas": "0x64"}, priority, gas_price)

    assert on("private").offer(market) == Fee(tip, 200 + tip)


def test_a_public_chain_is_tipped_as_the_node_suggests_whatever_its_gas_price_is() -> None:
    assert on("l1").offer(Market(GWEI, 2 * GWEI, GWEI)).priority_wei == 2 * GWEI


def test_a_node_without_a_head_has_no_market() -> None:
    assert market_of({}, "0x0", "0x0") == Market(0, 0, 0)
    with pytest.raises(NodeRefused):
        market_of(UNKNOWN_METHOD, "0x0", "0x0")
    with pytest.raises(NodeInconsistent):
        market_of(None, "0x0", "0x0")
