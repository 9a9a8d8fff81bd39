"""Executions as a replay shows them: each visit of a node with what led to it, what it came to, and where it led."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workflows.engine.steps import Enter, Fail, Succeed

if TYPE_CHECKING:
    from workflows.contracts.failures import ErrorInfo
    from workflows.contracts.run import NodeStatus
    from workflows.engine.state import Activation, RunState
    from workflows.engine.steps import Step


@dataclass(slots=True)
class Execution:
    """One visit. `parents` are activations; `opened` the branches of a plan, each with the node it begins with.

    `moment` is how many moves tokens had made when it ended: with an equal one, nothing moved in between.
    """

    activation: str
    node: str
    kind: str
    branch: str
    visit: int
    seq: int
    created_ms: int
    parents: tuple[str, ...] = ()
    status: NodeStatus = "running"
    generation: int = 0
    ended_ms: int | None = None
    ended_seq: int | None = None
    moment: int | None = None
    outcome: str | None = None
    edge: str | None = None
    result: object = None
    error: ErrorInfo | None = None
    opened: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Executions:
    """Follows a run, from history to history.

    `whole` is false where a visit ended whose beginning nobody saw: the run's first histories are gone.
    """

    found: dict[str, Execution] = field(default_factory=dict)
    whole: bool = True
    _last: dict[str, Execution] = field(default_factory=dict)
    """The last execution that ended in each branch."""
    _said: dict[str, Succeed | Fail] = field(default_factory=dict)
    """What a live activation was last told that it came to."""
    _ended: int = 0
    _moves: int = 0

    def moved(self, state: RunState, step: Step) -> None:
        """Note where a token goes, which branches a plan opened, and what a visit came to."""
        if isinstance(step, Succeed | Fail):
            self._said[step.activation] = step
        elif isinstance(step, Enter):
            self._moves += 1
            self._note_opened(state, step.frame)
            before = self._last.get(step.frame)
            if before is not None and before.edge is None:
                before.edge = step.target

    def began(self, activation: Activation) -> None:
        """Keep a visit, and what led to it."""
        self.found[activation.id] = _execution(activation, self._leading_to(activation.frame))

    def ended(self, activation: Activation, status: NodeStatus, at_ms: int) -> None:
        """Keep what a visit came to."""
        self._ended += 1
        ended = self.found.get(activation.id)
        if ended is None:
            self.whole = False
            ended = self.found[activation.id] = _execution(activation, ())
        ended.status, ended.ended_ms, ended.ended_seq, ended.moment = status, at_ms, self._ended, self._moves
        ended.generation = activation.generation
        said = self._said.pop(activation.id, None)
        if status == "failed" and isinstance(said, Fail):
            ended.error = said.error
        elif status == "ok" and isinstance(said, Succeed):
            ended.result, ended.outcome = copy.deepcopy(said.result), said.outcome
        self._last[activation.frame] = ended

    def _note_opened(self, state: RunState, frame: str) -> None:
        """A branch begins: its scope is open, and knows its siblings, too."""
        plan = frame.rpartition("[")[0]
        opener, scope = self.found.get(plan), state.scopes.get(plan)
        if opener is not None and scope is not None and not opener.opened:
            opener.opened = tuple((f"{plan}[{branch.index}]", branch.to) for branch in scope.branches)

    def _leading_to(self, frame: str) -> tuple[str, ...]:
        if frame in self._last:
            return self._leaves(frame)
        plan = frame.rpartition("[")[0]
        return (plan,) if plan else ()

    def _leaves(self, frame: str) -> tuple[str, ...]:
        """The last visits of a branch: those of the branches that its last plan opened, however deep."""
        last = self._last.get(frame)
        if last is None:
            return ()
        below = tuple(leaf for branch, _ in last.opened for leaf in self._leaves(branch))
        return below or (last.activation,)


def _execution(activation: Activation, parents: tuple[str, ...]) -> Execution:
    return Execution(
        activation=activation.id,
        node=activation.node,
        kind=activation.kind,
        branch=activation.frame,
        visit=activation.visit,
        seq=activation.seq,
        created_ms=activation.started_ms,
        parents=parents,
    )
