"""The fallback where a node serves no state proofs: every event's log, found in the receipts of its block.

It proves who said what and when, and that nothing between the events is missing. It does not prove that nothing came after: a file
from which the last events were cut with their logs and blocks is as consistent as the whole one.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from ledger_verify.header import Header, ReceiptLog, read_logs
from ledger_verify.history import Followed
from ledger_verify.logs import Enrolled, Recorded, ReleasedByOrder
from ledger_verify.proof import Proof, ProvenEvent, ReceiptInclusion
from ledger_verify.refusals import Refused
from ledger_verify.trie import BrokenProof, Nodes
from ledger_verify.wire import UnknownLog, decode_log


class Found(NamedTuple):
    """A log, and the one right before it in its transaction."""

    before: ReceiptLog | None
    log: ReceiptLog


def logs_of_blocks(inclusion: ReceiptInclusion, headers: Sequence[Header]) -> list[Found]:
    """The log of each event.

    Raises:
        Refused: receipt: one is not there, or events or blocks are not in the chain's order; unused-node.
    """
    if any(earlier.number >= later.number for earlier, later in pairwise(headers)):
        raise Refused("receipt", "blocks rise by number, none of them twice")
    if any(earlier >= later for earlier, later in pairwise(inclusion.logs)):
        raise Refused("receipt", "logs are in the chain's order")
    if {block for block, _, _ in inclusion.logs} != set(range(len(headers))):
        raise Refused("receipt", "every block has an event")
    nodes = [Nodes(block.nodes) for block in inclusion.blocks]
    for receipts in inclusion.blocks:
        if any(earlier >= later for earlier, later in pairwise(receipts.nodes)):
            raise Refused("unused-node", "trie nodes rise by their bytes, none of them twice")
    read: dict[tuple[int, int], list[ReceiptLog]] = {}
    try:
        for block, transaction, _ in inclusion.logs:
            if (block, transaction) not in read:
                read[block, transaction] = read_logs(nodes[block], headers[block].receipts_root, transaction)
    except BrokenProof as error:
        raise Refused("receipt", str(error)) from error
    if any(each.unused() for each in nodes):
        raise Refused("unused-node", "a trie node that no proof needs")
    return [_found(read[block, transaction], log) for block, transaction, log in inclusion.logs]


def _found(logs: Sequence[ReceiptLog], place: int) -> Found:
    if place >= len(logs):
        raise Refused("receipt", "the transaction has no such log")
    return Found(logs[place - 1] if place else None, logs[place])


def require_logged(proof: Proof, followed: Sequence[Followed], found: Sequence[Found]) -> list[bytes]:
    """That each event is what its log says, all of it. Gives the signers.

    Raises:
        Refused: receipt.
    """
    return [
        _require(proof.ledger, event, one, logs, number)
        for number, (event, one, logs) in enumerate(zip(proof.events, followed, found, strict=True), 1)
    ]


def _require(ledger: bytes, event: ProvenEvent, followed: Followed, found: Found, number: int) -> bytes:
    told = _decoded(found.log, ledger)
    if not isinstance(told, Recorded):
        raise Refused("receipt", f"event {number}: the log is not one of an event of the ledger")
    if event.signer is not None:
        raise Refused("receipt", f"event {number}: by receipts the log names the signer")
    signed = followed.event
    said = Recorded(
        item=signed.item,
        event_hash=followed.hash,
        organization=event.organization,
        signer=told.signer,
        kind=signed.kind,
        occurred_at=signed.occurred_at,
        party=signed.party,
        detail=signed.detail,
        payload=signed.payload,
    )
    if told != said:
        raise Refused("receipt", f"event {number}: the log says another thing")
    before = None if found.before is None else _decoded(found.before, ledger)
    enrolled = event.enrolled
    if enrolled is not None and before != Enrolled(signed.item, enrolled.brand, enrolled.serial_commitment):
        raise Refused("receipt", f"event {number}: the log before names another brand or serial commitment")
    is_ordered = isinstance(before, ReleasedByOrder) and before.item == signed.item and before.hold == signed.detail & 0xFF
    if event.by_order != is_ordered:
        raise Refused("receipt", f"event {number}: whether it was by order is told otherwise")
    return told.signer


def _decoded(log: ReceiptLog, ledger: bytes) -> object:
    if log.address != ledger:
        return None
    try:
        return decode_log(log.topics, log.body)
    except UnknownLog:
        return None
