"""Which fields of a payload a proof shows, and the fields themselves with their salts.

Without a word from anybody a proof shows what a passport tells (the table in docs/architecture.md). The organization that
recorded an event may show more of it; whoever asks may have less shown: what is withheld at his wish is named, and what he may not see
is not. Nothing else about a field can be chosen.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from ledger_api.directory import Blinding
from ledger_api.errors import IntegrityError, KeyMissing
from ledger_api.passport.making import PUBLIC
from ledger_api.store.proving import StoredPayload
from ledger_api.store.records import Record
from ledger_verify.codes import Kind
from ledger_verify.disclosure import is_named, sealed
from ledger_verify.hashing import Disclosure, ItemId, OrganizationId, commitment_of, disclose, disclosure_digest, flatten, item_key
from ledger_verify.state import unpack_detail

Json = dict[str, Any]
NAME = "name"  # under which a name's salt is kept among a payload's


class PayloadMismatch(IntegrityError):
    """A stored payload is not what was committed on the chain."""

    code = "payload-mismatch"


@dataclass(frozen=True, slots=True)
class Choice:
    """What one asker wants shown. `withhold`: pointers, `/model` in every event or `3/model` in the third; what lies under one too."""

    own: OrganizationId | None = None  # whose events are shown whole
    withhold: frozenset[str] = frozenset()

    def opens(self, record: Record, path: str, public: Collection[str]) -> bool:
        """Whether the asker may see this field at all."""
        return record.organization == self.own or any(_is_within(path, one) for one in public)

    def withholds(self, record: Record, path: str) -> bool:
        return any(is_named(path, record.sequence, one) for one in self.withhold)


PUBLIC_ONLY = Choice()


def public_paths(record: Record, records: Sequence[Record]) -> list[str]:
    """Pointers of what anybody may read of this event's payload."""
    paths = [f"/{name}" for name in PUBLIC.get(record.kind, ())]
    if record.kind != Kind.CORRECTION:
        return paths
    corrected = records[unpack_detail(int.from_bytes(record.detail, "big")).time - 1]
    return paths + [f"/replaces/{name}" for name in PUBLIC.get(corrected.kind, ())]


def payload_document(record: Record, records: Sequence[Record], stored: StoredPayload | None, choice: Choice, blinding: Blinding) -> Json:
    """The payload as the file has it; its commitment alone where we do not have it.

    Raises:
        PayloadMismatch.
    """
    opened = None if stored is None else _opened(record, stored, blinding)
    if opened is None:
        return {"commitment": "0x" + record.payload.hex()}
    digests = {disclosure_digest(field.salt, field.path, field.value): field for field in opened}
    if commitment_of(digests) != record.payload:
        raise PayloadMismatch(event_id="0x" + record.event_id.hex())
    public = public_paths(record, records)
    fields: list[Any] = []
    withheld: list[Any] = []
    for digest, field in sorted(digests.items(), key=lambda one: one[0]):
        if not choice.opens(record, field.path, public):
            withheld.append("0x" + digest.hex())
        elif choice.withholds(record, field.path):
            withheld.append(sealed(field))
        else:
            fields.append([field.salt.hex(), field.path, field.value])
    return {"fields": fields, "withheld": withheld}


def _opened(record: Record, stored: StoredPayload, blinding: Blinding) -> list[Disclosure] | None:
    """None: the salts are the organization's own secret and it did not leave them here, or nothing was drawn to make them with."""
    whole = orjson.loads(stored.body)
    if stored.salts is not None:
        salts: dict[str, str] = orjson.loads(stored.salts)
        return [Disclosure(bytes.fromhex(salts[path][2:]), path, value) for path, value in flatten(whole)]
    if stored.secret is None:
        return None
    organization = OrganizationId(record.organization)
    try:
        key = item_key(blinding.blinding_of(organization, stored.epoch), ItemId(record.item), stored.secret)
    except KeyMissing:
        return None
    return disclose(whole, item_key=key, organization=organization, kind=record.kind, occurred_at=record.occurred_at)


def _is_within(path: str, above: str) -> bool:
    return path == above or path.startswith(f"{above}/")
