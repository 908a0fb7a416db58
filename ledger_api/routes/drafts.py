"""What a holder or a brand has to sign before an event can be sent, as any wallet shows it."""

from typing import Any

from fastapi import APIRouter
from pydantic import Field

from ledger_api.domain.fields import Strict
from ledger_api.domain.parsing import Refusal
from ledger_api.errors import EventRefused, EventUnreadable
from ledger_api.intake.drafting import draft
from ledger_api.routes.deps import Ctx, Writer
from ledger_api.routes.problems import errors, refused
from ledger_api.routes.schemas import Hex32, Out, hex_of

router = APIRouter(prefix="/v1/drafts", tags=["events"])


class DraftIn(Strict):
    event: dict[str, Any] = Field(description="As for `POST /v1/events`, with a `consent` (or `endorsement`) that lacks its `signature`.")


class DraftOut(Out):
    item: Hex32
    head: Hex32 = Field(description="The history that is agreed to; any later event of the item makes the signature worthless.")
    event_hash: Hex32
    consent: dict[str, Any] | None = Field(description="EIP-712 typed data (`eth_signTypedData_v4`) for the holder's key.")
    endorsement: dict[str, Any] | None = Field(description="The same for a signer of the brand, of an enrolment.")


@router.post("", responses=errors(EventUnreadable, EventRefused))
def make_draft(body: DraftIn, caller: Writer, ctx: Ctx) -> DraftOut:
    """Ask what must be signed; have it signed; send the event with the signatures. Nothing is recorded and nothing kept here."""
    found = draft(ctx.intake, body.event, organization=caller.organization)
    if isinstance(found, Refusal):
        raise refused(found.reason)(found.message, reason=found.reason.code, field=found.field)
    return DraftOut(
        item=str(hex_of(found.item)),
        head=str(hex_of(found.head)),
        event_hash=str(hex_of(found.event_hash)),
        consent=found.consent,
        endorsement=found.endorsement,
    )
