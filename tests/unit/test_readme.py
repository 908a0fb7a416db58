"""The front door tells the truth: its figures are the measured ones, its links lead somewhere."""

import re
from pathlib import Path

from benchmarks.table import shown

ROOT = Path(__file__).resolve().parents[2]


def test_the_figures_are_the_measured_ones() -> None:
    readme = (ROOT / "README.md").read_text()

    assert shown(readme) == readme, "run `python -m benchmarks.table`"


def test_every_link_of_the_docs_leads_to_a_file() -> None:
    broken = [
        f"{page.relative_to(ROOT)} → {target}"
        for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
        if not (page.parent / target).exists()
    ]

    assert broken == []


def test_every_path_of_the_table_where_to_change_what_exists() -> None:
    section = (ROOT / "README.md").read_text().split("## Where do I change")[1].split("\n## ")[0]
    named = re.findall(r"`((?:contracts|ledger_api|ledger_verify|tests|scripts)/[\w./-]+)`", section)

    assert len(named) > 8
    assert [path for path in named if not (ROOT / path).exists()] == []
