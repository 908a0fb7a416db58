"""An item on the counter: whoever examines it opens the case, takes what photos help, and decides.

    open_in_person → (photos) → what the presenter signs → decide → the ledger

An item that the ledger knows gets a verdict like any other, only a stronger one. One without history is *enrolled* when it is found
authentic: born on the ledger in the hand of whoever presents it, who signs with a fresh claim key. A brand that is a member signs too:
what it signs names the evidence, so it can do so only once the appraiser has decided, and the case waits for it in `recording`.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Connection, Engine

from ledger_api.desk import appraising, life, policy
from ledger_api.desk.asking import NewCase, ShotAnswer, add_shot, new_row
from ledger_api.desk.errors import CaseMoved, NotClaimed, NotInPerson
from ledger_api.desk.policy import Policy
from ledger_api.desk.rows import cases as rows
from ledger_api.desk.rows import queue as line
from ledger_api.desk.rows.cases import AnyRow
from ledger_api.desk.vault import Vault
from ledger_api.domain.fields import rfc3339
from ledger_api.store.engine import reading, writing
from ledger_verify.hashing import EventHash, Head, ItemId, OrganizationId, consent_digest, endorsement_digest
from ledger_verify.signers import recover

Json = dict[str, Any]


def open_in_person(connection: Connection, who: AnyRow, new: NewCase, terms: Policy, *, id: str, now: datetime) -> str:
    """Its id; the case is on `who`'s desk from the first moment, as it would be after a claim.

    The authenticator asks itself, so that its own API key reads the certificate.
    """
    due = now + timedelta(hours=terms.judge_hours)
    asked = {"platform": who.organization, "method": "in-person", "state": "appraising", "due_at": due}
    life.begin(connection, new_row(connection, new, terms, id=id, now=now) | asked, by=f"appraiser {who.id}", why="opened")
    line.claim(connection, case_id=id, seat=appraising.FIRST, appraiser_id=who.id, now=now, until=appraising.until(now))
    return id


def take_shot(engine: Engine, vault: Vault, who: AnyRow, case_id: str, name: str, body: bytes, *, id: str, now: datetime) -> ShotAnswer:
    """A photo of what lies on the counter. Whoever takes it is at work: the claim is prolonged.

    Raises:
        NotClaimed. NotInPerson: an asker sends the photos of this one. And whatever `asking.add_shot` raises.
    """
    with reading(engine) as connection:
        if line.held(connection, case_id, who.id) is None:
            raise NotClaimed(case=case_id)
        case, terms = rows.case(connection, case_id), policy.read(connection, who.organization)
    assert case is not None
    if case.method != "in-person":
        raise NotInPerson(case=case_id)
    answer = add_shot(engine, vault, case, name, body, terms, photographer=who, id=id, now=now)
    with writing(engine) as connection:
        appraising.keep(connection, who, case_id, now=now)
    return answer


# --- what is signed at the counter -----------------------------------------------------------------------------------


def enrolment_event(case: AnyRow, presenter: Mapping[str, Any], *, now: datetime, days: int) -> Json:
    """The birth of an item that is older than any ledger, with what its presenter (and its brand) signed.

    It says when it was decided, so that what the brand was shown is what is sent.
    """
    occurred_at = case.changed_at if case.state == "recording" else now
    payload = {"appraiser": case.appraiser_ref, "evidence": ["0x" + case.evidence.hex()]} if case.evidence is not None else {}
    event: Json = {
        "kind": "enrolment",
        "occurred_at": _moment(occurred_at),
        "brand": case.brand_did,
        "gtin": case.gtin,
        "serial": case.serial,
        "category": case.category,
        "presenter_key": presenter["key"],
        "consent": presenter["consent"],
        "payload": payload,
    }
    if days:  # from the opening: the presenter signs it before anybody has decided
        event["expires_at"] = _moment(case.created_at + timedelta(days=days))
    return event | ({"endorsement": presenter["endorsement"]} if presenter.get("endorsement") else {})


def unsigned(key: str, deadline: datetime) -> Json:
    """What a presenter will have given."""
    return {"key": key, "consent": {"deadline": _moment(deadline)}}


def is_signed_by(typed: Json, separator: bytes, signature: bytes, signer: bytes) -> bool:
    """Of the consent that `intake.drafting` says is to be signed."""
    said = typed["message"]
    digest = consent_digest(
        separator,
        action=said["action"],
        item=ItemId(_bytes(said["item"])),
        head=Head(_bytes(said["head"])),
        old_holder=_bytes(said["oldHolder"]),
        new_holder=_bytes(said["newHolder"]),
        detail=said["detail"],
        carrier=_bytes(said["carrier"]),
        store=_bytes(said["store"]),
        deadline=said["deadline"],
    )
    return recover(digest, signature) == signer


def to_endorse(typed: Json, separator: bytes) -> bytes:
    """The digest that a signer of the brand signs."""
    said = typed["message"]
    brand, event_hash = OrganizationId(_bytes(said["brand"])), EventHash(_bytes(said["eventHash"]))
    return endorsement_digest(separator, brand=brand, event_hash=event_hash, deadline=said["deadline"])


def is_endorsed_by(typed: Json, separator: bytes, signature: bytes, endorser: bytes) -> bool:
    return recover(to_endorse(typed, separator), signature) == endorser


def unsigned_endorsement(presenter: Mapping[str, Any], endorser: str | None = None) -> Json:
    """What the brand will have given; it lasts as long as what the presenter signed. Who signs is no part of what is signed."""
    return {"endorser": endorser or presenter["key"], "deadline": presenter["consent"]["deadline"]}


def keep_presenter(connection: Connection, who: AnyRow, case_id: str, presenter: Mapping[str, Any], *, now: datetime) -> None:
    """What the presenter signed, in place of what was signed before.

    Raises:
        NotClaimed: it is not on this appraiser's desk. NotInPerson: there is nothing to be enrolled.
    """
    case = appraising.held_case(connection, who, case_id)
    if not life.is_presentable(case):
        raise NotInPerson(case=case_id)
    rows.change(connection, case_id, presenter=orjson.dumps(dict(presenter)).decode())
    life.note(connection, case_id, case.state, by=f"appraiser {who.id}", at=now, why="presented", facts={"key": presenter["key"]})


def keep_endorsement(connection: Connection, case_id: str, endorsement: Mapping[str, Any], *, now: datetime) -> None:
    """The brand's signature; or, without one, its word that the service signs with the key that it keeps for the brand.

    Raises:
        CaseMoved: nothing waits for the brand's word.
    """
    case = rows.locked_case(connection, case_id)
    if case is None or not life.awaits_endorsement(case):
        raise CaseMoved(case=case_id, expected=["recording"])
    presenter = orjson.loads(case.presenter) | {"endorsement": dict(endorsement)}
    rows.change(connection, case_id, presenter=orjson.dumps(presenter).decode())
    life.note(connection, case_id, case.state, by="brand", at=now, why="endorsed")


def deadline_of(presenter: Mapping[str, Any]) -> datetime:
    return datetime.strptime(presenter["consent"]["deadline"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def _moment(at: datetime) -> str:
    """SQLite gives times back without a zone; all of ours are UTC."""
    return rfc3339(int(at.replace(tzinfo=at.tzinfo or UTC).timestamp()))


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text[2:])
