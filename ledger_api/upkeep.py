"""Commands of an operator's upkeep: look whether all is well, and mend what only a person may decide.

Each command is a few lines around a room of its own; what is decided is decided there.
"""

from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from ledger_api import operating, running
from ledger_api.audit import Report
from ledger_api.audit import audit as audited
from ledger_api.audit.recounting import Recount, recount
from ledger_api.backup import back_up, restore_home
from ledger_api.chain.deploy import read_deployment, verify_deployment
from ledger_api.chain.rpc import Node
from ledger_api.domain.identifiers import Unreadable, bytes32
from ledger_api.errors import InvalidBody
from ledger_api.outbox.registrar import ChainRegistrar
from ledger_api.outbox.worker import Worker
from ledger_api.proving.forgetting import erase as forget
from ledger_api.service import NotDeployed, deployment_path
from ledger_api.settings import Settings
from ledger_api.statistics.keeping import VerdictCounter
from ledger_api.statistics.telling import question_of, tell
from ledger_api.statistics.verdicts import GROUPINGS
from ledger_api.terminal import AsJson, HomeOption, connected, console, opened, say, settings_for, told
from ledger_verify.cli import main as check_proof
from ledger_verify.hashing import organization_id
from ledger_verify.proof import read_proof
from ledger_verify.refusals import Refused

app = typer.Typer()
submissions = typer.Typer(no_args_is_help=True, help="What waits, what is parked, and what is to become of it.")
app.add_typer(submissions, name="submissions")
lane = typer.Typer(no_args_is_help=True, help="Nonces of a relayer key, where only a person can say what happened.")
app.add_typer(lane, name="lane")


# --- proofs and forgetting -------------------------------------------------------------------------------------------


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def verify(context: typer.Context, home: HomeOption = None) -> None:
    """Check a proof file: `ledger verify FILE [--rpc URL] [--trust FILE] …`. Ends with 0 anchored, 3 consistent only, 1 refused."""
    arguments = list(context.args)
    trusted = None if "--trust" in arguments else _own_deployment(settings_for(home), arguments)
    raise typer.Exit(check_proof([*arguments, *(() if trusted is None else ("--trust", str(trusted)))]))


def _own_deployment(settings: Settings, arguments: Sequence[str]) -> Path | None:
    """What this home knows of the chain that the proof names; None where it knows nothing, or there is no such file to look into."""
    for name in (one for one in arguments if Path(one).is_file()):
        try:
            path = deployment_path(settings, read_proof(Path(name).read_bytes()).chain_id)
        except (Refused, OSError):
            continue
        return path if path.exists() else None
    return None


@app.command()
def erase(
    item: Annotated[str, typer.Argument(help="the id of the item or lot")],
    organization: Annotated[str, typer.Option(help="DID: whose payloads are to be forgotten")],
    home: HomeOption = None,
    as_json: AsJson = False,
) -> None:
    """Forget what an organization said of an item beside the chain. The commitments stay; docs/proof.md §4 says what else to destroy."""
    with opened(home) as service:
        erased = forget(service.engine, organization=organization_id(organization), item=item_of(item), now=datetime.now(UTC))
    if as_json:
        say({"erased": erased})
    else:
        console.print(f"erased {erased} payloads; their commitments stay", highlight=False)


def item_of(text: str) -> bytes:
    try:
        return bytes32(text)
    except Unreadable as error:
        raise InvalidBody(error.message) from error


# --- audit -----------------------------------------------------------------------------------------------------------


@app.command()
def audit(
    home: HomeOption = None,
    rebuild: Annotated[bool, typer.Option(help="make every passport again and compare; the longest part")] = True,
    settled: Annotated[bool, typer.Option("--settled", help="nothing should be on its way any more: what is, is a finding")] = False,
    as_json: AsJson = False,
) -> None:
    """Is every accepted event recorded exactly once or refused, and nothing besides? Changes nothing; ends with 5 on a finding."""
    with opened(home) as service:
        report = audited(service, rebuild=rebuild, settled=settled)
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


# --- statistics ------------------------------------------------------------------------------------------------------

Chosen = Annotated[str | None, typer.Option()]


@app.command()
def statistics(
    from_chain: Annotated[bool, typer.Option("--from-chain", help="count from a node's logs alone, without the database")] = False,
    rpc: Annotated[str | None, typer.Option(help="the node; left out: LEDGER_RPC_URL, or this home's chain")] = None,
    deployment: Annotated[Path | None, typer.Option(help="the deployment file; left out: this home's of the node's chain")] = None,
    to_block: Annotated[int | None, typer.Option(min=0, help="with --from-chain: as of this block; left out: the head")] = None,
    group_by: Annotated[str, typer.Option(help=", ".join(GROUPINGS))] = "week",
    from_week: Annotated[str | None, typer.Option(help="ISO week such as 2026-W48, included")] = None,
    to_week: Annotated[str | None, typer.Option(help="included")] = None,
    brand: Annotated[str | None, typer.Option(help="DID, or id on the ledger")] = None,
    category: Chosen = None,
    method: Chosen = None,
    authenticator: Annotated[str | None, typer.Option(help="DID, or id on the ledger")] = None,
    home: HomeOption = None,
    as_json: AsJson = False,
) -> None:
    """How many verdicts there are and what they said: as GET /v1/statistics/verdicts, from the database or from the chain alone."""
    wished = {"from_week": from_week, "to_week": to_week, "brand": brand, "category": category, "method": method}
    with told():
        question = question_of(group_by=group_by, **wished, authenticator=authenticator)
        if from_chain:
            found = _recounted(settings_for(home), rpc, deployment, to_block).tell(question)
        else:
            with opened(home) as service:
                counted = VerdictCounter(service.network).count(service.engine)
            found = tell(counted.table(question), question, counted.blocks, counted.names)
    if as_json:
        say(found)
    else:
        show_statistics(found)


def _recounted(settings: Settings, rpc: str | None, file: Path | None, to_block: int | None) -> Recount:
    """Raises NotDeployed, WrongChain, ContractMissing, NodeUnreachable, NoSuchBlockYet, NodeInconsistent."""
    known = settings if rpc is None else settings.model_copy(update={"rpc_url": rpc})
    with running.chain(known) as url, closing(Node(url, read_seconds=settings.node_read_seconds)) as node:
        chain_id = int(node.call("eth_chainId"), 16)
        path = file or deployment_path(settings, chain_id)
        if not path.exists():
            raise NotDeployed(chain_id=chain_id, path=str(path))
        deployed = read_deployment(path)
        verify_deployment(node, deployed)
        return recount(node, deployed, to_block=to_block)


def show_statistics(found: dict[str, Any]) -> None:
    blocks, grouping = found["blocks"], found["query"]["group_by"]
    title = f"blocks {blocks['from_block']} to {blocks['to_block']}\n{blocks['block_hash']}"
    table = Table(grouping, "verdicts", "fake rate", "among them, and beside", title=title)
    for group in (*found["groups"], {"key": "total", "did": None, "counts": found["total"]}):
        counts = group["counts"]
        if counts is None:
            table.add_row(group["did"] or group["key"], "", "", f"hidden: fewer than {found['smallest']}, or next to it")
            continue
        beside = ", ".join(f"{counts[name]:,} {name.replace('_', ' ')}" for name in _BESIDE if counts[name])
        table.add_row(group["did"] or group["key"], f"{counts['verdicts']:,}", _rate_in_words(counts["fake_rate"]), beside)
    console.print(table)


_BESIDE = ("inconclusive", "withdrawn", "appealed", "overturned", "corrected", "void")


def _rate_in_words(rate: dict[str, Any] | None) -> str:
    if rate is None:
        return "–"
    value, low, high = (f"{100 * rate[name]:.1f}" for name in ("value", "low", "high"))
    return f"{value} % ({low} to {high}) of {rate['of']:,}"


# --- submissions -----------------------------------------------------------------------------------------------------

Which = Annotated[str, typer.Argument(metavar="ID", help="of an event (0x…) or a submission")]


@submissions.command("list")
def submissions_list(
    parked: Annotated[bool, typer.Option("--parked/--waiting", help="dead letters, or every submission that waits")] = False,
    most: Annotated[int, typer.Option(help="how many at most, oldest first")] = 100,
    home: HomeOption = None,
    as_json: AsJson = False,
) -> None:
    """What is accepted and not recorded yet, oldest first."""
    with opened(home) as service:
        found = operating.dead_letters(service)[:most] if parked else operating.waiting_submissions(service, most)
    if as_json:
        say(found)
        return
    columns = ("event", "kind", "organization", "since", "failures", "behind", "code") if parked else _WAITING_COLUMNS
    table = Table(*columns)
    for one in found:
        table.add_row(*(str(one[name] if one[name] is not None else "") for name in columns))
    console.print(table)


_WAITING_COLUMNS = ("submission", "organization", "since", "waiting", "parked", "error")


@submissions.command("show")
def submissions_show(which: Which, home: HomeOption = None, as_json: AsJson = False) -> None:
    """A submission and its events, or the one that brought an event."""
    with opened(home) as service:
        found = operating.submission_of(service, which)
    if as_json:
        say(found)
        return
    console.print(f"{found['submission']} of {found['organization']}, request {found['request']}, since {found['since']}", highlight=False)
    console.print("  ".join(f"{name} {count:,}" for name, count in found["counts"].items()), highlight=False)
    columns = ("event", "kind", "status", "reason", "parked", "message")
    table = Table(*columns)
    for one in found["events"]:
        table.add_row(*(str(one[name] if one[name] is not None else "") for name in columns))
    console.print(table)


@submissions.command("requeue")
def submissions_requeue(
    which: Annotated[str | None, typer.Argument(metavar="ID", help="of a parked event or of its submission")] = None,
    every: Annotated[bool, typer.Option("--all", help="every dead letter")] = False,
    home: HomeOption = None,
    as_json: AsJson = False,
) -> None:
    """Send dead letters, and what waits behind them, back to the worker."""
    if (which is None) == (not every):
        raise typer.BadParameter("name one ID, or --all")
    with opened(home) as service:
        done = operating.requeue(service, which)
    if as_json:
        say(done)
    else:
        console.print(f"{done['letters']} dead letters requeued, {done['events']} events travel again", highlight=False)


@submissions.command("refuse")
def submissions_refuse(
    which: Which,
    reason: Annotated[str, typer.Option(help="a refusal reason's code, such as superseded")],
    home: HomeOption = None,
    as_json: AsJson = False,
) -> None:
    """End a dead letter as refused; later events of its item are judged anew."""
    with opened(home) as service:
        done = operating.refuse(service, which, reason=reason)
    if as_json:
        say(done)
    else:
        console.print(f"{done['events']} events refused: {reason}", highlight=False)


# --- backup and restore ----------------------------------------------------------------------------------------------


@app.command()
def backup(file: Annotated[Path, typer.Argument(help="the file to write")], home: HomeOption = None, as_json: AsJson = False) -> None:
    """Write database, keys and deployments into one file (0600) while everything runs on. Keep it where keys are kept."""
    settings = settings_for(home)
    with told():
        manifest = back_up(settings, file)
    if as_json:
        say(manifest.as_json())
    else:
        console.print(f"{file}: {len(manifest.members)} files, schema {manifest.schema}", highlight=False)
    if manifest.database == "not included":
        console.print("The database is not in it: back it up with PostgreSQL's own tools (no pg_dump is on the path).", highlight=False)
    if settings.passphrase_file is not None or settings.passphrase is not None:
        console.print("The passphrase of the keystores is not in it: keep it somewhere else, and keep it.", highlight=False)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="as `ledger backup` wrote it")],
    home: Annotated[Path, typer.Option("--home", help="a folder that is empty or not there yet")],
    as_json: AsJson = False,
) -> None:
    """Make a home from a backup. Nothing is started; docs/operations.md says what comes next."""
    with told():
        manifest = restore_home(file, home)
    if as_json:
        say(manifest.as_json())
        return
    followed = f"followed to block {manifest.chain['next_block'] - 1}" if manifest.chain else "of no chain yet"
    console.print(f"{home}: as of {manifest.made_at}, {followed}", highlight=False)
    if manifest.database == "pg_dump":
        console.print(f"Load the database before anything starts: pg_restore --dbname=… {home}/ledger.pgdump", highlight=False)


@lane.command("adopt")
def adopt(
    home: HomeOption = None,
    number: Annotated[int, typer.Option("--lane", help="which relayer key")] = 0,
    is_owner: Annotated[bool, typer.Option("--owner", help="the registry owner's nonces instead of a relayer's")] = False,
    is_restored: Annotated[bool, typer.Option("--restored", help="they are our own, used after the backup that was restored")] = False,
    as_json: AsJson = False,
) -> None:
    """After a lane-mismatch: go on after the nonces that this database did not save. Stop the lane's worker first."""
    service = connected(settings_for(home))
    now = datetime.now(UTC)
    with told():
        if is_owner:
            adopted = ChainRegistrar(service.surroundings()).adopt(now, is_restored=is_restored)
        else:
            worker = Worker(service.surroundings(), owner=service.owner, lane=number)
            adopted = worker.lane.adopt(now, is_restored=is_restored)
            worker.stop()
    service.close()
    if as_json:
        say({"adopted": adopted})
    else:
        console.print(f"adopted {len(adopted)} nonces: {', '.join(map(str, adopted)) or 'there was nothing to adopt'}", highlight=False)
