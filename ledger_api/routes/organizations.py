"""Members, their signers and accreditations: the consortium's desk, and what an organization does in its own name.

Every write is a registry transaction and answers when it is mined. Said twice it changes nothing, so these doors take no Idempotency-Key.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from sqlalchemy import Row

from ledger_api import directory
from ledger_api.auth import Principal, Scope
from ledger_api.directory import Accreditation, Member
from ledger_api.domain.identifiers import Unreadable, address, bytes32, did
from ledger_api.errors import CallerError, Forbidden, NodeRefused, NodeUnreachable, NotFound, WouldRevert
from ledger_api.routes.deps import Admin, Caller, Ctx, Db, Now
from ledger_api.routes.problems import errors
from ledger_api.routes.schemas import (
    AccreditationIn,
    AccreditationOut,
    CompromisedIn,
    OrganizationDetailOut,
    OrganizationIn,
    OrganizationOut,
    OrganizationsOut,
    RolesIn,
    SignerIn,
    SignerOut,
    SuccessorIn,
    TransactionOut,
    hex_of,
    moment,
)
from ledger_api.store import directory as rows
from ledger_verify.hashing import OrganizationId, organization_id
from ledger_verify.transition import Category, Role

router = APIRouter(prefix="/v1/organizations", tags=["organizations"])

ROLES = {str(role.name).lower(): role for role in Role}
ALL_CATEGORIES = 2**64 - 1
CHAIN = (NodeUnreachable, NodeRefused, WouldRevert)
Which = Annotated[str, Path(alias="organization", description="A DID, percent-encoded, or the organization's id.", max_length=255)]


def _organization(text: str) -> OrganizationId:
    """Raises NotFound: neither a DID nor an id."""
    try:
        return OrganizationId(bytes32(text)) if text.startswith("0x") else organization_id(did(text))
    except Unreadable as error:
        raise NotFound(error.message) from error


def _address(text: str) -> bytes:
    try:
        return address(text)
    except Unreadable as error:
        raise NotFound(error.message) from error


def _entitled(caller: Principal, organization: bytes) -> None:
    """Raises Forbidden unless the consortium's desk, or the organization itself, asks."""
    itself = caller.organization == organization and caller.has(Scope.ORGANIZATION)
    if not (itself or caller.has(Scope.ADMIN)):
        raise Forbidden(f"This needs the scope {Scope.ADMIN.value}, or {Scope.ORGANIZATION.value} of the organization itself.")


def _role_of(names: list[Any]) -> Role:
    roles = Role(0)
    for name in names:
        roles |= ROLES[name]
    return roles


def _names_of(roles: int) -> list[Any]:
    return [name for name, role in ROLES.items() if roles & role]


def _scope_of(categories: list[str] | None) -> int:
    """Raises CallerError for a category that does not exist."""
    if categories is None:
        return ALL_CATEGORIES
    try:
        return sum(1 << Category.from_code(name) for name in set(categories))
    except ValueError as error:
        raise CallerError("There is no such category.", categories=sorted(category.code for category in Category)) from error


def _categories_of(scope: int) -> list[str] | None:
    return None if scope == ALL_CATEGORIES else [Category(number).code for number in range(64) if scope >> number & 1]


def _mined(transaction: bytes, organization: bytes) -> TransactionOut:
    return TransactionOut(transaction=hex_of(transaction or None), organization=str(hex_of(organization)))


# --- reads -----------------------------------------------------------------------------------------------------------


@router.get("", responses=errors())
def list_organizations(_caller: Caller, db: Db, after: str = "", limit: Annotated[int, Query(ge=1, le=200)] = 50) -> OrganizationsOut:
    """Members by DID. Names and roles are public; the chain has them too."""
    found = [_shape(row) for row in rows.list_organizations(db, after=after, limit=limit)]
    return OrganizationsOut(organizations=found, next=found[-1].did if len(found) == limit else None)


@router.get("/{organization}", responses=errors(NotFound))
def get_organization(which: Which, _caller: Caller, db: Db) -> OrganizationDetailOut:
    organization = _organization(which)
    row = rows.organization(db, organization)
    if row is None:
        raise NotFound("There is no such organization.")
    return OrganizationDetailOut(
        **_shape(row).model_dump(),
        signers=[_signer(signer) for signer in rows.signers_of(db, organization)],
        accreditations=[_accreditation(given) for given in rows.accreditations_of(db, organization)],
    )


def _shape(row: Row[Any]) -> OrganizationOut:
    status = "pending" if row.roles is None else "suspended" if row.suspended else "member"
    return OrganizationOut(
        id=str(hex_of(row.organization)),
        did=row.did,
        name=row.name,
        country=row.country,
        visibility=row.visibility,
        status=status,  # type: ignore[arg-type]  # one of the three literals above
        roles=_names_of(row.roles or 0),
        successor=hex_of(row.successor),
    )


def _signer(row: Row[Any]) -> SignerOut:
    return SignerOut(
        address=str(hex_of(row.address)),
        added_block=row.added_block,
        retired_block=row.retired_block,
        compromised_since=row.compromised_since,
    )


def _accreditation(row: Row[Any]) -> AccreditationOut:
    return AccreditationOut(
        brand=str(hex_of(row.brand)),
        role=_names_of(row.role)[0],
        categories=_categories_of(int.from_bytes(row.scope, "big")),
        starts_at=moment(row.from_time),
        ends_at=moment(row.until_time) if row.until_time else None,
        block=row.block_number,
    )


# --- the consortium's desk -------------------------------------------------------------------------------------------


@router.post("", status_code=201, responses=errors(*CHAIN))
def admit_organization(body: OrganizationIn, _caller: Admin, ctx: Ctx, now: Now) -> TransactionOut:
    """Admit a member, with a signer of its own or with keys that the service makes and keeps."""
    member = Member(body.did, body.name, body.country, body.visibility, _role_of(body.roles))
    return _mined(directory.admit(ctx.engine, ctx.registrar, member, signer=body.signer, now=now), organization_id(body.did))


@router.put("/{organization}/roles", responses=errors(NotFound, *CHAIN))
def set_roles(which: Which, body: RolesIn, _caller: Admin, ctx: Ctx) -> TransactionOut:
    organization = _organization(which)
    return _mined(ctx.registrar.set_roles(organization, _role_of(body.roles)), organization)


@router.put("/{organization}/suspension", responses=errors(NotFound, *CHAIN))
def suspend(which: Which, _caller: Admin, ctx: Ctx) -> TransactionOut:
    """From the next block on the organization records nothing. What it recorded stays."""
    organization = _organization(which)
    return _mined(ctx.registrar.suspend(organization), organization)


@router.delete("/{organization}/suspension", responses=errors(NotFound, *CHAIN))
def reinstate(which: Which, _caller: Admin, ctx: Ctx) -> TransactionOut:
    organization = _organization(which)
    return _mined(ctx.registrar.reinstate(organization), organization)


@router.put("/{organization}/successor", responses=errors(NotFound, *CHAIN))
def name_successor(which: Which, body: SuccessorIn, _caller: Admin, ctx: Ctx) -> TransactionOut:
    """Who speaks for a brand that is gone."""
    organization = _organization(which)
    return _mined(ctx.registrar.name_successor(organization, OrganizationId(body.successor)), organization)


# --- in an organization's own name -----------------------------------------------------------------------------------


@router.post("/{organization}/signers", status_code=201, responses=errors(NotFound, *CHAIN))
def add_signer(which: Which, body: SignerIn, caller: Caller, ctx: Ctx) -> TransactionOut:
    organization = _organization(which)
    _entitled(caller, organization)
    return _mined(ctx.registrar.add_signer(organization, body.address), organization)


@router.delete("/{organization}/signers/{signer}", responses=errors(NotFound, *CHAIN))
def retire_signer(which: Which, signer: str, caller: Caller, ctx: Ctx) -> TransactionOut:
    organization = _organization(which)
    _entitled(caller, organization)
    return _mined(ctx.registrar.retire_signer(organization, _address(signer)), organization)


@router.put("/{organization}/signers/{signer}/compromised", responses=errors(NotFound, *CHAIN))
def mark_compromised(which: Which, signer: str, body: CompromisedIn, caller: Caller, ctx: Ctx) -> TransactionOut:
    """Retires the signer too; what it recorded since that block is shown as void."""
    organization = _organization(which)
    _entitled(caller, organization)
    return _mined(ctx.registrar.mark_compromised(organization, _address(signer), body.since_block), organization)


@router.post("/{organization}/accreditations", status_code=201, responses=errors(NotFound, *CHAIN))
def accredit(which: Which, body: AccreditationIn, caller: Caller, ctx: Ctx) -> TransactionOut:
    """Let an organization act on a brand's items in a role. The newest word for (brand, organization, role) is in force."""
    organization = _organization(which)
    own = ctx.network.consortium if caller.has(Scope.ADMIN) else caller.organization
    brand = own if body.brand is None else organization_id(body.brand)
    _entitled(caller, brand)
    transaction = ctx.registrar.accredit(
        Accreditation(brand, organization, ROLES[body.role], _scope_of(body.categories), body.starts_at or 0, body.ends_at or 0)
    )
    return _mined(transaction, organization)
