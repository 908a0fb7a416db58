"""Callers as they are: impatient, repeating themselves, cut off half way, wrong, hostile, and many. Real sockets, a real service."""

import http.client
import json
import socket
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import text

from ledger_api.home import free_port
from ledger_api.serving import HEAD_SECONDS
from ledger_api.store.engine import reading
from tests.faults.fleet import GTIN, Brand, Fleet, birth, fleet_of, verdict
from tests.faults.knocking import Answer, at_once, connect, headers_of, knock

PATIENCE = 1.5
NDJSON = "application/x-ndjson"
MEBIBYTE = 1024 * 1024


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """The whole service at work, with little patience and small bodies."""
    folder = tmp_path_factory.mktemp("callers")
    with fleet_of(folder, "", body_patience_seconds=PATIENCE, max_body_mebibytes=2) as fleet:
        for command in ("work", "index", "serve"):
            fleet.start(command)
        yield fleet
        fleet.settle()
        fleet.audit()


@pytest.fixture(scope="module")
def maison(fleet: Fleet) -> Brand:
    return fleet.brand("maison")


def times_accepted(fleet: Fleet, serial: str) -> int:
    query = text("SELECT count(*) FROM events JOIN identifiers ON identifiers.item = events.item WHERE identifiers.serial = :serial")
    with reading(fleet.service.engine) as connection:
        return int(connection.execute(query, {"serial": serial}).scalar_one())


def until_answered(ask: Callable[[], Answer]) -> Answer:
    """As a caller does who is told that the first one is still being answered."""
    for _ in range(100):
        answer = ask()
        if answer.status != 409:
            return answer
        assert (answer.code, answer.headers["retry-after"]) == ("idempotency-in-flight", "1")
        time.sleep(0.1)
    raise AssertionError("the first request is in flight for ever")


# --- repeats ---------------------------------------------------------------------------------------------------------


def test_one_key_fifty_times_at_once_is_accepted_once_and_answered_alike_ever_after(fleet: Fleet, maison: Brand) -> None:
    events = fleet.births(300)

    first = at_once(50, lambda _: knock(fleet, maison, events, key="fifty"))
    after = at_once(10, lambda _: until_answered(lambda: knock(fleet, maison, events, key="fifty")))

    codes = Counter(answer.code for answer in first)
    assert set(codes) == {"accepted", "idempotency-in-flight"}
    assert codes["idempotency-in-flight"] >= 1, "nobody came while the first was in flight"
    assert {answer.headers["retry-after"] for answer in first if answer.status == 409} == {"1"}
    assert len({answer.body for answer in (*first, *after) if answer.status == 202}) == 1
    assert after[0].json()["accepted"] == 300
    assert {times_accepted(fleet, event["serial"]) for event in events} == {1}


def test_one_key_with_another_body_is_a_mismatch_in_flight_and_ever_after(fleet: Fleet, maison: Brand) -> None:
    events, others = fleet.births(300), fleet.births(3)

    answers = at_once(20, lambda number: knock(fleet, maison, others if number % 2 else events, key="mixed"))
    later = [knock(fleet, maison, others if number % 2 else events, key="mixed") for number in range(2)]

    codes = Counter(answer.code for answer in answers)
    assert set(codes) <= {"accepted", "idempotency-in-flight", "idempotency-mismatch"} and codes["idempotency-mismatch"] >= 5, codes
    assert sorted(answer.code for answer in later) == ["accepted", "idempotency-mismatch"]
    kept = later[0].status == 202
    assert [times_accepted(fleet, one[0]["serial"]) for one in (events, others)] == [int(kept), int(not kept)]


def test_one_event_on_twenty_connections_without_a_key_is_accepted_once(fleet: Fleet, maison: Brand) -> None:
    (event,) = fleet.births(1)

    answers = at_once(20, lambda _: knock(fleet, maison, event))

    assert Counter(answer.json()["results"][0]["status"] for answer in answers) == {"accepted": 1, "duplicate": 19}
    assert times_accepted(fleet, event["serial"]) == 1


def test_callers_who_race_for_an_item_s_head_all_get_their_place_behind_it(fleet: Fleet, maison: Brand) -> None:
    (event,) = fleet.births(1)
    knock(fleet, maison, event)
    item = {"gtin": GTIN, "serial": event["serial"]}
    at = "2025-07-01T10:00:00Z"

    def later(number: int) -> dict[str, Any]:
        if number % 2:
            return {"kind": "service", "occurred_at": at, "item": item, "payload": {"description": f"polished by bench {number}"}}
        return verdict(0) | {"occurred_at": at, "item": item, "payload": {"appraiser": f"APR-{number}"}}

    answers = at_once(12, lambda number: knock(fleet, maison, later(number)))
    fleet.settle()

    assert [answer.status for answer in answers] == [202] * 12
    story = knock(fleet, None, path=f"/v1/items?gtin={GTIN}&serial={event['serial']}").json()["passport"]["story"]
    assert [entry["sequence"] for entry in story] == list(range(1, 14))


# --- callers that go away --------------------------------------------------------------------------------------------


def raw(fleet: Fleet, brand: Brand, body: bytes, *, key: str, kind: str = "application/json", length: int | None = None) -> socket.socket:
    """A request whose answer nobody has read yet."""
    place = urlsplit(fleet.url)
    line = socket.create_connection((place.hostname or "", place.port or 0), timeout=30)
    told = headers_of(brand, key=key, kind=kind) | {
        "Host": "ledger.example",
        "Content-Length": str(len(body) if length is None else length),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    line.sendall(f"POST /v1/events HTTP/1.1\r\n{head}\r\n".encode() + body)
    return line


def test_a_caller_cut_off_before_the_answer_finds_it_under_its_key(fleet: Fleet, maison: Brand) -> None:
    events, key = fleet.births(200), "cut off"
    body = json.dumps(events).encode()

    raw(fleet, maison, body[: len(body) // 2], key=key, length=len(body)).close()
    raw(fleet, maison, body, key=key).close()
    answer = until_answered(lambda: knock(fleet, maison, body, key=key))

    assert (answer.status, answer.json()["accepted"]) == (202, 200)
    assert {times_accepted(fleet, event["serial"]) for event in events} == {1}


def test_lines_whose_caller_goes_away_half_way_are_all_there_after_it_comes_again(fleet: Fleet, maison: Brand) -> None:
    events, key = fleet.births(3_000), "half way"
    body = b"\n".join(json.dumps(event).encode() for event in events)

    line = raw(fleet, maison, body, key=key, kind=NDJSON)
    line.recv(1000)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # a reset, as of a cable that was pulled
    line.close()
    answer = until_answered(lambda: knock(fleet, maison, body, key=key, kind=NDJSON))

    summary = json.loads(answer.body.splitlines()[-1])
    assert summary["accepted"] + summary["duplicates"] == 3_000
    assert summary["duplicates"] >= 1_000, "nothing of the first request was kept"
    with reading(fleet.service.engine) as connection:
        query = text(
            "SELECT count(*), count(DISTINCT event_id) FROM events JOIN identifiers USING (item) WHERE serial BETWEEN :low AND :high"
        )
        low_high = {"low": events[0]["serial"], "high": events[-1]["serial"]}
        assert tuple(connection.execute(query, low_high).one()) == (3_000, 3_000)


# --- poison ----------------------------------------------------------------------------------------------------------


def nested(depth: int) -> Any:
    value: Any = "bottom"
    for _ in range(depth):
        value = {"in": value}
    return value


def poison() -> dict[str, tuple[dict[str, Any], str, str]]:
    """Name → (event, reason, field)."""
    good = birth(9_000_000)
    payload = good["payload"]
    return {
        "a number too large to be exact": (good | {"payload": payload | {"weight": 2**60}}, "malformed", "payload"),
        "deep": (good | {"payload": payload | {"deep": nested(100)}}, "malformed", "payload"),
        "deeper than any writer goes": (good | {"payload": payload | {"deep": nested(300)}}, "malformed", "payload"),
        "wide": (good | {"payload": payload | {"wide": list(range(100_000))}}, "malformed", "payload"),
        "a serial of a million characters": (good | {"serial": "A" * 10**6}, "serial-invalid", "serial"),
        "a nul in the serial": (good | {"serial": "A\0B"}, "serial-invalid", "serial"),
        "a nul in a lot's name": (good | {"payload": payload | {"lots": ["did:web:maison.example#L\0T"]}}, "malformed", "payload.lots.0"),
        "a check digit that does not fit": (good | {"gtin": "09990000100018"}, "gtin-check-digit", "gtin"),
        "a time without a zone": (good | {"occurred_at": "2025-06-15T15:06:40"}, "time-zone-missing", "occurred_at"),
        "a kind that does not exist": (good | {"kind": "teleport"}, "malformed", "kind"),
        "no event at all": ([1, 2, 3], "malformed", "kind"),  # type: ignore[dict-item]  # that is the poison
    }


@pytest.mark.parametrize("kind", ["application/json", NDJSON])
def test_poison_in_a_list_of_a_thousand_spoils_itself_alone(fleet: Fleet, maison: Brand, kind: str) -> None:
    wrong = poison()
    events: list[Any] = fleet.births(1_000 - len(wrong))
    places = {name: 80 * (place + 1) for place, name in enumerate(wrong)}
    for name, place in places.items():
        events.insert(place, wrong[name][0])
    written = [json.dumps(event) for event in events]
    body = ("\n".join(written) if kind == NDJSON else f"[{','.join(written)}]").encode()

    answer = knock(fleet, maison, body, kind=kind)

    told = [json.loads(line) for line in answer.body.splitlines()[:-1]] if kind == NDJSON else answer.json()["results"]
    refused = {name: (told[place]["reason"], told[place]["field"]) for name, place in places.items()}
    assert refused == {name: (reason, field) for name, (_, reason, field) in wrong.items()}
    assert all(told[place]["message"] for place in places.values()), "each says what would be right"
    assert Counter(one["status"] for one in told) == {"accepted": 1_000 - len(wrong), "refused": len(wrong)}
    assert len(answer.body) < MEBIBYTE, "an answer must not repeat what was sent"


WHOLE_BODIES = {
    "bad utf-8": b'[{"kind":"\xff\xfe"}]',
    "a lone surrogate": b'[{"kind":"\\ud800"}]',
    "not a number": b'[{"kind":NaN}]',
    "a float that no double holds": b'[{"kind":1e999}]',
    "cut off": b'[{"kind":"manufac',
    "nested beyond any parser": b"[" * 100_000,
    "nothing": b"",
    "a word": b'"manufacture"',
    "compressed": bytes.fromhex("1f8b0800") + b"\0" * 40,
}


@pytest.mark.parametrize("body", WHOLE_BODIES.values(), ids=WHOLE_BODIES)
def test_a_body_that_cannot_be_read_is_our_caller_s_mistake_and_a_line_that_cannot_spoils_itself_alone(
    fleet: Fleet, maison: Brand, body: bytes
) -> None:
    (event,) = fleet.births(1)

    whole = knock(fleet, maison, body)
    lines = knock(fleet, maison, body.replace(b"\n", b"") + b"\n" + json.dumps(event).encode(), kind=NDJSON)

    assert (whole.status, whole.code) == (422, "invalid-body")
    told = [json.loads(line) for line in lines.body.splitlines()]
    assert [one["status"] for one in told[:-1]] == ["refused"] * (len(told) - 2) + ["accepted"]
    assert times_accepted(fleet, event["serial"]) == 1


# --- too long, too slow, too many ------------------------------------------------------------------------------------


def test_a_body_without_a_length_has_the_same_limit(fleet: Fleet, maison: Brand) -> None:
    chunks = iter([b"x" * 65_536] * 48)

    answer = knock(fleet, maison, chunks)

    assert (answer.status, answer.code, answer.json()["limit_bytes"]) == (413, "body-too-large", 2 * MEBIBYTE)


def test_a_body_shorter_than_it_said_is_given_up_and_its_key_is_free(fleet: Fleet, maison: Brand) -> None:
    (event,) = fleet.births(1)
    body = json.dumps(event).encode()

    with raw(fleet, maison, body, key="short", length=len(body) + 1) as line:
        began = time.monotonic()
        told = b"".join(iter(lambda: line.recv(4096), b""))
        seconds = time.monotonic() - began

    assert told.startswith(b"HTTP/1.1 408") and b"body-too-slow" in told
    assert PATIENCE - 0.1 < seconds < PATIENCE + 10
    assert knock(fleet, maison, event, key="short").status == 202


def test_those_who_trickle_are_cut_off_and_hold_up_nobody(fleet: Fleet, maison: Brand) -> None:
    """A hundred heads and a hundred bodies that never end; each sends a byte now and then."""
    place = urlsplit(fleet.url)
    heads = [socket.create_connection((place.hostname or "", place.port or 0)) for _ in range(100)]
    for line in heads:
        line.sendall(b"GET /healthz HTTP/1.1\r\nHost: ledger.example\r\nX-Slow: ")
    bodies = [raw(fleet, maison, b"[", key=f"trickle {number}", length=1000) for number in range(100)]
    began, latencies = time.monotonic(), []

    ended: dict[socket.socket, float] = {}
    while len(ended) < 200 and time.monotonic() - began < HEAD_SECONDS + 60:
        for line in (*heads, *bodies):
            if line not in ended and _is_ended(line):
                ended[line] = time.monotonic() - began
        latencies.append(knock(fleet, maison, fleet.births(1)).seconds)
        time.sleep(0.2)
    for line in (*heads, *bodies):
        line.close()

    assert len(ended) == 200, f"{200 - len(ended)} still hold their connection"
    assert max(ended[line] for line in bodies) < HEAD_SECONDS
    assert statistics.median(latencies) < 2


def _is_ended(line: socket.socket) -> bool:
    try:
        line.send(b"x")
        line.setblocking(False)
        return not line.recv(4096) or not line.recv(4096)
    except BlockingIOError:
        return False
    except OSError:
        return True


def test_a_head_that_does_not_end_is_not_kept(fleet: Fleet) -> None:
    place = urlsplit(fleet.url)
    with socket.create_connection((place.hostname or "", place.port or 0), timeout=10) as line:
        line.sendall(b"GET /healthz HTTP/1.1\r\nX-Long: ")
        sent = 0
        with pytest.raises(OSError):
            while sent < 64 * MEBIBYTE:
                sent += line.send(b"x" * 65_536)
            raise AssertionError("a head of 64 MiB was taken")

    assert sent < 16 * MEBIBYTE


def test_a_flood_gets_429_and_leaves_the_others_their_pace(fleet: Fleet, maison: Brand, is_long: bool) -> None:
    """On a door with ordinary limits: one key and one address far beyond them, another key well within."""
    flooding, requests = fleet.brand("flooding"), 20_000 if is_long else 2_100
    before = fleet.url
    member = fleet.start(
        "serve", env={"LEDGER_PORT": str(free_port()), "LEDGER_RATE_PER_MINUTE_KEY": "600", "LEDGER_RATE_PER_MINUTE_ANONYMOUS": "120"}
    )
    answers: Counter[int] = Counter()
    waits: set[str | None] = set()
    guard = threading.Lock()

    def flood(brand: Brand | None) -> None:
        connection = connect(fleet)
        for _ in range(requests // 6):
            connection.request("GET", "/v1/organizations" if brand else "/v1/items?gtin=1&serial=2", headers=headers_of(brand))
            answer = connection.getresponse()
            answer.read()
            with guard:
                answers[answer.status] += 1
                waits.add(answer.getheader("retry-after") if answer.status == 429 else None)
        connection.close()

    threads = [threading.Thread(target=flood, args=(brand,)) for brand in (flooding, flooding, flooding, flooding, None, None)]
    for thread in threads:
        thread.start()
    loud: list[Answer] = []
    while any(thread.is_alive() for thread in threads) and len(loud) < 400:
        loud.append(knock(fleet, maison, fleet.births(1)))
        time.sleep(0.1)
    for thread in threads:
        thread.join()
    member.end()
    fleet.url = before

    assert {answer.status for answer in loud} == {202}
    assert set(answers) <= {200, 422, 429} and answers[429] > requests * 0.5, answers
    assert all(wait is None or 1 <= int(wait) <= 60 for wait in waits)
    assert statistics.median(answer.seconds for answer in loud) < 2  # how much slower is said by benchmarks; here nobody starves


def test_a_stranger_s_body_is_not_even_read(fleet: Fleet) -> None:
    """The key is looked at first: whoever has none cannot make the service hold his bodies."""
    place = urlsplit(fleet.url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=10)
    connection.putrequest("POST", "/v1/events")
    connection.putheader("Content-Length", str(2 * MEBIBYTE))
    connection.endheaders()

    answer = connection.getresponse()

    assert answer.status == 401
    connection.close()


def test_a_connection_that_was_silent_for_a_while_is_still_there(fleet: Fleet) -> None:
    """Most callers' pools keep one for five seconds, some longer: whoever asks at the last moment must not meet a closed door."""
    connection = connect(fleet)
    connection.request("GET", "/healthz")
    connection.getresponse().read()
    port = connection.sock.getsockname()

    time.sleep(6)
    connection.request("GET", "/healthz")
    answer = connection.getresponse()
    answer.read()

    assert answer.status == 200 and connection.sock.getsockname() == port
    connection.close()


def test_the_service_is_whole_after_all_this(fleet: Fleet, maison: Brand, tmp_path: Path) -> None:
    fleet.settle()

    assert [member.is_alive() for member in fleet.members[:3]] == [True] * 3
    assert "Traceback" not in fleet.members[2].log, fleet.members[2].log[-4000:]
    fleet.audit()
