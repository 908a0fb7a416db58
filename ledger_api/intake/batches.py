"""A batch that its organization signed: nothing in it may be changed, so it is accepted whole or not at all.

1. Bodies are read and prepared as at the other door, with the salts that are shown instead of keys that are held.
2. Event hashes and the batch hash are made anew; the signature must be the signer's over exactly these.
3. Judged on the tips, with the heads that were signed. Rows, and the batch itself, in one commit.
"""

from dataclasses import dataclass, replace
from typing import Any

import orjson
from sqlalchemy.exc import IntegrityError as RowExists

from ledger_api.domain.authority import Snapshot
from ledger_api.domain.batches import SignedBatchIn, SignedEventIn
from ledger_api.domain.events import AnyEvent, Enrolment, Manufacture, RawMaterial
from ledger_api.domain.identifiers import Unreadable
from ledger_api.domain.parsing import Refusal, parse_event
from ledger_api.domain.reasons import SENTENCES
from ledger_api.domain.signatures import signer_of
from ledger_api.errors import DatabaseBusy
from ledger_api.intake.accepting import ATTEMPTS, Finish, Intake, Order, Signed, allowed, commit_list
from ledger_api.intake.preparing import Birth, Committed, Names, Prepared, Subject, item_birth, lot_birth, mean, prepare, read_names
from ledger_api.intake.results import Submission
from ledger_api.store.engine import reading
from ledger_verify.hashing import (
    Head,
    OrganizationId,
    Uncommittable,
    batch_digest,
    batch_hash,
    commitment_of,
    disclosure_digest,
    event_hash,
    flatten,
    organization_id,
    salted_lot,
    salted_serial,
)
from ledger_verify.transition import Event, Reason, judge_batch

SELF_SALTED = 0  # the epoch of payloads whose salts no blinding key of ours makes


@dataclass(frozen=True, slots=True)
class ShownKeys:
    """Names and salts as the organization shows them, event by event."""

    organization: OrganizationId
    shown: list[SignedEventIn]

    def birth(self, index: int, body: RawMaterial | Manufacture | Enrolment, _names: Names) -> Birth:
        salt = self.shown[index].name_salt
        if salt is None:
            raise Unreadable(Reason.MALFORMED, "A birth needs the salt of its name.")
        if isinstance(body, RawMaterial):
            return lot_birth(self.organization, salted_lot(salt, body.lot), body.lot)
        brand = organization_id(body.brand) if isinstance(body, Enrolment) else self.organization
        return item_birth(brand, salted_serial(salt, body.gtin, body.serial), body.gtin, body.serial)

    def commit(self, index: int, whole: dict[str, Any], _subject: Subject) -> Committed:
        shown = self.shown[index]
        try:
            leaves = flatten(whole)
            if {path for path, _ in leaves} != set(shown.salts):
                raise Unreadable(Reason.MALFORMED, "There must be one salt for each leaf of the committed object, and no other.")
            digests = [disclosure_digest(shown.salts[path], path, value) for path, value in leaves]
        except Uncommittable as error:
            raise Unreadable(Reason.MALFORMED, str(error)) from error
        kept = {path: "0x" + salt.hex() for path, salt in shown.salts.items()}
        if shown.name_salt is not None:
            kept[NAME] = "0x" + shown.name_salt.hex()
        return Committed(commitment_of(digests), SELF_SALTED, salts=orjson.dumps(kept, option=orjson.OPT_SORT_KEYS).decode())


NAME = "name"  # of the name's salt among the others; no pointer reads so


def accept_batch(intake: Intake, body: SignedBatchIn, order: Order, *, finish: Finish | None = None) -> Submission:
    """All events accepted, all known already, or all refused: the guilty with their reasons, the others as `group-refused`.

    Raises:
        DatabaseBusy: nothing was accepted; the batch may be sent again.
    """
    order = replace(order, all_or_nothing=body.all_or_nothing)
    bodies = [parse_event(one.event) for one in body.events]
    for _ in range(ATTEMPTS):
        with reading(intake.engine) as connection:
            registry = intake.authority.read(connection)
            names = read_names(connection, (one for one in bodies if not isinstance(one, Refusal)))
        keys = ShownKeys(order.organization, body.events)
        prepared = [_as_signed(_prepared(index, one, order, keys, names), body.events[index]) for index, one in enumerate(bodies)]
        try:
            return commit_list(
                intake, prepared, order, found=(registry, names), finish=finish, signed=_sealed(intake, body, order, prepared, registry)
            )
        except RowExists:
            continue
    raise DatabaseBusy("Others keep accepting the same events; try again.")


def _prepared(index: int, body: AnyEvent | Refusal, order: Order, keys: ShownKeys, names: Names) -> Prepared | Refusal:
    if isinstance(body, Refusal):
        return body
    return prepare(index, body, allowed(body, order) or mean(index, body, keys, names), order.organization, keys)


def _event(prepared: Prepared, head: bytes) -> Event:
    return Event(
        item=prepared.item,
        kind=prepared.kind,
        head=Head(head),
        occurred_at=prepared.body.occurred_at,
        party=prepared.party,
        detail=prepared.detail,
        payload=prepared.payload,
    )


def _as_signed(prepared: Prepared | Refusal, shown: SignedEventIn) -> Prepared | Refusal:
    """Whether our hash is the one that was signed for, where the sender says which that was."""
    if isinstance(prepared, Refusal) or shown.event_hash is None:
        return prepared
    ours = event_hash(_event(prepared, shown.head))
    if ours == shown.event_hash:
        return prepared
    return Refusal(
        Reason.MALFORMED, "This body does not make the event hash that you signed.", "event_hash", {"event_hash": "0x" + ours.hex()}
    )


def _sealed(intake: Intake, body: SignedBatchIn, order: Order, prepared: list[Prepared | Refusal], registry: Snapshot) -> Signed:
    hashes = [event_hash(_event(one, shown.head)) for one, shown in zip(prepared, body.events, strict=True) if isinstance(one, Prepared)]
    hashed = batch_hash(order.organization, body.signer, body.deadline, body.all_or_nothing, hashes)
    is_whole = len(hashes) == len(prepared)  # else there is no batch hash to check, and a refusal anyway
    valid = not is_whole or _is_signed(intake, body, hashed)
    reason = judge_batch(
        order.organization,
        signer_valid=valid and registry.is_signer(order.organization, body.signer),
        deadline=body.deadline,
        now=order.now,
        authority=registry.at(order.now),
    )
    return Signed(
        heads=[Head(one.head) for one in body.events],
        refusal=None if reason is None else Refusal(reason, SENTENCES[reason]),
        batch={
            "organization": order.organization,
            "signer": body.signer,
            "deadline": body.deadline,
            "all_or_nothing": body.all_or_nothing,
            "batch_hash": hashed,
            "signature": body.signature,
            "status": "signed",
        },
    )


def _is_signed(intake: Intake, body: SignedBatchIn, hashed: bytes) -> bool:
    if body.is_wallet:
        return True
    return signer_of(batch_digest(intake.network.domain_separator, hashed), body.signature) == body.signer
