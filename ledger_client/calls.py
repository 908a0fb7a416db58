"""What can be asked: each function makes a `Call`, which a `Ledger` or an `AsyncLedger` carries. Nothing is sent here.

A call may be repeated: reading changes nothing, events are recognised by their ids, a case, a listing or a booking by its reference. A
repeated list of events gets the first one's answer, because it has an `Idempotency-Key`. The few that would do a thing twice are `once`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar
from urllib.parse import quote
from uuid import uuid4

from ledger_client import answers, booked
from ledger_client.answers import Answer, Json
from ledger_client.events import AnyEvent

A = TypeVar("A", bound=Answer | bytes)
Scalar = str | int
ItemName = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Call(Generic[A]):
    """One request. `answer` is the model of a good answer, or `bytes` for a file or for none."""

    method: Literal["GET", "POST", "PUT", "DELETE"]
    path: str
    answer: type[A]
    query: Mapping[str, Scalar | Sequence[str]] = field(default_factory=dict)
    body: Any = None
    photo: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    once: bool = False  # never sent again after a lost answer


def by_serial(gtin: str, serial: str) -> ItemName:
    return {"gtin": gtin, "serial": serial}


def by_id(item: str) -> ItemName:
    return {"id": item}


def by_digital_link(link: str) -> ItemName:
    return {"digital_link": link}


# --- a brand, a supplier, a retailer ---------------------------------------------------------------------------------


def record(
    events: Sequence[AnyEvent], *, all_or_nothing: bool = False, idempotency_key: str | None = None
) -> Call[answers.SubmissionResult]:
    """1 to 1,000 events, each answered for itself. Accepted is not recorded: follow the submission."""
    headers = {"Idempotency-Key": idempotency_key or str(uuid4())}
    query = {"all_or_nothing": "true"} if all_or_nothing else {}
    return Call("POST", "/v1/events", answers.SubmissionResult, query=query, body=list(events), headers=headers)


def event(event_id: str) -> Call[answers.Event]:
    return Call("GET", _path("/v1/events/{}", event_id), answers.Event)


def submission(submission_id: str, *, after: int = -1, limit: int = 100) -> Call[answers.Submission]:
    return Call("GET", _path("/v1/submissions/{}", submission_id), answers.Submission, query={"after": after, "limit": limit})


# --- whoever holds the item in their hand ----------------------------------------------------------------------------


def find_item(gtin: str, serial: str) -> Call[answers.Item]:
    return Call("GET", "/v1/items", answers.Item, query={"gtin": gtin, "serial": serial})


def item(item_id: str) -> Call[answers.Item]:
    return Call("GET", _path("/v1/items/{}", item_id), answers.Item)


def story(item_id: str, *, view: Literal["journal", "effective"] = "effective", after: int = 0, limit: int = 50) -> Call[answers.Story]:
    query: dict[str, Scalar] = {"view": view, "after": after, "limit": limit}
    return Call("GET", _path("/v1/items/{}/events", item_id), answers.Story, query=query)


def proof(item_id: str, *, withhold: Sequence[str] = (), name: tuple[str, str] | None = None) -> Call[bytes]:
    """The proof file as it is: save it, or give it to `ledger_verify.checking.check`. `withhold`: pointers such as `/model`."""
    query: dict[str, Scalar | Sequence[str]] = {"withhold": list(withhold)} if withhold else {}
    if name is not None:
        query |= {"gtin": name[0], "serial": name[1]}
    return Call("GET", _path("/v1/items/{}/proof", item_id), bytes, query=query)


# --- a platform ------------------------------------------------------------------------------------------------------


Step = Literal["list", "pay", "ship"]


def question(
    name: ItemName,
    *,
    step: Step = "list",
    expect: Json | None = None,
    consent: Json | None = None,
    place: Json | None = None,
    watch: bool = False,
) -> Json:
    """`name`: `by_serial`, `by_id` or `by_digital_link`. `place`: where the object is, as `{"latitude", "longitude"}`. `watch`: be told by
    webhook when the answer would be another."""
    more = {"expect": expect, "consent": consent, "place": place, "watch": watch or None}
    return {**name, "step": step} | {key: value for key, value in more.items() if value is not None}


def verify(asked: Json) -> Call[answers.Verification]:
    """Ask before each step. `asked`: a `question`."""
    return Call("POST", "/v1/verifications", answers.Verification, body=asked)


def verify_many(asked: Sequence[Json]) -> Call[answers.Verifications]:
    """1 to 1,000 questions at once, as of one block; each answer is signed by itself, and one that cannot be read spoils no other."""
    return Call("POST", "/v1/verifications/bulk", answers.Verifications, body=list(asked))


def watches(*, after: str = "") -> Call[answers.Watches]:
    return Call("GET", "/v1/watches", answers.Watches, query={"after": after} if after else {})


def end_watch(watch_id: str) -> Call[bytes]:
    return Call("DELETE", _path("/v1/watches/{}", watch_id), bytes)


def list_item(
    *,
    reference: str,
    title: str,
    url: str,
    name: ItemName | None = None,
    offer: Json | None = None,
    authenticator: str | None = None,
    place: Json | None = None,
    watch: bool = False,
) -> Call[answers.Listing]:
    """Say what you offer and be told what to do with it (`next`). The same reference is the same listing. `watch`: as in a `question`;
    `authenticator`: the DID of whose desk looks at its photos."""
    said = {"offer": offer, "authenticator": authenticator, "place": place, "watch": watch or None}
    more = {key: value for key, value in said.items() if value is not None}
    return Call("POST", "/v1/listings", answers.Listing, body={"reference": reference, "title": title, "url": url, **(name or {}), **more})


def put_listing_photo(listing_id: str, number: int, photo: bytes) -> Call[answers.Listing]:
    """A JPEG, PNG or WebP at this place of the listing, 1 to 12; `next` is `wait` until machines have looked at it."""
    return Call("PUT", _path("/v1/listings/{}/photos/{}", listing_id, str(number)), answers.Listing, photo=photo)


def drop_listing_photo(listing_id: str, number: int) -> Call[answers.Listing]:
    return Call("DELETE", _path("/v1/listings/{}/photos/{}", listing_id, str(number)), answers.Listing)


def close_listing(listing_id: str) -> Call[answers.Listing]:
    """It is sold."""
    return Call("POST", _path("/v1/listings/{}/close", listing_id), answers.Listing)


def withdraw_listing(listing_id: str) -> Call[answers.Listing]:
    """It is offered no more."""
    return Call("POST", _path("/v1/listings/{}/withdraw", listing_id), answers.Listing)


def listing(listing_id: str) -> Call[answers.Listing]:
    """Answered anew, from the ledger as it is now."""
    return Call("GET", _path("/v1/listings/{}", listing_id), answers.Listing)


def badge(listing: str, *, url: str | None = None) -> Call[answers.Badge]:
    """What everybody may know of a listing now, signed for five minutes. `url`: the address at which its badge was seen."""
    return Call("GET", _path("/v1/listings/{}/badge.json", listing), answers.Badge, query={} if url is None else {"url": url})


def open_booking(
    *, reference: str, brand: str, category: str, seller: str, buyer: str, hashtag: str | None = None, store: str | None = None, **more: Any
) -> Call[booked.Booking]:
    """An order was accepted. The same reference is the same booking; `hashtag` or `store`, one of them. `more`: other members of the body,
    such as `gtin` and `serial`, or `new_holder`."""
    said = {"hashtag": hashtag, "store": store} | more
    body = {"reference": reference, "brand": brand, "category": category, "seller": seller, "buyer": buyer}
    return Call("POST", "/v1/bookings", booked.Booking, body=body | {key: value for key, value in said.items() if value is not None})


def bookings(*, before: str | None = None) -> Call[booked.Bookings]:
    return Call("GET", "/v1/bookings", booked.Bookings, query={} if before is None else {"before": before})


def booking(booking_id: str) -> Call[booked.Booking]:
    return Call("GET", _path("/v1/bookings/{}", booking_id), booked.Booking)


def cancel_booking(booking_id: str) -> Call[booked.Booking]:
    return Call("POST", _path("/v1/bookings/{}/cancel", booking_id), booked.Booking)


def name_new_holder(booking_id: str, claim_key: str) -> Call[booked.Booking]:
    return Call("PUT", _path("/v1/bookings/{}/new-holder", booking_id), booked.Booking, body={"claim_key": claim_key})


def settle_sale(booking_id: str, *, goes_on: bool) -> Call[booked.Booking]:
    """Whether the sale goes on, once the item is verified."""
    return Call("POST", _path("/v1/bookings/{}/sale", booking_id), booked.Booking, body={"goes_on": goes_on})


def open_case(
    *, authenticator: str, reference: str, brand: str, category: str, name: ItemName | None = None, value_eur: int | None = None
) -> Call[answers.Case]:
    """Ask a desk. The same reference is the same case."""
    known = {("item" if key == "id" else key): value for key, value in (name or {}).items()}
    body = {"authenticator": authenticator, "reference": reference, "brand": brand, "category": category} | known
    return Call("POST", "/v1/cases", answers.Case, body=body | ({} if value_eur is None else {"value_eur": value_eur}))


def case(case_id: str) -> Call[answers.Case]:
    return Call("GET", _path("/v1/cases/{}", case_id), answers.Case)


def send_shot(case_id: str, shot: str, photo: bytes) -> Call[answers.ShotAnswer]:
    """A JPEG, PNG or WebP of one detail; answered at once with what to do better."""
    return Call("PUT", _path("/v1/cases/{}/shots/{}", case_id, shot), answers.ShotAnswer, photo=photo)


def submit_case(case_id: str) -> Call[answers.Case]:
    return Call("POST", _path("/v1/cases/{}/submit", case_id), answers.Case)


# --- a party of a booking, by the link it was sent -------------------------------------------------------------------


def invitation(token: str) -> Call[booked.Invitation]:
    return Call("GET", _path("/v1/invitations/{}", token), booked.Invitation)


def mark_slots(token: str, slots: Sequence[Json]) -> Call[booked.Invitation]:
    """The times that suit this party, instead of those marked before."""
    return Call("PUT", _path("/v1/invitations/{}/slots", token), booked.Invitation, body={"slots": list(slots)})


# --- a store's counter -----------------------------------------------------------------------------------------------


def check_in(code: str) -> Call[booked.CheckedIn]:
    """`code`: what the party shows at the counter."""
    return Call("POST", "/v1/desk/bookings/check-in", booked.CheckedIn, body={"code": code})


def examine(booking_id: str, *, gtin: str | None = None, serial: str | None = None) -> Call[booked.Examined]:
    """The case in which the item is judged. `gtin` and `serial`: as they stand on the piece, where the order named none."""
    said = {key: value for key, value in (("gtin", gtin), ("serial", serial)) if value is not None}
    return Call("POST", _path("/v1/desk/bookings/{}/examine", booking_id), booked.Examined, body=said)


def take_away(code: str) -> Call[booked.CounterBooking]:
    """Whoever shows this code leaves with the item."""
    return Call("POST", "/v1/desk/bookings/take-away", booked.CounterBooking, body={"code": code})


def print_labels(store: str, count: int) -> Call[bytes]:
    """A sheet of new labels, as a PDF."""
    return Call("POST", "/v1/desk/labels", bytes, body={"store": store, "count": count}, once=True)


def activate_label(serial: str, booking_id: str) -> Call[booked.Label]:
    return Call("POST", "/v1/desk/labels/activate", booked.Label, body={"serial": serial, "booking": booking_id})


def report_label(serial: str, trouble: str, why: str) -> Call[booked.Label]:
    """It counts no more."""
    return Call("POST", "/v1/desk/labels/report", booked.Label, body={"serial": serial, "trouble": trouble, "why": why})


def label(serial: str) -> Call[booked.PublicLabel]:
    """For whoever scans it; no key is needed."""
    return Call("GET", _path("/v1/labels/{}", serial), booked.PublicLabel)


# --- webhooks --------------------------------------------------------------------------------------------------------


def add_endpoint(url: str, *, types: Sequence[str] | None = None, description: str = "") -> Call[booked.NewEndpoint]:
    """Its secret is shown once. `types` None: all."""
    body = {"url": url, "types": None if types is None else list(types), "description": description}
    return Call("POST", "/v1/webhooks/endpoints", booked.NewEndpoint, body=body, once=True)


def endpoints() -> Call[booked.Endpoints]:
    return Call("GET", "/v1/webhooks/endpoints", booked.Endpoints)


def end_endpoint(endpoint_id: str) -> Call[bytes]:
    return Call("DELETE", _path("/v1/webhooks/endpoints/{}", endpoint_id), bytes)


def test_endpoint(endpoint_id: str) -> Call[booked.Tested]:
    return Call("POST", _path("/v1/webhooks/endpoints/{}/test", endpoint_id), booked.Tested, once=True)


def replay(endpoint_id: str, *, after: int, until: int | None = None) -> Call[booked.Replayed]:
    """What was told after this position, once more, under the same ids."""
    body = {"after": after} | ({} if until is None else {"until": until})
    return Call("POST", _path("/v1/webhooks/endpoints/{}/replay", endpoint_id), booked.Replayed, body=body)


def notices(*, after: int = 0) -> Call[booked.Notices]:
    return Call("GET", "/v1/webhooks/notices", booked.Notices, query={"after": after})


def authenticators() -> Call[answers.Authenticators]:
    """How their opinions fared, from the ledger alone."""
    return Call("GET", "/v1/statistics/authenticators", answers.Authenticators)


def _path(template: str, *names: str) -> str:
    return template.format(*(quote(name, safe="") for name in names))
