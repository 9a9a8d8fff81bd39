"""A run's histories replayed one after another, and followed from the first to the last."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import ValidationError

from cli.executions import Executions
from cli.exits import CommandError, Exit, invalid
from cli.recording import Tape, watch
from cli.render.text import line
from workflows.contracts.run import RunInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from temporalio.bridge.proto.workflow_commands import WorkflowCommand
    from temporalio.client import WorkflowHistory
    from temporalio.converter import DataConverter

    from policies.model import Decision, Facts, Outcome, Request, Review
    from policies.tenant import TenantPolicy
    from workflows.contracts.run import RunView
    from workflows.engine.engine import Engine


@dataclass(slots=True)
class Followed(Tape):
    """Keeps the executions and what calls were charged, and nothing else of the run."""

    executions: Executions = field(default_factory=Executions)

    def admitted(self, engine: Engine) -> None:
        """Follow the engine."""
        self.engine = engine
        engine.follow(self.executions)

    def keep(self, commands: Iterable[WorkflowCommand]) -> None:
        """What the run asked for is in its history."""

    def decided(self, call: str, policy: TenantPolicy, request: Request, facts: Facts, decision: Decision) -> None:
        """A record says what a call came to, not why it was allowed."""

    def reviewed(self, call: str, request: Request, facts: Facts, outcome: Outcome, review: Review) -> None:
        """As above."""

    def last_view(self) -> RunView:
        """The run at the end of its last history; exit 7 where nothing of it was ever executed."""
        if self.view is None:
            message = "the run was not admitted, so nothing was executed; `detent show RUN` says why"
            raise invalid(message, kind="NotAdmitted")
        return self.view


async def follow(histories: Sequence[WorkflowHistory], namespace: str) -> Followed:
    """Replay the histories of one run, oldest first; exit 5 where this code does not agree with one."""
    followed = Followed()
    for history in histories:
        await watch(history, namespace, followed)
        if followed.failure is not None:
            message = f"this code does not agree with the history: {line(followed.failure.message, 300)}"
            raise CommandError("ReplayMismatch", message, Exit.FAILED)
    return followed


async def started_with(history: WorkflowHistory, converter: DataConverter) -> RunInput:
    """What a history was started with."""
    payloads = history.events[0].workflow_execution_started_event_attributes.input.payloads
    try:
        return RunInput.model_validate((await converter.decode(payloads))[0] if payloads else None)
    except ValidationError as error:
        raise invalid("the history's input is not a run's", kind="InvalidHistory") from error


def is_first(history: WorkflowHistory) -> bool:
    """Whether a history is a run's first."""
    return not history.events[0].workflow_execution_started_event_attributes.continued_execution_run_id
