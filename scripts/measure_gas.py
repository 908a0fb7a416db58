"""Measure what every kind of event costs on a real Anvil, write benchmarks/gas.json and benchmarks/GAS.md.

`--check` writes nothing: it exits 1 when a figure left the committed one by more than a hundredth, or passes its bar.
"""

import json
import sys
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

import solcx

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # run by path, this file sees only its own folder

from eth_abi import encode  # noqa: E402  # after the path

from benchmarks.figures import machine  # noqa: E402  # after the path
from benchmarks.gas_stories import BATCH, KINDS, SINGLES, Story, gas_of  # noqa: E402  # after the path
from ledger_api.chain.rpc import Node  # noqa: E402  # after the path
from ledger_verify.hashing import keccak  # noqa: E402  # after the path
from tests import servers  # noqa: E402  # after the path

FIGURES = ROOT / "benchmarks" / "gas.json"
PAGE = ROOT / "benchmarks" / "GAS.md"
TOLERANCE = 0.01
SKETCH_BIRTH, SKETCH_LATER = 31_600, 15_300  # one word with a witness, no registry: DESIGN's sketch, batches of 100
BIRTHS = ("raw_material", "manufacture", "enrolment")
PLAIN = ("shipment", "sale", "verdict", "service")  # later events without signatures or asides
BARS = {"gas_birth_100": 34_000, "gas_later_100": 17_500, "gas_consent_100": 24_000, "gas_later_1": 57_000}
RECOVER = "the holder's signature: its calldata, its hash, `ecrecover`"
REGISTRY = "standing, signer and one answer about authority, read once a batch; fuller logs"
# Why a kind costs more than the sketch, in words
WHY = {
    "raw_material": f"the item's id is hashed again; {REGISTRY}",
    "manufacture": f"the item's id is hashed again; {REGISTRY}",
    "enrolment": f"{RECOVER}; an Opening with names and an empty aside in calldata; the `Enrolled` log",
    "shipment": f"the receiver's standing; {REGISTRY}",
    "sale": REGISTRY,
    "resale": RECOVER,
    "transfer": RECOVER,
    "verdict": f"order of precedence; {REGISTRY}",
    "dispute": "the aside begins: ten words are hashed",
    "ruling": "the aside is opened from calldata and ends",
    "service": f"two questions about authority; {REGISTRY}",
    "hold": "the aside begins: ten words are hashed",
    "hold_by_owner": f"{RECOVER}; the aside begins",
    "release": "the aside is opened from calldata and ends",
    "recovery": "the aside begins: ten words are hashed",
    "correction": "an Opening with the history from the corrected event to the tip, hashed again",
    "retire": REGISTRY,
}


@dataclass(frozen=True)
class Figure:
    name: str
    value: int
    unit: str
    baseline: int
    baseline_is: str
    ratio: float
    bar: int | None
    date: str
    machine: str


# --- yardsticks, from the same node


def compile_yardstick(contract: str) -> bytes:
    """With the settings of the contracts themselves."""
    settings = json.loads((ROOT / "scripts" / "solc-settings.json").read_text())["settings"]
    key = f"contracts/test/{contract}.sol"
    request = {
        "language": "Solidity",
        "sources": {key: {"content": (ROOT / key).read_text()}},
        "settings": settings
        | {"remappings": ["@openzeppelin/=node_modules/@openzeppelin/"], "outputSelection": {"*": {"*": ["evm.bytecode.object"]}}},
    }
    answer = solcx.compile_standard(request, solc_binary=ROOT / "scripts" / "solc.mjs", base_path=str(ROOT))
    return bytes.fromhex(answer["contracts"][key][contract]["evm"]["bytecode"]["object"])


def called(signature: str, types: list[str], values: list[Any]) -> bytes:
    return keccak(signature.encode())[:4] + encode(types, values)


def measure_yardsticks(story: Story) -> dict[str, int]:
    mint, naive = (story.deploy(compile_yardstick(name)) for name in ("MintBaseline", "NaiveBaseline"))

    def spent(to: bytes, body: bytes) -> int:
        return int(story.send(to, body)["gasUsed"], 16)

    def token() -> int:
        return int.from_bytes(story.fresh("token"), "big")

    def owner() -> bytes:
        return story.fresh("owner")[:20]

    singles = [spent(mint, called("mint(address,uint256)", ["address", "uint256"], [owner(), token()])) for _ in range(SINGLES)]
    tokens = [token() for _ in range(BATCH)]
    many = spent(mint, called("mintMany(address,uint256[])", ["address", "uint256[]"], [owner(), tokens]))

    def naive_event(serial: str, kind: str, description: str) -> int:
        return spent(naive, called("add(string,string,string)", ["string"] * 3, [serial, kind, description]))

    serials = [f"SN-{number:08d}" for number in range(SINGLES)]
    births = [naive_event(serial, "manufacture", "Tote bag, black calfskin, atelier Florence, lot CONC-2025-0117") for serial in serials]
    later = [naive_event(serial, "service", "Handle replaced, stitching renewed by the atelier of Florence") for serial in serials]
    return {
        "erc721_mint_1": int(median(singles)),
        "erc721_mint_100": many // BATCH,
        "naive_birth_1": int(median(births)),
        "naive_later_1": int(median(later)),
    }


# --- figures


def measure() -> tuple[dict[str, tuple[int, int]], dict[str, int]]:
    """Gas by kind, in a hundred and alone, and the yardsticks."""
    with servers.anvil() as url:
        story = Story(Node(url))
        kinds = {kind.name: gas_of(story, kind) for kind in KINDS}
        return {name: (round(together), round(alone)) for name, (together, alone) in kinds.items()}, measure_yardsticks(story)


def headline(kinds: dict[str, tuple[int, int]]) -> dict[str, int]:
    """The four figures that have bars: each the dearest of its sort."""
    return {
        "gas_birth_100": max(kinds[name][0] for name in ("raw_material", "manufacture")),
        "gas_later_100": max(kinds[name][0] for name in PLAIN),
        "gas_consent_100": max(kinds[name][0] for name in ("resale", "transfer")),
        "gas_later_1": max(kinds[name][1] for name in PLAIN),
    }


def figures_of(kinds: dict[str, tuple[int, int]], yardsticks: dict[str, int]) -> list[Figure]:
    values = headline(kinds)
    for name, (together, alone) in kinds.items():
        values |= {f"gas_{name}_100": together, f"gas_{name}_1": alone}
    return [_figure(name, value, yardsticks) for name, value in values.items()]


def _figure(name: str, value: int, yardsticks: dict[str, int]) -> Figure:
    is_birth = any(birth in name for birth in (*BIRTHS, "birth"))
    yardstick = ("erc721_mint_100" if name.endswith("_100") else "erc721_mint_1") if is_birth else "naive_later_1"
    baseline = yardsticks[yardstick]
    ratio = round(value / baseline, 3)
    return Figure(name, value, "gas per event", baseline, yardstick, ratio, BARS.get(name), date.today().isoformat(), machine())


# --- the page

ABOVE = "above the sketch"
HEAD = f"""# What an event costs

Gas per event, the transaction's own 21,000 and all calldata included, read from receipts of an Anvil in one run of
`scripts/measure_gas.py`; one organization, one signature, everything that a fresh transaction finds cold; witnesses in
the cheap form (zeros for what repeats, docs/protocol.md §6). *Alone* is the median of {SINGLES} batches of one.
*{ABOVE.capitalize()}* compares a batch of {BATCH} with the design's sketch of one word with a witness and no registry
({SKETCH_BIRTH:,} a birth, {SKETCH_LATER:,} a later event), and says what the difference buys.
`--check` compares with the committed figures (a hundredth) and with the bars; it is part of `make test`.
"""


def page(kinds: dict[str, tuple[int, int]], yardsticks: dict[str, int]) -> str:
    values = headline(kinds)
    sorts = {
        "gas_birth_100": f"birth, in a batch of {BATCH} (dearer of raw material and manufacture)",
        "gas_later_100": f"later event, in a batch of {BATCH} (dearest of {', '.join(PLAIN)})",
        "gas_consent_100": f"with a consent, in a batch of {BATCH} (dearer of resale and transfer)",
        "gas_later_1": "later event, alone (dearest of the same)",
    }
    lines = [HEAD, "| figure | gas | bar |", "|---|---|---|"]
    lines += [f"| {words} | {values[name]:,} | {BARS[name]:,} |" for name, words in sorts.items()]
    lines += ["", f"| kind | in {BATCH} | alone | {ABOVE} | which buys |", "|---|---|---|---|---|"]
    for name, (together, alone) in kinds.items():
        sketch = SKETCH_BIRTH if name in BIRTHS else SKETCH_LATER
        lines.append(f"| {name.replace('_', ' ')} | {together:,} | {alone:,} | {together - sketch:+,} | {WHY[name]} |")
    lines += ["", "| yardstick, same node, same run | gas |", "|---|---|"]
    lines += [f"| {YARDSTICKS[name]} | {value:,} |" for name, value in yardsticks.items()]
    return "\n".join([*lines, ""])


YARDSTICKS = {
    "erc721_mint_1": "OpenZeppelin ERC-721, one mint to a new owner in a transaction",
    "erc721_mint_100": f"OpenZeppelin ERC-721, each of {BATCH} mints to one owner in a transaction",
    "naive_birth_1": "the naive contract (struct array in storage, strings), first event of an item",
    "naive_later_1": "the naive contract, a later event",
}


# --- check


def complaints(figures: list[Figure]) -> list[str]:
    committed = {one["name"]: one["value"] for one in json.loads(FIGURES.read_text())} if FIGURES.exists() else {}
    found = [f"{figure.name}: {figure.value} passes its bar {figure.bar}" for figure in figures if figure.bar and figure.value > figure.bar]
    for figure in figures:
        before = committed.pop(figure.name, None)
        if before is None or abs(figure.value - before) > TOLERANCE * before:
            found.append(f"{figure.name}: {figure.value}, committed {before}")
    return found + [f"{name}: committed, and no longer measured" for name in committed]


def main() -> None:
    kinds, yardsticks = measure()
    figures = figures_of(kinds, yardsticks)
    if "--check" in sys.argv:
        found = complaints(figures)
        print("\n".join(found) or f"gas: {len(figures)} figures as committed, {len(BARS)} bars kept")
        sys.exit(bool(found))
    FIGURES.write_text(json.dumps([asdict(figure) for figure in figures], indent=1) + "\n")
    PAGE.write_text(page(kinds, yardsticks))
    print(PAGE.read_text())


if __name__ == "__main__":
    main()
