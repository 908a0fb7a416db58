"""Tells platforms by webhook when their listing's serial has come to seem to be on several objects, or does no longer: a step of
`ledger notify`, in any number of processes.

Whatever may be a sign brings its item forward in its own transaction (`rows.doubt`), and whoever looks holds the item's row: nothing is
missed. What calms by time alone is looked at every few hours.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine

from ledger_api.domain.network import Network
from ledger_api.errors import NotFollowedYet
from ledger_api.listings import rows
from ledger_api.listings.answers import MOST_LISTINGS, answer_for
from ledger_api.listings.rows import AnyRow
from ledger_api.store.engine import reading, writing
from ledger_api.verification import answering
from ledger_api.verification.decision import AsOf
from ledger_api.webhooks.telling import tell

AGAIN_SECONDS = 6 * 3600


@dataclass(frozen=True, slots=True)
class Doubter:
    engine: Engine
    network: Network
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def turn(self) -> bool:
        """Whether there was anything to look at. Raises: BusyError."""
        now = self.clock()
        with reading(self.engine) as connection:
            if rows.doubted(connection, now) is None:
                return False
        with writing(self.engine) as connection:
            doubted = rows.doubted(connection, now)
            try:
                here = answering.as_of(connection)
            except NotFollowedYet:
                return False
            if doubted is not None:
                self._look(connection, doubted, here, now)
        return doubted is not None

    def _look(self, connection: Connection, doubted: AnyRow, here: AsOf, now: datetime) -> None:
        answers = [
            (listing, answer_for(connection, listing, here, network=self.network, now=int(now.timestamp())))
            for listing in rows.live_of_item(connection, doubted.item, most=MOST_LISTINGS)
        ]
        shown = [(listing, answer) for listing, answer in answers if answer.seen.shown is not None]
        # shown to none of them: its brand hides it, or the mirror is being made again
        is_suspected = any(answer.suspicion.is_suspected for _, answer in shown) if shown or not answers else doubted.suspected
        again = now + timedelta(seconds=AGAIN_SECONDS) if is_suspected or (answers and not shown) else None
        rows.settle_doubt(connection, doubted.item, suspected=is_suspected, again=again)
        for listing, answer in shown if is_suspected != doubted.suspected else ():
            body = {"listing": listing.id, "reference": listing.reference, "suspected": is_suspected, "next": answer.next.step.code}
            # a subject of its own: nobody else writes of it at the same time
            tell(connection, listing.platform, "listing.suspicion", f"suspicion:{listing.id}", body, at=now)
