"""When an event that could not be carried is tried again, and when it is set aside for a person. Pure: counts in, a block out.

The node's answer changes with its blocks, so waiting is counted in blocks: 2, 4, 8, … and never more than 600 between two tries.
"""

from enum import StrEnum

RAREST_BLOCKS = 600
_NODES_PATIENCE = 2  # times as many tries for what the node, not the contract, has refused


class Failure(StrEnum):
    """Why an event could not be carried."""

    CONTRACT = "contract"  # the contract would revert for it alone: its papers are wrong, or somebody else is ahead of us
    NODE = "node"  # the node does not take it, and says nothing of the contract
    DAMAGED = "damaged"  # its row is no longer what was accepted: no waiting mends that


def next_try(times: int, failure: Failure, *, block: int, most: int) -> int | None:
    """The block from which it is tried again after it failed `times` times, the last time at `block`; None: park it.

    `most` tries are made; a damaged event has none.
    """
    if times >= _patience(failure, most):
        return None
    return block + min(1 << min(times, 32), RAREST_BLOCKS)


def _patience(failure: Failure, most: int) -> int:
    match failure:
        case Failure.CONTRACT:
            return most
        case Failure.NODE:
            return most * _NODES_PATIENCE
        case Failure.DAMAGED:
            return 0
