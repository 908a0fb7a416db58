"""What a chain charges for keeping a new word of storage, asked of a node.

A birth writes one, and it is most of what a birth costs. Forks reprice it (22,100 gas since EIP-2929, five times that under
EIP-8037), and a transaction that was planned at another chain's price runs out of gas and reverts.
"""

from ledger_api.chain.rpc import Node, Refusal

KNOWN_WORD_GAS = 22_100  # EIP-2929 and EIP-2200: what the planner's figures were measured with
_WORDS = 8  # written at once, so that a node's rounding (geth: 1.5 %) weighs little
_STOP = b"\x00"
_WRITES = b"".join(bytes((0x60, 1, 0x60, slot, 0x55)) for slot in range(_WORDS))  # PUSH1 1, PUSH1 slot, SSTORE


def dearer_word_gas(node: Node, sender: bytes) -> int:
    """By how much a new word costs more than the known price; 0 also when the node does not estimate."""
    codes = (_STOP, _WRITES + _STOP)
    calls = [("eth_estimateGas", ({"from": "0x" + sender.hex(), "data": "0x" + code.hex()},)) for code in codes]
    empty, written = node.batch(calls)
    if isinstance(empty, Refusal) or isinstance(written, Refusal):
        return 0
    measured = (int(written, 16) - int(empty, 16)) // _WORDS
    return 0 if measured <= KNOWN_WORD_GAS * 11 // 10 else measured - KNOWN_WORD_GAS
