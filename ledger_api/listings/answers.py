"""What a listing is answered: verified against the ledger as it is now, with the signs of a second object, and what to do next.

    here = answering.as_of(connection)
    answered = answer_for(connection, row, here, network=network, now=now)

Nothing of the answer is kept: it is made anew whenever somebody asks.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import Connection

from ledger_api.desk import policy
from ledger_api.desk.booking import stores
from ledger_api.desk.errors import NoSuchCampaign, StoreUnfit
from ledger_api.domain.network import Network
from ledger_api.listings import photos, rows
from ledger_api.listings.clones import Evidence, Listed, Place, Sighting, Suspicion, suspicion
from ledger_api.listings.next_steps import Known, Next, Step, next_step
from ledger_api.listings.offering import describes_another
from ledger_api.listings.rows import AnyRow
from ledger_api.verification import answering, watches
from ledger_api.verification.answering import NOTHING, Given, Seen
from ledger_api.verification.asking import VerificationIn
from ledger_api.verification.decision import Answer, AsOf, Found
from ledger_verify.codes import Method, Outcome

Json = dict[str, Any]
MOST_LISTINGS = 100  # of one item that are looked at: as many say no more than six
CALM = Suspicion(0, [])


@dataclass(frozen=True, slots=True)
class Answered:
    """`answer`: None when the listing names no item."""

    seen: Seen
    answer: Answer | None
    suspicion: Suspicion
    photos: photos.Found
    next: Next
    booking: stores.Offer | None


def answer_for(connection: Connection, row: AnyRow, here: AsOf, *, network: Network, now: int) -> Answered:
    seen, answer = NOTHING, None
    if row.question is not None:
        question = VerificationIn.model_validate_json(row.question)
        (seen,) = answering.look_up(connection, [question], row.platform, now=now)
        answer = answering.judge(question, seen, here, network=network, caller=row.platform, now=now)
    suspected = suspicion(evidence_of(connection, seen.shown, now)) if seen.shown is not None else CALM
    pictures = photos.found(connection, row.id)
    codes = None if answer is None else [reason.code for reason in answer.reasons]
    partner = _partner(connection, row, seen, now)
    is_of_value = _is_of_value(connection, row, seen.shown, now)
    known = Known(codes, pictures.review, pictures.are_reused, suspected.is_suspected, is_of_value, has_partner=partner is not None)
    then = next_step(known)
    return Answered(seen, answer, suspected, pictures, then, partner if then.step == Step.BOOK_VERIFICATION else None)


def _is_of_value(connection: Connection, row: AnyRow, item: Found | None, now: int) -> bool:
    """By the policy of the desk it names, or the usual one; a ruling is as good as a verdict in person."""
    price = orjson.loads(row.offer).get("price")
    if price is None or not policy.read(connection, row.authenticator).must_be_seen(**price):
        return False
    state = None if item is None else item.state
    is_authentic = state is not None and state.verdict == Outcome.AUTHENTIC and not 0 < state.verdict_expiry <= now
    return not (is_authentic and state is not None and state.verdict_method >= Method.IN_PERSON)


def keep_watch(connection: Connection, row: AnyRow, wanted: Any, answered: Answered, here: AsOf, *, new_id: str, now: int) -> Json | None:
    """The listing's question watched, as `POST /v1/verifications` would; None: it was not asked for, or there is no item to watch."""
    if answered.answer is None or row.state != "live":
        return None
    request = orjson.loads(row.question) | {"watch": wanted or False}
    given = Given(VerificationIn.model_validate(request), request, answered.seen, answered.answer, here)
    return watches.keep(connection, given, by=row.platform, new_id=new_id, now=now)


def evidence_of(connection: Connection, item: Found, now: int) -> Evidence:
    """What was seen of one item, on whatever platform; whose it was is left out here already."""
    at = datetime.fromtimestamp(now, UTC)
    scanned, sighted, spent = (rows.seen_of(connection, item.item, how, now=at) for how in ("scan", "sighting", "spent-key"))
    scans: dict[datetime, int] = {}
    for row in scanned:
        scans[row.hour] = scans.get(row.hour, 0) + row._mapping["count"]  # a row is a tuple, whose `count` is another thing
    return Evidence(
        listings=[_listed(row, item) for row in rows.live_of_item(connection, item.item, most=MOST_LISTINGS)],
        sightings=[Sighting(_unix(row.hour), _place(row.place), row.how == "scan") for row in (*scanned, *sighted) if row.place],
        most_scans_in_an_hour=max(scans.values(), default=0),
        photos_elsewhere=photos.copied(connection, item.item),
        claims_after_sale=sum(row._mapping["count"] for row in spent),
    )


def _listed(row: AnyRow, item: Found) -> Listed:
    place = None if row.latitude is None else Place(row.latitude, row.longitude)
    return Listed(place, describes_another(orjson.loads(row.offer), item))


def _place(text: str) -> Place:
    latitude, _, longitude = text.partition(",")
    return Place(float(latitude), float(longitude))


def _unix(hour: datetime) -> int:
    return int(hour.replace(tzinfo=hour.tzinfo or UTC).timestamp())


def _partner(connection: Connection, row: AnyRow, seen: Seen, now: int) -> stores.Offer | None:
    """Whose stores the first of its hashtags leads to that is a campaign and whose stores see this kind of thing."""
    said = orjson.loads(row.offer)
    shown = seen.shown.passport if seen.shown is not None else {}
    brand, category = said.get("brand") or (shown.get("brand") or {}).get("did"), said.get("category") or shown.get("category")
    if brand is None or category is None:
        return None
    for tag in said.get("hashtags", []):
        try:
            return stores.offer_of_campaign(connection, tag, brand=brand, category=category, now=datetime.fromtimestamp(now, UTC))
        except (NoSuchCampaign, StoreUnfit):
            continue
    return None
