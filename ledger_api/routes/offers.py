"""Handing over, in two halves: the owner leaves a signed consent for one buyer's key; the buyer sees whether it is for what he saw.

An offer is only ever a consent: what it is worth is decided anew each time somebody asks, from the item's present head.
"""

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Response
from pydantic import Field

from ledger_api.domain.fields import Strict
from ledger_api.domain.identifiers import Unreadable, address
from ledger_api.domain.ownership import Deed, check_wish
from ledger_api.errors import InvalidBody, UnknownItem
from ledger_api.routes.deps import Anonymous, Ctx, Db, Now
from ledger_api.routes.ownership import WRONG, ConsentIn, Which, item_of
from ledger_api.routes.problems import errors
from ledger_api.routes.schemas import Hex32, HexAddress, Moment, Out, hex_of, moment
from ledger_api.store import offers as rows
from ledger_api.store import owning
from ledger_api.store.engine import writing
from ledger_verify.codes import Kind
from ledger_verify.hashing import claim_holder
from ledger_verify.state import State, state_from_bytes

router = APIRouter(prefix="/v1/items/{item}/offers/{buyer}", tags=["ownership"])

Buyer = Annotated[str, Path(alias="buyer", description="The address of the buyer's fresh key.", max_length=42)]
Standing = Literal["none", "open", "withdrawn", "expired", "taken"]


class OfferIn(Strict):
    consent: ConsentIn = Field(description="To a transfer of this item to this buyer's key.")


class OfferOut(Out):
    item: Hex32
    buyer: HexAddress
    standing: Standing = Field(
        description="`open`: take it now. `withdrawn`: something happened to the item since it was signed. `taken`: the buyer holds it."
    )
    head: Hex32 = Field(description="The item's history now.")
    offered_head: Hex32 | None = Field(description="The history that the owner agreed to: compare it with what you were shown.")
    old_holder: Hex32 | None
    deadline: Moment | None
    deadline_seconds: int | None
    signature: str | None


@router.put("", status_code=204, responses=errors(*WRONG, key=False))
def put_offer(which: Which, to: Buyer, body: OfferIn, _guest: Anonymous, ctx: Ctx, now: Now) -> Response:
    """Leave a consent for the buyer. Nothing is recorded until the buyer takes it; any event of the item withdraws it."""
    item, buyer, signed = item_of(which), _buyer(to), body.consent.signed()
    deed = Deed(int(Kind.TRANSFER), claim_holder(buyer), 0)
    with writing(ctx.engine) as connection:
        found = owning.tip(connection, item)
        if found is None:
            raise UnknownItem
        check_wish(signed, deed, item=item, state=state_from_bytes(found.state), network=ctx.network, now=now)
        wish = signed.wish
        offer = {"item": item, "buyer": buyer, "head": wish.head, "old_holder": wish.old_holder, "deadline": wish.deadline}
        rows.keep(connection, offer | {"signature": signed.signature}, now=datetime.fromtimestamp(now, UTC))
    return Response(status_code=204)


@router.get("", responses=errors(UnknownItem, key=False))
def get_offer(which: Which, to: Buyer, _guest: Anonymous, db: Db, now: Now) -> OfferOut:
    """Before you pay: is there a consent to your key, and is it for the item as it is now?"""
    item, buyer = item_of(which), _buyer(to)
    tip = owning.tip(db, item)
    if tip is None:
        raise UnknownItem
    state, offer = state_from_bytes(tip.state), rows.find(db, item, buyer)
    return OfferOut(
        item=str(hex_of(item)),
        buyer="0x" + buyer.hex(),
        standing=_standing(state, buyer, None if offer is None else (offer.head, offer.deadline), now),
        head=str(hex_of(state.head)),
        offered_head=None if offer is None else hex_of(offer.head),
        old_holder=None if offer is None else hex_of(offer.old_holder),
        deadline=None if offer is None else moment(offer.deadline),
        deadline_seconds=None if offer is None else offer.deadline,
        signature=None if offer is None else "0x" + offer.signature.hex(),
    )


def _standing(state: State, buyer: bytes, offer: tuple[bytes, int] | None, now: int) -> Standing:
    if state.holder == claim_holder(buyer):
        return "taken"
    if offer is None:
        return "none"
    head, deadline = offer
    if head != state.head:
        return "withdrawn"
    return "expired" if deadline < now else "open"


def _buyer(text: str) -> bytes:
    try:
        return address(text)
    except Unreadable as error:
        raise InvalidBody(error.message, field="path.buyer", reason=error.reason.code) from error
