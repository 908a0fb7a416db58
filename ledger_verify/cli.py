"""`ledger-verify FILE`: checks a proof and says what holds, what it rests on and what could not be checked.

Exit codes: 0 everything holds and the trusted chain id, ledger address, code hash and block hash were given · 1 refused ·
2 usage, or a node or file that cannot be read · 3 consistent, not anchored; or consistent, not complete: by receipts, and no trusted
node or file said that the item has no more events.
"""

import argparse
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO
from urllib.error import URLError
from urllib.request import Request, urlopen

from ledger_verify.checking import Trust, check
from ledger_verify.disclosure import withhold
from ledger_verify.hashing import keccak
from ledger_verify.header import item_slot, read_header
from ledger_verify.proof import MOST_BYTES, Proof, StateInclusion, read_proof
from ledger_verify.refusals import REFUSALS, Refused
from ledger_verify.report import Report, Step, hex_of
from ledger_verify.state import clear
from ledger_verify.trie import BrokenProof

ANCHORED, REFUSED, UNREADABLE, CONSISTENT = 0, 1, 2, 3
_SECONDS = 30
_MOST_ANSWER = 4 * 2**20


class CannotRead(Exception):
    """A file or node that the caller named cannot be read."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code."""
    asked = _parser().parse_args(arguments)
    try:
        encoded = _file(asked.file)
        trust = _trust(asked, encoded)
        report = check(encoded, trust, (lambda _: None) if asked.json else _say_step)
        if asked.write is not None:
            asked.write.write_bytes(withhold(encoded, asked.withhold))
    except Refused as refused:
        return _say_refusal(refused, as_json=asked.json)
    except (CannotRead, ValueError, OSError) as error:
        _line(f"{type(error).__name__}: {error}" if isinstance(error, OSError) else str(error), sys.stderr)
        return UNREADABLE
    if asked.json:
        _line(json.dumps(report.as_json(), ensure_ascii=False, indent=1))
    else:
        _say_report(report)
    return ANCHORED if report.is_anchored else CONSISTENT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ledger-verify", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", help="the proof; - for standard input")
    parser.add_argument(
        "--rpc",
        metavar="URL",
        help="a node that you trust: chain id, block hashes, the ledger's code and registry, how many events the item has",
    )
    parser.add_argument("--trust", metavar="FILE", type=Path, help="JSON with chain_id, ledger, ledger_code_hash, block_hash …")
    parser.add_argument("--chain-id", type=int)
    parser.add_argument("--ledger", metavar="ADDRESS", type=_hex(20))
    parser.add_argument("--code-hash", metavar="HASH", type=_hex(32))
    parser.add_argument("--block-hash", metavar="HASH", type=_hex(32), action="append")
    parser.add_argument("--registry", metavar="ADDRESS", type=_hex(20))
    parser.add_argument("--withhold", metavar="PATH", action="append", default=[], help="with --write: a field that is not to be shown")
    parser.add_argument("--write", metavar="FILE", type=Path, help="write the proof without the withheld fields")
    parser.add_argument("--json", action="store_true", help="print one JSON value")
    return parser


def _file(name: str) -> bytes:
    if name == "-":
        return sys.stdin.buffer.read(MOST_BYTES + 1)
    with Path(name).open("rb") as file:
        return file.read(MOST_BYTES + 1)


# --- what is trusted


def _trust(asked: argparse.Namespace, encoded: bytes) -> Trust:
    """Options, then the trust file, then the node. Raises: CannotRead, Refused (the file is needed to know what to ask a node)."""
    chosen = Trust(
        chain_id=asked.chain_id,
        ledger=asked.ledger,
        ledger_code_hash=asked.code_hash,
        block_hashes=frozenset(asked.block_hash) if asked.block_hash else None,
        registry=asked.registry,
    )
    trust = chosen if asked.trust is None else trust_over(chosen, read_trust(asked.trust.read_bytes()))
    return trust if asked.rpc is None else trust_over(trust, ask_node(asked.rpc, read_proof(encoded)))


def trust_over(first: Trust, second: Trust) -> Trust:
    missing = {name: getattr(second, name) for name in Trust.__slots__ if getattr(first, name) is None}
    return replace(first, **missing)


def read_trust(encoded: bytes) -> Trust:
    """Raises CannotRead: a member that is looked at is not of its form."""
    try:
        told = json.loads(encoded)
        blocks = told.get("block_hash")
        hashes = [blocks] if isinstance(blocks, str) else blocks
        chain_id = told.get("chain_id")
        sequence = told.get("sequence")
        if any(number is not None and type(number) is not int for number in (chain_id, sequence)):
            raise ValueError("chain_id and sequence are numbers")
        return Trust(
            chain_id=chain_id,
            ledger=_maybe(told.get("ledger"), 20),
            ledger_code_hash=_maybe(told.get("ledger_code_hash"), 32),
            block_hashes=None if hashes is None else frozenset(_hex(32)(one) for one in hashes),
            registry=_maybe(told.get("registry"), 20),
            registry_code_hash=_maybe(told.get("registry_code_hash"), 32),
            sequence=sequence,
        )
    except (ValueError, TypeError, AttributeError, argparse.ArgumentTypeError) as error:
        raise CannotRead(f"the trust file cannot be read: {error}") from error


def _maybe(value: Any, size: int) -> bytes | None:
    return None if value is None else _hex(size)(value)


class _hex:
    """Reads `0x` hex of one size, for options and trust files; capital letters are as good."""

    def __init__(self, size: int) -> None:
        self._size = size

    def __call__(self, text: str) -> bytes:
        if not isinstance(text, str) or not re.fullmatch(rf"0x[0-9a-fA-F]{{{2 * self._size}}}", text):
            raise argparse.ArgumentTypeError(f"expected 0x and {2 * self._size} hexadecimal digits")
        return bytes.fromhex(text[2:])


def ask_node(url: str, proof: Proof) -> Trust:
    """What the node says of the chain, of the blocks at the proof's heights, and of the contract at its address; by receipts also how
    many events the item has now, which no receipt shows.

    Raises:
        CannotRead: it does not answer, or lacks a block.
        Refused: header.
    """
    inclusion = proof.inclusion
    encoded = [inclusion.header] if isinstance(inclusion, StateInclusion) else [block.header for block in inclusion.blocks]
    try:
        numbers = [read_header(one).number for one in encoded]
    except BrokenProof as error:
        raise Refused("header", str(error)) from error
    hashes = set()
    for number in numbers:
        block = _call(url, "eth_getBlockByNumber", hex(number), False)
        if block is None:
            raise CannotRead(f"the node has no block {number}")
        hashes.add(_answered(block.get("hash") if isinstance(block, dict) else None, 32))
    newest = hex(numbers[-1])
    code = _answered(_call(url, "eth_getCode", hex_of(proof.ledger), newest))
    registry = _registry_of(url, proof.ledger, newest) if proof.registry is not None else None
    return Trust(
        chain_id=_chain_id(url),
        ledger_code_hash=keccak(code),
        block_hashes=frozenset(hashes),
        registry=registry,
        sequence=None if isinstance(inclusion, StateInclusion) else _sequence_of(url, proof),
    )


def _sequence_of(url: str, proof: Proof) -> int:
    """In the newest block: at the proof's own last one a file whose end was cut off would look whole."""
    stored = _call(url, "eth_getStorageAt", hex_of(proof.ledger), hex_of(item_slot(proof.item)), "latest")
    return clear(int.from_bytes(_answered(stored, 32), "big")).sequence


def _chain_id(url: str) -> int:
    answer = _call(url, "eth_chainId")
    if not isinstance(answer, str) or not re.fullmatch(r"0x[0-9a-fA-F]{1,16}", answer):
        raise CannotRead("the node's answer is not of its form")
    return int(answer, 16)


def _registry_of(url: str, ledger: bytes, block: str) -> bytes | None:
    """None where the contract names none: its code will not be the trusted one."""
    answer = _answered(_call(url, "eth_call", {"to": hex_of(ledger), "data": hex_of(keccak(b"REGISTRY()")[:4])}, block))
    return answer[12:] if len(answer) == 32 else None


def _answered(value: Any, size: int | None = None) -> bytes:
    if not isinstance(value, str) or not re.fullmatch(r"0x(?:[0-9a-fA-F]{2})*", value) or (size and len(value) != 2 + 2 * size):
        raise CannotRead("the node's answer is not of its form")
    return bytes.fromhex(value[2:])


def _call(url: str, method: str, *parameters: Any) -> Any:
    if not url.startswith(("http://", "https://")):
        raise CannotRead("a node has an http or https address")
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}).encode()
    request = Request(url, body, {"Content-Type": "application/json"})
    try:
        with urlopen(request, timeout=_SECONDS) as answer:
            told = json.loads(answer.read(_MOST_ANSWER))
    except (URLError, OSError, ValueError) as error:  # the address may hold a secret, so it is not repeated
        raise CannotRead(f"the node does not answer {method} ({type(error).__name__})") from None
    if not isinstance(told, dict) or "result" not in told:
        if method == "eth_call":
            return "0x"
        raise CannotRead(f"the node refused {method}")
    return told["result"]


# --- what is said


def _line(text: str, stream: TextIO | None = None) -> None:
    (stream or sys.stdout).write(_plain(text) + "\n")


def _plain(text: str) -> str:
    """What a proof shows is somebody's words: no control character of theirs reaches the terminal."""
    return "".join(character if character.isprintable() or character == "\n" else "�" for character in text)


def _say_step(step: Step) -> None:
    _line(f"{step.number:2}. {step.title}: {step.found}")


def _say_refusal(refused: Refused, *, as_json: bool) -> int:
    if as_json:
        _line(json.dumps({"verdict": "refused", "is_anchored": False, "code": refused.code, "message": refused.message}))
    else:
        _line(f"REFUSED ({refused.code}): {REFUSALS[refused.code]} {refused.message}")
    return REFUSED


def _say_report(report: Report) -> None:
    told = report.as_json()
    _line("")
    for event in told["events"]:
        shown = ", ".join(f"{path} {json.dumps(value, ensure_ascii=False)}" for path, value in event["fields"].items())
        names = ", ".join(event["withheld_paths"])
        named = f" ({names})" if names else ""
        how_many = "1 field" if event["withheld"] == 1 else f"{event['withheld']} fields"
        withheld = "payload not shown" if event["withheld"] is None else f"{how_many} withheld{named}"
        _line(f"  {event['sequence']}. {event['kind']} by {event['organization'][:10]}…: {shown or 'nothing shown'}; {withheld}")
    for standing in told["standings"]:
        for signer in (one for one in standing["signers"] if one["compromised_since"]):
            _line(f"  Key {signer['address']} is marked as compromised since block {signer['compromised_since']}.")
    state = told["state"]
    holds = ", ".join(state["holds"]) or "none"
    _line(f"  Now: {state['stage']}, verdict {state['verdict']}, holds {holds}, {state['sequence']} events.")
    _line("\nNot checked:")
    for sentence in report.unchecked:
        _line(f"  {sentence}")
    _line(f"\n{'ANCHORED: everything holds, on the facts that you trust' if report.is_anchored else report.verdict.upper()}.")


def run() -> None:
    """Entry point."""
    sys.exit(main())


if __name__ == "__main__":
    run()
