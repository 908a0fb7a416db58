"""The public page of a certificate: what was concluded, by whom, and the way to the ledger. Whoever has its address may read it."""

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse

from ledger_api.desk import certificates
from ledger_api.desk.rows import cases as rows
from ledger_api.routes.deps import Anonymous, Context, Ctx, DbMoment
from ledger_api.routes.desk.deps import Moment
from ledger_api.routes.desk.following import judged
from ledger_api.routes.desk.pages import PageRoute, page
from ledger_api.routes.desk.results import certificate_of, pdf_of
from ledger_api.routes.pages import AGuest
from ledger_api.store.records import organization_names
from ledger_api.web.asking import result, title_of
from ledger_api.web.rendering import qr_code

router = APIRouter(prefix="/certificates", include_in_schema=False, default_response_class=HTMLResponse, route_class=PageRoute)


@router.get("/{case}")
def certificate_page(case: str, guest: AGuest, _: Anonymous, db: DbMoment, ctx: Ctx, at: Moment) -> Response:
    found = judged(rows.case(db, case))
    told = certificate_of(ctx, db, found.id, at)
    brand = organization_names(db).get(found.brand, (None, None))[1] or found.brand_did
    return page(
        guest,
        "certificate.html",
        told=told,
        title=title_of(guest.language, brand, found.category),
        result=result(guest.language, told, state=found.state),
        qr=qr_code(_leads_to(ctx, told, case)),
    )


@router.get("/{case}/certificate.pdf")
def certificate_paper(case: str, _: Anonymous, db: DbMoment, ctx: Ctx, at: Moment) -> Response:
    return pdf_of(certificate_of(ctx, db, judged(rows.case(db, case)).id, at))


def _leads_to(ctx: Context, told: certificates.Json, case: str) -> str:
    return str(told["ledger"]["page"]) if told["ledger"] else f"{ctx.settings.base_url}/certificates/{case}"
