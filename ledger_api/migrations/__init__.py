"""The schema in revisions. `upgrade` brings any database of ours to the newest one, in one transaction, by one process at a time."""

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
