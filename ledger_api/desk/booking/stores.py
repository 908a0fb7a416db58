"""What a partner offers: its stores, and the hashtags that lead to them. Data that the partner writes; places are `settling`'s business."""

import hashlib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson
from sqlalchemy import Connection

from ledger_api.columns import utc
from ledger_api.desk.booking import life, rows, slots
from ledger_api.desk.booking.rows import AnyRow, rfc
from ledger_api.desk.errors import CampaignTaken, NoSuchCampaign, NoSuchStore, StoreUnfit
from ledger_api.store.engine import lock_items


@dataclass(frozen=True, slots=True)
class Offer:
    """Whom a listing's hashtag (or the named store) leads to."""

    organization: bytes
    campaign: str | None
    price_cents: int
    stores: list[str]


def terms_of(store: AnyRow) -> slots.Terms:
    return slots.Terms.model_validate(orjson.loads(store.terms))


def last_minute(connection: Connection, booking: AnyRow) -> datetime:
    """Until when the parties of an appointment may come."""
    store = rows.store(connection, booking.store)
    assert store is not None
    return utc(booking.starts_at) + timedelta(minutes=terms_of(store).late_minutes)


def folded(tag: str) -> str:
    """`#Milan12`, `milan12` and `ＭＩＬＡＮ12` are one hashtag."""
    return unicodedata.normalize("NFKC", tag.removeprefix("#")).casefold()


def offer_of_campaign(connection: Connection, tag: str, *, brand: str, category: str, now: datetime) -> Offer:
    """Raises NoSuchCampaign, StoreUnfit."""
    found = rows.campaign(connection, folded(tag))
    if found is None or (found.until is not None and utc(found.until) < now):
        raise NoSuchCampaign(hashtag=tag[:64])
    named = None if found.stores is None else set(orjson.loads(found.stores))
    chosen = [store for store in rows.stores_of(connection, found.organization) if named is None or store.id in named]
    return Offer(found.organization, found.tag, found.price_cents, _fit(chosen, brand, category))


def offer_of_store(connection: Connection, store_id: str, *, brand: str, category: str) -> Offer:
    """Raises NoSuchStore, StoreUnfit."""
    found = rows.store(connection, store_id)
    if found is None:
        raise NoSuchStore(store=store_id)
    return Offer(found.organization, None, 0, _fit([found], brand, category))


def _fit(chosen: Sequence[AnyRow], brand: str, category: str) -> list[str]:
    fit = [store.id for store in chosen if store.is_open and terms_of(store).sees(brand, category)]
    if not fit:
        raise StoreUnfit(brand=brand, category=category)
    return fit


def keep_campaign(
    connection: Connection,
    organization: bytes,
    tag: str,
    *,
    stores: Sequence[str] | None,
    price_cents: int,
    until: datetime | None,
    now: datetime,
) -> None:
    """Raises CampaignTaken: it is another partner's. NoSuchStore: a named store is not this partner's."""
    lock_items(connection, [hashlib.sha256(folded(tag).encode()).digest()])  # one at a time: a hashtag is one partner's
    known = rows.campaign(connection, folded(tag))
    if known is not None and known.organization != organization:
        raise CampaignTaken(hashtag=tag)
    mine = {store.id for store in rows.stores_of(connection, organization)}
    unknown = sorted(set(stores or ()) - mine)
    if unknown:
        raise NoSuchStore(store=unknown[0])
    row = {"tag": folded(tag), "shown": "#" + tag.removeprefix("#"), "organization": organization, "price_cents": price_cents}
    named = None if stores is None else orjson.dumps(list(stores)).decode()
    rows.keep_campaign(connection, row | {"stores": named, "until": until, "created_at": now})


def change_terms(connection: Connection, store_id: str, *, now: datetime, terms: slots.Terms, is_open: bool, **columns: str) -> None:
    """From the next transaction on no place is given that these terms do not offer; `displaced` looks after those that were given."""
    body = orjson.dumps(terms.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS).decode()
    rows.change_store(connection, store_id, terms=body, is_open=is_open, changed_at=now, **columns)


def displaced(connection: Connection, store: AnyRow, *, now: datetime) -> list[str]:
    """Bookings at a time when the store is closed now have to find another. Hours that begin or are cut otherwise take nobody's place."""
    terms, moved = terms_of(store), []
    for place in rows.places_from(connection, store.id, first=now):
        starts_at = utc(place.starts_at)
        booking = rows.locked(connection, place.booking) if not store.is_open or _is_closed(terms, starts_at) else None
        if booking is not None and booking.state == "booked":
            reopen(connection, booking, by="store", why="store-closed", now=now, facts={"was": rfc(starts_at)})
            moved.append(str(booking.id))
    return moved


def _is_closed(terms: slots.Terms, starts_at: datetime) -> bool:
    around = slots.slots_between(terms, starts_at - slots.LONGEST, starts_at + slots.LONGEST)
    return not any(slot.starts_at <= starts_at < slot.ends_at for slot in around)


def reopen(connection: Connection, booking: AnyRow, *, by: str, why: str, now: datetime, facts: dict[str, str]) -> None:
    """From `booked` back to the choice of a time; the place is free again, and what was marked for it is forgotten."""
    rows.give_up_place(connection, booking.id)
    for role in ("seller", "buyer"):
        rows.mark(connection, booking.id, role, ())
    gone = {"mode": None, "store": None, "starts_at": None, "ends_at": None, "reminded_at": None}
    due = max(utc(booking.settle_by), life.due("inviting", now=now))
    life.step(connection, booking.id, "booked", "inviting", by=by, at=now, why=why, facts=facts, due_at=due, settle_by=due, **gone)
