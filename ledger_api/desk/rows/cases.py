"""Cases, shots, checks and journals, as they are read and kept."""

from collections.abc import Mapping, Sequence, Set
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Table,
    bindparam,
    column,
    delete,
    exists,
    func,
    insert,
    select,
    table,
    text,
    update,
)

from ledger_api.desk.tables import AppraisalRow, CaseRow, CheckRow, EvidenceRow, JournalRow, PhotoMarkRow, PhotoPrintRow, ShotRow

AnyRow = Row[Any]
cases: Table = CaseRow.__table__  # type: ignore[attr-defined]  # SQLModel sets it, here and below
journal: Table = JournalRow.__table__  # type: ignore[attr-defined]
shots: Table = ShotRow.__table__  # type: ignore[attr-defined]
checks: Table = CheckRow.__table__  # type: ignore[attr-defined]
appraisals: Table = AppraisalRow.__table__  # type: ignore[attr-defined]
prints: Table = PhotoPrintRow.__table__  # type: ignore[attr-defined]
marks: Table = PhotoMarkRow.__table__  # type: ignore[attr-defined]
evidence: Table = EvidenceRow.__table__  # type: ignore[attr-defined]
_events = table("events", column("event_id"), column("status"))  # the ledger's

_STATE = text("SELECT state FROM items WHERE item = :item")
_PASSPORT = text("SELECT passport FROM items WHERE item = :item")
_NAMED = text("SELECT item FROM identifiers WHERE gtin = :gtin AND serial = :serial")
_SERIAL = text(
    "SELECT identifiers.serial FROM identifiers JOIN items ON items.item = identifiers.item"
    " WHERE identifiers.item = :item AND items.state IS NOT NULL"
)
_STANDING = text(
    "SELECT events.status, events.reason, records.sequence, records.block_number, records.transaction_hash FROM events"
    " LEFT JOIN records ON records.event_id = events.event_id WHERE events.event_id = :event ORDER BY events.id DESC LIMIT 1"
)
_LISTED = text(
    "SELECT original, shown FROM listing_photos WHERE number IS NOT NULL AND (original IN :names OR shown IN :names)"
).bindparams(bindparam("names", expanding=True))
_CHECKED = text(
    "SELECT id FROM cases WHERE state = 'checking' AND NOT EXISTS"
    " (SELECT 1 FROM checks WHERE checks.\"case\" = cases.id AND checks.state = 'waiting') ORDER BY due_at LIMIT :most"
)
_BOOKING = text('SELECT id FROM bookings WHERE "case" = :case')
_TAKEN_BACK = text(
    "SELECT cases.id FROM events JOIN cases ON cases.verdict_event = events.event_id"
    " WHERE events.status = 'accepted' AND cases.state = 'concluded' LIMIT :most"
)


def case(connection: Connection, case_id: str) -> AnyRow | None:
    return connection.execute(select(cases).where(cases.c.id == case_id)).first()


def locked_case(connection: Connection, case_id: str) -> AnyRow | None:
    """The same; nobody else moves it until this transaction ends."""
    return connection.execute(select(cases).where(cases.c.id == case_id).with_for_update()).first()


def by_reference(connection: Connection, platform: bytes, reference: str) -> AnyRow | None:
    return connection.execute(select(cases).where(cases.c.platform == platform, cases.c.reference == reference)).first()


def appeal_of(connection: Connection, case_id: str) -> AnyRow | None:
    """The newest appeal against its verdict."""
    return connection.execute(select(cases).where(cases.c.appeal_of == case_id).order_by(cases.c.id.desc()).limit(1)).first()


def booking_of(connection: Connection, case_id: str) -> str | None:
    """The booking that asked for it."""
    found = connection.execute(_BOOKING, {"case": case_id}).scalar()
    return None if found is None else str(found)


def copies_of(connection: Connection, case_id: str) -> Sequence[AnyRow]:
    """Cases about the same photos: its appeal, test cases that were made from it. Locked: nobody claims one of them meanwhile."""
    same = select(cases).where((cases.c.appeal_of == case_id) | (cases.c.seed_of == case_id))
    return connection.execute(same.order_by(cases.c.id).with_for_update()).all()


def of_account(connection: Connection, account: str, *, before: str | None, most: int) -> Sequence[AnyRow]:
    """Newest first."""
    chosen = select(cases).where(cases.c.account == account).order_by(cases.c.id.desc()).limit(most)
    return connection.execute(chosen if before is None else chosen.where(cases.c.id < before)).all()


def of_platform(connection: Connection, platform: bytes, *, before: str | None, most: int) -> Sequence[AnyRow]:
    """Newest first."""
    chosen = select(cases).where(cases.c.platform == platform).order_by(cases.c.id.desc()).limit(most)
    return connection.execute(chosen if before is None else chosen.where(cases.c.id < before)).all()


def free_evaluations(connection: Connection, *, authenticator: bytes, account: str | None, platform: bytes | None) -> int:
    """How many cases of this asker cost nothing and were not given up."""
    given_up = ("withdrawn", "expired", "refused")
    whose = cases.c.account == account if account is not None else cases.c.platform == platform
    counted = select(func.count()).where(cases.c.authenticator == authenticator, whose, cases.c.price_cents.is_(None))
    return int(connection.execute(counted.where(cases.c.appeal_of.is_(None), cases.c.state.not_in(given_up))).scalar_one())


def living_cases(connection: Connection, account: str, ended: Sequence[str]) -> int:
    """How many of this account's have not ended."""
    return int(connection.execute(select(func.count()).where(cases.c.account == account, cases.c.state.not_in(ended))).scalar_one())


def change(connection: Connection, case_id: str, **columns: Any) -> None:
    connection.execute(update(cases).where(cases.c.id == case_id).values(**columns))


def is_on_its_way(event: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether the ledger has yet to answer the event that this column names."""
    return exists().where(_events.c.event_id == event, _events.c.status == "accepted")


def to_bring(connection: Connection, after: str, most: int) -> Sequence[AnyRow]:
    """Decided cases whose verdict is to be sent, or was and is answered; a booking brings that of its own."""
    mine = (cases.c.state == "recording", cases.c.booking.is_(None), cases.c.id > after)
    return connection.execute(select(cases).where(*mine, ~is_on_its_way(cases.c.verdict_event)).order_by(cases.c.id).limit(most)).all()


def to_dispute(connection: Connection, after: str, most: int) -> Sequence[AnyRow]:
    """Appealed cases whose verdict stands on the ledger undisputed."""
    found = select(cases).where(cases.c.state == "appealed", cases.c.dispute_event.is_(None), cases.c.item.is_not(None))
    found = found.where(cases.c.verdict_event.is_not(None), ~is_on_its_way(cases.c.verdict_event), cases.c.id > after)
    return connection.execute(found.order_by(cases.c.id).limit(most)).all()


def overdue(connection: Connection, states: Sequence[str], *, now: datetime, most: int) -> Sequence[AnyRow]:
    chosen = select(cases).where(cases.c.state.in_(states), cases.c.due_at < now).order_by(cases.c.due_at).limit(most)
    return connection.execute(chosen).all()


def told(connection: Connection, case_id: str) -> Sequence[AnyRow]:
    """The journal, first line first."""
    return connection.execute(select(journal).where(journal.c.case == case_id).order_by(journal.c.number)).all()


# --- shots -----------------------------------------------------------------------------------------------------------


def all_shots(connection: Connection, case_id: str) -> Sequence[AnyRow]:
    return connection.execute(select(shots).where(shots.c.case == case_id).order_by(shots.c.name, shots.c.attempt)).all()


def newest_shots(connection: Connection, case_id: str) -> dict[str, AnyRow]:
    """By name, the one that counts."""
    return {row.name: row for row in all_shots(connection, case_id)}


def shot(connection: Connection, shot_id: str) -> AnyRow | None:
    return connection.execute(select(shots).where(shots.c.id == shot_id)).first()


def keep_shot(connection: Connection, row: Mapping[str, Any]) -> None:
    connection.execute(insert(shots).values(**row))


def forget_shots(connection: Connection, *case_ids: str) -> list[str]:
    """Their names in the vault, of those that nothing else shows. Their marks leave the index: what is erased is recognised no more."""
    mine = [row for case_id in case_ids for row in all_shots(connection, case_id)]
    connection.execute(update(shots).where(shots.c.case.in_(case_ids)).values(state="erased", findings="{}", device=None, captured_at=None))
    forget_marks(connection, [row.id for row in mine])
    return unused(connection, {name for row in mine for name in (row.original, row.shown)})


def forget_words(connection: Connection, *case_ids: str, at: datetime) -> None:
    """What the asker said of the piece and of its worth, its numbers beside the serial, and what machines read off its photos, or were to
    read."""
    connection.execute(update(cases).where(cases.c.id.in_(case_ids)).values(notes="", value_eur=None, references=None, erased_at=at))
    connection.execute(update(checks).where(checks.c.case.in_(case_ids), checks.c.state == "waiting").values(state="failed", done_at=at))
    connection.execute(update(checks).where(checks.c.case.in_(case_ids)).values(result=None))


def forget_marks(connection: Connection, photo_ids: Sequence[str]) -> None:
    """Of shots, and of listings' photos."""
    photos = select(prints.c.photo).where(prints.c.shot.in_(photo_ids))
    connection.execute(delete(marks).where(marks.c.photo.in_(photos)))
    connection.execute(delete(prints).where(prints.c.photo.in_(photos)))


def unused(connection: Connection, names: Set[str]) -> list[str]:
    """Of these names in the vault, those that no shot and no listing has any more."""
    if not names:
        return []
    alive = select(shots.c.original, shots.c.shown).where(shots.c.state != "erased", shots.c.original.in_(names) | shots.c.shown.in_(names))
    kept = {name for row in connection.execute(alive) for name in row}
    kept |= {name for row in connection.execute(_LISTED, {"names": sorted(names)}) for name in row}
    return sorted(names - kept)


# --- checks ----------------------------------------------------------------------------------------------------------


def ask_checks(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        connection.execute(insert(checks), list(rows))


def checks_of(connection: Connection, case_id: str) -> Sequence[AnyRow]:
    return connection.execute(select(checks).where(checks.c.case == case_id).order_by(checks.c.created_at, checks.c.id)).all()


def check_states(connection: Connection, case_id: str) -> list[str]:
    return [str(row.state) for row in connection.execute(select(checks.c.state).where(checks.c.case == case_id))]


def take_check(connection: Connection, *, now: datetime, until: datetime) -> AnyRow | None:
    """The oldest that waits and nobody is at; it is ours until then."""
    free = (checks.c.lease_until.is_(None)) | (checks.c.lease_until < now)
    waiting = select(checks).where(checks.c.state == "waiting", free).order_by(checks.c.created_at, checks.c.id).limit(1)
    found = connection.execute(waiting.with_for_update(skip_locked=True)).first()
    if found is not None:
        connection.execute(update(checks).where(checks.c.id == found.id).values(lease_until=until, tries=found.tries + 1))
    return found


def checked(connection: Connection, *, most: int) -> list[str]:
    """Cases whose checks have all ended."""
    return [str(row.id) for row in connection.execute(_CHECKED, {"most": most})]


def end_check(connection: Connection, check_id: str, **columns: Any) -> bool:
    """False: its case was erased meanwhile, or somebody else was faster."""
    mine = update(checks).where(checks.c.id == check_id, checks.c.state == "waiting")
    return connection.execute(mine.values(lease_until=None, **columns)).rowcount == 1


# --- what is concluded -----------------------------------------------------------------------------------------------


def opinions(connection: Connection, case_id: str) -> Sequence[AnyRow]:
    """Those that were given, seat by seat."""
    given = select(appraisals).where(appraisals.c.case == case_id, appraisals.c.decided_at.is_not(None))
    return connection.execute(given.order_by(appraisals.c.seat)).all()


def keep_evidence(connection: Connection, *, hash: bytes, case_id: str, body: str, at: datetime) -> None:
    if connection.execute(select(evidence.c.hash).where(evidence.c.hash == hash)).first() is None:
        connection.execute(insert(evidence).values(hash=hash, case=case_id, body=body, created_at=at))


def taken_back(connection: Connection, *, most: int) -> list[str]:
    """Concluded cases whose verdict a reorg took from the ledger."""
    return [str(row.id) for row in connection.execute(_TAKEN_BACK, {"most": most})]


def evidence_by(connection: Connection, hash: bytes) -> AnyRow | None:
    return connection.execute(select(evidence).where(evidence.c.hash == hash)).first()


# --- the ledger, read ------------------------------------------------------------------------------------------------


def passport(connection: Connection, item: bytes) -> bytes | None:
    found = connection.execute(_PASSPORT, {"item": item}).scalar()
    return None if found is None else bytes(found)


def state(connection: Connection, item: bytes) -> bytes | None:
    """As recorded: bytes for `state_from_bytes`."""
    found = connection.execute(_STATE, {"item": item}).scalar()
    return None if found is None else bytes(found)


def named(connection: Connection, gtin: str, serial: str) -> bytes | None:
    """The id of the item that is called so and stands on the ledger."""
    found = connection.execute(_NAMED, {"gtin": gtin, "serial": serial}).scalar()
    return None if found is None or state(connection, found) is None else bytes(found)


def item_of(connection: Connection, case: AnyRow) -> bytes | None:
    """What a case is about, if the ledger knows it by now."""
    found: bytes | None = case.item or (named(connection, case.gtin, case.serial) if case.gtin and case.serial else None)
    return found


def serial_of(connection: Connection, item: bytes) -> str | None:
    """By which the ledger knows it; None also where that was never told here."""
    found: str | None = connection.execute(_SERIAL, {"item": item}).scalar()
    return found


def standing(connection: Connection, event_id: bytes) -> AnyRow | None:
    """What became of an event that the desk sent: status, reason, and where it stands on the ledger."""
    return connection.execute(_STANDING, {"event": event_id}).first()
