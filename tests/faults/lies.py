"""What a node can say that is not so: the lies by name, and what each does to truthful answers. Pure; `lying_node` tells them.

A lie is told to one HTTP request. One that would change nothing (reordering a batch of one, a log twice where there is none) is
not told: `changed` gives None then, and it is neither counted nor used up.
"""

from collections.abc import Callable, Sequence
from enum import StrEnum
from random import Random
from typing import Any

Call = dict[str, Any]
Answer = dict[str, Any]
Change = Callable[[Sequence[Call], list[Answer], Random], list[Answer] | None]


class Lie(StrEnum):
    """The value is what it looks like from the service."""

    # the request as a whole
    SERVER_ERROR = "answers 503, nothing forwarded"
    SERVER_ERROR_TAKEN = "forwards, answers 502"
    TIME_OUT = "hangs, nothing forwarded"
    TIME_OUT_TAKEN = "forwards, hangs"
    CLOSE = "closes the connection, nothing forwarded"
    CLOSE_TAKEN = "forwards, closes the connection"
    DELAY = "answers late"
    GARBAGE = "forwards, answers what is not JSON"
    TRUNCATED = "forwards, answers half of the JSON"
    DOWN = "is down (flapping)"
    # a batch
    REORDER = "answers a batch in another order"
    ANSWER_MISSING = "leaves a call of a batch unanswered"
    EXTRA_ID = "answers a call that nobody made"
    # blocks
    STALE_BLOCK = "answers as of some blocks ago"
    NULL_BLOCK = "denies a block it has"
    # sending
    DROP_SEND = "drops a transaction and says yes"
    NONCE_TOO_LOW = "drops a transaction: nonce too low"
    NONCE_TOO_LOW_TAKEN = "takes a transaction: nonce too low"
    ALREADY_KNOWN = "drops a transaction: already known"
    ALREADY_KNOWN_TAKEN = "takes a transaction: already known"
    UNDERPRICED = "drops a transaction: replacement transaction underpriced"
    UNDERPRICED_TAKEN = "takes a transaction: replacement transaction underpriced"
    NO_FUNDS = "drops a transaction: insufficient funds"
    NO_FUNDS_TAKEN = "takes a transaction: insufficient funds"
    TOO_LARGE = "drops a transaction above a size: oversized data"
    # logs
    TOO_MANY_LOGS = "refuses a range: query returned more than 10000 results"
    RANGE_TOO_WIDE = "refuses a range: exceed maximum block range"
    RANGE_UNSAID = "refuses a range in words that nobody knows"
    RANGE_HANGS = "hangs over a range"
    LOG_OUTSIDE = "adds a log from outside the range"
    LOG_TWICE = "answers a log twice"
    FIRST_LOG_MISSING = "leaves the first log out of a range"
    LAST_LOG_MISSING = "leaves the last log out of a range"
    NO_LOGS = "answers with silence where there are logs"


SAYINGS = {
    Lie.NONCE_TOO_LOW: "nonce too low: next nonce 7, tx nonce 6",
    Lie.ALREADY_KNOWN: "already known",
    Lie.UNDERPRICED: "replacement transaction underpriced",
    Lie.NO_FUNDS: "insufficient funds for gas * price + value: balance 0, tx cost 1",
    Lie.TOO_LARGE: "oversized data: transaction size 131073, limit 131072",
    Lie.TOO_MANY_LOGS: "query returned more than 10000 results",
    Lie.RANGE_TOO_WIDE: "exceed maximum block range: 1",
    Lie.RANGE_UNSAID: "this plan answers up to two pages",
}
SAYINGS |= {Lie[f"{lie.name}_TAKEN"]: SAYINGS[lie] for lie in (Lie.NONCE_TOO_LOW, Lie.ALREADY_KNOWN, Lie.UNDERPRICED, Lie.NO_FUNDS)}

RANGES = frozenset({Lie.TOO_MANY_LOGS, Lie.RANGE_TOO_WIDE, Lie.RANGE_UNSAID})
SENDING = frozenset({Lie.DROP_SEND, *(SAYINGS.keys() - RANGES)})
LIMITS = RANGES | {Lie.RANGE_HANGS}  # told of ranges wider than the node's limit
OF_RANGES = LIMITS | {Lie.FIRST_LOG_MISSING, Lie.LAST_LOG_MISSING}
OF_LOGS = frozenset({Lie.LOG_OUTSIDE, Lie.LOG_TWICE, Lie.NO_LOGS})


def refusal(call: Call, lie: Lie) -> Answer:
    return {"jsonrpc": "2.0", "id": call["id"], "error": {"code": -32000, "message": SAYINGS[lie]}}


def is_range(call: Call, wider_than: int = 1) -> bool:
    """Does it ask for the logs of more than so many blocks?"""
    if call["method"] != "eth_getLogs" or "blockHash" in call["params"][0]:
        return False
    first, last = (call["params"][0].get(name, "latest") for name in ("fromBlock", "toBlock"))
    if not (first.startswith("0x") and last.startswith("0x")):
        return bool(first != last)
    return int(last, 16) - int(first, 16) >= wider_than


def _reordered(_calls: Sequence[Call], answers: list[Answer], _random: Random) -> list[Answer] | None:
    return answers[::-1] if len(answers) > 1 else None


def _one_missing(_calls: Sequence[Call], answers: list[Answer], random: Random) -> list[Answer] | None:
    if len(answers) < 2:
        return None
    gone = random.randrange(len(answers))
    return [answer for place, answer in enumerate(answers) if place != gone]


def _one_too_many(_calls: Sequence[Call], answers: list[Answer], _random: Random) -> list[Answer] | None:
    return [*answers, {"jsonrpc": "2.0", "id": 1_000_000, "result": None}] if len(answers) > 1 else None


def _without_a_block(calls: Sequence[Call], answers: list[Answer], random: Random) -> list[Answer] | None:
    asked = {call["id"] for call in calls if call["method"] == "eth_getBlockByNumber"}
    there = [place for place, answer in enumerate(answers) if answer.get("id") in asked and answer.get("result")]
    if not there:
        return None
    gone = random.choice(there)
    return [answer | {"result": None} if place == gone else answer for place, answer in enumerate(answers)]


def _with_logs(calls: Sequence[Call], answers: list[Answer], random: Random, change: Callable[[list[Any]], Any], only_ranges: bool) -> Any:
    asked = {call["id"] for call in calls if (is_range(call) if only_ranges else call["method"] == "eth_getLogs")}
    full = [place for place, answer in enumerate(answers) if answer.get("id") in asked and answer.get("result")]
    if not full:
        return None
    chosen = random.choice(full)
    told = change(list(answers[chosen]["result"]))
    return [answer | {"result": told} if place == chosen else answer for place, answer in enumerate(answers)]


def _log_twice(calls: Sequence[Call], answers: list[Answer], random: Random) -> list[Answer] | None:
    def twice(logs: list[Any]) -> list[Any]:
        place = random.randrange(len(logs))
        return [*logs[: place + 1], *logs[place:]]

    changed: list[Answer] | None = _with_logs(calls, answers, random, twice, only_ranges=False)
    return changed


def _first_log_missing(calls: Sequence[Call], answers: list[Answer], random: Random) -> list[Answer] | None:
    changed: list[Answer] | None = _with_logs(calls, answers, random, lambda logs: logs[1:], only_ranges=True)
    return changed


def _last_log_missing(calls: Sequence[Call], answers: list[Answer], random: Random) -> list[Answer] | None:
    changed: list[Answer] | None = _with_logs(calls, answers, random, lambda logs: logs[:-1], only_ranges=True)
    return changed


def _no_logs(calls: Sequence[Call], answers: list[Answer], random: Random) -> list[Answer] | None:
    changed: list[Answer] | None = _with_logs(calls, answers, random, lambda _logs: [], only_ranges=False)
    return changed


def _log_outside(calls: Sequence[Call], answers: list[Answer], random: Random) -> list[Answer] | None:
    def more(logs: list[Any]) -> list[Any]:
        strayed = dict(random.choice(logs))
        strayed["blockNumber"] = hex(int(strayed["blockNumber"], 16) + 100_000)
        return [*logs, strayed]

    changed: list[Answer] | None = _with_logs(calls, answers, random, more, only_ranges=False)
    return changed


CHANGES: dict[Lie, Change] = {
    Lie.REORDER: _reordered,
    Lie.ANSWER_MISSING: _one_missing,
    Lie.EXTRA_ID: _one_too_many,
    Lie.NULL_BLOCK: _without_a_block,
    Lie.LOG_TWICE: _log_twice,
    Lie.FIRST_LOG_MISSING: _first_log_missing,
    Lie.LAST_LOG_MISSING: _last_log_missing,
    Lie.LOG_OUTSIDE: _log_outside,
    Lie.NO_LOGS: _no_logs,
}


def as_of(calls: Sequence[Call], head: int) -> list[Call]:
    """The questions as a replica hears them whose newest block is `head`."""
    return [call | {"params": _earlier(call["method"], list(call["params"]), head)} for call in calls]


def _earlier(method: str, params: list[Any], head: int) -> list[Any]:
    match method:
        case "eth_getBlockByNumber":
            params[0] = _tag(params[0], head)
        case "eth_getTransactionCount" | "eth_getBalance" | "eth_getCode" | "eth_call":
            if len(params) > 1:
                params[1] = _tag(params[1], head)
        case "eth_getLogs" if "blockHash" not in params[0]:
            to_block = params[0].get("toBlock", "latest")
            limit = _tag(to_block, head)
            params[0] = params[0] | {"toBlock": hex(min(int(limit, 16), head)) if limit.startswith("0x") else limit}
    return params


def _tag(tag: Any, head: int) -> Any:
    return hex(head) if tag in ("latest", "pending", "safe") else tag


def forgotten(calls: Sequence[Call], answers: Sequence[Answer], head: int) -> list[Answer]:
    """The answers without what lies above `head`: blocks, receipts and logs that the replica has not heard of."""
    by_id = {call["id"]: call for call in calls}
    return [_without_later(by_id[answer["id"]], answer, head) for answer in answers]


def _without_later(call: Call, answer: Answer, head: int) -> Answer:
    result = answer.get("result")
    match call["method"]:
        case "eth_blockNumber":
            return answer | {"result": hex(head)}
        case "eth_getBlockByNumber" if isinstance(result, dict) and int(result["number"], 16) > head:
            return answer | {"result": None}
        case "eth_getTransactionReceipt" if isinstance(result, dict) and int(result["blockNumber"], 16) > head:
            return answer | {"result": None}
        case "eth_getLogs" if isinstance(result, list) and any(int(log["blockNumber"], 16) > head for log in result):
            return {"jsonrpc": "2.0", "id": answer["id"], "error": {"code": -32000, "message": "unknown block"}}
    return answer
