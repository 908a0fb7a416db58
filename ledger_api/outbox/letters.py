"""What an operator decides of a dead letter: send it back into the window, or end it with a reason.

Both are about parked events alone: what travels may land at any moment, and nobody ends that.
"""

from collections.abc import Sequence

import structlog

from ledger_api.outbox import rejudge
from ledger_api.outbox.surroundings import Surroundings
from ledger_api.store import parking, tracing
from ledger_api.store.engine import reading, writing
from ledger_api.store.parking import Letter
from ledger_verify.codes import Reason

logger = structlog.get_logger(__name__)


def requeue(around: Surroundings, letters: Sequence[Letter]) -> int:
    """Returns how many events travel again: the letters and what stood behind them."""
    with writing(around.engine) as connection:
        events = sum(parking.requeue(connection, letter.event.id) for letter in letters)
        traced = tracing.of_events(connection, [letter.event.id for letter in letters])
    if letters:
        logger.warning("requeued by an operator", letters=len(letters), **traced | {"events": events})
    return events


def end(around: Surroundings, letter: Letter, reason: Reason, *, now: int) -> int:
    """The event ends as refused with this reason, and with it what stands or falls with it; what comes after is judged anew.

    Returns how many events ended; none when somebody has sent it back meanwhile. A batch that an organization signed cannot lose one event:
    all of it ends.
    """
    rows = rejudge.end_letter(around, letter.event.id, reason, now=now)
    with reading(around.engine) as connection:
        traced = tracing.of_events(connection, rows)
    if rows:
        logger.warning("refused by an operator", reason=reason.code, **traced)
    return len(rows)
