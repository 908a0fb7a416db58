"""What every command of `ledger` shares: its options, how it speaks, and how it ends.

Exit codes: 0 done · 1 refused or wrong input · 2 usage · 3 busy, try again · 4 the chain refused · 5 integrity: stop and look.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console

from ledger_api import running
from ledger_api.errors import BusyError, CallerError, ChainError, IntegrityError, LedgerError
from ledger_api.home import Home
from ledger_api.service import Service, open_service
from ledger_api.settings import Settings

console = Console(stderr=True)
AsJson = Annotated[bool, typer.Option("--json", help="print one JSON value")]
HomeOption = Annotated[Path | None, typer.Option("--home", help="the folder that holds everything local (LEDGER_HOME)")]
_EXIT = ((CallerError, 1), (BusyError, 3), (ChainError, 4), (IntegrityError, 5))


def settings_for(home: Path | None) -> Settings:
    return Settings(home=home) if home is not None else Settings()


def fail(error: LedgerError) -> NoReturn:
    """One line that says what is wrong, with its code; the exit code says whose fault it is."""
    facts = " ".join(f"{name}={value}" for name, value in error.facts.items())
    console.print(f"[red]{error.code}[/red]: {error.message}" + (f" ({facts})" if facts else ""), highlight=False, soft_wrap=True)
    raise typer.Exit(next((code for kind, code in _EXIT if isinstance(error, kind)), 1))


def say(value: Any) -> None:
    """The result of a command, for scripts."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=1) + "\n")


@contextmanager
def told() -> Iterator[None]:
    try:
        yield
    except LedgerError as error:
        fail(error)


@contextmanager
def opened(home: Path | None) -> Iterator[Service]:
    """The service of a home on its chain, which runs for as long as the command needs it. An error ends the command in one line."""
    settings = settings_for(home)
    with told(), running.chain(settings) as url, closing(open_service(settings, url)) as service:
        yield service


def connected(settings: Settings) -> Service:
    """A service on a chain that runs: LEDGER_RPC_URL, or what `ledger up` announced on this home."""
    found = Home(settings.home).running()
    url = settings.rpc_url or (str(found["rpc_url"]) if found else "")
    if not url:
        fail(CallerError("No chain runs on this home: start `ledger up`, or set LEDGER_RPC_URL.", home=str(settings.home)))
    with told():
        return open_service(settings, url)
