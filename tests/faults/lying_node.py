"""A node that lies: an HTTP JSON-RPC proxy between the service and Anvil, with its own thread and its own server.

    with LyingNode(anvil_url, seed=7) as proxy:
        proxy.arm(Lie.DROP_SEND, times=2)             # the next two chances to tell it
        proxy.arm(Lie.CLOSE_TAKEN, method="eth_sendRawTransaction")
        proxy.rates[Lie.DELAY] = 0.02                 # of all requests, drawn from Random(seed)
        … the service runs against proxy.url …
        proxy.be_honest()
    assert proxy.took_effect[Lie.DROP_SEND] == 2

At most one lie is told to a request, armed ones first. `took_effect` counts the lies that changed what the service saw (or, for
those that take a transaction, what became of it), and nothing else. `flap` takes the node down and up again by the clock.
"""

import contextlib
import socket
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from typing import Any, Self

import orjson
import urllib3

from ledger_verify.hashing import keccak
from tests.faults import lies
from tests.faults.lies import Answer, Call, Lie

__all__ = ["Lie", "LyingNode"]
_SEND = "eth_sendRawTransaction"
_BACKLOG = 128


@dataclass
class _Armed:
    lie: Lie
    times: int
    method: str | None


@dataclass(frozen=True)
class _Reply:
    """What is said, `after` so many seconds; status 0: the connection is closed without an answer."""

    status: int
    body: bytes
    after: float = 0.0


_SILENCE = _Reply(0, b"")


class LyingNode:
    """`url` is what the service is told. All settings may change while it runs; safe to share between threads."""

    def __init__(self, target: str, *, seed: int = 0, rates: Mapping[Lie, float] | None = None, most: int = 100_000) -> None:
        self.target = target
        self.rates: dict[Lie, float] = dict(rates or {})  # how often of all requests to which it applies
        self.most = most  # lies by rate, altogether
        self.lag_blocks = 3  # of a stale answer
        self.delay_seconds = 0.3
        self.widest = 1  # blocks of a range that the lies about limits let pass
        self.largest = 600  # bytes of a transaction that TOO_LARGE lets pass
        self.hold_seconds = 2.5  # longer than the service's LEDGER_NODE_READ_SECONDS
        self.took_effect: Counter[str] = Counter()
        self.asked: Counter[str] = Counter()  # by method, whatever was answered
        self._random = Random(seed)
        self._armed: list[_Armed] = []
        self._flapping = (0.0, 1.0, 1.0, 0)  # since, seconds up, seconds down, how often
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._pool = urllib3.PoolManager(maxsize=32, retries=False, headers={"content-type": "application/json"})
        self._server = _Server(("127.0.0.1", 0), self)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="lying node", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.hang_up()
        self._server.server_close()
        self._thread.join(timeout=5)
        self._pool.clear()

    # --- what it will say

    def arm(self, lie: Lie, times: int = 1, method: str | None = None) -> None:
        """Tell this lie the next `times` that it makes a difference; `method`: only to requests with such a call."""
        with self._lock:
            self._armed.append(_Armed(lie, times, method))

    def flap(self, up_seconds: float, down_seconds: float, times: int) -> None:
        """From now on: up, down, up, down …, `times` downs. Requests while it is down find a closed door."""
        with self._lock:
            self._flapping = (time.monotonic(), up_seconds, down_seconds, times)

    def be_honest(self) -> None:
        """Nothing but the truth from now on."""
        with self._lock:
            self._armed.clear()
            self.rates.clear()
            self._flapping = (0.0, 1.0, 1.0, 0)

    def is_armed(self) -> bool:
        """Is something armed that has not been told yet?"""
        with self._lock:
            return bool(self._armed)

    def _is_down(self) -> bool:
        since, up, down, times = self._flapping
        rounds, within = divmod(time.monotonic() - since, up + down)
        return rounds < times and within >= up

    # --- one request

    def reply_to(self, body: bytes) -> _Reply:
        asked = orjson.loads(body)
        calls: list[Call] = asked if isinstance(asked, list) else [asked]
        with self._lock:
            self.asked.update(call["method"] for call in calls)
            if self._is_down():
                self.took_effect[Lie.DOWN] += 1
                return _SILENCE
        truth: _Reply | None = None  # asked at most once, so that one transaction is sent at most once
        for lie, armed in self._candidates(calls):
            told, truth = self._tell(lie, calls, body, truth)
            if told is not None:
                self._count(lie)
                self._closing.wait(told.after)
                return told
            self._give_back(armed)
        return truth or self._forward(body)

    def _candidates(self, calls: Sequence[Call]) -> list[tuple[Lie, _Armed | None]]:
        """Lies to try in this order; an armed one is taken here, and given back when it makes no difference."""
        methods = {call["method"] for call in calls}
        found: list[tuple[Lie, _Armed | None]] = []
        with self._lock:
            for armed in self._armed:
                if armed.times > 0 and (armed.method is None or armed.method in methods) and self._may_matter(armed.lie, calls):
                    armed.times -= 1
                    return [(armed.lie, armed)]
            for lie, rate in self.rates.items():
                if self._may_matter(lie, calls) and self._random.random() < rate and self.most > 0:
                    self.most -= 1
                    found.append((lie, None))
        return found

    def _may_matter(self, lie: Lie, calls: Sequence[Call]) -> bool:
        if lie is Lie.TOO_LARGE:
            return any(call["method"] == _SEND and len(call["params"][0]) // 2 > self.largest for call in calls)
        if lie in lies.LIMITS:
            return any(lies.is_range(call, self.widest) for call in calls)
        return _may_matter(lie, calls)

    def _give_back(self, armed: _Armed | None) -> None:
        if armed is not None:
            with self._lock:
                armed.times += 1

    def _count(self, lie: Lie) -> None:
        with self._lock:
            self.took_effect[lie] += 1
            self._armed = [armed for armed in self._armed if armed.times > 0]

    def _tell(self, lie: Lie, calls: list[Call], body: bytes, truth: _Reply | None) -> tuple[_Reply | None, _Reply | None]:
        """(what is said, or None when the lie would change nothing; the truth where it had to be asked)."""
        match lie:
            case Lie.SERVER_ERROR:
                return _Reply(503, b"no healthy upstream"), truth
            case Lie.CLOSE | Lie.DOWN:
                return _SILENCE, truth
            case Lie.TIME_OUT | Lie.RANGE_HANGS:
                return replace(_SILENCE, after=self.hold_seconds), truth
            case Lie.STALE_BLOCK:
                return self._stale(calls, body, truth)
            case lie if lie in lies.SENDING or lie in lies.RANGES:
                return self._word_for_word(lie, calls, body), truth
        truth = truth or self._forward(body)
        return self._twist(lie, calls, truth), truth

    def _twist(self, lie: Lie, calls: list[Call], truth: _Reply) -> _Reply | None:
        """A lie about an answer that is known."""
        match lie:
            case Lie.SERVER_ERROR_TAKEN:
                return _Reply(502, b"bad gateway")
            case Lie.CLOSE_TAKEN:
                return _SILENCE
            case Lie.TIME_OUT_TAKEN:
                return replace(_SILENCE, after=self.hold_seconds)
            case Lie.DELAY:
                return replace(truth, after=self.delay_seconds)
            case Lie.GARBAGE:
                return _Reply(200, b"<html>welcome to the gateway</html>")
            case Lie.TRUNCATED:
                return _Reply(200, truth.body[: len(truth.body) // 2])
        answers = orjson.loads(truth.body)
        is_batch = isinstance(answers, list)
        with self._lock:
            changed = lies.CHANGES[lie](calls, answers if is_batch else [answers], self._random)
        if changed is None:
            return None
        return _Reply(200, orjson.dumps(changed if is_batch else changed[0]))

    def _word_for_word(self, lie: Lie, calls: list[Call], body: bytes) -> _Reply:
        """Lies about one call: a transaction sent (and forwarded all the same where the lie says so), a range of logs."""
        if lie.name.endswith("_TAKEN"):
            self._forward(body)
        answers = [self._one_word(lie, call) for call in calls]
        return _Reply(200, orjson.dumps(answers if body.lstrip().startswith(b"[") else answers[0]))

    def _one_word(self, lie: Lie, call: Call) -> Answer:
        if lie in lies.SENDING and call["method"] == _SEND:
            if lie is not Lie.DROP_SEND:
                return lies.refusal(call, lie)
            taken = "0x" + keccak(bytes.fromhex(call["params"][0][2:])).hex()
            return {"jsonrpc": "2.0", "id": call["id"], "result": taken}
        if lie in lies.RANGES and lies.is_range(call, self.widest):
            return lies.refusal(call, lie)
        answer: Answer = orjson.loads(self._forward(orjson.dumps(call)).body)
        return answer

    def _stale(self, calls: list[Call], body: bytes, truth: _Reply | None) -> tuple[_Reply | None, _Reply | None]:
        truth = truth or self._forward(body)
        asked = {"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []}
        head = max(0, int(orjson.loads(self._forward(orjson.dumps(asked)).body)["result"], 16) - self.lag_blocks)
        answers = orjson.loads(self._forward(orjson.dumps(lies.as_of(calls, head))).body)
        told = lies.forgotten(calls, answers, head)
        honest = orjson.loads(truth.body)
        if told == (honest if isinstance(honest, list) else [honest]):
            return None, truth
        return _Reply(200, orjson.dumps(told if isinstance(honest, list) else told[0])), truth

    def _forward(self, body: bytes) -> _Reply:
        response = self._pool.request("POST", self.target, body=body)
        return _Reply(response.status, response.data)


def _may_matter(lie: Lie, calls: Sequence[Call]) -> bool:
    """Without asking the node: could this lie make a difference here?"""
    if lie in lies.SENDING:
        return any(call["method"] == _SEND for call in calls)
    if lie in lies.OF_RANGES:
        return any(map(lies.is_range, calls))
    if lie in lies.OF_LOGS:
        return any(call["method"] == "eth_getLogs" for call in calls)
    if lie is Lie.STALE_BLOCK:
        return all(call["method"] != _SEND for call in calls)  # asked twice: never a transaction
    if lie is Lie.NULL_BLOCK:
        return any(call["method"] == "eth_getBlockByNumber" for call in calls)
    return True


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = _BACKLOG

    def __init__(self, address: tuple[str, int], node: LyingNode) -> None:
        self.node = node
        self._open: set[socket.socket] = set()
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """Kept-alive connections end with the server."""
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, _request: Any, _client_address: Any) -> None:
        """A client that hung up, or a chain that is gone: the connection ends, the server goes on."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            reply = self.server.node.reply_to(body)
        except urllib3.exceptions.HTTPError:  # the chain itself is away
            reply = _SILENCE
        if reply.status == 0:
            self.close_connection = True
            return
        self.send_response(reply.status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    def log_message(self, *_: object) -> None:
        """Quiet: what was told is counted, not printed."""
