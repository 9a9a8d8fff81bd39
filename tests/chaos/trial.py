"""One run with one kill in it, and everything that must hold afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import random
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from temporalio.api.enums.v1 import EventType, TimeoutType

from cli.cluster import Cluster
from cli.start import Start, start
from tests.chaos.ground import FILES, MATERIAL, Ground
from tests.chaos.person import HUMAN, Person, lines, size
from workflows.contracts.names import TASK_QUEUE
from workflows.contracts.run import RunView
from workflows.language.yaml import load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from temporalio.api.history.v1 import HistoryEvent

Victim = Literal["worker", "server", "nobody"]
LIMIT_S = 90.0
PROGRESS = (
    EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
    EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED,
)
ENDED = (
    EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED,
    EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED,
    EventType.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT,
)


@dataclass
class Trial:
    """What happened. `recovery_s` is from the kill to the first thing that a worker did for the run afterwards.

    `task_lost`: the worker was killed with a workflow task in its hands, which the server gives up only after its
    timeout. `asked_back`: how often the person was asked what became of a lost call.
    """

    victim: Victim
    moment_s: float
    took_s: float = 0.0
    recovery_s: float | None = None
    in_flight: int = 0
    task_lost: bool = False
    asked_back: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def caught(self) -> str:
        """What the victim was doing, which is what decides how long recovery takes."""
        if self.task_lost:
            return "with a workflow task in hand"
        return "with calls in flight" if self.in_flight else "with nothing in flight"

    def require(self, holds: bool, fault: str) -> None:
        """Note a fault unless something holds."""
        if not holds:
            self.faults.append(fault)


@dataclass(frozen=True)
class Before:
    """How long the files were before the run."""

    journal: int
    served: int


async def attempt(at: Ground, victim: Victim, moment_s: float, chance: random.Random) -> Trial:
    """Start a run, kill somebody after so long, start them again, and look at everything once the run is over."""
    trial = Trial(victim, moment_s)
    before = Before(size(at.journal), size(at.served))
    begun = asyncio.get_running_loop().time()
    run = await start(Cluster(at.client, TASK_QUEUE, at.server.address), _start())
    person = Person(at, run.id, chance, before.journal)
    attending = asyncio.create_task(person.attend())
    killed = await _kill(at, victim, moment_s)
    try:
        view = await asyncio.wait_for(_result(at, run.id), LIMIT_S)
    except TimeoutError:
        trial.faults.append(f"the run `{run.id}` did not end within {LIMIT_S:g} s")
        return trial
    finally:
        attending.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await attending
    trial.took_s = asyncio.get_running_loop().time() - begun
    handle = at.client.get_workflow_handle(run.id)
    _measure(trial, [event async for event in handle.fetch_history_events()], killed)
    _check(trial, at, person, before, view)
    return trial


def _start() -> Start:
    graph = load((MATERIAL / "graph.yaml").read_bytes(), None).data
    assert isinstance(graph, dict)
    return Start(graph, {"files": list(FILES)}, None, uuid.uuid4().hex[:8])


async def _kill(at: Ground, victim: Victim, moment_s: float) -> float | None:
    await asyncio.sleep(moment_s)
    if victim == "worker":
        killed = await at.kill_worker()
        await at.start_worker()
        return killed
    if victim == "server":
        killed = await at.kill_server()
        await at.server.start()
        return killed
    return None


async def _result(at: Ground, run: str) -> RunView:
    """The run's result, asked for again while the server is away."""
    handle = at.client.get_workflow_handle(run, result_type=RunView)
    result: RunView = await handle.result()
    return result


def _measure(trial: Trial, events: Sequence[HistoryEvent], killed: float | None) -> None:
    if killed is None:
        return
    after = [_at(event) - killed for event in events if event.event_type in PROGRESS and _at(event) > killed]
    trial.recovery_s = min(after, default=None)
    scheduled = EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
    started = sum(event.event_type == scheduled and _at(event) < killed for event in events)
    ended = sum(event.event_type in ENDED and _at(event) < killed for event in events)
    trial.in_flight = started - ended
    lost = [event for event in events if event.HasField("workflow_task_timed_out_event_attributes")]
    trial.task_lost = any(
        event.workflow_task_timed_out_event_attributes.timeout_type == TimeoutType.TIMEOUT_TYPE_START_TO_CLOSE
        for event in lost
    )


def _at(event: HistoryEvent) -> float:
    return event.event_time.seconds + event.event_time.nanos / 1e9


def _check(trial: Trial, at: Ground, person: Person, before: Before, view: RunView) -> None:
    trial.require(view.phase == "completed", f"the run ended {view.phase}: {view.error}")
    _check_effects(trial, at, before, view)
    _check_people(trial, person, view)
    left = [path.name for path in (at.workspace / "out").rglob("*") if path.is_file() and path.suffix != ".md"]
    trial.require(not left, f"half-written files were left: {left}")


def _check_effects(trial: Trial, at: Ground, before: Before, view: RunView) -> None:
    """Every payment once, no model answer paid for twice under one key, the report written as it should be."""
    made = lines(at.journal, before.journal)
    wanted = {*FILES, "seal"}
    trial.require(
        Counter(str(line["item"]) for line in made) == Counter(wanted), f"effects: {[line['item'] for line in made]}"
    )
    trial.require(len({str(line["key"]) for line in made}) == len(made), "an idempotency key had two effects")
    served = lines(at.served, before.served)
    keys = Counter(str(line["key"]) for line in served)
    trial.require(max(keys.values()) == 1, f"model calls were served twice under one key: {keys.most_common(2)}")
    billed = sum(int(str(_tokens(line))) for line in served if line["billed"])
    trial.require(
        view.usage.tokens >= billed, f"the provider billed {billed} tokens, the run knows {view.usage.tokens}"
    )
    report = at.workspace / "out" / f"{view.id}.md"
    trial.require(
        report.is_file() and report.read_text(encoding="utf-8").endswith(" All files were looked at."), "no report"
    )


def _tokens(line: dict[str, object]) -> object:
    usage = line["usage"]
    assert isinstance(usage, dict)
    return usage["tokens"]


def _check_people(trial: Trial, person: Person, view: RunView) -> None:
    """Each question once, each answer that was acknowledged in the run's output, and none refused."""
    questions = Counter(pause.activation for pause in person.asked.values() if pause.triggers[0] == HUMAN)
    trial.asked_back = len(person.asked) - sum(questions.values())
    trial.require(len(questions) == len(FILES) + 1, f"{len(questions)} nodes asked people")
    trial.require(max(questions.values(), default=0) == 1, f"somebody was asked twice: {questions.most_common(2)}")
    trial.require(not person.refused and not view.refusals, f"refused: {person.refused} {view.refusals}")
    output = view.output if isinstance(view.output, dict) else {}
    recorded = {(answer["by"], answer["outcome"]) for answer in output.get("answers", ())}
    promised = {
        (receipt.by, receipt.outcome)
        for pause, receipt in person.acknowledged.items()
        if person.asked[pause].triggers[0] == HUMAN
    }
    trial.require(promised <= recorded, f"acknowledged and lost: {sorted(promised - recorded)}")
    trial.require(len(output.get("answers", ())) == len(FILES) + 1, f"answers: {output.get('answers')}")
    trial.require(sorted(output.get("receipts", ())) == sorted([*FILES, "seal"]), f"receipts: {output.get('receipts')}")
