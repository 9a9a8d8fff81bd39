"""How long the engine takes over one event, as a run and its state grow."""

from __future__ import annotations

import cProfile
import gc
import pstats
import sys
import time
from statistics import median
from typing import TYPE_CHECKING

from activities.tools.registry import load_tools
from benchmarks.figures import Figure, Result, quantile, report
from tests.support.cards import policy_document, run_card
from workflows.engine.commands import StartCall
from workflows.engine.engine import Engine
from workflows.engine.events import CallSucceeded, RunStarted
from workflows.engine.machine import RunFacts
from workflows.language.compile import compile_graph
from workflows.shell.display import Display

if TYPE_CHECKING:
    from collections.abc import Callable

    from workflows.contracts.run import RunCard
    from workflows.engine.commands import Command

NODES = 50
STEPS = 10_000
WARM_UP = 2_000
WINDOW = 1_000
MEGABYTE = 1024 * 1024
START_MS = 1_700_000_000_000
OUTPUT = {"path": "src/a.py", "text": "x = 1\n" * 20, "size_bytes": 120}


def document(steps: int) -> dict[str, object]:
    """A ring of 49 tool nodes and a plan: each step reads and writes state, each lap adds to a list."""
    nodes: dict[str, object] = {}
    tasks = NODES - 1
    for place in range(tasks):
        writes: dict[str, object] = {"last": "${result.path}"}
        if place % 10 == 0:
            writes["seen"] = "${result.size_bytes}"
        nodes[f"step{place}"] = {
            "kind": "tool",
            "tool": "fs.read",
            "with": {"path": "${state.last}" if place % 2 else f"src/{place}.py"},
            "writes": writes,
            "next": f"step{place + 1}" if place + 1 < tasks else "again",
            "max_visits": 1_000,
        }
    laps = steps // NODES + 1
    again = [{"when": f"visit < {laps}", "to": "step0"}, {"to": "end"}]
    nodes["again"] = {"kind": "plan", "rules": again, "max_visits": 1_000}
    return {
        "graph": "ring",
        "version": "1.0.0",
        "state": {"last": {"initial": "src/a.py"}, "seen": {"reducer": "append"}, "large": {}},
        "capabilities": [{"tool": ["fs.read"]}, {"fs.read": ["**"]}],
        "start": "step0",
        "nodes": nodes,
    }


def new_engine(steps: int, state_bytes: int) -> Engine:
    """An engine before its first event, whose state holds so many bytes in maps of a kilobyte."""
    graph = document(steps)
    if state_bytes:
        items = {f"k{place}": {"text": "x" * 1000, "n": place} for place in range(state_bytes // 1024)}
        graph["state"] = {**_map(graph["state"]), "large": {"initial": items}}
    facts = RunFacts("default", "default/ring/1", "run-1", "run-1", {})
    return Engine(compile_graph(graph), real_card(), facts)


def real_card() -> RunCard:
    """A run card as `run.admit` makes it: with the tool's own declaration and schema, not a test's simpler one."""
    card = run_card(policy_document(loop_guard=None))
    return card.model_copy(update={"tools": {"fs.read": load_tools(entry_points=False).cards()["fs.read"]}})


def drive(engine: Engine, steps: int) -> list[float]:
    """Run up to so many steps; the time of each `apply` in microseconds. Nothing else is in the time."""
    now_ms = START_MS
    commands: list[Command] = engine.apply(RunStarted(now_ms))
    times: list[float] = []
    while len(times) < steps:
        (command,) = commands
        if not isinstance(command, StartCall):
            break
        now_ms += 7
        event = CallSucceeded(now_ms, command.call, OUTPUT)
        begun = time.perf_counter_ns()
        commands = engine.apply(event)
        times.append((time.perf_counter_ns() - begun) / 1000)
    return times


def page_us() -> float:
    """The page that the Temporal UI shows, which the workflow makes anew after every event."""
    engine = new_engine(STEPS, 0)
    display = Display(engine)
    now_ms = START_MS
    commands = engine.apply(RunStarted(now_ms))
    times: list[float] = []
    for _ in range(WINDOW):
        (command,) = commands
        assert isinstance(command, StartCall)
        now_ms += 7
        commands = engine.apply(CallSucceeded(now_ms, command.call, OUTPUT))
        begun = time.perf_counter_ns()
        display.page()
        times.append((time.perf_counter_ns() - begun) / 1000)
    return median(times)


def measure() -> Result:
    """All figures, from runs that alternate so that a busy moment of the machine hits them alike."""
    result = Result("engine_apply")
    drive(new_engine(WARM_UP, 0), WARM_UP)
    plain: list[float] = []
    large: list[float] = []
    growth: list[float] = []
    for _ in range(3):
        gc.collect()
        times = drive(new_engine(STEPS, 0), STEPS)
        plain += times
        growth.append(median(times[-WINDOW:]) / median(times[:WINDOW]))
        gc.collect()
        large += drive(new_engine(STEPS, MEGABYTE), STEPS)
    result.figures = [
        Figure("engine.apply, median, 50 nodes", median(plain), "µs", at_most=50),
        Figure("last thousand of 10,000 steps over the first", median(growth), "x", at_most=1.1),
        Figure("with 1 MB of state over without", median(large) / median(plain), "x", at_most=1.1),
        Figure("engine.apply, p99", quantile(plain, 0.99), "µs"),
        Figure("the page that the UI shows, made anew", page_us(), "µs"),
        Figure("events a second", 1e6 * len(plain) / sum(plain), "/s"),
    ]
    result.details = {"median_with_1_mb_us": median(large), "growth": growth, "p999_us": quantile(plain, 0.999)}
    return result


def profile(run: Callable[[], object]) -> None:
    """Print where the time goes, by function."""
    profiler = cProfile.Profile()
    profiler.runcall(run)
    for order in ("tottime", "cumulative"):
        pstats.Stats(profiler).sort_stats(order).print_stats(35)


def _map(value: object) -> dict[str, object]:
    assert isinstance(value, dict)
    return value


def main() -> int:
    """Measure, or with `--profile` say where the time goes."""
    if "--profile" in sys.argv:
        engine = new_engine(STEPS, 0)
        profile(lambda: drive(engine, STEPS))
        return 0
    return report(measure())


if __name__ == "__main__":
    sys.exit(main())
