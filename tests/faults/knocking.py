"""Callers over real sockets: one request each, the whole answer kept; and a system that sends births without end.

answer = knock(fleet, brand, [birth(1)], key="order-1")
with pushing(fleet, brand) as till:      # lists of births, one after another, in a thread
    …                                    # break something
till.send_again()                        # what was not acknowledged
"""

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tests.faults.fleet import Brand, Fleet

LIST = 20


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The problem's code, or `accepted`."""
        return "accepted" if self.status == 202 else str(self.json()["code"])


def connect(fleet: Fleet, *, seconds: float = 60) -> http.client.HTTPConnection:
    place = urlsplit(fleet.url)
    return http.client.HTTPConnection(place.hostname or "", place.port, timeout=seconds)


def headers_of(brand: Brand | None, *, key: str | None = None, kind: str = "application/json") -> dict[str, str]:
    told = {"Content-Type": kind, "Accept": "application/json"}
    if brand is not None:
        told["Authorization"] = f"Bearer {brand.key}"
    return told | ({"Idempotency-Key": key} if key else {})


def knock(
    fleet: Fleet, brand: Brand | None, body: Any = None, *, key: str | None = None, path: str = "/v1/events", kind: str = "application/json"
) -> Answer:
    """A request on a connection of its own: GET without a body, else POST (bytes and iterables of bytes as they are).

    Raises:
        OSError: no answer came.
    """
    connection = connect(fleet)
    encoded = body if body is None or isinstance(body, bytes) or hasattr(body, "__next__") else json.dumps(body).encode()
    began = time.perf_counter()
    try:
        connection.request("GET" if body is None else "POST", path, body=encoded, headers=headers_of(brand, key=key, kind=kind))
        return _read(connection, began)
    except (BrokenPipeError, ConnectionResetError):
        return _read(connection, began)  # the answer may be there although the body was not taken
    except http.client.HTTPException as error:
        raise ConnectionError(str(error)) from error
    finally:
        connection.close()


def _read(connection: http.client.HTTPConnection, began: float) -> Answer:
    try:
        answer = connection.getresponse()
        body = answer.read()
    except http.client.HTTPException as error:
        raise ConnectionError(str(error)) from error
    return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, body, time.perf_counter() - began)


def at_once(count: int, ask: Any) -> list[Any]:
    """`ask(number)` from so many threads that start together; the answers in the order of the numbers."""
    answers: list[Any] = [None] * count
    gate = threading.Barrier(count)

    def one(number: int) -> None:
        gate.wait()
        try:
            answers[number] = ask(number)
        except OSError as error:
            answers[number] = error

    threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


@dataclass
class Till:
    """What a system sent and what it was told."""

    fleet: Fleet
    brand: Brand
    acknowledged: list[list[dict[str, Any]]] = field(default_factory=list)
    unacknowledged: list[list[dict[str, Any]]] = field(default_factory=list)
    told: Counter[str] = field(default_factory=Counter)  # `accepted`, `database-busy: locked`, …
    faulty: list[Answer] = field(default_factory=list)  # answers that no caller could act upon

    def send(self, events: list[dict[str, Any]]) -> Answer:
        answer = knock(self.fleet, self.brand, events)
        if answer.status == 202:
            self.acknowledged.append(events)
            self.told["accepted"] += 1
            return answer
        self.unacknowledged.append(events)
        told = answer.json()
        self.told[f"{answer.code}: {told.get('cause', '')}"] += 1
        if answer.status != 503 or not answer.headers.get("retry-after", "").isdecimal():
            self.faulty.append(answer)
        return answer

    def send_again(self, *, seconds: float = 20) -> None:
        """Everything that was not acknowledged, until it is: the service has to come back by itself."""
        deadline = time.monotonic() + seconds
        while self.unacknowledged:
            assert time.monotonic() < deadline, f"{len(self.unacknowledged)} lists are still refused: {self.told}"
            if self.send(self.unacknowledged.pop(0)).status != 202:
                time.sleep(0.2)

    @property
    def failures(self) -> int:
        return sum(count for told, count in self.told.items() if told != "accepted")

    def events(self) -> int:
        return sum(map(len, self.acknowledged))


@contextmanager
def pushing(fleet: Fleet, brand: Brand, *, size: int = LIST) -> Iterator[Till]:
    """Lists of births, one after another, as long as the block lasts."""
    till, stop = Till(fleet, brand), threading.Event()

    def push() -> None:
        while not stop.is_set():
            till.send(fleet.births(size))
            stop.wait(0.05)

    thread = threading.Thread(target=push)
    thread.start()
    try:
        yield till
    finally:
        stop.set()
        thread.join()
