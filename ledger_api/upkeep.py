"""Commands of an operator's upkeep: look whether all is well, and mend what only a person may decide.

Each command is a few lines around a room of its own; what is decided is decided there.
"""

from typing import Annotated

import typer
from rich.table import Table

from ledger_api import running
from ledger_api.audit import Report
from ledger_api.audit import audit as audited
from ledger_api.service import open_service
from ledger_api.terminal import AsJson, HomeOption, console, say, settings_for, told

app = typer.Typer()


# --- audit -----------------------------------------------------------------------------------------------------------


@app.command()
def audit(
    home: HomeOption = None,
    rebuild: Annotated[bool, typer.Option(help="make every passport again and compare; the longest part")] = True,
    as_json: AsJson = False,
) -> None:
    """Is every accepted event recorded exactly once or refused, and nothing besides? Changes nothing; ends with 5 on a finding."""
    settings = settings_for(home)
    with told(), running.chain(settings) as url:
        service = open_service(settings, url)
        report = audited(service, rebuild=rebuild)
        service.close()
    if as_json:
        say(report.as_json())
    else:
        show_report(report)
    if not report.is_clean:
        raise typer.Exit(5)


def show_report(report: Report) -> None:
    table = Table("check", "examined", "findings", title=f"as of block {report.block}, {report.behind} behind the head")
    for check in report.checks:
        table.add_row(check.name, f"{check.examined:,}", f"[red]{check.found:,}[/red]" if check.found else "0")
    console.print(table)
    numbers = report.as_json()
    shown = ("events", "recorded", "refused", "waiting", "lost", "duplicated", "foreign", "recorded_before_restore")
    console.print("  ".join(f"{name.replace('_', ' ')} {numbers[name]:,}" for name in shown), highlight=False)
    moving = "  ".join(f"{name} {count:,}" for name, count in report.in_flight.items() if count)
    console.print(f"in flight: {moving or 'nothing'}", highlight=False)
    for check in report.checks:
        for sentence in check.findings:
            console.print(f"[red]{check.name}[/red]: {sentence}", highlight=False, soft_wrap=True)
        if check.found > len(check.findings):
            console.print(f"[red]{check.name}[/red]: and {check.found - len(check.findings):,} more", highlight=False)
