"""An organization never reads or writes another's private things: every route of the service is knocked at by a stranger.

A route that is not in `ROUTES` fails the first test: whoever adds a door says here what a stranger finds behind it.
"""

from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.routing import APIRoute

from ledger_api.app import ROUTERS
from tests.consortium import DIDS, GTIN, count, manufacture, record_all, shipment
from tests.doors import Doors

SECRET = "the-lining-is-hand-sewn-by-number-nine"
ANYBODY = {200, 202, 204, 303, 307, 401, 404, 422}
OURS = quote(DIDS["MAISON"], safe="")
ADDRESS = "0x" + "11" * 20
DEEDS = ("claim", "transfer", "hold", "release", "dispute", "recovery", "retire")


@dataclass(frozen=True, slots=True)
class Knock:
    """What VERNE, with every scope of its own, sends to a door behind which MAISON's things are, and what it may be answered."""

    path: str  # with {…} of `Theirs`
    expected: set[int]
    body: Any = None


@dataclass(frozen=True, slots=True)
class Theirs:
    submission: str
    event_id: str
    item: str
    key_id: str
    case: str
    endpoint: str


HIDDEN, FORBIDDEN = {404}, {403}
BADGES = ("json", "svg", "html")
CERTIFICATES = ("certificate.json", "certificate.pdf", "evidence")
ROUTES: dict[tuple[str, str], Knock] = {
    ("GET", "/v1/events/{event_id}"): Knock("/v1/events/{event_id}", HIDDEN),
    ("GET", "/v1/submissions/{submission}"): Knock("/v1/submissions/{submission}", HIDDEN),
    ("GET", "/v1/submissions/{submission}/stream"): Knock("/v1/submissions/{submission}/stream", HIDDEN),
    ("DELETE", "/v1/keys/{key_id}"): Knock("/v1/keys/{key_id}", HIDDEN),
    ("GET", "/v1/keys"): Knock("/v1/keys", {200}),
    ("POST", "/v1/keys"): Knock("/v1/keys", FORBIDDEN, {"name": "x", "scopes": ["events:read"], "organization": DIDS["MAISON"]}),
    # what it sends is recorded in its own name and judged as such
    ("POST", "/v1/events"): Knock("/v1/events", {409}, manufacture()),
    ("POST", "/v1/batches"): Knock("/v1/batches", {422}, {}),
    ("POST", "/v1/drafts"): Knock("/v1/drafts", {200}, {"event": shipment()}),
    # public: names, roles, accreditations stand on the chain
    ("GET", "/v1/organizations"): Knock("/v1/organizations", {200}),
    ("GET", "/v1/organizations/{organization}"): Knock(f"/v1/organizations/{OURS}", {200}),
    ("POST", "/v1/organizations"): Knock("/v1/organizations", FORBIDDEN, {"did": "did:web:x.example", "name": "x", "roles": ["brand"]}),
    ("PUT", "/v1/organizations/{organization}/roles"): Knock(f"/v1/organizations/{OURS}/roles", FORBIDDEN, {"roles": ["retailer"]}),
    ("PUT", "/v1/organizations/{organization}/suspension"): Knock(f"/v1/organizations/{OURS}/suspension", FORBIDDEN),
    ("DELETE", "/v1/organizations/{organization}/suspension"): Knock(f"/v1/organizations/{OURS}/suspension", FORBIDDEN),
    ("PUT", "/v1/organizations/{organization}/successor"): Knock(
        f"/v1/organizations/{OURS}/successor", FORBIDDEN, {"successor": DIDS["VERNE"]}
    ),
    ("POST", "/v1/organizations/{organization}/signers"): Knock(f"/v1/organizations/{OURS}/signers", FORBIDDEN, {"address": ADDRESS}),
    ("DELETE", "/v1/organizations/{organization}/signers/{signer}"): Knock(f"/v1/organizations/{OURS}/signers/{ADDRESS}", FORBIDDEN),
    ("PUT", "/v1/organizations/{organization}/signers/{signer}/compromised"): Knock(
        f"/v1/organizations/{OURS}/signers/{ADDRESS}/compromised", FORBIDDEN, {"since_block": 1}
    ),
    ("POST", "/v1/organizations/{organization}/accreditations"): Knock(
        f"/v1/organizations/{OURS}/accreditations", FORBIDDEN, {"role": "retailer", "brand": DIDS["MAISON"]}
    ),
    # open to everybody, and therefore without anybody's private fields
    ("GET", "/v1/items"): Knock(f"/v1/items?gtin={GTIN}&serial=A1", ANYBODY),
    ("GET", "/v1/items/{item}"): Knock("/v1/items/{item}", ANYBODY),
    ("GET", "/v1/items/{item}/events"): Knock("/v1/items/{item}/events", ANYBODY | {500}),
    ("GET", "/v1/items/{item}/proof"): Knock("/v1/items/{item}/proof?disclose=own", ANYBODY | {503}),
    ("POST", "/v1/verifications"): Knock("/v1/verifications", ANYBODY | {503}, {"gtin": GTIN, "serial": "A1"}),
    ("POST", "/v1/verifications/bulk"): Knock("/v1/verifications/bulk", ANYBODY | {503}, [{"gtin": GTIN, "serial": "A1"}]),
    ("GET", "/v1/watches"): Knock("/v1/watches", {200}),
    ("DELETE", "/v1/watches/{watch}"): Knock("/v1/watches/{submission}", HIDDEN),
    # a listing is its platform's alone; the chain has not been read here
    ("POST", "/v1/listings"): Knock("/v1/listings", {422}, {}),
    ("GET", "/v1/listings"): Knock("/v1/listings", {200, 503}),
    ("GET", "/v1/listings/{listing}"): Knock("/v1/listings/{submission}", HIDDEN),
    **{
        ("POST", f"/v1/listings/{{listing}}/{deed}"): Knock(f"/v1/listings/{{submission}}/{deed}", HIDDEN) for deed in ("close", "withdraw")
    },
    **{
        (method, "/v1/listings/{listing}/photos/{number}"): Knock("/v1/listings/{submission}/photos/1", HIDDEN)
        for method in ("PUT", "DELETE")
    },
    ("GET", "/v1/items/{item}/clone-signals"): Knock("/v1/items/{item}/clone-signals", {200}),
    ("GET", "/v1/verifications/signer"): Knock("/v1/verifications/signer", {200}),
    ("GET", "/01/{gtin}/21/{serial:path}"): Knock(f"/01/{GTIN}/21/A1", ANYBODY),
    ("GET", "/.well-known/gs1resolver"): Knock("/.well-known/gs1resolver", {200}),
    ("GET", "/"): Knock("/", {200}),
    ("GET", "/items/{item}"): Knock("/items/{item}", ANYBODY),
    ("GET", "/assets/{version}/{name:path}"): Knock("/assets/1/style.css", {404}),
    # an owner's doors: the holder's signature decides, and a stranger has none
    **{("POST", f"/v1/items/{{item}}/{deed}"): Knock(f"/v1/items/{{item}}/{deed}", {422}, {}) for deed in DEEDS},
    ("GET", "/v1/items/{item}/consent-terms"): Knock("/v1/items/{item}/consent-terms", {200}),
    ("GET", "/v1/items/{item}/events/{event_id}"): Knock("/v1/items/{item}/events/{event_id}", {200}),
    ("GET", "/v1/items/{item}/offers/{buyer}"): Knock(f"/v1/items/{{item}}/offers/{ADDRESS}", {200}),
    ("PUT", "/v1/items/{item}/offers/{buyer}"): Knock(f"/v1/items/{{item}}/offers/{ADDRESS}", {422}, {}),
    ("GET", "/v1/items/{item}/feed"): Knock("/v1/items/{item}/feed", ANYBODY | {500}),
    ("GET", "/v1/claim-cards"): Knock("/v1/claim-cards", {200}),
    ("POST", "/v1/claim-cards"): Knock("/v1/claim-cards", {422}, {}),
    ("GET", "/v1/claim-cards/{card}"): Knock("/v1/claim-cards/{submission}", HIDDEN),
    ("POST", "/v1/claim-cards/{card}/acknowledge"): Knock("/v1/claim-cards/{submission}/acknowledge", HIDDEN),
    # a request for a second opinion is its asker's own; items and opinions stand on the chain
    ("POST", "/v1/opinion-requests"): Knock("/v1/opinion-requests", {422}, {}),
    ("GET", "/v1/opinion-requests"): Knock("/v1/opinion-requests", {200}),
    ("GET", "/v1/disputes"): Knock("/v1/disputes", {200}),
    ("GET", "/v1/statistics/authenticators"): Knock("/v1/statistics/authenticators", {200}),
    ("GET", "/v1/statistics/authenticators/{did:path}"): Knock(f"/v1/statistics/authenticators/{OURS}", {200}),
    ("GET", "/v1/statistics/verdicts"): Knock("/v1/statistics/verdicts?group_by=brand", {200}),
    ("GET", "/authenticators"): Knock("/authenticators", {200}),
    ("GET", "/statistics"): Knock("/statistics", {200}),
    ("GET", "/items/{item}/disputes"): Knock("/items/{item}/disputes", ANYBODY | {500}),
    ("GET", "/shop"): Knock("/shop", {200}),
    ("GET", "/check"): Knock("/check", {200}),
    ("GET", "/check/{item}"): Knock("/check/{item}", {200}),
    **{("GET", f"/{page}/{{item}}"): Knock(f"/{page}/{{item}}", ANYBODY | {500}) for page in ("own", "buy", "recover")},
    # a case is its platform's alone; the desk's doors are its appraisers'
    ("POST", "/v1/cases"): Knock("/v1/cases", {422}, {}),
    ("GET", "/v1/cases"): Knock("/v1/cases", {200}),
    ("GET", "/v1/cases/{case}"): Knock("/v1/cases/{case}", HIDDEN),
    ("PUT", "/v1/cases/{case}/shots/{name}"): Knock("/v1/cases/{case}/shots/logo", HIDDEN, {}),
    ("GET", "/v1/cases/{case}/photos/{photo}"): Knock("/v1/cases/{case}/photos/{submission}", HIDDEN),
    **{
        ("POST", f"/v1/cases/{{case}}/{deed}"): Knock(f"/v1/cases/{{case}}/{deed}", HIDDEN)
        for deed in ("submit", "paid", "withdraw", "erase")
    },
    **{("GET", f"/v1/cases/{{case}}/{what}"): Knock(f"/v1/cases/{{case}}/{what}", HIDDEN) for what in CERTIFICATES},
    ("POST", "/v1/cases/{case}/appeal"): Knock("/v1/cases/{case}/appeal", HIDDEN, {"grounds": "it is not as they say"}),
    # an account is known by its cookie alone, and a key is none
    ("GET", "/v1/account"): Knock("/v1/account", {401}),
    ("DELETE", "/v1/account"): Knock("/v1/account", {401}),
    ("POST", "/v1/account"): Knock("/v1/account", {201}),
    ("POST", "/v1/account/code"): Knock("/v1/account/code", {401}),
    ("POST", "/v1/account/sessions"): Knock("/v1/account/sessions", {422}, {"code": "x"}),
    ("DELETE", "/v1/account/sessions"): Knock("/v1/account/sessions", {401}),
    ("POST", "/v1/account/passkeys"): Knock("/v1/account/passkeys", {503}, {"credential": {}}),
    ("POST", "/v1/account/passkeys/options"): Knock("/v1/account/passkeys/options", {503}),
    ("POST", "/v1/account/sessions/passkey"): Knock("/v1/account/sessions/passkey", {503}, {"credential": {}}),
    ("POST", "/v1/account/sessions/options"): Knock("/v1/account/sessions/options", {503}),
    # a consumer's pages: the case's asker alone sees them, whoever has no cookie is shown where to sign in
    ("GET", "/account"): Knock("/account", {200}),
    ("POST", "/account/new"): Knock("/account/new", {200}),
    ("POST", "/account/sign-in"): Knock("/account/sign-in", {422}),
    **{("POST", f"/account/{deed}"): Knock(f"/account/{deed}", {303}) for deed in ("code", "sign-out", "erase")},
    ("GET", "/evaluate"): Knock("/evaluate", {200}),
    ("POST", "/evaluate"): Knock("/evaluate", {303}),
    ("GET", "/evaluate/{case}"): Knock("/evaluate/{case}", HIDDEN),
    ("POST", "/evaluate/{case}/shots/{name}"): Knock("/evaluate/{case}/shots/logo", HIDDEN, {}),
    **{
        ("POST", f"/evaluate/{{case}}/{deed}"): Knock(f"/evaluate/{{case}}/{deed}", HIDDEN)
        for deed in ("submit", "withdraw", "erase", "appeal")
    },
    ("GET", "/v1/cases/{case}/stream"): Knock("/v1/cases/{case}/stream", HIDDEN),
    # for whoever was given the address of a verdict; this case has none
    ("GET", "/v1/certificates/{case}"): Knock("/v1/certificates/{case}", HIDDEN),
    ("GET", "/certificates/{case}"): Knock("/certificates/{case}", HIDDEN),
    ("GET", "/certificates/{case}/certificate.pdf"): Knock("/certificates/{case}/certificate.pdf", HIDDEN),
    ("GET", "/v1/desk/queue"): Knock("/v1/desk/queue", FORBIDDEN),
    ("POST", "/v1/desk/claims"): Knock("/v1/desk/claims", FORBIDDEN, {}),
    ("GET", "/v1/desk/cases/{case}"): Knock("/v1/desk/cases/{case}", FORBIDDEN),
    ("GET", "/v1/desk/cases/{case}/photos/{photo}"): Knock("/v1/desk/cases/{case}/photos/{submission}", FORBIDDEN),
    ("GET", "/v1/desk/cases/{case}/matches/{photo}"): Knock("/v1/desk/cases/{case}/matches/{submission}", FORBIDDEN),
    ("POST", "/v1/desk/cases/{case}/keep"): Knock("/v1/desk/cases/{case}/keep", FORBIDDEN),
    ("POST", "/v1/desk/cases/{case}/give-back"): Knock("/v1/desk/cases/{case}/give-back", FORBIDDEN),
    ("POST", "/v1/desk/cases/{case}/shots"): Knock("/v1/desk/cases/{case}/shots", FORBIDDEN, {"shot": "logo", "words": "closer"}),
    ("POST", "/v1/desk/cases/{case}/decision"): Knock("/v1/desk/cases/{case}/decision", FORBIDDEN, {}),
    ("POST", "/v1/desk/in-person"): Knock("/v1/desk/in-person", FORBIDDEN, {"brand": DIDS["MAISON"], "category": "handbag"}),
    ("PUT", "/v1/desk/cases/{case}/shots/{name}"): Knock("/v1/desk/cases/{case}/shots/logo", FORBIDDEN, {}),
    ("POST", "/v1/desk/cases/{case}/presenter-draft"): Knock(
        "/v1/desk/cases/{case}/presenter-draft", FORBIDDEN, {"presenter_key": ADDRESS}
    ),
    ("PUT", "/v1/desk/cases/{case}/presenter"): Knock(
        "/v1/desk/cases/{case}/presenter", FORBIDDEN, {"presenter_key": ADDRESS, "deadline": 1, "signature": "0x" + "11" * 65}
    ),
    ("GET", "/v1/desk/cases/{case}/endorsement"): Knock("/v1/desk/cases/{case}/endorsement", HIDDEN),
    ("POST", "/v1/desk/cases/{case}/endorsement"): Knock("/v1/desk/cases/{case}/endorsement", HIDDEN),
    ("PUT", "/v1/desk/cases/{case}/endorsement"): Knock(
        "/v1/desk/cases/{case}/endorsement", HIDDEN, {"endorser": ADDRESS, "signature": "0x" + "11" * 65}
    ),
    ("GET", "/v1/desk/appraisers"): Knock("/v1/desk/appraisers", {200}),
    ("POST", "/v1/desk/appraisers"): Knock("/v1/desk/appraisers", {422}, {"name": "x"}),
    ("DELETE", "/v1/desk/appraisers/{appraiser}"): Knock("/v1/desk/appraisers/ap-x", HIDDEN),
    ("GET", "/v1/desk/agreement"): Knock("/v1/desk/agreement", {200}),
    ("POST", "/v1/desk/seeds"): Knock("/v1/desk/seeds", {422}, {"known_outcome": "authentic"}),
    ("GET", "/v1/desk/seeds"): Knock("/v1/desk/seeds", {422}),
    ("GET", "/v1/desk/seeds/scores"): Knock("/v1/desk/seeds/scores", {422}),
    ("PUT", "/v1/desk/seeds/{case}/shots/{name}"): Knock("/v1/desk/seeds/{case}/shots/logo", {422}, {}),
    ("POST", "/v1/desk/seeds/{case}/submit"): Knock("/v1/desk/seeds/{case}/submit", {422}),
    # a review is for the desk whose case or listing it is
    ("GET", "/v1/desk/reviews"): Knock("/v1/desk/reviews", FORBIDDEN),
    ("POST", "/v1/desk/reviews"): Knock("/v1/desk/reviews", FORBIDDEN, {"case": "0" * 32}),
    ("GET", "/v1/desk/reviews/labels"): Knock("/v1/desk/reviews/labels", FORBIDDEN),
    ("GET", "/v1/desk/reviews/{review}"): Knock("/v1/desk/reviews/{submission}", FORBIDDEN),
    ("GET", "/v1/desk/reviews/{review}/photos/{number}"): Knock("/v1/desk/reviews/{submission}/photos/0", FORBIDDEN),
    ("POST", "/v1/desk/reviews/{review}/ruling"): Knock(
        "/v1/desk/reviews/{submission}/ruling", FORBIDDEN, {"ruling": "allowed", "grounds": "nothing there"}
    ),
    # the desk's pages: whoever has no cookie of the desk's is shown the door
    ("GET", "/desk"): Knock("/desk", {200}),
    ("POST", "/desk/sign-in"): Knock("/desk/sign-in", {401}),
    ("POST", "/desk/sign-out"): Knock("/desk/sign-out", {303}),
    ("POST", "/desk/claim"): Knock("/desk/claim", {303}),
    ("GET", "/desk/cases/{case}"): Knock("/desk/cases/{case}", {303}),
    ("GET", "/desk/cases/{case}/photos/{photo}"): Knock("/desk/cases/{case}/photos/{submission}", {303}),
    ("GET", "/desk/cases/{case}/matches/{photo}"): Knock("/desk/cases/{case}/matches/{submission}", {303}),
    ("POST", "/desk/cases/{case}/presenter"): Knock("/desk/cases/{case}/presenter", {303}),
    ("POST", "/desk/cases/{case}/shots/{name}"): Knock("/desk/cases/{case}/shots/front", {303}),
    **{
        ("POST", f"/desk/cases/{{case}}/{deed}"): Knock(f"/desk/cases/{{case}}/{deed}", {303})
        for deed in ("keep", "give-back", "shots", "decision")
    },
    ("GET", "/desk/reviews"): Knock("/desk/reviews", {303}),
    ("GET", "/desk/reviews/{review}"): Knock("/desk/reviews/{submission}", {303}),
    ("GET", "/desk/reviews/{review}/photos/{number}"): Knock("/desk/reviews/{submission}/photos/0", {303}),
    ("POST", "/desk/reviews/{review}/ruling"): Knock("/desk/reviews/{submission}/ruling", {303}),
    ("GET", "/desk/agreement"): Knock("/desk/agreement", {303}),
    ("GET", "/desk/tests"): Knock("/desk/tests", {303}),
    ("GET", "/v1/desk/policy"): Knock("/v1/desk/policy", {200}),
    ("PUT", "/v1/desk/policy"): Knock("/v1/desk/policy", {422}, {}),
    # an organization's webhooks are its own
    ("GET", "/v1/webhooks/endpoints"): Knock("/v1/webhooks/endpoints", {200}),
    ("POST", "/v1/webhooks/endpoints"): Knock("/v1/webhooks/endpoints", {422}, {}),
    ("GET", "/v1/webhooks/notices"): Knock("/v1/webhooks/notices", {200}),
    ("GET", "/v1/webhooks/endpoints/{endpoint}"): Knock("/v1/webhooks/endpoints/{endpoint}", HIDDEN),
    ("PUT", "/v1/webhooks/endpoints/{endpoint}"): Knock("/v1/webhooks/endpoints/{endpoint}", HIDDEN, {"url": "https://thief.example.com/"}),
    ("DELETE", "/v1/webhooks/endpoints/{endpoint}"): Knock("/v1/webhooks/endpoints/{endpoint}", HIDDEN),
    **{
        ("POST", f"/v1/webhooks/endpoints/{{endpoint}}/{deed}"): Knock(f"/v1/webhooks/endpoints/{{endpoint}}/{deed}", HIDDEN, body)
        for deed, body in (("rotate", {}), ("test", None), ("replay", {"after": 0}))
    },
    ("GET", "/v1/webhooks/endpoints/{endpoint}/deliveries"): Knock("/v1/webhooks/endpoints/{endpoint}/deliveries", HIDDEN),
    ("GET", "/v1/webhooks/endpoints/{endpoint}/deliveries/{delivery}"): Knock("/v1/webhooks/endpoints/{endpoint}/deliveries/1", HIDDEN),
    # bookings are their platform's, stores and campaigns their partner's, a link its party's, the counter its staff's
    ("POST", "/v1/bookings"): Knock("/v1/bookings", {422}, {}),
    ("GET", "/v1/bookings"): Knock("/v1/bookings", {200}),
    ("GET", "/v1/bookings/{booking}"): Knock("/v1/bookings/{submission}", HIDDEN),
    ("POST", "/v1/bookings/{booking}/cancel"): Knock("/v1/bookings/{submission}/cancel", HIDDEN),
    ("PUT", "/v1/bookings/{booking}/new-holder"): Knock("/v1/bookings/{submission}/new-holder", HIDDEN, {"claim_key": ADDRESS}),
    ("POST", "/v1/bookings/{booking}/sale"): Knock("/v1/bookings/{submission}/sale", HIDDEN, {"goes_on": True}),
    **{
        ("GET", f"/v1/invitations/{{token}}{path}"): Knock(f"/v1/invitations/{{submission}}{path}", HIDDEN)
        for path in ("", "/papers", "/calendar.ics")
    },
    ("GET", "/v1/invitations/{token}/slots"): Knock("/v1/invitations/{submission}/slots?store={submission}", HIDDEN),
    ("PUT", "/v1/invitations/{token}/slots"): Knock("/v1/invitations/{submission}/slots", HIDDEN, {"slots": []}),
    ("PUT", "/v1/invitations/{token}/key"): Knock("/v1/invitations/{submission}/key", HIDDEN, {"claim_key": ADDRESS}),
    **{
        ("POST", f"/v1/invitations/{{token}}/{deed}"): Knock(f"/v1/invitations/{{submission}}/{deed}", {404, 422}, {})
        for deed in ("drop-off", "another-time", "cancel", "papers")
    },
    ("GET", "/v1/desk/bookings"): Knock("/v1/desk/bookings?store={submission}", FORBIDDEN),
    ("POST", "/v1/desk/bookings/check-in"): Knock("/v1/desk/bookings/check-in", FORBIDDEN, {"code": "AAAA-AAAA"}),
    ("POST", "/v1/desk/bookings/take-away"): Knock("/v1/desk/bookings/take-away", FORBIDDEN, {"code": "AAAA-AAAA"}),
    ("GET", "/v1/desk/bookings/{booking}"): Knock("/v1/desk/bookings/{submission}", FORBIDDEN),
    **{
        ("POST", f"/v1/desk/bookings/{{booking}}/{deed}"): Knock(f"/v1/desk/bookings/{{submission}}/{deed}", FORBIDDEN, {})
        for deed in ("buyer-absent", "cancel", "examine")
    },
    ("GET", "/desk/bookings"): Knock("/desk/bookings", {303}),
    ("POST", "/desk/bookings"): Knock("/desk/bookings", {303}),
    ("GET", "/bookings/{token}"): Knock("/bookings/{submission}", HIDDEN),
    ("POST", "/bookings/{token}"): Knock("/bookings/{submission}", HIDDEN, {}),
    ("GET", "/labels/{serial}"): Knock("/labels/222222222222", HIDDEN),
    ("POST", "/v1/desk/labels"): Knock("/v1/desk/labels", FORBIDDEN, {"store": "0" * 32}),
    ("GET", "/v1/desk/labels"): Knock("/v1/desk/labels?store={submission}", FORBIDDEN),
    ("POST", "/v1/desk/labels/activate"): Knock("/v1/desk/labels/activate", FORBIDDEN, {"serial": "2" * 12, "booking": "0" * 32}),
    ("POST", "/v1/desk/labels/report"): Knock("/v1/desk/labels/report", HIDDEN, {"serial": "2" * 12, "trouble": "lost", "why": "gone"}),
    ("GET", "/v1/labels/{serial}"): Knock("/v1/labels/222222222222", HIDDEN),
    ("POST", "/v1/stores"): Knock("/v1/stores", {422}, {}),
    ("GET", "/v1/stores"): Knock("/v1/stores", {200}),
    ("GET", "/v1/stores/{store}"): Knock("/v1/stores/{submission}", HIDDEN),
    ("PUT", "/v1/stores/{store}"): Knock("/v1/stores/{submission}", {422}, {}),
    ("GET", "/v1/stores/{store}/slots"): Knock("/v1/stores/{submission}/slots", HIDDEN),
    ("GET", "/v1/campaigns"): Knock("/v1/campaigns", {200}),
    ("GET", "/v1/campaigns/{hashtag}"): Knock("/v1/campaigns/milan12", HIDDEN),
    ("PUT", "/v1/campaigns/{hashtag}"): Knock("/v1/campaigns/milan12", {422}, {}),
    ("DELETE", "/v1/campaigns/{hashtag}"): Knock("/v1/campaigns/milan12", HIDDEN),
    # a badge says to everybody what the page of the item does; there is no such listing here
    **{("GET", f"/v1/listings/{{listing}}/badge.{kind}"): Knock(f"/v1/listings/{{submission}}/badge.{kind}", HIDDEN) for kind in BADGES},
    ("GET", "/badges/{listing}"): Knock("/badges/{submission}", HIDDEN),
    # its page: whoever is not signed in is shown where to
    ("GET", "/webhooks"): Knock("/webhooks", {200}),
    ("POST", "/webhooks/sign-in"): Knock("/webhooks/sign-in", {401}),
    ("POST", "/webhooks/sign-out"): Knock("/webhooks/sign-out", {303}),
    ("POST", "/webhooks/{endpoint}/test"): Knock("/webhooks/{endpoint}/test", {303}),
    ("GET", "/webhooks/{endpoint}/{delivery}"): Knock("/webhooks/{endpoint}/1", {303}),
    ("GET", "/healthz"): Knock("/healthz", {200}),
    ("GET", "/readyz"): Knock("/readyz", {200, 503}),
    ("GET", "/metrics"): Knock("/metrics", {200}),
}


def routes() -> set[tuple[str, str]]:
    found = (route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute))
    return {(method, route.path) for route in found for method in route.methods - {"HEAD"}}


@pytest.fixture
def theirs(doors: Doors) -> Theirs:
    born = doors.post("MAISON", "/v1/events", manufacture(payload={"model": "Sac Lune", "workshop_note": SECRET})).json()
    record_all(doors.engine)
    key_id = doors.token("MAISON").split("_")[1]
    asked = {"authenticator": DIDS["EXPERT"], "reference": "R-1", "brand": DIDS["MAISON"], "category": "handbag", "notes": SECRET}
    case = doors.post("MAISON", "/v1/cases", asked).json()["id"]
    hook = {"url": "https://hooks.example.com/", "description": SECRET}
    endpoint = doors.post("MAISON", "/v1/webhooks/endpoints", hook).json()["id"]
    return Theirs(born["submission"], born["results"][0]["event_id"], born["results"][0]["item"], key_id, case, endpoint)


def test_every_route_says_what_a_stranger_finds() -> None:
    assert routes() == set(ROUTES)


def test_a_stranger_reads_and_writes_nothing_of_anothers(doors: Doors, theirs: Theirs) -> None:
    before = {
        table: count(doors.engine, table)
        for table in (
            "events",
            "api_keys",
            "profiles",
            "submissions",
            "cases",
            "case_journal",
            "shots",
            "webhook_endpoints",
            "webhook_notices",
        )
    }
    doors.token("VERNE")

    for (method, route), knock in ROUTES.items():
        path = knock.path.format_map(asdict(theirs))
        answer = doors.ask(method, "VERNE", path, json=knock.body)
        assert answer.status_code in knock.expected, (method, route, answer.status_code, answer.text)
        assert SECRET not in answer.text, (method, route)

    assert {table: count(doors.engine, table) for table in before} == before | {"api_keys": before["api_keys"] + 1}
    assert doors.registrar.asked == []


@pytest.mark.parametrize(
    ("method", "route"),
    sorted(route for route in ROUTES if route[1].startswith(("/v1/events", "/v1/batches", "/v1/drafts", "/v1/sub", "/v1/keys", "/v1/org"))),
)
def test_nothing_of_members_is_told_without_a_key_or_with_a_wrong_one(doors: Doors, theirs: Theirs, method: str, route: str) -> None:
    knock = ROUTES[method, route]
    path = knock.path.format_map(asdict(theirs))

    without = doors.ask(method, None, path, json=knock.body)
    wrong = [doors.ask(method, None, path, json=knock.body, token=token) for token in ("x", f"lk_{theirs.key_id}_x", "lk_0_0")]

    for answer in (without, *wrong):
        assert (answer.status_code, answer.json()["code"], answer.headers["www-authenticate"]) == (401, "unauthenticated", "Bearer")


def test_the_owner_finds_what_the_stranger_does_not(doors: Doors, theirs: Theirs) -> None:
    answer = doors.get("MAISON", f"/v1/events/{theirs.event_id}")

    assert answer.json()["payload"]["workshop_note"] == SECRET
