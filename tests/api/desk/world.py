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
from ledger_api.desk import screening
from ledger_api.desk.checks import Machines
from ledger_api.desk.recording import Scribe
from ledger_api.desk.rows import cases as rows
from ledger_api.desk.screening import Flag, Subject
from ledger_api.desk.working import DeskWorker
from ledger_api.store.engine import writing
from tests.consortium import DIDS, GTIN, manufacture
from tests.doors import Doors

SHOTS = ("front", "back", "logo", "serial", "zip", "hardware", "stitching", "lining")
CHECKS = 2 * len(SHOTS) + 1  # each photo is looked for among the earlier ones and tagged, and one serial is read
SERIAL = "VN27B1274S"
_SEEDS = dict(zip(SHOTS, (11, 12, 14, 2, 16, 17, 18, 19), strict=True))


@cache
def photo(name: str, *, serial: str = SERIAL, spoiled: str | None = None) -> bytes:
    drawn = draw(_SEEDS.get(name, 11), shot=name, size=(840, 630), serial=serial if name == "serial" else None)
    return jpeg(drawn if spoiled is None else degrade(drawn, spoiled, strength=0.9))


@dataclass
class Person:
    """Somebody with a browser: what they ask carries their own cookie, and no key."""

    doors: Doors
    cookie: str = ""
    code: str = ""

    def ask(self, method: str, path: str, **request: Any) -> Response:
        headers = ({"Cookie": self.cookie} if self.cookie else {}) | dict(request.pop("headers", {}))
        answer = self.doors.client.request(method, path, headers=headers, **request)
        self.doors.client.cookies.clear()  # the client is everybody's
        if "set-cookie" in answer.headers:
            self.cookie = answer.headers["set-cookie"].partition(";")[0]
        return answer

    def joined(self) -> "Person":
        """With a new account, by code."""
        answer = self.ask("POST", "/v1/account")
        assert answer.status_code == 201, answer.text
        self.code = answer.json()["code"]
        return self

    def new(self, *, headers: dict[str, str] | None = None, **changes: Any) -> Response:
        body = {"authenticator": DIDS["EXPERT"], "brand": DIDS["MAISON"], "category": "handbag", "gtin": GTIN, "serial": SERIAL}
        return self.ask("POST", "/v1/cases", json=body | changes, headers=headers or {})

    def opened(self, **changes: Any) -> str:
        """A case with all its shots."""
        case = str(self.new(**changes).json()["id"])
        for name in SHOTS:
            assert self.ask("PUT", f"/v1/cases/{case}/shots/{name}", content=photo(name)).json()["state"] == "good"
        return case

    def look(self, case: str) -> dict[str, Any]:
        found: dict[str, Any] = self.ask("GET", f"/v1/cases/{case}").json()
        return found


@dataclass
class DeskWorld:
    doors: Doors
    worker: DeskWorker
    keys: dict[str, str] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    references: int = 0

    def __post_init__(self) -> None:
        for name, is_senior in (("ada", False), ("bo", False), ("cleo", True)):
            self.hire(name, is_senior=is_senior)

    def hire(self, name: str, *, is_senior: bool = False) -> None:
        made = self.doors.post("EXPERT", "/v1/desk/appraisers", {"name": name, "is_senior": is_senior}).json()
        self.keys[name], self.ids[name] = made["key"], made["id"]

    # --- who asks

    def person(self) -> Person:
        return Person(self.doors).joined()

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
        """With the photos that its category wants."""
        made = self.new(**changes)
        case, wanted = str(made["id"]), [shot["name"] for shot in made["shots"] if shot["required"]]
        for name in SHOTS if "category" not in changes else wanted:
            answer = self.send(case, name)
            assert answer.json()["state"] == "good", answer.text
        return case

    def flagged(self, case: str, **labels: float) -> str:
        """The id of a review of the case, as a classifier opens one that finds `labels` on the first photo."""
        with writing(self.doors.engine) as connection:
            row = rows.case(connection, case)
            assert row is not None
            photos = [shot.shown for shot in rows.newest_shots(connection, case).values()]
            flags = [Flag(0, label, score) for label, score in labels.items()]
            subject = Subject(row.authenticator, "case", case, photos)
            return screening.open_review(connection, subject, flags, "tags-1", id=case[::-1], now=self.worker.clock())

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
    return DeskWorker(doors.engine, Machines(photos, doors.engine), scribe, clock=lambda: datetime.fromtimestamp(doors.time, UTC))
