"""docs/operations.md says what the code says: statuses, alarms, metrics, codes, settings of an operator."""

import re
from pathlib import Path
from typing import get_args

import pytest

from ledger_api import errors
from ledger_api.alarms import MEANINGS, AlarmCode
from ledger_api.domain import statuses
from ledger_api.errors import BusyError, ChainError, IntegrityError, LedgerError
from ledger_api.routes import schemas
from ledger_api.settings import Settings

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = (ROOT / "docs" / "operations.md").read_text()
SHOWN = PAGE.split("<!-- statuses -->\n")[1].split("<!-- end of statuses -->")[0]
LOGGED = re.compile(r"(?:logger|access)\.(?:debug|info|warning|error|critical|exception)\(\s*f?\"([^\"]+)\"")
LOOPS = [*(ROOT / "ledger_api" / "outbox").glob("*.py"), *(ROOT / "ledger_api" / "indexer").glob("*.py")]


def operators_codes() -> set[str]:
    """Of what stops or delays a process; callers' errors are described where they are answered."""
    kinds = (BusyError, ChainError, IntegrityError)
    leaves = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, kinds) and one not in kinds]
    return {one.code for one in leaves if issubclass(one, LedgerError)}


def test_the_page_shows_the_table_of_statuses_as_it_is() -> None:
    assert "\n".join(f"### {life.of.capitalize()}\n\n{statuses.told(life)}\n" for life in statuses.LIVES) == SHOWN


@pytest.mark.parametrize("life", statuses.LIVES, ids=lambda life: life.of)
def test_every_way_leads_between_statuses_and_every_status_is_reached(life: statuses.Life) -> None:
    reached = {way.end for way in life.ways}

    assert {way.start for way in life.ways} - {""} <= life.meanings.keys()
    assert reached == set(life.meanings)


def test_the_api_knows_the_same_statuses() -> None:
    assert get_args(get_args(schemas.EventStatus)[0]) == tuple(statuses.EVENT.meanings)
    assert get_args(get_args(schemas.SubmissionStatus)[0]) == tuple(statuses.SUBMISSION.meanings)


def test_every_alarm_is_explained() -> None:
    assert set(get_args(AlarmCode)) == set(MEANINGS)
    assert [code for code in MEANINGS if f"| `{code}` |" not in PAGE] == []


def test_every_code_that_stops_or_delays_a_process_is_explained() -> None:
    assert [code for code in sorted(operators_codes()) if f"`{code}`" not in PAGE] == []


def test_every_metric_is_explained() -> None:
    source = (ROOT / "ledger_api" / "routes" / "metrics.py").read_text()
    counters = set(re.findall(r'Counter(?:MetricFamily)?\(\s*"(ledger_\w+)"', source))
    gauges = set(re.findall(r'(?:GaugeMetricFamily|Histogram)\(\s*"(ledger_\w+)"', source))

    names = {f"{name}_total" for name in counters} | gauges
    assert len(names) > 20
    assert [name for name in sorted(names) if f"`{name}" not in PAGE] == []


def test_every_setting_the_page_names_exists() -> None:
    named = set(re.findall(r"LEDGER_([A-Z_]+)", PAGE))

    assert named - {name.upper() for name in Settings.model_fields} == set()
    assert {"OLDEST_WAITING_SECONDS", "BEHIND_BLOCKS", "MOST_TRIES"} <= named


def test_every_line_of_the_main_steps_is_explained() -> None:
    said = {phrase for path in LOOPS for phrase in LOGGED.findall(path.read_text())}

    steps = {"transaction sent", "transaction landed", "transaction reverted", "transaction outbid", "parked", "reorg", "event refused"}
    assert steps <= said
    assert [phrase for phrase in sorted(steps) if f"`{phrase}`" not in PAGE] == []
