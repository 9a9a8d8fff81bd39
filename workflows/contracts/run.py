"""A run on the wire: what starts it, what its worker tells it, how it looks, how it ends."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import model_validator

from policies.model import Effect, Risk
from workflows.contracts.calls import Permit
from workflows.contracts.failures import ErrorInfo
from workflows.contracts.pause import PauseView, Refusal
from workflows.contracts.wire import Wire

Phase = Literal["running", "waiting", "paused", "completed", "failed", "cancelled", "aborted"]
NodeStatus = Literal["running", "waiting", "ok", "failed", "cancelled", "skipped"]


class Starter(Wire):
    """Who started a run, and the signature that proves it (`policies.signing.start_bytes`)."""

    by: str
    issued_at: str | None = None
    signature: str | None = None


class RunInput(Wire):
    """What starts a run. The fields after `starter` are refused while they are not null."""

    v: int = 1
    tenant: str | None = None
    input: Any = None
    graph: dict[str, Any]
    allow_gaps: bool = False
    starter: Starter | None = None
    root: Any = None
    parent: Any = None
    path: Any = None
    depth: Any = None
    ceiling: Any = None
    limits: Any = None
    forked_from: Any = None
    prefix: Any = None
    carry: Any = None


class NeedCard(Wire):
    """A capability that a tool needs: of `kind`, with the value of argument `arg` or the constant `value`."""

    kind: str
    arg: str | None = None
    value: str | None = None


class ToolCard(Wire):
    """A tool as the run knows it. `digest` covers declaration and schema; `timeout_s` is its default."""

    name: str
    effect: Effect
    risk: Risk
    timeout_s: float
    needs: tuple[NeedCard, ...] = ()
    labels: tuple[str, ...] = ()
    input_schema: dict[str, Any]
    digest: str


class PriceCard(Wire):
    """Nano-dollars per token (USD per million tokens times 1,000)."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0


class ModelCard(Wire):
    """A model alias as the run knows it, without its key. `context` and `max_tokens` are in tokens.

    Where nobody knows the price and the policy lets that pass, `priced` is false and `price` nothing. `fallback` are
    the aliases that calls go to in turn when this one's fail for good. An alias with `routes` is no model of its own:
    each call goes to the alias of its complexity (`simple`, `medium`, `complex`).
    """

    alias: str
    provider: str
    model: str
    max_tokens: int
    context: int
    price: PriceCard
    priced: bool = True
    digest: str
    timeout_s: float = 600.0
    fallback: tuple[str, ...] = ()
    routes: dict[str, str] = {}


class SkillCard(Wire):
    """A skill as the run knows it: `digest` is the SHA-256 of all that its directory holds.

    `allowed_tools` are the tools that its author had in mind; it never gives one that the agent does not have.
    """

    name: str
    description: str
    digest: str
    allowed_tools: tuple[str, ...] | None = None


class StarterCard(Wire):
    """Who started the run, as admission found it."""

    id: str
    assurance: Literal["signed", "claimed"] = "claimed"


class RunCard(Wire):
    """All that a run may know of its worker; the result of `run.admit`, recorded once.

    `policy` is the tenant's slice of the operator's policy, `policy_digest` its SHA-256. `warnings` are
    for people. `expressions` names the expression engine and its version;
    `carry_after_events` is the length of history after which the run is carried into a new one.
    `approvals` are the tenant's standing approvals; `audited` says that heads of the audit go into the memo;
    `seal` proves that a worker with the key made the card. `missing` is what the graph names and the worker does not
    have, as `kind:name`, where the run was started all the same.
    """

    v: int = 1
    engine: int
    tenant: str
    policy: dict[str, Any]
    policy_digest: str
    tools: dict[str, ToolCard] = {}
    models: dict[str, ModelCard] = {}
    skills: dict[str, SkillCard] = {}
    missing: tuple[str, ...] = ()
    expressions: str
    carry_after_events: int = 10_000
    warnings: tuple[str, ...] = ()
    starter: StarterCard | None = None
    approvals: tuple[Permit, ...] = ()
    audited: bool = False
    seal: str | None = None


class Carry(Wire):
    """What one history of a run hands to the next."""

    v: int = 1
    card: RunCard
    snapshot: dict[str, Any]
    told: dict[str, Any] = {}


class UsageView(Wire):
    """What the run used so far. `unpriced` are models whose calls cost something that `cost_usd` does not count."""

    tokens: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cost_usd: float = 0.0
    steps: int = 0
    tool_calls: int = 0
    elapsed_s: float = 0.0
    unpriced: tuple[str, ...] = ()


class BudgetView(Wire):
    """One scope's budget by unit: `tokens cost_usd steps wall_clock tool_calls`.

    Cost is in USD, wall clock in seconds; a limit of null is unlimited. `leased` is what the run holds of its
    tenant's budget, `overrun` what calls used beyond their reservations.
    """

    limit: dict[str, int | float | None] = {}
    used: dict[str, int | float] = {}
    reserved: dict[str, int | float] = {}
    leased: dict[str, int | float] = {}
    overrun: dict[str, int | float] = {}


class NodeView(Wire):
    """One activation. Times are RFC 3339."""

    activation: str
    node: str = ""
    kind: str = "tool"
    branch: str = ""
    visit: int = 1
    status: NodeStatus = "ok"
    started_at: str
    ended_at: str | None = None
    summary: str = ""

    @model_validator(mode="before")
    @classmethod
    def name_the_node(cls, data: object) -> object:
        """The node's name stands in its activation, so rows in history leave it out."""
        if isinstance(data, dict) and "node" not in data:
            named = str(data.get("activation", "")).rpartition("/")[2].partition("#")[0]
            return {**data, "node": named}
        return data


class AuditView(Wire):
    """Where the audit chain stands: how many records, the digest of the last, its signature if it is signed."""

    seq: int = 0
    head: str = ""
    key: str | None = None
    signature: str | None = None


class RunView(Wire):
    """A run as people and programs see it; what `--output json` prints.

    `budget` maps a scope to what it may use, has used and holds for calls in flight, each by unit.
    """

    v: int = 1
    id: str
    run_id: str
    graph: str
    version: str
    graph_digest: str = ""
    tenant: str
    phase: Phase
    output: Any = None
    error: ErrorInfo | None = None
    usage: UsageView = UsageView()
    budget: dict[str, BudgetView] = {}
    nodes: tuple[NodeView, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    pauses: tuple[PauseView, ...] = ()
    state: dict[str, Any] = {}
    warnings: tuple[str, ...] = ()
    audit: AuditView | None = None
    starter: StarterCard | None = None
    started_at: str = ""
    ended_at: str | None = None


RunResult = RunView
"""A run's result is its last view, so that a closed run can be shown without a worker."""
