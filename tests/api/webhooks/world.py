"""A platform with webhook endpoints, notices as the service writes them, and the loop that delivers them, for as long as a test wants."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text

from ledger_api.store.engine import reading, writing
from ledger_api.webhooks import endpoints, notifying
from ledger_api.webhooks.sending import Sender
from ledger_api.webhooks.telling import tell
from tests.consortium import PLATFORM
from tests.doors import Doors, eventually

TERMS = endpoints.Terms(lambda salt: salt, loopback=True)


@dataclass
class Hooks:
    doors: Doors
    started: list[threading.Event] = field(default_factory=list)

    def endpoint(self, url: str, member: str = "PLATFORM", **body: Any) -> dict[str, Any]:
        answer = self.doors.post(member, "/v1/webhooks/endpoints", {"url": url} | body)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def shown(self, endpoint: dict[str, Any]) -> dict[str, Any]:
        return dict(self.doors.get("PLATFORM", f"/v1/webhooks/endpoints/{endpoint['id']}").json())

    def log(self, endpoint: dict[str, Any]) -> list[dict[str, Any]]:
        return list(self.doors.get("PLATFORM", f"/v1/webhooks/endpoints/{endpoint['id']}/deliveries").json()["deliveries"])

    def tell(self, *subjects: str, kind: str = "case.queued", organization: bytes = PLATFORM) -> list[str]:
        """One notice each, in one transaction."""
        with writing(self.doors.engine) as connection:
            return [
                tell(connection, organization, kind, subject, {"number": number}, at=datetime.now(UTC))
                for number, subject in enumerate(subjects)
            ]

    @contextmanager
    def notifying(self, *, owner: str = "test", sender: Sender | None = None, **chosen: Any) -> Iterator[notifying.Notifier]:
        """The loop, in a thread of its own."""
        notifier = notifying.Notifier(self.doors.engine, TERMS, owner, **({"first_pause_seconds": 0.02} | chosen))
        stop = threading.Event()

        async def deliver() -> None:
            async with sender or Sender(loopback=True) as opened:
                await notifying.notify(notifier, opened, stop)

        thread = threading.Thread(target=lambda: asyncio.run(deliver()), daemon=True)
        thread.start()
        try:
            yield notifier
        finally:
            stop.set()
            thread.join(30)
            assert not thread.is_alive()

    def count(self, query: str) -> int:
        with reading(self.doors.engine) as connection:
            return int(connection.execute(text(query)).scalar_one())

    def await_states(self, **states: int) -> None:
        def now() -> dict[str, int]:
            with reading(self.doors.engine) as connection:
                found = connection.execute(text("SELECT state, count(*) FROM webhook_deliveries GROUP BY state")).all()
            return {state.replace("-", "_"): count for state, count in found}

        eventually(lambda: now() == states)
