"""What has to be signed before an event can be sent: the holder's consent, the brand's endorsement of an enrolment.

Only the service can say it where its blinding keys name the item and salt the payload. Nothing is kept but the item's secret, which the
event itself will use: a draft is as old as the tip.
"""

from dataclasses import dataclass
from typing import Any

from ledger_api.domain.events import Enrolment
from ledger_api.domain.parsing import Refusal, parse_event
from ledger_api.domain.terms import consent_of
from ledger_api.intake.accepting import Intake
from ledger_api.intake.item_secrets import secrets_of
from ledger_api.intake.judging import NOBODY
from ledger_api.intake.preparing import NO_ITEM, HeldKeys, Prepared, items_meant, mean, prepare, read_names
from ledger_api.store import accepting as rows
from ledger_api.store.engine import reading
from ledger_verify.hashing import Head, OrganizationId, event_hash
from ledger_verify.transition import UNBORN, Event, Reason, State, state_from_bytes
from ledger_verify.typed_data import consent_typed_data, endorsement_typed_data

UNSIGNED = "0x" + "00" * 65


@dataclass(frozen=True, slots=True)
class Draft:
    item: bytes
    head: bytes  # the tip that the event would follow now
    event_hash: bytes
    consent: dict[str, Any] | None  # EIP-712 typed data for the holder, or the presenter
    endorsement: dict[str, Any] | None  # for the brand


def draft(intake: Intake, event: dict[str, Any], *, organization: OrganizationId) -> Draft | Refusal:
    """The event with an unsigned consent (and endorsement) in it, as it would be signed on the tip of this moment."""
    body = parse_event(_unsigned(event))
    if isinstance(body, Refusal):
        return body
    with reading(intake.engine) as connection:
        registry = intake.authority.read(connection)
        names = read_names(connection, [body])
        keys = HeldKeys(organization, intake.network.consortium, intake.blinding, registry)
    meant = mean(0, body, keys, names)
    keys = keys.with_secrets(secrets_of(intake.engine, organization, items_meant([meant])).by_item)
    prepared = prepare(0, body, meant, organization, keys)
    if isinstance(prepared, Refusal):
        return prepared
    if prepared.item == NO_ITEM:
        return Refusal(Reason.UNKNOWN_ITEM, "No such item is on the ledger.", "item")
    with reading(intake.engine) as connection:
        stored = rows.tips(connection, [prepared.item]).get(prepared.item)
    return _drafted(intake, prepared, UNBORN if stored is None else state_from_bytes(stored))


def _unsigned(event: dict[str, Any]) -> dict[str, Any]:
    """Signatures that are still missing are filled in, so that the body can be read like any other."""
    papers = {name: {"signature": UNSIGNED} | event[name] for name in ("consent", "endorsement") if isinstance(event.get(name), dict)}
    return event | papers


def _drafted(intake: Intake, prepared: Prepared, state: State) -> Draft:
    event = Event(
        item=prepared.item,
        kind=prepared.kind,
        head=state.head,
        occurred_at=prepared.body.occurred_at,
        party=prepared.party,
        detail=prepared.detail,
        payload=prepared.payload,
    )
    hashed = event_hash(event)
    consent, network, endorsement = consent_of(prepared.body), intake.network, None
    if isinstance(prepared.body, Enrolment) and prepared.body.endorsement is not None and prepared.birth is not None:
        endorsement = endorsement_typed_data(
            network.chain_id,
            network.ledger,
            brand=prepared.birth.brand,
            event_hash=hashed,
            deadline=prepared.body.endorsement.deadline,
        )
    asked = None
    if consent is not None:
        asked = consent_typed_data(
            network.chain_id,
            network.ledger,
            action=event.kind,
            item=event.item,
            head=Head(NOBODY) if isinstance(prepared.body, Enrolment) else state.head,
            old_holder=NOBODY if isinstance(prepared.body, Enrolment) else state.holder,
            new_holder=event.party,
            detail=event.detail,
            carrier=consent.carrier or NOBODY,
            store=consent.store or NOBODY,
            deadline=consent.deadline,
        )
    return Draft(event.item, event.head, hashed, asked, endorsement)
