"""Before any lock is taken: which item a body means, what is committed, and by which id a repeat will be known.

All the hashing of an acceptance happens here, so that the transaction that judges is short. Reads names, writes nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Protocol

import orjson
from sqlalchemy import Connection

from ledger_api.directory import Blinding
from ledger_api.domain.authority import Snapshot
from ledger_api.domain.events import AnyEvent, ByDigitalLink, ById, ByLot, BySerial, Enrolment, Later, Manufacture, RawMaterial
from ledger_api.domain.fields import lot_reference
from ledger_api.domain.identifiers import Unreadable
from ledger_api.domain.parsing import Refusal
from ledger_api.domain.terms import committed, detail_of, kind_of, party_of
from ledger_api.errors import KeyMissing
from ledger_api.store import accepting as rows
from ledger_verify.hashing import (
    Commitment,
    ItemId,
    OrganizationId,
    Uncommittable,
    commit_payload,
    event_id,
    item_id,
    item_key,
    lot_commitment,
    organization_id,
    serial_commitment,
)
from ledger_verify.transition import Kind, Reason

NAMING_EPOCH = 1  # of the blinding key that names serials and lots: with a later one an item would get a second id
NO_ITEM = ItemId(bytes(32))


@dataclass(frozen=True, slots=True)
class Birth:
    """A new item or lot: what the chain calls it and what the world does."""

    item: ItemId
    brand: OrganizationId
    commitment: Commitment
    gtin: str | None = None
    serial: str | None = None
    lot: str | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """An event as far as it can be told without the item's state: everything but the head."""

    index: int
    body: AnyEvent
    kind: Kind
    item: ItemId  # NO_ITEM: nothing of that name is known
    party: bytes
    detail: int
    payload: Commitment
    event_id: bytes
    former_ids: tuple[bytes, ...]  # by which the same event was known under earlier blinding keys
    epoch: int
    salts: str | None  # of an event its organization signed itself
    text: str  # the committed object as JSON, names sorted
    birth: Birth | None
    lots: tuple[tuple[bytes, str], ...]  # (supplier, name)

    def serial_pair(self) -> tuple[str, str] | None:
        """The name that a birth takes."""
        if self.birth is None or self.birth.gtin is None or self.birth.serial is None:
            return None
        return self.birth.gtin, self.birth.serial


class Subject(NamedTuple):
    item: ItemId
    kind: Kind
    occurred_at: int


class Committed(NamedTuple):
    commitment: Commitment
    epoch: int
    salts: str | None = None
    former: tuple[Commitment, ...] = ()  # what it would have been under earlier epochs


@dataclass(slots=True)
class Names:
    """What the references of one list mean: names on the books, and those that earlier events of the list give."""

    serials: dict[tuple[str, str], rows.Named] = field(default_factory=dict)
    lots: dict[tuple[bytes, str], bytes] = field(default_factory=dict)

    def item(self, body: Later) -> ItemId:
        match body.item:
            case ById(id=item):
                return ItemId(item)
            case BySerial(gtin=gtin, serial=serial):
                return self._by_serial((gtin, serial))
            case ByDigitalLink(digital_link=pair):
                return self._by_serial(pair)
            case ByLot(supplier=supplier, lot=lot):
                return ItemId(self.lots.get((organization_id(supplier), lot), NO_ITEM))

    def _by_serial(self, pair: tuple[str, str]) -> ItemId:
        named = self.serials.get(pair)
        return ItemId(named.item) if named is not None else NO_ITEM

    def learn(self, birth: Birth) -> None:
        """Later events of the same list may name it. A name that is on the books keeps its meaning."""
        if birth.lot is not None:
            self.lots.setdefault((birth.brand, birth.lot), birth.item)
        elif birth.gtin is not None and birth.serial is not None:
            self.serials.setdefault((birth.gtin, birth.serial), rows.Named(birth.item, birth.brand))


def read_names(connection: Connection, bodies: Iterable[AnyEvent]) -> Names:
    """Every GTIN with serial and every lot that the bodies name, in two queries."""
    serials: set[tuple[str, str]] = set()
    lots: set[tuple[bytes, str]] = set()
    for body in bodies:
        match body:
            case Manufacture() | Enrolment():
                serials.add((body.gtin, body.serial))
                lots.update(lots_of(body))
            case RawMaterial():
                pass
            case _:
                match body.item:
                    case BySerial(gtin=gtin, serial=serial):
                        serials.add((gtin, serial))
                    case ByDigitalLink(digital_link=pair):
                        serials.add(pair)
                    case ByLot(supplier=supplier, lot=lot):
                        lots.add((organization_id(supplier), lot))
                    case ById():
                        pass
    return Names(serials=rows.by_serial(connection, serials) if serials else {}, lots=rows.by_lot(connection, lots) if lots else {})


def lots_of(body: AnyEvent) -> tuple[tuple[bytes, str], ...]:
    if not isinstance(body, Manufacture):
        return ()
    named = (lot_reference(reference) for reference in body.payload.get("lots", ()))
    return tuple((organization_id(supplier), lot) for supplier, lot in named)


class Namer(Protocol):
    """Where the secrets of one list come from: keys that the service holds, or what the organization shows with its signature."""

    def birth(self, index: int, body: RawMaterial | Manufacture | Enrolment, names: Names) -> Birth:
        """Raises Unreadable, KeyMissing."""

    def commit(self, index: int, whole: dict[str, Any], subject: Subject) -> Committed:
        """Raises Unreadable, KeyMissing."""


@dataclass(frozen=True, slots=True)
class HeldKeys:
    """Names and salts from the blinding keys that the service keeps for its members."""

    organization: OrganizationId
    consortium: OrganizationId
    blinding: Blinding
    authority: Snapshot
    secrets: Mapping[bytes, bytes] = field(default_factory=dict)  # of the items that the list is about

    def with_secrets(self, secrets: Mapping[bytes, bytes]) -> "HeldKeys":
        return replace(self, secrets=secrets)

    def birth(self, _index: int, body: RawMaterial | Manufacture | Enrolment, names: Names) -> Birth:
        match body:
            case RawMaterial():
                return lot_birth(self.organization, lot_commitment(self._naming_key(self.organization), body.lot), body.lot)
            case Manufacture():
                return self._manufactured(body, names)
            case Enrolment():
                brand = organization_id(body.brand)
                return self._item(brand, brand if self.authority.is_member(brand) else self.consortium, body)

    def _manufactured(self, body: Manufacture, names: Names) -> Birth:
        """Of an item that was enrolled before its brand became a member, the consortium's key made the id: it stays that item's."""
        own = self._item(self.organization, self.organization, body)
        named = names.serials.get((body.gtin, body.serial))
        if named is None or named.item == own.item or named.brand != self.organization:
            return own
        enrolled = self._item(self.organization, self.consortium, body)
        return enrolled if enrolled.item == named.item else own

    def _item(self, brand: OrganizationId, keeper: OrganizationId, body: Manufacture | Enrolment) -> Birth:
        return item_birth(brand, serial_commitment(self._naming_key(keeper), body.gtin, body.serial), body.gtin, body.serial)

    def _naming_key(self, keeper: OrganizationId) -> bytes:
        return self.blinding.blinding_of(keeper, NAMING_EPOCH)

    def commit(self, _index: int, whole: dict[str, Any], subject: Subject) -> Committed:
        epoch, key = self.blinding.blinding(self.organization)
        former = tuple(self._commitment(whole, subject, self.blinding.blinding_of(self.organization, past)) for past in range(1, epoch))
        return Committed(self._commitment(whole, subject, key), epoch, former=former)

    def _commitment(self, whole: dict[str, Any], subject: Subject, key: bytes) -> Commitment:
        secret = b"" if subject.item == NO_ITEM else self.secrets[subject.item]
        try:
            return commit_payload(
                whole,
                item_key=item_key(key, subject.item, secret),
                organization=self.organization,
                kind=subject.kind,
                occurred_at=subject.occurred_at,
            ).commitment
        except Uncommittable as error:
            raise Unreadable(Reason.MALFORMED, str(error)) from error


NO_KEY = Refusal(Reason.SIGNER_INVALID, "The ledger holds no key for this: send a batch that the organization signed.")


def item_birth(brand: OrganizationId, commitment: Commitment, gtin: str, serial: str) -> Birth:
    return Birth(item_id(brand, commitment), brand, commitment, gtin=gtin, serial=serial)


def lot_birth(supplier: OrganizationId, commitment: Commitment, lot: str) -> Birth:
    return Birth(item_id(supplier, commitment), supplier, commitment, lot=lot)


class Meant(NamedTuple):
    """Which item a body is about, and that it is born by it."""

    item: ItemId
    birth: Birth | None = None


def mean(index: int, body: AnyEvent, namer: Namer, names: Names) -> Meant | Refusal:
    """The item that the body means; later bodies of the list may name what is born by it."""
    if not isinstance(body, RawMaterial | Manufacture | Enrolment):
        return Meant(names.item(body))
    try:
        birth = namer.birth(index, body, names)
    except KeyMissing:
        return NO_KEY
    except Unreadable as error:
        return Refusal(error.reason, error.message, "payload")
    names.learn(birth)
    return Meant(birth.item, birth)


def items_meant(meant: Iterable[Meant | Refusal]) -> set[ItemId]:
    return {one.item for one in meant if isinstance(one, Meant)} - {NO_ITEM}


def prepare(index: int, body: AnyEvent, meant: Meant | Refusal, organization: OrganizationId, namer: Namer) -> Prepared | Refusal:
    """Everything about the event but its head, or why it cannot be told."""
    if isinstance(meant, Refusal):
        return meant
    birth = meant.birth
    try:
        subject = Subject(meant.item, kind_of(body), body.occurred_at)
        whole = committed(body)
        payload = namer.commit(index, whole, subject)
    except KeyMissing:
        return NO_KEY
    except Unreadable as error:
        return Refusal(error.reason, error.message, "payload")
    return Prepared(
        index=index,
        body=body,
        kind=subject.kind,
        item=subject.item,
        party=party_of(body) if birth is None or isinstance(body, Enrolment) else birth.commitment,
        detail=detail_of(body),
        payload=payload.commitment,
        event_id=event_id(organization, subject.item, subject.kind, subject.occurred_at, payload.commitment),
        former_ids=tuple(event_id(organization, subject.item, subject.kind, subject.occurred_at, past) for past in payload.former),
        epoch=payload.epoch,
        salts=payload.salts,
        text=orjson.dumps(whole, option=orjson.OPT_SORT_KEYS).decode(),
        birth=birth,
        lots=lots_of(body),
    )
