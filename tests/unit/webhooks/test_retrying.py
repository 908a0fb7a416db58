"""When a delivery is tried again: ever more rarely, for more than three days, never all at the same moment."""

import pytest

from ledger_api.webhooks.retrying import JITTER, LONGEST_SECONDS, MOST_TRIES, pause


def plain(tries: int) -> float:
    found = pause(tries, first_seconds=5, draw=0.5)
    assert found is not None
    return found


def test_each_pause_is_longer_up_to_a_day() -> None:
    pauses = [plain(tries) for tries in range(1, MOST_TRIES)]

    assert pauses[:3] == [5, 20, 80]
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_SECONDS == 86_400


def test_the_last_try_is_made_more_than_three_days_after_the_first_though_every_pause_be_the_shortest_and_then_no_more() -> None:
    shortest = [pause(tries, first_seconds=5, draw=0) for tries in range(1, MOST_TRIES)]

    assert sum(seconds for seconds in shortest if seconds is not None) > 3 * 86_400
    assert pause(MOST_TRIES, first_seconds=5, draw=0) is None


@pytest.mark.parametrize("tries", range(1, MOST_TRIES))
def test_what_failed_together_does_not_come_back_together(tries: int) -> None:
    soonest, latest = (pause(tries, first_seconds=5, draw=draw) for draw in (0.0, 1.0))

    assert (soonest, latest) == (plain(tries) * (1 - JITTER), plain(tries) * (1 + JITTER))
