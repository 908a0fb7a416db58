"""A photo's bytes in the vault and the rows that name them: neither without the other, whoever keeps or forgets it meanwhile."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress

from sqlalchemy import Connection, Engine

from ledger_api.desk.rows import cases as rows
from ledger_api.desk.vault import Vault
from ledger_api.errors import BusyError
from ledger_api.store.engine import lock_items, writing


@contextmanager
def kept(engine: Engine, vault: Vault, *bodies: bytes) -> Iterator[tuple[Connection, Sequence[str]]]:
    """A write that names these bytes, and their names. If it is not committed, what nothing else shows leaves the vault again.

    Raises:
        PhotosAway: the vault does not take them.
    """
    names: list[str] = []
    try:
        for body in bodies:
            names.append(vault.put(body))
        with writing(engine) as connection:
            _lock(connection, names)
            for name, body in zip(names, bodies, strict=True):
                if not vault.has(name):  # somebody forgot the same photo since
                    vault.put(body)
            yield connection, names
    except BaseException:
        with suppress(BusyError):  # what went wrong first is what is told
            let_go(engine, vault, names)
        raise


def let_go(engine: Engine, vault: Vault, names: Iterable[str]) -> None:
    """Out of the vault, save what something still shows. Harmless to repeat.

    Raises:
        PhotosAway: they are let go another time.
    """
    for name in names:
        with writing(engine) as connection:
            _lock(connection, [name])
            if rows.unused(connection, {name}):
                vault.delete(name)


def _lock(connection: Connection, names: Iterable[str]) -> None:
    """Until the transaction ends, nobody else keeps or forgets them."""
    lock_items(connection, (bytes.fromhex(name) for name in names))
