"""A client under test: how it is started, what a member of the consortium must be given there, how a transaction gets stuck in it.

A client differs in nothing else. Whoever needs another `if` here has found something that leans on one client's habits.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

from ledger_api.chain.rpc import Node
from ledger_api.keys import Keyring
from ledger_api.settings import Settings
from tests import servers

GWEI = 10**9
ETHER = 10**18
_PATIENCE_SECONDS = 20
_LANES = 2

Start = Callable[[], AbstractContextManager[str]]


@dataclass(frozen=True)
class Client:
    name: str
    start: Start
    # the same, where what a worker with these settings offers waits in the pool until it is outbid
    start_dear: Start
    dear_settings: Mapping[str, Any]
    make_dear: Callable[[Node], None]  # once the members are admitted
    pass_block: Callable[[Node], None]  # a block in which that offer is too low
    mine: Callable[[Node], None]


def _geth_for_a_gwei() -> AbstractContextManager[str]:
    """Takes any tip into its pool and includes only those of a gwei and more."""
    return servers.geth_dev("--miner.gasprice", str(GWEI))


def _nothing(_node: Node) -> None:
    """Blocks come by themselves."""


def _a_second(_node: Node) -> None:
    time.sleep(1)


def _stop_mining(node: Node) -> None:
    node.call("evm_setAutomine", False)


def _mine(node: Node) -> None:
    node.call("evm_mine")


def _mine_dearly(method: str) -> Callable[[Node], None]:
    def mine(node: Node) -> None:
        node.call(method, hex(50 * GWEI))
        node.call("evm_mine")

    return mine


CLIENTS: Mapping[str, Client] = {
    client.name: client
    for client in (
        Client(
            "Anvil", lambda: servers.anvil(block_time=1), servers.anvil, {},
            _stop_mining, _mine_dearly("anvil_setNextBlockBaseFeePerGas"), _mine,
        ),
        Client(
            "Hardhat", servers.hardhat_node, servers.hardhat_node, {},
            _stop_mining, _mine_dearly("hardhat_setNextBlockBaseFeePerGas"), _mine,
        ),
        # its base fee cannot be set, so that the tip is what is too low: that of a rollup, on a chain that wants more
        Client(
            "go-ethereum", servers.geth_dev, _geth_for_a_gwei, {"fee_profile": "l2", "confirmations": 2},
            _nothing, _a_second, _a_second,
        ),
    )
}  # fmt: skip


@contextmanager
def running(start: Start, settings: Settings) -> Iterator[str]:
    """The client, with ether for the owner and the relayers, whose keys are the same on every development chain."""
    with start() as url:
        node = Node(url)
        try:
            _fund(node, Keyring(settings.home, settings, int(node.call("eth_chainId"), 16)))
        finally:
            node.close()
        yield url


def _fund(node: Node, keyring: Keyring) -> None:
    """From the account that a development chain keeps unlocked, where ours have nothing yet."""
    payees = ["0x" + one.address.hex() for one in (keyring.owner(), *map(keyring.relayer, range(_LANES)))]
    poor = [payee for payee in payees if _balance(node, payee) < ETHER]
    for payee in poor:
        node.call("eth_sendTransaction", {"from": node.call("eth_accounts")[0], "to": payee, "value": hex(1000 * ETHER)})
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while any(_balance(node, payee) < ETHER for payee in poor):
        if time.monotonic() > deadline:
            raise TimeoutError("the development account's ether did not arrive")
        time.sleep(0.1)


def _balance(node: Node, account: str) -> int:
    return int(node.call("eth_getBalance", account, "latest"), 16)
