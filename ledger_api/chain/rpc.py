"""One node's JSON-RPC over kept-alive connections, single calls and batches, and the one table of what nodes say.

A node's text is a hint, never a fact: clients word one mistake in many ways and change the words. What really happened
to a transaction is asked of the chain (`outbox.lane`).
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any
from urllib.parse import urlsplit

import orjson
import urllib3

from ledger_api.errors import NodeRefused, NodeUnreachable

CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0


class Hint(Enum):
    """What a node's refusal probably means."""

    KNOWN = "known"  # it has these very bytes already
    NONCE_USED = "nonce-used"
    UNDERPRICED = "underpriced"
    NO_FUNDS = "no-funds"
    TOO_LARGE = "too-large"
    REVERTED = "reverted"
    RANGE_TOO_WIDE = "range-too-wide"
    BEHIND = "behind"  # it does not have these blocks yet
    OTHER = "other"


# Each line: the words, what they mean, and the client's source that says them. First match wins; lower case.
_SAYINGS: tuple[tuple[str, Hint], ...] = (
    # geth core/txpool/errors.go ErrAlreadyKnown; reth PoolErrorKind::AlreadyImported prints the same words
    ("already known", Hint.KNOWN),
    # foundry crates/anvil/src/eth/error.rs PoolError::AlreadyImported
    ("already imported", Hint.KNOWN),
    # nethermind AcceptTxResult.AlreadyKnown
    ("alreadyknown", Hint.KNOWN),
    # besu TransactionInvalidReason.TRANSACTION_ALREADY_KNOWN
    ("known transaction", Hint.KNOWN),
    # geth core/error.go ErrNonceTooLow; anvil, besu and erigon print the same words
    ("nonce too low", Hint.NONCE_USED),
    # hardhat's node (EDR) validates the nonce by itself: "Nonce too low" or "nonce has already been used"
    ("already been used", Hint.NONCE_USED),
    # geth core/txpool/errors.go ErrReplaceUnderpriced, ErrUnderpriced
    ("underpriced", Hint.UNDERPRICED),
    # geth core/txpool/errors.go ErrTxGasPriceTooLow: the pool asks a higher tip
    ("gas price below minimum", Hint.UNDERPRICED),
    # geth core/error.go ErrFeeCapTooLow; anvil InvalidTransactionError::FeeCapTooLow
    ("max fee per gas less than block base fee", Hint.UNDERPRICED),
    # hardhat's node: "Transaction maxFeePerGas (…) is too low for the next block"
    ("too low for the next block", Hint.UNDERPRICED),
    # geth core/error.go ErrInsufficientFunds; anvil and hardhat say "sender doesn't have enough funds"
    ("insufficient funds", Hint.NO_FUNDS),
    ("enough funds", Hint.NO_FUNDS),
    # geth core/txpool/errors.go ErrOversizedData
    ("oversized data", Hint.TOO_LARGE),
    # geth core/error.go ErrGasLimitTooHigh (EIP-7825) and core/txpool ErrGasLimit
    ("exceeds block gas limit", Hint.TOO_LARGE),
    ("gas limit too high", Hint.TOO_LARGE),
    # geth internal/ethapi/api.go checkTxFee: gas times price is above --rpc.txfeecap, one ether unless the operator says otherwise
    ("exceeds the configured cap", Hint.TOO_LARGE),
    # go-ethereum internal/ethapi/errors.go, anvil and hardhat
    ("revert", Hint.REVERTED),
    # geth eth/filters/api.go errBlockRangeIntoFuture
    ("beyond current head", Hint.BEHIND),
    # geth eth/filters/api.go and most hosted nodes
    ("block range", Hint.RANGE_TOO_WIDE),
    ("more than", Hint.RANGE_TOO_WIDE),
    ("query returned", Hint.RANGE_TOO_WIDE),
    ("response size", Hint.RANGE_TOO_WIDE),
)


def hint_of(text: str) -> Hint:
    lowered = text.lower()
    return next((hint for words, hint in _SAYINGS if words in lowered), Hint.OTHER)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A JSON-RPC error as one answer of a batch."""

    code: int
    text: str
    revert: bytes | None  # the contract's own error, when the node handed it on

    @property
    def hint(self) -> Hint:
        return Hint.REVERTED if self.revert is not None else hint_of(self.text)

    def error(self, method: str) -> NodeRefused:
        return NodeRefused(f"the node refused {method}: {self.text[:300]}", method=method, hint=self.hint.value)


Call = tuple[str, Sequence[Any]]


class Node:
    """A node behind one URL. Safe to share between threads; `close` when done.

    The URL may carry a provider's secret, so it is in no error, no repr and no log.
    """

    def __init__(self, url: str, *, read_seconds: float = READ_SECONDS) -> None:
        self._url = url
        timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=read_seconds)
        # retries=False: only the caller knows whether asking twice is harmless
        self._pool = urllib3.PoolManager(maxsize=8, timeout=timeout, retries=False, headers={"content-type": "application/json"})

    def __repr__(self) -> str:
        return f"Node({urlsplit(self._url).hostname})"

    def close(self) -> None:
        self._pool.clear()

    def call(self, method: str, *params: Any) -> Any:
        """The result of one call.

        Raises:
            NodeUnreachable: no answer, or one that is not JSON-RPC: what became of the request is unknown.
            NodeRefused: the node answered with an error; `hint` guesses which.
        """
        answer = self.ask(method, *params)
        if isinstance(answer, Refusal):
            raise answer.error(method)
        return answer

    def ask(self, method: str, *params: Any) -> Any:
        """As `call`, but a refusal is returned, not raised."""
        reply = self._post({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        if not isinstance(reply, dict):
            raise NodeUnreachable("the node's answer is not JSON-RPC", method=method)
        return _answer(reply)

    def batch(self, calls: Iterable[Call]) -> list[Any]:
        """Answers in the order of the calls; each a result or a `Refusal`.

        Raises:
            NodeUnreachable: no answer, or one that lacks some of the calls.
        """
        asked = [{"jsonrpc": "2.0", "id": number, "method": method, "params": params} for number, (method, params) in enumerate(calls)]
        if not asked:
            return []
        replies = self._post(asked)
        if not isinstance(replies, list):  # a node that serves no batches, or refuses this one whole
            raise NodeUnreachable("the node did not answer the batch")
        by_id = {reply.get("id"): reply for reply in replies if isinstance(reply, dict)}
        try:
            return [_answer(by_id[number]) for number in range(len(asked))]
        except KeyError as missing:
            raise NodeUnreachable("the node left a call of the batch unanswered") from missing

    def _post(self, request: object) -> Any:
        try:
            response = self._pool.request("POST", self._url, body=orjson.dumps(request))
            return orjson.loads(response.data)
        except urllib3.exceptions.HTTPError as error:
            # urllib3's texts name the whole URL, secrets included
            raise NodeUnreachable(f"the node does not answer ({type(error).__name__})") from None
        except orjson.JSONDecodeError as error:
            raise NodeUnreachable(f"the node answered something that is not JSON (HTTP {response.status})") from error


def _answer(reply: dict[str, Any]) -> Any:
    error = reply.get("error")
    if error is None:
        if "result" not in reply:
            raise NodeUnreachable("the node's answer has neither result nor error")
        return reply["result"]
    if not isinstance(error, dict):
        return Refusal(0, str(error), None)
    return Refusal(int(error.get("code") or 0), str(error.get("message", "")), _revert_of(error.get("data")))


_HEX = re.compile(r"0x[0-9a-fA-F]*")


def _revert_of(told: Any) -> bytes | None:
    """The contract's error bytes: most clients put them in `data`, Hardhat in `data.data`, some into a sentence."""
    if isinstance(told, dict):
        told = told.get("data") or told.get("result")
    if not isinstance(told, str):
        return None
    found = _HEX.search(told)
    if found is None or len(found.group()) % 2:
        return None
    return bytes.fromhex(found.group()[2:])


def quantity(number: int) -> str:
    """A JSON-RPC QUANTITY."""
    return hex(number)


def unhex(text: str) -> bytes:
    """A JSON-RPC DATA."""
    return bytes.fromhex(text[2:])
