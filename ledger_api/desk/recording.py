"""What the desk brings to the ledger, by the door that any authenticator uses, and what becomes of it.

    recording ── verdict or enrolment accepted ──► (verdict_event) ── recorded ──► concluded
    appealed  ── dispute accepted ──► (dispute_event) … the appeal is decided ── correction and release, all or nothing ──► concluded

The event's id is kept in the commit that accepts it, if nobody else's is there yet: a process that dies between two lines neither loses a
verdict nor records it twice, and no more do two processes that see the same case waiting.
A verdict that the ledger refuses ends the case all the same: the certificate says that it is not on the ledger, and why.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import orjson
import structlog
from sqlalchemy import Connection

from ledger_api.desk import life, policy
from ledger_api.desk.in_person import deadline_of, enrolment_event, to_endorse, unsigned_endorsement
from ledger_api.desk.rows import cases as rows
from ledger_api.desk.rows.cases import AnyRow
from ledger_api.desk.rows.paging import each
from ledger_api.domain.parsing import Refusal, parse_event
from ledger_api.domain.reasons import SENTENCES
from ledger_api.intake import EventResult, Intake, Order, Submission, accept_events
from ledger_api.intake.drafting import draft
from ledger_api.store.engine import reading, writing
from ledger_verify.hashing import OrganizationId
from ledger_verify.transition import Hold, Reason, state_from_bytes

MOST_AT_ONCE = 100
GROUNDS_LENGTH = 2_000
LANDED = ("recorded", "final")

logger = structlog.get_logger(__name__)


class BroughtElsewhere(Exception):
    """Another process has moved it since it was read: nothing of ours is accepted."""


class Signer(Protocol):
    @property
    def address(self) -> bytes: ...

    def sign(self, digest: bytes) -> bytes: ...


class Signers(Protocol):
    """The keys that the service keeps for its members (`keys.Keyring`)."""

    def holds(self, organization: OrganizationId) -> bool: ...

    def signer(self, organization: OrganizationId) -> Signer: ...


@dataclass(frozen=True, slots=True)
class Scribe:
    """Brings what the desk has decided to the ledger. One turn is idempotent; any number of processes may take turns."""

    intake: Intake
    new_id: Callable[[], str]
    signers: Signers | None = None  # for brands that agreed to an enrolment and leave the signing to the service

    def turn(self, now: datetime) -> int:
        """How many cases moved."""
        waiting, disputes = each(self.intake.engine, rows.to_bring), each(self.intake.engine, rows.to_dispute)
        moved = sum(self._bring(case, now) if case.verdict_event is None else self._follow(case, now) for case in waiting)
        moved += sum(self._dispute(case, now) for case in disputes)
        with reading(self.intake.engine) as connection:
            taken_back = rows.taken_back(connection, most=MOST_AT_ONCE)
        for case_id in taken_back:
            self._take_back(case_id, now)
        return moved + len(taken_back)

    # --- verdicts

    def _bring(self, case: AnyRow, now: datetime) -> bool:
        """To the ledger, or straight to the end where there is nothing to be recorded."""
        with reading(self.intake.engine) as connection:
            events, why = self._events(connection, case, now)
        if not events:
            return why != "" and self.end(case, now, why)
        try:
            results = self._accept(case, events, now, column="verdict_event")
        except BroughtElsewhere:
            return False
        refused = next((result for result in results if result.status == "refused"), None)
        if refused is None:
            return True
        assert refused.reason is not None
        logger.warning("a verdict was refused", case=case.id, reason=refused.reason.code, why=refused.message)
        return self.end(case, now, "not-recorded", reason=refused.reason.code, message=refused.message)

    def _events(self, connection: Connection, case: AnyRow, now: datetime) -> tuple[list[dict[str, Any]], str]:
        """What is to be recorded; or nothing, and why the case ends without."""
        if case.known_outcome is not None:
            return [], "test-case"
        if case.appeal_of is not None:
            return self._of_appeal(connection, case, now)
        item = rows.item_of(connection, case)
        terms = policy.read(connection, case.authenticator)
        if item is not None:
            return [verdict_event(case, item, now, days=terms.verdict_days)], ""
        if case.method == "in-person" and case.outcome == "authentic":
            return self._enrolment(connection, case, now, days=terms.verdict_days)
        return [], "unknown-to-the-ledger"

    def _enrolment(self, connection: Connection, case: AnyRow, now: datetime, *, days: int) -> tuple[list[dict[str, Any]], str]:
        """Nothing and no reason while the brand has not signed, and still may."""
        if case.presenter is None or not life.is_presentable(case):
            return [], "not-presented"
        presenter = orjson.loads(case.presenter)
        is_endorsed = "endorsement" in presenter or not self.intake.authority.read(connection).is_member(case.brand)
        if deadline_of(presenter) < now:
            return [], "presented-too-long-ago" if is_endorsed else "not-endorsed"
        if "endorsement" in presenter and "signature" not in presenter["endorsement"]:
            presenter = self._endorsed(case, presenter, now, days=days)
            is_endorsed = presenter is not None
        return ([enrolment_event(case, presenter, now=now, days=days)] if is_endorsed else []), ""

    def _endorsed(self, case: AnyRow, presenter: Mapping[str, Any], now: datetime, *, days: int) -> Mapping[str, Any] | None:
        """Signed as the brand asked, with the key that the service keeps for it; None: no such key is here, the brand may sign itself."""
        brand = OrganizationId(case.brand)
        if self.signers is None or not self.signers.holds(brand):
            return None
        signer = self.signers.signer(brand)
        endorsement = unsigned_endorsement(presenter, "0x" + signer.address.hex())
        event = enrolment_event(case, dict(presenter) | {"endorsement": endorsement}, now=now, days=days)
        found = draft(self.intake, event, organization=OrganizationId(case.authenticator))
        if isinstance(found, Refusal) or found.endorsement is None:
            signature = bytes(65)  # acceptance says why, and the case ends with its reason
        else:
            signature = signer.sign(to_endorse(found.endorsement, self.intake.network.domain_separator))
        return dict(presenter) | {"endorsement": endorsement | {"signature": "0x" + signature.hex()}}

    def _of_appeal(self, connection: Connection, case: AnyRow, now: datetime) -> tuple[list[dict[str, Any]], str]:
        """A correction where the outcome is another, and the end of the dispute: together or not at all."""
        first = rows.case(connection, case.appeal_of)
        assert first is not None
        if first.state != "appealed":
            return [], "appeal-over"
        standing = None if first.verdict_event is None else rows.standing(connection, first.verdict_event)
        if standing is None or standing.sequence is None or first.item is None:
            return [], "appeal-decided"
        at, item = _rfc3339(now), {"id": "0x" + first.item.hex()}
        events: list[dict[str, Any]] = []
        if case.outcome != first.outcome:
            payload = {"reason": f"Appeal judged by {case.appraiser_ref}; evidence 0x{case.evidence.hex()}"}
            events.append(
                {"kind": "correction", "occurred_at": at, "item": item, "sequence": standing.sequence, "outcome": case.outcome}
                | {"payload": payload}
            )
        disputed = None if first.dispute_event is None else rows.standing(connection, first.dispute_event)
        if disputed is not None and disputed.status in LANDED and _is_disputed(connection, first.item):
            events.append({"kind": "release", "occurred_at": at, "item": item, "hold": "disputed", "payload": {"reference": case.id}})
        if first.dispute_event is not None and disputed is not None and disputed.status == "accepted":
            return [], ""  # the dispute is still on its way: first things first
        return events, "appeal-decided"

    def _follow(self, case: AnyRow, now: datetime) -> bool:
        """Recorded: concluded. Refused on the way because the item's history moved on: sent again on the new one."""
        with reading(self.intake.engine) as connection:
            standing = rows.standing(connection, case.verdict_event)
        if standing is None or standing.status == "accepted":
            return False
        if standing.status in LANDED:
            return self.end(case, now, "recorded", block=standing.block_number, sequence=standing.sequence)
        reason = Reason(standing.reason)
        if reason != Reason.SUPERSEDED:
            return self.end(case, now, "not-recorded", reason=reason.code, message=SENTENCES[reason])
        with writing(self.intake.engine) as connection:
            if not _is_as_seen(connection, case, "verdict_event"):
                return False
            rows.change(connection, case.id, verdict_event=None)
            life.note(connection, case.id, "recording", by="desk", at=now, why="sent-again", facts={"reason": reason.code})
        return True

    def end(self, case: AnyRow, now: datetime, why: str, **facts: Any) -> bool:
        """False: another process has ended it since it was read, or sent another verdict."""
        with writing(self.intake.engine) as connection:
            return _is_as_seen(connection, case, "verdict_event") and end(connection, case.id, now, why, **facts)

    def _take_back(self, case_id: str, now: datetime) -> None:
        with writing(self.intake.engine) as connection:
            case = rows.locked_case(connection, case_id)
            if case is not None and case.state == "concluded":
                life.step(
                    connection, case_id, "concluded", "recording", by="desk", at=now, why="taken-back", due_at=now + timedelta(hours=1)
                )

    # --- appeals

    def _dispute(self, case: AnyRow, now: datetime) -> bool:
        with reading(self.intake.engine) as connection:
            standing = rows.standing(connection, case.verdict_event)
            appeal = rows.appeal_of(connection, case.id)
        if standing is None or standing.sequence is None or appeal is None:
            return False
        payload = {"grounds": appeal.notes[:GROUNDS_LENGTH] or "The asker disputes the verdict.", "evidence": ["0x" + case.evidence.hex()]}
        event = {"kind": "dispute", "occurred_at": _rfc3339(now), "item": {"id": "0x" + case.item.hex()}, "payload": payload}
        try:
            results = self._accept(case, [event | {"sequence": standing.sequence}], now, column="dispute_event")
        except BroughtElsewhere:
            return False
        if results[0].status == "refused":  # it is heard all the same; the ledger shows no dispute
            with writing(self.intake.engine) as connection:
                if not _is_as_seen(connection, case, "dispute_event"):
                    return False
                rows.change(connection, case.id, dispute_event=b"")
                reason = results[0].reason
                facts = {"reason": None if reason is None else reason.code, "message": results[0].message}
                life.note(connection, case.id, "appealed", by="desk", at=now, why="dispute-refused", facts=facts)
        return True

    # --- the door

    def _accept(self, case: AnyRow, events: Sequence[Mapping[str, Any]], now: datetime, *, column: str) -> list[EventResult]:
        """Accepted, with the id of the first event in the case's empty `column`, in one commit. Raises BroughtElsewhere."""

        def finish(connection: Connection, submission: Submission) -> None:
            if case._mapping[column] is not None or not _is_as_seen(connection, case, column):
                raise BroughtElsewhere
            told = submission.results[0]
            if told.status != "refused" and told.event_id is not None:
                rows.change(connection, case.id, **{column: told.event_id})

        order = Order(
            organization=OrganizationId(case.authenticator),
            now=int(now.timestamp()),
            submission=self.new_id(),
            request_id=f"case {case.id}",
            all_or_nothing=len(events) > 1,
        )
        return accept_events(self.intake, [parse_event(dict(event)) for event in events], order, finish=finish).results


def _is_as_seen(connection: Connection, case: AnyRow, column: str) -> bool:
    """Whether it is where it was when it was read, and nobody has sent anything else of it; it is locked from here on."""
    fresh = rows.locked_case(connection, case.id)
    return fresh is not None and (fresh.state, fresh._mapping[column]) == (case.state, case._mapping[column])


def end(connection: Connection, case_id: str, now: datetime, why: str, **facts: Any) -> bool:
    """The case is concluded, and with it the one that it is the appeal of; False: it is not on its way to the ledger any more."""
    seen = rows.locked_case(connection, case_id)
    if seen is None or seen.state != "recording":
        return False
    columns = {} if why == "recorded" or seen.verdict_event is None else {"verdict_event": None}
    item = seen.item or (rows.named(connection, seen.gtin, seen.serial) if seen.gtin and seen.serial else None)
    life.step(connection, case_id, "recording", "concluded", by="desk", at=now, why=why, facts=facts, item=item, **columns)
    if seen.appeal_of is not None:
        _settle(connection, seen, now)
    return True


def verdict_event(case: AnyRow, item: bytes, now: datetime, *, days: int) -> dict[str, Any]:
    """An authentic one expires after the policy's days; the others stand until somebody says better."""
    event: dict[str, Any] = {
        "kind": "verdict",
        "occurred_at": _rfc3339(now),
        "item": {"id": "0x" + item.hex()},
        "outcome": case.outcome,
        "method": case.method,
        "payload": {"appraiser": case.appraiser_ref, "evidence": ["0x" + case.evidence.hex()]},
    }
    if case.outcome == "authentic" and days:
        event["expires_at"] = _rfc3339(now + timedelta(days=days))
    return event


def _settle(connection: Connection, appeal: AnyRow, now: datetime) -> None:
    """The first case hears what became of its appeal. One that has heard it is not waited for: who erases it has it, and wants this one."""
    first = rows.case(connection, appeal.appeal_of)
    if first is None or first.state != "appealed":
        return
    is_overturned = appeal.outcome != first.outcome
    facts = {"appeal": appeal.id, "was": first.outcome, "outcome": appeal.outcome}
    changed = (
        {"outcome": appeal.outcome, "confidence": appeal.confidence, "reasons": appeal.reasons, "appraiser_ref": appeal.appraiser_ref}
        | {"evidence": appeal.evidence}
        if is_overturned
        else {}
    )
    why = "overturned" if is_overturned else "upheld"
    life.step(
        connection, first.id, "appealed", "concluded", by=f"appraiser {appeal.appraiser_ref}", at=now, why=why, facts=facts, **changed
    )


def _is_disputed(connection: Connection, item: bytes) -> bool:
    state = rows.state(connection, item)
    return state is not None and bool(state_from_bytes(state).holds & Hold.DISPUTED.bit)


def _rfc3339(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
