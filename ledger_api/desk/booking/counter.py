"""At the store's counter: a code, a look at the ledger, and what the holder signs.

    check_in → (the holder agrees to a hold with an end date) → holding → recorded → verifying
             └ and, if they like, to the resale: booked, good only behind this store's *authentic, in person*, in one group with it

The hold's consent binds the head that the item has; the resale's the head that the hold leaves behind, at which the group will start. So
both can be signed before anybody knows what the store will say.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import orjson
from sqlalchemy import Connection

from ledger_api.columns import utc
from ledger_api.desk.booking import life, rows
from ledger_api.desk.booking.rows import AnyRow, rfc
from ledger_api.desk.booking.settling import Party, Role, hashed, locked
from ledger_api.desk.booking.stores import last_minute
from ledger_api.desk.errors import BookingMoved, NoSuchCode, NothingToSign, NotTheTime
from ledger_api.desk.rows import cases
from ledger_api.domain.parsing import Refusal, parse_event
from ledger_api.domain.signatures import signer_of
from ledger_api.errors import ConsentNotSigned, ConsentRefused
from ledger_api.intake import Intake, Order, Submission, accept_events
from ledger_api.intake.drafting import Draft, draft
from ledger_api.store import directory, owning
from ledger_api.store.engine import reading, writing
from ledger_verify.codes import Kind
from ledger_verify.codes import Role as Office
from ledger_verify.hashing import Head, ItemId, OrganizationId, consent_digest, is_key
from ledger_verify.state import State
from ledger_verify.transition import Hold, Outcome, Stage, state_from_bytes

Paper = Literal["hold", "resale"]
AGAINST = (Hold.LOST, Hold.STOLEN, Hold.DISPUTED, Hold.RECALLED)
SIGN_WITHIN = timedelta(hours=2)


def check_in(connection: Connection, organization: bytes, said: str, *, by: str, now: datetime) -> Party:
    """Whoever says the code has come; the item is taken in when it is brought by whom it was to be brought.

    Raises:
        NoSuchCode: none of this partner's appointments has it. NotTheTime: too early, or too late. BookingMoved.
    """
    found = rows.by_code(connection, hashed(code_of(said)))
    booking = None if found is None else rows.locked(connection, found.booking)
    if found is None or booking is None or booking.organization != organization:
        raise NoSuchCode
    role: Role = found.role
    if booking.state not in ("booked", "checked-in", "holding", "verifying", "closing", "verified", "handing-over", "returning"):
        raise BookingMoved(booking=booking.id, state=booking.state)
    if booking.state == "booked":
        _is_time(connection, booking, now)
    came = "seller_came_at" if role == "seller" else "buyer_came_at"
    if getattr(booking, came) is None:
        rows.change(connection, booking.id, **{came: now})
        late = max(0, int((now - utc(booking.starts_at)).total_seconds()) // 60)
        life.note(connection, booking, by=by, at=now, why=f"{role}-came", facts={"minutes_late": late})
    if booking.state == "booked" and role == brings(booking):
        _take_in(connection, booking, by=by, now=now)
    fresh = rows.booking(connection, booking.id)
    assert fresh is not None
    return Party(fresh, role)


def code_of(said: str) -> str:
    """As it is printed, however it is said: blanks, hyphens and lower case are forgiven."""
    letters = "".join(said.upper().replace("-", " ").split()).replace("0", "O").replace("1", "I").replace("8", "B")
    return f"{letters[:4]}-{letters[4:8]}" if len(letters) == 8 else letters[:16]


def brings(booking: AnyRow) -> Role:
    """Who has the item: the seller, unless the buyer drops it off."""
    return "buyer" if booking.mode == "buyer" else "seller"


def _is_time(connection: Connection, booking: AnyRow, now: datetime) -> None:
    first, last = utc(booking.starts_at) - life.EARLY, last_minute(connection, booking)
    if not first <= now <= last:
        raise NotTheTime(**{"from": rfc(first), "until": rfc(last)})


def _take_in(connection: Connection, booking: AnyRow, *, by: str, now: datetime) -> None:
    item = item_of(connection, booking)
    state = None if item is None else state_of(connection, item)
    against = [] if state is None else obstacles(state, now)
    if against:
        rows.give_up_place(connection, booking.id)
        facts = {"against": against}
        life.step(connection, booking.id, "booked", "turned-away", by=by, at=now, why="stands-against-it", facts=facts, item=item)
        return
    moment = now.replace(microsecond=0)
    columns: dict[str, Any] = {"item": item, "hold_at": moment, "hold_until": moment + life.HOLD_LASTS}
    life.step(connection, booking.id, "booked", "checked-in", by=by, at=now, why="taken-in", **columns)
    if state is None or not is_key(state.holder) or state.stage not in (Stage.SOLD, Stage.ENROLLED):
        life.step(connection, booking.id, "checked-in", "verifying", by=by, at=now, why="nothing-to-hold", hold_until=None)


def item_of(connection: Connection, booking: AnyRow) -> bytes | None:
    """The item that the order is about, where the ledger knows it."""
    order = orjson.loads(booking.order)
    if booking.item is not None:
        return bytes(booking.item)
    return cases.named(connection, order["gtin"], order["serial"]) if order.get("gtin") and order.get("serial") else None


def state_of(connection: Connection, item: bytes) -> State | None:
    found = owning.tip(connection, item)
    return None if found is None else state_from_bytes(found.state)


def obstacles(state: State, now: datetime) -> list[str]:
    """What the ledger says against taking the item in."""
    against = [hold.code for hold in AGAINST if state.holds & hold.bit]
    if state.holds & Hold.IN_VERIFICATION.bit and state.aside.verification_until > now.timestamp():
        against.append(Hold.IN_VERIFICATION.code)
    if state.verdict == Outcome.NOT_AUTHENTIC:
        against.append("not-authentic")
    return [*against, "retired"] if state.stage == Stage.RETIRED else against


# --- what the holder signs -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Counter:
    """Drafts and takes what the holder signs, in the store's name."""

    intake: Intake

    def paper(self, booking: AnyRow, now: datetime) -> tuple[Paper, Draft] | None:
        """What can be signed now; None: nothing."""
        event = self._event(booking, now)
        if event is None:
            return None
        found = draft(self.intake, event, organization=OrganizationId(booking.organization))
        if isinstance(found, Refusal) or found.consent is None:
            return None
        return ("hold" if event["kind"] == "hold" else "resale"), found

    def sign(self, booking: AnyRow, paper: Paper, signature: bytes, *, by: str, submission: str, now: datetime) -> None:
        """Raises NothingToSign, ConsentNotSigned, ConsentRefused (with the ledger's reason), BookingMoved."""
        found = self.paper(booking, now)
        if found is None or found[0] != paper or found[1].consent is None:
            raise NothingToSign(booking=booking.id)
        if not _is_signed(found[1], self.intake.network.domain_separator, signature):
            raise ConsentNotSigned
        if paper == "hold":
            self._hold(booking, signature, by=by, submission=submission, now=now)
        else:
            self._keep_resale(booking, found[1], signature, by=by, now=now)

    def _event(self, booking: AnyRow, now: datetime) -> dict[str, Any] | None:
        with reading(self.intake.engine) as connection:
            profile = directory.profile(connection, booking.organization)
            has_fresh_consent = _is_fresh(connection, booking)
            roles = self.intake.authority.read(connection).at(int(now.timestamp())).standing(OrganizationId(booking.organization)).roles
        if profile is None or booking.item is None or booking.hold_until is None:
            return None
        if booking.state == "checked-in":
            return hold_event(booking, profile.did)
        if booking.state in ("holding", "verifying") and booking.buyer_key is not None and not has_fresh_consent:
            return resale_event(booking, {"store": profile.did, "deadline": rfc(booking.hold_until)}, roles=roles, now=now)
        return None

    def _hold(self, booking: AnyRow, signature: bytes, *, by: str, submission: str, now: datetime) -> None:
        with reading(self.intake.engine) as connection:
            profile = directory.profile(connection, booking.organization)
        assert profile is not None
        event = hold_event(booking, profile.did)
        event["consent"]["signature"] = "0x" + signature.hex()

        def finish(connection: Connection, told: Submission) -> None:
            result = told.results[0]
            if result.status != "refused":
                facts = {"until": rfc(booking.hold_until)}
                columns = {"hold_event": result.event_id}
                life.step(connection, booking.id, "checked-in", "holding", by=by, at=now, why="hold-signed", facts=facts, **columns)

        result = accept_events(self.intake, [parse_event(event)], order_of(booking, submission, now), finish=finish).results[0]
        if result.reason is not None:
            raise ConsentRefused(result.message, reason=result.reason.code)

    def _keep_resale(self, booking: AnyRow, found: Draft, signature: bytes, *, by: str, now: datetime) -> None:
        kind = "resale" if found.consent is not None and found.consent["message"]["action"] == Kind.RESALE else "transfer"
        consent = {"kind": kind, "deadline": rfc(booking.hold_until), "signature": "0x" + signature.hex(), "head": "0x" + found.head.hex()}
        with writing(self.intake.engine) as connection:
            fresh = locked(connection, booking.id, "holding", "verifying")
            if (fresh.buyer_key, fresh.hold_until) != (booking.buyer_key, booking.hold_until):
                raise BookingMoved("The agreement is to another key, or to another end, than the sale's by now.", booking=booking.id)
            rows.change(connection, booking.id, resale_consent=orjson.dumps(consent).decode())
            life.note(connection, fresh, by=by, at=now, why="resale-signed")


def hold_event(booking: AnyRow, did: str) -> dict[str, Any]:
    """By the store, until a date, with the holder's consent: only this store may carry it."""
    return {
        "kind": "hold",
        "occurred_at": rfc(booking.hold_at),
        "item": {"id": "0x" + booking.item.hex()},
        "hold": "in-verification",
        "until": rfc(booking.hold_until),
        "payload": {"reference": booking.id},
        "consent": {"deadline": rfc(utc(booking.hold_at) + SIGN_WITHIN), "carrier": did},
    }


def resale_event(booking: AnyRow, consent: dict[str, Any], *, roles: int, now: datetime, kind: str | None = None) -> dict[str, Any]:
    """To the buyer's key. A store that is no retailer or platform hands over by a transfer: the ledger lets anybody carry one."""
    order = orjson.loads(booking.order)
    payload = {name: order[name] for name in ("listing", "price") if order.get(name)}
    return {
        "kind": kind or ("resale" if roles & (Office.RETAILER | Office.PLATFORM) else "transfer"),
        "occurred_at": rfc(now),
        "item": {"id": "0x" + booking.item.hex()},
        "new_holder": "0x" + booking.buyer_key[12:].hex(),
        "payload": payload,
        "consent": consent,
    }


def order_of(booking: AnyRow, submission: str, now: datetime, *, together: bool = False) -> Order:
    return Order(
        organization=OrganizationId(booking.organization),
        now=int(now.timestamp()),
        submission=submission,
        request_id=f"booking {booking.id}",
        all_or_nothing=together,
    )


def name_buyer_key(connection: Connection, booking_id: str, key: bytes, *, by: str, now: datetime) -> None:
    """Who holds the item after the sale. It cannot change once the holder has agreed to it.

    Raises:
        BookingMoved.
    """
    booking = locked(connection, booking_id, "inviting", "booked", "checked-in", "holding", "verifying")
    if booking.resale_consent is not None and booking.buyer_key != key:
        raise BookingMoved("The holder has agreed to the sale to another key.", booking=booking_id)
    rows.change(connection, booking_id, buyer_key=key)
    life.note(connection, booking, by=by, at=now, why="key-named")


def take_away(connection: Connection, organization: bytes, said: str, *, by: str, now: datetime) -> AnyRow:
    """Whoever says the code takes the item with them: the buyer after the sale, else whoever brought it.

    Raises:
        NoSuchCode: it is not this party's to take, or no appointment of this partner has the code.
        BookingMoved: there is nothing to be taken.
    """
    found = rows.by_code(connection, hashed(code_of(said)))
    booking = None if found is None else rows.locked(connection, found.booking)
    if found is None or booking is None or booking.organization != organization:
        raise NoSuchCode
    if booking.state not in ("handing-over", "returning"):
        raise BookingMoved(booking=booking.id, state=booking.state, expected=["handing-over", "returning"])
    whose, end = ("buyer", "completed") if booking.state == "handing-over" else (brings(booking), "returned")
    if found.role != whose:
        raise NoSuchCode("The item is not this party's to take.", whose=whose)
    life.step(connection, booking.id, booking.state, end, by=by, at=now, why="taken", facts={"who": found.role})
    fresh = rows.booking(connection, booking.id)
    assert fresh is not None
    return fresh


def leave_without_buyer(connection: Connection, booking_id: str, *, by: str, now: datetime) -> None:
    """The buyer did not come, and whoever brought the item takes it away.

    Raises:
        BookingMoved: the buyer is there, or the item was taken in. NotTheTime: the buyer may still come.
    """
    booking = locked(connection, booking_id, "checked-in")
    if booking.mode != "both" or booking.buyer_came_at is not None:
        raise BookingMoved("The buyer was not expected, or is there.", booking=booking_id)
    last = last_minute(connection, booking)
    if now < last:
        raise NotTheTime(**{"from": rfc(last), "until": rfc(last)})
    rows.give_up_place(connection, booking_id)
    life.step(connection, booking_id, "checked-in", "no-show", by=by, at=now, why="buyer-absent", facts={"absent": "buyer"})


def _is_fresh(connection: Connection, booking: AnyRow) -> bool:
    """Whether the resale was agreed to on the history that the item has now: anything that happened since withdrew it."""
    if booking.resale_consent is None or booking.item is None:
        return False
    state = state_of(connection, booking.item)
    return state is not None and orjson.loads(booking.resale_consent)["head"] == "0x" + state.head.hex()


def _is_signed(found: Draft, separator: bytes, signature: bytes) -> bool:
    assert found.consent is not None
    said = found.consent["message"]
    digest = consent_digest(
        separator,
        action=said["action"],
        item=ItemId(found.item),
        head=Head(bytes.fromhex(said["head"][2:])),
        old_holder=bytes.fromhex(said["oldHolder"][2:]),
        new_holder=bytes.fromhex(said["newHolder"][2:]),
        detail=said["detail"],
        carrier=bytes.fromhex(said["carrier"][2:]),
        store=bytes.fromhex(said["store"][2:]),
        deadline=said["deadline"],
    )
    signer = signer_of(digest, signature)
    return signer is not None and "0x" + signer.rjust(32, b"\0").hex() == said["oldHolder"]
