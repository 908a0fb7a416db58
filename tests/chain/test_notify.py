"""`ledger notify` as real processes that are killed while they deliver ten thousand notices to a receiver that fails three times in ten:
none is lost, none is sent again once its 2xx is on record, and each item's come in their order.
"""

import random
import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from ledger_api.store.engine import reading, writing
from ledger_api.webhooks import endpoints
from ledger_api.webhooks.telling import tell
from ledger_verify.hashing import organization_id
from tests.faults.fleet import Fleet, Member, fleet_of
from tests.receivers import CUT, Receiver, Seen, receiving

NOTICES, SUBJECTS, KILLS, WORKERS = 10_000, 500, 3, 2
AT_ONCE = 64  # of one process
PLATFORM = organization_id("did:web:pixel.example")
# attempts after the delivery's 2xx was on record. Not those of who took it over from one who had been silent for too long: they say so
# first, and cannot see what that one is committing at this moment
_REPEATED = text(
    "SELECT count(*) FROM webhook_attempts AS later JOIN webhook_attempts AS good ON good.delivery = later.delivery"
    " AND good.status BETWEEN 200 AND 299 AND good.id < later.id WHERE NOT EXISTS (SELECT 1 FROM webhook_attempts AS taken"
    " WHERE taken.delivery = good.delivery AND taken.why = 'interrupted' AND taken.id <= later.id)"
)
_INTERRUPTED = text("SELECT count(*) FROM webhook_attempts WHERE why = 'interrupted'")


def moody(seen: Seen) -> int:
    """Fails three times in ten, whichever way; never the same notice more than five times in a row."""
    drawn = random.Random(f"{seen.notice}{seen.times}").random()
    if seen.times > 5 or drawn >= 0.3:
        return 204
    return CUT if drawn < 0.1 else 503


def told(fleet: Fleet, url: str) -> list[tuple[str, str]]:
    """(subject, id) of every notice, as they were told."""
    made = []
    at = datetime.now(UTC)
    with writing(fleet.service.engine) as connection:
        endpoints.begin(connection, PLATFORM, endpoint="e" * 32, url=url, types=None, description="", at=at)
        for number in range(NOTICES):
            subject = f"item:{number % SUBJECTS}"
            made.append((subject, tell(connection, PLATFORM, "case.queued", subject, {"number": number}, at=at)))
    return made


def delivered(fleet: Fleet) -> int:
    with reading(fleet.service.engine) as connection:
        return int(connection.execute(text("SELECT count(*) FROM webhook_deliveries WHERE state = 'delivered'")).scalar_one())


def deliver_all(fleet: Fleet, workers: list[Member], receiver: Receiver) -> int:
    """Kills a worker each time another share has come; returns how many had to be killed."""
    killed, deadline = 0, time.monotonic() + 240
    while delivered(fleet) < NOTICES:
        assert time.monotonic() < deadline, (delivered(fleet), fleet.picture())
        if killed < KILLS and len(receiver.seen) > (killed + 1) * NOTICES // (KILLS + 1):
            workers.pop(0).kill()
            workers.append(fleet.start("notify"))
            killed += 1
        time.sleep(0.1)
    return killed


def by_subject(pairs: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    """The ids of each subject in their order, each where it came first."""
    found: dict[str, list[str]] = defaultdict(list)
    for subject, notice in dict.fromkeys(pairs):
        found[subject].append(notice)
    return found


@pytest.mark.slow
def test_killed_workers_lose_no_notice_repeat_none_on_record_and_keep_each_item_s_order(database_url: str, tmp_path: Path) -> None:
    with fleet_of(tmp_path, database_url, webhook_loopback=True, webhook_first_pause_seconds=0.02) as fleet, receiving(moody) as receiver:
        pairs = told(fleet, receiver.url)
        killed = deliver_all(fleet, [fleet.start("notify") for _ in range(WORKERS)], receiver)
        with reading(fleet.service.engine) as connection:
            repeated_on_record = connection.execute(_REPEATED).scalar_one()
            interrupted = connection.execute(_INTERRUPTED).scalar_one()
            left = [connection.execute(text(f"SELECT count(*) FROM webhook_{of}")).scalar_one() for of in ("lines", "endpoints")]

    good = [(str(one.told["subject"]), one.notice) for one in receiver.good]
    failed = len(receiver.seen) - len(good)
    assert killed == KILLS and 0.25 < failed / len(receiver.seen) < 0.35
    assert {notice for _, notice in good} == {notice for _, notice in pairs}
    assert repeated_on_record == 0 and interrupted <= killed * AT_ONCE
    print(f"{len(good) - NOTICES} of {NOTICES} sent again after {killed} workers died; allowed are {killed * AT_ONCE}")  # noqa: T201  # with -s
    assert len(good) - NOTICES <= killed * AT_ONCE  # on their way when a worker died: its 2xx could not be put on record
    assert by_subject(good) == by_subject(pairs)
    assert left == [0, 1]
