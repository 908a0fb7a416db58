"""The figures as the README shows them: `python -m benchmarks.table` writes them between its two markers."""

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
README = HERE.parent / "README.md"
BEGIN, END = "<!-- figures: make bench -->\n", "<!-- end of figures -->\n"
GAS = ("gas_birth_100", "gas_later_100", "gas_consent_100", "gas_later_1")
MEANING = {
    "pipeline_vs_textbook": "events from HTTP to the indexer, against one web3.py transaction per event",
    "pipeline_vs_skilled": "the same, against AsyncWeb3 with 50 transactions in flight",
    "accept_events_per_s": "events accepted durably by `POST /v1/events`, lists of 1,000",
    "accept_postgres_events_per_s": "the same on PostgreSQL",
    "accept_ndjson_100k_seconds": "100,000 events accepted as lines of one request",
    "lookup_vs_constant": "passports by serial on one core, against a route that returns a constant",
    "lookup_growth": "the same among 200,000 items, against among 1,000",
    "index_logs_per_s": "logs indexed from an existing chain of 100,000 events, passports included",
    "restart_100k_seconds": "a worker started with 100,000 events waiting, until its first transaction is sent",
    "scrape_100k_ms": "one scrape of `/metrics` with 100,000 events waiting",
    "proof_verify_per_s": "proofs of five events verified in Python, against their signatures alone",
    "bulk_verify_per_s": "items verified through `POST /v1/verifications/bulk`, each answer signed",
    "bulk_verify_p99_ms": "a whole list of 1,000 of them, from the question to the last line, p99 of 200 lists",
    "desk_p95_ms": "the desk's queue, case and decide routes, eight appraisers at once among 100,000 cases",
    "desk_checks_s": "a case sent off until machines have looked at its eight photos, one worker",
    "quality_precision_recall": "defects of photos told right, the worst of precision and recall of each defect",
    "photo_reuse_recall": "earlier photos found again, by what was done to them (the worst)",
    "photo_reuse_query_ms": "the index asked for a photo and its mirror image, among a million hashes",
    "clone_precision": "of simulated campaigns' suspected serials, those that were cloned",
    "clone_recall": "of the cloned, those that were suspected",
    "gas_birth_100": "gas per birth, in a batch of 100",
    "gas_later_100": "gas per later event, in a batch of 100",
    "gas_consent_100": "gas per event with a consent, in a batch of 100",
    "gas_later_1": "gas of a later event alone",
}


def figures() -> list[dict[str, Any]]:
    stored = json.loads((HERE / "results.json").read_text()) + json.loads((HERE / "gas.json").read_text())
    by_name = {one["name"]: one for one in stored}
    return [by_name[name] for name in MEANING if name in by_name]


def table() -> str:
    lines = ["| figure | what it says | value | ratio | date |", "|---|---|---|---|---|"]
    for one in figures():
        ratio = f"{one['ratio']}×" if one.get("ratio") is not None and one["name"] not in GAS else ""
        lines.append(f"| `{one['name']}` | {MEANING[one['name']]} | {one['value']:,} {one['unit']} | {ratio} | {one['date']} |")
    machine = next(one["machine"] for one in figures())
    return "\n".join(lines) + f"\n\nMeasured on {machine}. Every kind's gas: [benchmarks/GAS.md](benchmarks/GAS.md).\n"


def shown(readme: str) -> str:
    """The README with the figures of now."""
    head, rest = readme.split(BEGIN)
    return head + BEGIN + table() + END + rest.split(END)[1]


if __name__ == "__main__":
    README.write_text(shown(README.read_text()))
