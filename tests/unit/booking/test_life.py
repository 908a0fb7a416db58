"""The states of a booking, all paths of them: each ends, each has a deadline, and none leaves an item locked."""

from pathlib import Path

from ledger_api.desk.booking.life import BOOKING, DEADLINES, ENDED, LOCKED, REMINDER, drawn, paths
from ledger_api.webhooks.kinds import TYPES

DOCS = Path(__file__).resolve().parents[3] / "docs" / "booking.md"


def test_every_state_has_a_meaning_and_can_be_reached() -> None:
    named = {way.start for way in BOOKING.ways} | {way.end for way in BOOKING.ways}

    reached, waiting = {""}, [""]
    while waiting:
        here = waiting.pop()
        ahead = {way.end for way in BOOKING.ways if way.start == here} - reached
        reached |= ahead
        waiting.extend(ahead)

    assert named - {""} == set(BOOKING.meanings) == reached - {""}


def test_an_end_is_an_end() -> None:
    assert not [way for way in BOOKING.ways if way.start in ENDED]


def test_every_state_that_is_no_end_has_a_deadline_that_the_table_allows() -> None:
    assert set(DEADLINES) == set(BOOKING.meanings) - ENDED
    assert all(BOOKING.leads(state, deadline.end) and deadline.end != state for state, deadline in DEADLINES.items())


def test_a_booking_that_everybody_forgets_ends_by_deadlines_alone() -> None:
    for state in DEADLINES:
        here, gone = state, [state]
        while here not in ENDED:
            here = DEADLINES[here].end
            assert here not in gone, f"deadlines go round from {state}"
            gone.append(here)


def test_every_path_ends_and_none_ends_locked() -> None:
    """All paths, each way gone at most twice: where an item was locked, the path leaves the lock before it ends."""
    count = 0
    for path in paths():
        count += 1
        assert path[-1] in ENDED
        locked = [state for state in path if state in LOCKED]
        assert not locked or path[-2] not in LOCKED, path
    assert count > 150  # a table that lost half its ways would still pass the rest


def test_an_item_is_locked_only_after_its_holder_signed_or_where_nothing_can_hold_it() -> None:
    into = {(way.start, way.end) for way in BOOKING.ways if way.end in LOCKED and way.start not in LOCKED}

    assert into == {("checked-in", "holding"), ("checked-in", "verifying")}


def test_of_every_state_there_is_a_notice() -> None:
    told = {kind.removeprefix("booking.") for kind in TYPES if kind.startswith("booking.")}

    assert told == set(BOOKING.meanings) | {REMINDER}


def test_the_page_shows_the_table_as_it_is() -> None:
    assert drawn() in DOCS.read_text(encoding="utf-8")
