"""`/01/{gtin}/21/{serial}`: one address for the item, a page for a browser, the passport or a linkset for a machine."""

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request, Response

from ledger_api.domain.identifiers import Unreadable, gtin14
from ledger_api.domain.identifiers import serial as valid_serial
from ledger_api.errors import InvalidBody, NoSuchLink, UnknownItem, Withheld
from ledger_api.interop.digital_link import HTML, JSON, LINKSET, Form, asked_form, description, link_header, linkset
from ledger_api.routes.deps import Bearer, Ctx
from ledger_api.routes.items import PLACE_PARAMETER, answer_by_serial, visitor
from ledger_api.routes.pages import AGuest, serial_page
from ledger_api.routes.problems import errors
from ledger_api.web.languages import TAGS

router = APIRouter(tags=["items"])

# a Digital Link is asked from anywhere, by scripts of other sites too; nothing in the answer depends on cookies
OPEN = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "Link"}
VARY = {"Vary": "Accept, Accept-Language"}
FORMS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "By `Accept`, or by `linkType` (`gs1:pip`: page, `gs1:traceability`: passport, `linkset`).",
        "content": {JSON: {}, HTML: {}, LINKSET: {}},
    }
}


@router.head("/01/{gtin}/21/{serial:path}", include_in_schema=False)
@router.get(
    "/01/{gtin}/21/{serial:path}",
    responses=FORMS | errors(UnknownItem, Withheld, NoSuchLink, key=False),
    openapi_extra={"parameters": [PLACE_PARAMETER]},
)
async def resolve(
    request: Request,
    gtin: str,
    serial: str,
    guest: AGuest,
    bearer: Bearer,
    link_type: Annotated[str | None, Query(alias="linkType", max_length=200)] = None,
) -> Response:
    """GS1 Digital Link. The serial is percent-encoded (`/` is `%2F`)."""
    base = guest.ctx.settings.base_url
    form = asked_form(request.headers.get("accept"), link_type)
    if form is Form.PAGE:
        return _described(await serial_page(guest, gtin, serial), base, gtin, serial)
    named = _named(gtin, serial)
    if form is None:
        raise NoSuchLink(linkset=f"{base}{request.scope['path']}?linkType=linkset")
    who = await visitor(request, bearer)
    if form is Form.PASSPORT:
        answer = answer_by_serial(request, who, *named)
    else:
        answer = _linkset(base, named, orjson.loads(who.by_serial(*named).passport))
    return _described(answer, base, *named)


@router.get("/.well-known/gs1resolver", include_in_schema=False)
def describe_resolver(ctx: Ctx) -> Response:
    return Response(orjson.dumps(description(ctx.settings.base_url)), media_type=JSON, headers=OPEN)


def _named(gtin: str, serial: str) -> tuple[str, str]:
    try:
        return gtin14(gtin), valid_serial(serial)
    except Unreadable as error:
        raise InvalidBody(error.message, reason=error.reason.code) from error


def _linkset(base: str, named: tuple[str, str], passport: dict[str, object]) -> Response:
    model, brand = passport.get("model"), passport["brand"]
    assert isinstance(brand, dict)
    title = ", ".join(str(word) for word in (model, brand["name"] or brand["did"]) if word) or named[0]
    return Response(orjson.dumps(linkset(base, *named, languages=TAGS, title=title)), media_type=LINKSET)


def _described(answer: Response, base: str, gtin: str, serial: str) -> Response:
    """With the headers that every answer at a Digital Link has."""
    for name, value in (OPEN | VARY).items():
        answer.headers[name] = value
    if answer.status_code < 400:
        answer.headers["Link"] = link_header(base, gtin, serial)
    return answer
