"""What a transaction offers for its place in a block (EIP-1559), by what kind of chain it is, and what a replacement must add.

The same kind of chain says when a block cannot fall out any more, unless the operator does.

Pure: a profile and what the node says of the market make an offer. An offer is for execution alone. A rollup charges the cost
of its data on the layer below beside it, from the same balance; no offer raises or caps that (docs/operations.md, "Fees by chain").
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ledger_api.chain.rpc import Call, Refusal
from ledger_api.errors import FeeTooHigh, NodeInconsistent

GWEI = 10**9
# geth core/txpool/legacypool DefaultConfig.PriceBump is 10 %, its blob pool and some clients ask 12.5 % and more
_BUMP_NUMERATOR, _BUMP_DENOMINATOR = 9, 8

ProfileName = Literal["anvil", "l1", "l2", "private"]


@dataclass(frozen=True, slots=True)
class Fee:
    priority_wei: int
    max_wei: int


@dataclass(frozen=True, slots=True)
class Market:
    """What a node says of the next block."""

    base_fee_wei: int
    priority_wei: int | None  # the tip it suggests; None: it suggests nothing
    gas_price_wei: int | None = None  # what it asks of a transaction that knows no tips; None: it does not say

    @property
    def tip_in_gas_price_wei(self) -> int | None:
        return None if self.gas_price_wei is None else max(self.gas_price_wei - self.base_fee_wei, 0)


@dataclass(frozen=True, slots=True)
class Profile:
    """How a kind of chain is bid on."""

    name: ProfileName
    least_tip_wei: int  # below it nobody includes us, whatever the node suggests
    most_tip_wei: int | None  # above it a tip buys nothing; None: the cap alone decides
    base_fee_room: int  # by how much the base fee may grow before the offer is too low; what is not needed is not paid
    tip_growth: int  # a replacement's tip is so many times the last: a tip too low must not take a hundred replacements
    confirmations: int  # blocks after which nothing falls out: the deepest reorg that is lived with; 0: the `finalized` tag says


PROFILES: Mapping[ProfileName, Profile] = {
    # ether is worth nothing, and `geth --dev` suggests a tip of 1 wei
    "anvil": Profile("anvil", GWEI, None, base_fee_room=2, tip_growth=1, confirmations=2),
    # geth eth/ethconfig miner.gasprice: builders on defaults leave out what tips less than 0.001 gwei
    "l1": Profile("l1", GWEI // 100, None, base_fee_room=2, tip_growth=2, confirmations=0),
    # op-geth's sequencer asks 0.001 gwei, Arbitrum's ignores tips; the base fee moves within seconds
    # a block is final once the layer below has its data for good, which the tag tells and no count of blocks does
    "l2": Profile("l2", GWEI // 1000, GWEI // 10, base_fee_room=4, tip_growth=2, confirmations=0),
    # what the node asks, which is nothing where gas is free; validators in turn (Clique) take back a handful, QBFT and IBFT none
    "private": Profile("private", 0, None, base_fee_room=2, tip_growth=1, confirmations=12),
}

# chainlist's numbers of well-known networks; whatever is not here is bid on as a public layer 1
_ROLLUPS = (10, 130, 324, 480, 8453, 42161, 42170, 57073, 59144, 81457, 534352, 7777777, 11155420, 84532, 421614, 59141, 534351)
_DEVELOPMENT = (31337, 1337)
_PROFILE_OF: Mapping[int, ProfileName] = {**dict.fromkeys(_ROLLUPS, "l2"), **dict.fromkeys(_DEVELOPMENT, "anvil")}


def profile_of(chain_id: int) -> ProfileName:
    """The profile `auto` stands for."""
    return _PROFILE_OF.get(chain_id, "l1")


@dataclass(frozen=True, slots=True)
class Tariff:
    """A profile under the operator's cap."""

    profile: Profile
    cap_wei: int

    @property
    def is_free(self) -> bool:
        """Nothing needs to be offered here as long as the node asks for nothing."""
        return self.profile.least_tip_wei == 0

    def offer(self, market: Market) -> Fee:
        """The suggested tip within the profile's bounds, and room for the base fee to grow; never above the cap.

        Raises:
            FeeTooHigh: even the next block costs more than the cap.
        """
        least = self.profile.least_tip_wei
        left = self.cap_wei - market.base_fee_wei  # for the tip
        if left < least:
            raise FeeTooHigh(base_fee_wei=market.base_fee_wei, cap_wei=self.cap_wei)
        tip = max(least, self._wanted(market))
        if self.profile.most_tip_wei is not None:
            tip = min(tip, self.profile.most_tip_wei)
        tip = min(tip, left)
        return Fee(tip, min(self.profile.base_fee_room * market.base_fee_wei + tip, self.cap_wei))

    def _wanted(self, market: Market) -> int:
        """The tip the node suggests. Where it says that gas is free it is believed, whatever else it suggests (Anvil: a gwei)."""
        known = [wei for wei in (market.priority_wei, market.tip_in_gas_price_wei) if wei is not None]
        if not known:
            return 0
        return min(known) if self.is_free else known[0]

    def bump(self, old: Fee, market: Market) -> Fee | None:
        """The least that a node takes in the place of `old`, or what is offered now where that is more.

        None: it would be above the cap. Equal to `old`: gas is free, and there is nothing to outbid with.
        """
        new = self.offer(market)
        if self.is_free and old.max_wei == new.max_wei == 0:
            return old
        priority = max(_more(old.priority_wei), self.profile.tip_growth * old.priority_wei, new.priority_wei)
        most = max(_more(old.max_wei), market.base_fee_wei + priority, new.max_wei)
        if most > self.cap_wei:  # the tip need not grow that fast
            priority, most = max(_more(old.priority_wei), new.priority_wei), max(_more(old.max_wei), new.max_wei)
        return Fee(min(priority, most), most) if most <= self.cap_wei else None


def profile(name: ProfileName | Literal["auto"], chain_id: int) -> Profile:
    return PROFILES[profile_of(chain_id) if name == "auto" else name]


def tariff(name: ProfileName | Literal["auto"], chain_id: int, cap_wei: int) -> Tariff:
    return Tariff(profile(name, chain_id), cap_wei)


def confirmations(chosen: int | None, name: ProfileName | Literal["auto"], chain_id: int) -> int:
    """The operator's, or those of the kind of chain."""
    return profile(name, chain_id).confirmations if chosen is None else chosen


DEVELOPMENT = Tariff(PROFILES["anvil"], 1000 * GWEI)


# --- asking a node

QUESTIONS: Sequence[Call] = (
    ("eth_getBlockByNumber", ("latest", False)),
    ("eth_maxPriorityFeePerGas", ()),
    ("eth_gasPrice", ()),
)


def market_of(head: Any, priority: Any, gas_price: Any) -> Market:
    """From the answers to `QUESTIONS`.

    Raises:
        NodeRefused: the node does not tell its newest block.
        NodeInconsistent: it has none.
    """
    if isinstance(head, Refusal):
        raise head.error("eth_getBlockByNumber")
    if head is None:
        raise NodeInconsistent("the node denies its newest block")
    suggested, asked = (None if isinstance(answer, Refusal) else int(answer, 16) for answer in (priority, gas_price))
    return Market(int(head.get("baseFeePerGas") or "0x0", 16), suggested, asked)


def _more(wei: int) -> int:
    return -(-wei * _BUMP_NUMERATOR // _BUMP_DENOMINATOR) + 1
