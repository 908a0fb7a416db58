"""What a chain does to those who write to it, injected through Anvil; and what other hands do with our bytes and keys.

Every function returns whether the fault took effect, as the node itself tells afterwards: a test adds it to its `Effects`, and
asserts the count, for a fault that never happened proves nothing.

    effects = Effects()
    effects["dropped"] += drop(node, transaction_hash)
    effects["reorg of 2"] += reorg(node, 2)
    assert effects == {"dropped": 1, "reorg of 2": 1}
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from eth_abi import abi as eth_abi

from ledger_api.chain import transactions
from ledger_api.chain.deploy import Deployment
from ledger_api.chain.rpc import Node, Refusal, quantity
from ledger_api.keys import Signer
from ledger_verify import hashing
from ledger_verify.hashing import Commitment, ItemId, OrganizationId
from ledger_verify.state import Event, State
from ledger_verify.transition import Kind
from ledger_verify.wire import BATCH_ABI, SignedBatch, Witness, encode_record, witness_of

GWEI = 10**9
PRICE_WEI = 400 * GWEI
Effects = Counter[str]


def head_of(node: Node) -> int:
    return int(node.call("eth_blockNumber"), 16)


def block_hash(node: Node, number: int) -> str | None:
    block = node.call("eth_getBlockByNumber", quantity(number), False)
    return None if block is None else str(block["hash"])


# --- the pool and the fees


def drop(node: Node, transaction_hash: bytes) -> bool:
    """Out of the pool, as if the node had never heard of it."""
    name = "0x" + transaction_hash.hex()
    was_waiting = is_waiting(node, transaction_hash)
    node.call("anvil_dropTransaction", name)
    return was_waiting and node.call("eth_getTransactionByHash", name) is None


def is_waiting(node: Node, transaction_hash: bytes) -> bool:
    found = node.call("eth_getTransactionByHash", "0x" + transaction_hash.hex())
    return found is not None and found["blockNumber"] is None


def spike(node: Node, gwei: int) -> bool:
    """One block at this base fee."""
    node.call("anvil_setNextBlockBaseFeePerGas", hex(gwei * GWEI))
    node.call("evm_mine")
    return int(node.call("eth_getBlockByNumber", "latest", False)["baseFeePerGas"], 16) == gwei * GWEI


# --- blocks that were, and are not


def reorg(node: Node, depth: int, kept: Iterable[tuple[bytes, int]] = ()) -> bool:
    """The newest `depth` blocks become others, which hold only `kept`: signed bytes, and in which of the new blocks."""
    head = head_of(node)
    first = head - depth + 1
    before = block_hash(node, first), block_hash(node, first - 1)
    node.call("anvil_reorg", depth, [["0x" + raw.hex(), place] for raw, place in kept])
    made = node.batch([("eth_getBlockByNumber", (hex(number), False)) for number in range(first, head + 1)])
    assert all(isinstance(block, dict) for block in made), "a block was made while the chain was reorganized: Anvil has a hole now"
    return head_of(node) == head and block_hash(node, first) != before[0] and block_hash(node, first - 1) == before[1]


def roll_back(node: Node, depth: int) -> bool:
    """The newest blocks are gone, and nothing comes in their place yet."""
    head = head_of(node)
    node.call("anvil_rollback", depth)
    return head_of(node) == head - depth


def outcome(node: Node, transaction_hash: bytes) -> str:
    """`none`, `waiting`, `mined` or `reverted`, by the node alone."""
    receipt = node.call("eth_getTransactionReceipt", "0x" + transaction_hash.hex())
    if receipt is not None:
        return "mined" if int(receipt["status"], 16) else "reverted"
    return "waiting" if is_waiting(node, transaction_hash) else "none"


# --- other hands


def send_as(node: Node, signer: Signer, *, to: bytes, body: bytes, gas: int = 5_000_000, nonce: int | None = None) -> bytes:
    """A transaction of somebody who offers more than we do; returns its hash. Nothing of it is in our database."""
    raw = signed_as(node, signer, to=to, body=body, gas=gas, nonce=nonce)
    answer = node.ask("eth_sendRawTransaction", "0x" + raw.hex())
    assert not isinstance(answer, Refusal), answer
    return hashing.keccak(raw)


def signed_as(node: Node, signer: Signer, *, to: bytes, body: bytes, gas: int = 5_000_000, nonce: int | None = None) -> bytes:
    """`signer` has ether since the first block: what Anvil gives later, a reorg takes away."""
    who = "0x" + signer.address.hex()
    used = int(node.call("eth_getTransactionCount", who, "pending"), 16) if nonce is None else nonce
    unsigned = transactions.Transaction(int(node.call("eth_chainId"), 16), used, 9 * GWEI, PRICE_WEI, gas, to, body)
    return transactions.sign(unsigned, signer.sign).raw


def spend_nonce(node: Node, relayer: Signer, nonce: int | None = None) -> bytes:
    """Somebody else uses our relayer's key, for nothing."""
    return send_as(node, relayer, to=relayer.address, body=b"", gas=21_000, nonce=nonce)


def record_elsewhere(deployment: Deployment, signer: Signer, organization: OrganizationId, state: State, event: Event) -> bytes:
    """Call data by which another operator of the organization, with its key, records an event we never heard of."""
    return encode_record([batch_of(deployment, signer, organization, [event], [witness_of(state, event)])])


def batch_of(
    deployment: Deployment, signer: Signer, organization: OrganizationId, events: list[Event], witnesses: list[Witness]
) -> SignedBatch:
    deadline = 2**40
    hashes = [hashing.event_hash(event) for event in events]
    hashed = hashing.batch_hash(organization, signer.address, deadline, False, hashes)
    signature = signer.sign(hashing.batch_digest(deployment.domain_separator, hashed))
    return SignedBatch(organization, signer.address, deadline, False, events, witnesses, signature=signature)


def service_on(item: bytes, state: State, number: int) -> Event:
    """A repair, told by somebody who knows the item's state as the chain has it."""
    payload = Commitment(hashing.keccak(b"elsewhere %d" % number))
    return Event(ItemId(item), Kind.SERVICE, state.head, state.last_occurred_at, bytes(32), 0, payload)


def recorded_counts(node: Node, ledger: bytes) -> Counter[bytes]:
    """How often the chain recorded each payload, from the node's own logs."""
    logs: list[dict[str, Any]] = node.call("eth_getLogs", {"fromBlock": "0x0", "address": "0x" + ledger.hex()})
    recorded = "0x" + hashing.keccak(b"Recorded(bytes32,bytes32,bytes32,address,uint8,uint48,bytes32,uint64,bytes32)").hex()
    return Counter(bytes.fromhex(log["data"][-64:]) for log in logs if log["topics"][0] == recorded)


def with_wrong_witnesses(body: bytes) -> bytes:
    """The same signed batches, told with a state that none of their items has."""
    (batches,) = eth_abi.decode([f"{BATCH_ABI}[]"], body[4:])
    altered = [(*batch[:5], [(*witness[:3], witness[3] + 1) for witness in batch[5]], *batch[6:]) for batch in batches]
    return body[:4] + eth_abi.encode([f"{BATCH_ABI}[]"], [altered])
