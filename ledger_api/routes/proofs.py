"""Proofs: the file with which anybody checks an item's history without us (docs/proof.md). Open to whoever may see the passport."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from ledger_api.domain.identifiers import Unreadable, gtin14
from ledger_api.domain.identifiers import serial as valid_serial
from ledger_api.errors import InvalidBody, NodeInconsistent, NodeUnreachable, Unauthenticated, UnknownItem, Withheld
from ledger_api.proving import Asked, Choice, Made, NoStateProof, NoSuchBlock
from ledger_api.routes.items import JSON, NOT_MODIFIED, AVisitor, Which, item_named, matches
from ledger_api.routes.problems import errors
from ledger_verify.hashing import ItemId, OrganizationId

router = APIRouter(prefix="/v1/items", tags=["items"])

FOR_EVER = "private, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"
MOST_WITHHELD = 100

Pointer = Annotated[str, StringConstraints(pattern=r"^[0-9]{0,5}/", max_length=300)]
PROOF = {
    200: {"description": "The proof file, format `ledger-proof-v2` (docs/proof.md).", "content": {JSON: {"schema": {"type": "object"}}}}
}
PROBLEMS = errors(UnknownItem, Withheld, NoSuchBlock, NodeUnreachable, NodeInconsistent, NoStateProof, Unauthenticated, key=False)


class ProofIn(BaseModel):
    """What is wished of a proof; all of it may be left out."""

    model_config = ConfigDict(extra="forbid")

    withhold: list[Pointer] = Field(
        default=[], max_length=MOST_WITHHELD, description="Not to be shown, but named: `/model` in every event, `3/model` in the third."
    )
    disclose: Literal["own"] | None = Field(default=None, description="With an API key: its organization's events whole.")
    gtin: str | None = Field(default=None, max_length=14, description="With `serial`: show that the id is this serial's.")
    serial: str | None = Field(default=None, max_length=20)
    signers: Literal["all"] | None = Field(default=None, description="Signers of long batches too.")
    inclusion: Literal["state", "receipts"] | None = Field(default=None, description="One and no other.")
    block: int | None = Field(default=None, ge=0, lt=2**53, description="As of this block.")

    def asked(self, organization: bytes | None) -> Asked:
        """Raises Unauthenticated: nobody's own events are shown whole without saying who asks; InvalidBody."""
        if self.disclose is not None and organization is None:
            raise Unauthenticated
        own = OrganizationId(organization) if self.disclose is not None and organization is not None else None
        choice = Choice(own=own, withhold=frozenset(self.withhold))
        name = _name(self.gtin, self.serial)
        return Asked(choice, block=self.block, inclusion=self.inclusion, all_signers=self.signers == "all", name=name)


@router.get("/{item}/proof", response_class=Response, responses=PROOF | NOT_MODIFIED | PROBLEMS)
def get_item_proof(request: Request, which: Which, visitor: AVisitor, wish: Annotated[ProofIn, Query()]) -> Response:
    """An item's history as a file that proves itself: what the ledger's contract accepted, and nothing else. It can be checked offline."""
    found = visitor.by_item(item_named(which))
    asked = wish.asked(visitor.organization)
    if visitor.ctx.proofs is None:
        raise NodeUnreachable
    made = visitor.ctx.proofs.make(ItemId(found.item), asked)
    return _answer(request, made, is_pinned=asked.block is not None)


def _name(gtin: str | None, serial: str | None) -> tuple[str, str] | None:
    if gtin is None and serial is None:
        return None
    if gtin is None or serial is None:
        raise InvalidBody("GTIN and serial go together.")
    try:
        return gtin14(gtin), valid_serial(serial)
    except Unreadable as error:
        raise InvalidBody(error.message, reason=error.reason.code) from error


def _answer(request: Request, made: Made, *, is_pinned: bool) -> Response:
    tag = f'"{made.etag}"'
    headers = {"ETag": tag, "Cache-Control": FOR_EVER if is_pinned and made.is_final else ASK_AGAIN}
    if matches(request.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers=headers)
    return Response(made.body, media_type=JSON, headers=headers)
