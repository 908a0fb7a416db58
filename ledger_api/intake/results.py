"""What acceptance answers, event by event, and what it leaves for the operator: refusals counted, one line for each list."""

import logging
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import Connection

from ledger_api.store import tallies
from ledger_verify.codes import Reason

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EventResult:
    index: int
    status: Literal["accepted", "duplicate", "refused"]
    event_id: bytes | None = None
    item: bytes | None = None
    submission: str | None = None  # of a duplicate: the one that brought the first
    reason: Reason | None = None
    at: str | None = None  # the field it is about
    message: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Submission:
    id: str | None  # None: nothing new was accepted
    results: list[EventResult]


def count_refusals(connection: Connection, submission: Submission) -> None:
    """In the commit that makes them."""
    tallies.add(connection, tallies.DOOR, _reasons(submission))


def say_received(submission: Submission, request_id: str) -> None:
    """The first line of an event's way: its submission and the request that brought it."""
    statuses = Counter(result.status for result in submission.results)
    names = {"submissions": [submission.id] if submission.id else [], "requests": [request_id]}
    counts = {"accepted": statuses["accepted"], "duplicates": statuses["duplicate"], "refused": dict(_reasons(submission))}
    logger.info("events received", extra=names | counts)


def _reasons(submission: Submission) -> Counter[str]:
    return Counter(result.reason.code for result in submission.results if result.status == "refused" and result.reason is not None)
