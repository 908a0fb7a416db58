"""What is remembered of a photo for the tests is remembered of that photo alone, and of that question about it."""

from typing import Any

import numpy as np

from ledger_api.desk.likeness import Fine, Lay
from tests.remembering import remembered


def test_whatever_differs_in_any_part_is_seen_anew() -> None:
    seen: list[tuple[Any, ...]] = []
    look = remembered(lambda *given, **options: seen.append((*given, options)) or len(seen))
    grey = np.arange(12, dtype=np.uint8).reshape(3, 4)
    corners = np.zeros((0, 2), np.float32)
    fine, other = Fine(grey, grey.astype(np.float32), grey, corners), Fine(grey, grey.astype(np.float32) + 1, grey, corners)
    lay, moved, surer = Lay(np.eye(3), 9), Lay(np.eye(3) * 2, 9), Lay(np.eye(3), 10)
    questions = [
        (fine, grey, lay),
        (fine, grey, moved),
        (fine, grey, surer),
        (other, grey, lay),
        (fine, grey.T, lay),
        (b"photo",),
        (b"phota",),
    ]

    first = [look(*question) for question in questions]
    again = [look(*question) for question in questions]

    assert first == again == list(range(1, len(questions) + 1))
    assert look(b"photo", most=5) == len(questions) + 1 == len(seen)
