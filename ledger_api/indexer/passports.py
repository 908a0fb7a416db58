"""Gathers what passports are made from, many at a time, and makes them. The rules of a passport are in `passport.making`."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection

from ledger_api.passport.making import PUBLIC, Json, Known, Lot, Named, lot_facts, lots_named, make_passport, organization_shape
from ledger_api.passport.standing import Givers
from ledger_api.store import records as stored
from ledger_api.store.following import ItemNow
from ledger_api.store.records import LotName, Record
from ledger_verify.codes import Kind
from ledger_verify.hashing import organization_id

Histories = Mapping[bytes, Sequence[Record]]
Names = Mapping[bytes, tuple[str | None, str | None]]  # (DID, name) by organization


@dataclass(frozen=True, slots=True)
class Made:
    """Rows of `items`, and (lot, item) for every lot one of them tells of."""

    items: list[ItemNow] = field(default_factory=list)
    materials: set[tuple[bytes, bytes]] = field(default_factory=set)


def make_passports(
    connection: Connection,
    histories: Histories,
    *,
    names: Names,
    compromised: Mapping[tuple[bytes, bytes], int],
    givers: Givers,
    chain: Json,
) -> Made:
    """Passports of items with these whole histories, some of whose records may not be in the database yet."""
    bodies = stored.bodies(connection, [record.event_id for history in histories.values() for record in history if record.kind in PUBLIC])
    known = Known(
        bodies=bodies,
        named={item: Named(gtin, lot) for item, (gtin, lot) in stored.names(connection, histories).items()},
        organizations={organization: organization_shape(organization, did, name) for organization, (did, name) in names.items()},
        compromised=compromised,
        givers=givers,
    )
    references = {name for history in histories.values() if _is_item(history) for name in lots_named(history, bodies)}
    known = replace(known, lots=_lots(connection, references, histories, known))
    made = Made()
    for item, history in histories.items():
        passport = make_passport(item, history, known, chain)
        last = history[-1]
        made.items.append(ItemNow(item, passport.brand, last.state, last.sequence, last.block_number, passport.body, passport.etag))
        made.materials.update((lot, item) for lot in passport.lots)
    return made


def _lots(connection: Connection, references: Iterable[str], histories: Histories, known: Known) -> dict[str, Lot]:
    """Facts by reference of every lot that has a name here; those in `histories` as they are becoming."""
    names = {reference: _lot_name(reference) for reference in references}
    found = stored.lots_by_name(connection, set(names.values()))
    missing = {lot for lot in found.values() if lot not in histories}
    stored_histories = stored.histories(connection, missing)
    lots: dict[bytes, Lot] = {}
    told = replace(known, bodies={**known.bodies, **stored.bodies(connection, _births(stored_histories.values()))})
    for lot in found.values():
        lots[lot] = lot_facts(lot, histories[lot] if lot in histories else stored_histories.get(lot, ()), told)
    return {reference: lots[found[name]] for reference, name in names.items() if name in found}


def _births(histories: Iterable[Sequence[Record]]) -> Collection[bytes]:
    """What says what a lot is: its birth and corrections; a lot shipped a thousand times has few of them."""
    telling = (Kind.RAW_MATERIAL, Kind.CORRECTION)
    return [record.event_id for history in histories for record in history if record.kind in telling]


def _lot_name(reference: str) -> LotName:
    did, _, lot = reference.partition("#")
    return LotName(organization_id(did), lot)


def _is_item(history: Sequence[Record]) -> bool:
    return history[0].kind != Kind.RAW_MATERIAL
