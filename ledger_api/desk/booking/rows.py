"""Queries about stores, bookings, places and labels. Nothing here commits."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Table, delete, func, insert, select, update

from ledger_api.columns import utc
from ledger_api.desk.booking.life import DEADLINES, LOCKED, bookings, journal
from ledger_api.desk.booking.tables import CampaignRow, InvitationRow, LabelRow, MarkRow, PlaceRow, StoreRow
from ledger_api.desk.rows.cases import cases, is_on_its_way
from ledger_api.domain.fields import rfc3339

AnyRow = Row[Any]
stores: Table = StoreRow.__table__  # type: ignore[attr-defined]  # SQLModel sets it, here and below
campaigns: Table = CampaignRow.__table__  # type: ignore[attr-defined]
invitations: Table = InvitationRow.__table__  # type: ignore[attr-defined]
marks: Table = MarkRow.__table__  # type: ignore[attr-defined]
places: Table = PlaceRow.__table__  # type: ignore[attr-defined]
labels: Table = LabelRow.__table__  # type: ignore[attr-defined]


def rfc(at: datetime) -> str:
    """As it is said to others."""
    return rfc3339(int(utc(at).timestamp()))


# --- stores and campaigns --------------------------------------------------------------------------------------------


def keep_store(connection: Connection, row: Mapping[str, Any]) -> None:
    connection.execute(insert(stores).values(**row))


def change_store(connection: Connection, store_id: str, **columns: Any) -> None:
    connection.execute(update(stores).where(stores.c.id == store_id).values(**columns))


def store(connection: Connection, store_id: str) -> AnyRow | None:
    return connection.execute(select(stores).where(stores.c.id == store_id)).first()


def locked_store(connection: Connection, store_id: str) -> AnyRow | None:
    """The same; nobody else takes one of its places, or changes its hours, until this transaction ends."""
    return connection.execute(select(stores).where(stores.c.id == store_id).with_for_update()).first()


def stores_of(connection: Connection, organization: bytes) -> Sequence[AnyRow]:
    return connection.execute(select(stores).where(stores.c.organization == organization).order_by(stores.c.id)).all()


def all_stores(connection: Connection, *, after: str | None, most: int) -> Sequence[AnyRow]:
    """Those that take bookings, in the order of their ids."""
    chosen = select(stores).where(stores.c.is_open).order_by(stores.c.id).limit(most)
    return connection.execute(chosen if after is None else chosen.where(stores.c.id > after)).all()


def keep_campaign(connection: Connection, row: Mapping[str, Any]) -> None:
    connection.execute(delete(campaigns).where(campaigns.c.tag == row["tag"]))
    connection.execute(insert(campaigns).values(**row))


def campaign(connection: Connection, tag: str) -> AnyRow | None:
    return connection.execute(select(campaigns).where(campaigns.c.tag == tag)).first()


def campaigns_of(connection: Connection, organization: bytes) -> Sequence[AnyRow]:
    return connection.execute(select(campaigns).where(campaigns.c.organization == organization).order_by(campaigns.c.tag)).all()


def end_campaign(connection: Connection, tag: str) -> None:
    connection.execute(delete(campaigns).where(campaigns.c.tag == tag))


# --- bookings --------------------------------------------------------------------------------------------------------


def booking(connection: Connection, booking_id: str) -> AnyRow | None:
    return connection.execute(select(bookings).where(bookings.c.id == booking_id)).first()


def locked(connection: Connection, booking_id: str) -> AnyRow | None:
    """The same; nobody else moves it until this transaction ends."""
    return connection.execute(select(bookings).where(bookings.c.id == booking_id).with_for_update()).first()


def by_reference(connection: Connection, platform: bytes, reference: str) -> AnyRow | None:
    return connection.execute(select(bookings).where(bookings.c.platform == platform, bookings.c.reference == reference)).first()


def by_case(connection: Connection, case: str) -> AnyRow | None:
    return connection.execute(select(bookings).where(bookings.c.case == case)).first()


def of_platform(connection: Connection, platform: bytes, *, before: str | None, most: int) -> Sequence[AnyRow]:
    """Newest first."""
    chosen = select(bookings).where(bookings.c.platform == platform).order_by(bookings.c.id.desc()).limit(most)
    return connection.execute(chosen if before is None else chosen.where(bookings.c.id < before)).all()


def of_store(connection: Connection, store_id: str, *, first: datetime, last: datetime) -> Sequence[AnyRow]:
    """Appointments that begin in that time."""
    chosen = select(bookings).where(bookings.c.store == store_id, bookings.c.starts_at >= first, bookings.c.starts_at < last)
    return connection.execute(chosen.order_by(bookings.c.starts_at, bookings.c.id)).all()


def change(connection: Connection, booking_id: str, **columns: Any) -> None:
    connection.execute(update(bookings).where(bookings.c.id == booking_id).values(**columns))


def movable(connection: Connection, after: str, most: int) -> Sequence[AnyRow]:
    """Bookings of locked items that somebody has answered: the ledger what was sent, staff the question. Which may be nothing yet."""
    is_alone = cases.c.booking.is_(None) & (cases.c.state != "concluded")  # the desk itself brings its verdict, and has not yet
    answered = (
        ((bookings.c.state == "holding") & ~is_on_its_way(bookings.c.hold_event))
        | ((bookings.c.state == "verifying") & cases.c.outcome.is_not(None))
        | ((bookings.c.state == "closing") & ~is_alone & ~is_on_its_way(cases.c.verdict_event))
        | ((bookings.c.state == "releasing") & ~is_on_its_way(bookings.c.release_event))
    )
    chosen = select(bookings).outerjoin(cases, cases.c.id == bookings.c.case)
    chosen = chosen.where(bookings.c.state.in_(sorted(LOCKED)), answered, bookings.c.id > after)
    return connection.execute(chosen.order_by(bookings.c.id).limit(most)).all()


def overdue(connection: Connection, after: str, most: int, *, now: datetime) -> Sequence[AnyRow]:
    chosen = select(bookings).where(bookings.c.state.in_(sorted(DEADLINES)), bookings.c.due_at < now, bookings.c.id > after)
    return connection.execute(chosen.order_by(bookings.c.id).limit(most)).all()


def to_remind(connection: Connection, *, before: datetime, most: int) -> Sequence[AnyRow]:
    """Appointments that begin before that and of which nobody was reminded; nobody else reminds of them until this transaction ends."""
    chosen = select(bookings).where(bookings.c.state == "booked", bookings.c.starts_at < before, bookings.c.reminded_at.is_(None))
    return connection.execute(chosen.order_by(bookings.c.starts_at).limit(most).with_for_update(skip_locked=True)).all()


def told(connection: Connection, booking_id: str) -> Sequence[AnyRow]:
    """The journal, first line first."""
    return connection.execute(select(journal).where(journal.c.booking == booking_id).order_by(journal.c.number)).all()


# --- parties ---------------------------------------------------------------------------------------------------------


def invite(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    connection.execute(insert(invitations), list(rows))


def invitation(connection: Connection, token_hash: bytes) -> AnyRow | None:
    return connection.execute(select(invitations).where(invitations.c.token_hash == token_hash)).first()


def keep_links(connection: Connection, booking_id: str, *, until: datetime) -> None:
    """They open so long at least."""
    short = update(invitations).where(invitations.c.booking == booking_id, invitations.c.until < until)
    connection.execute(short.values(until=until))


def by_code(connection: Connection, code_hash: bytes) -> AnyRow | None:
    return connection.execute(select(invitations).where(invitations.c.code_hash == code_hash)).first()


def mark(connection: Connection, booking_id: str, role: str, chosen: Iterable[tuple[datetime, str]]) -> None:
    """What fits this party now; what it said before is forgotten."""
    connection.execute(delete(marks).where(marks.c.booking == booking_id, marks.c.role == role))
    rows = [{"booking": booking_id, "role": role, "store": store_id, "starts_at": starts_at} for starts_at, store_id in chosen]
    if rows:
        connection.execute(insert(marks), rows)


def marked(connection: Connection, booking_id: str) -> dict[str, list[tuple[datetime, str]]]:
    """By role: (start, store), in time's order."""
    found: dict[str, list[tuple[datetime, str]]] = {"seller": [], "buyer": []}
    chosen = select(marks).where(marks.c.booking == booking_id).order_by(marks.c.starts_at, marks.c.store)
    for row in connection.execute(chosen):
        found[row.role].append((utc(row.starts_at), row.store))
    return found


# --- places ----------------------------------------------------------------------------------------------------------


def taken(connection: Connection, store_id: str, *, first: datetime, last: datetime) -> Sequence[AnyRow]:
    """Places whose time touches that time."""
    touching = (places.c.starts_at < last) & (places.c.ends_at > first)
    return connection.execute(select(places).where(places.c.store == store_id, touching).order_by(places.c.starts_at)).all()


def numbers_taken(connection: Connection, store_id: str, *, starts_at: datetime, ends_at: datetime) -> set[int]:
    return {row.number for row in taken(connection, store_id, first=starts_at, last=ends_at)}


def take_place(connection: Connection, row: Mapping[str, Any]) -> None:
    connection.execute(insert(places).values(**row))


def give_up_place(connection: Connection, booking_id: str) -> None:
    connection.execute(delete(places).where(places.c.booking == booking_id))


def places_from(connection: Connection, store_id: str, *, first: datetime) -> Sequence[AnyRow]:
    return connection.execute(
        select(places).where(places.c.store == store_id, places.c.starts_at >= first).order_by(places.c.starts_at)
    ).all()


# --- labels ----------------------------------------------------------------------------------------------------------


def keep_labels(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    connection.execute(insert(labels), list(rows))


def label(connection: Connection, serial: str) -> AnyRow | None:
    return connection.execute(select(labels).where(labels.c.serial == serial)).first()


def locked_label(connection: Connection, serial: str) -> AnyRow | None:
    return connection.execute(select(labels).where(labels.c.serial == serial).with_for_update()).first()


def live_label(connection: Connection, item: bytes) -> AnyRow | None:
    return connection.execute(select(labels).where(labels.c.item == item, labels.c.state == "live")).first()


def label_of(connection: Connection, booking_id: str) -> AnyRow | None:
    """The newest that was fixed for this booking."""
    chosen = select(labels).where(labels.c.booking == booking_id).order_by(labels.c.activated_at.desc()).limit(1)
    return connection.execute(chosen).first()


def change_label(connection: Connection, serial: str, **columns: Any) -> None:
    connection.execute(update(labels).where(labels.c.serial == serial).values(**columns))


def labels_of(connection: Connection, organization: bytes, *, store_id: str, after: str | None, most: int) -> Sequence[AnyRow]:
    chosen = select(labels).where(labels.c.organization == organization, labels.c.store == store_id).order_by(labels.c.serial).limit(most)
    return connection.execute(chosen if after is None else chosen.where(labels.c.serial > after)).all()


def printed(connection: Connection, store_id: str) -> int:
    """How many wait in the store's drawer."""
    return int(
        connection.execute(
            select(func.count()).select_from(labels).where(labels.c.store == store_id, labels.c.state == "printed")
        ).scalar_one()
    )
