"""A partner's stores and the hashtags that lead to them: written by the partner, read by everybody with a key."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import orjson
from fastapi import APIRouter, Path, Query
from pydantic import Field

from ledger_api.auth import Scope
from ledger_api.columns import utc
from ledger_api.desk.booking import rows, settling, slots
from ledger_api.desk.booking import stores as offers
from ledger_api.desk.booking.rows import AnyRow
from ledger_api.desk.errors import CampaignTaken, NoSuchCampaign, NoSuchStore, NotAnAuthenticator
from ledger_api.domain.fields import Strict, Time
from ledger_api.routes.deps import Anonymous, Caller, Ctx, Db, NewId, Now
from ledger_api.routes.desk.deps import Moment
from ledger_api.routes.problems import errors
from ledger_api.routes.schemas import Hex32, Out, hex_of, moment
from ledger_api.routes.schemas import Moment as Said
from ledger_api.store.engine import reading, writing
from ledger_verify.codes import Role

router = APIRouter(tags=["bookings"])

PAGE = 100
LATEST = 4_102_444_800  # 2100
Hashtag = Annotated[str, Path(pattern=r"^\w{2,48}$", description="Without the #; capitals make no difference.")]


class StoreIn(Strict):
    name: Annotated[str, Field(min_length=1, max_length=255)]
    address: Annotated[str, Field(min_length=1, max_length=1_000)]
    is_open: bool = Field(default=True, description="False: it takes no new bookings, and those it has find another time.")
    terms: slots.Terms


class StoreOut(Out):
    id: str
    organization: Hex32
    name: str
    address: str
    is_open: bool
    terms: slots.Terms


class StoresOut(Out):
    stores: list[StoreOut]
    next: str | None


class FreeSlotOut(Out):
    starts_at: Said
    ends_at: Said
    places: int = Field(description="How many are left.")


class FreeSlotsOut(Out):
    store: str
    time_zone: str
    slots: list[FreeSlotOut]


class CampaignIn(Strict):
    stores: Annotated[list[Annotated[str, Field(pattern="^[0-9a-f]{32}$")]], Field(min_length=1, max_length=500)] | None = Field(
        default=None, description="absent: all of yours"
    )
    price_cents: Annotated[int, Field(ge=0, le=100_000_00)] = Field(default=0, description="0: free.")
    until: Time | None = None


class CampaignOut(Out):
    hashtag: str
    organization: Hex32
    stores: list[str] | None
    price_cents: int
    until: Said | None


class CampaignsOut(Out):
    campaigns: list[CampaignOut]


@router.post("/v1/stores", status_code=201, responses=errors(NotAnAuthenticator))
def add_store(body: StoreIn, caller: Caller, ctx: Ctx, at: Moment, now: Now, new_id: NewId) -> StoreOut:
    """A store where your staff see items."""
    caller.require(Scope.ORGANIZATION)
    with reading(ctx.engine) as connection:
        standing = ctx.intake.authority.read(connection).at(now).standing(caller.organization)
    if not standing.roles & Role.AUTHENTICATOR:
        raise NotAnAuthenticator
    row = {"id": new_id, "organization": caller.organization, "name": body.name, "address": body.address, "created_at": at}
    with writing(ctx.engine) as connection:
        rows.keep_store(connection, row | {"terms": body.terms.model_dump_json(), "is_open": body.is_open, "changed_at": at})
        return shown(rows.store(connection, new_id))


@router.put("/v1/stores/{store}", responses=errors(NoSuchStore))
def put_store(store: str, body: StoreIn, caller: Caller, ctx: Ctx, at: Moment) -> StoreOut:
    """Whole. Bookings at a time when it is closed now go back to their parties, who choose again."""
    caller.require(Scope.ORGANIZATION)
    with writing(ctx.engine) as connection:
        mine(rows.store(connection, store), caller.organization)
        offers.change_terms(connection, store, now=at, terms=body.terms, is_open=body.is_open, name=body.name, address=body.address)
    with writing(ctx.engine) as connection:
        changed = mine(rows.store(connection, store), caller.organization)
        offers.displaced(connection, changed, now=at)
        return shown(changed)


@router.get("/v1/stores", responses=errors())
def list_stores(_caller: Caller, db: Db, after: Annotated[str | None, Query(pattern="^[0-9a-f]{32}$")] = None) -> StoresOut:
    """Stores that take bookings, of all partners."""
    found = rows.all_stores(db, after=after, most=PAGE)
    return StoresOut(stores=[shown(store) for store in found], next=found[-1].id if len(found) == PAGE else None)


@router.get("/v1/stores/{store}", responses=errors(NoSuchStore))
def get_store(store: str, _caller: Caller, db: Db) -> StoreOut:
    return shown(rows.store(db, store))


@router.get("/v1/stores/{store}/slots", responses=errors(NoSuchStore, key=False))
def list_slots(
    store: str,
    _guest: Anonymous,
    db: Db,
    at: Moment,
    start: Annotated[int | None, Query(alias="from", ge=0, le=LATEST, description="Unix seconds; absent: now.")] = None,
    days: Annotated[int, Query(ge=1, le=slots.MOST_DAYS)] = 14,
) -> FreeSlotsOut:
    """Times that have a place left. Instants: what the clock on the store's wall shows follows from its time zone."""
    found = rows.store(db, store)
    if found is None:
        raise NoSuchStore(store=store[:32])
    first = at if start is None else max(at, datetime.fromtimestamp(start, UTC))
    free = settling.free_slots(db, found, first=first, last=first + timedelta(days=days), now=at)
    zone = offers.terms_of(found).time_zone
    return FreeSlotsOut(store=found.id, time_zone=zone, slots=[slot_shown(slot, left) for slot, left in free])


@router.put("/v1/campaigns/{hashtag}", responses=errors(CampaignTaken, NoSuchStore, NotAnAuthenticator))
def put_campaign(hashtag: Hashtag, body: CampaignIn, caller: Caller, ctx: Ctx, at: Moment, now: Now) -> CampaignOut:
    """A hashtag on a platform's listing leads to your stores, at this price."""
    caller.require(Scope.ORGANIZATION)
    until = None if body.until is None else datetime.fromtimestamp(min(body.until, LATEST), UTC)
    with reading(ctx.engine) as connection:
        standing = ctx.intake.authority.read(connection).at(now).standing(caller.organization)
    if not standing.roles & Role.AUTHENTICATOR:
        raise NotAnAuthenticator
    with writing(ctx.engine) as connection:
        offers.keep_campaign(
            connection, caller.organization, hashtag, stores=body.stores, price_cents=body.price_cents, until=until, now=at
        )
        return _campaign(rows.campaign(connection, offers.folded(hashtag)))


@router.get("/v1/campaigns", responses=errors())
def list_campaigns(caller: Caller, db: Db) -> CampaignsOut:
    """Yours."""
    return CampaignsOut(campaigns=[_campaign(row) for row in rows.campaigns_of(db, caller.organization)])


@router.get("/v1/campaigns/{hashtag}", responses=errors(NoSuchCampaign))
def get_campaign(hashtag: Hashtag, _caller: Caller, db: Db) -> CampaignOut:
    """Where a hashtag on a listing leads, and whether it is free."""
    return _campaign(rows.campaign(db, offers.folded(hashtag)))


@router.delete("/v1/campaigns/{hashtag}", status_code=204, responses=errors(NoSuchCampaign))
def end_campaign(hashtag: Hashtag, caller: Caller, ctx: Ctx) -> None:
    """Bookings that came by it keep what they were promised."""
    caller.require(Scope.ORGANIZATION)
    with writing(ctx.engine) as connection:
        found = rows.campaign(connection, offers.folded(hashtag))
        if found is None or found.organization != caller.organization:
            raise NoSuchCampaign
        rows.end_campaign(connection, found.tag)


# --- shapes ----------------------------------------------------------------------------------------------------------


def mine(store: AnyRow | None, organization: bytes) -> AnyRow:
    """Raises NoSuchStore: it is not there, or another partner's."""
    if store is None or store.organization != organization:
        raise NoSuchStore
    return store


def shown(store: AnyRow | None) -> StoreOut:
    """Raises NoSuchStore."""
    if store is None:
        raise NoSuchStore
    return StoreOut(
        id=store.id,
        organization=str(hex_of(store.organization)),
        name=store.name,
        address=store.address,
        is_open=store.is_open,
        terms=offers.terms_of(store),
    )


def slot_shown(slot: slots.Slot, left: int) -> FreeSlotOut:
    return FreeSlotOut(starts_at=str(moment(slot.starts_at)), ends_at=str(moment(slot.ends_at)), places=left)


def _campaign(row: AnyRow | None) -> CampaignOut:
    """Raises NoSuchCampaign."""
    if row is None:
        raise NoSuchCampaign
    stores = None if row.stores is None else orjson.loads(row.stores)
    until = None if row.until is None else moment(utc(row.until))
    return CampaignOut(
        hashtag=row.shown, organization=str(hex_of(row.organization)), stores=stores, price_cents=row.price_cents, until=until
    )
