"""A run routed again from its execution records, and where that first leads elsewhere."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cli.executions import Execution, Executions
from workflows.contracts.failures import FailureType
from workflows.contracts.records import PlanExecution
from workflows.contracts.wire import Wire
from workflows.engine.clock import parse_rfc3339
from workflows.engine.machine import RunFacts
from workflows.engine.retracing import Came, Recorded, Retrace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cli.envelopes import Envelopes
    from workflows.contracts.records import TaskExecution
    from workflows.language.graph import Graph

STOPPED = frozenset({"aborted", "cancelled"})
"""Phases that somebody or some rule puts a run into, and not its graph."""
DECIDED = frozenset(
    {
        FailureType.EXPRESSION_FAILED,
        FailureType.INVALID_VALUE,
        FailureType.SCOPE_FAILED,
        FailureType.VISITS_EXCEEDED,
    }
)
"""How a plan fails of itself; in any other way it was refused before it decided."""


class Difference(Wire):
    """Where records and graph first part. `field` is what differs; null for the run's end."""

    activation: str | None
    field: str
    recorded: object
    made: object


@dataclass(slots=True)
class _Retracing:
    envelopes: Envelopes
    run: Retrace
    seen: Executions

    def first_difference(self) -> Difference | None:
        """Tell what happened in the order in which it did, and compare after each."""
        executions = self.envelopes.executions
        ended = [one for one in executions if one.ended_seq is not None]
        ended.sort(key=lambda one: one.ended_seq or 0)
        for place, one in enumerate(ended):
            found = self._tell(ended[place:]) or self._compared(one)
            if found is not None:
                return found
        return self._of_open([one for one in executions if one.ended_seq is None]) or self._of_end()

    def _tell(self, rest: list[TaskExecution | PlanExecution]) -> Difference | None:
        one = rest[0]
        made = self.seen.found.get(one.activation)
        if made is None:
            return Difference(activation=one.activation, field="parents", recorded=_parents(one), made=None)
        if one.status == "cancelled":
            self._cancel(one, made)
        elif self._is_to_come(one):
            together = itertools.takewhile(lambda other: other.moment == one.moment, rest)
            self.run.tell([self._came(other) for other in together if self._is_to_come(other)])
        return None

    def _is_to_come(self, one: TaskExecution | PlanExecution) -> bool:
        """Whether a visit has begun, has not ended, and waits to be told what it came to."""
        live = one.status != "cancelled" and self.run.is_live(one.activation)
        return live and not self.run.is_dropped(one.activation) and self.run.is_told(one.activation)

    def _came(self, one: TaskExecution | PlanExecution) -> Came:
        return Came(one.activation, one.status, self.envelopes.value(one.result), one.outcome, one.error)

    def _cancel(self, one: TaskExecution | PlanExecution, made: Execution) -> None:
        """Its scope failed or the run ended: either follows by itself, or somebody stopped the run."""
        if made.ended_seq is None and not self.run.is_dropped(one.activation):
            self._stop()
        if (
            self.run.is_live(one.activation)
            and self.run.is_dropped(one.activation)
            and self.run.is_told(one.activation)
        ):
            self.run.let_end(one.activation)

    def _stop(self) -> None:
        lifetime = self.envelopes.lifetime
        if lifetime.phase in STOPPED and self.run.ending is None:
            self.run.stop(lifetime.phase, lifetime.error)

    def _compared(self, one: TaskExecution | PlanExecution) -> Difference | None:
        made = self.seen.found[one.activation]
        for name, recorded, again in _pairs(one, made):
            if recorded != again:
                return Difference(activation=one.activation, field=name, recorded=recorded, made=again)
        return None

    def _of_open(self, live: list[TaskExecution | PlanExecution]) -> Difference | None:
        for one in live:
            made = self.seen.found.get(one.activation)
            if made is None or made.ended_seq is not None:
                status = None if made is None else made.status
                return Difference(activation=one.activation, field="status", recorded=one.status, made=status)
        known = {one.activation for one in self.envelopes.executions}
        more = next((made for made in self.seen.found.values() if made.activation not in known), None)
        if more is None:
            return None
        return Difference(activation=more.activation, field="parents", recorded=None, made=list(more.parents))

    def _of_end(self) -> Difference | None:
        lifetime = self.envelopes.lifetime
        self._stop()
        ending = self.run.ending
        if lifetime.ended_at is None:
            return None
        phase = None if ending is None else ending.phase
        if ending is None or phase != lifetime.phase:
            return Difference(activation=None, field="phase", recorded=lifetime.phase, made=phase)
        output = self.envelopes.value(lifetime.output)
        if ending.output != output:
            return Difference(activation=None, field="output", recorded=output, made=ending.output)
        types = [None if error is None else error.type for error in (lifetime.error, ending.error)]
        if types[0] != types[1]:
            return Difference(activation=None, field="error", recorded=types[0], made=types[1])
        return None


def retrace(envelopes: Envelopes, graph: Graph) -> Difference | None:
    """Route the run again from what its tasks came to; the first difference, null where it goes the same way."""
    lifetime = envelopes.lifetime
    ended = [one for one in envelopes.executions if one.ended_seq is not None]
    failed = [one for one in ended if one.status == "failed"]
    recorded = Recorded(
        well={one.activation: None for one in ended if one.status != "cancelled"},
        failed=frozenset(one.activation for one in failed),
        branches=frozenset(one.branch for one in envelopes.executions),
        told=frozenset(one.activation for one in failed if _was_refused(one)),
        at_once=frozenset(_at_once(ended)),
    )
    given = envelopes.value(lifetime.input)
    facts = RunFacts("", lifetime.lifetime_id, lifetime.run_id, lifetime.first_run_id, given)
    seen = Executions()
    run = Retrace(graph, facts, lifetime.tenant, recorded, seen)
    run.begin(parse_rfc3339(lifetime.started_at))
    return _Retracing(envelopes, run, seen).first_difference()


def _at_once(ended: list[TaskExecution | PlanExecution]) -> Iterator[str]:
    """What was cancelled and ended before any token moved again."""
    cause: int | None = None
    for one in sorted(ended, key=lambda one: one.ended_seq or 0):
        if one.status != "cancelled":
            cause = one.moment
        elif one.moment == cause:
            yield one.activation


def _was_refused(one: TaskExecution | PlanExecution) -> bool:
    return isinstance(one, PlanExecution) and one.error is not None and one.error.type not in DECIDED


def _pairs(one: TaskExecution | PlanExecution, made: Execution) -> list[tuple[str, object, object]]:
    """What must come out the same."""
    opened = [(branch.branch, branch.to) for branch in one.opened] if isinstance(one, PlanExecution) else []
    return [
        ("name", one.name, made.node),
        ("visit", one.visit, made.visit),
        ("status", one.status, made.status),
        ("parents", _parents(one), list(made.parents)),
        ("opened", opened, list(made.opened)),
        ("edge_taken", one.edge_taken, made.edge),
    ]


def _parents(one: TaskExecution | PlanExecution) -> list[str]:
    """The activations that led to it: an id is the run's first execution's, a slash, and the activation."""
    return [parent.partition("/")[2] for parent in one.parents]
