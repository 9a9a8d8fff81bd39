"""What a benchmark has to say: figures against their targets, as a table and as JSON."""

from __future__ import annotations

import json
import math
import os
import platform
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

WHOLE_FROM = 1000
"""From here on decimals say nothing."""
RESULTS = Path(__file__).resolve().parent / "results"


MET = {True: "yes", False: "MISSED", None: ""}


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number. `at_most` or `at_least` is its target; with neither it is only told."""

    name: str
    measured: float
    unit: str
    at_most: float | None = None
    at_least: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the target is met; null where there is none."""
        if self.at_most is None and self.at_least is None:
            return None
        return (self.at_most is None or self.measured <= self.at_most) and (
            self.at_least is None or self.measured >= self.at_least
        )

    @property
    def target(self) -> str:
        """The target as people write it."""
        if self.at_most is not None:
            return f"≤ {self.at_most:g}"
        return "" if self.at_least is None else f"≥ {self.at_least:g}"

    @property
    def shown(self) -> str:
        """The number as people write it."""
        return f"{self.measured:,.0f}" if abs(self.measured) >= WHOLE_FROM else f"{self.measured:.3g}"


@dataclass(slots=True)
class Result:
    """What one program measured; `details` is for whoever wants to look closer. Load is that before and after."""

    benchmark: str
    figures: list[Figure] = field(default_factory=list)
    details: dict[str, object] = field(default_factory=dict)
    load_before: float = field(default_factory=lambda: os.getloadavg()[0])

    def write(self) -> Path:
        """Save as JSON in `benchmarks/results`; the path."""
        document = {
            "benchmark": self.benchmark,
            "machine": machine(),
            "load": [round(self.load_before, 2), round(os.getloadavg()[0], 2)],
            "figures": [{**asdict(figure), "met": figure.met} for figure in self.figures],
            "details": self.details,
        }
        RESULTS.mkdir(exist_ok=True)
        path = RESULTS / f"{self.benchmark}.json"
        path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        return path


def report(result: Result) -> int:
    """Save, print the table and the JSON's path; the exit code, which does not depend on the numbers."""
    path = result.write()
    print_table(result.benchmark, result.figures)
    print(f"load {result.load_before:.2f} before, {os.getloadavg()[0]:.2f} after · {path}")
    return 0


def print_table(title: str, figures: list[Figure]) -> None:
    """Print figures as a table: what, target, measured, met."""
    table = Table(title=title, title_justify="left")
    for column in ("figure", "target", "measured", "unit", "met"):
        table.add_column(column, justify="right" if column in ("target", "measured") else "left")
    for figure in figures:
        table.add_row(figure.name, figure.target, figure.shown, figure.unit, MET[figure.met])
    Console(file=sys.stdout, width=None if sys.stdout.isatty() else 110).print(table)


def machine() -> dict[str, object]:
    """What the numbers were measured on."""
    return {"cpus": os.cpu_count(), "python": platform.python_version(), "system": platform.system()}


def quantile(values: list[float], share: float) -> float:
    """The value that `share` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)]
