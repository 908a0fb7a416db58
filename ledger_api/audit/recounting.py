"""Statistics of verdicts from the chain alone: no database, no payload, nothing that the indexer read or kept.

Outcome, method and category stand in the logs' details, brands in births, times in blocks, marked keys and names in the registry's logs.
What a verdict counts as is decided by the same rules (`statistics/`); how it was found out shares nothing with the service.
"""

import tempfile
from collections.abc import Iterator
from contextlib import closing
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from ledger_api.audit.hearing import Heard, Hearing, Pin, shown_address, stretches
from ledger_api.audit.histories import brand_of, log_of
from ledger_api.chain.deploy import Deployment
from ledger_api.chain.rpc import Node, unhex
from ledger_api.errors import CallerError, NodeInconsistent
from ledger_api.statistics.counting import words_of
from ledger_api.statistics.overturns import fates
from ledger_api.statistics.telling import Json, Range, tell
from ledger_api.statistics.verdicts import Cells, Question, count, tabulate
from ledger_api.store.statistics import Told
from ledger_verify.codes import Kind
from ledger_verify.hashing import keccak, organization_id
from ledger_verify.state import UNBORN, state_to_bytes
from ledger_verify.transition import apply_recorded

_ADMITTED = keccak(b"OrganizationAdmitted(bytes32,string,uint8)")
_COMPROMISED = keccak(b"SignerCompromised(bytes32,address,uint48)")
_TOLD = (Kind.VERDICT, Kind.ENROLMENT, Kind.DISPUTE, Kind.RULING, Kind.CORRECTION)
_OF_JUDGED = (
    f"SELECT {', '.join(Heard._fields)} FROM heard WHERE item IN (SELECT item FROM heard WHERE kind IN ({int(Kind.VERDICT)},"
    f" {int(Kind.ENROLMENT)})) ORDER BY item, block_number, log_index"
)
_ATTEMPTS = 3


class NoSuchBlockYet(CallerError):
    """The node has no block of this number, or the ledger had not begun."""

    code, status = "no-such-block", 404


class Recount(NamedTuple):
    blocks: Range
    cells: Cells
    names: dict[bytes, str]

    def tell(self, question: Question) -> Json:
        """What `GET /v1/statistics/verdicts` answers, as of these blocks."""
        return tell(tabulate(self.cells, question), question, self.blocks, self.names)


def recount(node: Node, deployment: Deployment, *, to_block: int | None = None) -> Recount:
    """`to_block` None: up to the head.

    Raises:
        NoSuchBlockYet, NodeUnreachable, NodeRefused.
        NodeInconsistent: the chain moved below the block while it was read, each time.
    """
    for _ in range(_ATTEMPTS):
        with (
            tempfile.TemporaryDirectory(prefix="ledger-recount-") as folder,
            closing(Hearing(node, deployment.ledger, Path(folder) / "heard.db")) as hearing,
        ):
            found = _recounted(node, deployment, hearing, to_block)
        if found is not None:
            return found
    raise NodeInconsistent("the chain moved under the count each time; ask again")


def _recounted(node: Node, deployment: Deployment, hearing: Hearing, to_block: int | None) -> Recount | None:
    """None when the chain moved meanwhile."""
    number = hearing.head() if to_block is None else to_block
    block_hash = hearing.hash_of(number)
    if block_hash is None or number < deployment.block:
        raise NoSuchBlockYet(block=number, first=deployment.block)
    pin = Pin(number, block_hash)
    try:
        hearing.listen(deployment.block, pin)
        names, compromised = _registry(node, deployment, number)
    except NodeInconsistent:
        return None
    cells = count(fates(words_of(_told(hearing, deployment), compromised)))
    if hearing.hash_of(number) != block_hash:
        return None
    return Recount(Range(deployment.chain_id, deployment.ledger, deployment.block, number, block_hash), cells, names)


def _told(hearing: Hearing, deployment: Deployment) -> Iterator[Told]:
    """What was said of each judged item, with the state that its logs fold to."""
    heard = (Heard._make(row) for row in hearing.kept.execute(_OF_JUDGED))
    for item, its in groupby(heard, key=lambda one: one.item):
        state, before = UNBORN, b""
        for sequence, one in enumerate(its, start=1):
            state = apply_recorded(state, log_of(one), one.block_time, deployment.terms, brand=brand_of(one), by_order=len(one.extra) == 1)
            after = state_to_bytes(state)
            if one.kind in _TOLD:
                said = (one.organization, one.signer, one.detail, one.block_number, one.block_time, after, before)
                yield Told(item, sequence, one.kind, *said)
            before = after


def _registry(node: Node, deployment: Deployment, to_block: int) -> tuple[dict[bytes, str], dict[tuple[bytes, bytes], int]]:
    """(DIDs, keys with the block since which they are compromised). Raises NodeInconsistent."""
    names: dict[bytes, str] = {}
    compromised: dict[tuple[bytes, bytes], int] = {}
    address = shown_address(deployment.registry)
    for answers, first, last in stretches(node, address, deployment.block, to_block):
        for log in sorted(answers, key=lambda one: (int(one["blockNumber"], 16), int(one["logIndex"], 16))):
            if log["address"].lower() != address or not first <= int(log["blockNumber"], 16) <= last:
                raise NodeInconsistent("the node answered with a log that was not asked for", from_block=first, to_block=last)
            topics, body = [unhex(topic) for topic in log["topics"]], unhex(log["data"])
            if topics[0] == _ADMITTED:
                start = int.from_bytes(body[:32], "big")
                length = int.from_bytes(body[start : start + 32], "big")
                did = body[start + 32 : start + 32 + length].decode()
                names[organization_id(did)] = did
            elif topics[0] == _COMPROMISED:
                compromised[topics[1], topics[2][12:]] = int.from_bytes(body[:32], "big")
    return names, compromised
