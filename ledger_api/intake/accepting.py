"""One list of events, accepted: names before the lock; repeats, rules and rows under it; one commit.

1. Read the registry and the names (a transaction that only reads).
2. Name every event's item, have its secret (the organization's are drawn before its first event), salt and hash. No lock is held.
3. Lock the items, look for repeats, judge on the tips.
4. Write payloads, names, events, tips, submission; the caller's `finish` keeps its answer. Commit.
5. A row that somebody else wrote meanwhile breaks a unique index: nothing has happened, start again at 1.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from typing import Any

import orjson
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError as RowExists

from ledger_api.directory import Blinding
from ledger_api.domain.authority import Snapshot
from ledger_api.domain.events import AnyEvent, Enrolment
from ledger_api.domain.network import Network
from ledger_api.domain.parsing import Refusal
from ledger_api.domain.reasons import SENTENCES
from ledger_api.domain.terms import consent_of
from ledger_api.errors import DatabaseBusy
from ledger_api.intake.item_secrets import Secrets, SecretsChanged, secrets_of
from ledger_api.intake.judging import NOBODY, Accepted, Bench
from ledger_api.intake.keeping import identifier_row, mend, payload_row
from ledger_api.intake.preparing import NO_ITEM, HeldKeys, Names, Prepared, items_meant, mean, prepare, read_names
from ledger_api.intake.results import EventResult, Submission, count_refusals, say_received
from ledger_api.store import accepting as rows
from ledger_api.store import directory
from ledger_api.store.engine import lock_items, reading, writing
from ledger_verify.hashing import Head, OrganizationId
from ledger_verify.transition import Hold, Kind, Reason, state_to_bytes

ATTEMPTS = 4
NO_SECRETS = Secrets()  # of a batch whose organization salts it itself


class AuthorityCache:
    """The registry as last read, read again when the indexer has moved on."""

    def __init__(self, consortium: OrganizationId) -> None:
        self._consortium = consortium
        self._read_at: tuple[Any, ...] | None = None
        self._snapshot = Snapshot(consortium)
        self._lock = Lock()

    def read(self, connection: Connection) -> Snapshot:
        at = directory.place(connection)
        with self._lock:
            if at is None or at != self._read_at:
                self._snapshot, self._read_at = directory.load_authority(connection, self._consortium), at
            return self._snapshot


@dataclass(frozen=True, slots=True)
class Intake:
    """What acceptance needs to know, made once per process."""

    engine: Engine
    network: Network
    blinding: Blinding
    authority: AuthorityCache


@dataclass(frozen=True, slots=True)
class Order:
    """One list: who sends it, when, and the ids it goes by."""

    organization: OrganizationId
    now: int
    submission: str  # the id to use; chunks of one long list share it
    request_id: str
    kinds: frozenset[Kind] | None = None  # that the sender's key may send; None: all
    all_or_nothing: bool = False
    offset: int = 0  # of the first event in the whole list


Finish = Callable[[Connection, Submission], None]


def accept_events(intake: Intake, events: Sequence[AnyEvent | Refusal], order: Order, *, finish: Finish | None = None) -> Submission:
    """Each event accepted, known already, or refused with its reason; what is accepted is committed when this returns.

    Raises:
        DatabaseBusy: nothing was accepted; the list may be sent again.
    """
    for _ in range(ATTEMPTS):
        with reading(intake.engine) as connection:
            registry = intake.authority.read(connection)
            names = read_names(connection, (body for body in events if not isinstance(body, Refusal)))
        keys = HeldKeys(order.organization, intake.network.consortium, intake.blinding, registry)
        meant = [allowed(body, order) or mean(index, body, keys, names) for index, body in enumerate(events)]  # type: ignore[arg-type]  # no Refusal is left
        drawn = secrets_of(intake.engine, order.organization, items_meant(meant))
        keys = keys.with_secrets(drawn.by_item)
        prepared = [prepare(index, body, meant[index], order.organization, keys) for index, body in enumerate(events)]  # type: ignore[arg-type]  # the same
        try:
            return commit_list(intake, prepared, order, found=(registry, names), finish=finish, drawn=drawn)
        except (RowExists, SecretsChanged):
            continue
    raise DatabaseBusy("Others keep accepting the same events; try again.")


def allowed(body: AnyEvent | Refusal, order: Order) -> Refusal | None:
    if isinstance(body, Refusal):
        return body
    if order.kinds is not None and body.kind not in {kind.code for kind in order.kinds}:
        return Refusal(Reason.ROLE_MISSING, "This API key may not send events of this kind.", "kind")
    return None


@dataclass(frozen=True, slots=True)
class Signed:
    """What an organization settled by its own signature: the heads its events follow, and its batch."""

    heads: Sequence[Head]
    refusal: Refusal | None  # of the batch as a whole: signer, standing, deadline
    batch: dict[str, Any]  # the row


@dataclass(frozen=True, slots=True)
class Repeat:
    submission: str | None  # that brought the first one; None when only the chain knows it


Judged = Accepted | Repeat | Refusal


def commit_list(
    intake: Intake,
    prepared: Sequence[Prepared | Refusal],
    order: Order,
    *,
    found: tuple[Snapshot, Names],
    finish: Finish | None,
    signed: Signed | None = None,
    drawn: Secrets = NO_SECRETS,
) -> Submission:
    """Steps 3 and 4. Raises RowExists when somebody else was faster, SecretsChanged when what the salts are made with was destroyed."""
    with writing(intake.engine) as connection:
        drawn.prove(connection, order.organization)
        bench, live = _bench(connection, intake, prepared, order, found)
        judged = [_judge(place, one, bench, live, signed) for place, one in enumerate(prepared)]
        if order.all_or_nothing or signed is not None:
            judged = _together(judged)
        accepted = [one for one in judged if isinstance(one, Accepted)]
        if accepted:
            _write(connection, accepted, order, bench, signed)
        mend(connection, _repeats(prepared, judged, live), order.organization, bench.names)
        submission = Submission(order.submission if accepted else None, _results(connection, prepared, judged, order))
        count_refusals(connection, submission)
        if finish is not None:
            finish(connection, submission)
    say_received(submission, order.request_id)
    return submission


def _bench(
    connection: Connection, intake: Intake, prepared: Sequence[Prepared | Refusal], order: Order, found: tuple[Snapshot, Names]
) -> tuple[Bench, dict[bytes, str | None]]:
    """Under the lock: the states to judge on, and which of the events are no news."""
    registry, names = found
    events = [one for one in prepared if isinstance(one, Prepared)]
    items = {one.item for one in events}
    lots = {names.lots[lot] for one in events for lot in one.lots if lot in names.lots}
    namesakes = {names.serials[pair].item for one in events if (pair := one.serial_pair()) is not None and pair in names.serials}
    lock_items(connection, items | namesakes)  # whose names may be freed; a lot is only asked for
    bench = Bench(
        organization=order.organization,
        network=intake.network,
        registry=registry,
        now=order.now,
        stored=rows.tips(connection, items | lots | namesakes),
        names=names,
        authors=lambda item: rows.authors(connection, item),
        all_or_nothing=order.all_or_nothing,
    )
    return bench, rows.live_events(connection, (known for one in events for known in (one.event_id, *one.former_ids)))


def _judge(place: int, one: Prepared | Refusal, bench: Bench, live: dict[bytes, str | None], signed: Signed | None) -> Judged:
    if isinstance(one, Refusal):
        return one
    known = next((each for each in (one.event_id, *one.former_ids) if each in live), None)
    if known is not None:
        return Repeat(live[known])
    if signed is not None and signed.refusal is not None:
        return signed.refusal
    judged = bench.judge(one, head=None if signed is None else signed.heads[place])
    if isinstance(judged, Reason):
        return Refusal(judged, SENTENCES[judged], facts=_facts(judged, one, bench))
    live[one.event_id] = None  # said twice in one list: the second is a repeat of the first
    return judged


def _repeats(prepared: Sequence[Prepared | Refusal], judged: Sequence[Judged], live: dict[bytes, str | None]) -> list[Prepared]:
    """Under the id they have now: what was committed under an earlier blinding key is another payload."""
    pairs = zip(prepared, judged, strict=True)
    return [one for one, verdict in pairs if isinstance(verdict, Repeat) and isinstance(one, Prepared) and one.event_id in live]


def _facts(reason: Reason, one: Prepared, bench: Bench) -> dict[str, Any]:
    match reason:
        case Reason.ON_HOLD:
            holds = bench.state_of(one.item).holds
            return {"holds": [hold.code for hold in Hold if holds & hold.bit]}
        case Reason.UNKNOWN_LOT:
            return {"lots": bench.missing_lots(one)}
        case Reason.SUPERSEDED:
            return {"head": "0x" + bench.state_of(one.item).head.hex()}
    return {}


def _together(judged: list[Judged]) -> list[Judged]:
    """All or nothing: with one refusal the others are refused for its sake. A group that was accepted before is a repeat as a whole."""
    if all(isinstance(one, Accepted) for one in judged) or all(isinstance(one, Repeat) for one in judged):
        return judged
    settled: list[Judged] = []
    for one in judged:
        match one:
            case Accepted():
                settled.append(Refusal(Reason.GROUP_REFUSED, SENTENCES[Reason.GROUP_REFUSED]))
            case Repeat():
                settled.append(Refusal(Reason.ALREADY_RECORDED, "This event of the group was accepted before, without the others."))
            case Refusal():
                settled.append(one)
    return settled


# --- rows ------------------------------------------------------------------------------------------------------------


def _write(connection: Connection, accepted: list[Accepted], order: Order, bench: Bench, signed: Signed | None) -> None:
    now = datetime.fromtimestamp(order.now, UTC)
    sender = {"organization": order.organization, "request_id": order.request_id, "created_at": now}
    rows.keep_submission(connection, {"id": order.submission, **sender})
    batch = None if signed is None else rows.insert_batch(connection, signed.batch)
    rows.keep_payloads(connection, [payload_row(one.prepared, order.organization) for one in accepted])
    rows.forget_identifiers(connection, bench.freed)
    rows.keep_identifiers(connection, [identifier_row(one.prepared) for one in accepted if one.prepared.birth is not None])
    rows.keep_events(connection, [_event_row(one, order, batch) for one in accepted])
    rows.keep_tips(connection, {one.event.item: state_to_bytes(one.state) for one in accepted})


def _event_row(one: Accepted, order: Order, batch: int | None) -> dict[str, Any]:
    event, prepared = one.event, one.prepared
    return {
        "event_id": prepared.event_id,
        "submission": order.submission,
        "position": order.offset + prepared.index,
        "organization": order.organization,
        "item": event.item,
        "kind": event.kind,
        "occurred_at": event.occurred_at,
        "party": event.party,
        "detail": event.detail.to_bytes(8, "big"),
        "payload": event.payload,
        "head": event.head,
        "event_hash": one.event_hash,
        "approval": _approval(prepared),
        "state": state_to_bytes(one.state),
        "status": "accepted",
        "unit": order.submission if order.all_or_nothing else None,
        "batch": batch,
        "batch_position": None if batch is None else prepared.index,
    }


def _approval(prepared: Prepared) -> bytes | None:
    """What travels beside the event (docs/architecture.md, Acceptance)."""
    papers: dict[str, Any] = {}
    consent = consent_of(prepared.body)
    if consent is not None:
        papers["consent"] = {
            "carrier": "0x" + (consent.carrier or NOBODY).hex(),
            "store": "0x" + (consent.store or NOBODY).hex(),
            "deadline": consent.deadline,
            "signature": "0x" + consent.signature.hex(),
        }
    if isinstance(prepared.body, Enrolment) and prepared.birth is not None:
        papers["enrolment"] = {"brand": "0x" + prepared.birth.brand.hex(), "serial_commitment": "0x" + prepared.birth.commitment.hex()}
        endorsement = prepared.body.endorsement
        if endorsement is not None:
            papers["endorsement"] = {
                "endorser": "0x" + endorsement.endorser.hex(),
                "deadline": endorsement.deadline,
                "signature": "0x" + endorsement.signature.hex(),
            }
    return orjson.dumps(papers) if papers else None


# --- answers ---------------------------------------------------------------------------------------------------------


def _results(connection: Connection, prepared: Sequence[Prepared | Refusal], judged: Sequence[Judged], order: Order) -> list[EventResult]:
    """Refusals are remembered, and one that was given before is given again."""
    refused = {
        one.event_id: verdict.reason
        for one, verdict in zip(prepared, judged, strict=True)
        if isinstance(one, Prepared) and isinstance(verdict, Refusal) and one.item != NO_ITEM and verdict.reason not in _PASSING
    }
    first = rows.first_reasons(connection, refused) if refused else {}
    now = datetime.fromtimestamp(order.now, UTC)
    rows.keep_refusals(
        connection, [{"event_id": key, "reason": int(reason), "created_at": now} for key, reason in refused.items() if key not in first]
    )
    return [_result(order.offset + place, one, verdict, first) for place, (one, verdict) in enumerate(zip(prepared, judged, strict=True))]


# a matter of the moment or of the neighbours, and no word about the event
_PASSING = frozenset({Reason.SUPERSEDED, Reason.GROUP_REFUSED, Reason.DEADLINE_PASSED})


def _result(index: int, one: Prepared | Refusal, judged: Judged, first: dict[bytes, int]) -> EventResult:
    named = isinstance(one, Prepared) and one.item != NO_ITEM
    event_id, item = (one.event_id, one.item) if isinstance(one, Prepared) and named else (None, None)
    match judged:
        case Accepted():
            return EventResult(index, "accepted", event_id, item)
        case Repeat(submission=submission):
            return EventResult(index, "duplicate", event_id, item, submission)
        case Refusal(reason=reason, message=message, field=at, facts=facts):
            earlier = first.get(event_id, reason) if event_id is not None and reason not in _PASSING else reason
            if earlier != reason:
                reason, message, facts = Reason(earlier), SENTENCES[Reason(earlier)], {}
            return EventResult(index, "refused", event_id, item, None, reason, at, message, facts)
