"""The two contracts at their addresses: what they answer, and what they would say to a transaction."""

from dataclasses import dataclass
from typing import Any, Literal

from ledger_api.chain.abi import Artifact, load_artifact
from ledger_api.chain.reverts import revert_error
from ledger_api.chain.rpc import Hint, Node, Refusal, quantity, unhex

Block = int | Literal["latest", "pending"]


@dataclass(frozen=True, slots=True)
class Contract:
    node: Node
    artifact: Artifact
    address: bytes

    def read(self, function: str, *values: Any, block: Block = "latest") -> tuple[Any, ...]:
        """What a view function answers, as of a block.

        Raises:
            WouldRevert: with the contract's own error.
        """
        call = {"to": "0x" + self.address.hex(), "data": "0x" + self.artifact.encode(function, *values).hex()}
        return self.artifact.decode(function, self._ask("eth_call", call, _tag(block)))

    def simulate(self, body: bytes, *, sender: bytes, gas: int | None = None) -> None:
        """Would this transaction go through on the latest block? Raises: WouldRevert, NodeRefused."""
        call = {"from": "0x" + sender.hex(), "to": "0x" + self.address.hex(), "data": "0x" + body.hex()}
        if gas is not None:
            call["gas"] = quantity(gas)
        self._ask("eth_call", call, "latest")

    def estimate(self, body: bytes, *, sender: bytes, block: Block = "latest") -> int:
        """The gas this transaction needs. Raises: WouldRevert, NodeRefused."""
        call = {"from": "0x" + sender.hex(), "to": "0x" + self.address.hex(), "data": "0x" + body.hex()}
        return int.from_bytes(self._ask("eth_estimateGas", call, _tag(block)), "big")

    def _ask(self, method: str, *params: Any) -> bytes:
        return _bytes_of(self.node.ask(method, *params), self.artifact)


def _tag(block: Block) -> str:
    return quantity(block) if isinstance(block, int) else block


def _bytes_of(answer: Any, artifact: Artifact) -> bytes:
    if not isinstance(answer, Refusal):
        digits = answer[2:]
        return unhex(answer if len(digits) % 2 == 0 else f"0x0{digits}")
    if answer.hint is Hint.REVERTED:
        raise revert_error(answer.revert, [artifact])
    raise answer.error("eth_call")


def registry_at(node: Node, address: bytes) -> Contract:
    return Contract(node, load_artifact("OrganizationRegistry"), address)


def ledger_at(node: Node, address: bytes) -> Contract:
    return Contract(node, load_artifact("ProvenanceLedger"), address)
