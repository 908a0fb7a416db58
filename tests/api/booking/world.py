"""Booked verification without a chain: PLATFORM's orders, EXPERT's store in Milan, two parties with links, a clock that a test moves.

world.booked()                     a booking with a place at the store, both are to come
world.at_the_counter(booking)      … the seller is there, the item is taken in
world.work()                       what `ledger desk` does
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from httpx import Response

from ledger_api.desk.booking.closing import Closer
from ledger_api.desk.recording import Scribe
from tests.consortium import DIDS, GTIN, address_of, key_of, manufacture, record_all, sale
from tests.doors import Doors

SERIAL = "VN27B1274S"
HASHTAG = "Milan12"
EVERY_DAY = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
TERMS = {
    "time_zone": "Europe/Rome",
    "hours": {day: [{"opens": "10:00", "closes": "19:00"}] for day in EVERY_DAY},
    "slot_minutes": 30,
    "capacity": 2,
    "services": [{"category": "handbag"}, {"category": "watch", "brand": DIDS["MAISON"]}],
    "closures": [],
}


def key(name: str) -> str:
    return "0x" + address_of(key_of(name)).hex()


@dataclass
class BookingWorld:
    doors: Doors
    store: str = ""
    staff: str = ""
    numbers: int = 0
    opened: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.store = self.doors.post("EXPERT", "/v1/stores", {"name": "Milano", "address": "Via Sempione 1", "terms": TERMS}).json()["id"]
        answer = self.doors.ask("PUT", "EXPERT", f"/v1/campaigns/{HASHTAG}", json={"stores": [self.store], "price_cents": 0})
        assert answer.status_code == 200, answer.text
        self.staff = self.doors.post("EXPERT", "/v1/desk/appraisers", {"name": "ada"}).json()["key"]
        ids = iter(range(1, 10**9))
        self.photos("asked")
        self.closer = Closer(Scribe(self.doors.context.intake, lambda: f"{next(ids):032x}"))

    def photos(self, rule: str) -> None:
        """`required` as by default; or `asked`, as here where a test says nothing of photos."""
        terms = self.doors.get("EXPERT", "/v1/desk/policy").json() | {"photos_in_person": rule}
        assert self.doors.ask("PUT", "EXPERT", "/v1/desk/policy", json=terms).status_code == 200

    # --- the platform

    def open(self, **changes: Any) -> dict[str, Any]:
        self.numbers += 1
        body = {"reference": f"ORDER-{self.numbers}", "hashtag": f"#{HASHTAG}", "brand": DIDS["MAISON"], "category": "handbag"}
        named = {"gtin": GTIN, "serial": SERIAL, "seller": "s-1", "buyer": "b-1"}
        answer = self.doors.post("PLATFORM", "/v1/bookings", body | named | changes)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        self.opened[found["id"]] = found
        return found

    def look(self, booking: str) -> dict[str, Any]:
        found: dict[str, Any] = self.doors.get("PLATFORM", f"/v1/bookings/{booking}").json()
        return found

    def state(self, booking: str) -> str:
        return str(self.look(booking)["state"])

    def journal(self, booking: str) -> list[str]:
        return [line["why"] for line in self.look(booking)["journal"]]

    # --- the parties

    def token(self, booking: str, role: str) -> str:
        return str(self.opened[booking]["links"][role].rpartition("/")[2])

    def party(self, booking: str, role: str, method: str = "GET", path: str = "", body: Any = None) -> Response:
        return self.doors.ask(method, None, f"/v1/invitations/{self.token(booking, role)}{path}", json=body)

    def code(self, booking: str, role: str) -> str:
        return str(self.party(booking, role).json()["code"])

    def slots(self, booking: str) -> list[str]:
        answer = self.party(booking, "seller", "GET", f"/slots?store={self.store}")
        assert answer.status_code == 200, answer.text
        return [slot["starts_at"] for slot in answer.json()["slots"]]

    def mark(self, booking: str, role: str, *starts: str) -> Response:
        return self.party(booking, role, "PUT", "/slots", {"slots": [{"store": self.store, "starts_at": start} for start in starts]})

    def booked(self, **changes: Any) -> str:
        booking = str(self.open(**changes)["id"])
        first = self.slots(booking)[0]
        self.mark(booking, "seller", first)
        answer = self.mark(booking, "buyer", first)
        assert answer.json()["state"] == "booked", answer.text
        return booking

    def starts_at(self, booking: str) -> datetime:
        return datetime.fromisoformat(self.look(booking)["appointment"]["starts_at"])

    # --- the store

    def desk(self, method: str, path: str, body: Any = None) -> Response:
        return self.doors.ask(method, None, f"/v1/desk/bookings{path}", token=self.staff, json=body)

    def come(self, booking: str, role: str = "seller") -> Response:
        return self.desk("POST", "/check-in", {"code": self.code(booking, role)})

    def at_the_counter(self, booking: str) -> str:
        self.at(self.starts_at(booking))
        answer = self.come(booking)
        assert answer.status_code == 200, answer.text
        return self.state(booking)

    # --- time, and what happens by itself

    def at(self, moment: datetime, *, plus: timedelta = timedelta()) -> None:
        self.doors.time = (moment + plus).timestamp()

    def later(self, **delta: float) -> None:
        self.doors.time += timedelta(**delta).total_seconds()

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.doors.time, UTC)

    def work(self, *, most: int = 30) -> None:
        for _ in range(most):
            if not self.closer.turn(self.now()):
                return
        raise AssertionError("bookings never came to rest")

    def born(self, serial: str = SERIAL) -> None:
        """The bag on the ledger, sold to `owner`."""
        for member, body in (("MAISON", manufacture(serial)), ("MAISON", sale(serial))):
            answer = self.doors.post(member, "/v1/events", body)
            assert answer.status_code == 202, answer.text
        record_all(self.doors.engine)
