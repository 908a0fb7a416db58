"""The schema in revisions. `upgrade` brings any database of ours to the newest one, in one transaction, by one process at a time."""

from importlib import import_module
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, text

from ledger_api.store.engine import writing

_LOCK = text("SELECT pg_advisory_xact_lock(7310868923)")  # a number of ours alone


def upgrade(engine: Engine) -> None:
    """Harmless to repeat, and to call from several processes: the others wait and find nothing left to do."""
    with writing(engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(_LOCK)
        command.upgrade(configuration(connection), "head")


def configuration(connection: Connection) -> Config:
    """For Alembic's commands on this connection: `command.revision(configuration(c), message, autogenerate=True)` makes the next one."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def know_all_tables() -> None:
    """Every room's `tables*.py` is imported, which makes its tables known to `SQLModel.metadata`: to compare and to make revisions."""
    package = Path(__file__).parent.parent
    for path in sorted(package.rglob("tables*.py")):
        import_module(".".join(("ledger_api", *path.relative_to(package).with_suffix("").parts)))
