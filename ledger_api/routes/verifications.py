"""`POST /v1/verifications`: what a platform asks before it lists, pays or ships. Parse, ask, shape; `verification/` decides."""

from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter
from pydantic import Field, model_validator
from sqlalchemy import Connection

from ledger_api.domain.fields import Bytes32, ClaimKey, Did, DigitalLink, Gtin, Holder, OrganizationDid, Serial, Signature, Strict, Time
from ledger_api.errors import NotFollowedYet
from ledger_api.routes.deps import Context, Ctx, Db, Now, RawBody, Verifier
from ledger_api.routes.problems import errors
from ledger_api.routes.schemas import Hex32, HexAddress, Moment, Out, moment
from ledger_api.store import verifying as rows
from ledger_api.store.records import is_partner
from ledger_api.verification.agreement import NOBODY, Resale, flaw_in
from ledger_api.verification.codes import CODES, as_markdown
from ledger_api.verification.decision import Answer, Asked, AsOf, Found, decide, item_facts
from ledger_api.verification.statement import STATEMENT_TYPE, make_statement, statement_digest, typed_data
from ledger_verify.codes import KIND_CODES, Kind
from ledger_verify.hashing import organization_id
from ledger_verify.state import state_from_bytes, word

router = APIRouter(prefix="/v1/verifications", tags=["verifications"])

Described = Annotated[str, Field(min_length=1, max_length=255)]
ReasonCode = Literal[*CODES]  # type: ignore[valid-type]  # the table is the one list of codes

HOW_TO_CHECK = f"""
Decides from the ledger's present state: `accept` when nothing speaks against it, else the worst of the reasons found.

{as_markdown()}

**Checking the answer without us.** `typed_data` is an EIP-712 statement, `{STATEMENT_TYPE}`. `reasons` and `request` are keccak256 of the
RFC 8785 form of the answer's `reasons` and of the request's JSON body. Recover the signer of `digest` from `signature`; compare it with
`GET /v1/verifications/signer`. Read `word(item)` at the ledger's address in the block named: it must be the statement's `word`.
A statement holds until `valid_until`; ask again before each step (`list`, `pay`, `ship`).
"""


class Party(Strict):
    """Who is said to hold the item: the claim key of an owner, or an organization that bought it in."""

    claim_key: ClaimKey | None = None
    organization: OrganizationDid | None = None

    @model_validator(mode="after")
    def one_of_them(self) -> "Party":
        if (self.claim_key is None) == (self.organization is None):
            raise ValueError("Name claim_key or organization, one of them.")
        return self

    @property
    def holder(self) -> bytes:
        return self.claim_key or self.organization or NOBODY


class Expectations(Strict):
    """What the listing says. What is not said is not compared."""

    brand: Did | None = None
    model: Described | None = None
    colour: Described | None = None
    category: Described | None = None
    seller: Party | None = Field(default=None, description="Before the change of hands: who must hold it.")
    buyer: Party | None = Field(default=None, description="At step `ship`: who must hold it by now.")


class ConsentIn(Strict):
    """The holder's EIP-712 `Consent` to a resale: to whom, until when, carried by whom."""

    new_holder: Holder
    deadline: Time
    signature: Signature
    carrier: OrganizationDid | None = None


class VerificationIn(Strict):
    """An item by GTIN and serial, by Digital Link or by id; what the listing says of it; the step that depends on the answer."""

    gtin: Gtin | None = None
    serial: Serial | None = None
    digital_link: DigitalLink | None = None
    id: Bytes32 | None = None
    step: Literal["list", "pay", "ship"] = "list"
    expect: Expectations = Expectations()
    consent: ConsentIn | None = None

    @model_validator(mode="after")
    def one_item(self) -> "VerificationIn":
        named = [self.gtin is not None or self.serial is not None, self.digital_link is not None, self.id is not None]
        if sum(named) != 1 or (self.gtin is None) != (self.serial is None):
            raise ValueError("Name the item once: gtin and serial, or digital_link, or id.")
        return self

    @property
    def names(self) -> tuple[str, str] | None:
        return (self.gtin, self.serial) if self.gtin is not None and self.serial is not None else self.digital_link


class ReasonOut(Out):
    code: ReasonCode
    decision: Literal["quarantine", "reject"]
    message: str
    facts: dict[str, Any]


class BlockOut(Out):
    """The block the answer stands on; `final` when the item's last event cannot fall out of the chain."""

    block: int
    block_hash: Hex32
    time: Moment
    final_block: int
    final: bool


class VerificationOut(Out):
    decision: str = Field(pattern="^(accept|quarantine|reject)$")
    reasons: list[ReasonOut]
    item: dict[str, Any] | None = Field(description="The facts behind the decision; null when there is no item, or none for you.")
    as_of: BlockOut
    issued_at: Moment
    valid_until: Moment
    signer: HexAddress
    digest: Hex32
    signature: str
    typed_data: dict[str, Any] = Field(description="The signed statement, as EIP-712 JSON.")


class SignerOut(Out):
    signer: HexAddress
    chain_id: int
    ledger: HexAddress
    statement: str


@router.post("", responses=errors(NotFollowedYet), description=HOW_TO_CHECK)
def verify_item(body: VerificationIn, raw: RawBody, caller: Verifier, ctx: Ctx, db: Db, now: Now) -> VerificationOut:
    as_of = _as_of(db)
    found, is_visible = _look_up(db, body, caller.organization, now)
    asked = _asked(body, found, ctx, caller.organization, now)
    answer = decide(found, asked, as_of, now=now, visible=is_visible)
    shown = found if is_visible else None
    return _signed(ctx, answer, shown=shown, named=body.id, as_of=as_of, now=now, request=orjson.loads(raw))


@router.get("/signer", responses=errors(key=False))
def get_statement_signer(ctx: Ctx) -> SignerOut:
    """Whose signature stands under verifications, and what they are bound to."""
    network = ctx.network
    return SignerOut(
        signer="0x" + ctx.statement_signer.hex(), chain_id=network.chain_id, ledger="0x" + network.ledger.hex(), statement=STATEMENT_TYPE
    )


def _as_of(connection: Connection) -> AsOf:
    """Raises NotFollowedYet."""
    here = rows.standing(connection)
    if here is None or here.block_hash is None or here.time is None:
        raise NotFollowedYet
    return AsOf(block=here.block, block_hash=here.block_hash, time=here.time, final_block=here.final_block)


def _look_up(connection: Connection, body: VerificationIn, organization: bytes, now: int) -> tuple[Found | None, bool]:
    """The item and whether the caller may see it. A brand that folds *withheld* into *unknown* is obeyed."""
    names = body.names
    row = rows.item_by_serial(connection, *names) if names else rows.item_by_id(connection, body.id or NOBODY)
    if row is None:
        return None, True
    is_visible = row.visibility in (None, "public") or organization == row.brand or is_partner(connection, row.brand, organization, now=now)
    if not is_visible and row.visibility == "folded":
        return None, True
    pending = [KIND_CODES[Kind(kind)] for kind in rows.pending_kinds(connection, row.item)]
    return Found(row.item, state_from_bytes(row.state), orjson.loads(row.passport), row.block_number, pending), is_visible


def _asked(body: VerificationIn, found: Found | None, ctx: Context, caller: bytes, now: int) -> Asked:
    expect = body.expect
    party = expect.buyer if body.step == "ship" else expect.seller
    descriptions = {name: value for name in ("model", "colour", "category") if (value := getattr(expect, name)) is not None}
    flaw = None
    if body.consent is not None and found is not None:
        given = body.consent
        consent = Resale(given.new_holder, given.deadline, given.signature, given.carrier or NOBODY)
        flaw = flaw_in(consent, found.state, item=found.item, caller=caller, domain_separator=ctx.network.domain_separator, now=now)
    return Asked(
        step=body.step,
        brand=organization_id(expect.brand) if expect.brand is not None else None,
        descriptions=descriptions,
        holder=party.holder if party is not None else None,
        has_consent=body.consent is not None,
        consent_flaw=flaw,
    )


def _signed(
    ctx: Context, answer: Answer, *, shown: Found | None, named: bytes | None, as_of: AsOf, now: int, request: Any
) -> VerificationOut:
    chain_id, ledger = ctx.network.chain_id, ctx.network.ledger
    item, item_word = (shown.item, word(shown.state)) if shown else (named or NOBODY, 0)
    statement = make_statement(answer, item=item, word=item_word.to_bytes(32, "big"), as_of=as_of, now=now, request=request)
    digest = statement_digest(statement, chain_id=chain_id, ledger=ledger)
    return VerificationOut(
        decision=answer.decision.code,
        reasons=[ReasonOut.model_validate(reason.document()) for reason in answer.reasons],
        item=item_facts(shown) if shown else None,
        as_of=_block(as_of, shown),
        issued_at=str(moment(now)),
        valid_until=str(moment(statement.valid_until)),
        signer="0x" + ctx.statement_signer.hex(),
        digest="0x" + digest.hex(),
        signature="0x" + ctx.sign_statement(digest).hex(),
        typed_data=typed_data(statement, chain_id=chain_id, ledger=ledger),
    )


def _block(as_of: AsOf, shown: Found | None) -> BlockOut:
    return BlockOut(
        block=as_of.block,
        block_hash="0x" + as_of.block_hash.hex(),
        time=str(moment(as_of.time)),
        final_block=as_of.final_block,
        final=shown is None or shown.last_block <= as_of.final_block,
    )
