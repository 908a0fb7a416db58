"""Rows: columns and constraints, nothing that decides.

Three groups, and the difference matters for `ledger rebuild`:
the **payload store** (what only we hold), the **chain's mirror** (derived from logs, may be dropped and made again)
and the **operations** (what was accepted and is on its way). Bytes are bytes; hex appears only at the edges.
"""

from datetime import datetime

from sqlalchemy import Column, DateTime, Index, Integer, LargeBinary, String, text
from sqlmodel import Field, SQLModel

from ledger_api import columns

IS_OPINION = "kind IN (7, 8, 10, 15)"  # verdict, enrolment, ruling, and what corrects one
IS_TOLD = "kind IN (7, 8, 9, 10, 15)"  # … and what disputes one: all that statistics are counted from
IS_DISPUTE = "kind = 9"


# --- the payload store: kept for ever, never derivable from the chain -------------------------------------------


class ProfileRow(SQLModel, table=True):
    """How an organization shows itself; its standing is the registry's and lives in `OrganizationRow`."""

    __tablename__ = "profiles"
    organization: bytes = Field(sa_column=columns.binary(primary=True))
    did: str = Field(sa_column=Column(String(255), nullable=False, unique=True))
    name: str = Field(sa_column=columns.name(255))
    country: str | None = Field(default=None, sa_column=columns.name(2, null=True))
    # public | withheld (an item exists, not for you) | folded (answered as unknown)
    visibility: str = Field(default="public", sa_column=columns.name(16))
    created_at: datetime = Field(sa_column=columns.time())


class IdentifierRow(SQLModel, table=True):
    """What an item or lot is called in the world. (gtin, serial) for an item, (supplier, lot) for a lot."""

    __tablename__ = "identifiers"
    item: bytes = Field(sa_column=columns.binary(primary=True))
    brand: bytes = Field(sa_column=columns.binary())  # a lot's supplier
    gtin: str | None = Field(default=None, sa_column=columns.name(14, null=True))
    serial: str | None = Field(default=None, sa_column=columns.name(20, null=True))
    lot: str | None = Field(default=None, sa_column=columns.name(255, null=True))
    __table_args__ = (
        Index("identifiers_gtin_serial", "gtin", "serial", unique=True),
        Index("identifiers_brand_lot", "brand", "lot", unique=True),
    )


class PayloadRow(SQLModel, table=True):
    """The detail behind a payload commitment. `body` is canonical JSON of the committed object."""

    __tablename__ = "payloads"
    event_id: bytes = Field(sa_column=columns.binary(primary=True))
    item: bytes = Field(sa_column=columns.binary(index=True))
    organization: bytes = Field(sa_column=columns.binary())
    commitment: bytes = Field(sa_column=columns.binary())
    epoch: int = Field(default=1)  # of the organization's blinding key
    body: str = Field(sa_column=columns.text())
    # of an event that its organization signed itself: JSON, path → hex salt; else salts follow from the blinding key of the epoch
    salts: str | None = Field(default=None, sa_column=columns.text(null=True))
    erased_at: datetime | None = Field(
        default=None, sa_column=columns.time(null=True)
    )  # since then the body is empty; the commitment stays


class SecretBucketRow(SQLModel, table=True):
    """One of the 256 secrets from which an organization's item secrets follow (`store/item_secrets.py`)."""

    __tablename__ = "secret_buckets"
    organization: bytes = Field(sa_column=columns.binary(primary=True))
    bucket: int = Field(sa_column=columns.big(primary=True))
    generation: int
    secret: bytes = Field(sa_column=columns.binary())


class ItemSecretRow(SQLModel, table=True):
    """An item's secret that follows from no bucket any more: a neighbour's was destroyed, or (empty) it is older than the secrets."""

    __tablename__ = "item_secrets"
    organization: bytes = Field(sa_column=columns.binary(primary=True))
    item: bytes = Field(sa_column=columns.binary(primary=True))
    secret: bytes = Field(sa_column=columns.binary())


# --- the chain's mirror: written by the indexer alone, made again by `ledger rebuild` ----------------------------


class CursorRow(SQLModel, table=True):
    """One row (id 1): which chain and contracts this database follows, and how far."""

    __tablename__ = "chain_cursor"
    id: int = Field(default=1, primary_key=True)
    chain_id: int = Field(sa_column=columns.big())
    genesis_hash: bytes = Field(sa_column=columns.binary())
    # the declarative base keeps the attribute `registry` for itself
    registry_address: bytes = Field(sa_column=Column("registry", LargeBinary, nullable=False))
    ledger: bytes = Field(sa_column=columns.binary())
    code_hash: bytes = Field(sa_column=columns.binary())
    next_block: int = Field(sa_column=columns.big())
    head_block: int = Field(sa_column=columns.big())
    final_block: int = Field(sa_column=columns.big())


class BlockRow(SQLModel, table=True):
    """A block we applied: kept to notice a reorg (a different hash at the height)."""

    __tablename__ = "blocks"
    number: int = Field(sa_column=columns.big(primary=True))
    hash: bytes = Field(sa_column=columns.binary())
    parent_hash: bytes = Field(sa_column=columns.binary())
    timestamp: int = Field(sa_column=columns.big())


class OrganizationRow(SQLModel, table=True):
    """Standing of a member, from the registry's logs."""

    __tablename__ = "organizations"
    id: bytes = Field(sa_column=columns.binary(primary=True))
    did: str = Field(sa_column=Column(String(255), nullable=False, unique=True))
    roles: int
    suspended: bool = False
    successor: bytes | None = Field(default=None, sa_column=columns.binary(null=True))
    admitted_block: int = Field(sa_column=columns.big())
    suspended_block: int | None = Field(default=None, sa_column=columns.big(null=True))
    roles_block: int | None = Field(default=None, sa_column=columns.big(null=True))  # when the roles were last set after the admission


class SuccessorRow(SQLModel, table=True):
    """Who speaks for a brand that is gone. The brand need not be a member, so this is no column of `organizations`."""

    __tablename__ = "successors"
    brand: bytes = Field(sa_column=columns.binary(primary=True))
    successor: bytes = Field(sa_column=columns.binary())


class SignerRow(SQLModel, table=True):
    __tablename__ = "signers"
    organization: bytes = Field(sa_column=columns.binary(primary=True))
    address: bytes = Field(sa_column=columns.binary(primary=True))
    added_block: int = Field(sa_column=columns.big())
    retired_block: int | None = Field(default=None, sa_column=columns.big(null=True))
    compromised_since: int | None = Field(default=None, sa_column=columns.big(null=True))


class AccreditationRow(SQLModel, table=True):
    """One `Accredited` log; the newest of (brand, organization, role) is in force."""

    __tablename__ = "accreditations"
    block_number: int = Field(sa_column=columns.big(primary=True))
    log_index: int = Field(primary_key=True)
    brand: bytes = Field(sa_column=columns.binary(index=True))
    organization: bytes = Field(sa_column=columns.binary(index=True))
    role: int
    scope: bytes = Field(sa_column=columns.binary())  # 8 bytes, big endian mask of categories
    from_time: int = Field(sa_column=columns.big())
    until_time: int = Field(sa_column=columns.big())  # 0: no end


class RegistryLogRow(SQLModel, table=True):
    """Every registry log as it came, so that a reorg can be undone by folding again."""

    __tablename__ = "registry_logs"
    block_number: int = Field(sa_column=columns.big(primary=True))
    log_index: int = Field(primary_key=True)
    topics: bytes = Field(sa_column=columns.binary())  # 32 bytes each
    body: bytes = Field(sa_column=columns.binary())


class RecordRow(SQLModel, table=True):
    """One `Recorded` log with the state after it. (item, sequence) has no gaps."""

    __tablename__ = "records"
    item: bytes = Field(sa_column=columns.binary(primary=True))
    sequence: int = Field(primary_key=True)
    event_hash: bytes = Field(sa_column=columns.binary(index=True))
    event_id: bytes = Field(sa_column=columns.binary(index=True))
    organization: bytes = Field(sa_column=columns.binary())
    signer: bytes = Field(sa_column=columns.binary())
    kind: int
    occurred_at: int = Field(sa_column=columns.big())
    party: bytes = Field(sa_column=columns.binary())
    detail: bytes = Field(sa_column=columns.binary())  # 8 bytes, big endian
    payload: bytes = Field(sa_column=columns.binary())  # the commitment
    extra: bytes = Field(sa_column=columns.binary())  # Enrolled: brand ‖ serial commitment; ReleasedByOrder: one byte; else empty
    state: bytes = Field(sa_column=columns.binary())  # transition.state_to_bytes, after this event
    block_number: int = Field(sa_column=columns.big(index=True))
    block_time: int = Field(sa_column=columns.big())
    log_index: int
    transaction_hash: bytes = Field(sa_column=columns.binary())
    # opinions by their authors, disputes by their items: few among the many
    __table_args__ = (
        Index("records_opinions", "organization", sqlite_where=text(IS_OPINION), postgresql_where=text(IS_OPINION)),
        Index("records_told", "block_number", sqlite_where=text(IS_TOLD), postgresql_where=text(IS_TOLD)),
        Index("records_disputes", "item", sqlite_where=text(IS_DISPUTE), postgresql_where=text(IS_DISPUTE)),
    )


class ItemRow(SQLModel, table=True):
    """An item or lot as of the last applied block, with its passport kept ready."""

    __tablename__ = "items"
    item: bytes = Field(sa_column=columns.binary(primary=True))
    brand: bytes = Field(sa_column=columns.binary(index=True))
    state: bytes = Field(sa_column=columns.binary())
    sequence: int
    block_number: int = Field(sa_column=columns.big(index=True))  # of the last event
    passport: bytes = Field(sa_column=columns.binary())
    etag: str = Field(sa_column=columns.name(64))


class MaterialRow(SQLModel, table=True):
    """Which items name a lot: when the lot's own story goes on, theirs is told again."""

    __tablename__ = "materials"
    lot: bytes = Field(sa_column=columns.binary(primary=True))
    item: bytes = Field(sa_column=columns.binary(primary=True))


class ShownRow(SQLModel, table=True):
    """The name passports give an organization now; one that differs from its profile has passports to make again."""

    __tablename__ = "shown"
    organization: bytes = Field(sa_column=columns.binary(primary=True))
    did: str | None = Field(default=None, sa_column=columns.name(255, null=True))
    name: str | None = Field(default=None, sa_column=columns.name(255, null=True))


class RefreshRow(SQLModel, table=True):
    """A passport to make again because something beside the item's own history changed: a lot, a name, a key."""

    __tablename__ = "refreshes"
    item: bytes = Field(sa_column=columns.binary(primary=True))
    asked: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default="0"))  # how often again while it waits


# --- operations: what was accepted, and how it travels -----------------------------------------------------------


class ApiKeyRow(SQLModel, table=True):
    """Shown once, stored as SHA-256 of the secret."""

    __tablename__ = "api_keys"
    id: str = Field(sa_column=columns.name(primary=True))
    organization: bytes = Field(sa_column=columns.binary(index=True))
    name: str = Field(sa_column=columns.name(255))
    secret_hash: bytes = Field(sa_column=columns.binary())
    scopes: str = Field(sa_column=columns.name(255))  # space separated
    created_at: datetime = Field(sa_column=columns.time())
    revoked_at: datetime | None = Field(default=None, sa_column=columns.time(null=True))


class IdempotencyRow(SQLModel, table=True):
    """The answer to a write, kept under its Idempotency-Key; no answer yet = still in flight."""

    __tablename__ = "idempotency"
    key_id: str = Field(sa_column=columns.name(primary=True))
    key: str = Field(sa_column=columns.name(255, primary=True))
    request_hash: bytes = Field(sa_column=columns.binary())
    status: int | None = Field(default=None, nullable=True)
    response: bytes | None = Field(default=None, sa_column=columns.binary(null=True))
    created_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False, index=True))


class SubmissionRow(SQLModel, table=True):
    """One accepted request: what the caller follows. Its status is that of its events."""

    __tablename__ = "submissions"
    id: str = Field(sa_column=columns.name(primary=True))
    organization: bytes = Field(sa_column=columns.binary(index=True))
    request_id: str = Field(sa_column=columns.name(64))
    created_at: datetime = Field(sa_column=columns.time())


class EventRow(SQLModel, table=True):
    """An accepted event. `id` is the order of acceptance; an item's events travel in that order.

    status: accepted → recorded → final, or refused. `batch` is set while a signed batch holds it.
    """

    __tablename__ = "events"
    id: int | None = Field(default=None, primary_key=True)
    event_id: bytes = Field(sa_column=columns.binary(index=True))
    submission: str = Field(sa_column=Column(String(32), nullable=False, index=True))
    position: int  # in the submission
    organization: bytes = Field(sa_column=columns.binary())
    item: bytes = Field(sa_column=columns.binary(index=True))
    kind: int
    occurred_at: int = Field(sa_column=columns.big())
    party: bytes = Field(sa_column=columns.binary())
    detail: bytes = Field(sa_column=columns.binary())
    payload: bytes = Field(sa_column=columns.binary())
    head: bytes = Field(sa_column=columns.binary())  # the head it follows, as accepted
    event_hash: bytes = Field(sa_column=columns.binary(index=True))
    approval: bytes | None = Field(default=None, sa_column=columns.binary(null=True))  # JSON: consent, endorsement, enrolment's opening
    state: bytes = Field(sa_column=columns.binary())  # expected after it
    status: str = Field(default="accepted", sa_column=columns.name(16))
    reason: int | None = Field(default=None, nullable=True)
    # the block that refused it: if the block falls out of the chain, the event is accepted again
    refused_block: int | None = Field(default=None, sa_column=columns.big(null=True))
    batch: int | None = Field(default=None, nullable=True)
    batch_position: int | None = Field(default=None, nullable=True)
    # why the worker could not carry it for now (a node's or contract's words); cleared when it travels
    error: str | None = Field(default=None, sa_column=columns.name(500, null=True))
    # how often it failed alone since an operator last looked, and the block from which the node is asked again (null: not failing)
    failures: int | None = Field(default=None, nullable=True)
    retry_block: int | None = Field(default=None, sa_column=columns.big(null=True))
    # the row it waits for until an operator decides: its own (the dead letter), or the parked one that it stands behind
    parked: int | None = Field(default=None, nullable=True)
    # all-or-nothing and already signed batches are one unit: events of a unit share it and enter one batch
    unit: str | None = Field(default=None, sa_column=columns.name(null=True))
    __table_args__ = (
        # a refused event may be sent again; an accepted or recorded one is the first one
        Index(
            "events_live_event_id",
            "event_id",
            unique=True,
            sqlite_where=text("status <> 'refused'"),
            postgresql_where=text("status <> 'refused'"),
        ),
        Index(
            "events_refused_block",
            "refused_block",
            sqlite_where=text("refused_block IS NOT NULL"),
            postgresql_where=text("refused_block IS NOT NULL"),
        ),
        Index("events_waiting", "id", sqlite_where=text("status = 'accepted'"), postgresql_where=text("status = 'accepted'")),
        # what no signed batch holds yet: the worker's window
        Index(
            "events_unbatched",
            "id",
            sqlite_where=text("status = 'accepted' AND batch IS NULL AND parked IS NULL"),
            postgresql_where=text("status = 'accepted' AND batch IS NULL AND parked IS NULL"),
        ),
        Index("events_batch", "batch", sqlite_where=text("batch IS NOT NULL"), postgresql_where=text("batch IS NOT NULL")),
        Index("events_unit", "unit", sqlite_where=text("unit IS NOT NULL"), postgresql_where=text("unit IS NOT NULL")),
        Index("events_parked", "parked", sqlite_where=text("parked IS NOT NULL"), postgresql_where=text("parked IS NOT NULL")),
        Index(
            "events_failing",
            "retry_block",
            sqlite_where=text("retry_block IS NOT NULL"),
            postgresql_where=text("retry_block IS NOT NULL"),
        ),
    )


class RefusalRow(SQLModel, table=True):
    """Why an event was refused at the door: the same event sent again and refused again gets the same answer."""

    __tablename__ = "refusals"
    event_id: bytes = Field(sa_column=columns.binary(primary=True))
    reason: int
    created_at: datetime = Field(sa_column=columns.time())


class TipRow(SQLModel, table=True):
    """The state after an item's last accepted event; absent = the chain's state (`items`) is the tip."""

    __tablename__ = "tips"
    item: bytes = Field(sa_column=columns.binary(primary=True))
    state: bytes = Field(sa_column=columns.binary())


class BatchRow(SQLModel, table=True):
    """Events of one organization under one signature. status: signed → sent → done | refused | dissolved.

    A dissolved batch gave its events back to be signed anew; should somebody else carry it still, its events bind their
    heads and land once at most.
    """

    __tablename__ = "batches"
    id: int | None = Field(default=None, primary_key=True)
    organization: bytes = Field(sa_column=columns.binary())
    signer: bytes = Field(sa_column=columns.binary())
    deadline: int = Field(sa_column=columns.big())
    all_or_nothing: bool = False
    batch_hash: bytes = Field(sa_column=columns.binary(index=True))
    signature: bytes = Field(sa_column=columns.binary())
    status: str = Field(default="signed", sa_column=columns.name(16))
    transaction: int | None = Field(default=None, nullable=True, index=True)
    __table_args__ = (
        Index(
            "batches_open",
            "status",
            sqlite_where=text("status IN ('signed', 'sent')"),
            postgresql_where=text("status IN ('signed', 'sent')"),
        ),
    )


class TransactionRow(SQLModel, table=True):
    """Signed bytes, saved before they are sent. One nonce of a lane may have replacements; one of them lands."""

    __tablename__ = "transactions"
    id: int | None = Field(default=None, primary_key=True)
    relayer: bytes = Field(sa_column=columns.binary())
    nonce: int = Field(sa_column=columns.big())
    raw: bytes = Field(sa_column=columns.binary())
    hash: bytes = Field(sa_column=columns.binary())
    max_fee_wei: str = Field(sa_column=columns.name(80))
    sent_block: int | None = Field(default=None, sa_column=columns.big(null=True))  # the head when it was last given to the node
    status: str = Field(default="saved", sa_column=columns.name(16))  # saved → sent → mined | reverted | replaced | foreign
    block_number: int | None = Field(default=None, sa_column=columns.big(null=True))
    # what it cost, from the receipt of the block it landed in; null until it landed, and again after a reorg
    gas_used: int | None = Field(default=None, sa_column=columns.big(null=True))
    gas_price_wei: int | None = Field(default=None, sa_column=columns.big(null=True))  # base fee and tip together
    created_at: datetime = Field(sa_column=columns.time())
    __table_args__ = (
        Index("transactions_hash", "hash", unique=True),
        Index("transactions_lane", "relayer", "nonce"),
        # the bytes stand before the status in a row: without this, what is in flight is found by reading all that ever was
        Index(
            "transactions_flying",
            "relayer",
            "nonce",
            sqlite_where=text("status IN ('saved', 'sent')"),
            postgresql_where=text("status IN ('saved', 'sent')"),
        ),
        # counts and costs, told without touching a row; nothing is searched by it
        Index("transactions_costs", "gas_used", "gas_price_wei", "status"),
    )


class OfferRow(SQLModel, table=True):
    """An owner's consent to hand an item to one buyer's key, waiting for the buyer. The newest of (item, buyer) counts."""

    __tablename__ = "offers"
    item: bytes = Field(sa_column=columns.binary(primary=True))
    buyer: bytes = Field(sa_column=columns.binary(primary=True))  # the new key's address
    head: bytes = Field(sa_column=columns.binary())  # the history that the owner agreed to
    old_holder: bytes = Field(sa_column=columns.binary())
    deadline: int = Field(sa_column=columns.big())
    signature: bytes = Field(sa_column=columns.binary())
    created_at: datetime = Field(sa_column=columns.time())


class ClaimCardRow(SQLModel, table=True):
    """A claim card made for a shop. Its secret follows from `salt` and a key of the keyring; without the salt it is gone."""

    __tablename__ = "claim_cards"
    id: str = Field(sa_column=columns.name(primary=True))
    organization: bytes = Field(sa_column=columns.binary())
    request: bytes = Field(sa_column=columns.binary())  # SHA-256 of the Idempotency-Key: the same request gets the same card
    item: bytes = Field(sa_column=columns.binary())
    address: bytes = Field(sa_column=columns.binary())
    salt: bytes | None = Field(default=None, sa_column=columns.binary(null=True))  # null once the shop has said that it has the card
    created_at: datetime = Field(sa_column=columns.time())
    acknowledged_at: datetime | None = Field(default=None, sa_column=columns.time(null=True))
    __table_args__ = (Index("claim_cards_request", "organization", "request", unique=True),)


class OpinionRequestRow(SQLModel, table=True):
    """A second opinion that an organization asked for. Answered by whoever judges the item next; the records say so."""

    __tablename__ = "opinion_requests"
    item: bytes = Field(sa_column=columns.binary(primary=True))
    organization: bytes = Field(sa_column=columns.binary(primary=True))
    sequence: int  # events the item had when it was asked
    until: datetime = Field(sa_column=columns.time())
    created_at: datetime = Field(sa_column=columns.time())


class LeaseRow(SQLModel, table=True):
    """Who may do a job now: a lane of nonces, the indexer. Taken over once expired."""

    __tablename__ = "leases"
    name: str = Field(sa_column=columns.name(64, primary=True))
    owner: str = Field(sa_column=columns.name(64))
    expires_at: datetime = Field(sa_column=columns.time())


class StopRow(SQLModel, table=True):
    """Why a loop ended for a person to look at, and where the mirror stood: as long as it stands there, an alarm says so."""

    __tablename__ = "stops"
    code: str = Field(sa_column=columns.name(64, primary=True))
    next_block: int = Field(sa_column=columns.big())


class TallyRow(SQLModel, table=True):
    """What is counted for ever, for metrics: refusals by who refused and why, reorgs. A double, as Prometheus has them."""

    __tablename__ = "tallies"
    name: str = Field(sa_column=columns.name(64, primary=True))
    label: str = Field(sa_column=columns.name(64, primary=True))
    value: float
