"""Callers: systems of brands and shops that send without end, insist until they are answered, and keep their own book.

What a caller was told is its only knowledge: no database of ours is asked. It is the only one that writes to its items, so each
event it makes is one that has to be accepted, save those that are poisoned on purpose.
"""

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from random import Random
from typing import Any
from urllib.parse import urlsplit

from tests.faults.fleet import GTIN, Brand

LATER = frozenset({409, 429, 500, 502, 503})  # answers after which the same is sent again
ANSWER_SECONDS = 30
PARALLEL = 8
Body = dict[str, Any]


@dataclass(slots=True)
class Item:
    serial: str
    holder: str  # "brand", "shop" or "owner"
    is_recalled: bool = False


@dataclass
class Till:
    """What all callers share: where the service is, how fast to go, and the book of what was answered."""

    url: str
    per_second: float = 100.0  # events, of all callers together; 0: as fast as they are answered
    most_waiting: int = 6_000  # events on their way, beyond which nobody sends
    waiting: int = 0
    accepted: dict[str, str] = field(default_factory=dict)  # event id → kind, as answered with 202
    faults: Counter[str] = field(default_factory=Counter)
    surprises: list[str] = field(default_factory=list)
    is_mischievous: bool = False
    stop: threading.Event = field(default_factory=threading.Event)


class Caller(threading.Thread):
    """One brand's system and that of the shop it supplies."""

    forgiven: frozenset[str] = frozenset()  # reasons for which what it sends may be refused at any time

    def __init__(self, till: Till, brand: Brand, shop: Brand, *, number: int, share: float, seed: int) -> None:
        super().__init__(name=f"caller {number}", daemon=True)
        self.till, self.brand, self.shop = till, brand, shop
        self.random = Random(seed)
        self._number, self._share = number, share
        self._items: list[Item] = []
        self._made = 0
        self._sent: list[list[Body]] = []  # some of the lists that were answered, to be sent once more
        self._connection: http.client.HTTPConnection | None = None

    def run(self) -> None:
        try:
            self._send_without_end()
        finally:
            self._hang_up_properly()

    def _send_without_end(self) -> None:
        while not self.till.stop.is_set():
            if self.till.waiting > self.till.most_waiting:
                self.till.stop.wait(0.1)
                continue
            began = time.monotonic()
            sent = self._one_list()
            if self.till.per_second:
                due = sent / (self.till.per_second * self._share)
                self.till.stop.wait(max(0.0, due - (time.monotonic() - began)))

    # --- what is sent

    def _one_list(self) -> int:
        shop = self._shops_list() if self.random.random() < 0.3 else []
        sender, bodies = (self.shop, shop) if shop else (self.brand, self._brands_list())
        poisoned = self._poison(bodies) if self.till.is_mischievous and self.random.random() < 0.15 else frozenset[int]()
        key = f"{self.name}-{self._made}-{self.random.getrandbits(64):x}" if self.random.random() < 0.7 else None
        if self.till.is_mischievous:
            self._misbehave(sender, bodies, key)
        self._insist(sender, bodies, key, poisoned)
        if self.till.is_mischievous and self._sent and self.random.random() < 0.08:
            self._repeat(self.random.choice(self._sent))
        if sender is self.brand and not poisoned and self.random.random() < 0.1:
            self._sent = [*self._sent[-20:], bodies]
        return len(bodies)

    def _brands_list(self) -> list[Body]:
        bodies: list[Body] = []
        wanted = self.random.choice((1, 20, 60, 100, 100, 150))
        while len(bodies) < wanted:
            old = self._items[self.random.randrange(len(self._items))] if self._items and self.random.random() < 0.6 else None
            bodies.append(self._birth() if old is None else self._next(old))
        return bodies

    def _birth(self) -> Body:
        self._made += 1
        item = Item(f"S{self._number}-{self._made:07d}", "brand")
        self._items.append(item)
        facts = {"model": f"Sac {self._made % 97}", "colour": "noir"}
        return self._body("manufacture", gtin=GTIN, serial=item.serial, category="handbag", payload=facts)

    def _next(self, item: Item) -> Body:
        """Something that may happen to this item now, done by its brand."""
        kinds = ["service", "verdict", "release" if item.is_recalled else "hold"]
        if item.holder == "brand" and not item.is_recalled:
            kinds += ["shipment", "sale"]
        kind = self.random.choice(kinds)
        match kind:
            case "hold" | "release":
                item.is_recalled = kind == "hold"
                return self._body(kind, item, hold="recalled")
            case "shipment":
                item.holder = "shop"
                return self._body(kind, item, to=self.shop.did)
            case "sale":
                return self._sale(item)
            case "verdict":
                return self._body(kind, item, outcome="authentic", method="in-person")
        return self._service(item)

    def _service(self, item: Item) -> Body:
        return self._body("service", item, payload={"description": f"new strap {self.random.getrandbits(48):x}"})

    def _shops_list(self) -> list[Body]:
        stocked = [item for item in self._items[-400:] if item.holder == "shop" and not item.is_recalled]
        return [self._sale(item) for item in stocked[:50]]

    def _sale(self, item: Item) -> Body:
        item.holder = "owner"
        return self._body("sale", item, claim_key=f"0x{self.random.getrandbits(160):040x}")

    def _body(self, kind: str, item: Item | None = None, **facts: Any) -> Body:
        """The payload makes each event another one, however alike they are."""
        body: Body = {"kind": kind, "occurred_at": "2025-06-15T15:06:40Z", "payload": {"reference": f"{self.random.getrandbits(48):x}"}}
        if item is not None:
            body["item"] = {"gtin": GTIN, "serial": item.serial}
        return body | facts

    def _poison(self, bodies: list[Body]) -> frozenset[int]:
        """Puts events among the others that have to be refused, each for itself; returns their places."""
        good = list(bodies)
        bodies.clear()
        places = set()
        for body in good:
            if self.random.random() < 0.03 or not places:
                places.add(len(bodies))
                bodies.append(self.random.choice(self._poisons()))
            bodies.append(body)
        return frozenset(places)

    def _poisons(self) -> list[Any]:
        unborn = Item(f"never-{self.random.getrandbits(32)}", "brand")
        late = self._service(unborn) | {"occurred_at": "2025-06-15T15:06:40"}
        digit = self._body("manufacture", gtin=GTIN[:-1] + "0", serial="X", category="handbag")
        return [self._service(unborn), late, digit, {"kind": "levitation"}, [], None, "kind", self._body("sale", unborn)]

    # --- how it is sent

    def _insist(self, sender: Brand, bodies: list[Body], key: str | None, poisoned: frozenset[int]) -> None:
        """The same again until it is answered: with its key, or because a repeated event is known anyway."""
        octets = json.dumps(bodies).encode()
        while True:
            answer = self._ask(sender, octets, key)
            if answer is not None and answer[0] == 202:
                break
            if answer is not None and answer[0] not in LATER:
                self.till.surprises.append(f"{self.name}: {answer[0]} {answer[1][:300]!r}")
                return
            time.sleep(0.1 + self.random.random() / 5)
        for place, result in enumerate(json.loads(answer[1])["results"]):
            self._hear(bodies[place], result, is_poison=place in poisoned)
        self.till.faults["poison in a list of good events"] += bool(poisoned)

    def _hear(self, body: Any, result: dict[str, Any], *, is_poison: bool) -> None:
        if result["reason"] in self.forgiven:
            return
        if (result["status"] == "refused") != is_poison:
            self.till.surprises.append(f"{self.name}: {body} was {result}")
        if result["status"] != "refused":
            self.till.accepted[result["event_id"]] = body["kind"]

    def _repeat(self, bodies: list[Body]) -> None:
        answer = self._ask(self.brand, json.dumps(bodies).encode(), None)
        if answer is None or answer[0] != 202:
            return
        told = Counter(result["status"] for result in json.loads(answer[1])["results"])
        if set(told) != {"duplicate"}:
            self.till.surprises.append(f"{self.name}: a repeated list was {told}")
        self.till.faults["list sent again"] += 1

    def _ask(self, sender: Brand, octets: bytes, key: str | None) -> tuple[int, bytes] | None:
        """None: no answer, and nobody knows what became of it."""
        try:
            if self._connection is None:
                self._connection = self._connected()
            self._connection.request("POST", "/v1/events", body=octets, headers=headers(sender, key))
            answer = self._connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            self._hang_up_properly()
            return None

    def _hang_up_properly(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _connected(self) -> http.client.HTTPConnection:
        place = urlsplit(self.till.url)
        return http.client.HTTPConnection(place.hostname or "", place.port, timeout=ANSWER_SECONDS)

    # --- how callers misbehave, before they send properly what they have

    def _misbehave(self, sender: Brand, bodies: list[Body], key: str | None) -> None:
        if key is None or self.random.random() > 0.15:
            return
        act: Callable[[Brand, bytes, str], None] = self.random.choice((self._hang_up, self._flood, self._take_the_key))
        act(sender, json.dumps(bodies).encode(), key)

    def _hang_up(self, sender: Brand, octets: bytes, key: str) -> None:
        """Gone before the answer."""
        connection = self._connected()
        try:
            connection.request("POST", "/v1/events", body=octets, headers=headers(sender, key))
            self.till.faults["caller hangs up before the answer"] += 1
        except OSError:
            pass
        finally:
            connection.close()

    def _flood(self, sender: Brand, octets: bytes, key: str) -> None:
        """The same request many times at once: one answer, or 409 while that is not there yet."""
        with ThreadPoolExecutor(PARALLEL) as pool:
            answers = [found for found in pool.map(lambda _: self._ask_apart(sender, octets, key), range(PARALLEL)) if found is not None]
        told = {body for status, body in answers if status == 202}
        if len(told) > 1 or any(status not in LATER | {202} for status, _ in answers):
            self.till.surprises.append(f"{self.name}: {len(told)} different answers to one key, {[status for status, _ in answers]}")
        self.till.faults["same request many times at once"] += len(answers) > 1

    def _take_the_key(self, sender: Brand, octets: bytes, key: str) -> None:
        """The key of a list that is answered, for another list: refused, and nothing of it is accepted."""
        other = json.dumps([self._service(Item("never", "brand"))]).encode()
        if (self._ask(sender, octets, key) or (0,))[0] == 202 and (answer := self._ask(sender, other, key)) is not None:
            if answer[0] not in LATER | {422}:
                self.till.surprises.append(f"{self.name}: a used key with another list was answered {answer[0]}")
            self.till.faults["used key with another list"] += answer[0] == 422

    def _ask_apart(self, sender: Brand, octets: bytes, key: str) -> tuple[int, bytes] | None:
        connection = self._connected()
        try:
            connection.request("POST", "/v1/events", body=octets, headers=headers(sender, key))
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()


class Culprit(Caller):
    """A brand that is suspended and reinstated, and sends only around that: whoever calls `send_until_refused` is its thread."""

    forgiven = frozenset({"suspended"})

    def __init__(self, till: Till, brand: Brand, *, number: int, seed: int) -> None:
        super().__init__(till, brand, brand, number=number, share=0, seed=seed)
        self._is_refused = False

    def send_until_refused(self, seconds: float) -> None:
        """What comes between the suspension on the chain and the door's hearing of it is for the chain to refuse."""
        self._is_refused, deadline = False, time.monotonic() + seconds
        while not self._is_refused and time.monotonic() < deadline:
            self._insist(self.brand, [self._birth() for _ in range(3)], None, frozenset())
            time.sleep(0.1)
        self._hang_up_properly()

    def _hear(self, body: Any, result: dict[str, Any], *, is_poison: bool) -> None:
        self._is_refused = self._is_refused or result["reason"] in self.forgiven
        super()._hear(body, result, is_poison=is_poison)


def headers(sender: Brand, key: str | None) -> dict[str, str]:
    told = {"Authorization": f"Bearer {sender.key}", "Content-Type": "application/json"}
    return told | ({"Idempotency-Key": key} if key else {})
