"""Disputes that wait for a ruling, for whoever may rule: with the grounds and evidence hashes that were meant for exactly that reader."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from ledger_api.routes.deps import Ctx, Db, Now, Reader
from ledger_api.routes.problems import errors
from ledger_api.routes.schemas import Hex32, Moment, Out, hex_of, moment
from ledger_api.store import disputes as rows
from ledger_api.store.disputes import Contested
from ledger_verify.codes import Hold
from ledger_verify.hashing import OrganizationId
from ledger_verify.state import State, state_from_bytes, unpack_detail

router = APIRouter(prefix="/v1/disputes", tags=["disputes"])

PAGE = 100


class OpenDisputeOut(Out):
    item: Hex32
    brand: Hex32
    sequence: int = Field(description="Of the dispute in the item's story.")
    contests: int | None = Field(description="The sequence of the event that is contested; null: the effective verdict.")
    by_owner: bool = Field(description="The holder signed it; else `organization` disputes in its own name.")
    organization: Hex32
    since: Moment
    consortium_from: Moment = Field(description="From when the consortium may rule too.")
    grounds: str | None = Field(description="Null where the dispute came by another service, or was erased.")
    evidence: list[Hex32] = Field(description="SHA-256 of what its author can show.")


class OpenDisputesOut(Out):
    disputes: list[OpenDisputeOut]
    next: str | None


@router.get("", responses=errors())
def list_open_disputes(
    caller: Reader,
    ctx: Ctx,
    db: Db,
    now: Now,
    after: Annotated[str | None, Query(pattern=r"^0x[0-9a-f]{64}$", description="`next` of the page before.")] = None,
) -> OpenDisputesOut:
    """What you have to rule on: disputes about items of your brand (or of one whose successor you are). Answer by an event `ruling`.

    The consortium sees those of brands that are no members, and of those that let their time pass.
    """
    authority = ctx.intake.authority.read(db).at(now)
    caller_id, period = caller.organization, ctx.network.terms.ruling_period
    is_consortium = caller_id == ctx.network.consortium
    left = (brand for brand, successor in authority.registry.successors.items() if successor == caller_id)
    brands = None if is_consortium else [caller_id, *left]
    page = rows.newest(db, brands, after=bytes.fromhex((after or "0x")[2:]), most=PAGE)
    told = [
        _shape(one, state, period)
        for one in page
        if (state := state_from_bytes(one.state)).holds & Hold.DISPUTED.bit
        and (authority.speaks_for(caller_id, OrganizationId(one.brand)) or state.aside.disputed_at + period <= now)
    ]
    return OpenDisputesOut(disputes=told, next="0x" + page[-1].item.hex() if len(page) == PAGE else None)


def _shape(one: Contested, state: State, period: int) -> OpenDisputeOut:
    detail = unpack_detail(int.from_bytes(one.detail, "big"))
    return OpenDisputeOut(
        item=str(hex_of(one.item)),
        brand=str(hex_of(one.brand)),
        sequence=one.sequence,
        contests=detail.time or None,
        by_owner=detail.consented,
        organization=str(hex_of(one.organization)),
        since=str(moment(one.occurred_at)),
        consortium_from=str(moment(state.aside.disputed_at + period)),
        grounds=one.said.get("grounds"),
        evidence=one.said.get("evidence", []),
    )
