"""Labels: printed in sheets, bound by a scan, reported, and looked up by anybody who holds an item."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field

from ledger_api.auth import Scope
from ledger_api.columns import utc
from ledger_api.desk.booking import labels, rows
from ledger_api.desk.booking.rows import AnyRow
from ledger_api.desk.errors import ItemHasALabel, LabelMoved, NoSuchBooking, NoSuchLabel, NoSuchStore, NotAnAppraiser, NoVerdictToLabel
from ledger_api.domain.fields import Strict
from ledger_api.routes.booking.stores import mine
from ledger_api.routes.deps import Anonymous, Caller, Ctx, Db
from ledger_api.routes.desk.deps import Appraiser, Moment
from ledger_api.routes.problems import errors
from ledger_api.routes.schemas import Hex32, Out, hex_of, moment
from ledger_api.routes.schemas import Moment as Said
from ledger_api.store.engine import writing

router = APIRouter(tags=["labels"])

PAGE = 200
MEANINGS = " · ".join(f"`{state}`: {meaning}" for state, meaning in labels.STATES.items())
Serial = Annotated[str, Field(min_length=1, max_length=32)]


class PrintIn(Strict):
    store: Annotated[str, Field(pattern="^[0-9a-f]{32}$")]
    count: Annotated[int, Field(ge=1, le=labels.MOST_AT_ONCE)] = 24


class ActivateIn(Strict):
    serial: Serial
    booking: Annotated[str, Field(pattern="^[0-9a-f]{32}$")]


class ReportIn(Strict):
    serial: Serial
    trouble: Literal["damaged", "lost", "void"]
    why: Annotated[str, Field(min_length=1, max_length=1_000)]


class LabelOut(Out):
    serial: str
    state: str = Field(description=MEANINGS)
    store: str
    item: Hex32 | None
    booking: str | None
    activated_at: Said | None
    ended_at: Said | None
    ended_why: str | None


class LabelsOut(Out):
    labels: list[LabelOut]
    printed: int = Field(description="How many wait in the store's drawer.")
    next: str | None


class PublicLabelOut(Out):
    """What anybody may know of a label that was fixed."""

    serial: str
    state: str = Field(description=MEANINGS)
    item: Hex32 = Field(description="The item it was fixed on: compare it with what you hold.")
    verdict: Hex32 = Field(description="The store's opinion, an event on the ledger. What counts now stands in the item's passport.")
    authenticator: Hex32
    store: str = Field(description="Its name.")
    fixed_at: Said
    ended_at: Said | None
    passport: str


@router.post("/v1/desk/labels", status_code=201, response_class=Response, responses=errors(NotAnAppraiser, NoSuchStore))
def print_labels(body: PrintIn, who: Appraiser, ctx: Ctx, at: Moment) -> Response:
    """New labels as a sheet to be printed (PDF, A4, 24 a page). They say nothing until one is bound to an item."""
    with writing(ctx.engine) as connection:
        store = mine(rows.store(connection, body.store), who.organization)
        serials = labels.print_labels(connection, store, count=body.count, now=at)
    printed = labels.sheet(serials, base_url=ctx.settings.base_url, store=store.name)
    headers = {"Content-Disposition": 'attachment; filename="labels.pdf"', "Cache-Control": "private, no-store"}
    return Response(printed, status_code=201, media_type="application/pdf", headers=headers)


@router.get("/v1/desk/labels", responses=errors(NotAnAppraiser, NoSuchStore))
def list_labels(
    who: Appraiser,
    db: Db,
    store: Annotated[str, Query(pattern="^[0-9a-f]{32}$")],
    after: Annotated[str | None, Query(max_length=16)] = None,
) -> LabelsOut:
    """A store's labels, by serial."""
    mine(rows.store(db, store), who.organization)
    found = rows.labels_of(db, who.organization, store_id=store, after=after, most=PAGE)
    following = found[-1].serial if len(found) == PAGE else None
    return LabelsOut(labels=[_shown(label) for label in found], printed=rows.printed(db, store), next=following)


@router.post(
    "/v1/desk/labels/activate",
    responses=errors(NotAnAppraiser, NoSuchLabel, NoSuchBooking, LabelMoved, NoVerdictToLabel, ItemHasALabel),
)
def activate_label(body: ActivateIn, who: Appraiser, ctx: Ctx, at: Moment) -> LabelOut:
    """A scan: the label is on the item, whose verdict stands on the ledger. One live label for each item."""
    with writing(ctx.engine) as connection:
        return _shown(labels.activate(connection, who.organization, body.serial, body.booking, by=who.id, now=at))


@router.post("/v1/desk/labels/report", responses=errors(NoSuchLabel, LabelMoved))
def report_label(body: ReportIn, caller: Caller, ctx: Ctx, at: Moment) -> LabelOut:
    """Damaged, lost or void: it counts no more, and another may be fixed. By an appraiser, or with the scope `organization`."""
    if not caller.has(Scope.DESK):
        caller.require(Scope.ORGANIZATION)
    with writing(ctx.engine) as connection:
        return _shown(labels.report(connection, caller.organization, body.serial, body.trouble, body.why, now=at))


@router.get("/v1/labels/{serial}", responses=errors(NoSuchLabel, key=False))
def get_label(serial: str, _guest: Anonymous, db: Db) -> PublicLabelOut:
    """What a label on an item says, and whether it still counts."""
    found = labels.find(db, serial[:32])
    return public(found, rows.store(db, found.store))


def public(label: AnyRow, store: AnyRow | None) -> PublicLabelOut:
    return PublicLabelOut(
        serial=labels.spaced(label.serial),
        state=label.state,
        item=str(hex_of(label.item)),
        verdict=str(hex_of(label.verdict_event)),
        authenticator=str(hex_of(label.organization)),
        store="" if store is None else store.name,
        fixed_at=str(moment(utc(label.activated_at))),
        ended_at=None if label.ended_at is None else moment(utc(label.ended_at)),
        passport=f"/v1/items/0x{label.item.hex()}",
    )


def _shown(label: AnyRow) -> LabelOut:
    return LabelOut(
        serial=labels.spaced(label.serial),
        state=label.state,
        store=label.store,
        item=hex_of(label.item),
        booking=label.booking,
        activated_at=None if label.activated_at is None else moment(utc(label.activated_at)),
        ended_at=None if label.ended_at is None else moment(utc(label.ended_at)),
        ended_why=label.ended_why,
    )
