"""The desk as real processes on a real chain: photos in, two people look, the verdict is recorded, appealed, overturned; and a desk
process that is killed on the way loses nothing and records nothing twice.
"""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from coincurve import PrivateKey
from eth_account import Account
from eth_account.messages import encode_typed_data

from ledger_api import operating
from ledger_verify.checking import check
from ledger_verify.hashing import keccak
from tests.api.desk.world import SERIAL, SHOTS, photo
from tests.faults.fleet import Fleet, Member, birth, fleet_of

GTIN = str(birth(0)["gtin"])
DECISION = {"confidence": 80, "reasons": ["as-described"], "grounds": {"logo": "spacing of the letters"}}
SCOPES = ["events:write events:read verify organization"]


@dataclass
class Counter:
    """A platform, an authenticator with four appraisers, and a bag that its maison has recorded."""

    fleet: Fleet
    keys: dict[str, str] = field(default_factory=dict)
    desks: list[Member] = field(default_factory=list)

    def ask(self, who: str, method: str, path: str, body: Any = None) -> Any:
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.keys[who]}", "Content-Type": "application/json"}
        status, told = self.fleet.ask(method, path, raw, headers)
        assert status < 300, (method, path, status, told)
        return told

    def admit(self, name: str, role: str) -> None:
        brand = self.fleet.admit(name, role)
        if role == "authenticator":
            self.fleet.accredit(brand, role, brand=self.maison)
        if role == "brand":
            self.maison = brand
        self.keys[name] = operating.create_api_key(self.fleet.service, organization=brand.did, scopes=SCOPES, name="desk")["key"]

    def case(self) -> str:
        body = {"authenticator": "did:web:lens.example", "reference": f"R{time.time_ns()}", "brand": self.maison.did, "category": "handbag"}
        case = str(self.ask("pixel", "POST", "/v1/cases", body | {"gtin": GTIN, "serial": SERIAL, "value_eur": 9_000})["id"])
        poor = self.ask("pixel", "PUT", f"/v1/cases/{case}/shots/logo", photo("logo", spoiled="blurred"))
        assert poor["state"] == "poor"
        for name in SHOTS:
            assert self.ask("pixel", "PUT", f"/v1/cases/{case}/shots/{name}", photo(name))["state"] == "good"
        self.ask("pixel", "POST", f"/v1/cases/{case}/submit")
        return case

    def judge(self, who: str, case: str, outcome: str) -> str:
        self.ask(who, "POST", "/v1/desk/claims", {"case": case})
        return str(self.ask(who, "POST", f"/v1/desk/cases/{case}/decision", DECISION | {"outcome": outcome})["next"])

    def state(self, case: str) -> str:
        return str(self.ask("pixel", "GET", f"/v1/cases/{case}")["state"])

    def until(self, happens: Callable[[], bool], *, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not happens():
            assert time.monotonic() < deadline, self.fleet.picture()
            time.sleep(0.1)

    def kinds(self) -> list[str]:
        """What the ledger has of the bag."""
        passport = self.fleet.get(f"/v1/items?gtin={GTIN}&serial={SERIAL}")[1]["passport"]
        return [entry["kind"] for entry in passport["story"]]


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counter]:
    folder: Path = tmp_path_factory.mktemp("desk")
    with fleet_of(folder, f"sqlite:///{folder / 'ledger.db'}") as fleet:
        counter = Counter(fleet)
        for name, role in (("maison", "brand"), ("lens", "authenticator"), ("pixel", "platform")):
            counter.admit(name, role)
        for process in ("serve", "index", "work"):
            fleet.start(process)
        counter.desks = [fleet.start("desk"), fleet.start("desk")]
        status, told = fleet.send(counter.maison, [birth(0) | {"serial": SERIAL}])
        assert status == 202 and told["accepted"] == 1, told
        for name, is_senior in (("ada", False), ("bo", False), ("cleo", True), ("dan", False)):
            counter.keys[name] = counter.ask("lens", "POST", "/v1/desk/appraisers", {"name": name, "is_senior": is_senior})["key"]
        fleet.settle()
        yield counter


def test_from_photos_to_a_verdict_on_the_chain_to_an_appeal_that_overturns_it(counter: Counter) -> None:
    case = counter.case()
    counter.until(lambda: counter.state(case) == "queued")
    first, second = counter.judge("ada", case, "not-authentic"), counter.judge("bo", case, "not-authentic")
    counter.desks[0].kill()  # the other one brings it to the ledger
    counter.until(lambda: counter.state(case) == "concluded")
    certificate = counter.ask("pixel", "GET", f"/v1/cases/{case}/certificate.json")
    verified = counter.ask("pixel", "POST", "/v1/verifications", {"gtin": GTIN, "serial": SERIAL})

    appeal = counter.ask("pixel", "POST", f"/v1/cases/{case}/appeal", {"grounds": "The maison repaired this zip in 2019."})
    hearing = appeal["journal"][-1]["facts"]["appeal"]
    counter.until(lambda: counter.kinds()[-1:] == ["dispute"])
    third, fourth = counter.judge("dan", hearing, "authentic"), counter.judge("cleo", hearing, "authentic")
    counter.until(lambda: counter.state(case) == "concluded")
    counter.fleet.settle()

    assert (first, second, third, fourth) == ("second", "conclude", "second", "conclude")
    assert certificate["outcome"] == "not-authentic" and certificate["ledger"]["sequence"] == 2
    assert verified["decision"] == "reject" and "not-authentic" in {one["code"] for one in verified["reasons"]}
    assert counter.kinds() == ["manufacture", "verdict", "dispute", "correction", "release"]
    assert counter.ask("pixel", "GET", f"/v1/cases/{case}")["outcome"] == "authentic"


def test_the_proof_shows_the_verdict_and_the_audit_is_clean(counter: Counter) -> None:
    item = counter.fleet.get(f"/v1/items?gtin={GTIN}&serial={SERIAL}")[1]["passport"]["id"]

    status, proof = counter.fleet.ask("GET", f"/v1/items/{item}/proof", None, {})
    report = counter.fleet.audit(settled=False)

    assert status == 200 and len(check(rfc8785.dumps(proof)).events) == 5
    assert report.as_json()["lost"] == report.as_json()["duplicated"] == 0


def in_the_hand_of(counter: Counter, brand: str, serial: str) -> tuple[str, str]:
    """A case of an old bag, photographed, whose presenter has signed; and the item that it will be."""
    key = PrivateKey()
    owner = "0x" + keccak(key.public_key.format(compressed=False)[1:])[12:].hex()
    body = {"brand": brand, "category": "handbag", "gtin": GTIN, "serial": serial}
    case = counter.ask("ada", "POST", "/v1/desk/in-person", body)["case"]
    drafted = counter.ask("ada", "POST", f"/v1/desk/cases/{case}/presenter-draft", {"presenter_key": owner})
    signed = encode_typed_data(full_message=drafted["typed_data"])
    signature = "0x" + Account.sign_message(signed, key.secret).signature.hex()
    deadline = drafted["typed_data"]["message"]["deadline"]
    counter.ask("ada", "PUT", f"/v1/desk/cases/{case}/presenter", {"presenter_key": owner, "deadline": deadline, "signature": signature})
    for name in SHOTS:
        assert counter.ask("ada", "PUT", f"/v1/desk/cases/{case}/shots/{name}", photo(name))["state"] == "good"
    return str(case), str(drafted["item"])


def test_an_item_without_history_is_enrolled_at_the_counter(counter: Counter) -> None:
    operating.accredit(counter.fleet.service, brand=None, organization="did:web:lens.example", role="authenticator")
    case, item = in_the_hand_of(counter, "did:web:maison-disparue.example", "OLD-1974")

    counter.ask("ada", "POST", f"/v1/desk/cases/{case}/decision", DECISION | {"outcome": "authentic"})
    counter.until(lambda: str(counter.ask("lens", "GET", f"/v1/cases/{case}")["state"]) == "concluded")

    certificate = counter.ask("lens", "GET", f"/v1/cases/{case}/certificate.json")
    passport = counter.fleet.get(f"/v1/items/{item}")[1]["passport"]
    assert (certificate["method"], certificate["ledger"]["item"], certificate["ledger"]["sequence"]) == ("in-person", item, 1)
    assert [entry["kind"] for entry in passport["story"]] == ["enrolment"] and passport["holder"] == {"type": "owner"}


def test_a_brand_whose_key_the_service_keeps_agrees_to_an_enrolment_by_one_call(counter: Counter) -> None:
    case, item = in_the_hand_of(counter, counter.maison.did, "OLD-1981")
    counter.ask("ada", "POST", f"/v1/desk/cases/{case}/decision", DECISION | {"outcome": "authentic"})
    before = counter.fleet.get(f"/v1/items/{item}")[0]

    counter.ask("maison", "POST", f"/v1/desk/cases/{case}/endorsement")
    counter.until(lambda: str(counter.ask("lens", "GET", f"/v1/cases/{case}")["state"]) == "concluded")

    passport = counter.fleet.get(f"/v1/items/{item}")[1]["passport"]
    assert before == 404 and [entry["kind"] for entry in passport["story"]] == ["enrolment"]
