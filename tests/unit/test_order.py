"""The long files are begun first: whichever comes last is waited for, with one process at work and the other done."""

from pathlib import Path

import pytest

MAKEFILE = Path(__file__).resolve().parents[2] / "Makefile"


def test_files_with_slow_tests_come_before_all_others(request: pytest.FixtureRequest) -> None:
    """In this very run, whatever was chosen of it."""
    items = request.session.items
    slow = {item.path for item in items if item.get_closest_marker("slow")}

    is_slow = [item.path in slow for item in items]

    assert is_slow == sorted(is_slow, reverse=True)
    assert all("slow" in {mark.name for mark in item.iter_markers()} for item in items if "faults" in item.path.parts)


def test_files_are_handed_out_in_that_order() -> None:
    """Else by the number of their tests: the longest have few."""
    commands = [line for line in MAKEFILE.read_text().splitlines() if "--dist loadfile" in line]

    assert len(commands) == 3 and all("--no-loadscope-reorder" in line for line in commands)
