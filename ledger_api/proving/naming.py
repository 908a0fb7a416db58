"""The opening of an item's name, for somebody who knows the name already: what makes a proof one of *this* serial."""

from collections.abc import Mapping
from typing import Any

import orjson

from ledger_api.directory import Blinding
from ledger_api.errors import KeyMissing
from ledger_api.proving.fields import NAME
from ledger_api.store.proving import Named, StoredPayload
from ledger_api.store.records import Record
from ledger_verify.codes import Kind
from ledger_verify.hashing import OrganizationId, hmac_sha256, salted_serial

NAMING_EPOCH = 1  # of the blinding key that names serials for ever


def name_document(
    named: Named | None,
    birth: Record,
    payloads: Mapping[bytes, StoredPayload],
    blinding: Blinding,
    consortium: OrganizationId,
    known: tuple[str, str] | None,
) -> dict[str, Any] | None:
    """`known` is the (GTIN-14, serial) that the asker shows; nobody learns a serial here.

    None: it is another item's, or the salt is not ours to show.
    """
    if known is None or named is None or known != (named.gtin, named.serial):
        return None
    gtin, serial = known
    committed = birth.extra[32:] if birth.kind == Kind.ENROLMENT else birth.party
    for salt in _salts(OrganizationId(named.brand), birth, payloads, blinding, consortium, known):
        if salted_serial(salt, gtin, serial) == committed:
            return {"gtin": gtin, "serial": serial, "salt": "0x" + salt.hex()}
    return None


def _salts(
    brand: OrganizationId,
    birth: Record,
    payloads: Mapping[bytes, StoredPayload],
    blinding: Blinding,
    consortium: OrganizationId,
    known: tuple[str, str],
) -> list[bytes]:
    """Of the brand's key, the consortium's (for a brand that was no member), or as the organization showed it."""
    gtin, serial = known
    message = b"serial\x00" + gtin.encode("ascii") + b"\x00" + serial.encode("ascii")
    found = []
    for keeper in (brand, consortium):
        try:
            found.append(hmac_sha256(blinding.blinding_of(keeper, NAMING_EPOCH), message))
        except KeyMissing:
            continue
    payload = payloads.get(birth.event_id)
    if payload is not None and payload.salts is not None:
        shown = orjson.loads(payload.salts).get(NAME)
        if shown is not None:
            found.append(bytes.fromhex(shown[2:]))
    return found
