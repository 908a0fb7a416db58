"""Altered proofs, drawn by a seed: what two verifiers have to agree on. Nothing here knows what the answer is.

`mutant(draw)` gives the name of what was done, bytes and trusted facts. Most alterations are such that a verifier has to look
deep before it can refuse: events that a ledger could have taken, or tries whose hashes were all made again around the change.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

from ledger_verify.hashing import keccak
from ledger_verify.proof import canonical
from ledger_verify.trie import encode_number

Json = Any
FOLDER = Path(__file__).resolve().parents[2] / "vectors" / "proofs"
INDEX: dict[str, Any] = json.loads((FOLDER / "index.json").read_text())
PROOFS: dict[str, Json] = {name: json.loads((FOLDER / name).read_text()) for name in INDEX["trust"]}
EVENTS = [event for proof in PROOFS.values() for event in proof["events"]]
HOLDERS = sorted({event[name] for event in EVENTS for name in ("party", "organization")})
EDGES = [0, 1, 2, 5, 255, 256, 2**32, 2**47, 2**48 - 1, 2**48, 2**53 - 1, 0.5, -1]
STRANGE: list[Json] = [None, True, "", "0x", "0x00", [], {}, "0x" + "00" * 32, "0x" + "ff" * 20, "\u00e9", {"a": 1}, "0x" + "AA" * 32, 1e21]
OTHERS = [{"chain_id": 1}, *({fact: "0x" + "ac" * 20} for fact in ("ledger", "registry"))]
OTHERS += [{fact: "0x" + "ad" * 32} for fact in ("ledger_code_hash", "registry_code_hash", "block_hash")]


def mutant(draw: Random) -> tuple[str, bytes, dict[str, Any]]:
    name = draw.choice(sorted(PROOFS))
    trust = dict(INDEX["trust"][name]) if draw.random() < 0.5 else {}
    proof = json.loads(json.dumps(PROOFS[name]))
    done = []
    changes = draw.choices(CHANGES, WEIGHTS, k=draw.choice((1, 1, 1, 2, 3)))
    for change in sorted(changes, key=CHANGES.index):  # those that keep the form first
        change(proof, draw)
        done.append(change.__name__)
    if draw.random() < 0.1:
        trust |= draw.choice(OTHERS)
    encoded = canonical(proof)
    if draw.random() < 0.05:
        place = draw.randrange(len(encoded))
        encoded = encoded[:place] + bytes([draw.randrange(256)]) + encoded[place + 1 :]
        done.append("byte")
    return f"{name}: {', '.join(done)}", encoded, trust


# --- anything, anywhere


def places_of(value: Json, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, each in inner:
        yield (*path, step)
        yield from places_of(each, (*path, step))


def at(value: Json, path: tuple[Any, ...]) -> Json:
    for step in path:
        value = value[step]
    return value


def element(proof: Json, draw: Random) -> None:
    """Something removed, doubled, swapped or replaced."""
    path = draw.choice(list(places_of(proof)))
    holder, step = at(proof, path[:-1]), path[-1]
    match draw.randrange(4):
        case 0:
            del holder[step]
        case 1 if isinstance(holder, list):
            holder.insert(step, holder[draw.randrange(len(holder))])
        case 2 if isinstance(holder, list):
            other = draw.randrange(len(holder))
            holder[step], holder[other] = holder[other], holder[step]
        case _:
            holder[step] = altered(holder[step], draw)


def altered(value: Json, draw: Random) -> Json:
    if draw.random() < 0.2:
        return draw.choice(STRANGE)
    match value:
        case bool():
            return not value
        case int():
            return draw.choice((*EDGES, value + 1, value - 1))
        case str() if len(value) > 2:
            place = draw.randrange(2, len(value))
            return value[:place] + draw.choice("0123456789abcdef") + value[place + 1 :]
        case _:
            return draw.choice(STRANGE)


# --- events that a ledger might have taken


def _bare(event: Json) -> Json:
    """An event with a payload that fits whatever else it says, and no signature to betray it."""
    payload = event["payload"]
    commitment = payload["commitment"] if "commitment" in payload else "0x" + "07" * 32
    return event | {"payload": {"commitment": commitment}, "signer": None}


def detail(draw: Random, sequence: int) -> str:
    """Mostly small numbers, so that many fit some kind."""
    a, b, c = draw.choice((0, 0, 1, 2, 3, 4, 5)), draw.choice((0, 0, 0, 1, 2, 3, 4)), draw.choice((0, 0, 0, 1, 63, 64))
    time = draw.choice((0, 0, 0, 1, 2, sequence, sequence + 1, 1_750_000_500, 1_750_400_000, 1_752_000_000, 2**40 - 1))
    return f"0x{draw.choice((0, 0, 1)) << 63 | c << 56 | time << 16 | b << 8 | a:016x}"


def said(proof: Json, draw: Random) -> None:
    """One thing that an event says, replaced by another that one could say."""
    event = draw.choice(proof["events"])
    event |= _bare(event)
    match draw.randrange(6):
        case 0:
            event["kind"] = draw.randrange(1, 17)
        case 1:
            event["party"] = draw.choice((*HOLDERS, "0x" + "00" * 32))
        case 2:
            event["organization"] = draw.choice(HOLDERS)
        case 3:
            event["occurred_at"] = draw.choice((event["occurred_at"], 1_750_000_000)) + draw.choice((-100, -1, 1, 100, 10**6))
        case 4:
            event["detail"] = detail(draw, len(proof["events"]))
        case _:
            event["by_order"] = not event["by_order"]


def told(proof: Json, draw: Random) -> None:
    """An event more, in the order of time: one of another life, or made up."""
    events = proof["events"]
    place = draw.randrange(1, len(events) + 1)
    event = _bare(dict(draw.choice(EVENTS)))
    if draw.random() < 0.7:
        event |= {"kind": draw.randrange(3, 17), "detail": detail(draw, place), "party": draw.choice((*HOLDERS, *["0x" + "00" * 32] * 9))}
        event |= {"organization": draw.choice(HOLDERS), "enrolled": None, "by_order": draw.random() < 0.1}
    events.insert(place, event | {"occurred_at": events[place - 1]["occurred_at"]})
    if proof["inclusion"]["type"] == "receipts":
        proof["inclusion"]["logs"].insert(place, [0, 1, place])


def cut(proof: Json, draw: Random) -> None:
    """The history ends earlier."""
    place = draw.randrange(1, len(proof["events"]) + 1)
    del proof["events"][place:]
    if proof["inclusion"]["type"] == "receipts":
        del proof["inclusion"]["logs"][place:]
        if draw.random() < 0.7:
            del proof["inclusion"]["blocks"][max((log[0] for log in proof["inclusion"]["logs"]), default=0) + 1 :]


# --- tries made again around a change


def node(proof: Json, draw: Random) -> None:
    """A node altered, and every hash above it, so that only what it says can betray it."""
    shown = draw.choice(proof["inclusion"].get("blocks", [proof["inclusion"]]))
    nodes, header = [bytes.fromhex(each[2:]) for each in shown["nodes"]], bytes.fromhex(shown["header"][2:])
    replaced = [(which := draw.choice(nodes), respelled(which, draw))]
    while replaced:
        old, new = replaced.pop()
        nodes = [new if each == old else each for each in nodes]
        for each in list(nodes):
            if keccak(old) in each:
                replaced.append((each, each.replace(keccak(old), keccak(new))))
        header = header.replace(keccak(old), keccak(new))
    shown["nodes"] = ["0x" + each.hex() for each in sorted(set(nodes))]
    shown["header"] = "0x" + header.hex()


def respelled(encoded: bytes, draw: Random) -> bytes:
    """Other bytes: mostly at the end, where values are, or at the beginning, where lengths and paths are."""
    if not encoded:
        return b"\xc0"
    place = draw.choice((draw.randrange(len(encoded)), draw.randrange(min(6, len(encoded))), len(encoded) - 1))
    match draw.randrange(5):
        case 0:
            return encoded[:place] + encoded[place + 1 :]
        case 1:
            return encoded[:place] + bytes([draw.choice((0, 0x80, 0x81, 0xC0, 0xC1, 0xB8, 0xF8))]) + encoded[place:]
        case 2:
            return encoded[:place] + bytes([encoded[place] ^ (1 << draw.randrange(8))]) + encoded[place + 1 :]
        case 3:
            return draw.choice((b"\x80", b"\xc0", b"\xc2\x20\x01", b"\x00", encode_number(draw.randrange(2**16)), encoded + b"\x00"))
        case _:
            return encoded[:place] + bytes([draw.randrange(256)]) + encoded[place + 1 :]


def header(proof: Json, draw: Random) -> None:
    """A header's bytes."""
    shown = draw.choice(proof["inclusion"].get("blocks", [proof["inclusion"]]))
    shown["header"] = "0x" + respelled(bytes.fromhex(shown["header"][2:]), draw).hex()


CHANGES: list[Callable[[Json, Random], None]] = [said, told, cut, node, header, element]
WEIGHTS = [5, 6, 1, 5, 1, 4]
