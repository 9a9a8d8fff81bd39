"""Execution records: what one visit of a node was, where it came from, what it used and where it led.

A run's records are its lifetime's and one of each execution, all made from its history. They are facts about what
happened, so they are only ever added to; a program reads them as JSON lines.
"""

from __future__ import annotations

from typing import Any, Literal

from workflows.contracts.calls import Usage
from workflows.contracts.conversation import Ref
from workflows.contracts.failures import ErrorInfo
from workflows.contracts.run import NodeStatus, Phase
from workflows.contracts.wire import Wire

INLINE_BYTES = 32 * 1024
"""A larger result stands in a record by its reference."""
CallStatus = Literal["running", "ok", "failed", "cancelled", "timed_out"]


class Inline(Wire):
    """A value that is small enough to stand in its record."""

    inline: Any


Kept = Inline | Ref
"""A value, or where it is kept: the bytes of the reference are its JSON."""


class CallRecord(Wire):
    """One model or tool call of an execution. `name` is the tool or the model's alias; times are RFC 3339.

    `attempts` counts Temporal's, `generation` how often a person had it made again. `tokens_used` and the costs are
    what the run's budget was charged, `usage` what the provider said. `latency_ms` is from scheduling to the end.
    """

    call: str
    kind: Literal["model", "tool"]
    name: str
    status: CallStatus
    attempts: int = 0
    generation: int = 0
    scheduled_at: str
    started_at: str | None = None
    ended_at: str | None = None
    latency_ms: int | None = None
    tokens_used: int = 0
    cost_usd: float = 0.0
    cost_nano: int = 0
    usage: Usage | None = None
    error: ErrorInfo | None = None


class _Header(Wire):
    """Which run a record is of. `lifetime_id` is the workflow's id, `run_id` its last execution, `first_run_id` its
    first, `graph` `name@version`.
    """

    v: Literal[1] = 1
    kind: Literal["run", "task", "plan"]
    graph: str
    graph_digest: str
    lifetime_id: str
    run_id: str
    first_run_id: str
    tenant: str


class _Execution(_Header):
    """One visit of a node.

    `exec_id` is the same however often the records are made, over retries and continue-as-new. `parents` are the
    executions that led here: the one before it in its branch, the plan that opened the branch, or the last ones of the
    branches that a join waited for. `seq` counts executions as they began, `ended_seq` as they ended; where two have
    the same `moment` no token moved between their ends. `attempt` is how often what it does was tried, `iteration` how
    often the node was visited before. `edge_taken` is where the token went: a node, `end` or `fail`, null where it went
    nowhere. `created_at` is when the token came, `started_at` when its first call was made, `latency_ms` from then to
    the end. Tokens and costs are the sums of its calls.
    """

    exec_id: str
    name: str
    node_kind: str
    activation: str
    branch: str
    visit: int
    attempt: int = 1
    iteration: int
    seq: int
    ended_seq: int | None = None
    moment: int | None = None
    status: NodeStatus
    outcome: str | None = None
    edge_taken: str | None = None
    parents: tuple[str, ...] = ()
    created_at: str
    started_at: str
    ended_at: str | None = None
    latency_ms: int | None = None
    tokens_used: int = 0
    cost_usd: float = 0.0
    cost_nano: int = 0
    calls: tuple[CallRecord, ...] = ()
    result: Kept | None = None
    error: ErrorInfo | None = None


class TaskExecution(_Execution):
    """A visit of a node that does something. `outcome` picked the route of a node that has routes."""

    kind: Literal["task"] = "task"


class Opened(Wire):
    """A branch that a plan opened, and the node that it begins with."""

    branch: str
    to: str


class PlanExecution(_Execution):
    """A visit of a node that decides. `opened` are the branches of a fork or a map, in order; then `edge_taken` is the
    join, once all of them have ended.
    """

    kind: Literal["plan"] = "plan"
    opened: tuple[Opened, ...] = ()


class LifetimeRecord(_Header):
    """The run itself, the first of its records. `executions` says how many follow.

    `whole`: the records reach back to the run's beginning. Without that they say what there is, and cannot be replayed.
    """

    kind: Literal["run"] = "run"
    whole: bool = True
    phase: Phase
    executions: int
    started_at: str
    ended_at: str | None = None
    tokens_used: int = 0
    cost_usd: float = 0.0
    cost_nano: int = 0
    input: Kept | None = None
    output: Kept | None = None
    error: ErrorInfo | None = None


Record = LifetimeRecord | TaskExecution | PlanExecution
