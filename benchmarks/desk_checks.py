"""From a case that is sent off until the machines have looked at all its photos: seconds, with one `ledger desk` and with two.

`python -m benchmarks.desk_checks`: a handbag with eight drawn photos of twelve megapixels, each looked for among the earlier ones, one
serial read; `ledger serve` and the workers are processes on SQLite. The first case of a worker, which loads the reader, is told apart.
Keeps `desk_checks_s`.
"""

import os
import tempfile
import time
from pathlib import Path
from statistics import median

import cv2
import numpy as np

from benchmarks.figures import Figure, keep, load
from benchmarks.photos import draw, jpeg
from ledger_api import operating
from ledger_api.desk import policy, quality
from tests.faults.fleet import Fleet, Member, fleet_of
from tests.lines import Line

ROUNDS = 5
SHOTS = tuple(policy.default().required_shots("handbag"))
SCOPES = ["events:write events:read verify organization"]
SERIAL = "VN27B1274S"
SIZE, SENT = (1600, 1200), (4000, 3000)
EVERY = 0.02
MOST_SECONDS = 300


def measure() -> list[Figure]:
    before = load()
    with tempfile.TemporaryDirectory() as folder, fleet_of(Path(folder), f"sqlite:///{folder}/ledger.db") as fleet:
        key = _opened(fleet)
        worker = fleet.start("desk")
        (first, _), *one = (_took(Line(fleet.url, key), number, worker) for number in range(1 + ROUNDS))
        fleet.start("desk")
        _, *two = (_took(Line(fleet.url, key), number, worker) for number in range(1 + ROUNDS, 2 * (1 + ROUNDS)))
    alone, together = ([seconds for seconds, _ in took] for took in (one, two))
    return [
        Figure(
            name="desk_checks_s",
            value=round(median(alone), 1),
            unit="s",
            bar="< 10",
            note=f"one worker, median of {ROUNDS} cases of {len(SHOTS)} photos of {SENT[0]} × {SENT[1]}, the slowest {max(alone):.1f} s; "
            f"the first of all, with the start of the worker, {first:.1f} s; two workers {median(together):.1f} s; "
            f"a worker's processor time for a case {median(used for _, used in one):.1f} s; SQLite; load {before} before",
        )
    ]


def _processor_seconds(process: Member) -> float:
    """What a process has used so far, in itself and in the system: on a busy machine it waits longer and uses no more."""
    told = Path(f"/proc/{process.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")


def _opened(fleet: Fleet) -> str:
    """The platform's key."""
    fleet.admit("lens", "authenticator")
    fleet.admit("pixel", "platform")
    keys = [
        operating.create_api_key(fleet.service, organization=f"did:web:{name}.example", scopes=SCOPES, name="bench")["key"]
        for name in ("lens", "pixel")
    ]
    fleet.start("serve")
    free = policy.default().model_dump(mode="json") | {"price_cents": 0}
    Line(fleet.url, keys[0]).must("PUT", "/v1/desk/policy", free)
    return str(keys[1])


def _took(line: Line, number: int, worker: Member) -> tuple[float, float]:
    """From the word that it is whole until it waits for an appraiser: seconds, and those that the worker used of a processor."""
    case = _sent(line, number)
    began, since = time.perf_counter(), _processor_seconds(worker)
    state = line.must("POST", f"/v1/cases/{case}/submit")["state"]
    while state == "checking":
        assert time.perf_counter() - began < MOST_SECONDS, "the checks do not come to an end"
        time.sleep(EVERY)
        state = line.must("GET", f"/v1/cases/{case}")["state"]
    assert state == "queued", state
    return time.perf_counter() - began, _processor_seconds(worker) - since


def _sent(line: Line, number: int) -> str:
    """A case with all its photos, which no other case has."""
    photos = {name: _photo(1_000 * number + 100 * place, name) for place, name in enumerate(SHOTS)}
    body = {"authenticator": "did:web:lens.example", "reference": f"R{number}", "brand": "did:web:maison.example", "category": "handbag"}
    case = str(line.must("POST", "/v1/cases", body | {"gtin": "09990000100019", "serial": SERIAL})["id"])
    for name, photo in photos.items():
        assert line.must("PUT", f"/v1/cases/{case}/shots/{name}", photo)["state"] == "good"
    return case


def _photo(seed: int, name: str) -> bytes:
    """The first from this seed that is good."""
    drawn = draw(seed, shot=name, size=SIZE, serial=SERIAL if name == "serial" else None)
    large = np.asarray(cv2.resize(drawn, SENT, interpolation=cv2.INTER_CUBIC), np.uint8)
    return _photo(seed + 1, name) if quality.look(large).defects else jpeg(large)


if __name__ == "__main__":
    figures = measure()
    keep(figures)
    print(figures[0])
