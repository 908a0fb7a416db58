"""From an accepted order to a place at a store: the parties are invited, mark what fits them, and the first time that fits both is theirs.

A place is given under the store's lock and by a key that no two bookings can share (store, time, number): however many ask at once, a time
has as many places as the store has, and not one more. Marks reserve nothing.
"""

import hashlib
from base64 import b32encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import orjson
from sqlalchemy import Connection

from ledger_api.columns import utc
from ledger_api.desk.booking import examining, life, rows, slots
from ledger_api.desk.booking.rows import AnyRow, rfc
from ledger_api.desk.booking.stores import Offer, reopen, terms_of
from ledger_api.desk.errors import BookingMoved, BookingReferenceTaken, NoSuchBooking, NoSuchInvitation, NoSuchSlot, NoSuchStore, SlotFull
from ledger_api.store.engine import lock_items

Role = Literal["seller", "buyer"]
ROLES: tuple[Role, ...] = ("seller", "buyer")
LINK_LASTS = timedelta(days=60)  # from the invitation, and from the end of the latest appointment
MOST_MARKS = 100
Secret = Callable[[bytes], bytes]  # salt → 20 bytes that only this service can make
Choice = tuple[datetime, str]  # start, store


@dataclass(frozen=True, slots=True)
class NewBooking:
    platform: bytes
    reference: str
    order: Mapping[str, Any]  # as it was asked
    item: bytes | None
    buyer_key: bytes | None
    settle_days: int


@dataclass(frozen=True, slots=True)
class Party:
    """Whoever holds a link."""

    booking: AnyRow
    role: Role


# --- invitations -----------------------------------------------------------------------------------------------------


def token(secret: Secret, booking_id: str, role: str) -> str:
    """The link's secret. It is stored nowhere: the service makes it again, and knows it by its hash."""
    return b32encode(secret(f"booking {booking_id} {role}".encode())).decode().lower()


def code(link: str) -> str:
    """What a party says at the counter; eight letters that follow from the link."""
    letters = b32encode(hashlib.sha256(b"counter " + link.encode()).digest()).decode()
    return f"{letters[:4]}-{letters[4:8]}"


def hashed(said: str) -> bytes:
    return hashlib.sha256(said.encode()).digest()


def open_booking(connection: Connection, new: NewBooking, offer: Offer, secret: Secret, *, id: str, now: datetime) -> AnyRow:
    """The booking; the same reference of the same platform is the same booking.

    Raises:
        BookingReferenceTaken: the platform used it for another order.
    """
    order = orjson.dumps(new.order, option=orjson.OPT_SORT_KEYS).decode()
    lock_items(connection, [new.platform])  # one at a time: the same order is not sent twice at once
    known = rows.by_reference(connection, new.platform, new.reference)
    if known is not None:
        if known.order != order:
            raise BookingReferenceTaken(booking=known.id)
        return known
    settle_by = now + timedelta(days=new.settle_days)
    row = {
        "id": id,
        "platform": new.platform,
        "reference": new.reference,
        "organization": offer.organization,
        "campaign": offer.campaign,
        "price_cents": offer.price_cents,
        "stores": orjson.dumps(offer.stores).decode(),
        "order": order,
        "item": new.item,
        "buyer_key": new.buyer_key,
        "state": "inviting",
        "due_at": settle_by,
        "settle_by": settle_by,
        "created_at": now,
        "changed_at": now,
        "plan": 0,
    }
    life.begin(connection, row, by="platform", why="invited")
    rows.invite(connection, [_invitation(secret, id, role, now) for role in ROLES])
    made = rows.booking(connection, id)
    assert made is not None
    return made


def _invitation(secret: Secret, booking_id: str, role: Role, now: datetime) -> dict[str, Any]:
    link = token(secret, booking_id, role)
    return {"token_hash": hashed(link), "booking": booking_id, "role": role, "code_hash": hashed(code(link)), "until": now + LINK_LASTS}


def party(connection: Connection, link: str, *, now: datetime) -> Party:
    """Raises NoSuchInvitation: for a link that is not one, and for one whose time is over."""
    found = rows.invitation(connection, hashed(link))
    if found is None or utc(found.until) < now:
        raise NoSuchInvitation
    booking = rows.booking(connection, found.booking)
    assert booking is not None
    return Party(booking, found.role)


# --- a time ----------------------------------------------------------------------------------------------------------


def free_slots(connection: Connection, store: AnyRow, *, first: datetime, last: datetime, now: datetime) -> list[tuple[slots.Slot, int]]:
    """Each with how many places it has left; those without one are left out."""
    terms = terms_of(store)
    if not store.is_open:
        return []
    taken = [
        (utc(one.starts_at), utc(one.ends_at), one.number)
        for one in rows.taken(connection, store.id, first=first, last=last + slots.LONGEST)
    ]
    offered = slots.slots_between(terms, max(first, now + timedelta(minutes=terms.notice_minutes)), min(last, now + slots.LOOK_AHEAD))
    counted = (
        (slot, terms.capacity - len({number for start, end, number in taken if start < slot.ends_at and end > slot.starts_at}))
        for slot in offered
    )
    return [(slot, left) for slot, left in counted if left > 0]


def mark(connection: Connection, booking_id: str, role: Role, chosen: Sequence[Choice], *, now: datetime) -> bool:
    """What fits this party; whether a time that fits both is booked now. Who accepts a proposal marks it.

    Raises:
        BookingMoved, NoSuchStore, NoSuchSlot: nothing was changed. SlotFull: every common time was taken meanwhile.
    """
    booking = locked(connection, booking_id, "inviting")
    for starts_at, store_id in chosen:
        _offered(connection, booking, store_id, starts_at, now)
    rows.mark(connection, booking_id, role, dict.fromkeys(chosen))
    life.note(connection, booking, by=role, at=now, why="marked", facts={"times": len(chosen)})
    both = rows.marked(connection, booking_id)
    common = [choice for choice in slots.first_common(both["seller"], both["buyer"]) if choice[0] >= now]
    # all of them before the first is full: others take them in this order too
    for store_id in sorted({store_id for _, store_id in common}):
        rows.locked_store(connection, store_id)
    for choice in common:
        if _place(connection, booking, choice, mode="both", by=role, now=now):
            return True
    if common:
        raise SlotFull
    return False


def drop_off(connection: Connection, booking_id: str, role: Role, choice: Choice, *, now: datetime) -> None:
    """One of them brings the item alone.

    Raises:
        BookingMoved, NoSuchStore, NoSuchSlot, SlotFull.
    """
    booking = locked(connection, booking_id, "inviting")
    _offered(connection, booking, choice[1], choice[0], now)
    if not _place(connection, booking, choice, mode=role, by=role, now=now):
        raise SlotFull


def choose_again(connection: Connection, booking_id: str, role: Role, *, now: datetime) -> None:
    """A party cannot come: the place is free again, and both choose anew.

    Raises:
        BookingMoved: nothing is booked, or the time has begun.
    """
    booking = locked(connection, booking_id, "booked")
    if utc(booking.starts_at) <= now:
        raise BookingMoved("The time of the appointment has begun.", booking=booking_id)
    reopen(connection, booking, by=role, why="another-time", now=now, facts={"was": rfc(booking.starts_at)})


def call_off(connection: Connection, booking_id: str, *, by: str, now: datetime) -> str:
    """The state after it: `cancelled` where the item was not taken in; `releasing` where it was and nobody has judged.

    Raises:
        BookingMoved: it has been judged, or has ended.
    """
    booking = locked(connection, booking_id, "inviting", "booked", "checked-in", "holding", "verifying")
    if booking.state == "verifying" and not examining.let_go(connection, booking, now=now):
        raise BookingMoved("The store has decided.", booking=booking_id, state=booking.state)
    if booking.state == "booked":
        rows.give_up_place(connection, booking_id)
    end = "releasing" if booking.state in life.LOCKED else "cancelled"
    due = life.due(end, now=now, hold_until=until(booking))
    life.step(connection, booking_id, booking.state, end, by=by, at=now, why="called-off", due_at=due)
    return end


def until(booking: AnyRow) -> datetime | None:
    return None if booking.hold_until is None else utc(booking.hold_until)


def locked(connection: Connection, booking_id: str, *states: str) -> AnyRow:
    """Raises NoSuchBooking, BookingMoved: it is in none of these states."""
    booking = rows.locked(connection, booking_id)
    if booking is None:
        raise NoSuchBooking(booking=booking_id)
    if booking.state not in states:
        raise BookingMoved(booking=booking_id, state=booking.state, expected=sorted(states))
    return booking


def _offered(connection: Connection, booking: AnyRow, store_id: str, starts_at: datetime, now: datetime) -> None:
    store = rows.store(connection, store_id) if store_id in orjson.loads(booking.stores) else None
    if store is None or not store.is_open:
        raise NoSuchStore(store=store_id)
    terms = terms_of(store)
    is_soon_enough = now + timedelta(minutes=terms.notice_minutes) <= starts_at < now + slots.LOOK_AHEAD
    if not is_soon_enough or slots.slot_at(terms, starts_at) is None:
        raise NoSuchSlot(store=store_id, starts_at=rfc(starts_at))


def _place(connection: Connection, booking: AnyRow, choice: Choice, *, mode: str, by: str, now: datetime) -> bool:
    """Whether it had a place. The store's row is locked before anything is counted."""
    starts_at, store_id = choice
    store = rows.locked_store(connection, store_id)
    slot = None if store is None or not store.is_open else slots.slot_at(terms_of(store), starts_at)
    if store is None or slot is None:
        return False
    taken = rows.numbers_taken(connection, store_id, starts_at=slot.starts_at, ends_at=slot.ends_at)
    number = next((number for number in range(1, terms_of(store).capacity + 1) if number not in taken), None)
    if number is None:
        return False
    place = {"store": store_id, "starts_at": slot.starts_at, "ends_at": slot.ends_at, "number": number, "booking": booking.id}
    rows.take_place(connection, place)
    rows.keep_links(connection, booking.id, until=slot.ends_at + LINK_LASTS)
    facts = {"store": store_id, "starts_at": rfc(slot.starts_at), "mode": mode}
    columns: dict[str, Any] = {"mode": mode, "store": store_id, "starts_at": slot.starts_at, "ends_at": slot.ends_at}
    due = slot.starts_at + timedelta(minutes=terms_of(store).late_minutes)
    life.step(connection, booking.id, "inviting", "booked", by=by, at=now, why="settled", facts=facts, due_at=due, **columns)
    return True


def go_on(connection: Connection, booking_id: str, *, is_sold: bool, now: datetime) -> None:
    """The platform says whether the sale goes on, of an item that is verified and was not resold on the ledger.

    Raises:
        BookingMoved.
    """
    booking = locked(connection, booking_id, "verified")
    end, why = ("handing-over", "sold") if is_sold else ("returning", "not-sold")
    life.step(connection, booking.id, "verified", end, by="platform", at=now, why=why)
