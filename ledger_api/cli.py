"""`ledger`: the commands of an operator, and of anybody on a laptop.

Exit codes: 0 done · 1 refused or wrong input · 2 usage · 3 busy, try again · 4 the chain refused · 5 integrity: stop and look.
With `--json` a command prints one JSON value and nothing else on standard output.
"""

import json
import logging
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table

from ledger_api import logs, operating, running, upkeep
from ledger_api.alarms import Bell, outliving
from ledger_api.errors import BusyError
from ledger_api.importer.files import write_refused
from ledger_api.importer.running import ImportReport
from ledger_api.service import deploy_once, open_service
from ledger_api.terminal import AsJson, HomeOption, connected, console, fail, opened, say, settings_for, told

# whose log is their only voice; every other command has words of its own, and logs troubles alone
LOOPS = frozenset({"serve", "work", "index", "desk", "notify"})
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
org = typer.Typer(no_args_is_help=True, help="Organizations: admit, accredit, list.")
key = typer.Typer(no_args_is_help=True, help="API keys: make, list, revoke.")
app.add_typer(org, name="org")
app.add_typer(key, name="key")
app.add_typer(upkeep.app)


@app.callback(help=__doc__)
def say_in_json(ctx: typer.Context) -> None:
    """Whatever a command logs goes to standard error, so that standard output is the command's result alone."""
    process = ctx.invoked_subcommand or "ledger"
    logs.configure(process, level=logging.INFO if process in LOOPS else logging.WARNING)


def until_asked() -> threading.Event:
    """Set by the first SIGINT or SIGTERM: the step that has begun is finished."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop


# --- loops -----------------------------------------------------------------------------------------------------------


@app.command()
def up(
    home: HomeOption = None,
    sample: Annotated[bool, typer.Option("--sample", help="import the sample and print what to try")] = False,
    port: Annotated[int | None, typer.Option(help="of the pages and the API")] = None,
) -> None:
    """Everything at once: embedded chain, database, service, worker and indexer. Ctrl-C ends all of it."""
    from ledger_api import greeting  # which knows every room, as no other command does

    settings = settings_for(home)
    stop = until_asked()
    folder = Path(__file__).resolve().parent.parent / "samples" / "maison" if sample else None
    with told(), running.everything(settings, port=port) as here:
        report = None
        if folder is not None and not greeting.is_sample_there(settings.home):
            with progress_bars(False) as bars:
                report, _ = operating.import_folder(here.service, folder, bars)
        greeting.greet(here, console, report=report, sample=folder)
        running.watch(here, stop)


@app.command()
def serve(home: HomeOption = None) -> None:
    """The HTTP service."""
    from ledger_api.app import create_service_app
    from ledger_api.serving import run

    settings = settings_for(home)
    service = connected(settings)
    with told():
        application = create_service_app(service)
    run(application, settings)


@app.command()
def work(home: HomeOption = None, lane: Annotated[int, typer.Option(help="which relayer key")] = 0) -> None:
    """The worker of one lane: carries accepted events to the chain."""
    from ledger_api.outbox.worker import Worker, run

    service = connected(settings_for(home))
    with told(), outliving(service.engine):
        worker = Worker(service.surroundings(), owner=service.owner, lane=lane)
        run(worker, until_asked(), bell=Bell(service.engine, service.settings))


@app.command()
def index(home: HomeOption = None) -> None:
    """The indexer: follows the chain into the database."""
    from ledger_api.indexer.loop import follow

    service = connected(settings_for(home))
    with told(), outliving(service.engine):
        follow(service.following(), until_asked(), bell=Bell(service.engine, service.settings))


@app.command()
def desk(home: HomeOption = None) -> None:
    """The authentication desk's loop: machine checks, deadlines, verdicts on their way to the ledger."""
    from ledger_api.desk import working

    service = connected(settings_for(home))
    with told():
        working.run(service.desk(), until_asked())


@app.command()
def notify(home: HomeOption = None) -> None:
    """Delivers notices to webhook endpoints; run as many as you like."""
    from ledger_api.webhooks import notifying

    service = connected(settings_for(home))
    with told():
        notifying.run(service.notifier(), until_asked())


# --- one thing and done ----------------------------------------------------------------------------------------------


@app.command()
def deploy(
    home: HomeOption = None,
    did: Annotated[str, typer.Option(help="the consortium's DID")] = "did:web:consortium.example",
    as_json: AsJson = False,
) -> None:
    """Deploy the contracts once; the file deployments/<chain id>.json says where they are."""
    settings = settings_for(home)
    with told(), running.chain(settings) as url:
        made = deploy_once(settings, url, consortium_did=did)
    if as_json:
        say(json.loads(made.as_json()))
    else:
        console.print(
            f"registry 0x{made.registry.hex()}\nledger   0x{made.ledger.hex()}\nchain    {made.chain_id}, from block {made.block}"
        )


@app.command("import")
def import_folder(
    folder: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="CSV exports and organizations.json")],
    home: HomeOption = None,
    refused: Annotated[Path | None, typer.Option(help="where refused rows go; default <home>/refused.csv")] = None,
    as_json: AsJson = False,
) -> None:
    """Import a folder of exports and wait until every row is recorded or refused."""
    settings = settings_for(home)
    with told(), running.working(settings) as service, progress_bars(as_json) as bars:
        report, is_settled = operating.import_folder(service, folder, bars)
    target = refused or settings.home / "refused.csv"
    write_refused(target, report.refused)
    if as_json:
        say(report.as_json())
    else:
        console.print(import_table(report))
        console.print(f"refused rows: {target}", highlight=False)
    if not is_settled:
        fail(BusyError("Some events are accepted and not yet recorded; run the same import again to count them."))


def import_table(report: ImportReport) -> Table:
    table = Table("file", "rows", "recorded", "duplicates", "refused")
    for name, one in report.files.items():
        reasons = ", ".join(f"{code} {count}" for code, count in one.refused.items())
        table.add_row(name, str(one.rows), str(one.recorded), str(one.duplicates), reasons)
    return table


@contextmanager
def progress_bars(is_silent: bool) -> Iterator[Progress]:
    bars = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        console=console,
        disable=is_silent,
        transient=True,
    )
    with bars:
        yield bars


@app.command()
def rebuild(home: HomeOption = None, as_json: AsJson = False) -> None:
    """Make everything that is derived from the chain again, and say whether any passport changed. Stop `serve` and `index` before."""
    from ledger_api import rebuild as rebuilding

    settings = settings_for(home)
    with told(), running.chain(settings) as url, progress_bars(as_json) as bars:
        service = open_service(settings, url)
        task = bars.add_task("reading the chain", total=None)
        outcome = rebuilding.rebuild(service.following(), told=lambda block, head: bars.update(task, completed=block, total=head))
    if as_json:
        say(outcome._asdict())
    else:
        console.print(f"{outcome.items} items from {outcome.logs} logs; passports {'unchanged' if outcome.unchanged else 'CHANGED'}")
    if not outcome.unchanged:
        raise typer.Exit(5)


@app.command()
def status(home: HomeOption = None, as_json: AsJson = False) -> None:
    """What the database holds and how far the chain was followed."""
    with opened(home) as service:
        facts = operating.status_of(service)
    if as_json:
        say(facts)
        return
    table = Table(show_header=False)
    for name, value in facts.items():
        table.add_row(name.replace("_", " "), str(value))
    console.print(table)


# --- organizations and keys ------------------------------------------------------------------------------------------


@org.command("list")
def org_list(home: HomeOption = None, as_json: AsJson = False) -> None:
    """Members with their roles."""
    with opened(home) as service:
        members = operating.members_of(service)
    if as_json:
        say(members)
        return
    table = Table("DID", "name", "roles", "suspended")
    for one in members:
        table.add_row(one["did"], one["name"], " ".join(one["roles"]), "yes" if one["suspended"] else "")
    console.print(table)


@org.command("admit")
def org_admit(
    did: str,
    name: Annotated[str, typer.Option()],
    role: Annotated[list[str], typer.Option(help="supplier, brand, retailer, platform, authenticator; repeat for several")],
    country: Annotated[str | None, typer.Option()] = None,
    home: HomeOption = None,
) -> None:
    """Admit an organization; the service makes and keeps its keys."""
    with told(), running.working(settings_for(home)) as service:
        operating.admit(service, did=did, name=name, roles=role, country=country)
    console.print(f"admitted {did}", highlight=False)


@org.command("accredit")
def org_accredit(
    organization: str,
    role: Annotated[str, typer.Option()],
    brand: Annotated[str | None, typer.Option(help="DID of the brand; left out: the consortium, for everybody's items")] = None,
    home: HomeOption = None,
) -> None:
    """Let an organization act on a brand's items in a role."""
    with told(), running.working(settings_for(home)) as service:
        operating.accredit(service, brand=brand, organization=organization, role=role)
    console.print(f"accredited {organization} as {role}", highlight=False)


@key.command("create")
def key_create(
    organization: Annotated[str, typer.Argument(help="DID")],
    scope: Annotated[list[str], typer.Option(help="for example events:write events:read verify admin")],
    name: Annotated[str, typer.Option()] = "command line",
    home: HomeOption = None,
    as_json: AsJson = False,
) -> None:
    """Make an API key. It is shown once."""
    with opened(home) as service:
        made = operating.create_api_key(service, organization=organization, scopes=scope, name=name)
    if as_json:
        say(made)
    else:
        sys.stdout.write(made["key"] + "\n")


@key.command("list")
def key_list(home: HomeOption = None, as_json: AsJson = False) -> None:
    """Every API key with its organization and scopes; never its secret."""
    with opened(home) as service:
        keys = operating.api_keys_of(service)
    if as_json:
        say(keys)
        return
    table = Table("id", "organization", "name", "scopes", "revoked")
    for one in keys:
        table.add_row(one["id"], one["organization"], one["name"], one["scopes"], one["revoked_at"] or "")
    console.print(table)


@key.command("revoke")
def key_revoke(key_id: Annotated[str, typer.Argument(help="as `ledger key list` shows it")], home: HomeOption = None) -> None:
    """End an API key at once."""
    with opened(home) as service:
        operating.revoke_api_key(service, key_id)
    console.print(f"revoked {key_id}", highlight=False)


def main() -> None:
    """Entry point."""
    app()


if __name__ == "__main__":
    main()
