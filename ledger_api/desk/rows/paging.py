"""Page by page through what a loop has to look at: rows that cannot move hold up nobody who stands behind them."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, Row

from ledger_api.store.engine import reading

AT_ONCE = 100
Page = Callable[[Connection, str, int], Sequence[Row[Any]]]  # (connection, after which id, how many) → in the order of their ids


def each(engine: Engine, page: Page) -> Iterator[Row[Any]]:
    """No connection is held while one of them is looked at."""
    after, is_more = "", True
    while is_more:
        with reading(engine) as connection:
            found = page(connection, after, AT_ONCE)
        yield from found
        is_more = len(found) == AT_ONCE
        after = found[-1].id if is_more else after
