"""Ordered streams walked together, key by key, so that two databases can be compared without holding either."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any

Row = tuple[Any, ...]


def side_by_side(*streams: Iterable[Row]) -> Iterator[tuple[bytes, list[list[Row]]]]:
    """(key, the rows of each stream with this key) in ascending order of keys; every stream comes ordered by its first column."""
    groups = [_grouped(stream) for stream in streams]
    heads = [next(group, None) for group in groups]
    while any(head is not None for head in heads):
        key = min(head[0] for head in heads if head is not None)
        found: list[list[Row]] = []
        for place, head in enumerate(heads):
            if head is not None and head[0] == key:
                found.append(head[1])
                heads[place] = next(groups[place], None)
            else:
                found.append([])
        yield key, found


def _grouped(stream: Iterable[Row]) -> Iterator[tuple[bytes, list[Row]]]:
    for key, rows in groupby(stream, key=itemgetter(0)):
        yield bytes(key), [tuple(row) for row in rows]
