"""Booked verification as real processes on a real chain: a hashtag, two parties, a store; the bag changes hands only with its verdict."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from coincurve import PrivateKey
from eth_account import Account
from eth_account.messages import encode_typed_data

from ledger_api import operating
from tests.api.desk.world import photo
from tests.faults.fleet import GTIN, Brand, Fleet, birth, fleet_of
from tests.owners import hex_address, stolen

SCOPES = ["events:write events:read verify organization"]
EVERY_DAY = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
TERMS = {
    "time_zone": "UTC",
    "hours": {day: [{"opens": "00:00", "closes": "24:00"}] for day in EVERY_DAY},
    "slot_minutes": 1,
    "capacity": 10,
    "notice_minutes": 0,
    "late_minutes": 0,
    "services": [{"category": "handbag"}],
}
DECISION = {"confidence": 90, "reasons": ["as-described"], "grounds": {"logo": "spacing of the letters"}}


@dataclass
class Milan:
    """A maison, a partner with a store, a platform; and bags that owners hold."""

    fleet: Fleet
    maison: Brand
    keys: dict[str, str] = field(default_factory=dict)
    store: str = ""
    numbers: int = 0

    def ask(self, who: str | None, method: str, path: str, body: Any = None) -> Any:
        headers = {"Content-Type": "application/json"} | ({} if who is None else {"Authorization": f"Bearer {self.keys[who]}"})
        status, told = self.fleet.ask(method, path, None if body is None else json.dumps(body).encode(), headers)
        assert status < 300, (method, path, status, told)
        return told

    def bag(self, owner: PrivateKey) -> tuple[str, str]:
        """Its serial and its id: made, and sold to this owner."""
        self.numbers += 1
        serial = f"M{self.numbers:07d}"
        sale = {"kind": "sale", "occurred_at": "2025-07-01T10:00:00Z", "item": {"gtin": GTIN, "serial": serial}}
        status, told = self.fleet.send(
            self.maison, [birth(0) | {"serial": serial}, sale | {"claim_key": hex_address(owner), "payload": {}}]
        )
        assert status == 202 and told["accepted"] == 2, told
        self.until(lambda: self.kinds(serial) == ["manufacture", "sale"])
        return serial, str(told["results"][0]["item"])

    def order(self, serial: str, buyer: PrivateKey) -> dict[str, Any]:
        body = {"reference": f"ORDER-{serial}", "hashtag": "#Milan12", "brand": self.maison.did, "category": "handbag"}
        named = {"gtin": GTIN, "serial": serial, "seller": "s", "buyer": "b", "new_holder": hex_address(buyer), "listing": f"L-{serial}"}
        opened: dict[str, Any] = self.ask("pixel", "POST", "/v1/bookings", body | named)
        return opened

    def booked(self, serial: str, buyer: PrivateKey) -> dict[str, Any]:
        """Both parties settle on a time within the next minutes."""
        opened = self.order(serial, buyer)
        free = self.ask(None, "GET", f"{self.door(opened, 'seller')}/slots?store={self.store}&days=1")["slots"]
        fits = [{"store": self.store, "starts_at": slot["starts_at"]} for slot in free[1:4]]  # the first may begin while they talk
        self.ask(None, "PUT", f"{self.door(opened, 'seller')}/slots", {"slots": fits})
        told = self.ask(None, "PUT", f"{self.door(opened, 'buyer')}/slots", {"slots": fits[:1]})
        assert told["state"] == "booked" and told["appointment"]["starts_at"] == fits[0]["starts_at"]
        return opened

    def door(self, opened: dict[str, Any], role: str) -> str:
        return "/v1/invitations/" + str(opened["links"][role]).rpartition("/")[2]

    def come(self, opened: dict[str, Any], role: str) -> Any:
        code = self.ask(None, "GET", self.door(opened, role))["code"]
        return self.ask("ada", "POST", "/v1/desk/bookings/check-in", {"code": code})

    def sign(self, opened: dict[str, Any], paper: str, owner: PrivateKey) -> None:
        drafted = self.ask(None, "GET", f"{self.door(opened, 'seller')}/papers")
        assert drafted["paper"] == paper, drafted
        signature = Account.sign_message(encode_typed_data(full_message=drafted["typed_data"]), owner.secret).signature.hex()
        self.ask(None, "POST", f"{self.door(opened, 'seller')}/papers", {"paper": paper, "signature": "0x" + signature.removeprefix("0x")})

    def in_verification(self, serial: str, owner: PrivateKey, buyer: PrivateKey) -> dict[str, Any]:
        opened = self.booked(serial, buyer)
        assert self.come(opened, "seller")["booking"]["state"] == "checked-in"
        self.come(opened, "buyer")
        self.sign(opened, "hold", owner)
        self.sign(opened, "resale", owner)
        self.until(lambda: self.state(opened) == "verifying")
        return opened

    def decide(self, opened: dict[str, Any], outcome: str) -> None:
        """By the shot list, which staff photograph first."""
        taken_up = self.ask("ada", "POST", f"/v1/desk/bookings/{opened['id']}/examine", {})
        case, headers = taken_up["case"], {"Authorization": f"Bearer {self.keys['ada']}"}
        for shot in taken_up["missing"]:
            status, told = self.fleet.ask("PUT", f"/v1/desk/cases/{case}/shots/{shot}", photo(shot), headers)
            assert (status, told["state"]) == (201, "good"), told
        self.ask("ada", "POST", f"/v1/desk/cases/{case}/decision", DECISION | {"outcome": outcome})

    def look(self, opened: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = self.ask("pixel", "GET", f"/v1/bookings/{opened['id']}")
        return found

    def state(self, opened: dict[str, Any]) -> str:
        return str(self.look(opened)["state"])

    def holds(self, item: str, key: PrivateKey) -> bool:
        return bool(self.ask(None, "GET", f"/v1/items/{item}/consent-terms?key={hex_address(key)}")["is_holder"])

    def kinds(self, serial: str) -> list[str]:
        status, told = self.fleet.get(f"/v1/items?gtin={GTIN}&serial={serial}")
        return [] if status != 200 else [entry["kind"] for entry in told["passport"]["story"]]

    def until(self, happens: Callable[[], bool], *, seconds: float = 90) -> None:
        deadline = time.monotonic() + seconds
        while not happens():
            assert time.monotonic() < deadline, self.fleet.picture()
            time.sleep(0.2)


@pytest.fixture(scope="module")
def milan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Milan]:
    folder: Path = tmp_path_factory.mktemp("milan")
    with fleet_of(folder, f"sqlite:///{folder / 'ledger.db'}") as fleet:
        milan = Milan(fleet, fleet.brand("maison"))
        for name, roles in (("lens", ("authenticator", "retailer")), ("pixel", ("platform",))):
            member = fleet.admit(name, *roles)
            if name == "lens":
                fleet.accredit(member, "authenticator", brand=milan.maison)
            milan.keys[name] = operating.create_api_key(fleet.service, organization=member.did, scopes=SCOPES, name="booking")["key"]
        for process in ("serve", "index", "work", "desk"):
            fleet.start(process)
        milan.keys["ada"] = milan.ask("lens", "POST", "/v1/desk/appraisers", {"name": "ada"})["key"]
        milan.store = milan.ask("lens", "POST", "/v1/stores", {"name": "Milano", "address": "Via Sempione 1", "terms": TERMS})["id"]
        milan.ask("lens", "PUT", "/v1/campaigns/Milan12", {"stores": [milan.store]})
        yield milan


def test_an_authentic_bag_changes_hands_together_with_its_verdict(milan: Milan) -> None:
    owner, buyer = PrivateKey(), PrivateKey()
    serial, item = milan.bag(owner)

    opened = milan.in_verification(serial, owner, buyer)
    milan.decide(opened, "authentic")
    milan.until(lambda: milan.state(opened) == "handing-over")
    printed = milan.ask("ada", "POST", "/v1/desk/labels", {"store": milan.store, "count": 2})
    drawer = milan.ask("ada", "GET", f"/v1/desk/labels?store={milan.store}")["labels"]
    label = milan.ask("ada", "POST", "/v1/desk/labels/activate", {"serial": drawer[0]["serial"], "booking": opened["id"]})
    taken = milan.ask("ada", "POST", "/v1/desk/bookings/take-away", {"code": milan.ask(None, "GET", milan.door(opened, "buyer"))["code"]})

    events = milan.fleet.get(f"/v1/items/{item}/events")[1]["events"]
    together = {event["kind"]: event["transaction"] for event in events if event["kind"] in ("verdict", "release", "resale")}
    assert milan.kinds(serial) == ["manufacture", "sale", "hold", "verdict", "release", "resale"]
    assert len(together) == 3 and len(set(together.values())) == 1
    assert (milan.holds(item, owner), milan.holds(item, buyer)) == (False, True)
    assert printed[:5] == b"%PDF-" and label["state"] == "live" and taken["state"] == "completed"
    assert milan.ask(None, "GET", f"/v1/labels/{label['serial']}")["item"] == item
    assert milan.look(opened)["resale"] is not None


def test_a_fake_goes_back_and_is_nobody_elses(milan: Milan) -> None:
    owner, buyer = PrivateKey(), PrivateKey()
    serial, item = milan.bag(owner)

    opened = milan.in_verification(serial, owner, buyer)
    milan.decide(opened, "not-authentic")
    milan.until(lambda: milan.state(opened) == "returning")

    assert milan.kinds(serial)[2:] == ["hold", "verdict", "release"]
    assert (milan.holds(item, owner), milan.holds(item, buyer)) == (True, False)
    refused = milan.fleet.ask("GET", f"{milan.door(opened, 'seller')}/papers", None, {})[1]
    assert refused["code"] == "nothing-to-sign"


def test_a_stolen_bag_is_turned_away_at_the_counter(milan: Milan) -> None:
    owner, buyer = PrivateKey(), PrivateKey()
    serial, item = milan.bag(owner)
    opened = milan.booked(serial, buyer)
    terms = milan.ask(None, "GET", f"/v1/items/{item}/consent-terms")
    milan.ask(None, "POST", f"/v1/items/{item}/hold", stolen(item, terms, owner, deadline=int(time.time()) + 3600))

    told = milan.come(opened, "seller")

    assert (told["booking"]["state"], told["against"]) == ("turned-away", ["stolen"])


def test_the_audit_is_clean(milan: Milan) -> None:
    milan.fleet.settle()

    report = milan.fleet.audit()

    assert report.as_json()["lost"] == report.as_json()["duplicated"] == 0
