"""What an asker does: open a case, send photos, send it off, pay, take it back, have it forgotten.

    open_case → add_shot … → submit → (mark_paid) → checks → the appraisers' queue

Machines answer each photo at once and never decide: whoever has sent a shot three times may send the case off with it, and a
person looks. Every function takes the asker's case by its row; whose it is has been settled by the door.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, Engine

from ledger_api.desk import life
from ledger_api.desk.errors import (
    CaseMoved,
    CaseOfBooking,
    NoSuchCase,
    NotClaimed,
    NotSignedIn,
    PhotographedInPerson,
    ReferenceTaken,
    ShotsMissing,
    TooManyCases,
    TooManyShots,
    UnknownShot,
)
from ledger_api.desk.keeping import kept, let_go
from ledger_api.desk.policy import Policy
from ledger_api.desk.rows import cases as rows
from ledger_api.desk.rows import queue as line
from ledger_api.desk.rows.accounts import staying
from ledger_api.desk.rows.cases import AnyRow
from ledger_api.desk.vault import Vault
from ledger_api.store.engine import lock_items, writing
from ledger_verify.hashing import organization_id

MOST_ATTEMPTS = 12  # of one shot
PATIENT_ATTEMPTS = 3  # after so many the newest goes to a person, whatever the machine thinks of it
MOST_LIVING = 10  # cases of one account that have not ended: their photos are kept meanwhile
ALWAYS = ("reuse", "tags")  # what machines look for in every shot, beside its quality
OPEN_STATES = ("awaiting-photos", "awaiting-payment", "checking", "queued")


class Account(NamedTuple):
    """A person with a light account."""

    id: str


class Platform(NamedTuple):
    """A platform that asks by API key, under a reference of its own."""

    organization: bytes


Asker = Account | Platform


@dataclass(frozen=True, slots=True)
class NewCase:
    authenticator: bytes
    brand_did: str
    category: str
    gtin: str | None = None
    serial: str | None = None
    item: bytes | None = None
    value_eur: int | None = None
    notes: str = ""
    method: str = "photo"
    reference: str | None = None
    references: Mapping[str, str] = field(default_factory=dict)  # the piece's numbers, by the policy's names


@dataclass(frozen=True, slots=True)
class ShotAnswer:
    """`state` good or poor; `defects` say what to do better."""

    id: str
    name: str
    attempt: int
    state: str
    defects: tuple[str, ...]


def open_case(connection: Connection, asker: Asker, new: NewCase, policy: Policy, *, id: str, now: datetime) -> str:
    """Its id. The same reference of the same platform is the same case.

    Raises:
        ReferenceTaken: the platform used it for something else. TooManyCases: of an account. NotSignedIn: its owner has left meanwhile.
    """
    platform = asker.organization if isinstance(asker, Platform) else None
    account = asker.id if isinstance(asker, Account) else None
    lock_items(connection, [platform or hashlib.sha256((account or "").encode()).digest()])  # one at a time: two are not both the first
    if platform is not None and new.reference is not None:
        known = rows.by_reference(connection, platform, new.reference)
        if known is not None:
            return _same(known, new)
    if account is not None:
        if not staying(connection, account):
            raise NotSignedIn
        if rows.living_cases(connection, account, tuple(life.ENDED)) >= MOST_LIVING:
            raise TooManyCases(most=MOST_LIVING)
    used = rows.free_evaluations(connection, authenticator=new.authenticator, account=account, platform=platform)
    price = policy.price_for(used=used, platform=platform)
    row = new_row(connection, new, policy, id=id, now=now) | {"account": account, "platform": platform, "price_cents": price}
    life.begin(connection, row, by=_who(row), why="opened")
    return id


def new_row(connection: Connection, new: NewCase, policy: Policy, *, id: str, now: datetime) -> dict[str, Any]:
    """A case that nobody has asked for yet, and that costs nothing. Raises CategoryNotServed, ReferenceInvalid."""
    policy.check_references(new.category, new.references)
    return {
        "id": id,
        "authenticator": new.authenticator,
        "account": None,
        "platform": None,
        "reference": new.reference,
        "brand": organization_id(new.brand_did),
        "brand_did": new.brand_did,
        "category": new.category,
        "gtin": new.gtin,
        "serial": new.serial,
        "item": new.item or (rows.named(connection, new.gtin, new.serial) if new.gtin and new.serial else None),
        "value_eur": new.value_eur,
        "references": orjson.dumps(dict(new.references), option=orjson.OPT_SORT_KEYS).decode() if new.references else None,
        "notes": new.notes,
        "method": new.method,
        "state": "awaiting-photos",
        "rank": policy.rank(value_eur=new.value_eur),
        "due_at": now + timedelta(days=policy.photo_days),
        "created_at": now,
        "changed_at": now,
        "price_cents": None,
        "seat": 1,
        "needs": policy.opinions_needed(brand_did=new.brand_did, value_eur=new.value_eur),
    }


def _same(known: AnyRow, new: NewCase) -> str:
    told = (new.authenticator, new.brand_did, new.category, new.gtin, new.serial)
    if (known.authenticator, known.brand_did, known.category, known.gtin, known.serial) != told:
        raise ReferenceTaken(case=known.id)
    return str(known.id)


def _who(row: Mapping[str, Any]) -> str:
    return "asker" if row["platform"] is None else "platform"


def by_whom(case: AnyRow) -> str:
    """How the journal names the asker."""
    return _who(case._asdict())


# --- photos ----------------------------------------------------------------------------------------------------------


def add_shot(
    engine: Engine,
    vault: Vault,
    case: AnyRow,
    name: str,
    body: bytes,
    policy: Policy,
    *,
    photographer: AnyRow | None = None,
    id: str,
    now: datetime,
) -> ShotAnswer:
    """Received, judged for its quality, kept, and answered at once. `photographer`: the appraiser before whom the item lies.

    Raises:
        UnknownShot, CaseMoved, TooManyShots, and the `photo-…` errors of `receiving.receive`: nothing is kept.
        PhotographedInPerson: no asker sends photos of an item that lies before an appraiser. NotClaimed: another has it by now.
    """
    from ledger_api.desk import likeness, quality, receiving  # OpenCV is loaded by the first photo, not by every process
    from ledger_api.desk.rows import prints

    if name not in policy.shot_names(case.category):
        raise UnknownShot(shots=sorted(policy.shot_names(case.category)))
    if photographer is None and case.method == "in-person":
        raise PhotographedInPerson(case=case.id)
    expected, by = ("awaiting-photos", by_whom(case)) if photographer is None else ("appraising", f"appraiser {photographer.id}")
    if case.state != expected:
        raise CaseMoved(case=case.id, expected=expected)
    photo = receiving.receive(body)
    seen = quality.look(photo.pixels_jpeg)
    defects = tuple(defect.code for defect in seen.defects)
    marks = likeness.marks(likeness.read(photo.pixels_jpeg))
    with kept(engine, vault, photo.original, photo.pixels_jpeg) as (connection, (original, shown)):
        now_at = rows.locked_case(connection, case.id)
        if now_at is None or now_at.state != expected:
            raise CaseMoved(case=case.id, expected=expected)
        if photographer is not None and line.held(connection, case.id, photographer.id) is None:
            raise NotClaimed(case=case.id)
        earlier = [row for row in rows.all_shots(connection, case.id) if row.name == name]
        if len(earlier) >= MOST_ATTEMPTS:
            raise TooManyShots(most=MOST_ATTEMPTS, shot=name)
        state, attempt = "poor" if defects else "good", len(earlier) + 1
        findings = orjson.dumps(seen.as_json(), option=orjson.OPT_SORT_KEYS).decode()
        rows.keep_shot(
            connection,
            {
                "id": id,
                "case": case.id,
                "name": name,
                "attempt": attempt,
                "original": original,
                "shown": shown,
                "width": photo.width,
                "height": photo.height,
                "captured_at": photo.captured_at,
                "device": photo.device,
                "state": state,
                "findings": findings,
                "created_at": now,
            },
        )
        prints.keep(connection, id, marks)
        if expected == "appraising" and (state == "good" or attempt >= PATIENT_ATTEMPTS):
            rows.ask_checks(connection, [_check(case.id, kind, id, now) for kind in (*ALWAYS, *policy.checks_of(name))])
        facts = {"shot": name, "attempt": attempt, "defects": list(defects)}
        life.note(connection, case.id, expected, by=by, at=now, why=f"shot-{state}", facts=facts)
    return ShotAnswer(id, name, attempt, state, defects)


def missing_shots(policy: Policy, category: str, shots: Mapping[str, AnyRow]) -> list[str]:
    """Required shots that are not there, or poor and not yet tried often enough to go to a person as they are."""
    return [name for name in policy.required_shots(category) if name not in shots or not is_enough(shots[name])]


def missing_in_person(policy: Policy, case: AnyRow, shots: Mapping[str, AnyRow]) -> list[str]:
    """Of an item on the counter: the shots without which nobody decides. An appeal looks at the photos that there are."""
    if case.method != "in-person" or case.appeal_of is not None or policy.photos_in_person != "required":
        return []
    return missing_shots(policy, case.category, shots)


def asked_shots(journal: Sequence[AnyRow], shots: Mapping[str, AnyRow]) -> list[str]:
    """What an appraiser asked for and has not come since."""
    asked = [orjson.loads(line.facts) for line in journal if line.why == "shot-asked"][-1:]
    return [one["shot"] for one in asked if one["shot"] not in shots or shots[one["shot"]].attempt <= one["after"]]


def is_enough(shot: AnyRow) -> bool:
    return bool(shot.state == "good" or shot.attempt >= PATIENT_ATTEMPTS)


def submit(connection: Connection, case_id: str, policy: Policy, *, now: datetime) -> str:
    """The state after it: awaiting-payment, or checking.

    Raises:
        CaseMoved, ShotsMissing: nothing was changed.
    """
    case = _mine(connection, case_id, "awaiting-photos")
    shots = rows.newest_shots(connection, case_id)
    wanted = missing_shots(policy, case.category, shots) or asked_shots(rows.told(connection, case_id), shots)
    if wanted:
        raise ShotsMissing(missing=wanted)
    if case.price_cents is not None and case.paid_at is None:
        due = now + timedelta(days=policy.payment_days)
        facts = {"price_cents": case.price_cents}
        life.step(connection, case_id, case.state, "awaiting-payment", by=by_whom(case), at=now, why="submitted", facts=facts, due_at=due)
        return "awaiting-payment"
    _send_to_checks(connection, case, shots, policy, now=now, by=by_whom(case), why="submitted")
    return "checking"


def mark_paid(connection: Connection, case_id: str, policy: Policy, *, by: str, now: datetime) -> None:
    """By the platform or the authenticator, who were paid. Harmless to repeat.

    Raises:
        CaseMoved: there is nothing to be paid now.
    """
    case = rows.locked_case(connection, case_id)
    if case is not None and case.paid_at is not None:
        return
    case = _mine(connection, case_id, "awaiting-payment")
    rows.change(connection, case_id, paid_at=now)
    _send_to_checks(connection, case, rows.newest_shots(connection, case_id), policy, now=now, by=by, why="paid")


def _send_to_checks(
    connection: Connection, case: AnyRow, shots: Mapping[str, AnyRow], policy: Policy, *, now: datetime, by: str, why: str
) -> None:
    """What a machine has looked at already it does not look at again."""
    seen = {(row.kind, row.shot) for row in rows.checks_of(connection, case.id)}
    wanted = [(kind, shot.id) for name, shot in shots.items() for kind in (*ALWAYS, *policy.checks_of(name))]
    todo = [pair for pair in wanted if pair not in seen]
    rows.ask_checks(connection, [_check(case.id, kind, shot, now) for kind, shot in todo])
    due = now + timedelta(hours=policy.judge_hours)
    life.step(connection, case.id, case.state, "checking", by=by, at=now, why=why, due_at=due)


def _check(case_id: str, kind: str, shot: str, now: datetime) -> dict[str, Any]:
    return {"id": f"{kind[0]}{shot[1:]}", "case": case_id, "shot": shot, "kind": kind, "state": "waiting", "created_at": now} | {
        "result": None,
        "version": "",
        "tries": 0,
        "lease_until": None,
        "done_at": None,
    }


# --- the end ---------------------------------------------------------------------------------------------------------


def withdraw(connection: Connection, case_id: str, *, now: datetime) -> None:
    """Raises CaseMoved once an appraiser has it, or it has ended. CaseOfBooking: the item lies at a store, which is to give it back."""
    case = _mine(connection, case_id, *OPEN_STATES)
    booking = rows.booking_of(connection, case_id)
    if booking is not None:
        raise CaseOfBooking(case=case_id, booking=booking)
    life.step(connection, case_id, case.state, "withdrawn", by=by_whom(case), at=now, why="withdrawn")


def erase(engine: Engine, vault: Vault, case_id: str, *, now: datetime) -> Sequence[str]:
    """The photos, numbers and words of a case that has ended go, and what machines read; hashes, outcome, journal and evidence stay.
    Harmless to repeat.

    Raises:
        CaseMoved: it has not ended.
    """
    with writing(engine) as connection:
        case = _mine(connection, case_id, *life.ENDED)
        copies = rows.copies_of(connection, case_id)  # the same photos, under names of their own
        gone = rows.forget_shots(connection, case_id, *(copy.id for copy in copies))
        rows.forget_words(connection, case_id, *(copy.id for copy in copies), at=now)
        for copy in copies:
            if copy.seed_of is not None and copy.state == "queued":
                life.step(connection, copy.id, "queued", "withdrawn", by="desk", at=now, why="erased")
        if case.erased_at is None:
            life.note(connection, case_id, case.state, by=by_whom(case), at=now, why="erased", facts={"photos": len(gone)})
    let_go(engine, vault, gone)
    return gone


def _mine(connection: Connection, case_id: str, *states: str) -> AnyRow:
    case = rows.locked_case(connection, case_id)
    if case is None:
        raise NoSuchCase(case=case_id)
    if case.state not in states:
        raise CaseMoved(case=case_id, state=case.state, expected=sorted(states))
    return case
