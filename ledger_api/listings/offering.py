"""A listing's life: offered under the platform's reference, closed when it is sold, withdrawn when it is not. Nothing is committed here."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

import orjson
from sqlalchemy import Connection

from ledger_api.listings import rows
from ledger_api.listings.asking import ListingIn, question_of
from ledger_api.listings.errors import ListingOver, ListingReferenceTaken, NoSuchListing
from ledger_api.listings.rows import AnyRow
from ledger_api.verification import answering
from ledger_api.verification.asking import VerificationIn
from ledger_api.verification.decision import Found
from ledger_verify.hashing import organization_id

CONTENT = ("title", "url", "offer", "latitude", "longitude")  # beside the question: what makes it the same listing


def offer(connection: Connection, platform: bytes, body: ListingIn, said: Mapping[str, Any], *, id: str, now: datetime) -> AnyRow:
    """The listing of this reference, made now or before. `said`: the body as it came.

    Raises:
        ListingReferenceTaken: the platform offers something else under it.
    """
    found = _found(connection, platform, said, now)
    new = _row(platform, body, said, found, id=id, now=now)
    known = rows.by_reference(connection, platform, body.reference)
    if known is None and not rows.keep(connection, new):
        known = rows.by_reference(connection, platform, body.reference)
    if known is None:
        # where another's object is says nothing of this one
        if found is not None and body.place is not None and not describes_another(said.get("offer") or {}, found):
            rows.count_seen(connection, [rows.seen_row(found.item, "sighting", now, place=body.place.rounded)])
        rows.doubt(connection, [] if found is None else [found.item], now)
        return _kept(connection, id)
    known = rows.locked(connection, known.id) or known  # as it is once nobody else adds to it
    desk = new["authenticator"] or known.authenticator
    is_another = any(getattr(known, name) != new[name] for name in CONTENT) or known.authenticator not in (None, desk)
    if is_another or _without_consent(known.question) != _without_consent(new["question"]):
        raise ListingReferenceTaken(listing=known.id)
    if known.state == "live":
        question = known.question if said.get("consent") is None else new["question"]
        if (question, desk, new["item"]) != (known.question, known.authenticator, known.item):
            rows.change(connection, known.id, question=question, item=new["item"], authenticator=desk, changed_at=now)
            rows.doubt(connection, [] if found is None else [found.item], now)
    return _kept(connection, known.id)


def _row(platform: bytes, body: ListingIn, said: Mapping[str, Any], found: Found | None, *, id: str, now: datetime) -> dict[str, Any]:
    question = question_of(dict(said))
    latitude, longitude = body.place.rounded if body.place is not None else (None, None)
    return {
        "id": id,
        "platform": platform,
        "reference": body.reference,
        "item": None if found is None else found.item,
        "question": None if question is None else _json(question),
        "title": body.title,
        "url": body.url,
        "origin": body.origin,
        "offer": _json(said.get("offer") or {}),
        "authenticator": body.authenticator,
        "latitude": latitude,
        "longitude": longitude,
        "state": "live",
        "created_at": now,
        "changed_at": now,
    }


def _found(connection: Connection, platform: bytes, said: Mapping[str, Any], now: datetime) -> Found | None:
    question = question_of(dict(said))
    if question is None:
        return None
    (seen,) = answering.look_up(connection, [VerificationIn.model_validate(question)], platform, now=int(now.timestamp()))
    return seen.found


def describes_another(said: Mapping[str, Any], item: Found) -> bool:
    """Another brand or model than the passport's: the serial may be mistyped."""
    is_other_brand = said.get("brand") is not None and organization_id(said["brand"]) != item.state.brand
    recorded, model = item.passport["model"], said.get("model")
    is_other_model = recorded is not None and model is not None and recorded.casefold().split() != model.casefold().split()
    return is_other_brand or is_other_model


def _without_consent(question: str | None) -> Any:
    asked = orjson.loads(question) if question is not None else {}
    return {name: value for name, value in asked.items() if name not in ("consent", "step")}


def theirs(connection: Connection, platform: bytes, id: str) -> AnyRow:
    """Raises NoSuchListing: also for another platform's."""
    found = rows.listing(connection, id)
    if found is None or found.platform != platform:
        raise NoSuchListing
    return found


def end(connection: Connection, platform: bytes, id: str, state: Literal["closed", "withdrawn"], *, now: datetime) -> AnyRow:
    """Harmless to repeat. Its photos are still to be forgotten (`photos.forget`).

    Raises:
        NoSuchListing. ListingOver: it ended the other way.
    """
    rows.locked(connection, id)
    found = theirs(connection, platform, id)
    if found.state not in ("live", state):
        raise ListingOver(listing=id, state=found.state)
    if found.state == "live":
        rows.change(connection, id, state=state, changed_at=now)
        rows.doubt(connection, [] if found.item is None else [found.item], now)
    return theirs(connection, platform, id)


def _kept(connection: Connection, id: str) -> AnyRow:
    found = rows.listing(connection, id)
    assert found is not None
    return found


def _json(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
