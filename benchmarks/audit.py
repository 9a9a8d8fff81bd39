"""What the audit chain costs: a record of each kind that every call brings, and an event that it takes in."""

from __future__ import annotations

import gc
import sys
import time
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.engine_apply import OUTPUT, START_MS, new_engine
from benchmarks.figures import Figure, Result, quantile, report
from policies.budget import Amount
from workflows.contracts.calls import Usage
from workflows.engine import auditing
from workflows.engine.events import CallSucceeded, HoldRequested, RunStarted

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 20_000
DECISION: dict[str, object] = {
    "verdict": "allow",
    "rules": ["risk.high", "budget.lifetime.tokens"],
    "policy": "0" * 16,
    "digest": "1" * 16,
}
USED = Amount(tokens=1_200, cost_nano=90_000)
EVENT = CallSucceeded(START_MS, "step0#1:1", OUTPUT, Usage(tokens=1_200, cost_nano=90_000), ("external",))
HOLD = HoldRequested(START_MS, "ann")


def times_us(act: Callable[[], object]) -> list[float]:
    """How long each of many takes."""
    gc.collect()
    found = []
    for _ in range(ROUNDS):
        begun = time.perf_counter_ns()
        act()
        found.append((time.perf_counter_ns() - begun) / 1000)
    return found


def measure() -> Result:
    """All figures, on one run's chain that grows all the while."""
    engine = new_engine(10, 0)
    engine.apply(RunStarted(START_MS))
    m = engine._m  # noqa: SLF001 - what is measured is inside
    acts: dict[str, Callable[[], object]] = {
        "a call is decided": lambda: auditing.issued(m, "step0#1:1", "fs.read", DECISION, None),
        "a call is settled": lambda: auditing.settled(m, "step0#1:1", "ok", USED, "0" * 64),
        "any other record": lambda: auditing.note(m, "rung", scope="lifetime.tokens", rung="warn"),
        "a result is taken in": lambda: auditing.take(m, EVENT),
        "any other event is": lambda: auditing.take(m, HOLD),
    }
    found = {name: times_us(act) for name, act in acts.items()}
    result = Result("audit")
    result.figures = [Figure(f"audit: {name}", median(times), "µs", at_most=10) for name, times in found.items()]
    result.details = {"p99_us": {name: quantile(times, 0.99) for name, times in found.items()}}
    return result


if __name__ == "__main__":
    sys.exit(report(measure()))
