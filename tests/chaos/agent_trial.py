"""One long conversation whose worker and server are killed again and again, and what must hold afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from temporalio.service import RPCError

from cli.cluster import Cluster
from cli.start import Start, start
from tests.chaos.agent_history import Left, conversation, faults_of, left_by, stuck
from tests.chaos.agent_material import FINAL, ITEMS, TURNS, graph, wanted
from tests.chaos.person import LOOK_S, UNCERTAIN, Person, lines, size
from workflows.contracts.names import TASK_QUEUE
from workflows.contracts.run import RunView

if TYPE_CHECKING:
    import random

    from tests.chaos.ground import Ground
    from workflows.contracts.conversation import Message

LIMIT_S = 300.0
LULL_S = (0.3, 3.5)
"""How long the world is left alone between two kills."""
SERVER_SHARE = 0.2
TURN_BYTES = 8_000
TOOL = "journal.append"


@dataclass
class AgentTrial:
    """What happened to one conversation."""

    worker_kills: int = 0
    server_kills: int = 0
    took_s: float = 0.0
    asked_back: int = 0
    executions: int = 0
    turn_bytes: float = 0.0
    faults: list[str] = field(default_factory=list)

    def require(self, holds: bool, fault: str) -> None:
        """Note a fault unless something holds."""
        if not holds:
            self.faults.append(fault)


async def converse(at: Ground, kills: int, chance: random.Random) -> AgentTrial:
    """Start the agent, kill somebody so many times, and look at everything once the run is over."""
    trial = AgentTrial()
    journal_began, served_began = size(at.journal), size(at.served)
    begun = time.monotonic()
    run = await start(
        Cluster(at.client, TASK_QUEUE, at.server.address), Start(graph(), None, None, uuid.uuid4().hex[:8])
    )
    first_run_id = (await at.client.get_workflow_handle(run.id).describe()).run_id
    assert first_run_id is not None
    person = Person(at, run.id, chance, journal_began)
    busy = [asyncio.create_task(person.attend()), asyncio.create_task(_disturb(at, trial, kills, chance))]
    try:
        view = await asyncio.wait_for(_result(at, run.id), LIMIT_S)
        await busy[1]
    except TimeoutError:
        trial.faults.append(f"the run `{run.id}` did not end within {LIMIT_S:g} s: {await stuck(at, run.id)}")
        return trial
    finally:
        for task in busy:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
    trial.took_s = time.monotonic() - begun
    left = await left_by(at, run.id, first_run_id)
    _check_end(trial, person, view)
    _check_effects(trial, lines(at.journal, journal_began), lines(at.served, served_began))
    _check_questions(trial, person, left)
    _check_conversation(trial, await conversation(at, left))
    _check_history(trial, left)
    return trial


async def _result(at: Ground, run: str) -> RunView:
    """The run's result, asked for again whenever the server went away meanwhile."""
    while True:
        try:
            result: RunView = await at.client.get_workflow_handle(run, result_type=RunView).result()
        except RPCError:
            await asyncio.sleep(LOOK_S)
        else:
            return result


async def _disturb(at: Ground, trial: AgentTrial, kills: int, chance: random.Random) -> None:
    """Kill the worker or the server at random moments and start it again."""
    for _ in range(kills):
        await asyncio.sleep(chance.uniform(*LULL_S))
        if chance.random() < SERVER_SHARE:
            await at.kill_server()
            await at.server.start()
            trial.server_kills += 1
        else:
            await at.kill_worker()
            await at.start_worker()
            trial.worker_kills += 1


def _check_end(trial: AgentTrial, person: Person, view: RunView) -> None:
    output = view.output if isinstance(view.output, dict) else {}
    trial.require(view.phase == "completed", f"the run ended {view.phase}: {view.error}")
    trial.require(output.get("answer") == FINAL, f"the answer is {output.get('answer')!r}")
    trial.require(output.get("turns") == TURNS + 1, f"{output.get('turns')} turns were counted")
    trial.require(not person.refused and not view.refusals, f"refused: {person.refused} {view.refusals}")


def _check_effects(trial: AgentTrial, made: list[dict[str, object]], served: list[dict[str, object]]) -> None:
    """Every payment once, in the model's order; no model answer paid for twice under one key."""
    paid = [str(line["item"]) for line in made]
    twice = [item for item, times in Counter(paid).items() if times > 1]
    lost = sorted(set(ITEMS) - set(paid))
    trial.require(not twice, f"paid twice: {twice}")
    trial.require(not lost, f"never paid: {lost}")
    trial.require(bool(twice or lost) or paid == list(ITEMS), f"paid in another order: {paid}")
    trial.require(len({str(line["key"]) for line in made}) == len(made), "an idempotency key had two effects")
    keys = Counter(str(line["key"]) for line in served)
    trial.require(max(keys.values()) == 1, f"model calls were served twice under one key: {keys.most_common(2)}")


def _check_questions(trial: AgentTrial, person: Person, left: Left) -> None:
    """Each lost effect was asked about, once, and nothing else was uncertain."""
    asked = [pause for pause in person.asked.values() if pause.triggers[0] == UNCERTAIN]
    trial.asked_back = len(asked)
    lost = left.lost.get(TOOL, 0)
    trial.require(len(asked) == lost, f"{lost} payments were lost from sight, {len(asked)} were asked about")
    others = [f"{pause.trigger} {pause.ask}" for pause in person.asked.values() if pause.triggers[0] != UNCERTAIN]
    trial.require(not others, f"asked for no reason: {others}")


def _check_conversation(trial: AgentTrial, messages: tuple[Message, ...]) -> None:
    """The model was told of each call what came of it, and of nothing else."""
    trial.faults += faults_of(messages)
    said = [message for message in messages if message.role == "assistant"]
    trial.require(len(said) == TURNS + 1, f"the conversation has {len(said)} turns")
    for turn, message in enumerate(said[:TURNS]):
        calls = [{"name": call.name, "args": call.args} for call in message.tool_calls]
        trial.require(calls == wanted(turn), f"turn {turn} asks for {calls}")
    errors = [answer.id for message in messages for answer in message.results if answer.is_error]
    trial.require(not errors, f"calls that were told to have failed: {errors}")


def _check_history(trial: AgentTrial, left: Left) -> None:
    """A turn costs the same whatever came before it; a question costs something like a turn."""
    trial.executions = left.executions
    trial.turn_bytes = left.in_bytes / (TURNS + trial.asked_back)
    trial.require(trial.turn_bytes <= TURN_BYTES, f"{trial.turn_bytes:,.0f} bytes of history a turn")
