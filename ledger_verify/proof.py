"""The proof file, read strictly: one canonical text for each proof, no member too many or too few (docs/proof.md §2).

From bytes to values and back; what the values claim is checked in `checking`.
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, NoReturn

import rfc8785

from ledger_verify.hashing import Commitment, Disclosure, EventHash, ItemId, OrganizationId, sealed_digest
from ledger_verify.refusals import Refused

FORMAT = "ledger-proof-v2"
MOST_BYTES = 8 * 2**20
MOST_EVENTS = 10_000
DEEPEST = 32  # far more than any member nests

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sealed:
    """A field that is withheld. `path` None: not even its name is told, and `digest` is as the file has it."""

    digest: bytes
    path: str | None = None


@dataclass(frozen=True, slots=True)
class Payload:
    """`commitment` alone where nothing of the payload is at hand; else fields that are shown, and those that are not."""

    commitment: Commitment | None
    fields: tuple[Disclosure, ...] = ()
    withheld: tuple[Sealed, ...] = ()


@dataclass(frozen=True, slots=True)
class Signed:
    """Who signed for the organization, with the whole batch that the signature is over."""

    address: bytes
    deadline: int
    all_or_nothing: bool
    position: int  # of this event in the batch
    others: tuple[EventHash, ...]  # the batch's other event hashes, in its order
    signature: bytes


@dataclass(frozen=True, slots=True)
class Enrolled:
    brand: OrganizationId
    serial_commitment: Commitment


@dataclass(frozen=True, slots=True)
class ProvenEvent:
    organization: OrganizationId
    kind: int
    occurred_at: int
    party: bytes
    detail: int
    payload: Payload
    enrolled: Enrolled | None
    by_order: bool
    signer: Signed | None


@dataclass(frozen=True, slots=True)
class Name:
    """What the item is called in the world: (gtin, serial), or a lot's name."""

    salt: bytes
    gtin: str = ""
    serial: str = ""
    lot: str | None = None


@dataclass(frozen=True, slots=True)
class Witness:
    """The three times of a state that come from blocks and not from events; zero where there is none."""

    stolen_release_at: int
    disputed_at: int
    recovery_ready_at: int


@dataclass(frozen=True, slots=True)
class StateInclusion:
    """One block's state: header and trie nodes."""

    header: bytes
    nodes: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Receipts:
    header: bytes
    nodes: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class ReceiptInclusion:
    """The fallback: every event's log in the receipts of its block."""

    blocks: tuple[Receipts, ...]
    logs: tuple[tuple[int, int, int], ...]  # of each event: block in the list, transaction in the block, log in the transaction


@dataclass(frozen=True, slots=True)
class Proof:
    chain_id: int
    ledger: bytes
    ledger_code_hash: bytes
    registry: bytes | None
    registry_code_hash: bytes | None
    item: ItemId
    name: Name | None
    events: tuple[ProvenEvent, ...]
    witness: Witness | None
    inclusion: StateInclusion | ReceiptInclusion


def read_proof(encoded: bytes) -> Proof:
    """Raises Refused: too-large, not-canonical, unknown-format, malformed."""
    told = read_canonical(encoded)
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        raise Refused("unknown-format", f"expected an object with format {FORMAT}")
    return _proof(told)


def read_canonical(encoded: bytes) -> Any:
    """Raises Refused: too-large, not-canonical. Only the one text that RFC 8785 gives a value is read."""
    if len(encoded) > MOST_BYTES:
        raise Refused("too-large", f"a proof has at most {MOST_BYTES} bytes")
    if _depth(encoded) > DEEPEST:
        raise Refused("not-canonical", f"nothing in a proof nests more than {DEEPEST} deep")
    try:
        told = json.loads(encoded.decode("utf-8"), parse_constant=_no_constant)
        is_canonical = rfc8785.dumps(told) == encoded
    except ValueError as error:
        raise Refused("not-canonical", "not JSON that has a canonical form") from error
    if not is_canonical:
        raise Refused("not-canonical", "the text is not the canonical one of what it says")
    return told


_TEXT = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_BRACKET = re.compile(rb"[][{}]")


def _depth(encoded: bytes) -> int:
    """How deep lists and objects nest. Looked at first: a parser that recurses would end the process, not raise."""
    brackets = _BRACKET.findall(_TEXT.sub(b"", encoded))
    return max(accumulate(1 if one in b"[{" else -1 for one in brackets), default=0)


def canonical(told: Json) -> bytes:
    """Raises ValueError for what has no canonical form."""
    return rfc8785.dumps(told)


def _no_constant(_name: str) -> NoReturn:
    raise ValueError("not a number in JSON")


# --- members


def _malformed(where: str, what: str) -> NoReturn:
    raise Refused("malformed", f"{where}: {what}")


def _members(value: Any, names: str, where: str) -> tuple[Any, ...]:
    """The values of exactly these members, in this order."""
    wanted = names.split()
    if type(value) is not dict or len(value) != len(wanted) or not all(name in value for name in wanted):
        _malformed(where, f"expected an object with exactly {', '.join(wanted)}")
    return tuple(value[name] for name in wanted)


def _list(value: Any, where: str, most: int = MOST_BYTES) -> list[Any]:
    if type(value) is not list or len(value) > most:
        _malformed(where, "expected a list" if type(value) is not list else f"at most {most} entries")
    return value


_HEX = re.compile(r"0x(?:[0-9a-f]{2})*\Z")


def _bytes(value: Any, size: int | None, where: str) -> bytes:
    if type(value) is not str or not _HEX.match(value) or (size is not None and len(value) != 2 + 2 * size):
        _malformed(where, "expected lower-case 0x hex" + ("" if size is None else f" of {size} bytes"))
    return bytes.fromhex(value[2:])


def _number(value: Any, below: int, where: str) -> int:
    if type(value) is not int or not 0 <= value < below:
        _malformed(where, f"expected a whole number from 0, below {below}")
    return value


def _flag(value: Any, where: str) -> bool:
    if type(value) is not bool:
        _malformed(where, "expected true or false")
    return value


def _text(value: Any, where: str) -> str:
    if type(value) is not str:
        _malformed(where, "expected a text")
    return value


def _maybe(value: Any, read: Callable[[Any, str], Any], where: str) -> Any:
    return None if value is None else read(value, where)


# --- the parts

_TOP = "chain_id events format inclusion item ledger ledger_code_hash name registry registry_code_hash witness"
_EVENT = "by_order detail enrolled kind occurred_at organization party payload signer"
_SIGNER = "address all_or_nothing deadline others position signature"


def _proof(told: Json) -> Proof:
    chain_id, events, _, inclusion, item, ledger, code, name, registry, registry_code, witness = _members(told, _TOP, "proof")
    is_state = isinstance(inclusion, dict) and inclusion.get("type") == "state"
    if not all((value is not None) == is_state for value in (registry, registry_code, witness)):
        _malformed("proof", "registry, registry_code_hash and witness belong to inclusion by state, and only to it")
    read = [_event(value, f"events[{place}]") for place, value in enumerate(_list(events, "events", MOST_EVENTS))]
    if not read:
        _malformed("events", "a proof tells of at least one event")
    return Proof(
        chain_id=_number(chain_id, 2**53, "chain_id"),
        ledger=_bytes(ledger, 20, "ledger"),
        ledger_code_hash=_bytes(code, 32, "ledger_code_hash"),
        registry=_maybe(registry, lambda value, where: _bytes(value, 20, where), "registry"),
        registry_code_hash=_maybe(registry_code, lambda value, where: _bytes(value, 32, where), "registry_code_hash"),
        item=ItemId(_bytes(item, 32, "item")),
        name=_maybe(name, _name, "name"),
        events=tuple(read),
        witness=_maybe(witness, _witness, "witness"),
        inclusion=_state(inclusion) if is_state else _receipts(inclusion, len(read)),
    )


def read_event(told: Json) -> ProvenEvent:
    """One event by itself, for whoever makes a proof. Raises Refused: malformed."""
    return _event(told, "event")


def _event(value: Any, where: str) -> ProvenEvent:
    by_order, detail, enrolled, kind, occurred_at, organization, party, payload, signer = _members(value, _EVENT, where)
    return ProvenEvent(
        organization=OrganizationId(_bytes(organization, 32, f"{where}.organization")),
        kind=_number(kind, 2**8, f"{where}.kind"),
        occurred_at=_number(occurred_at, 2**48, f"{where}.occurred_at"),
        party=_bytes(party, 32, f"{where}.party"),
        detail=int.from_bytes(_bytes(detail, 8, f"{where}.detail"), "big"),
        payload=_payload(payload, f"{where}.payload"),
        enrolled=_maybe(enrolled, _enrolled, f"{where}.enrolled"),
        by_order=_flag(by_order, f"{where}.by_order"),
        signer=_maybe(signer, _signer, f"{where}.signer"),
    )


def _payload(value: Any, where: str) -> Payload:
    if isinstance(value, dict) and "commitment" in value:
        (commitment,) = _members(value, "commitment", where)
        return Payload(Commitment(_bytes(commitment, 32, f"{where}.commitment")))
    fields, withheld = _members(value, "fields withheld", where)
    shown = tuple(_field(entry, f"{where}.fields") for entry in _list(fields, f"{where}.fields"))
    closed = tuple(_sealed(entry, f"{where}.withheld") for entry in _list(withheld, f"{where}.withheld"))
    if not shown and not closed:
        _malformed(where, "a payload has at least one field")
    return Payload(None, shown, closed)


_SALT = re.compile(r"[0-9a-f]{32}\Z")
_POINTER = re.compile(r"(?!.*~(?![01]))(?:/|\Z)", re.DOTALL)  # RFC 6901 §3


def _field(value: Any, where: str) -> Disclosure:
    """`[salt, path, value]`, as it is hashed. A leaf is no list and no object, unless it is an empty one."""
    entry = _list(value, where)
    if len(entry) != 3 or type(entry[0]) is not str or not _SALT.match(entry[0]) or type(entry[1]) is not str:
        _malformed(where, "expected [salt, path, value], the salt 32 hex digits")
    _require_pointer(entry[1], where)
    if isinstance(entry[2], dict | list) and entry[2]:
        _malformed(where, "a field's value is a leaf")
    return Disclosure(bytes.fromhex(entry[0]), entry[1], entry[2])


def _sealed(value: Any, where: str) -> Sealed:
    """A digest, or `[path, seal]`, which make one."""
    if not isinstance(value, list):
        return Sealed(_bytes(value, 32, where))
    if len(value) != 2 or type(value[0]) is not str:
        _malformed(where, "expected a digest, or [path, seal]")
    _require_pointer(value[0], where)
    return Sealed(sealed_digest(value[0], _bytes(value[1], 32, where)), value[0])


def _require_pointer(path: str, where: str) -> None:
    if not _POINTER.match(path):
        _malformed(where, "a field's path is a pointer (RFC 6901)")


def _enrolled(value: Any, where: str) -> Enrolled:
    brand, commitment = _members(value, "brand serial_commitment", where)
    return Enrolled(OrganizationId(_bytes(brand, 32, where)), Commitment(_bytes(commitment, 32, where)))


def _signer(value: Any, where: str) -> Signed:
    address, all_or_nothing, deadline, others, position, signature = _members(value, _SIGNER, where)
    hashes = tuple(EventHash(_bytes(entry, 32, f"{where}.others")) for entry in _list(others, f"{where}.others"))
    return Signed(
        address=_bytes(address, 20, f"{where}.address"),
        deadline=_number(deadline, 2**48, f"{where}.deadline"),
        all_or_nothing=_flag(all_or_nothing, f"{where}.all_or_nothing"),
        position=_number(position, len(hashes) + 1, f"{where}.position"),
        others=hashes,
        signature=_bytes(signature, 65, f"{where}.signature"),
    )


def _name(value: Any, where: str) -> Name:
    if isinstance(value, dict) and "lot" in value:
        lot, salt = _members(value, "lot salt", where)
        return Name(_bytes(salt, 32, f"{where}.salt"), lot=_text(lot, f"{where}.lot"))
    gtin, salt, serial = _members(value, "gtin salt serial", where)
    return Name(_bytes(salt, 32, f"{where}.salt"), gtin=_text(gtin, f"{where}.gtin"), serial=_text(serial, f"{where}.serial"))


def _witness(value: Any, where: str) -> Witness:
    disputed, recovery, stolen = _members(value, "disputed_at recovery_ready_at stolen_release_at", where)
    times = (_number(time, 2**48, where) for time in (stolen, disputed, recovery))
    return Witness(*times)


def _nodes(value: Any, where: str) -> tuple[bytes, ...]:
    return tuple(_bytes(node, None, where) for node in _list(value, where))


def _state(value: Any) -> StateInclusion:
    header, nodes, _ = _members(value, "header nodes type", "inclusion")
    return StateInclusion(_bytes(header, None, "inclusion.header"), _nodes(nodes, "inclusion.nodes"))


def _receipts(value: Any, events: int) -> ReceiptInclusion:
    blocks, logs, kind = _members(value, "blocks logs type", "inclusion")
    if kind != "receipts" or len(_list(logs, "inclusion.logs")) != events:
        _malformed("inclusion", "expected the type state, or receipts with one log for each event")
    read = []
    for place, block in enumerate(_list(blocks, "inclusion.blocks", MOST_EVENTS)):
        header, nodes = _members(block, "header nodes", f"inclusion.blocks[{place}]")
        read.append(Receipts(_bytes(header, None, "inclusion.blocks.header"), _nodes(nodes, "inclusion.blocks.nodes")))
    return ReceiptInclusion(tuple(read), tuple(_place(entry, len(read)) for entry in logs))


def _place(value: Any, blocks: int) -> tuple[int, int, int]:
    entry: Sequence[Any] = _list(value, "inclusion.logs")
    if len(entry) != 3:
        _malformed("inclusion.logs", "expected [block, transaction, log]")
    limits = (blocks, 2**32, 2**32)
    block, transaction, log = (_number(one, below, "inclusion.logs") for one, below in zip(entry, limits, strict=True))
    return block, transaction, log
