"""Who judges for an authenticator, and how well they agree."""

from typing import Annotated

import orjson
from fastapi import APIRouter
from pydantic import Field

from ledger_api.auth import Scope, revoke_key
from ledger_api.desk import agreement, staff
from ledger_api.desk.errors import NoSuchAppraiser, NotAnAuthenticator
from ledger_api.desk.rows import queue as line
from ledger_api.domain.events import CategoryName
from ledger_api.domain.fields import Strict
from ledger_api.errors import Forbidden
from ledger_api.routes.deps import Caller, Ctx, Db, Now
from ledger_api.routes.desk.deps import AnyRow
from ledger_api.routes.problems import errors
from ledger_api.routes.schemas import Out
from ledger_api.store.engine import reading, writing
from ledger_verify.codes import Role

router = APIRouter(prefix="/v1/desk", tags=["desk"])


class AppraiserIn(Strict):
    name: Annotated[str, Field(min_length=1, max_length=255)] = Field(description="For the organization alone; nobody else ever reads it.")
    is_senior: bool = False
    categories: Annotated[list[CategoryName], Field(min_length=1)] | None = Field(default=None, description="absent: all")


class AppraiserOut(Out):
    id: str = Field(description="The pseudonymous reference under which opinions are recorded.")
    name: str
    is_senior: bool
    is_active: bool
    categories: list[str] | None


class NewAppraiserOut(AppraiserOut):
    key: str = Field(description="The API key they sign in with; shown once.")


class AppraisersOut(Out):
    appraisers: list[AppraiserOut]


class AgreementOut(Out):
    appraisers: tuple[str, str]
    cases: int
    agreed: int
    kappa: float | None = Field(description="Cohen's kappa; null where agreement by chance is certain.")


class AgreementsOut(Out):
    pairs: list[AgreementOut]


@router.post("/appraisers", status_code=201, responses=errors(NotAnAuthenticator))
def add_appraiser(body: AppraiserIn, caller: Caller, ctx: Ctx, now: Now) -> NewAppraiserOut:
    """A person who judges for you, with an API key of their own (scope `desk`)."""
    caller.require(Scope.ORGANIZATION)
    with reading(ctx.engine) as connection:
        standing = ctx.intake.authority.read(connection).at(now).standing(caller.organization)
    if not standing.roles & Role.AUTHENTICATOR:
        raise NotAnAuthenticator
    taken = staff.take_on(
        ctx.engine, caller.organization, body.name, is_senior=body.is_senior, categories=list(body.categories or ()) or None, now=now
    )
    with reading(ctx.engine) as connection:
        made = line.appraiser(connection, taken.appraiser)
    assert made is not None
    return NewAppraiserOut(**_shape(made).model_dump(), key=taken.key.token)


@router.get("/appraisers", responses=errors())
def list_appraisers(caller: Caller, db: Db) -> AppraisersOut:
    caller.require(Scope.ORGANIZATION)
    return AppraisersOut(appraisers=[_shape(row) for row in line.all_appraisers(db, caller.organization)])


@router.delete("/appraisers/{appraiser}", status_code=204, responses=errors(NoSuchAppraiser))
def retire_appraiser(appraiser: str, caller: Caller, ctx: Ctx, now: Now) -> None:
    """They can sign in no more; their opinions stay."""
    caller.require(Scope.ORGANIZATION)
    with writing(ctx.engine) as connection:
        found = line.appraiser(connection, appraiser)
        if found is None or found.organization != caller.organization:
            raise NoSuchAppraiser
        line.retire_appraiser(connection, appraiser)
    revoke_key(ctx.engine, principal=caller, key_id=found.key_id, now=now)


@router.get("/agreement", responses=errors())
def get_agreement(caller: Caller, db: Db) -> AgreementsOut:
    """How well each pair of your appraisers agrees, over cases that both judged without seeing each other's answer."""
    if not (caller.has(Scope.ORGANIZATION) or caller.has(Scope.DESK)):
        raise Forbidden
    told = agreement.agreements(
        (row.first, row.second, row.first_outcome, row.second_outcome) for row in line.pairs(db, caller.organization)
    )
    return AgreementsOut(
        pairs=[AgreementOut(appraisers=one.pair, cases=one.cases, agreed=one.agreed, kappa=_rounded(one.kappa)) for one in told]
    )


def _rounded(kappa: float | None) -> float | None:
    return None if kappa is None else round(kappa, 4)


def _shape(row: AnyRow) -> AppraiserOut:
    categories = None if row.categories is None else orjson.loads(row.categories)
    return AppraiserOut(id=row.id, name=row.name, is_senior=row.is_senior, is_active=row.is_active, categories=categories)
