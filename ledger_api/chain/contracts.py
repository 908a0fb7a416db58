"""The two contracts at their addresses: what they answer, and what they would say to a transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ledger_api.chain.abi import Artifact, load_artifact
from ledger_api.chain.reverts import revert_error
from ledger_api.chain.rpc import Hint, Node, Refusal, quantity, unhex


@dataclass(frozen=True, slots=True)
class Contract:
    node: Node
    artifact: Artifact
    address: bytes

    def read(self, function: str, *values: Any, block: int | None = None) -> tuple[Any, ...]:
        """What a view function answers, as of a block (None: the latest).

        Raises:
            WouldRevert: with the contract's own error.
        """
        tag = "latest" if block is None else quantity(block)
        call = {"to": "0x" + self.address.hex(), "data": "0x" + self.artifact.encode(function, *values).hex()}
        return self.artifact.decode(function, self._ask("eth_call", call, tag))

    def read_many(self, questions: Sequence[tuple[str, tuple[Any, ...]]], *, block: int | None = None) -> list[tuple[Any, ...]]:
        """Several answers of one block in one round trip, in the order asked."""
        tag = "latest" if block is None else quantity(block)
        to = "0x" + self.address.hex()
        calls = [
            ("eth_call", ({"to": to, "data": "0x" + self.artifact.encode(function, *values).hex()}, tag)) for function, values in questions
        ]
        answers = self.node.batch(calls)
        return [
            self.artifact.decode(function, _bytes_of(answer, self.artifact))
            for (function, _), answer in zip(questions, answers, strict=True)
        ]

    def simulate(self, body: bytes, *, sender: bytes, gas: int | None = None) -> None:
        """Would this transaction go through on the latest block? Raises: WouldRevert, NodeRefused."""
        call = {"from": "0x" + sender.hex(), "to": "0x" + self.address.hex(), "data": "0x" + body.hex()}
        if gas is not None:
            call["gas"] = quantity(gas)
        self._ask("eth_call", call, "latest")

    def estimate(self, body: bytes, *, sender: bytes) -> int:
        """The gas this transaction needs on the latest block. Raises: WouldRevert, NodeRefused."""
        call = {"from": "0x" + sender.hex(), "to": "0x" + self.address.hex(), "data": "0x" + body.hex()}
        return int.from_bytes(self._ask("eth_estimateGas", call), "big")

    def _ask(self, method: str, *params: Any) -> bytes:
        return _bytes_of(self.node.ask(method, *params), self.artifact)


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
