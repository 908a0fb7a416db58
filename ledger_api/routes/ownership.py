"""An owner's doors: no account and no API key, only the holder's signature. What is signed well is recorded in the service's own name.

The service's organization (the consortium) signs the batch, so that no owner depends on a shop
(docs/decisions/who-carries-for-a-consumer.md). Parse, check the wish, accept, shape.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Depends, Path
from pydantic import Field

from ledger_api.domain.events import Evidence, SequenceNumber
from ledger_api.domain.fields import Address, Bytes32, Signature, Strict, Text, Time
from ledger_api.domain.identifiers import Unreadable, bytes32
from ledger_api.domain.ownership import Deed, SignedWish, check_wish
from ledger_api.domain.parsing import Refusal, parse_event
from ledger_api.domain.reasons import SENTENCES
from ledger_api.domain.terms import detail_of, kind_of, party_of
from ledger_api.errors import (
    ConsentExpired,
    ConsentNotSigned,
    ConsentNotTheHolder,
    ConsentToAnotherChain,
    ConsentToAnotherDeed,
    ConsentToAnotherItem,
    ConsentToAnotherLedger,
    ConsentWithdrawn,
    EventRefused,
    EventUnreadable,
    NotFound,
    UnknownItem,
)
from ledger_api.intake import Order, accept_events
from ledger_api.listings.rows import count_seen, seen_row
from ledger_api.routes.deps import Anonymous, Context, Ctx, Db, NewId, Now, RequestId
from ledger_api.routes.problems import errors, refused
from ledger_api.routes.schemas import EventStatus, Hex32, HexAddress, Moment, Out, hex_of, moment
from ledger_api.store import owning as rows
from ledger_api.store.engine import reading, writing
from ledger_verify.claims import Wish
from ledger_verify.codes import Hold, Kind, Outcome, Reason, Stage
from ledger_verify.hashing import Head, ItemId, is_key
from ledger_verify.state import State, state_from_bytes

router = APIRouter(prefix="/v1/items/{item}", tags=["ownership"])

NOBODY = bytes(32)
LATEST = 253_402_300_800  # the year 10000, where times in words end
Which = Annotated[str, Path(alias="item", description="The item's id.", max_length=66)]
WRONG = (
    ConsentNotSigned,
    ConsentToAnotherChain,
    ConsentToAnotherLedger,
    ConsentToAnotherItem,
    ConsentToAnotherDeed,
    ConsentNotTheHolder,
    ConsentWithdrawn,
    ConsentExpired,
    UnknownItem,
    EventRefused,
    EventUnreadable,
)


# --- bodies ----------------------------------------------------------------------------------------------------------


class ConsentIn(Strict):
    """The EIP-712 `Consent` exactly as it was signed, with its domain: docs/protocol.md §4. Carried by anybody, booked by nobody."""

    chain_id: Annotated[int, Field(ge=1, lt=2**63)]
    ledger: Address
    item: Bytes32
    head: Bytes32
    action: Annotated[int, Field(ge=1, le=255)]
    old_holder: Bytes32
    new_holder: Bytes32
    detail: Annotated[str, Field(pattern=r"^(0|[1-9][0-9]{0,19})$", description="Decimal: it has 64 bits.")]
    deadline: Annotated[int, Field(ge=0, lt=LATEST, description="Unix seconds.")]
    signature: Signature

    def signed(self) -> SignedWish:
        wish = Wish(
            self.action, ItemId(self.item), Head(self.head), self.old_holder, self.deadline, self.new_holder, int(self.detail) % 2**64
        )
        return SignedWish(wish, self.chain_id, self.ledger, self.signature)


class Signed(Strict):
    """What every owner's wish has. `occurred_at` absent: now."""

    consent: ConsentIn
    occurred_at: Time | None = None


class TransferIn(Signed):
    new_holder: Annotated[str, Field(max_length=255, description="A claim key's address, or an organization's DID.")]


class HoldIn(Signed):
    hold: Literal["lost", "stolen"]


class ReleaseIn(Signed):
    hold: Literal["lost", "stolen", "disputed"]


class DisputeIn(Signed):
    sequence: SequenceNumber | None = Field(default=None, description="Of the disputed event; absent: the effective verdict.")
    grounds: Text
    evidence: Evidence = Field(default_factory=list, description="SHA-256 of what you can show.")


class VetoIn(Signed):
    phase: Literal["veto"] = "veto"


class RetireIn(Signed):
    reason: Text | None = None


# --- answers ---------------------------------------------------------------------------------------------------------


class HeldOut(Out):
    """A hold as the chain tells it of every item, hidden ones too: never who."""

    hold: str
    by: Literal["owner", "organization"]
    since: Moment | None = Field(description="Null while it is accepted and not yet recorded.")
    until: Moment | None


class TermsOut(Out):
    """What a page needs to build a consent, as of the item's last accepted event."""

    chain_id: int
    ledger: HexAddress
    item: Hex32
    head: Hex32
    stage: str
    holder: Literal["key", "organization"]
    is_holder: bool | None = Field(description="Whether the `key` that was asked for holds the item; null when none was.")
    verdict: str | None = Field(description="The opinion in effect; null: there is none.")
    holds: list[HeldOut] = Field(description="Those that bar a change of hands now.")
    is_settled: bool = Field(description="False while an event of the item is accepted and not yet recorded.")
    stolen_release_at: Moment | None = Field(description="From when the second release of *stolen* counts; null: none was begun.")
    recovery_ready_at: Moment | None
    now: Moment


class WishOut(Out):
    status: EventStatus
    event_id: Hex32
    submission: str | None
    follow: str = Field(description="Where to ask what becomes of it; no key is needed.")


class StandingOut(Out):
    event_id: Hex32
    kind: str
    status: EventStatus
    reason: str | None
    message: str | None


@router.get("/consent-terms", responses=errors(UnknownItem, key=False))
def get_consent_terms(which: Which, _guest: Anonymous, ctx: Ctx, db: Db, now: Now, key: str | None = None) -> TermsOut:
    """What has to stand in a consent that is signed now. `key` (an address): does it hold the item?"""
    item = item_of(which)
    found = rows.tip(db, item)
    if found is None:
        raise UnknownItem
    state = state_from_bytes(found.state)
    return TermsOut(
        chain_id=ctx.network.chain_id,
        ledger="0x" + ctx.network.ledger.hex(),
        item=str(hex_of(item)),
        head=str(hex_of(state.head)),
        stage=Stage(state.stage).name.lower(),
        holder="key" if is_key(state.holder) else "organization",
        is_holder=None if key is None else _held_by(state, key),
        verdict=Outcome(state.verdict).code if state.verdict else None,
        holds=_holds(ctx, item, state, now),
        is_settled=found.is_settled,
        stolen_release_at=moment(state.aside.stolen_release_at or None),
        recovery_ready_at=moment(state.aside.recovery_ready_at or None),
        now=str(moment(now)),
    )


def _holds(ctx: Context, item: bytes, state: State, now: int) -> list[HeldOut]:
    """Since when, the passport knows, which is kept for hidden items too."""
    if not state.holds:
        return []
    found = ctx.passports.by_item(item)
    since = {} if found is None else {told["hold"]: told["since"] for told in orjson.loads(found.passport)["holds"]}
    until = {Hold.IN_VERIFICATION: state.aside.verification_until}
    return [
        HeldOut(
            hold=hold.code,
            by="owner" if is_key(state.aside.setters[hold]) else "organization",
            since=since.get(hold.code),
            until=moment(until.get(hold)),
        )
        for hold in Hold
        if state.holds & hold.bit and until.get(hold, now) >= now
    ]


def item_of(text: str) -> bytes:
    try:
        return bytes32(text)
    except Unreadable as error:
        raise UnknownItem(error.message) from error


def _held_by(state: State, key: str) -> bool:
    return is_key(state.holder) and "0x" + state.holder[12:].hex() == key.lower()


# --- wishes ----------------------------------------------------------------------------------------------------------


class Wishing:
    """One owner's wish on its way through the door."""

    def __init__(self, _guest: Anonymous, ctx: Ctx, now: Now, new_id: NewId, request_id: RequestId) -> None:
        self._ctx: Context = ctx
        self._now = now
        self._order = Order(organization=ctx.network.consortium, now=now, submission=new_id, request_id=request_id)

    def record(self, which: str, body: Signed, event: dict[str, Any]) -> WishOut:
        """Raises UnknownItem, what `check_wish` raises, EventRefused, EventUnreadable."""
        item = item_of(which)
        signed = body.consent.signed()
        with reading(self._ctx.engine) as connection:
            found = rows.tip(connection, item)
        if (known := self._sent_already(item, signed)) is not None:  # after the tip, which it may have moved
            return self._answer(item, known.event_id, known.submission)
        parsed = parse_event(self._whole(item, body, event))
        if isinstance(parsed, Refusal):
            raise EventUnreadable(parsed.message, reason=parsed.reason.code, field=parsed.field)
        deed = Deed(int(kind_of(parsed)), party_of(parsed), detail_of(parsed))
        if found is None:
            raise UnknownItem
        try:
            check_wish(signed, deed, item=item, state=state_from_bytes(found.state), network=self._ctx.network, now=self._now)
        except ConsentNotTheHolder:
            self._count_spent(item, signed.wish.old_holder)
            raise
        result = accept_events(self._ctx.intake, [parsed], self._order).results[0]
        if result.reason is not None:
            if (known := self._sent_already(item, signed)) is not None:  # twice at once: the other was first
                return self._answer(item, known.event_id, known.submission)
            raise refused(result.reason)(result.message, reason=result.reason.code, field=result.at, facts=result.facts)
        return self._answer(item, result.event_id or NOBODY, result.submission or self._order.submission)

    def _sent_already(self, item: bytes, signed: SignedWish) -> Any | None:
        with reading(self._ctx.engine) as connection:
            return rows.sent_already(connection, item=item, head=signed.wish.head, kind=signed.wish.action, signature=signed.signature)

    def _count_spent(self, item: bytes, key: bytes) -> None:
        """A key that held the item once is tried after the sale: a sign of a second card. Any other key says nothing of the item."""
        at = datetime.fromtimestamp(self._now, UTC)
        with writing(self._ctx.engine) as connection:
            if rows.has_held(connection, item=item, key=key):
                count_seen(connection, [seen_row(item, "spent-key", at)])

    def _whole(self, item: bytes, body: Signed, event: dict[str, Any]) -> dict[str, Any]:
        return event | {
            "item": {"id": "0x" + item.hex()},
            "occurred_at": moment(self._now if body.occurred_at is None else body.occurred_at),
            "consent": {"deadline": moment(body.consent.deadline), "signature": "0x" + body.consent.signature.hex()},
        }

    def _answer(self, item: bytes, event_id: bytes, submission: str | None) -> WishOut:
        with reading(self._ctx.engine) as connection:
            found = rows.standing(connection, item=item, event_id=event_id)
        follow = f"/v1/items/0x{item.hex()}/events/0x{event_id.hex()}"
        return WishOut(status=found.status if found else "accepted", event_id=str(hex_of(event_id)), submission=submission, follow=follow)


AWishing = Annotated[Wishing, Depends()]


@router.post("/claim", status_code=202, responses=errors(*WRONG, key=False))
def claim_item(which: Which, body: TransferIn, wishing: AWishing) -> WishOut:
    """The first thing to do with a claim card: move the item from the card's key to one that nobody else has seen."""
    return wishing.record(which, body, {"kind": "transfer", "new_holder": body.new_holder})


@router.post("/transfer", status_code=202, responses=errors(*WRONG, key=False))
def transfer_item(which: Which, body: TransferIn, wishing: AWishing) -> WishOut:
    """Give the item to another key, or back to an organization. The head binds it: what the buyer saw is what changes hands."""
    return wishing.record(which, body, {"kind": "transfer", "new_holder": body.new_holder})


@router.post("/hold", status_code=202, responses=errors(*WRONG, key=False))
def hold_item(which: Which, body: HoldIn, wishing: AWishing) -> WishOut:
    """Report it lost or stolen: from the next block on nobody can sell it, and every platform that asks is told."""
    return wishing.record(which, body, {"kind": "hold", "hold": body.hold})


@router.post("/release", status_code=202, responses=errors(*WRONG, key=False))
def release_item(which: Which, body: ReleaseIn, wishing: AWishing) -> WishOut:
    """Lift a hold of yours. *Stolen* takes two releases, the second 72 hours after the first."""
    return wishing.record(which, body, {"kind": "release", "hold": body.hold})


@router.post("/dispute", status_code=202, responses=errors(*WRONG, key=False))
def dispute_item(which: Which, body: DisputeIn, wishing: AWishing) -> WishOut:
    """Contradict a verdict (or another event), with grounds. The brand rules; nothing is erased."""
    payload = {"grounds": body.grounds} | ({"evidence": body.evidence} if body.evidence else {})
    sequence = {"sequence": body.sequence} if body.sequence is not None else {}
    return wishing.record(which, body, {"kind": "dispute", "payload": payload, **sequence})


@router.post("/recovery", status_code=202, responses=errors(*WRONG, key=False))
def veto_recovery(which: Which, body: VetoIn, wishing: AWishing) -> WishOut:
    """You still have your key, and somebody asks the brand to replace it: say no. (A brand requests and completes by `POST /v1/events`.)"""
    return wishing.record(which, body, {"kind": "recovery", "phase": body.phase})


@router.post("/retire", status_code=202, responses=errors(*WRONG, key=False))
def retire_item(which: Which, body: RetireIn, wishing: AWishing) -> WishOut:
    """The item is no more. Opinions and corrections may still follow, nothing else."""
    return wishing.record(which, body, {"kind": "retire", "payload": {"reason": body.reason} if body.reason else {}})


@router.get("/events/{event_id}", responses=errors(NotFound, key=False))
def get_item_event(which: Which, event_id: str, _guest: Anonymous, db: Db) -> StandingOut:
    """How far an event of this item is. Whoever knows its id may ask."""
    try:
        wanted = bytes32(event_id)
    except Unreadable as error:
        raise NotFound(error.message) from error
    row = rows.standing(db, item=item_of(which), event_id=wanted)
    if row is None:
        raise NotFound("There is no such event of this item.")
    reason = None if row.reason is None else Reason(row.reason)
    return StandingOut(
        event_id=str(hex_of(wanted)),
        kind=Kind(row.kind).code,
        status=row.status,
        reason=None if reason is None else reason.code,
        message=None if reason is None else SENTENCES[reason],
    )
