"""A small consortium that needs no chain: members, signers and accreditations written into the mirror as the indexer would write them.

Who is there: `MAISON` (brand), `VERNE` (another brand), `TANNERY` (supplier), `BOUTIQUE` (retailer of MAISON), `PLATFORM`,
`EXPERT` (authenticator for everybody), `STRANGER` (admitted, no roles), `SELF_KEYED` (a brand that keeps its keys itself), `CONSORTIUM`.
Serials and salts come from `FixedKeys`: the blinding key of an organization is the hash of its id and the epoch.

    engine = opened(url)             # newest schema, the members above
    accept(engine, MAISON, manufacture("A1"))
    record_all(engine)               # pretend that the indexer has seen everything accepted so far
"""

from dataclasses import dataclass, field
from typing import Any

from coincurve import PrivateKey
from sqlalchemy import Engine, insert, inspect, select, text, update
from sqlmodel import SQLModel

from ledger_api import migrations
from ledger_api.domain.events import Enrolment, Manufacture, RawMaterial
from ledger_api.domain.fields import rfc3339
from ledger_api.domain.network import Network
from ledger_api.domain.parsing import Refusal, parse_event
from ledger_api.domain.terms import detail_of, kind_of, party_of
from ledger_api.errors import KeyMissing
from ledger_api.intake import AuthorityCache, Intake, Order, Submission, accept_events
from ledger_api.intake.preparing import read_names
from ledger_api.store.accepting import tips
from ledger_api.store.engine import open_engine, reading, writing
from ledger_verify.hashing import Head, OrganizationId, consent_digest, domain_separator, keccak, organization_id
from ledger_verify.transition import UNBORN, Role, Terms, state_from_bytes

NOW = 1_750_000_000  # 2025-06-15T15:06:40Z
CHAIN_ID = 31337
REGISTRY, LEDGER = b"\x01" * 20, b"\x02" * 20
ALL_CATEGORIES = b"\xff" * 8

DIDS = {
    name: f"did:web:{name.lower().replace('_', '-')}.example"
    for name in ("MAISON", "VERNE", "TANNERY", "BOUTIQUE", "PLATFORM", "EXPERT", "STRANGER", "SELF_KEYED", "CONSORTIUM")
}
MAISON, VERNE, TANNERY, BOUTIQUE, PLATFORM, EXPERT, STRANGER, SELF_KEYED, CONSORTIUM = map(organization_id, DIDS.values())
ROLES = {
    MAISON: Role.BRAND,
    VERNE: Role.BRAND,
    TANNERY: Role.SUPPLIER,
    BOUTIQUE: Role.RETAILER,
    PLATFORM: Role.PLATFORM,
    EXPERT: Role.AUTHENTICATOR,
    STRANGER: Role(0),
    SELF_KEYED: Role.BRAND,
    CONSORTIUM: Role(0),
}
ACCREDITED = ((MAISON, BOUTIQUE, Role.RETAILER), (CONSORTIUM, EXPERT, Role.AUTHENTICATOR))

NETWORK = Network(
    chain_id=CHAIN_ID,
    registry=REGISTRY,
    ledger=LEDGER,
    domain_separator=domain_separator(CHAIN_ID, LEDGER),
    terms=Terms(),
    consortium=CONSORTIUM,
)


@dataclass(slots=True)
class FixedKeys:
    """Blinding keys without a keystore. `epochs` tells how often an organization has begun a new one."""

    epochs: dict[bytes, int] = field(default_factory=dict)

    def blinding(self, organization: OrganizationId) -> tuple[int, bytes]:
        epoch = self.epochs.get(organization, 1)
        return epoch, self.blinding_of(organization, epoch)

    def blinding_of(self, organization: OrganizationId, epoch: int) -> bytes:
        if organization == SELF_KEYED:
            raise KeyMissing
        return keccak(b"blinding" + organization + bytes([epoch]))


def key_of(name: str) -> PrivateKey:
    """A key pair by name: signers, owners, thieves."""
    return PrivateKey(keccak(name.encode()))


def address_of(key: PrivateKey) -> bytes:
    return keccak(key.public_key.format(compressed=False)[1:])[12:]


def sign(key: PrivateKey, digest: bytes) -> bytes:
    signature = key.sign_recoverable(digest, hasher=None)
    return signature[:64] + bytes([signature[64] + 27])


_PROFILE = text("INSERT INTO profiles (organization, did, name, visibility, created_at) VALUES (:o, :d, :n, 'public', '2025-01-01')")


def opened(url: str) -> Engine:
    engine = open_engine(url)
    if not inspect(engine).has_table("alembic_version"):  # a copy of the template has all its tables
        migrations.upgrade(engine)
    table = SQLModel.metadata.tables
    members = [(number, name, did, organization_id(did)) for number, (name, did) in enumerate(DIDS.items())]
    organizations = [
        {"id": organization, "did": did, "roles": int(ROLES[organization]), "suspended": False, "admitted_block": 1}
        for _, _, did, organization in members
    ]
    profiles = [{"o": organization, "d": did, "n": f"{name.title()} {number}"} for number, name, did, organization in members]
    signers = [
        {"organization": organization, "address": address_of(key_of(name)), "added_block": 1} for _, name, _, organization in members
    ]
    accreditations = [
        {"block_number": 1, "log_index": number, "brand": brand, "organization": organization, "role": int(role)}
        | {"scope": ALL_CATEGORIES, "from_time": 0, "until_time": 0}
        for number, (brand, organization, role) in enumerate(ACCREDITED)
    ]
    with writing(engine) as connection:
        connection.execute(insert(table["organizations"]), organizations)
        connection.execute(_PROFILE, profiles)
        connection.execute(insert(table["signers"]), signers)
        connection.execute(insert(table["accreditations"]), accreditations)
    return engine


def intake_of(engine: Engine, keys: FixedKeys | None = None) -> Intake:
    return Intake(engine, NETWORK, keys or FixedKeys(), AuthorityCache(CONSORTIUM))


def suspend(engine: Engine, organization: bytes) -> None:
    organizations = SQLModel.metadata.tables["organizations"]
    with writing(engine) as connection:
        connection.execute(update(organizations).where(organizations.c.id == organization).values(suspended=True))


_numbers = iter(range(10**9))


def accept(engine: Engine, organization: OrganizationId, *bodies: Any, keys: FixedKeys | None = None, **order: Any) -> Submission:
    """Through the door without HTTP."""
    settled = {"now": NOW, "submission": f"{next(_numbers):032x}", "request_id": "test"} | order
    return accept_events(intake_of(engine, keys), [parse_event(body) for body in bodies], Order(organization=organization, **settled))


def statuses(submission: Submission) -> list[str]:
    """`accepted`, `duplicate`, or the code of the refusal reason."""
    return [result.reason.code if result.reason is not None else result.status for result in submission.results]


def record_all(engine: Engine, *, block: int = 10) -> None:
    """Everything accepted becomes the chain's: `items` gets the tips, events read `recorded`."""
    table = SQLModel.metadata.tables
    with writing(engine) as connection:
        for row in connection.execute(
            select(table["events"]).where(table["events"].c.status == "accepted").order_by(table["events"].c.id)
        ).all():
            _record(connection, table, row, block)
        connection.execute(text("DELETE FROM tips"))


def _record(connection: Any, table: Any, row: Any, block: int) -> None:
    number = connection.execute(text("SELECT count(*) FROM records WHERE item = :item"), {"item": row.item}).scalar_one()
    same = {
        name: getattr(row, name) for name in ("item", "event_hash", "event_id", "organization", "kind", "occurred_at", "party", "detail")
    }
    mined = {"block_number": block, "block_time": NOW, "log_index": row.id, "transaction_hash": b"\x07" * 32}
    rest = {"sequence": number + 1, "signer": b"\x05" * 20, "payload": row.payload, "extra": b"", "state": row.state}
    connection.execute(insert(table["records"]), same | mined | rest)
    connection.execute(text("DELETE FROM items WHERE item = :item"), {"item": row.item})
    shown = {
        "item": row.item,
        "brand": state_from_bytes(row.state).brand,
        "state": row.state,
        "sequence": number + 1,
        "block_number": block,
    }
    connection.execute(insert(table["items"]), shown | {"passport": b"{}", "etag": "x"})
    connection.execute(text("UPDATE events SET status = 'recorded' WHERE id = :id"), {"id": row.id})


def count(engine: Engine, table: str, where: str = "1 = 1") -> int:
    with reading(engine) as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {table} WHERE {where}")).scalar_one())  # tests' own words


# --- bodies ----------------------------------------------------------------------------------------------------------

GTIN = "03760001000399"


def raw_material(lot: str = "LOT-1", **changes: Any) -> dict[str, Any]:
    payload = {"material": "lambskin", "origin": "IT", "quantity": {"value": "587.59", "unit": "MTK"}, "certificates": ["LWG-1"]}
    return {"kind": "raw-material", "occurred_at": "2025-01-06T09:00:00+01:00", "lot": lot, "payload": payload} | changes


def manufacture(serial: str = "A1", *, lots: tuple[str, ...] = (), gtin: str = GTIN, **changes: Any) -> dict[str, Any]:
    payload = {"model": "Sac Lune", "colour": "noir", "lots": [f"{DIDS['TANNERY']}#{lot}" for lot in lots]}
    body = {"kind": "manufacture", "occurred_at": "2025-02-01T09:00:00Z", "gtin": gtin, "serial": serial, "category": "handbag"}
    return body | {"payload": payload} | changes


def named(serial: str = "A1", gtin: str = GTIN) -> dict[str, str]:
    return {"gtin": gtin, "serial": serial}


def shipment(serial: str = "A1", to: str = "BOUTIQUE", **changes: Any) -> dict[str, Any]:
    return {"kind": "shipment", "occurred_at": "2025-03-01T09:00:00Z", "item": named(serial), "to": DIDS[to], "payload": {}} | changes


def sale(serial: str = "A1", owner: str = "owner", **changes: Any) -> dict[str, Any]:
    key = "0x" + address_of(key_of(owner)).hex()
    return {
        "kind": "sale",
        "occurred_at": "2025-04-01T09:00:00Z",
        "item": named(serial),
        "claim_key": key,
        "payload": {"invoice": "F-1"},
    } | changes


def verdict(serial: str = "A1", outcome: str = "authentic", method: str = "in-person", **changes: Any) -> dict[str, Any]:
    body = {"kind": "verdict", "occurred_at": "2025-05-01T09:00:00Z", "item": named(serial), "outcome": outcome, "method": method}
    return body | {"payload": {"appraiser": "APR-1", "evidence": ["0x" + "ab" * 32]}} | changes


def transfer(serial: str = "A1", to: str = "heir", **changes: Any) -> dict[str, Any]:
    key = "0x" + address_of(key_of(to)).hex()
    return {"kind": "transfer", "occurred_at": "2025-05-02T09:00:00Z", "item": named(serial), "new_holder": key, "payload": {}} | changes


def consented(engine: Engine, body: dict[str, Any], owner: str = "owner", *, head: bytes | None = None, **terms: Any) -> dict[str, Any]:
    """The body with the consent of the item's holder, as the tip is now (or from the given head).

    `terms`: what the holder agrees to beside it: carrier, store (ids) and deadline (unix seconds).
    """
    said = {
        name: next(did for did in DIDS.values() if organization_id(did) == value) for name, value in terms.items() if name != "deadline"
    }
    deadline = terms.get("deadline", NOW + 3600)
    consent = {"deadline": rfc3339(deadline), "signature": "0x" + "00" * 65} | said
    draft = parse_event(body | {"consent": consent})
    assert not isinstance(draft, Refusal | RawMaterial | Manufacture | Enrolment)
    with reading(engine) as connection:
        item = read_names(connection, [draft]).item(draft)
        stored = tips(connection, [item]).get(item)
    state = UNBORN if stored is None else state_from_bytes(stored)
    digest = consent_digest(
        NETWORK.domain_separator,
        action=kind_of(draft),
        item=item,
        head=Head(state.head if head is None else head),
        old_holder=state.holder,
        new_holder=party_of(draft),
        detail=detail_of(draft),
        carrier=terms.get("carrier", bytes(32)),
        store=terms.get("store", bytes(32)),
        deadline=deadline,
    )
    return body | {"consent": consent | {"signature": "0x" + sign(key_of(owner), digest).hex()}}
