"""A thousand cases pushed through the desk by HTTP, on a real chain with real processes: every one ends concluded, each verdict stands on
the ledger exactly once, and statistics say what was decided.

Every photo is drawn, hardly larger than the smallest the desk takes, since what machines see in photos of any size is asked elsewhere; the
desk asks for one of each handbag, and for the serial of each watch, which a machine reads. One platform pushes twice at once while three
appraisers judge; every tenth case needs a second opinion.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import cv2
import pytest
from sqlalchemy import text

from benchmarks.photos import draw
from ledger_api import operating
from ledger_api.audit.recounting import recount
from ledger_api.desk import policy, quality
from ledger_api.desk.receiving import receive
from ledger_api.statistics.telling import question_of
from ledger_api.store.engine import reading
from tests.faults.fleet import Brand, Fleet, birth, fleet_of
from tests.lines import Line

pytestmark = [pytest.mark.chain, pytest.mark.slow]

COUNT, WATCHES, DEAR = 1_000, 10, 10
SCOPES = ["events:write events:read verify organization"]
APPRAISERS = ("ada", "bo", "cy")
PUSHING_SECONDS = 1_800  # a machine that does nothing else needs a third of it
OUTCOMES = ("authentic", "authentic", "not-authentic", "authentic", "authentic", "inconclusive", "not-authentic", "authentic")


def photo(number: int) -> bytes:
    """The first drawing of this number that is good enough for the desk."""
    drawings = (draw(seed, shot="front", size=(816, 204)) for seed in range(number, 100 * COUNT, COUNT))
    photos = (bytes(cv2.imencode(".jpg", pixels[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])[1]) for pixels in drawings)
    return next(photo for photo in photos if not quality.look(receive(photo).pixels_jpeg).defects)


def serial_photo(serial: str) -> bytes:
    return bytes(cv2.imencode(".jpg", draw(2, shot="serial", size=(840, 630), serial=serial)[:, :, ::-1])[1])


def verdict_of(case: str) -> str:
    """What everybody who looks at this case finds."""
    return OUTCOMES[sha256(case.encode()).digest()[0] % len(OUTCOMES)]


@dataclass
class Rush:
    """Everybody at once."""

    fleet: Fleet
    maison: Brand
    keys: dict[str, str]
    cases: list[str] = field(default_factory=list)
    decided: Counter[str] = field(default_factory=Counter)
    is_over: threading.Event = field(default_factory=threading.Event)

    def push(self, half: int) -> None:
        with Line(self.fleet.url, self.keys["pixel"]) as line:
            for number in range(half, COUNT, 2):
                self._push_one(line, number)

    def _push_one(self, line: Line, number: int) -> None:
        is_watch = number % (COUNT // WATCHES) == 0
        shot, sent = ("serial", serial_photo(birth(number)["serial"])) if is_watch else ("front", photo(number))
        body = {"authenticator": "did:web:lens.example", "reference": f"R{number}", "brand": self.maison.did}
        body |= {"category": "watch" if is_watch else "handbag", "gtin": birth(number)["gtin"], "serial": birth(number)["serial"]}
        case = line.must("POST", "/v1/cases", body | ({"value_eur": 9_000} if number % DEAR == 0 else {}))["id"]
        told = line.must("PUT", f"/v1/cases/{case}/shots/{shot}", sent)
        assert told["state"] == "good", (number, told)
        line.must("POST", f"/v1/cases/{case}/submit")
        self.cases.append(case)

    def judge(self, who: str) -> None:
        with Line(self.fleet.url, self.keys[who]) as line:
            while not self.is_over.is_set():
                status, told = line.ask("POST", "/v1/desk/claims", {})
                if status == 200 and told:
                    self._judge_one(line, told["case"])
                else:
                    time.sleep(0.5)

    def _judge_one(self, line: Line, case: str) -> None:
        outcome = verdict_of(case)
        reason = {"authentic": "as-described", "not-authentic": "counterfeit-signs", "inconclusive": "photos-insufficient"}[outcome]
        body = {"outcome": outcome, "confidence": 80, "reasons": [reason], "grounds": {}}
        self.decided[line.must("POST", f"/v1/desk/cases/{case}/decision", body)["next"]] += 1

    def states(self) -> dict[str, int]:
        with reading(self.fleet.service.engine) as connection:
            return {row[0]: row[1] for row in connection.execute(text("SELECT state, count(*) FROM cases GROUP BY state"))}

    def run(self) -> None:
        with ThreadPoolExecutor(2 + len(APPRAISERS)) as pool:
            pushing = [pool.submit(self.push, half) for half in (0, 1)]
            judging = [pool.submit(self.judge, who) for who in APPRAISERS]
            try:
                deadline = time.monotonic() + PUSHING_SECONDS
                while self.states() != {"concluded": COUNT}:
                    assert time.monotonic() < deadline, (self.states(), self.fleet.picture())
                    for one in (*pushing, *judging):
                        if one.done():
                            one.result()
                    time.sleep(0.5)
            finally:
                self.is_over.set()
            for one in (*pushing, *judging):
                one.result()


def opened_desk(fleet: Fleet) -> Rush:
    maison, lens = fleet.brand("maison"), fleet.admit("lens", "authenticator")
    fleet.accredit(lens, "authenticator", brand=maison)
    fleet.admit("pixel", "platform")
    keys = {
        name: operating.create_api_key(fleet.service, organization=f"did:web:{name}.example", scopes=SCOPES, name="rush")["key"]
        for name in ("lens", "pixel")
    }
    for process in ("serve", "index", "work", "desk", "desk"):  # two desks: no check is made twice, and two cores look
        fleet.start(process)
    categories = [one for one in policy.default().category_names() if one != "watch"]
    shots = [{"name": "front", "categories": categories}, {"name": "serial", "categories": ["watch"], "checks": ["serial"]}]
    with Line(fleet.url, keys["lens"]) as line:
        line.must("PUT", "/v1/desk/policy", policy.default().model_dump(mode="json") | {"price_cents": 0, "shots": shots})
        for name in APPRAISERS:
            keys[name] = line.must("POST", "/v1/desk/appraisers", {"name": name})["key"]
    status, told = fleet.send(maison, [birth(number) for number in range(COUNT)])
    assert status == 202 and told["accepted"] == COUNT, told
    fleet.settle(seconds=120)
    return Rush(fleet, maison, keys)


@pytest.fixture(scope="module")
def rush(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rush]:
    folder: Path = tmp_path_factory.mktemp("rush")
    with fleet_of(folder, f"sqlite:///{folder / 'ledger.db'}") as fleet:
        rush = opened_desk(fleet)
        rush.run()
        fleet.settle(seconds=120)
        yield rush


def test_every_case_is_concluded_by_as_many_opinions_as_it_needs(rush: Rush) -> None:
    assert rush.states() == {"concluded": COUNT} and len(set(rush.cases)) == COUNT
    assert rush.decided["conclude"] == COUNT and rush.decided["second"] >= COUNT // DEAR and not rush.decided["senior"]
    assert not any(rush.fleet.hanging().values())


def test_each_verdict_stands_on_the_chain_exactly_once(rush: Rush) -> None:
    with reading(rush.fleet.service.engine) as connection:
        told = connection.execute(
            text("SELECT cases.id, count(*) FROM cases JOIN records ON records.item = cases.item AND records.kind = 7 GROUP BY cases.id")
        ).all()
        recorded = connection.execute(text("SELECT count(*) FROM records WHERE kind = 7")).scalar_one()

    assert {row[0]: row[1] for row in told} == dict.fromkeys(rush.cases, 1) and recorded == COUNT
    assert rush.fleet.audit(rebuild=False, settled=False).as_json()["lost"] == 0


def test_statistics_say_what_was_decided_by_the_service_and_by_the_chain(rush: Rush) -> None:
    expected = Counter(map(verdict_of, rush.cases))

    status, here = rush.fleet.get("/v1/statistics/verdicts?group_by=category")
    again = recount(rush.fleet.service.node, rush.fleet.service.deployment, to_block=here["blocks"]["to_block"])

    assert status == 200 and again.tell(question_of(group_by="category")) == here
    total = here["total"]
    assert (total["verdicts"], total["fake_rate"]["not_authentic"]) == (COUNT, expected["not-authentic"])
    assert (total["authentic"], total["inconclusive"]) == (expected["authentic"], expected["inconclusive"])
