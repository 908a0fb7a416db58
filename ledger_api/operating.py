"""What the commands do, apart from starting processes and printing: members, keys, imports, figures."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.progress import Progress
from sqlalchemy import Connection, text

from ledger_api import auth, directory
from ledger_api.directory import Accreditation
from ledger_api.domain.identifiers import Unreadable, bytes32
from ledger_api.errors import BusyError, InvalidBody, NotFound
from ledger_api.home import Home
from ledger_api.importer.buyers import DemoBuyers
from ledger_api.importer.members import EVERYTHING, bring, read_members
from ledger_api.importer.running import Import, ImportReport
from ledger_api.outbox import letters
from ledger_api.service import Service
from ledger_api.store import directory as rows
from ledger_api.store import parking
from ledger_api.store import submissions as submitted
from ledger_api.store.engine import reading, writing
from ledger_verify.codes import Kind, Reason
from ledger_verify.hashing import OrganizationId, organization_id
from ledger_verify.transition import Role

_PATIENCE_SECONDS = 60
_COUNTS = {
    "organizations": "SELECT count(*) FROM organizations",
    "items": "SELECT count(*) FROM items",
    "recorded_events": "SELECT count(*) FROM records",
    "waiting_events": "SELECT count(*) FROM events WHERE status = 'accepted'",
    "refused_events": "SELECT count(*) FROM events WHERE status = 'refused'",
    "transactions_in_flight": "SELECT count(*) FROM transactions WHERE status IN ('saved', 'sent')",
}


def import_folder(service: Service, folder: Path, bars: Progress) -> tuple[ImportReport, bool]:
    """Members first, then the rows; (what became of them, whether everything is settled)."""
    import_members(service, folder, bars)
    home = Home(service.settings.home)
    tasks: dict[str, Any] = {}

    def progress(file: str, count: int) -> None:
        if file not in tasks:
            tasks[file] = bars.add_task(file, total=_lines(folder / file))
        bars.update(tasks[file], advance=count)

    with home.importing():
        importing = Import(service.intake, DemoBuyers(home.claim_keys), folder, progress=progress)
        report = importing.run()
    waiting = bars.add_task("waiting for the chain", total=None)
    is_settled = importing.settle(report)
    bars.update(waiting, completed=1, total=1)
    return report, is_settled


def import_members(service: Service, folder: Path, bars: Progress) -> None:
    path = folder / "organizations.json"
    if not path.exists():
        return
    members = read_members(path, consortium=service.network.consortium)
    task = bars.add_task("organizations", total=len(members.organizations) + len(members.accreditations))
    bring(
        members,
        engine=service.engine,
        registrar=service.registrar(),
        now=int(time.time()),
        progress=lambda _what: bars.update(task, advance=1),
    )
    await_members(service, [organization_id(member.did) for member in members.organizations])
    bars.update(task, completed=len(members.organizations) + len(members.accreditations))


def await_members(service: Service, wanted: list[OrganizationId]) -> None:
    """Until the indexer has seen the registry's words: the door judges by its mirror."""
    head = int(service.node.call("eth_blockNumber"), 16)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with reading(service.engine) as connection:
            cursor = rows.cursor(connection)
            known = {bytes(row.id) for row in rows.all_organizations(connection)}
        if cursor is not None and cursor.next_block > head and known >= set(wanted):
            return
        time.sleep(0.1)
    raise BusyError("the indexer did not follow in time; see logs/loops.log")


def _lines(path: Path) -> int:
    return max(0, path.read_bytes().count(b"\n") - 1)


def status_of(service: Service) -> dict[str, Any]:
    with reading(service.engine) as connection:
        counts = {name: connection.execute(text(query)).scalar_one() for name, query in _COUNTS.items()}
        cursor = rows.cursor(connection)
    head = int(service.node.call("eth_blockNumber"), 16)
    place = {
        "home": str(service.settings.home),
        "chain_id": service.network.chain_id,
        "ledger": "0x" + service.network.ledger.hex(),
        "registry": "0x" + service.network.registry.hex(),
        "chain_head": head,
        "followed_to": cursor.next_block - 1 if cursor is not None else None,
        "final_block": cursor.final_block if cursor is not None else None,
    }
    return place | counts


def members_of(service: Service) -> list[dict[str, Any]]:
    with reading(service.engine) as connection:
        found = [(row, rows.profile(connection, row.id)) for row in rows.all_organizations(connection)]
    return [
        {
            "did": row.did,
            "name": profile.name if profile is not None else row.did,
            "roles": [role.name.lower() for role in Role if row.roles & role and role.name],
            "suspended": bool(row.suspended),
        }
        for row, profile in found
    ]


def admit(service: Service, *, did: str, name: str, roles: list[str], country: str | None) -> None:
    mask = Role(0)
    for role in roles:
        mask |= _role(role)
    member = directory.Member(did=did, name=name, country=country, visibility="public", roles=mask)
    directory.admit(service.engine, service.registrar(), member, signer=None, now=int(time.time()))
    await_members(service, [organization_id(did)])


def accredit(service: Service, *, brand: str | None, organization: str, role: str) -> None:
    granted = Accreditation(
        brand=organization_id(brand) if brand else service.network.consortium,
        organization=organization_id(organization),
        role=_role(role),
        scope=EVERYTHING,
        from_time=0,
        until_time=0,
    )
    service.registrar().accredit(granted)
    await_members(service, [])


def create_api_key(service: Service, *, organization: str, scopes: list[str], name: str) -> dict[str, str]:
    member = organization_id(organization)
    with reading(service.engine) as connection:
        if not any(bytes(row.id) == member for row in rows.all_organizations(connection)):
            raise NotFound(f"{organization} is no member: `ledger org admit` first.", organization=organization)
    chosen = frozenset(scope for group in scopes for scope in group.split())
    made = auth.create_key(service.engine, organization=member, name=name, scopes=chosen, now=int(time.time()))
    return {"id": made.id, "organization": organization, "scopes": " ".join(sorted(chosen)), "key": made.token}


def api_keys_of(service: Service) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    with reading(service.engine) as connection:
        dids = {bytes(row.id): row.did for row in rows.all_organizations(connection)}
        after = ""
        while page := rows.list_keys(connection, None, after=after, limit=500):
            found.extend(
                {
                    "id": row.id,
                    "organization": dids.get(bytes(row.organization), "0x" + row.organization.hex()),
                    "name": row.name,
                    "scopes": row.scopes,
                    "revoked_at": row.revoked_at.isoformat() if row.revoked_at is not None else None,
                }
                for row in page
            )
            after = page[-1].id
    return found


def revoke_api_key(service: Service, key_id: str) -> None:
    """Raises: NotFound."""
    with writing(service.engine) as connection:
        if rows.key_owner(connection, key_id) is None:
            raise NotFound(f"there is no key {key_id}", key=key_id)
        rows.revoke_key(connection, key_id, datetime.now(UTC))


def _role(name: str) -> Role:
    try:
        return Role[name.upper()]
    except KeyError:
        raise NotFound(f"there is no role {name}", roles=[role.name.lower() for role in Role if role.name]) from None


# --- submissions -----------------------------------------------------------------------------------------------------

_MOST_SHOWN = 1_000


def waiting_submissions(service: Service, most: int) -> list[dict[str, Any]]:
    """Submissions with events that are accepted and not recorded, oldest first."""
    with reading(service.engine) as connection:
        found, dids = parking.waiting(connection, most), _dids(connection)
    return [
        {
            "submission": one.submission,
            "organization": dids.get(one.organization, _hex(one.organization)),
            "since": _moment(one.accepted_at),
            "waiting": one.waiting,
            "parked": one.parked,
            "error": one.error,
        }
        for one in found
    ]


def dead_letters(service: Service, which: str | None = None) -> list[dict[str, Any]]:
    """Parked events with what was in their way, oldest first."""
    with reading(service.engine) as connection:
        found, dids = _letters(connection, which), _dids(connection)
    return [_letter(one, dids) for one in found]


def submission_of(service: Service, which: str) -> dict[str, Any]:
    """Raises NotFound: neither a submission nor an accepted event has this id."""
    with reading(service.engine) as connection:
        event = submitted.event(connection, _event_id(which)) if which.startswith("0x") else None
        row = submitted.submission(connection, event.submission if event is not None else which)
        if row is None:
            raise NotFound("There is no such submission or event.", id=which)
        counts, dids = submitted.counts(connection, row.id), _dids(connection)
        events = submitted.events_of(connection, row.id, after=-1, limit=_MOST_SHOWN)
    return {
        "submission": row.id,
        "organization": dids.get(row.organization, _hex(row.organization)),
        "request": row.request_id,
        "since": _moment(row.created_at),
        "counts": counts,
        "events": [_submitted(one) for one in events],
    }


def requeue(service: Service, which: str | None) -> dict[str, int]:
    """All dead letters, or those of one event or submission. Raises NotFound: nothing of it is parked."""
    with reading(service.engine) as connection:
        found = _letters(connection, which)
    if which is not None and not found:
        raise NotFound("Nothing of this is parked.", id=which)
    return {"letters": len(found), "events": letters.requeue(service.surroundings(), found)}


def refuse(service: Service, which: str, *, reason: str) -> dict[str, int]:
    """End dead letters of an event or a submission.

    Raises:
        InvalidBody: no reason has this code.
        NotFound: nothing of it is parked; what travels cannot be ended.
    """
    try:
        why = Reason.from_code(reason)
    except ValueError as error:
        raise InvalidBody("No refusal reason has this code.", reason=reason) from error
    with reading(service.engine) as connection:
        found = _letters(connection, which)
    if not found:
        raise NotFound("Nothing of this is parked.", id=which)
    now = int(time.time())
    return {"letters": len(found), "events": sum(letters.end(service.surroundings(), one, why, now=now) for one in found)}


def _letters(connection: Connection, which: str | None) -> list[parking.Letter]:
    if which is None:
        return parking.letters(connection)
    if which.startswith("0x"):
        return parking.letters(connection, event_id=_event_id(which))
    return parking.letters(connection, submission=which)


def _letter(one: parking.Letter, dids: dict[bytes, str]) -> dict[str, Any]:
    code, _, message = one.error.partition(": ")
    return {
        "event": _hex(one.event.event_id),
        "item": _hex(one.event.item),
        "kind": Kind(one.event.kind).code,
        "organization": dids.get(one.event.organization, _hex(one.event.organization)),
        "submission": one.submission,
        "since": _moment(one.accepted_at),
        "failures": one.failures,
        "behind": one.behind,
        "code": code,
        "message": message,
    }


def _submitted(row: Any) -> dict[str, Any]:
    return {
        "event": _hex(row.event_id),
        "item": _hex(row.item),
        "kind": Kind(row.kind).code,
        "status": row.status,
        "reason": None if row.reason is None else Reason(row.reason).code,
        "parked": None if row.letter is None else _hex(row.letter),
        "message": row.error if row.letter is None else row.letter_error,
    }


def _dids(connection: Connection) -> dict[bytes, str]:
    return {bytes(row[0]): row[1] for row in connection.execute(text("SELECT organization, did FROM profiles"))}


def _event_id(value: str) -> bytes:
    try:
        return bytes32(value)
    except Unreadable as error:
        raise NotFound(error.message) from error


def _hex(value: bytes) -> str:
    return "0x" + value.hex()


def _moment(value: datetime | None) -> str | None:
    return None if value is None else value.replace(tzinfo=value.tzinfo or UTC).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
