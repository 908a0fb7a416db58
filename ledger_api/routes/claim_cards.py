"""Claim cards for shops whose till cannot make one: made here, kept until the shop says that it has the card, then forgotten.

The secret is never stored. A row keeps a salt; the card follows from it and a key of the keyring, so the same request gives the same card
as often as a broken connection asks for it. Acknowledging destroys the salt. A shop that can, makes its cards itself
(`ledger_verify/claims.py`, the page `/shop`) and sends an address alone.
"""

import hashlib
import secrets
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from pydantic import Field
from sqlalchemy.exc import IntegrityError as RowExists

from ledger_api.domain.fields import Bytes32, Strict
from ledger_api.errors import DatabaseBusy, IdempotencyMismatch, NotFound, UnknownItem
from ledger_api.routes.deps import Context, Ctx, Db, NewId, Now, Writer
from ledger_api.routes.problems import errors
from ledger_api.routes.schemas import Hex32, HexAddress, Moment, Out, hex_of, moment
from ledger_api.store import claim_cards as rows
from ledger_api.store import owning
from ledger_api.store.engine import reading, writing
from ledger_api.store.erasing import settle_files
from ledger_verify import claims
from ledger_verify.hashing import ItemId

router = APIRouter(prefix="/v1/claim-cards", tags=["ownership"])

SALT_BYTES = 32
RequestKey = Annotated[
    str, Header(alias="Idempotency-Key", min_length=1, max_length=255, description="One per sale: the same key gives the same card again.")
]


class CardIn(Strict):
    item: Bytes32 = Field(description="The id of the item that is being sold.")


class CardOut(Out):
    id: str
    item: Hex32
    claim_key: HexAddress = Field(description="For the sale's `claim_key`.")
    text: str | None = Field(description="The secret as it is printed; null once acknowledged.")
    link: str | None = Field(description="The same as an address for a QR code: the secret stands behind the # and is never sent.")
    created_at: Moment
    acknowledged_at: Moment | None


class CardsOut(Out):
    cards: list[CardOut]
    next: str | None


@router.post("", status_code=201, responses=errors(UnknownItem, IdempotencyMismatch))
def make_card(body: CardIn, caller: Writer, ctx: Ctx, now: Now, new_id: NewId, idempotency_key: RequestKey) -> CardOut:
    """A card for the buyer of an item. Print it, record the sale to its `claim_key`, then acknowledge it."""
    request = hashlib.sha256(idempotency_key.encode()).digest()
    for _ in range(2):
        with reading(ctx.engine) as connection:
            known = rows.by_request(connection, caller.organization, request)
            if known is None and owning.tip(connection, body.item) is None:
                raise UnknownItem
        if known is not None:
            if known.item != body.item:
                raise IdempotencyMismatch
            return _shown(ctx, known)
        salt = secrets.token_bytes(SALT_BYTES)
        address = claims.address_of(claims.claim_key(ctx.card_secret(salt)))
        card = {"id": new_id, "organization": caller.organization, "request": request, "item": body.item, "address": address, "salt": salt}
        try:
            with writing(ctx.engine) as connection:
                rows.keep(connection, card | {"created_at": datetime.fromtimestamp(now, UTC)})
        except RowExists:  # the same request at the same time: its card is the one
            continue
        with reading(ctx.engine) as connection:
            return _shown(ctx, rows.find(connection, caller.organization, new_id))
    raise DatabaseBusy


@router.get("", responses=errors())
def list_cards(
    caller: Writer,
    ctx: Ctx,
    db: Db,
    after: Annotated[str, Query(max_length=32)] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> CardsOut:
    """Cards of your shop that nobody has acknowledged: print them again, or acknowledge them."""
    found = rows.waiting(db, caller.organization, after=after, most=limit)
    return CardsOut(cards=[_shown(ctx, row) for row in found], next=found[-1].id if len(found) == limit else None)


@router.get("/{card}", responses=errors(NotFound))
def get_card(card: str, caller: Writer, ctx: Ctx, db: Db) -> CardOut:
    return _shown(ctx, _owned(rows.find(db, caller.organization, card)))


@router.post("/{card}/acknowledge", responses=errors(NotFound))
def acknowledge_card(card: str, caller: Writer, ctx: Ctx, now: Now) -> CardOut:
    """The shop has the card: from now on nobody but its owner can make the key. Harmless to repeat."""
    with writing(ctx.engine) as connection:
        _owned(rows.find(connection, caller.organization, card))
        rows.forget_secret(connection, caller.organization, card, now=datetime.fromtimestamp(now, UTC))
        shown = _shown(ctx, rows.find(connection, caller.organization, card))
    settle_files(ctx.engine)
    return shown


def _owned(row: Any | None) -> Any:
    """Raises NotFound, for another shop's card as for one that never was."""
    if row is None:
        raise NotFound("There is no such card.")
    return row


def _shown(ctx: Context, row: Any) -> CardOut:
    secret = None if row.salt is None else ctx.card_secret(bytes(row.salt))
    return CardOut(
        id=row.id,
        item=str(hex_of(row.item)),
        claim_key=str(hex_of(row.address)),
        text=None if secret is None else claims.card_text(secret),
        link=None if secret is None else claims.card_link(ctx.settings.base_url, ItemId(row.item), secret),
        created_at=str(moment(row.created_at)),
        acknowledged_at=moment(row.acknowledged_at),
    )
