"""Walks through a booking as it is built, not as its table says: real doors and the real loop, and everybody does whatever comes to mind.

After every move the item is held by nobody unless the booking says so, the journal follows the table, and only a recorded resale makes the
item the buyer's. Then all fall silent, and the booking ends.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from ledger_api.desk import appraising
from ledger_api.desk import life as case_life
from ledger_api.desk.booking import rows
from ledger_api.desk.booking.counter import state_of
from ledger_api.desk.booking.life import BOOKING, ENDED, LOCKED
from ledger_api.desk.rows import cases
from ledger_api.store.engine import reading, writing
from ledger_verify.transition import Hold, Reason
from tests.api.booking.test_clocks import write_terms
from tests.api.booking.test_counter import signed
from tests.api.booking.world import BookingWorld, key
from tests.consortium import address_of, consented, key_of, named, record_all

DECISION = {"confidence": 90, "reasons": ["as-described"], "grounds": {"logo": "letters and spacing"}}
REASONS = (Reason.CONSENT_INVALID, Reason.SUPERSEDED, Reason.NOT_ACCREDITED, Reason.ON_HOLD)
OWNER, BUYER = (address_of(key_of(name)).rjust(32, b"\0") for name in ("owner", "buyer"))
TAKEN_IN = ("born", "settle", "seller comes", "sign", "ledger records", "sign")
# what has happened before the walk begins
BEGINNINGS = (
    ("born",),
    ("born", "settle"),
    ("born", "settle", "seller comes"),
    ("settle", "seller comes", "examine"),  # of a bag that the ledger does not know
    ("born", "settle", "seller comes", "sign"),
    TAKEN_IN,
    (*TAKEN_IN, "examine"),
    (*TAKEN_IN, "examine", "authentic", "work"),
    (*TAKEN_IN, "examine", "authentic", "work", "ledger refuses: consent-invalid"),
    ("born", "buyer drops off", "buyer comes", "sign", "ledger records", "sign", "examine", "authentic"),
)


@dataclass
class Walk:
    """One booking of one bag; every move is tried, and a door may refuse it."""

    world: BookingWorld
    serial: str
    booking: str = ""
    codes: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.booking = str(self.world.open(serial=self.serial, new_holder=key("buyer"))["id"])
        self.codes = {role: self.world.code(self.booking, role) for role in ("seller", "buyer")}

    @property
    def row(self) -> Any:
        with reading(self.world.doors.engine) as connection:
            return rows.booking(connection, self.booking)

    def journal(self) -> Any:
        with reading(self.world.doors.engine) as connection:
            return rows.told(connection, self.booking)

    def moves(self) -> dict[str, Callable[[], Any]]:
        desk, party = self.world.desk, lambda role, path: self.world.party(self.booking, role, "POST", path)
        platform = lambda path, body=None: self.world.doors.post("PLATFORM", path, body)  # noqa: E731  # as short as its neighbours
        mine = f"/v1/bookings/{self.booking}"
        return {
            "born": lambda: self.world.born(self.serial),
            "settle": self.settle,
            "seller drops off": lambda: self.drop_off("seller"),
            "buyer drops off": lambda: self.drop_off("buyer"),
            "another time": lambda: party("buyer", "/another-time"),
            "store closes": self.close_store,
            "seller comes": lambda: self.come("seller"),
            "buyer comes": lambda: self.come("buyer"),
            "buyer is absent": lambda: desk("POST", f"/{self.booking}/buyer-absent"),
            "sign": self.sign,
            "stolen": self.report_stolen,
            "examine": lambda: desk("POST", f"/{self.booking}/examine", {}),
            "give back": lambda: self.at_case("give-back"),
            "claim": lambda: self.world.doors.ask("POST", None, "/v1/desk/claims", token=self.world.staff, json={"case": self.row.case}),
            "claims run out": self.free_claims,
            "authentic": lambda: self.at_case("decision", DECISION | {"outcome": "authentic"}),
            "not authentic": lambda: self.at_case("decision", DECISION | {"outcome": "not-authentic"}),
            "withdraw the case": lambda: platform(f"/v1/cases/{self.row.case}/withdraw"),
            "seller calls off": lambda: party("seller", "/cancel"),
            "platform calls off": lambda: platform(f"{mine}/cancel"),
            "store calls off": lambda: desk("POST", f"/{self.booking}/cancel"),
            "sale goes on": lambda: platform(f"{mine}/sale", {"goes_on": True}),
            "sale is off": lambda: platform(f"{mine}/sale", {"goes_on": False}),
            "seller takes it": lambda: desk("POST", "/take-away", {"code": self.codes["seller"]}),
            "buyer takes it": lambda: desk("POST", "/take-away", {"code": self.codes["buyer"]}),
            "work": self.work,
            "ledger records": self.record,
            **{f"ledger refuses: {reason.code}": lambda reason=reason: self.refuse(reason) for reason in REASONS},  # type: ignore[misc]  # bound now
            "an hour": lambda: self.world.later(hours=1),
            "a day": lambda: self.world.later(days=1),
            "a week": lambda: self.world.later(days=7, minutes=1),
        }

    def go(self, move: str) -> None:
        answer = self.moves()[move]()
        assert answer is None or answer.status_code < 500, (move, answer.text)
        self.check(move)

    # --- the parties, the store

    def settle(self) -> Any:
        self.world.mark(self.booking, "seller", self.first())
        return self.world.mark(self.booking, "buyer", self.first())

    def drop_off(self, role: str) -> Any:
        return self.world.party(self.booking, role, "POST", "/drop-off", {"store": self.world.store, "starts_at": self.first()})

    def first(self) -> str:
        """The next time that is free; where the links open nothing any more, some time."""
        told = self.world.party(self.booking, "seller", "GET", f"/slots?store={self.world.store}").json()
        return str(told["slots"][0]["starts_at"] if "slots" in told else self.world.now().isoformat())

    def come(self, role: str) -> Any:
        row = self.row
        if row.state == "booked" and rows.utc(row.starts_at) > self.world.now():
            self.world.at(rows.utc(row.starts_at))
        return self.world.desk("POST", "/check-in", {"code": self.codes[role]})

    def close_store(self) -> None:
        if self.row.state == "booked":
            day = rows.utc(self.row.starts_at).date().isoformat()
            for closures in ([{"first": day, "last": day}], []):
                write_terms(self.world, closures=closures)

    def sign(self) -> Any:
        paper = self.world.party(self.booking, "seller", "GET", "/papers")
        return self.world.party(self.booking, "seller", "POST", "/papers", signed(paper.json())) if paper.status_code == 200 else paper

    def report_stolen(self) -> Any:
        if self.row.item is not None:
            body = {
                "kind": "hold",
                "occurred_at": self.world.now().isoformat(),
                "item": named(self.serial),
                "hold": "stolen",
                "payload": {},
            }
            return self.world.doors.post(
                "CONSORTIUM", "/v1/events", consented(self.world.doors.engine, body, deadline=int(self.world.doors.time) + 60)
            )

    def at_case(self, what: str, body: Any = None) -> Any:
        return self.world.doors.ask("POST", None, f"/v1/desk/cases/{self.row.case}/{what}", token=self.world.staff, json=body)

    def free_claims(self) -> None:
        self.world.later(minutes=21)
        with writing(self.world.doors.engine) as connection:
            appraising.free_overdue_claims(connection, now=self.world.now(), most=10)

    # --- what happens by itself, and the ledger

    def work(self) -> None:
        self.world.work()
        self.world.closer.scribe.turn(self.world.now())
        self.world.work()

    def record(self) -> None:
        record_all(self.world.doors.engine, block=20)
        self.work()

    def refuse(self, reason: Reason) -> None:
        """What is on its way: an event alone for this reason; of a group its last, the others for its sake."""
        with writing(self.world.doors.engine) as connection:
            waiting = connection.execute(text("SELECT id, submission FROM events WHERE status = 'accepted' ORDER BY id DESC")).all()
            guilty = {row.submission: row.id for row in reversed(waiting)}
            for row in waiting:
                said = {"id": row.id, "reason": int(reason if row.id in guilty.values() else Reason.GROUP_REFUSED)}
                connection.execute(text("UPDATE events SET status = 'refused', reason = :reason WHERE id = :id"), said)
            connection.execute(text("DELETE FROM tips"))
        self.work()

    # --- what holds at any time

    def check(self, move: str) -> None:
        with reading(self.world.doors.engine) as connection:
            row = rows.booking(connection, self.booking)
            places = [place for place in connection.execute(rows.places.select()) if place.booking == self.booking]
            state = None if row.item is None else state_of(connection, row.item)
        now, told, journal = self.world.now(), (move, row.state), self.journal()
        assert all(before.state == after.state or BOOKING.leads(before.state, after.state) for before, after in pairwise(journal)), told
        assert row.state == "cancelled" or len(places) == (row.state not in ("inviting", "expired", "turned-away", "no-show")), told
        if state is not None:
            is_held = bool(state.holds & Hold.IN_VERIFICATION.bit) and state.aside.verification_until > now.timestamp()
            assert not is_held or row.state in LOCKED, told
            is_resold = any(line.why == "resold" for line in journal)
            assert state.holder == (BUYER if is_resold else OWNER) or row.state == "closing", told

    def end(self, *, silent: int) -> None:
        """Nobody does anything any more; so many weeks not even the ledger."""
        for week in range(12):
            self.world.later(days=7, minutes=1)
            self.free_claims()
            if week >= silent:
                self.record()
            self.work()
            self.check(f"week {week}")
            if week >= silent and self.row.state in ENDED:
                break
        with reading(self.world.doors.engine) as connection:
            row = rows.booking(connection, self.booking)
            case = None if row is None or row.case is None else cases.case(connection, row.case)
        assert row is not None and row.state in ENDED, row.state
        assert case is None or case.state in case_life.ENDED, (row.state, case.state)


@settings(max_examples=2, derandomize=True, suppress_health_check=list(HealthCheck))
@given(chosen=st.data())
def walk(world: BookingWorld, beginning: Sequence[str], silent: int, passed: set[str], chosen: st.DataObject) -> None:
    one = Walk(world, f"W{world.numbers:07d}")
    for move in [*beginning, *chosen.draw(st.lists(st.sampled_from(sorted(one.moves())), max_size=8))]:
        one.go(move)
    one.end(silent=silent)
    passed |= {line.state for line in one.journal()}


@pytest.mark.slow
def test_wherever_a_booking_goes_it_ends_and_nothing_stays_locked(world: BookingWorld) -> None:
    passed: set[str] = set()

    for beginning, silent in product(BEGINNINGS, (0, 2)):  # two weeks are longer than a hold lasts
        walk(world, beginning, silent, passed)

    assert passed >= LOCKED | {"verified", "handing-over", "returning", "no-show", "turned-away", "uncollected"}, passed
