"""What the engine's modules share: the graph, the run card, the state, and the work still to be done for one event.

Modules never call each other in a circle. A module that wants a token to move appends a *step*; the
engine takes the steps one by one until none is left.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workflows.contracts.failures import ErrorInfo, FailureType
from workflows.engine.commands import Command
from workflows.engine.state import Activation, Finished, Frame, RunState, Scope
from workflows.engine.steps import Step

if TYPE_CHECKING:
    from policies.budget import Ledger
    from policies.document import TenantPolicy
    from workflows.contracts.run import NodeStatus, RunCard
    from workflows.engine.observing import Follower, Observer
    from workflows.language.graph import AnyNode, Graph

KEEP_FINISHED = 200

Place = tuple[tuple[int, ...], int, int, str]
"""Of a queued call: its frame's order, its activation's, its index, its id."""


@dataclass(frozen=True, slots=True)
class RunFacts:
    """Which run this is. Its ids never change; `run_id` names the current history."""

    namespace: str
    workflow_id: str
    run_id: str
    first_run_id: str
    input: object


@dataclass(slots=True)
class Machine:
    """One run, and the scratch of one `apply`: `out` the commands so far, `todo` the steps still to take.

    `ledgers` holds the run's budget under the empty name and one more per live activation. `owned` names
    the (frame, channel) pairs whose container nobody else holds; it is forgotten by a snapshot, which
    costs one copy later and changes nothing else. `retraced`: what has a call is not begun; somebody says what came
    of it.
    """

    graph: Graph
    card: RunCard
    policy: TenantPolicy
    run: RunFacts
    state: RunState
    ledgers: dict[str, Ledger]
    queue: list[Place] = field(default_factory=list)
    owned: set[tuple[str, str]] = field(default_factory=set)
    out: list[Command] = field(default_factory=list)
    todo: deque[Step] = field(default_factory=deque)
    moves: dict[str, int] = field(default_factory=dict)
    run_names: dict[str, object] = field(default_factory=dict)
    sent: tuple[int, int] = (0, 0)
    observer: Observer | None = None
    follower: Follower | None = None
    retraced: bool = False

    def issued(self, at_ms: int) -> int:
        """How many bytes of calls were issued at this very time."""
        return self.sent[1] if self.sent[0] == at_ms else 0

    def note_issued(self, at_ms: int, size_bytes: int) -> None:
        """Count a call that is issued; `sent` keeps the time and the sum."""
        self.sent = (at_ms, self.issued(at_ms) + size_bytes)

    def frame_of(self, activation: Activation) -> Frame:
        """The frame that an activation runs in."""
        return self.state.frames[activation.frame]

    def node_of(self, activation: Activation) -> AnyNode:
        """The node that an activation visits."""
        return self.graph.nodes[activation.node]

    def owner_of(self, activation: Activation) -> Activation:
        """The visit of a node that an activation is, or is a call of."""
        return activation if activation.agent is None else self.state.activations[activation.agent]

    def calls_of(self, agent: str) -> list[Activation]:
        """The activations of an agent's calls that have not ended."""
        return [one for one in self.state.activations.values() if one.agent == agent]

    def forget(self, activation: Activation) -> None:
        """The activation of an agent's call has ended; it was no visit, so nothing is kept of it."""
        del self.state.activations[activation.id]
        self.ledgers.pop(activation.id, None)

    def scope_of(self, frame: Frame) -> Scope | None:
        """The scope that a frame is a branch of, null for the run itself."""
        return None if frame.scope is None else self.state.scopes[frame.scope]

    def retire(self, activation: Activation, status: NodeStatus, summary: str = "") -> None:
        """Move an activation to the finished ones, of which the last 200 are kept."""
        state = self.state
        state.activations.pop(activation.id, None)
        self.ledgers.pop(activation.id, None)
        if self.follower is not None:
            self.follower.ended(activation, status, state.now_ms)
        state.finished.append(
            Finished(
                id=activation.id,
                frame=activation.frame,
                node=activation.node,
                visit=activation.visit,
                kind=activation.kind,
                status=status,
                started_ms=activation.started_ms,
                ended_ms=state.now_ms,
                summary=summary,
            )
        )
        state.totals.finished += 1
        if len(state.finished) > KEEP_FINISHED:
            del state.finished[: len(state.finished) - KEEP_FINISHED]


def problem(
    kind: FailureType, message: str, activation: Activation | None = None, details: dict[str, object] | None = None
) -> ErrorInfo:
    """An error of a node, ready to be bound as `error`."""
    node = None if activation is None else activation.node
    return ErrorInfo(type=kind.value, message=message, node=node, details=details)
