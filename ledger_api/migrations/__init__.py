"""The schema in revisions. `upgrade` brings any database of ours to the newest one, in one transaction, by one process at a time."""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text

from ledger_api.store.engine import reading, writing

if TYPE_CHECKING:
    from alembic.config import Config

_LOCK = text("SELECT pg_advisory_xact_lock(7310868923)")  # a number of ours alone


def upgrade(engine: Engine) -> None:
    """Harmless to repeat, and to call from several processes: the others wait and find nothing left to do."""
    if _is_new(engine):
        return
    from alembic import command  # every process starts here, and hardly one has anything to bring up to date

    with writing(engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(_LOCK)
        command.upgrade(configuration(connection), "head")


def _is_new(engine: Engine) -> bool:
    with reading(engine) as connection:
        if not inspect(connection).has_table("alembic_version"):
            return False
        return connection.scalars(text("SELECT version_num FROM alembic_version")).all() == [newest()]


def newest() -> str:
    """The revision that nothing comes after, from the files' names alone."""
    return max(path.name for path in (Path(__file__).parent / "versions").glob("[0-9]*.py"))[:4]


def configuration(connection: Connection) -> "Config":
    """For Alembic's commands on this connection: `command.revision(configuration(c), message, autogenerate=True)` makes the next one."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def know_all_tables() -> None:
    """Every room's `tables*.py` is imported, which makes its tables known to `SQLModel.metadata`: to compare and to make revisions."""
    package = Path(__file__).parent.parent
    for path in sorted(package.rglob("tables*.py")):
        import_module(".".join(("ledger_api", *path.relative_to(package).with_suffix("").parts)))
