"""What machines see of a photo depends on its bytes alone, and tests send the same few photos thousands of times: seen once, remembered.

Nothing is made up: the first of a test run that sends a photo waits for what is really seen of it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from functools import wraps
from hashlib import sha256
from typing import Any

import numpy as np
import pytest

from ledger_api.desk import likeness, quality, receiving, serials

MOST = 2_000  # answers of one function

# pure functions, each called as an attribute of its module
PURE = (
    (receiving, "receive"),
    (quality, "look"),
    (likeness, "read"),
    (likeness, "marks"),
    (likeness, "fine"),
    (likeness, "compare"),
    (serials, "_texts"),
)


@contextmanager
def photos_seen_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for module, name in PURE:
            patch.setattr(module, name, remembered(getattr(module, name)))
        yield


def remembered(function: Callable[..., Any]) -> Callable[..., Any]:
    told: dict[tuple[Any, ...], Any] = {}

    @wraps(function)
    def remembering(*given: Any, **options: Any) -> Any:
        key = (*map(_print_of, given), repr(sorted(options.items())))
        if key not in told:
            if len(told) >= MOST:
                told.clear()
            told[key] = function(*given, **options)
        return told[key]

    return remembering


def _print_of(given: Any) -> tuple[Any, ...]:
    if isinstance(given, likeness.Fine | likeness.Lay):
        return tuple(_print_of(getattr(given, field.name)) for field in fields(given))
    if isinstance(given, int):
        return (given,)
    shape = given.shape if isinstance(given, np.ndarray) else len(given)
    return shape, sha256(np.ascontiguousarray(given) if isinstance(given, np.ndarray) else given).digest()
