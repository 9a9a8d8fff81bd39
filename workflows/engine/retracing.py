"""A run routed again from what its visits came to: the same tokens and the same rules, without a call or a clock.

Tasks are not begun; each is told what it came to, in the order in which that happened. Plans are decided anew, and
everything that follows from them. What is left out is what only says when: budgets, pauses and slots.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from policies.budget import Limits
from policies.model import Effect, Risk
from policies.tenant import TenantPolicy
from workflows.contracts.names import ENGINE
from workflows.contracts.run import RunCard
from workflows.engine import spending
from workflows.engine.finishing import begin_ending
from workflows.engine.machine import Machine
from workflows.engine.on_failure import choice_of
from workflows.engine.routing import take_step
from workflows.engine.scopes import MAX_BRANCHES, end_cancelled
from workflows.engine.state import ROOT, CallState, Frame, RunState
from workflows.engine.steps import Enter, Fail, Succeed
from workflows.language.graph import PlanNode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workflows.contracts.failures import ErrorInfo
    from workflows.contracts.run import NodeStatus, Phase
    from workflows.engine.machine import RunFacts
    from workflows.engine.observing import Follower
    from workflows.engine.state import Activation, Ending
    from workflows.engine.steps import Step
    from workflows.language.graph import AnyNode, Graph, Rule

LEAVES = ("end", "fail")


@dataclass(frozen=True, slots=True)
class Came:
    """What one visit came to: a result, nothing (`skipped`), or an error."""

    activation: str
    status: NodeStatus
    result: object = None
    outcome: str | None = None
    error: ErrorInfo | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """What is known beforehand.

    `well` are the visits whose end is still to come and was none by cancelling, `failed` those that failed, `branches`
    those in which anything began, `told` the plans that were refused before they decided, `at_once` the visits that
    ended when they were cancelled: nothing of them was in flight.
    """

    well: dict[str, None]
    failed: frozenset[str] = frozenset()
    branches: frozenset[str] = frozenset()
    told: frozenset[str] = frozenset()
    at_once: frozenset[str] = frozenset()


@dataclass(slots=True)
class Retrace:
    """One run. `follower` is told of it as of the run itself."""

    graph: Graph
    run: RunFacts
    tenant: str
    recorded: Recorded
    follower: Follower
    _at_end: list[Enter] = field(default_factory=list)
    _m: Machine = field(init=False)

    def __post_init__(self) -> None:
        nobody = TenantPolicy(name=self.tenant, lifetime=Limits(), execution=Limits())
        card = RunCard(engine=ENGINE, tenant=self.tenant, policy={}, policy_digest="", expressions="")
        self._m = Machine(_without_limits(self.graph), card, nobody, self.run, RunState(), ledgers={}, retraced=True)
        self._m.follower = self
        spending.open_ledgers(self._m)

    @property
    def ending(self) -> Ending | None:
        """How the run ends, once it does."""
        return self._m.state.ending

    def begin(self, started_ms: int) -> None:
        """Let the first token go as far as it goes by itself."""
        state = self._m.state
        state.started_ms = state.now_ms = started_ms
        state.frames[ROOT] = Frame(path=ROOT)
        self._m.todo.append(Enter(ROOT, self.graph.start))
        self._move()

    def is_live(self, activation: str) -> bool:
        """Whether a visit has begun and not ended."""
        return activation in self._m.state.activations

    def is_dropped(self, activation: str) -> bool:
        """Whether a visit has lost its token, so that nothing it comes to counts."""
        return self._m.state.activations[activation].status == "cancelled"

    def is_told(self, activation: str) -> bool:
        """Whether a live visit waits to be told what it came to; any other ends by itself."""
        return self._m.state.activations[activation].call is not None

    def tell(self, together: Sequence[Came]) -> None:
        """Say what visits came to; of several none came of another."""
        self._m.todo.extend(map(_step, together))
        self._move()

    def let_end(self, activation: str) -> None:
        """Nothing of a dropped visit is in flight any more."""
        end_cancelled(self._m, self._m.state.activations[activation])
        self._move()

    def stop(self, phase: Phase, error: ErrorInfo | None) -> None:
        """Somebody or some rule ended the run."""
        begin_ending(self._m, phase, error=error)
        self._move()

    def moved(self, state: RunState, step: Step) -> None:
        """Pass it on."""
        self.follower.moved(state, step)

    def began(self, activation: Activation) -> None:
        """A task waits for us with a call that nobody makes."""
        self.follower.began(activation)
        known = self.recorded
        if (activation.kind != "plan" or activation.id in known.told) and activation.id not in known.at_once:
            call = _call(activation)
            self._m.state.calls[call.id] = call
            activation.call = call.id

    def ended(self, activation: Activation, status: NodeStatus, at_ms: int) -> None:
        """One visit less to come."""
        self.recorded.well.pop(activation.id, None)
        self.follower.ended(activation, status, at_ms)

    def _move(self) -> None:
        m = self._m
        m.moves = {}
        while m.todo:
            if self._waits(m.todo[0]):
                self._hold(m.todo.popleft())
            else:
                take_step(m)
            if not m.todo and self._at_end and not self.recorded.well:
                m.todo.append(self._at_end.pop(0))

    def _hold(self, step: Step) -> None:
        self.follower.moved(self._m.state, step)
        if isinstance(step, Enter) and step.target == "end":
            self._at_end.append(step)

    def _waits(self, step: Step) -> bool:
        """What the run itself held back: its end while a rule was asked about, branches without a slot, failed plans
        that nobody let fail.
        """
        if isinstance(step, Enter):
            if step.target == "end":
                return bool(self.recorded.well)
            return step.target not in LEAVES and self._is_fresh(step.frame)
        activation = self._m.state.activations.get(step.activation)
        if activation is None or not isinstance(step, Fail) or activation.id in self.recorded.failed:
            return False
        return choice_of(self._m, activation, step.error).action == "pause"

    def _is_fresh(self, path: str) -> bool:
        """Whether a branch is about to begin that never did."""
        frame = self._m.state.frames.get(path)
        return frame is not None and path != ROOT and not frame.visits and path not in self.recorded.branches


def _step(came: Came) -> Succeed | Fail:
    if came.status == "failed":
        assert came.error is not None, "what failed has an error"
        return Fail(came.activation, came.error)
    return Succeed(came.activation, came.result, came.outcome, skipped=came.status == "skipped")


def _call(activation: Activation) -> CallState:
    """What a dropped visit ends with, and not before: as if it were in flight."""
    return CallState(
        id=f"{activation.id}:0",
        activation=activation.id,
        index=0,
        kind="tool",
        name=activation.node,
        activity=activation.node,
        args={},
        args_digest="",
        args_bytes=0,
        effect=Effect.ONCE,
        risk=Risk.LOW,
        status="in_flight",
    )


def _without_limits(graph: Graph) -> Graph:
    """The same graph without a budget, whose branches all begin at once."""
    return replace(graph, limits=Limits(), nodes={name: _freed(node) for name, node in graph.nodes.items()})


def _freed(node: AnyNode) -> AnyNode:
    return replace(node, rules=tuple(map(_freed_rule, node.rules))) if isinstance(node, PlanNode) else node


def _freed_rule(rule: Rule) -> Rule:
    fork = rule.fork and replace(rule.fork, max_concurrency=MAX_BRANCHES)
    opened = rule.map and replace(rule.map, max_concurrency=MAX_BRANCHES)
    return replace(rule, fork=fork, map=opened)
