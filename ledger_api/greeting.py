"""What `ledger up` prints once it runs: where everything is, and three calls to try."""

import json
import time
from pathlib import Path

from rich.console import Console

from ledger_api import operating
from ledger_api.desk.staff import take_on
from ledger_api.durable import write_durably
from ledger_api.home import Home
from ledger_api.importer.files import read_lines
from ledger_api.importer.running import ImportReport
from ledger_api.running import Running
from ledger_verify.hashing import organization_id

# who calls, and what the key may do
_CALLERS = (("brand", "events:write events:read"), ("platform", "verify organization"), ("authenticator", "organization"))
# who sits at the authenticator's desk: two, so that an appeal is judged by somebody else
_APPRAISERS = (("appraiser", False), ("senior appraiser", True))


def greet(here: Running, console: Console, *, report: ImportReport | None, sample: Path | None) -> None:
    """URLs, keys and (with the sample) items and calls to try."""
    home = here.settings.home
    console.print(f"\n[bold]The ledger runs.[/bold] Pages and API {here.url} · OpenAPI {here.url}/docs · chain {here.rpc_url}")
    console.print(f"Everything is in {home.resolve()}; keys in {home.resolve() / 'keys'}, demo buyers in claim-keys.json", highlight=False)
    if sample is None:
        console.print("Ctrl-C ends everything.")
        return
    keys = demo_keys(here, sample)
    if report is not None:
        recorded, again = (sum(getattr(one, name) for one in report.files.values()) for name in ("recorded", "duplicates"))
        refused = f"{len(report.refused)} rows refused (that is what they are there for)"
        console.print(f"Sample: {recorded} events recorded, {again} rows said what was there already, {refused}.")
    for name, (gtin, serial) in picks(sample).items():
        console.print(f"  {name:<13} {here.url}/01/{gtin}/21/{_escape(serial)}", highlight=False, soft_wrap=True)
    console.print("\nThree callers, an owner and an authentication desk to try:", highlight=False)
    for line in calls(here, sample, keys):
        console.print(line, highlight=False, soft_wrap=True, markup=False)
    console.print("\nCtrl-C ends everything; start again and it is as it was.")


def is_sample_there(home: Path) -> bool:
    """The demo's keys are made once its rows have settled: with them, a second start has nothing to import."""
    return Home(home).api_keys.exists()


def demo_keys(here: Running, sample: Path) -> dict[str, str]:
    """API keys of the sample's brand, platform and authenticator, and of those who sit at its desk; made once, kept in the home folder."""
    path = Home(here.settings.home).api_keys
    kept: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    desk = _desk(sample)
    dids = {"brand": _first(sample, "production", "brand"), "platform": _first(sample, "resales", "platform"), "authenticator": desk}
    made = {
        name: operating.create_api_key(here.service, organization=dids[name], scopes=scopes.split(), name=f"demo {name}")["key"]
        for name, scopes in _CALLERS
        if name not in kept
    }
    for name, is_senior in _APPRAISERS:
        if name not in kept:
            taken = take_on(
                here.service.engine, organization_id(desk), f"demo {name}", is_senior=is_senior, categories=None, now=int(time.time())
            )
            made[name] = taken.key.token
    if made:
        write_durably(path, json.dumps(kept | made, indent=1))
    return kept | made


def _desk(sample: Path) -> str:
    """The authenticator whose photo verdicts every brand's items take."""
    rows = json.loads((sample / "organizations.json").read_text(encoding="utf-8"))["accreditations"]
    return str(next(row["organization"] for row in rows if row["role"] == "authenticator" and row["brand"] is None))


def picks(sample: Path) -> dict[str, tuple[str, str]]:
    """One good item, one stolen, one judged fake."""
    holds = {_item(line.row): line.row["hold"] for line in read_lines(sample / "holds.csv")}
    verdicts = {_item(line.row): line.row["outcome"] for line in read_lines(sample / "verdicts.csv")}
    good = next(item for item, outcome in verdicts.items() if outcome == "authentic" and item not in holds)
    stolen = next(item for item, hold in holds.items() if hold == "stolen")
    fake = next(item for item, outcome in verdicts.items() if outcome == "not-authentic")
    return {"a good item": good, "a stolen one": stolen, "judged fake": fake}


def calls(here: Running, sample: Path, keys: dict[str, str]) -> list[str]:
    """A working curl for each of the three callers, and how to become an owner."""
    good = picks(sample)["a good item"]
    brand_gtin = _first(sample, "production", "gtin")
    event = {
        "kind": "manufacture", "occurred_at": "2026-01-15T09:30:00+01:00", "gtin": brand_gtin, "serial": "TRY-0001",
        "payload": {"model": "Demonstration", "colour": "noir"},
    }  # fmt: skip
    question = {"gtin": good[0], "serial": good[1]}
    return [
        f"  brand:     curl -s {here.url}/v1/events -H 'Authorization: Bearer {keys['brand']}'"
        f" -H 'Content-Type: application/json' -d '{json.dumps(event)}'",
        f"  consumer:  curl -s '{here.url}/v1/items?gtin={good[0]}&serial={_escape(good[1])}'",
        f"  platform:  curl -s {here.url}/v1/verifications -H 'Authorization: Bearer {keys['platform']}'"
        f" -H 'Content-Type: application/json' -d '{json.dumps(question)}'",
        f"  owner:     {here.url}/shop sells {brand_gtin} {event['serial']} (made by the brand's call) with the brand's key {keys['brand']}"
        " and shows the claim card; the card opens the owner's page",
        f"  desk:      {by_name(here.url)}/evaluate has a piece looked at from photos (an account without e-mail; the first is free);"
        f" appraisers sign in at {by_name(here.url)}/desk with the keys {keys['appraiser']} and {keys['senior appraiser']};"
        f" what is to be paid the authenticator marks as paid with {keys['authenticator']}",
    ]


def by_name(url: str) -> str:
    """Passkeys belong to a name: at an address of numbers a browser makes none."""
    return url.replace("//127.0.0.1:", "//localhost:")


def _item(row: dict[str, str]) -> tuple[str, str]:
    return row["gtin"], row["serial"]


def _first(sample: Path, file: str, column: str) -> str:
    return next(iter(read_lines(sample / f"{file}.csv"))).row[column]


def _escape(serial: str) -> str:
    return serial.replace("%", "%25").replace("/", "%2F")
