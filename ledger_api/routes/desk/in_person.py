"""An item on the counter: opened by whoever examines it, photographed, signed for by its presenter and its brand."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import orjson
from fastapi import APIRouter
from pydantic import Field
from sqlalchemy import Connection

from ledger_api.auth import Scope
from ledger_api.desk import in_person, life, policy
from ledger_api.desk.asking import NewCase
from ledger_api.desk.errors import (
    CaseMoved,
    CategoryNotServed,
    DeskClosed,
    NoSuchCase,
    NotAnAppraiser,
    NotClaimed,
    NotInPerson,
    PhotosAway,
    ReferenceInvalid,
    ReferenceTaken,
    TooManyShots,
    UnknownShot,
)
from ledger_api.desk.rows import cases as rows
from ledger_api.desk.rows import queue as line
from ledger_api.domain.events import CategoryName
from ledger_api.domain.fields import Address, Bytes32, Did, Gtin, Serial, Signature, Strict
from ledger_api.domain.parsing import Refusal
from ledger_api.errors import EventRefused, EventUnreadable, Forbidden, InvalidBody, KeyMissing
from ledger_api.intake.drafting import Draft, draft
from ledger_api.routes.deps import Caller, Context, Ctx, Db, NewId, RawBody
from ledger_api.routes.desk.cases import PHOTO_ERRORS, References, ShotAnswerOut
from ledger_api.routes.desk.deps import AnyRow, Appraiser, Moment, Photos
from ledger_api.routes.desk.queue import DeskCaseOut, desk_case
from ledger_api.routes.problems import errors, refused
from ledger_api.routes.schemas import Hex32, Out, hex_of
from ledger_api.store.engine import lock_items, reading, writing
from ledger_verify.hashing import OrganizationId
from ledger_verify.transition import Reason

router = APIRouter(prefix="/v1/desk", tags=["desk"])

Days = Annotated[int, Field(ge=1, le=90, description="For how long the signature is good; a brand that signs too has as long.")]


class InPersonIn(Strict):
    brand: Did
    category: CategoryName
    gtin: Gtin | None = None
    serial: Serial | None = None
    item: Bytes32 | None = Field(default=None, description="Its id, where the ledger knows it.")
    reference: Annotated[str, Field(min_length=1, max_length=64)] | None = Field(default=None, description="Yours; used once.")
    value_eur: Annotated[int, Field(ge=0, le=100_000_000)] | None = None
    notes: Annotated[str, Field(max_length=2_000)] = ""
    references: References = Field(default={}, description="The piece's numbers beside its serial, by the names of the desk's policy.")


class PresenterIn(Strict):
    presenter_key: Address = Field(description="The fresh claim key of whoever presents the item: the owner's key from then on.")
    days: Days = 14


class PresentedIn(Strict):
    presenter_key: Address
    deadline: Annotated[int, Field(ge=0)] = Field(description="`message.deadline` of what was signed.")
    signature: Signature


class ToSignOut(Out):
    item: Hex32
    typed_data: dict[str, Any] = Field(description="EIP-712 (`eth_signTypedData_v4`).")


class EndorsedIn(Strict):
    endorser: Address = Field(description="A signer of the brand.")
    signature: Signature


@router.post("/in-person", status_code=201, responses=errors(NotAnAppraiser, CategoryNotServed, ReferenceInvalid, ReferenceTaken))
def open_in_person(body: InPersonIn, who: Appraiser, ctx: Ctx, at: Moment, new_id: NewId) -> DeskCaseOut:
    """Open a case about an item that lies before you. It is on your desk at once; send photos of what you see, and decide."""
    new = NewCase(
        who.organization,
        body.brand,
        body.category,
        body.gtin,
        body.serial,
        body.item,
        body.value_eur,
        body.notes,
        reference=body.reference,
        references=body.references,
    )
    with writing(ctx.engine) as connection:
        lock_items(connection, [who.organization])  # one at a time: two do not both find that the reference is free
        if body.reference is not None and rows.by_reference(connection, who.organization, body.reference) is not None:
            raise ReferenceTaken(reference=body.reference)
        terms = policy.read(connection, who.organization)
        case = in_person.open_in_person(connection, who, new, terms, id=new_id, now=at)
        return desk_case(connection, case, who)


@router.put(
    "/cases/{case}/shots/{name}",
    status_code=201,
    responses=errors(NotAnAppraiser, NotClaimed, NotInPerson, UnknownShot, TooManyShots, CaseMoved, DeskClosed, PhotosAway, *PHOTO_ERRORS),
)
def take_shot(case: str, name: str, body: RawBody, who: Appraiser, vault: Photos, ctx: Ctx, at: Moment, new_id: NewId) -> ShotAnswerOut:
    """A photo (the body) of an item that you examine in person, answered at once: good, or what to do better.

    The required shots of its category are there before you decide, unless your policy only asks for them (`photos_in_person`).
    """
    answer = in_person.take_shot(ctx.engine, vault, who, case, name, body, id=new_id, now=at)
    return ShotAnswerOut(photo=answer.id, name=name, attempt=answer.attempt, state=answer.state, defects=list(answer.defects))  # type: ignore[arg-type]  # good or poor


@router.post("/cases/{case}/presenter-draft", responses=errors(NotAnAppraiser, NotClaimed, NotInPerson, EventUnreadable, EventRefused))
def draft_presenter(case: str, body: PresenterIn, who: Appraiser, ctx: Ctx, at: Moment) -> ToSignOut:
    """What whoever presents an item without history signs, so that it can be enrolled in their hand when you find it authentic."""
    return to_present(ctx, who, case, body, at)


@router.put(
    "/cases/{case}/presenter",
    status_code=204,
    responses=errors(NotAnAppraiser, NoSuchCase, NotClaimed, NotInPerson, EventUnreadable, EventRefused),
)
def keep_presenter(case: str, body: PresentedIn, who: Appraiser, ctx: Ctx, at: Moment) -> None:
    """The presenter's signature over what the draft said."""
    keep_signature(ctx, who, case, body, at)


def to_present(ctx: Context, who: AnyRow, case: str, body: PresenterIn, at: datetime) -> ToSignOut:
    """Raises NotClaimed, NotInPerson, EventUnreadable, EventRefused."""
    with reading(ctx.engine) as connection:
        found = _mine(connection, case, who)
    drafted = _drafted(ctx, found, in_person.unsigned("0x" + body.presenter_key.hex(), at + timedelta(days=body.days)), at)
    assert drafted.consent is not None
    return ToSignOut(item=str(hex_of(drafted.item)), typed_data=drafted.consent)


def keep_signature(ctx: Context, who: AnyRow, case: str, body: PresentedIn, at: datetime) -> None:
    """Raises NotClaimed, NotInPerson, InvalidBody, EventUnreadable, EventRefused: it is not that key's."""
    with reading(ctx.engine) as connection:
        found = _mine(connection, case, who)
    presenter = in_person.unsigned("0x" + body.presenter_key.hex(), _in_time(body.deadline, at))
    drafted = _drafted(ctx, found, presenter, at)
    if drafted.consent is None or not in_person.is_signed_by(
        drafted.consent, ctx.network.domain_separator, body.signature, body.presenter_key
    ):
        raise _invalid()
    presenter["consent"]["signature"] = "0x" + body.signature.hex()
    with writing(ctx.engine) as connection:
        in_person.keep_presenter(connection, who, case, presenter, now=at)


@router.get("/cases/{case}/endorsement", responses=errors(NoSuchCase, CaseMoved, EventUnreadable, EventRefused))
def draft_endorsement(case: str, caller: Caller, ctx: Ctx, db: Db, at: Moment) -> ToSignOut:
    """What a brand that is a member signs so that its item can be enrolled; for the authenticator and for the brand."""
    found = _awaiting(db, caller, case)
    drafted = _drafted(ctx, found, _to_endorse(found), at)
    assert drafted.endorsement is not None
    return ToSignOut(item=str(hex_of(drafted.item)), typed_data=drafted.endorsement)


@router.put("/cases/{case}/endorsement", status_code=204, responses=errors(NoSuchCase, CaseMoved, EventUnreadable, EventRefused))
def keep_endorsement(case: str, body: EndorsedIn, caller: Caller, ctx: Ctx, at: Moment) -> None:
    """The brand's signature; the enrolment is on its way then."""
    with reading(ctx.engine) as connection:
        found = _awaiting(connection, caller, case)
        registry = ctx.intake.authority.read(connection)
        speaks = any(registry.is_signer(one, body.endorser) for one in {found.brand, registry.successors.get(found.brand, found.brand)})
    presenter = _to_endorse(found)
    drafted = _drafted(ctx, found, presenter, at)
    assert drafted.endorsement is not None
    if not speaks or not in_person.is_endorsed_by(drafted.endorsement, ctx.network.domain_separator, body.signature, body.endorser):
        raise _invalid()
    signed = {"endorser": "0x" + body.endorser.hex(), "signature": "0x" + body.signature.hex()}
    with writing(ctx.engine) as connection:
        in_person.keep_endorsement(connection, case, presenter["endorsement"] | signed, now=at)


@router.post(
    "/cases/{case}/endorsement", status_code=204, responses=errors(NoSuchCase, CaseMoved, KeyMissing, EventUnreadable, EventRefused)
)
def let_service_endorse(case: str, caller: Caller, ctx: Ctx, at: Moment) -> None:
    """The brand agrees to what `GET …/endorsement` says, and the service signs it with the key that it keeps for the brand."""
    with reading(ctx.engine) as connection:
        found = _awaiting(connection, caller, case)
    if found.brand != caller.organization:
        raise Forbidden("Only the brand agrees to it.")
    if not ctx.keeps_key(caller.organization):
        raise KeyMissing("The service keeps no signing key of yours: sign what is to be signed, and send the signature by PUT.")
    presenter = _to_endorse(found)
    _drafted(ctx, found, presenter, at)
    with writing(ctx.engine) as connection:
        in_person.keep_endorsement(connection, case, presenter["endorsement"], now=at)


def _mine(connection: Connection, case: str, who: AnyRow) -> AnyRow:
    if line.held(connection, case, who.id) is None:
        raise NotClaimed(case=case)
    found = rows.case(connection, case)
    assert found is not None
    return found


def _awaiting(connection: Connection, caller: Caller, case: str) -> AnyRow:
    found = rows.case(connection, case)
    if found is None or caller.organization not in (found.authenticator, found.brand):
        raise NoSuchCase
    if not caller.has(Scope.ORGANIZATION):
        raise Forbidden(f"This needs the scope {Scope.ORGANIZATION.value}.", scope=Scope.ORGANIZATION.value)
    if not life.awaits_endorsement(found):
        raise CaseMoved(case=case, state=found.state, expected=["recording"])
    return found


def _to_endorse(case: AnyRow) -> dict[str, Any]:
    """What the presenter signed, with an endorsement that lacks its signature."""
    presenter: dict[str, Any] = orjson.loads(case.presenter)
    return presenter | {"endorsement": in_person.unsigned_endorsement(presenter)}


def _drafted(ctx: Context, case: AnyRow, presenter: dict[str, Any], at: datetime) -> Draft:
    """Raises NotInPerson, EventUnreadable, EventRefused."""
    if not life.is_presentable(case):
        raise NotInPerson(case=case.id)
    with reading(ctx.engine) as connection:
        days = policy.read(connection, case.authenticator).verdict_days
    event = in_person.enrolment_event(case, presenter, now=at, days=days)
    found = draft(ctx.intake, event, organization=OrganizationId(case.authenticator))
    if isinstance(found, Refusal):
        raise refused(found.reason)(found.message, reason=found.reason.code, field=found.field)
    return found


def _in_time(deadline: int, at: datetime) -> datetime:
    """Raises InvalidBody."""
    latest = at + timedelta(days=90)
    if not at.timestamp() < deadline <= latest.timestamp():
        raise InvalidBody("The deadline is in the future, and at most ninety days away.", field="body.deadline")
    return datetime.fromtimestamp(deadline, UTC)


def _invalid() -> EventRefused:
    reason = Reason.CONSENT_INVALID
    return EventRefused("The signature is not that key's over what is to be signed.", reason=reason.code)
