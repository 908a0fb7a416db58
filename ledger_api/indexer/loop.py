"""The indexer's loop: step after step until told to stop. A process of its own, or a thread of `ledger up`."""

from collections.abc import Callable
from datetime import UTC, datetime
from threading import Event
from typing import Any

import structlog

from ledger_api.alarms import Bell
from ledger_api.errors import BusyError, IntegrityError
from ledger_api.indexer.following import FIRST_SPAN, LEASE, Following, check, step
from ledger_api.store.engine import writing
from ledger_api.store.leases import drop_lease

POLL_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 10.0

logger = structlog.get_logger(__name__)


def now_utc() -> datetime:
    return datetime.now(UTC)


def follow(
    following: Following,
    stop: Event,
    *,
    clock: Callable[[], datetime] = now_utc,
    poll_seconds: float = POLL_SECONDS,
    bell: Bell | None = None,
) -> None:
    """Follows the chain until `stop` is set. `bell` says which alarms begin and end.

    Raises:
        IntegrityError: the chain, the contracts or the database are not what they must be. Nothing more is written; a person must look.
    """
    span, pause, checked = FIRST_SPAN, poll_seconds, False
    while not stop.is_set():
        try:
            if not checked:
                check(following)
                checked = True
            if bell is not None:
                bell.look(clock().timestamp())
            progress = step(following, now=clock(), span=span)
            span, pause = progress.span, poll_seconds
            if progress.idle:
                stop.wait(poll_seconds)
        except IntegrityError as error:
            logger.critical("indexer stopped", code=error.code, facts=error.facts)
            raise
        except BusyError as error:
            span = max(1, span // 2)  # a node may also fail because it was asked for too many blocks
            pause = _pause(stop, pause, error.code, why=error.message, facts=error.facts)
        except Exception:  # the cursor did not move: the same blocks are read again
            logger.exception("indexing failed")
            span, pause = max(1, span // 2), _pause(stop, pause, "failed")
    with writing(following.engine) as connection:
        drop_lease(connection, LEASE, following.owner)


def catch_up(following: Following, *, clock: Callable[[], datetime] = now_utc) -> None:
    """Steps until nothing is left to do: for commands and tests.

    Raises:
        LedgerError: whatever stops a step.
    """
    check(following)
    progress = step(following, now=clock())
    while not progress.idle:
        progress = step(following, now=clock(), span=progress.span)


def _pause(stop: Event, seconds: float, code: str, **told: Any) -> float:
    """Waits, longer each time in a row."""
    logger.warning("indexer waits", code=code, seconds=seconds, **told)
    stop.wait(seconds)
    return min(LONGEST_PAUSE_SECONDS, seconds * 2)
