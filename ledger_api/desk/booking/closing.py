"""What happens to bookings without anybody asking: holds that were recorded, verdicts that were given, deadlines, reminders.

    verifying ── staff decided ──► closing ── verdict + release + resale, all or nothing ──► handing-over
                                      │ refused: verdict + release                      ──► verified, returning
                                      └ refused again                                   ──► releasing ── release ──► returning

The ids of what is on its way are kept in the commit that accepts it: a process that dies between two lines neither loses nor repeats
anything. A turn is idempotent, and any number of processes may take turns.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import orjson
import structlog
from sqlalchemy import Connection

from ledger_api.columns import utc
from ledger_api.desk import policy, recording
from ledger_api.desk.booking import examining, life, rows
from ledger_api.desk.booking.counter import order_of, resale_event, state_of
from ledger_api.desk.booking.rows import AnyRow, rfc
from ledger_api.desk.booking.settling import until
from ledger_api.desk.recording import LANDED, BroughtElsewhere, Scribe, verdict_event
from ledger_api.desk.rows import cases
from ledger_api.desk.rows.paging import each
from ledger_api.domain.parsing import parse_event
from ledger_api.domain.reasons import SENTENCES
from ledger_api.intake import EventResult, Intake, Submission, accept_events
from ledger_api.store import directory
from ledger_api.store.engine import reading, writing
from ledger_verify.transition import Hold, Reason

MOST_AT_ONCE = 100
WITH_RESALE, WITHOUT_RESALE = 0, 1  # plans, the fullest first
REMIND_BEFORE = timedelta(days=1)
Json = dict[str, Any]

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Closer:
    scribe: Scribe

    @property
    def intake(self) -> Intake:
        return self.scribe.intake

    def turn(self, now: datetime) -> int:
        """How many bookings moved."""
        moved = sum(self._tend(booking, now) for booking in each(self.intake.engine, rows.movable))
        moved += sum(self._end(booking, now) for booking in each(self.intake.engine, partial(rows.overdue, now=now)))
        return moved + self._remind(now)

    def _tend(self, booking: AnyRow, now: datetime) -> bool:
        match booking.state:
            case "holding":
                return self._follow_hold(booking, now)
            case "verifying":
                return self._see_decision(booking, now)
            case "closing":
                return self._close(booking, now)
        return self._release(booking, now)

    # --- the hold

    def _follow_hold(self, booking: AnyRow, now: datetime) -> bool:
        with writing(self.intake.engine) as connection:
            fresh = rows.locked(connection, booking.id)
            if fresh is None or fresh.state != "holding":
                return False
            told = cases.standing(connection, fresh.hold_event)
            if told is None or told.status == "accepted":
                return False
            if told.status in LANDED:
                facts = {"block": told.block_number, "until": rfc(fresh.hold_until)}
                life.step(connection, booking.id, "holding", "verifying", by="desk", at=now, why="held", facts=facts)
                return True
            moment = now.replace(microsecond=0)
            columns = {"hold_event": None, "hold_at": moment, "hold_until": moment + life.HOLD_LASTS}
            facts = {"reason": Reason(told.reason).code}
            life.step(connection, booking.id, "holding", "checked-in", by="desk", at=now, why="hold-refused", facts=facts, **columns)
            return True

    # --- the verdict, and what goes with it

    def _see_decision(self, booking: AnyRow, now: datetime) -> bool:
        with writing(self.intake.engine) as connection:
            fresh = rows.locked(connection, booking.id)
            case = None if fresh is None or fresh.case is None else cases.case(connection, fresh.case)
            if fresh is None or fresh.state != "verifying" or case is None or case.outcome is None:
                return False
            facts = {"outcome": case.outcome, "case": case.id}
            columns = {"outcome": case.outcome, "due_at": life.due("closing", now=now, hold_until=until(fresh))}
            life.step(connection, fresh.id, "verifying", "closing", by="store", at=now, why="decided", facts=facts, **columns)
        return True

    def _close(self, booking: AnyRow, now: datetime) -> bool:
        with reading(self.intake.engine) as connection:
            fresh, case = rows.booking(connection, booking.id), cases.case(connection, booking.case)
        assert fresh is not None and case is not None
        if case.booking is None:  # the desk itself brings the verdict, of an item that the ledger does not know
            return case.state == "concluded" and self._settle(fresh, now, facts={"case": case.id})
        return self._bring(fresh, case, now) if case.verdict_event is None else self._follow(fresh, case, now)

    def _bring(self, booking: AnyRow, case: AnyRow, now: datetime) -> bool:
        """To the ledger, as much together as the plan says."""
        events = self._group(booking, case, now)
        kinds = [event["kind"] for event in events]

        def finish(connection: Connection, told: Submission) -> None:
            fresh, brought = rows.locked(connection, booking.id), cases.locked_case(connection, case.id)
            if fresh is None or brought is None or brought.verdict_event is not None:
                raise BroughtElsewhere
            if (fresh.state, fresh.plan) != ("closing", booking.plan):
                raise BroughtElsewhere
            if any(result.status == "refused" for result in told.results):
                return
            ids = {kind: result.event_id for kind, result in zip(kinds, told.results, strict=True)}
            cases.change(connection, case.id, verdict_event=ids["verdict"])
            resold = ids.get("resale") or ids.get("transfer")
            rows.change(connection, booking.id, release_event=ids.get("release"), resale_event=resold)
            life.note(connection, booking, by="desk", at=now, why="sent", facts={"together": kinds})

        try:
            refused = _first_refused(self._accept(booking, events, now, finish))
        except BroughtElsewhere:
            return False
        if refused is not None:
            assert refused.reason is not None
            self._ask_for_less(booking, case, now, refused.reason, refused.message or "")
        return True

    def _group(self, booking: AnyRow, case: AnyRow, now: datetime) -> list[Json]:
        with reading(self.intake.engine) as connection:
            terms, profile = policy.read(connection, booking.organization), directory.profile(connection, booking.organization)
            state = state_of(connection, booking.item)
        events = [verdict_event(case, booking.item, now, days=terms.verdict_days)]
        if state is not None and state.holds & Hold.IN_VERIFICATION.bit and booking.hold_event is not None:
            events.append(release_event(booking, now))
        wanted = booking.plan == WITH_RESALE and booking.outcome == "authentic" and booking.resale_consent is not None
        if wanted and booking.buyer_key is not None and profile is not None:
            signed = orjson.loads(booking.resale_consent)
            consent = {"store": profile.did, "deadline": signed["deadline"], "signature": signed["signature"]}
            events.append(resale_event(booking, consent, roles=0, now=now, kind=signed["kind"]))
        return events

    def _follow(self, booking: AnyRow, case: AnyRow, now: datetime) -> bool:
        with reading(self.intake.engine) as connection:
            told = cases.standing(connection, case.verdict_event)
            reasons = _reasons(connection, (case.verdict_event, booking.release_event, booking.resale_event))
        if told is None or told.status == "accepted":
            return False
        if told.status in LANDED:
            return self._settle(booking, now, facts={"block": told.block_number}, sequence=told.sequence)
        guilty = next((reason for reason in reasons if reason != Reason.GROUP_REFUSED), Reason.GROUP_REFUSED)
        self._ask_for_less(booking, case, now, guilty, SENTENCES[guilty])
        return True

    def _ask_for_less(self, booking: AnyRow, case: AnyRow, now: datetime, reason: Reason, message: str) -> None:
        """The group was refused as a whole: the resale is left out; then only the hold is ended.

        A history that moved on asks for the same again on the new one: where the holder's consent bound the old, acceptance says so.
        """
        plan = booking.plan if reason == Reason.SUPERSEDED else booking.plan + 1
        told = {"reason": reason.code, "message": message[:300]}
        facts, gone = told | {"plan": plan}, {"plan": plan, "release_event": None, "resale_event": None}
        with writing(self.intake.engine) as connection:
            fresh, seen = rows.locked(connection, booking.id), cases.locked_case(connection, case.id)
            if fresh is None or fresh.state != "closing" or seen is None or seen.verdict_event != case.verdict_event:
                return
            if plan <= WITHOUT_RESALE:
                cases.change(connection, case.id, verdict_event=None)
                rows.change(connection, fresh.id, **gone)
                life.note(connection, fresh, by="desk", at=now, why="refused", facts=facts)
                return
            logger.warning("a verdict was refused", case=case.id, reason=reason.code, why=message)
            _hand_back(connection, case.id, now, "not-recorded", told)
            due = life.due("releasing", now=now, hold_until=until(fresh))
            life.step(connection, fresh.id, "closing", "releasing", by="desk", at=now, why="refused", facts=facts, due_at=due, **gone)

    def _settle(self, booking: AnyRow, now: datetime, *, facts: Json, sequence: int | None = None) -> bool:
        """`sequence`: of the verdict that the group has brought; None: the case was ended by the desk."""
        with writing(self.intake.engine) as connection:
            fresh = rows.locked(connection, booking.id)
            if fresh is None or fresh.state != "closing":
                return False
            end, why = ("verified", "verified") if fresh.resale_event is None else ("handing-over", "resold")
            if fresh.outcome != "authentic":
                end, why = "returning", str(fresh.outcome)
            if sequence is not None:
                _hand_back(connection, fresh.case, now, "recorded", facts | {"sequence": sequence})
            if end == "verified":
                facts = facts | _why_not_resold(connection, fresh)
            life.step(connection, fresh.id, "closing", end, by="desk", at=now, why=why, facts=facts)
        return True

    # --- without a verdict

    def _release(self, booking: AnyRow, now: datetime) -> bool:
        """What holds the item is released; where nothing does, it goes back at once."""
        with reading(self.intake.engine) as connection:
            state = None if booking.item is None else state_of(connection, booking.item)
            told = None if booking.release_event is None else cases.standing(connection, booking.release_event)
        is_held = booking.hold_event is not None and state is not None and bool(state.holds & Hold.IN_VERIFICATION.bit)
        if told is not None and told.status == "accepted":
            return False
        if not is_held or (told is not None and told.status in LANDED):
            with writing(self.intake.engine) as connection:
                fresh = rows.locked(connection, booking.id)
                if fresh is not None and fresh.state == "releasing":
                    life.step(connection, booking.id, "releasing", "returning", by="desk", at=now, why="released")
            return True

        def finish(connection: Connection, submission: Submission) -> None:
            fresh = rows.locked(connection, booking.id)
            if fresh is None or fresh.release_event != booking.release_event:
                raise BroughtElsewhere
            if submission.results[0].status != "refused":
                rows.change(connection, booking.id, release_event=submission.results[0].event_id)

        try:
            return _first_refused(self._accept(booking, [release_event(booking, now)], now, finish)) is None
        except BroughtElsewhere:
            return False

    def _accept(self, booking: AnyRow, events: Sequence[Json], now: datetime, finish: Any) -> list[EventResult]:
        order = order_of(booking, self.scribe.new_id(), now, together=len(events) > 1)
        return accept_events(self.intake, [parse_event(event) for event in events], order, finish=finish).results

    # --- time

    def _end(self, booking: AnyRow, now: datetime) -> bool:
        deadline = life.DEADLINES[booking.state]
        with writing(self.intake.engine) as connection:
            fresh = rows.locked(connection, booking.id)
            if fresh is None or fresh.state != booking.state or fresh.due_at != booking.due_at:
                return False
            if fresh.state == "verifying" and not examining.let_go(connection, fresh, now=now):
                return False  # it was decided meanwhile
            if fresh.state == "closing" and not examining.leave_to_desk(connection, fresh):
                return False  # the ledger has the group, and the item may be the buyer's by now
            columns: Json = {"release_event": None, "resale_event": None} if fresh.state == "closing" else {}
            if deadline.end in life.LOCKED:
                columns["due_at"] = life.due(deadline.end, now=now, hold_until=until(fresh))
            if deadline.end in ("no-show", "turned-away"):
                rows.give_up_place(connection, fresh.id)
            life.step(connection, fresh.id, fresh.state, deadline.end, by="desk", at=now, why=deadline.why, facts=_absent(fresh), **columns)
        return True

    def _remind(self, now: datetime) -> int:
        with writing(self.intake.engine) as connection:
            soon = rows.to_remind(connection, before=now + REMIND_BEFORE, most=MOST_AT_ONCE)
            for booking in soon:
                rows.change(connection, booking.id, reminded_at=now)
                life.note(connection, booking, by="desk", at=now, why=life.REMINDER, facts={"starts_at": rfc(booking.starts_at)})
        return len(soon)


def _hand_back(connection: Connection, case_id: str, now: datetime, why: str, facts: Json) -> None:
    """The case is the desk's alone again: should a reorg take the verdict, the desk sends it anew."""
    recording.end(connection, case_id, now, why, **facts)
    cases.change(connection, case_id, booking=None)


def _reasons(connection: Connection, events: Sequence[bytes | None]) -> list[Reason]:
    """Why the ledger refused them, those that it did: of a group one is guilty, the others are refused for its sake."""
    told = [cases.standing(connection, event) for event in events if event is not None]
    return [Reason(one.reason) for one in told if one is not None and one.reason is not None]


def _why_not_resold(connection: Connection, booking: AnyRow) -> Json:
    """The reason for which the resale was left out; nothing where the holder had not agreed to one."""
    if booking.resale_consent is None:
        return {}
    refused = [orjson.loads(line.facts)["reason"] for line in rows.told(connection, booking.id) if line.why == "refused"]
    return {"refused": refused[-1]} if refused else {}


def release_event(booking: AnyRow, now: datetime) -> Json:
    return {
        "kind": "release",
        "occurred_at": rfc(now),
        "item": {"id": "0x" + booking.item.hex()},
        "hold": Hold.IN_VERIFICATION.code,
        "payload": {"reference": booking.id},
    }


def _absent(booking: AnyRow) -> Json:
    """Of a no-show: who did not come."""
    if booking.state != "booked":
        return {}
    expected = ("seller", "buyer") if booking.mode == "both" else (booking.mode,)
    came = {"seller": booking.seller_came_at, "buyer": booking.buyer_came_at}
    return {"absent": [role for role in expected if came[role] is None], "starts_at": rfc(utc(booking.starts_at))}


def _first_refused(results: Sequence[EventResult]) -> EventResult | None:
    """The guilty one, not those that were refused for its sake."""
    refused = [result for result in results if result.status == "refused"]
    return next((result for result in refused if result.reason != Reason.GROUP_REFUSED), refused[0] if refused else None)
