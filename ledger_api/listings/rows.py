"""Queries on listings and on how often an item was seen. Every function takes a connection and commits nothing."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, Table, bindparam, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from ledger_api.desk.rows.cases import prints
from ledger_api.listings.tables import DoubtRow, ListingPhotoRow, ListingRow, SeenRow
from ledger_api.store.records import LIST_LIMIT

AnyRow = Row[Any]
# how long each way of being seen says anything; a consumer's whereabouts no longer than they must
SEEN_DAYS: Mapping[str, int] = {"scan": 7, "sighting": 30, "spent-key": 90}
listings: Table = ListingRow.__table__  # type: ignore[attr-defined]  # SQLModel sets it
photos: Table = ListingPhotoRow.__table__  # type: ignore[attr-defined]  # SQLModel sets it
doubts: Table = DoubtRow.__table__  # type: ignore[attr-defined]  # SQLModel sets it
seen: Table = SeenRow.__table__  # type: ignore[attr-defined]  # SQLModel sets it
_COUNT_SEEN = text(
    "INSERT INTO item_seen (item, hour, how, place, count) VALUES (:item, :hour, :how, :place, :count)"
    " ON CONFLICT (item, hour, how, place) DO UPDATE SET count = item_seen.count + excluded.count"
).bindparams(*(bindparam(name, type_=seen.c[name].type) for name in ("item", "hour")))

_DOUBT = text(
    "INSERT INTO doubts (item, suspected, due_at)"
    " SELECT DISTINCT item, false, :at FROM listings WHERE item IN :items AND state = 'live' ORDER BY item"
    " ON CONFLICT (item) DO UPDATE SET due_at = excluded.due_at WHERE doubts.due_at > excluded.due_at"
).bindparams(bindparam("items", expanding=True), bindparam("at", type_=doubts.c.due_at.type))


def keep(connection: Connection, row: Mapping[str, Any]) -> bool:
    """False: another request was faster with this reference."""
    try:
        with connection.begin_nested():
            connection.execute(insert(listings).values(**row))
    except IntegrityError:
        return False
    return True


def change(connection: Connection, listing: str, **columns: Any) -> None:
    connection.execute(update(listings).where(listings.c.id == listing).values(**columns))


def listing(connection: Connection, id: str) -> AnyRow | None:
    return connection.execute(select(listings).where(listings.c.id == id)).one_or_none()


def locked(connection: Connection, id: str) -> AnyRow | None:
    """The same; nobody else changes it or its photos until this transaction ends."""
    return connection.execute(select(listings).where(listings.c.id == id).with_for_update()).one_or_none()


def by_reference(connection: Connection, platform: bytes, reference: str) -> AnyRow | None:
    chosen = select(listings).where(listings.c.platform == platform, listings.c.reference == reference)
    return connection.execute(chosen).one_or_none()


def of_platform(connection: Connection, platform: bytes, *, before: str | None, most: int) -> Sequence[AnyRow]:
    """Newest first."""
    chosen = select(listings).where(listings.c.platform == platform)
    chosen = chosen if before is None else chosen.where(listings.c.id < before)
    return connection.execute(chosen.order_by(listings.c.id.desc()).limit(most)).all()


def live_of_item(connection: Connection, item: bytes, *, most: int) -> Sequence[AnyRow]:
    chosen = select(listings).where(listings.c.item == item, listings.c.state == "live")
    return connection.execute(chosen.order_by(listings.c.id).limit(most)).all()


# --- photos ----------------------------------------------------------------------------------------------------------


def photos_of(connection: Connection, listing: str) -> Sequence[AnyRow]:
    """In their order, without those that were forgotten."""
    chosen = select(photos).where(photos.c.listing == listing, photos.c.number.is_not(None))
    return connection.execute(chosen.order_by(photos.c.number)).all()


def photos_of_item(connection: Connection, item: bytes) -> Sequence[AnyRow]:
    """Of its live listings."""
    chosen = select(photos).join(listings, listings.c.id == photos.c.listing).where(listings.c.item == item, listings.c.state == "live")
    return connection.execute(chosen.where(photos.c.number.is_not(None))).all()


def keep_photo(connection: Connection, row: Mapping[str, Any]) -> None:
    connection.execute(insert(photos).values(**row))


def take_photo(connection: Connection, *, now: datetime, until: datetime) -> AnyRow | None:
    """The oldest that waits and nobody is at; it is ours until then."""
    free = (photos.c.lease_until.is_(None)) | (photos.c.lease_until < now)
    waiting = select(photos).where(photos.c.state == "waiting", photos.c.number.is_not(None), free)
    found = connection.execute(waiting.order_by(photos.c.created_at, photos.c.id).limit(1).with_for_update(skip_locked=True)).first()
    if found is not None:
        connection.execute(update(photos).where(photos.c.id == found.id).values(lease_until=until, tries=found.tries + 1))
    return found


def end_photo(connection: Connection, id: str, **columns: Any) -> bool:
    """False: it was forgotten meanwhile, or somebody else was faster."""
    mine = update(photos).where(photos.c.id == id, photos.c.state == "waiting", photos.c.number.is_not(None))
    return connection.execute(mine.values(lease_until=None, **columns)).rowcount == 1


def forget_photos(connection: Connection, ids: Sequence[str]) -> None:
    """They are no listing's photos any more; the vault is still to let them go."""
    connection.execute(update(photos).where(photos.c.id.in_(ids)).values(number=None, findings="{}", lease_until=None))


def forgotten_photos(connection: Connection, *, most: int) -> Sequence[AnyRow]:
    return connection.execute(select(photos).where(photos.c.number.is_(None)).order_by(photos.c.id).limit(most)).all()


def drop_photos(connection: Connection, ids: Sequence[str]) -> None:
    connection.execute(photos.delete().where(photos.c.id.in_(ids)))


def still_shown(connection: Connection, ids: Collection[str]) -> set[str]:
    """Those of them that are still a listing's photos."""
    if not ids:
        return set()
    return set(connection.execute(select(photos.c.id).where(photos.c.id.in_(ids), photos.c.number.is_not(None))).scalars())


def marked(connection: Connection, numbers: Sequence[int]) -> Sequence[AnyRow]:
    """Photos of live listings by the numbers of their marks, with what their listings tell: whose, of which item."""
    print_ = (prints.c.photo, prints.c.width, prints.c.height, prints.c.marks)
    photo = (photos.c.id, photos.c.listing, photos.c.original, photos.c.shown, photos.c.created_at)
    chosen: Select[Any] = select(*print_, *photo, listings.c.platform, listings.c.item, listings.c.offer)
    chosen = chosen.join(photos, photos.c.id == prints.c.shot).join(listings, listings.c.id == photos.c.listing)
    live = chosen.where(prints.c.photo.in_(numbers), photos.c.number.is_not(None), listings.c.state == "live")
    return connection.execute(live).all()


# --- how often it was seen -------------------------------------------------------------------------------------------


def place_text(place: tuple[float, float]) -> str:
    return f"{place[0]},{place[1]}"


def seen_row(item: bytes, how: str, at: datetime, *, place: tuple[float, float] | None = None) -> dict[str, Any]:
    """Once, within the hour of `at`."""
    where = "" if place is None else place_text(place)
    return {"item": item, "hour": at.replace(minute=0, second=0, microsecond=0), "how": how, "place": where, "count": 1}


def count_seen(connection: Connection, many: Sequence[Mapping[str, Any]]) -> None:
    """Each `{item, hour, how, place, count}` is added to what is there."""
    if many:
        connection.execute(_COUNT_SEEN, list(many))
        doubt(connection, {one["item"] for one in many}, max(one["hour"] for one in many))


def seen_of(connection: Connection, item: bytes, how: str, *, now: datetime) -> Sequence[AnyRow]:
    since = now - timedelta(days=SEEN_DAYS[how])
    chosen = select(seen).where(seen.c.item == item, seen.c.how == how, seen.c.hour >= since)
    return connection.execute(chosen.order_by(seen.c.hour)).all()


def forget_seen(connection: Connection, *, now: datetime) -> None:
    """What no answer counts any more: where things were is nobody's business for longer."""
    for how, days in SEEN_DAYS.items():
        connection.execute(seen.delete().where(seen.c.how == how, seen.c.hour < now - timedelta(days=days)))


# --- doubts ----------------------------------------------------------------------------------------------------------


def doubt(connection: Connection, items: Collection[bytes], at: datetime) -> None:
    """Something was seen of these items: whether they are on several objects is asked again, where somebody lists them."""
    chosen = sorted(items)
    for start in range(0, len(chosen), LIST_LIMIT):
        connection.execute(_DOUBT, {"items": chosen[start : start + LIST_LIMIT], "at": at})


def doubted(connection: Connection, now: datetime) -> AnyRow | None:
    """One whose time has come; what is seen of it meanwhile is asked about afterwards."""
    due = select(doubts).where(doubts.c.due_at <= now).order_by(doubts.c.due_at).limit(1)
    return connection.execute(due.with_for_update(skip_locked=True)).one_or_none()


def settle_doubt(connection: Connection, item: bytes, *, suspected: bool, again: datetime | None) -> None:
    """`again`: None when only what is seen of it can make another."""
    this = doubts.c.item == item
    connection.execute(
        doubts.delete().where(this) if again is None else update(doubts).where(this).values(suspected=suspected, due_at=again)
    )
