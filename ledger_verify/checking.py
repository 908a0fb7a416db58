"""The recipe: from the bytes of a proof to what it proves, every hash made again, nothing believed (docs/proof.md §3).

1. read the file             the one canonical text, every member of its form
2. the block                 the header's hash, state root and time
3. the contracts             state root → accounts → code hashes, storage roots
4. the item's word           storage root → word
5. the payloads              fields shown and digests of those withheld → commitments
6. the events                event hashes, heads, rules: the fold
7. the fold is the word      the state after the last event makes the word of step 4
8. the signers               each batch shown was signed by the key shown
9. the registry              its words on the organizations and keys
10. the trusted facts        chain, ledger, code and block are those the caller trusts

By receipts, 3, 4 and 9 fall away and 7 finds every event's log in its block instead. What came after the last of them no file of
receipts can show: such a proof is complete only for a caller who knows how many events the item has.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from ledger_verify.codes import Kind
from ledger_verify.hashing import Commitment, OrganizationId, domain_separator, salted_lot, salted_serial
from ledger_verify.header import Header, item_slot, member_slot, read_account, read_header, read_member, read_signer, read_word, signer_slot
from ledger_verify.history import Followed, follow, open_payload, with_times
from ledger_verify.inclusion import logs_of_blocks, require_logged
from ledger_verify.proof import Payload, Proof, ReceiptInclusion, StateInclusion, read_proof
from ledger_verify.refusals import Refused
from ledger_verify.report import BlockTold, EventTold, Report, StandingTold, Step, hex_of
from ledger_verify.signers import check_signer
from ledger_verify.state import word
from ledger_verify.trie import BrokenProof, Nodes


@dataclass(frozen=True, slots=True)
class Trust:
    """What the caller knows from elsewhere; None: was not told. `block_hashes` are of blocks that the caller knows to be the chain's.

    `sequence` is how many events the item has, as its word says in clear: without it no proof by receipts is complete.
    """

    chain_id: int | None = None
    ledger: bytes | None = None
    ledger_code_hash: bytes | None = None
    block_hashes: frozenset[bytes] | None = None
    registry: bytes | None = None
    registry_code_hash: bytes | None = None
    sequence: int | None = None


NOTHING_TRUSTED = Trust()


@dataclass(slots=True)
class _Check:
    proof: Proof
    trust: Trust
    report: Report
    told: Callable[[Step], None]
    storage_root: bytes = b""
    registry_root: bytes = b""
    nodes: Nodes = field(default_factory=lambda: Nodes(()))
    headers: list[Header] = field(default_factory=list)
    commitments: list[Commitment] = field(default_factory=list)
    followed: list[Followed] = field(default_factory=list)

    def found(self, number: int, title: str, found: str) -> None:
        step = Step(number, title, found)
        self.report.steps.append(step)
        self.told(step)


def check(encoded: bytes, trust: Trust = NOTHING_TRUSTED, told: Callable[[Step], None] = lambda _: None) -> Report:
    """What these bytes prove. `told` hears of each step as it is done.

    Raises:
        Refused: they prove nothing, and why. No other error, whatever the bytes.
    """
    proof = read_proof(encoded)
    report = Report(proof.chain_id, proof.ledger, proof.ledger_code_hash, proof.registry, proof.item)
    checking = _Check(proof, trust, report, told)
    checking.found(1, "read the file", f"{len(encoded)} bytes, {len(proof.events)} events of item {hex_of(proof.item)}")
    match proof.inclusion:
        case StateInclusion():
            _by_state(checking, proof.inclusion)
        case ReceiptInclusion():
            _by_receipts(checking, proof.inclusion)
    _check_name(checking)
    _compare(checking)
    _complete(checking)
    return report


def _by_state(checking: _Check, inclusion: StateInclusion) -> None:
    proof, report = checking.proof, checking.report
    header = _header(checking, inclusion.header)
    _say_blocks(checking)
    checking.nodes = sorted_nodes(inclusion.nodes)
    try:
        _accounts(checking, header)
        stored = read_word(checking.nodes, checking.storage_root, item_slot(proof.item))
    except BrokenProof as error:
        raise Refused("storage", f"the item's word: {error}") from error
    checking.found(4, "the item's word", f"0x{stored:064x}")
    _follow(checking, None)
    assert proof.witness is not None  # read_proof has seen to it
    times = proof.witness
    state = with_times(
        checking.followed[-1].state,
        stolen_release_at=times.stolen_release_at,
        disputed_at=times.disputed_at,
        recovery_ready_at=times.recovery_ready_at,
    )
    if word(state) != stored:
        raise Refused("word", f"the events fold to 0x{word(state):064x}")
    report.state, report.word = state, stored
    checking.found(7, "the fold is the word", f"sequence {state.sequence}, head {hex_of(state.head)}")
    _check_signers(checking)
    _check_registry(checking)
    require_used(checking.nodes)
    _tell_events(checking, None)
    report.unchecked.append(f"Freshness: what happened after block {header.number}, unix time {header.time}, is not in this file.")


def _by_receipts(checking: _Check, inclusion: ReceiptInclusion) -> None:
    report = checking.report
    headers = [_header(checking, block.header) for block in inclusion.blocks]
    _say_blocks(checking)
    times = [headers[block].time for block, _, _ in inclusion.logs]
    _follow(checking, times)
    logs = logs_of_blocks(inclusion, headers)
    signers = require_logged(checking.proof, checking.followed, logs)
    checking.found(7, "every event is in its block's receipts", f"{len(signers)} logs of {len(headers)} blocks")
    checking.found(8, "the signers", "as the logs name them")
    report.state = checking.followed[-1].state
    _tell_events(checking, [(headers[block], signer) for (block, _, _), signer in zip(inclusion.logs, signers, strict=True)])
    report.unchecked.append("The code of the ledger: receipts show who emitted a log, not by which code.")


# --- 2 to 4: block, accounts, word


def _header(checking: _Check, encoded: bytes) -> Header:
    try:
        header = read_header(encoded)
    except BrokenProof as error:
        raise Refused("header", str(error)) from error
    checking.headers.append(header)
    checking.report.blocks.append(BlockTold(header.number, header.hash, header.time))
    return header


def _say_blocks(checking: _Check) -> None:
    numbers = ", ".join(f"{header.number} ({hex_of(header.hash)})" for header in checking.headers[:3])
    more = f" and {len(checking.headers) - 3} more" if len(checking.headers) > 3 else ""
    checking.found(2, "the block", numbers + more)


def _accounts(checking: _Check, header: Header) -> None:
    proof = checking.proof
    assert proof.registry is not None
    try:
        ledger = read_account(checking.nodes, header.state_root, proof.ledger)
        registry = read_account(checking.nodes, header.state_root, proof.registry)
    except BrokenProof as error:
        raise Refused("account", str(error)) from error
    if ledger.code_hash != proof.ledger_code_hash or registry.code_hash != proof.registry_code_hash:
        raise Refused("code", f"the ledger's code hash is {hex_of(ledger.code_hash)}, the registry's {hex_of(registry.code_hash)}")
    checking.storage_root, checking.registry_root = ledger.storage_root, registry.storage_root
    checking.found(3, "the contracts", f"ledger {hex_of(proof.ledger)}, code hash {hex_of(ledger.code_hash)}")


def sorted_nodes(nodes: Sequence[bytes]) -> Nodes:
    """Raises Refused: unused-node, for nodes that do not rise by their bytes."""
    if any(earlier >= later for earlier, later in pairwise(nodes)):
        raise Refused("unused-node", "trie nodes rise by their bytes, none of them twice")
    return Nodes(nodes)


def require_used(nodes: Nodes) -> None:
    if nodes.unused():
        raise Refused("unused-node", f"{nodes.unused()} trie nodes that no proof needs")


# --- 5 to 6: payloads, events


def _follow(checking: _Check, times: Sequence[int] | None) -> None:
    proof, report = checking.proof, checking.report
    for number, event in enumerate(proof.events, 1):
        try:
            checking.commitments.append(open_payload(event.payload))
        except Refused as refused:
            raise Refused(refused.code, f"event {number}: {refused.message}") from refused
    shown = sum(len(event.payload.fields) for event in proof.events)
    closed = sum(len(event.payload.withheld) for event in proof.events)
    checking.found(5, "the payloads", f"{shown} fields shown, {closed} withheld")
    checking.followed = follow(proof, checking.commitments, times)
    checking.found(6, "the events", f"{len(checking.followed)} follow from each other by the rules")
    for number, event in enumerate(proof.events, 1):
        if event.payload.commitment is not None:
            report.unchecked.append(f"Event {number}: of its payload only the commitment is shown.")
        elif event.payload.withheld:
            report.unchecked.append(f"Event {number}: {_withheld(event.payload)}.")


def _named(payload: Payload) -> tuple[str, ...]:
    return tuple(sorted(sealed.path for sealed in payload.withheld if sealed.path is not None))


def _withheld(payload: Payload) -> str:
    many, told = len(payload.withheld), list(_named(payload))
    counted = "1 field of its payload is withheld" if many == 1 else f"{many} fields of its payload are withheld"
    if not told:
        return counted
    if len(told) < many:
        told.append(f"{many - len(told)} of them without a name")
    return f"{counted}: {', '.join(told)}"


# --- 8: signers


def _check_signers(checking: _Check) -> None:
    proof = checking.proof
    separator = domain_separator(proof.chain_id, proof.ledger)
    shown = 0
    for number, (event, followed) in enumerate(zip(proof.events, checking.followed, strict=True), 1):
        if event.signer is None:
            checking.report.unchecked.append(f"Event {number}: which key signed for the organization is not shown.")
            continue
        check_signer(event, event.signer, followed, separator, number)
        shown += 1
    checking.found(8, "the signers", f"{shown} of {len(proof.events)} shown")


# --- 9: the registry


def _check_registry(checking: _Check) -> None:
    """Its word on every organization that recorded, and on every key that is shown."""
    keys: dict[bytes, dict[bytes, None]] = {}
    for event in checking.proof.events:
        shown = keys.setdefault(event.organization, {})
        if event.signer is not None:
            shown[event.signer.address] = None
    try:
        standings = [_standing(checking, organization, tuple(signers)) for organization, signers in keys.items()]
    except BrokenProof as error:
        raise Refused("registry", str(error)) from error
    checking.report.standings = standings
    marked = sum(1 for standing in standings for _, _, since in standing.signers if since)
    checking.found(9, "the registry", f"{len(standings)} organizations known, {marked} keys marked as compromised")


def _standing(checking: _Check, organization: bytes, signers: Sequence[bytes]) -> StandingTold:
    named = OrganizationId(organization)
    member = read_member(read_word(checking.nodes, checking.registry_root, member_slot(named)))
    if not member.admitted:
        raise Refused("registry", f"organization {hex_of(organization)} was never admitted")
    keys = []
    for address in signers:
        signer = read_signer(read_word(checking.nodes, checking.registry_root, signer_slot(named, address)))
        keys.append((address, signer.active, signer.compromised_since))
    return StandingTold(named, member.suspended, member.roles, tuple(keys))


def _tell_events(checking: _Check, logged: Sequence[tuple[Header, bytes]] | None) -> None:
    for place, (event, followed) in enumerate(zip(checking.proof.events, checking.followed, strict=True)):
        shown = None if event.signer is None else event.signer.address
        header, signer = (None, shown) if logged is None else logged[place]
        checking.report.events.append(
            EventTold(
                sequence=place + 1,
                kind=event.kind,
                organization=event.organization,
                occurred_at=event.occurred_at,
                party=event.party,
                detail=event.detail,
                hash=followed.hash,
                id=followed.id,
                head=followed.head,
                fields=event.payload.fields,
                withheld=None if event.payload.commitment is not None else len(event.payload.withheld),
                withheld_paths=_named(event.payload),
                signer=signer,
                block=None if header is None else header.number,
                recorded_at=None if header is None else header.time,
            )
        )


# --- the name


def _check_name(checking: _Check) -> None:
    name, birth = checking.proof.name, checking.proof.events[0]
    if name is None:
        return
    try:
        made = salted_serial(name.salt, name.gtin, name.serial) if name.lot is None else salted_lot(name.salt, name.lot)
    except (ValueError, OverflowError) as error:
        raise Refused("name", "not a name that an item or a lot can have") from error
    if (name.lot is not None) != (birth.kind == Kind.RAW_MATERIAL):
        raise Refused("name", "an item has a GTIN and a serial, a lot has a lot's name")
    if made != (birth.party if birth.enrolled is None else birth.enrolled.serial_commitment) or len(name.gtin) != 14 * (name.lot is None):
        raise Refused("name", "this name does not make the item's id")
    checking.report.name = f"{name.gtin} {name.serial}" if name.lot is None else name.lot


# --- 10: trust


def _compare(checking: _Check) -> None:
    proof, trust, report = checking.proof, checking.trust, checking.report
    _refuse_other("other-chain", trust.chain_id, proof.chain_id)
    _refuse_other("other-ledger", trust.ledger, proof.ledger)
    _refuse_other("other-code", trust.ledger_code_hash, proof.ledger_code_hash)
    if proof.registry is not None:
        _refuse_other("other-registry", trust.registry, proof.registry)
        _refuse_other("other-registry", trust.registry_code_hash, proof.registry_code_hash)
        if trust.registry is None:
            report.unchecked.append("The registry: its address is in the ledger's code; no trusted one was given to compare with.")
    if trust.block_hashes is not None:
        for header in checking.headers:
            if header.hash not in trust.block_hashes:
                raise Refused("other-block", f"block {header.number} has the hash {hex_of(header.hash)}")
    told = {
        "chain id": trust.chain_id,
        "ledger address": trust.ledger,
        "code hash": trust.ledger_code_hash,
        "block hash": trust.block_hashes,
    }
    missing = [name for name, value in told.items() if value is None]
    report.is_trusted = not missing
    if missing:
        report.unchecked.insert(0, f"Anchoring: no trusted {', '.join(missing)}: anybody can make such a file on a chain of their own.")
    checking.found(10, "the trusted facts", "all four agree" if not missing else f"not given: {', '.join(missing)}")


def _complete(checking: _Check) -> None:
    """Whether nothing came after the last event: by state the word in the file says so, by receipts only a number from elsewhere."""
    report, known = checking.report, checking.trust.sequence
    told = len(checking.proof.events)
    report.is_complete = isinstance(checking.proof.inclusion, StateInclusion) or known == told
    if report.is_complete:
        return
    if known is None:
        sentence = (
            f"receipts do not show whether the item has events after the {told} told here; a node that you trust can say how many it has."
        )
    else:
        sentence = f"the item has {known} events by the word that you trust, and {told} are told here."
    report.unchecked.insert(0, f"Completeness: {sentence}")


def _refuse_other(code: str, trusted: object, told: object) -> None:
    if trusted is not None and trusted != told:
        shown = hex_of(told) if isinstance(told, bytes) else told
        raise Refused(code, f"the proof says {shown}")
