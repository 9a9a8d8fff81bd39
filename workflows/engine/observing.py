"""Whoever watches a replay: told of decisions, audit records and visits of nodes, and never heard by the run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from policies.model import Decision, Facts, Outcome, Request, Review
    from policies.tenant import TenantPolicy
    from workflows.contracts.run import NodeStatus
    from workflows.engine.state import Activation, RunState
    from workflows.engine.steps import Step


class Observer(Protocol):
    """What `detent audit` and `detent policy replay` put into an engine; a worker's engine has none."""

    def decided(self, call: str, policy: TenantPolicy, request: Request, facts: Facts, decision: Decision) -> None:
        """The gate has decided a call (`<activation>:<index>`), before anything follows from it."""

    def reviewed(self, call: str, request: Request, facts: Facts, outcome: Outcome, review: Review) -> None:
        """The rules that read what a call has used have spoken, before anything follows from it."""

    def recorded(self, record: Mapping[str, object], head: str, beside: Mapping[str, object]) -> None:
        """An audit record was appended, and its digest is the head now; `beside` are times, which it does not cover."""


class Follower(Protocol):
    """What `detent records` puts into an engine; a worker's engine has none."""

    def moved(self, state: RunState, step: Step) -> None:
        """A step is about to be taken."""

    def began(self, activation: Activation) -> None:
        """A token has reached a node."""

    def ended(self, activation: Activation, status: NodeStatus, at_ms: int) -> None:
        """A visit is over; where its token goes is told by the steps that follow."""
