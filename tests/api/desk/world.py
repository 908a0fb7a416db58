"""A desk at work without a chain: PLATFORM asks, EXPERT's appraisers judge, the loop turns when a test says so.

world.opened()                       a case of PLATFORM's, all its shots sent
world.queued()                       … sent off and checked
world.judged(case, "ada", "authentic")
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

from httpx import Response

from benchmarks.photos import degrade, draw, jpeg
from ledger_api.desk.checks import Machines
from ledger_api.desk.recording import Scribe
from ledger_api.desk.working import DeskWorker
from tests.consortium import DIDS, GTIN, manufacture
from tests.doors import Doors

SHOTS = ("front", "back", "logo", "serial", "zip", "hardware", "stitching", "lining")
SERIAL = "VN27B1274S"
_SEEDS = dict(zip(SHOTS, (11, 12, 14, 2, 16, 17, 18, 19), strict=True))


@cache
def photo(name: str, *, serial: str = SERIAL, spoiled: str | None = None) -> bytes:
    drawn = draw(_SEEDS.get(name, 11), shot=name, size=(840, 630), serial=serial if name == "serial" else None)
    return jpeg(drawn if spoiled is None else degrade(drawn, spoiled, strength=0.9))


@dataclass
class DeskWorld:
    doors: Doors
    worker: DeskWorker
    keys: dict[str, str] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    references: int = 0

    def __post_init__(self) -> None:
        for name, is_senior in (("ada", False), ("bo", False), ("cleo", True)):
            made = self.doors.post("EXPERT", "/v1/desk/appraisers", {"name": name, "is_senior": is_senior}).json()
            self.keys[name], self.ids[name] = made["key"], made["id"]

    # --- who asks

    def new(self, **changes: Any) -> dict[str, Any]:
        self.references += 1
        body = {"authenticator": DIDS["EXPERT"], "reference": f"L-{self.references}", "brand": DIDS["MAISON"], "category": "handbag"}
        answer = self.doors.post("PLATFORM", "/v1/cases", body | {"gtin": GTIN, "serial": SERIAL} | changes)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def send(self, case: str, name: str, body: bytes | None = None) -> Response:
        return self.doors.ask("PUT", "PLATFORM", f"/v1/cases/{case}/shots/{name}", content=photo(name) if body is None else body)

    def opened(self, **changes: Any) -> str:
        case = str(self.new(**changes)["id"])
        for name in SHOTS:
            answer = self.send(case, name)
            assert answer.json()["state"] == "good", answer.text
        return case

    def submit(self, case: str) -> str:
        answer = self.doors.post("PLATFORM", f"/v1/cases/{case}/submit")
        assert answer.status_code == 200, answer.text
        if answer.json()["state"] == "awaiting-payment":
            answer = self.doors.post("PLATFORM", f"/v1/cases/{case}/paid")
        return str(answer.json()["state"])

    def queued(self, **changes: Any) -> str:
        case = self.opened(**changes)
        self.submit(case)
        self.work()
        assert self.state(case) == "queued"
        return case

    def look(self, case: str) -> dict[str, Any]:
        found: dict[str, Any] = self.doors.get("PLATFORM", f"/v1/cases/{case}").json()
        return found

    def state(self, case: str) -> str:
        return str(self.look(case)["state"])

    # --- who judges

    def desk(self, who: str, method: str, path: str, body: Any = None) -> Response:
        return self.doors.ask(method, None, f"/v1/desk{path}", token=self.keys[who], json=body)

    def claimed(self, who: str, case: str | None = None) -> Any:
        return self.desk(who, "POST", "/claims", {} if case is None else {"case": case}).json()

    def decide(self, who: str, case: str, outcome: str, *, confidence: int = 90) -> Response:
        reasons = {"authentic": ["as-described"], "not-authentic": ["counterfeit-signs"], "inconclusive": ["photos-insufficient"]}[outcome]
        body = {"outcome": outcome, "confidence": confidence, "reasons": reasons, "grounds": {"logo": "letters and spacing"}}
        return self.desk(who, "POST", f"/cases/{case}/decision", body)

    def judged(self, case: str, who: str, outcome: str) -> str:
        """What comes of it."""
        assert self.claimed(who, case)["case"] == case
        answer = self.decide(who, case, outcome)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["next"])

    # --- what happens by itself

    def work(self, *, most: int = 50) -> None:
        """Turns until there is nothing to do."""
        for _ in range(most):
            if not self.worker.turn():
                return
        raise AssertionError("the desk never came to rest")

    def later(self, seconds: int) -> None:
        self.doors.time += seconds

    def born(self) -> None:
        """The bag that the cases are about, on the ledger."""
        from tests.consortium import record_all

        answer = self.doors.post("MAISON", "/v1/events", manufacture(SERIAL))
        assert answer.status_code == 202, answer.text
        record_all(self.doors.engine)


def worker_of(doors: Doors) -> DeskWorker:
    ids = iter(range(1, 10**9))
    photos = doors.context.photos
    assert photos is not None
    scribe = Scribe(doors.context.intake, lambda: f"{next(ids):032x}")
    return DeskWorker(doors.engine, Machines(photos), scribe, clock=lambda: datetime.fromtimestamp(doors.time, UTC))
