"""The floor plan, checked: imports only point down, files stay readable, one word per idea.

The table is the one in docs/architecture.md; to change it, change both and write a decision page.
"""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LEVELS = (
    {"errors", "settings", "logs", "durable"},
    {"domain", "columns"},
    {"tables"},
    {"store", "chain", "keys", "migrations"},
    {
        "auth",
        "intake",
        "outbox",
        "indexer",
        "passport",
        "verification",
        "directory",
        "rebuild",
        "interop",
        "alarms",
        "proving",
        "statistics",
        "desk",
        "webhooks",
        "listings",
    },
    {"routes", "web"},
    {"app", "serving", "cli", "home", "importer", "service", "running", "operating", "greeting", "terminal", "audit", "backup", "upkeep"},
)
LEVEL_OF = {room: level for level, rooms in enumerate(LEVELS) for room in rooms}
# rooms of one level that must not know each other
STRANGERS = ({"store", "chain", "keys"}, {"auth", "outbox", "indexer"})
# pages and routes ask for a submission, they never make one
FORBIDDEN = {"routes": {"keys", "outbox", "indexer", "chain"}, "web": {"keys", "outbox", "indexer", "chain"}}
PURE_FORBIDDEN = {"os", "time", "random", "secrets", "socket", "web3", "sqlmodel", "sqlalchemy", "fastapi", "aiohttp", "ledger_api"}
LONGEST_FILE = 500
DISTRIBUTIONS = packages_distributions()  # by the name that is imported
BANNED_NAMES = {"utils.py", "helpers.py", "common.py", "misc.py"}


def python_files(folder: str) -> list[Path]:
    return sorted(path for path in (ROOT / folder).rglob("*.py") if "__pycache__" not in path.parts)


def imported_modules(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Import(names=names):
                yield from (name.name for name in names)
            case ast.ImportFrom(module=str(module), level=0, names=names):
                yield module
                yield from (f"{module}.{name.name}" for name in names)


def rooms_imported(path: Path) -> set[str]:
    found = set()
    for module in imported_modules(path):
        parts = module.split(".")
        if parts[0] == "ledger_api" and len(parts) > 1 and parts[1] in LEVEL_OF:
            found.add(parts[1])
    return found


def room_of(path: Path) -> str:
    first = path.relative_to(ROOT / "ledger_api").parts[0]
    return first.removesuffix(".py")


@pytest.mark.parametrize("path", python_files("ledger_api"), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_only_point_down(path: Path) -> None:
    room = room_of(path)
    if room in {"__init__", "__main__"}:
        return
    assert room in LEVEL_OF, f"{room} has no place in the floor plan"

    wrong = set()
    for other in rooms_imported(path) - {room}:
        strangers = any({room, other} <= group for group in STRANGERS)
        if LEVEL_OF[other] > LEVEL_OF[room] or strangers or other in FORBIDDEN.get(room, set()):
            wrong.add(other)

    assert not wrong, f"{room} may not import {sorted(wrong)}"


@pytest.mark.parametrize("path", python_files("ledger_verify"), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_pure_heart_meets_no_clock_no_network_and_no_service(path: Path) -> None:
    roots = {module.split(".")[0] for module in imported_modules(path)}

    if path.name not in {"__main__.py", "cli.py"}:
        assert not roots & PURE_FORBIDDEN


@pytest.mark.parametrize("path", python_files("ledger_verify"), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_verifier_needs_no_more_than_it_declares(path: Path) -> None:
    """It installs alone, its command included: what it imports is Python's, its own, or one of its few dependencies."""
    declared = tomllib.loads((ROOT / "ledger_verify" / "pyproject.toml").read_text())["project"]["dependencies"]
    names = {re.split(r"[<>=!~\[ ]", one)[0] for one in declared}

    others = {module.split(".")[0] for module in imported_modules(path)} - sys.stdlib_module_names - {"ledger_verify"}

    assert all(names & set(DISTRIBUTIONS.get(root, ())) for root in others), others


@pytest.mark.parametrize("path", python_files("ledger_client"), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_client_knows_the_service_by_http_alone_and_only_its_extras_lean_on_the_verifier(path: Path) -> None:
    roots = {module.split(".")[0] for module in imported_modules(path)}

    assert not roots & {"ledger_api", "sqlalchemy", "sqlmodel", "fastapi", "starlette", "web3"}
    assert path.name in ("agents.py", "cards.py") or not roots & {"ledger_verify", "mcp", "mcp_types", "segno"}


@pytest.mark.parametrize(
    "path",
    [path for package in ("ledger_api", "ledger_verify", "ledger_client") for path in python_files(package)],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_files_stay_readable(path: Path) -> None:
    assert path.name not in BANNED_NAMES
    assert len(path.read_text().splitlines()) <= LONGEST_FILE


def test_only_settings_reads_the_environment() -> None:
    readers = {
        str(path.relative_to(ROOT))
        for path in python_files("ledger_api")
        if path.name not in {"settings.py", "home.py"} and ("os.environ" in path.read_text() or "getenv(" in path.read_text())
    }

    assert readers == set()
