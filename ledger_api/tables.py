"""Rows: columns and constraints, nothing that decides.

Three groups, and the difference matters for `ledger rebuild`:
the **payload store** (what only we hold), the **chain's mirror** (derived from logs, may be dropped and made again)
and the **operations** (what was accepted and is on its way). Bytes are bytes; hex appears only at the edges.
"""

from datetime import datetime

from sqlalchemy import BigInteger, Column, DateTime, Index, LargeBinary, String, Text, text
from sqlmodel import Field, SQLModel

IS_OPINION = "kind IN (7, 8, 10, 15)"  # verdict, enrolment, ruling, and what corrects one


def _bytes(*, primary: bool = False, null: bool = False, index: bool = False) -> Column[bytes]:
    return Column(LargeBinary, primary_key=primary, nullable=null, index=index)


def _big(*, primary: bool = False, null: bool = False, index: bool = False) -> Column[int]:
    return Column(BigInteger, primary_key=primary, nullable=null, index=index, autoincrement=False)


def _time(*, null: bool = False) -> Column[datetime]:
    return Column(DateTime(timezone=True), nullable=null)


# --- the payload store: kept for ever, never derivable from the chain -------------------------------------------


class ProfileRow(SQLModel, table=True):
    """How an organization shows itself; its standing is the registry's and lives in `OrganizationRow`."""

    __tablename__ = "profiles"
    organization: bytes = Field(sa_column=_bytes(primary=True))
    did: str = Field(sa_column=Column(String(255), nullable=False, unique=True))
    name: str = Field(sa_column=Column(String(255), nullable=False))
    country: str | None = Field(default=None, sa_column=Column(String(2), nullable=True))
    # public | withheld (an item exists, not for you) | folded (answered as unknown)
    visibility: str = Field(default="public", sa_column=Column(String(16), nullable=False))
    created_at: datetime = Field(sa_column=_time())


class IdentifierRow(SQLModel, table=True):
    """What an item or lot is called in the world. (gtin, serial) for an item, (supplier, lot) for a lot."""

    __tablename__ = "identifiers"
    item: bytes = Field(sa_column=_bytes(primary=True))
    brand: bytes = Field(sa_column=_bytes())  # a lot's supplier
    gtin: str | None = Field(default=None, sa_column=Column(String(14), nullable=True))
    serial: str | None = Field(default=None, sa_column=Column(String(20), nullable=True))
    lot: str | None = Field(default=None, sa_column=Column(String(255), nullable=True))
    __table_args__ = (
        Index("identifiers_gtin_serial", "gtin", "serial", unique=True),
        Index("identifiers_brand_lot", "brand", "lot", unique=True),
    )


class PayloadRow(SQLModel, table=True):
    """The detail behind a payload commitment. `body` is canonical JSON of the committed object."""

    __tablename__ = "payloads"
    event_id: bytes = Field(sa_column=_bytes(primary=True))
    item: bytes = Field(sa_column=_bytes(index=True))
    organization: bytes = Field(sa_column=_bytes())
    commitment: bytes = Field(sa_column=_bytes())
    epoch: int = Field(default=1)  # of the organization's blinding key
    body: str = Field(sa_column=Column(Text, nullable=False))
    # of an event that its organization signed itself: JSON, path → hex salt; else salts follow from the blinding key of the epoch
    salts: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    erased_at: datetime | None = Field(default=None, sa_column=_time(null=True))  # since then the body is empty; the commitment stays


class SecretBucketRow(SQLModel, table=True):
    """One of the 256 secrets from which an organization's item secrets follow (`store/item_secrets.py`)."""

    __tablename__ = "secret_buckets"
    organization: bytes = Field(sa_column=_bytes(primary=True))
    bucket: int = Field(sa_column=_big(primary=True))
    generation: int
    secret: bytes = Field(sa_column=_bytes())


class ItemSecretRow(SQLModel, table=True):
    """An item's secret that follows from no bucket any more: a neighbour's was destroyed, or (empty) it is older than the secrets."""

    __tablename__ = "item_secrets"
    organization: bytes = Field(sa_column=_bytes(primary=True))
    item: bytes = Field(sa_column=_bytes(primary=True))
    secret: bytes = Field(sa_column=_bytes())


# --- the chain's mirror: written by the indexer alone, made again by `ledger rebuild` ----------------------------


class CursorRow(SQLModel, table=True):
    """One row (id 1): which chain and contracts this database follows, and how far."""

    __tablename__ = "chain_cursor"
    id: int = Field(default=1, primary_key=True)
    chain_id: int = Field(sa_column=_big())
    genesis_hash: bytes = Field(sa_column=_bytes())
    # the declarative base keeps the attribute `registry` for itself
    registry_address: bytes = Field(sa_column=Column("registry", LargeBinary, nullable=False))
    ledger: bytes = Field(sa_column=_bytes())
    code_hash: bytes = Field(sa_column=_bytes())
    next_block: int = Field(sa_column=_big())
    head_block: int = Field(sa_column=_big())
    final_block: int = Field(sa_column=_big())


class BlockRow(SQLModel, table=True):
    """A block we applied: kept to notice a reorg (a different hash at the height)."""

    __tablename__ = "blocks"
    number: int = Field(sa_column=_big(primary=True))
    hash: bytes = Field(sa_column=_bytes())
    parent_hash: bytes = Field(sa_column=_bytes())
    timestamp: int = Field(sa_column=_big())


class OrganizationRow(SQLModel, table=True):
    """Standing of a member, from the registry's logs."""

    __tablename__ = "organizations"
    id: bytes = Field(sa_column=_bytes(primary=True))
    did: str = Field(sa_column=Column(String(255), nullable=False, unique=True))
    roles: int
    suspended: bool = False
    successor: bytes | None = Field(default=None, sa_column=_bytes(null=True))
    admitted_block: int = Field(sa_column=_big())
    suspended_block: int | None = Field(default=None, sa_column=_big(null=True))
    roles_block: int | None = Field(default=None, sa_column=_big(null=True))  # when the roles were last set after the admission


class SuccessorRow(SQLModel, table=True):
    """Who speaks for a brand that is gone. The brand need not be a member, so this is no column of `organizations`."""

    __tablename__ = "successors"
    brand: bytes = Field(sa_column=_bytes(primary=True))
    successor: bytes = Field(sa_column=_bytes())


class SignerRow(SQLModel, table=True):
    __tablename__ = "signers"
    organization: bytes = Field(sa_column=_bytes(primary=True))
    address: bytes = Field(sa_column=_bytes(primary=True))
    added_block: int = Field(sa_column=_big())
    retired_block: int | None = Field(default=None, sa_column=_big(null=True))
    compromised_since: int | None = Field(default=None, sa_column=_big(null=True))


class AccreditationRow(SQLModel, table=True):
    """One `Accredited` log; the newest of (brand, organization, role) is in force."""

    __tablename__ = "accreditations"
    block_number: int = Field(sa_column=_big(primary=True))
    log_index: int = Field(primary_key=True)
    brand: bytes = Field(sa_column=_bytes(index=True))
    organization: bytes = Field(sa_column=_bytes(index=True))
    role: int
    scope: bytes = Field(sa_column=_bytes())  # 8 bytes, big endian mask of categories
    from_time: int = Field(sa_column=_big())
    until_time: int = Field(sa_column=_big())  # 0: no end


class RegistryLogRow(SQLModel, table=True):
    """Every registry log as it came, so that a reorg can be undone by folding again."""

    __tablename__ = "registry_logs"
    block_number: int = Field(sa_column=_big(primary=True))
    log_index: int = Field(primary_key=True)
    topics: bytes = Field(sa_column=_bytes())  # 32 bytes each
    body: bytes = Field(sa_column=_bytes())


class RecordRow(SQLModel, table=True):
    """One `Recorded` log with the state after it. (item, sequence) has no gaps."""

    __tablename__ = "records"
    item: bytes = Field(sa_column=_bytes(primary=True))
    sequence: int = Field(primary_key=True)
    event_hash: bytes = Field(sa_column=_bytes(index=True))
    event_id: bytes = Field(sa_column=_bytes(index=True))
    organization: bytes = Field(sa_column=_bytes())
    signer: bytes = Field(sa_column=_bytes())
    kind: int
    occurred_at: int = Field(sa_column=_big())
    party: bytes = Field(sa_column=_bytes())
    detail: bytes = Field(sa_column=_bytes())  # 8 bytes, big endian
    payload: bytes = Field(sa_column=_bytes())  # the commitment
    extra: bytes = Field(sa_column=_bytes())  # Enrolled: brand ‖ serial commitment; ReleasedByOrder: one byte; else empty
    state: bytes = Field(sa_column=_bytes())  # transition.state_to_bytes, after this event
    block_number: int = Field(sa_column=_big(index=True))
    block_time: int = Field(sa_column=_big())
    log_index: int
    transaction_hash: bytes = Field(sa_column=_bytes())
    # opinions by their authors: few among the many
    __table_args__ = (Index("records_opinions", "organization", sqlite_where=text(IS_OPINION), postgresql_where=text(IS_OPINION)),)


class ItemRow(SQLModel, table=True):
    """An item or lot as of the last applied block, with its passport kept ready."""

    __tablename__ = "items"
    item: bytes = Field(sa_column=_bytes(primary=True))
    brand: bytes = Field(sa_column=_bytes(index=True))
    state: bytes = Field(sa_column=_bytes())
    sequence: int
    block_number: int = Field(sa_column=_big(index=True))  # of the last event
    passport: bytes = Field(sa_column=_bytes())
    etag: str = Field(sa_column=Column(String(64), nullable=False))


class MaterialRow(SQLModel, table=True):
    """Which items name a lot: when the lot's own story goes on, theirs is told again."""

    __tablename__ = "materials"
    lot: bytes = Field(sa_column=_bytes(primary=True))
    item: bytes = Field(sa_column=_bytes(primary=True))


class ShownRow(SQLModel, table=True):
    """The name passports give an organization now; one that differs from its profile has passports to make again."""

    __tablename__ = "shown"
    organization: bytes = Field(sa_column=_bytes(primary=True))
    did: str | None = Field(default=None, sa_column=Column(String(255), nullable=True))
    name: str | None = Field(default=None, sa_column=Column(String(255), nullable=True))


class RefreshRow(SQLModel, table=True):
    """A passport to make again because something beside the item's own history changed: a lot, a name, a key."""

    __tablename__ = "refreshes"
    item: bytes = Field(sa_column=_bytes(primary=True))


# --- operations: what was accepted, and how it travels -----------------------------------------------------------


class ApiKeyRow(SQLModel, table=True):
    """Shown once, stored as SHA-256 of the secret."""

    __tablename__ = "api_keys"
    id: str = Field(sa_column=Column(String(32), primary_key=True))
    organization: bytes = Field(sa_column=_bytes(index=True))
    name: str = Field(sa_column=Column(String(255), nullable=False))
    secret_hash: bytes = Field(sa_column=_bytes())
    scopes: str = Field(sa_column=Column(String(255), nullable=False))  # space separated
    created_at: datetime = Field(sa_column=_time())
    revoked_at: datetime | None = Field(default=None, sa_column=_time(null=True))


class IdempotencyRow(SQLModel, table=True):
    """The answer to a write, kept under its Idempotency-Key; no answer yet = still in flight."""

    __tablename__ = "idempotency"
    key_id: str = Field(sa_column=Column(String(32), primary_key=True))
    key: str = Field(sa_column=Column(String(255), primary_key=True))
    request_hash: bytes = Field(sa_column=_bytes())
    status: int | None = Field(default=None, nullable=True)
    response: bytes | None = Field(default=None, sa_column=_bytes(null=True))
    created_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False, index=True))


class SubmissionRow(SQLModel, table=True):
    """One accepted request: what the caller follows. Its status is that of its events."""

    __tablename__ = "submissions"
    id: str = Field(sa_column=Column(String(32), primary_key=True))
    organization: bytes = Field(sa_column=_bytes(index=True))
    request_id: str = Field(sa_column=Column(String(64), nullable=False))
    created_at: datetime = Field(sa_column=_time())


class EventRow(SQLModel, table=True):
    """An accepted event. `id` is the order of acceptance; an item's events travel in that order.

    status: accepted → recorded → final, or refused. `batch` is set while a signed batch holds it.
    """

    __tablename__ = "events"
    id: int | None = Field(default=None, primary_key=True)
    event_id: bytes = Field(sa_column=_bytes(index=True))
    submission: str = Field(sa_column=Column(String(32), nullable=False, index=True))
    position: int  # in the submission
    organization: bytes = Field(sa_column=_bytes())
    item: bytes = Field(sa_column=_bytes(index=True))
    kind: int
    occurred_at: int = Field(sa_column=_big())
    party: bytes = Field(sa_column=_bytes())
    detail: bytes = Field(sa_column=_bytes())
    payload: bytes = Field(sa_column=_bytes())
    head: bytes = Field(sa_column=_bytes())  # the head it follows, as accepted
    event_hash: bytes = Field(sa_column=_bytes(index=True))
    approval: bytes | None = Field(default=None, sa_column=_bytes(null=True))  # JSON: consent, endorsement, enrolment's opening
    state: bytes = Field(sa_column=_bytes())  # expected after it
    status: str = Field(default="accepted", sa_column=Column(String(16), nullable=False))
    reason: int | None = Field(default=None, nullable=True)
    # the block that refused it: if the block falls out of the chain, the event is accepted again
    refused_block: int | None = Field(default=None, sa_column=_big(null=True))
    batch: int | None = Field(default=None, nullable=True)
    batch_position: int | None = Field(default=None, nullable=True)
    # why the worker could not carry it for now (a node's or contract's words); cleared when it travels
    error: str | None = Field(default=None, sa_column=Column(String(500), nullable=True))
    # how often it failed alone since an operator last looked, and the block from which the node is asked again (null: not failing)
    failures: int | None = Field(default=None, nullable=True)
    retry_block: int | None = Field(default=None, sa_column=_big(null=True))
    # the row it waits for until an operator decides: its own (the dead letter), or the parked one that it stands behind
    parked: int | None = Field(default=None, nullable=True)
    # all-or-nothing and already signed batches are one unit: events of a unit share it and enter one batch
    unit: str | None = Field(default=None, sa_column=Column(String(32), nullable=True))
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
    event_id: bytes = Field(sa_column=_bytes(primary=True))
    reason: int
    created_at: datetime = Field(sa_column=_time())


class TipRow(SQLModel, table=True):
    """The state after an item's last accepted event; absent = the chain's state (`items`) is the tip."""

    __tablename__ = "tips"
    item: bytes = Field(sa_column=_bytes(primary=True))
    state: bytes = Field(sa_column=_bytes())


class BatchRow(SQLModel, table=True):
    """Events of one organization under one signature. status: signed → sent → done | refused | dissolved.

    A dissolved batch gave its events back to be signed anew; should somebody else carry it still, its events bind their
    heads and land once at most.
    """

    __tablename__ = "batches"
    id: int | None = Field(default=None, primary_key=True)
    organization: bytes = Field(sa_column=_bytes())
    signer: bytes = Field(sa_column=_bytes())
    deadline: int = Field(sa_column=_big())
    all_or_nothing: bool = False
    batch_hash: bytes = Field(sa_column=_bytes(index=True))
    signature: bytes = Field(sa_column=_bytes())
    status: str = Field(default="signed", sa_column=Column(String(16), nullable=False))
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
    relayer: bytes = Field(sa_column=_bytes())
    nonce: int = Field(sa_column=_big())
    raw: bytes = Field(sa_column=_bytes())
    hash: bytes = Field(sa_column=_bytes())
    max_fee_wei: str = Field(sa_column=Column(String(80), nullable=False))
    sent_block: int | None = Field(default=None, sa_column=_big(null=True))  # the head when it was last given to the node
    status: str = Field(
        default="saved", sa_column=Column(String(16), nullable=False)
    )  # saved → sent → mined | reverted | replaced | foreign
    block_number: int | None = Field(default=None, sa_column=_big(null=True))
    # what it cost, from the receipt of the block it landed in; null until it landed, and again after a reorg
    gas_used: int | None = Field(default=None, sa_column=_big(null=True))
    gas_price_wei: int | None = Field(default=None, sa_column=_big(null=True))  # base fee and tip together
    created_at: datetime = Field(sa_column=_time())
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
    item: bytes = Field(sa_column=_bytes(primary=True))
    buyer: bytes = Field(sa_column=_bytes(primary=True))  # the new key's address
    head: bytes = Field(sa_column=_bytes())  # the history that the owner agreed to
    old_holder: bytes = Field(sa_column=_bytes())
    deadline: int = Field(sa_column=_big())
    signature: bytes = Field(sa_column=_bytes())
    created_at: datetime = Field(sa_column=_time())


class ClaimCardRow(SQLModel, table=True):
    """A claim card made for a shop. Its secret follows from `salt` and a key of the keyring; without the salt it is gone."""

    __tablename__ = "claim_cards"
    id: str = Field(sa_column=Column(String(32), primary_key=True))
    organization: bytes = Field(sa_column=_bytes())
    request: bytes = Field(sa_column=_bytes())  # SHA-256 of the Idempotency-Key: the same request gets the same card
    item: bytes = Field(sa_column=_bytes())
    address: bytes = Field(sa_column=_bytes())
    salt: bytes | None = Field(default=None, sa_column=_bytes(null=True))  # null once the shop has said that it has the card
    created_at: datetime = Field(sa_column=_time())
    acknowledged_at: datetime | None = Field(default=None, sa_column=_time(null=True))
    __table_args__ = (Index("claim_cards_request", "organization", "request", unique=True),)


class OpinionRequestRow(SQLModel, table=True):
    """A second opinion that an organization asked for. Answered by whoever judges the item next; the records say so."""

    __tablename__ = "opinion_requests"
    item: bytes = Field(sa_column=_bytes(primary=True))
    organization: bytes = Field(sa_column=_bytes(primary=True))
    sequence: int  # events the item had when it was asked
    until: datetime = Field(sa_column=_time())
    created_at: datetime = Field(sa_column=_time())


class LeaseRow(SQLModel, table=True):
    """Who may do a job now: a lane of nonces, the indexer. Taken over once expired."""

    __tablename__ = "leases"
    name: str = Field(sa_column=Column(String(64), primary_key=True))
    owner: str = Field(sa_column=Column(String(64), nullable=False))
    expires_at: datetime = Field(sa_column=_time())


class TallyRow(SQLModel, table=True):
    """What is counted for ever, for metrics: refusals by who refused and why, reorgs. A double, as Prometheus has them."""

    __tablename__ = "tallies"
    name: str = Field(sa_column=Column(String(64), primary_key=True))
    label: str = Field(sa_column=Column(String(64), primary_key=True))
    value: float
