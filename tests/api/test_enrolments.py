"""Items older than the ledger: born in a store, under their brand's name or the consortium's."""

from typing import Any

import pytest
from sqlalchemy import text

from ledger_verify.hashing import (
    Commitment,
    Head,
    ItemId,
    OrganizationId,
    consent_digest,
    endorsement_digest,
    event_hash,
    item_id,
    organization_id,
    serial_commitment,
)
from ledger_verify.transition import Event, Kind, Role, pack_detail
from tests import consortium
from tests.consortium import DIDS, EXPERT, GTIN, MAISON, NETWORK, NOW, address_of, key_of, manufacture, sign
from tests.doors import Doors

OLD_BRAND = "did:web:maison-disparue.example"
DETAIL = pack_detail(a=1, b=3, c=1, consented=True)


def enrolment(brand: str, keeper: OrganizationId, *, presenter: str = "presenter") -> dict[str, Any]:
    commitment = serial_commitment(consortium.FixedKeys().blinding_of(keeper, 1), GTIN, "OLD-1")
    item = item_id(organization_id(brand), commitment)
    key = address_of(key_of(presenter))
    digest = consent_digest(
        NETWORK.domain_separator,
        action=Kind.ENROLMENT,
        item=item,
        head=Head(bytes(32)),
        old_holder=bytes(32),
        new_holder=key.rjust(32, b"\0"),
        detail=DETAIL,
        carrier=bytes(32),
        store=bytes(32),
        deadline=NOW + 60,
    )
    consent = {"deadline": consortium.rfc3339(NOW + 60), "signature": "0x" + sign(key_of("presenter"), digest).hex()}
    body = {"kind": "enrolment", "occurred_at": "2025-05-01T09:00:00Z", "brand": brand, "gtin": GTIN, "serial": "OLD-1"}
    return body | {"category": "handbag", "presenter_key": "0x" + key.hex(), "consent": consent, "payload": {"model": "Sac 1974"}}


def endorsed(doors: Doors, body: dict[str, Any], signer: str) -> dict[str, Any]:
    """The brand's word is over the event hash, which holds the payload commitment that the service makes: asked for by a trial."""
    from ledger_api.domain.events import Enrolment
    from ledger_api.domain.parsing import parse_event
    from ledger_api.intake.item_secrets import secrets_of
    from ledger_api.intake.preparing import HeldKeys, Names, Prepared, items_meant, mean, prepare

    parsed = parse_event(body)
    assert isinstance(parsed, Enrolment)
    registry = doors.context.intake.authority
    with doors.engine.connect() as connection:
        keys = HeldKeys(EXPERT, consortium.CONSORTIUM, doors.keys, registry.read(connection))
    meant = mean(0, parsed, keys, Names())
    prepared = prepare(0, parsed, meant, EXPERT, keys.with_secrets(secrets_of(doors.engine, EXPERT, items_meant([meant])).by_item))
    assert isinstance(prepared, Prepared)
    event = Event(
        item=ItemId(prepared.item),
        kind=Kind.ENROLMENT,
        head=Head(bytes(32)),
        occurred_at=parsed.occurred_at,
        party=prepared.party,
        detail=prepared.detail,
        payload=Commitment(prepared.payload),
    )
    digest = endorsement_digest(NETWORK.domain_separator, brand=MAISON, event_hash=event_hash(event), deadline=NOW + 60)
    word = {"endorser": "0x" + address_of(key_of(signer)).hex(), "deadline": consortium.rfc3339(NOW + 60)}
    return body | {"endorsement": word | {"signature": "0x" + sign(key_of(signer), digest).hex()}}


def test_an_item_of_a_brand_that_is_no_member_is_enrolled_under_the_consortiums_key(doors: Doors) -> None:
    answer = doors.post("EXPERT", "/v1/events", enrolment(OLD_BRAND, consortium.CONSORTIUM))

    assert answer.status_code == 202, answer.json()


def test_the_presenter_must_have_signed(doors: Doors) -> None:
    answer = doors.post("EXPERT", "/v1/events", enrolment(OLD_BRAND, consortium.CONSORTIUM, presenter="somebody else"))

    assert answer.json()["reason"] == "consent-invalid"


def test_only_an_authenticator_enrols(doors: Doors) -> None:
    answer = doors.post("BOUTIQUE", "/v1/events", enrolment(OLD_BRAND, consortium.CONSORTIUM))

    assert answer.json()["reason"] == "role-missing"


@pytest.mark.parametrize(("signer", "expected"), [("MAISON", "accepted"), ("VERNE", "consent-invalid"), (None, "consent-missing")])
def test_a_member_brand_must_co_sign(doors: Doors, signer: str | None, expected: str) -> None:
    body = enrolment(DIDS["MAISON"], MAISON)

    answer = doors.post("EXPERT", "/v1/events", body if signer is None else endorsed(doors, body, signer))

    assert answer.json().get("reason", "accepted") == expected


def test_a_brand_that_speaks_later_speaks_of_the_same_item(doors: Doors) -> None:
    enrolled = doors.post("EXPERT", "/v1/events", endorsed(doors, enrolment(DIDS["MAISON"], MAISON), "MAISON")).json()

    made = doors.post("MAISON", "/v1/events", manufacture("OLD-1", occurred_at="2025-05-02T09:00:00Z")).json()

    assert made["results"][0]["item"] == enrolled["results"][0]["item"]


def test_a_brand_that_joins_later_finds_the_item_that_was_enrolled_without_it(doors: Doors) -> None:
    with doors.engine.begin() as connection:
        connection.execute(text("DELETE FROM organizations WHERE did = :did"), {"did": DIDS["VERNE"]})
    enrolled = doors.post("EXPERT", "/v1/events", enrolment(DIDS["VERNE"], consortium.CONSORTIUM)).json()
    with doors.engine.begin() as connection:
        row = {"id": consortium.VERNE, "did": DIDS["VERNE"], "roles": int(Role.BRAND), "suspended": False, "block": 2}
        connection.execute(
            text("INSERT INTO organizations (id, did, roles, suspended, admitted_block) VALUES (:id, :did, :roles, :suspended, :block)"),
            row,
        )

    made = doors.post("VERNE", "/v1/events", manufacture("OLD-1", occurred_at="2025-05-02T09:00:00Z")).json()

    assert made["results"][0]["item"] == enrolled["results"][0]["item"]
