"""One figure: value, unit, what it is compared with, when and where. Ratios and medians, because machines are noisy."""

import json
import os
import platform
import re
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).with_name("results.json")


@dataclass(frozen=True)
class Figure:
    """`ratio` is value over baseline, both measured in one run; `bar` is what the project promises: of the ratio if it ends with ×."""

    name: str
    value: float
    unit: str
    baseline: float | None = None
    baseline_is: str = ""
    ratio: float | None = None
    bar: str = ""
    note: str = ""

    @property
    def is_missed(self) -> bool:
        """A figure without a bar promises nothing."""
        told = re.match(r"(≥|<) ([0-9.]+)(×?)", self.bar)
        if told is None:
            return False
        measured = self.ratio if told[3] else self.value
        return measured is None or (measured < float(told[2])) is (told[1] == "≥")


def machine() -> str:
    model = "unknown processor"
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        model = next((line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")), model)
    return f"{os.cpu_count()} cores, {model}, {platform.system()}, Python {platform.python_version()}"


def load() -> float:
    """How busy the machine is, as its last minute was: beside a figure that takes time, so that nobody compares what cannot be compared."""
    return round(os.getloadavg()[0], 1)


def keep(figures: list[Figure]) -> None:
    """Replace the figures of these names; the others stay as they were measured last."""
    stored: list[dict[str, Any]] = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    mine = {figure.name for figure in figures}
    dated = [asdict(figure) | {"date": date.today().isoformat(), "machine": machine()} for figure in figures]
    whole = sorted([one for one in stored if one["name"] not in mine] + dated, key=lambda one: str(one["name"]))
    RESULTS.write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n")
