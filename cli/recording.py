"""Runs watched while they are replayed offline: what was decided, what the audit says, what they asked Temporal for."""

from __future__ import annotations

import copy
import logging
import os
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from temporalio import workflow
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner, WorkflowRunner
from temporalio.worker._workflow_instance import WorkflowInstance  # the runner's public method returns one

from activities.blobs_places import open_blobs
from cli.export import inline
from cli.replaying import Disagreement, disagreement
from worker.connect import converter
from worker.sdk_runtime import sdk_runtime
from worker.settings import blobs_place
from workflows.contracts.names import WORKFLOW
from workflows.shell.agent_lifetime import AgentLifetime

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from temporalio.bridge.proto.workflow_activation import WorkflowActivation
    from temporalio.bridge.proto.workflow_commands import WorkflowCommand
    from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
    from temporalio.client import WorkflowHistory
    from temporalio.converter import SerializationContext, StorageDriverStoreContext
    from temporalio.worker import WorkflowInstanceDetails
    from temporalio.worker._command_aware_visitor import CommandInfo
    from temporalio.workflow import _Definition

    from policies.model import Decision, Facts, Outcome, Request, Review
    from policies.tenant import TenantPolicy
    from workflows.contracts.run import RunView
    from workflows.engine.engine import Engine
    from workflows.shell.admission import Admitted


@dataclass(frozen=True, slots=True)
class Decided:
    """What the gate said of a call under a policy, with all that it knew. `event` is the event that led to it."""

    event: int
    call: str
    policy: TenantPolicy
    request: Request
    facts: Facts
    decision: Decision


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What the rules said of a call that had ended."""

    event: int
    call: str
    request: Request
    facts: Facts
    outcome: Outcome
    review: Review


@dataclass(frozen=True, slots=True)
class Recorded:
    """An audit record, its digest, the event of history that led to it, and the times that stand beside it."""

    event: int
    record: Mapping[str, Any]
    head: str
    beside: Mapping[str, object]

    @property
    def seq(self) -> int:
        """The record's place in the chain."""
        return int(self.record["seq"])


@dataclass(slots=True)
class Tape:
    """What one history gave, each in its order, and where the code disagreed with it."""

    records: list[Recorded] = field(default_factory=list)
    decisions: list[Decided] = field(default_factory=list)
    reviews: list[Reviewed] = field(default_factory=list)
    commands: list[WorkflowCommand] = field(default_factory=list)
    failure: Disagreement | None = None
    at: int = 0
    engine: Engine | None = None
    view: RunView | None = None

    def stop(self) -> None:
        """The history is over. A run that is open is thrown away now, which looks to it as if it were cancelled."""
        if self.engine is not None:
            self.view = self.engine.view()
            self.engine.unwatch()
            self.engine = None

    def admitted(self, engine: Engine) -> None:
        """Keep the engine, to see where the run stands at the history's end."""
        self.engine = engine

    def keep(self, commands: Iterable[WorkflowCommand]) -> None:
        """Keep what the run asked Temporal for."""
        self.commands += [copy.deepcopy(command) for command in commands]

    def decided(self, call: str, policy: TenantPolicy, request: Request, facts: Facts, decision: Decision) -> None:
        """Keep a decision; the facts are the run's own and would change."""
        self.decisions.append(Decided(self.at, call, policy, copy.copy(request), copy.deepcopy(facts), decision))

    def reviewed(self, call: str, request: Request, facts: Facts, outcome: Outcome, review: Review) -> None:
        """Keep what the rules said afterwards."""
        seen = Reviewed(self.at, call, copy.copy(request), copy.deepcopy(facts), outcome, review)
        self.reviews.append(seen)

    def recorded(self, record: Mapping[str, object], head: str, beside: Mapping[str, object]) -> None:
        """Keep a record."""
        self.records.append(Recorded(self.at, record, head, beside))


_now = threading.local()
"""The tape of the run that this thread is just replaying."""


@workflow.defn(name=WORKFLOW)
class WatchedLifetime(AgentLifetime):
    """The same run, watched."""

    def __init__(self) -> None:
        super().__init__()
        self.observer = _now.tape

    @workflow.run
    async def run(self, *sent: Any) -> dict[str, Any]:
        """As the run itself does."""
        return await super().run(*sent)

    async def _open(self, raw: object) -> Admitted:
        admitted = await super()._open(raw)
        if isinstance(self.observer, Tape):
            self.observer.admitted(admitted.engine)
        return admitted


class _Watched(WorkflowInstance):
    """A workflow's instance whose commands are kept before anything is done to their payloads."""

    def __init__(self, inner: WorkflowInstance, tape: Tape) -> None:
        self._inner = inner
        self._tape = tape

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        if any(job.HasField("remove_from_cache") for job in act.jobs):
            self._tape.stop()
            return self._inner.activate(act)
        _now.tape, self._tape.at = self._tape, act.history_length
        done = self._inner.activate(act)
        self._tape.keep(done.successful.commands)
        return done

    def get_serialization_context(self, command_info: CommandInfo | None) -> SerializationContext | None:
        return self._inner.get_serialization_context(command_info)

    def get_external_store_context(self, command_info: CommandInfo | None) -> StorageDriverStoreContext:
        return self._inner.get_external_store_context(command_info)

    def get_info(self) -> workflow.Info:
        return self._inner.get_info()

    def get_thread_id(self) -> int | None:
        return self._inner.get_thread_id()


class _Watching(WorkflowRunner):
    def __init__(self, tape: Tape) -> None:
        self._inner = UnsandboxedWorkflowRunner()
        self._tape = tape

    def prepare_workflow(self, defn: _Definition) -> None:
        self._inner.prepare_workflow(defn)

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        return _Watched(self._inner.create_instance(det), self._tape)


async def watch(history: WorkflowHistory, namespace: str, tape: Tape | None = None) -> Tape:
    """Replay a history and keep all that is to be seen; references in it are replaced by what they refer to."""
    tape = tape or Tape()
    data = converter(open_blobs(blobs_place(os.environ)))
    await inline(history, data)
    replayer = Replayer(
        workflows=[WatchedLifetime],
        namespace=namespace,
        data_converter=data,
        workflow_runner=_Watching(tape),
        runtime=sdk_runtime(),
    )
    result = await replayer.replay_workflow(history, raise_on_replay_failure=False)
    if result.replay_failure is not None:
        tape.failure = disagreement(result.replay_failure)
    return tape


@contextmanager
def quiet(*, unless: bool) -> Iterator[None]:
    """Keep the SDK from logging what we say ourselves."""
    before = logging.root.manager.disable
    if not unless:
        logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
