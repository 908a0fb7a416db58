"""Rows of the payload store: what only we hold, and the chain cannot give back. What was lost of it comes back with its event.

An event that is sent again is a repeat, also after a database was restored from yesterday's backup and the chain alone knows the event.
Its id commits to its payload, so what comes is what was lost.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from ledger_api.intake.preparing import Names, Prepared
from ledger_api.store import accepting as rows
from ledger_api.store.following import queue_refreshes
from ledger_api.store.records import made_from
from ledger_verify.hashing import OrganizationId


def payload_row(prepared: Prepared, organization: OrganizationId) -> dict[str, Any]:
    return {
        "event_id": prepared.event_id,
        "item": prepared.item,
        "organization": organization,
        "commitment": prepared.payload,
        "epoch": prepared.epoch,
        "body": prepared.text,
        "salts": prepared.salts,
    }


def identifier_row(prepared: Prepared) -> dict[str, Any]:
    birth = prepared.birth
    assert birth is not None  # the caller chose births
    return {"item": birth.item, "brand": birth.brand, "gtin": birth.gtin, "serial": birth.serial, "lot": birth.lot}


def mend(connection: Connection, repeats: Sequence[Prepared], organization: OrganizationId, names: Names) -> None:
    """Payloads and names of repeats that are no longer there are kept again, and the passports that lacked them made anew."""
    if not repeats:
        return
    there = rows.kept_payloads(connection, [one.event_id for one in repeats])
    lost = [one for one in repeats if one.event_id not in there]
    if not lost:
        return
    rows.keep_payloads(connection, [payload_row(one, organization) for one in lost])
    rows.keep_identifiers(connection, [identifier_row(one) for one in lost if one.birth is not None and _has_its_name(one, names)])
    items = {one.item for one in lost}
    queue_refreshes(connection, items | made_from(connection, items))


def _has_its_name(one: Prepared, names: Names) -> bool:
    """Unless another item took it meanwhile."""
    if one.birth is not None and one.birth.lot is not None:
        return names.lots.get((one.birth.brand, one.birth.lot)) == one.item
    pair = one.serial_pair()
    return pair is not None and names.serials[pair].item == one.item
