"""What a stretch of blocks does to the database, worked out before anything is written."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection

from ledger_api.domain.network import Network
from ledger_api.indexer.folding import Folded, decode_logs, fold_logs, touched
from ledger_api.indexer.passports import Made, Names, make_passports
from ledger_api.indexer.registry import blocks_named, fold_registry, givers_of
from ledger_api.indexer.source import Stretch
from ledger_api.passport.making import Json
from ledger_api.passport.standing import Givers
from ledger_api.store import following as mirror
from ledger_api.store import records as stored
from ledger_api.store.following import Block, RegistryLog, Standing


@dataclass(frozen=True, slots=True)
class Effects:
    """All that one transaction writes beside the cursor."""

    blocks: list[Block] = field(default_factory=list)
    folded: Folded = field(default_factory=Folded)
    registry_logs: list[RegistryLog] = field(default_factory=list)
    standing: Standing | None = None  # None: no registry log came
    made: Made = field(default_factory=Made)
    refreshed: dict[bytes, int] = field(default_factory=dict)  # of the queue, as often as each was asked for by then
    stale: Collection[bytes] = ()  # too many to make again at once
    renamed: Names = field(default_factory=dict)


def effects_of(connection: Connection, network: Network, stretch: Stretch | None, *, most_refreshes: int) -> Effects:
    """Raises FoldMismatch: a log does not follow from those before it."""
    ledger_logs = [log for log in stretch.logs if log.address == network.ledger] if stretch else []
    registry_logs = [
        RegistryLog(log.block_number, log.log_index, b"".join(log.topics), log.body)
        for log in (stretch.logs if stretch else ())
        if log.address == network.registry
    ]
    standing = fold_registry([*mirror.registry_logs(connection), *registry_logs]) if registry_logs else None
    names = _names(connection, standing)
    compromised = _compromised(standing) if standing else stored.compromised_signers(connection)

    decoded = decode_logs(ledger_logs)
    blocks = _new_blocks(connection, stretch) if stretch else []
    times = {block.number: block.timestamp for block in blocks}
    folded = fold_logs(decoded, times, stored.histories(connection, touched(decoded)), network.terms)
    dependent = stored.made_from(connection, folded.histories) - folded.histories.keys()
    waiting = stored.waiting_refreshes(connection, most_refreshes)
    now_too = sorted((waiting.keys() | dependent) - folded.histories.keys())[:most_refreshes]
    histories = {**folded.histories, **stored.histories(connection, now_too)}
    givers = read_givers(connection, network, standing, times) if histories else Givers()
    made = make_passports(connection, histories, names=names, compromised=compromised, givers=givers, chain=shown_chain(network))
    shown = mirror.read_shown(connection)
    return Effects(
        blocks=blocks,
        folded=folded,
        registry_logs=registry_logs,
        standing=standing,
        made=made,
        refreshed={item: waiting[item] for item in waiting.keys() & {*now_too, *folded.histories}},
        stale=dependent - histories.keys(),
        renamed={organization: names.get(organization, (None, None)) for organization in _differing(names, shown)},
    )


def _new_blocks(connection: Connection, stretch: Stretch) -> list[Block]:
    """Those that the mirror is to keep: the stretch's, and what its logs name further down."""
    named = {block.number: block for block in stretch.named}
    known = mirror.block_times(connection, sorted(named)).keys() | {block.number for block in stretch.blocks}
    return [*(block for number, block in named.items() if number not in known), *stretch.blocks]


def read_givers(
    connection: Connection, network: Network, standing: Standing | None = None, times: Mapping[int, int] | None = None
) -> Givers:
    """As the mirror has them; or as they become by this `standing`, with the times of blocks that are not in the mirror yet."""
    becoming = mirror.read_standing(connection) if standing is None else standing
    known = times or {}
    asked = blocks_named(becoming) - known.keys()
    return givers_of(becoming, {**mirror.block_times(connection, sorted(asked)), **known}, network.consortium)


def shown_chain(network: Network) -> Json:
    """The `chain` member of every passport."""
    return {"chain_id": network.chain_id, "ledger": "0x" + network.ledger.hex(), "registry": "0x" + network.registry.hex()}


def _names(connection: Connection, standing: Standing | None) -> dict[bytes, tuple[str | None, str | None]]:
    """The registry's DIDs, those of this stretch included, under the profiles' names."""
    becoming = {row[0]: (row[1], None) for row in standing.organizations} if standing else {}
    return becoming | stored.organization_names(connection)


def _differing(names: Names, shown: Names) -> set[bytes]:
    return {key for key in names.keys() | shown.keys() if names.get(key, (None, None)) != shown.get(key)}


def _compromised(standing: Standing) -> dict[tuple[bytes, bytes], int]:
    return {(row[0], row[1]): row[4] for row in standing.signers if row[4] is not None}
