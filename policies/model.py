"""The vocabulary of a decision: what is asked, what is known, what is answered."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from policies.budget import Amount
    from policies.capability import Capability, CapabilitySet
    from policies.loop_guard import LoopState


class Risk(StrEnum):
    """How much harm a call can do, as its tool declares it."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Effect(StrEnum):
    """What repeating a call does: nothing, a read, the same again, or harm."""

    NONE = "none"
    READ = "read"
    IDEMPOTENT = "idempotent"
    ONCE = "once"


class Trigger(StrEnum):
    """Why a run stops for a person."""

    RISKY_TOOL = "on_risky_tool"
    PROTECTED_PATH = "on_protected_path"
    CAPABILITY = "on_capability"
    GAP = "on_gap"
    BUDGET = "on_budget"
    GUARDRAIL = "on_guardrail"
    FAILURE = "on_failure"
    UNCERTAIN = "on_uncertain"
    PLAN = "on_plan"
    TASK = "on_task"
    EPIC = "on_epic"
    HUMAN_NODE = "on_human_node"


class Verdict(StrEnum):
    """The answers of the gate, mildest first. `wait` means: fits once siblings have settled."""

    ALLOW = "allow"
    MODIFY = "modify"
    WAIT = "wait"
    ASK = "ask"
    DENY = "deny"
    REJECT = "reject_execution"
    PAUSE = "pause_lifetime"
    ABORT = "abort_lifetime"


@dataclass(frozen=True, slots=True)
class Reason:
    """One rule that spoke: its id (`capability.denied`, `budget.lifetime.tokens`), verdict, words for people.

    `trigger` is what a person would be asked by, where the verdict is `ask`; `values` what the rule read, for
    `detent policy explain`.
    """

    rule: str
    verdict: Verdict
    message: str
    trigger: Trigger | None = None
    values: tuple[tuple[str, object], ...] = ()


@dataclass(slots=True)  # not frozen, which would triple the time it takes to make one
class Request:
    """One call before it is made, with the arguments that it will be made with.

    `needs` holds every capability that the call needs, the tool or model itself among them;
    `asked` what graph and node asked for; `discharged` the triggers that a person has approved for this
    very call. `reserve` is the worst case the call can use. For a model call `max_tokens` is the output
    bound that `reserve` was computed with and `output_nano` the price of one output token.
    `granted` is what a person granted to the run beyond `allow`. `discharged` are the asks that a person's
    answer covers, `latched` the ids of the rules that somebody let pass for the rest of the run.
    `fingerprint` is what the loop guard knows the call by: equal for equal names and arguments.
    """

    kind: Literal["tool", "model"]
    name: str
    activation: str
    node: str
    effect: Effect
    risk: Risk
    needs: tuple[Capability, ...]
    asked: CapabilitySet
    reserve: Amount
    max_tokens: int | None = None
    output_nano: int = 0
    discharged: frozenset[Trigger] = frozenset()
    latched: frozenset[str] = frozenset()
    granted: CapabilitySet | None = None
    args: object = None
    args_bytes: int = 0
    attempt: int = 1
    visit: int = 1
    graph: str = ""
    agent: str | None = None
    downshifted: bool = False
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class Counts:
    """What a scope has seen beside its budget. `elapsed_ms` is time with a call in flight or ready."""

    elapsed_ms: int = 0
    age_ms: int = 0
    depth: int = 0
    failures: int = 0
    denials: int = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """What the whole run has met so far; it only ever grows. Each is sorted; `counts` is by name."""

    tools: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    effects: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Last:
    """The call of this frame that ended last; empty before the first. `status` is `ok`, `failed` or `denied`."""

    kind: str = ""
    name: str = ""
    node: str = ""
    status: str = ""


NO_COUNTS, NOTHING_SEEN, NO_LAST = Counts(), Seen(), Last()


@dataclass(slots=True)
class Facts:
    """What the run knows when it asks: where it runs, what each budget scope has left, what it has been through.

    `tenant` is what the tenant's ledger last said of all runs together (null: the tenant has no budget);
    `lease` what this run holds of it and has not used; `tenant_refused` why the ledger gives no more, null
    while it has not said no. `rungs` maps `<scope>.<unit>` to the highest rung of
    the ladder that has acted there. `loop` is what the loop guard remembers of the call's frame.
    """

    namespace: str
    execution: Standing
    lifetime: Standing
    tenant: Standing | None = None
    lease: Standing | None = None
    tenant_refused: str | None = None
    lifetime_counts: Counts = NO_COUNTS
    tenant_counts: Counts = NO_COUNTS
    seen: Seen = NOTHING_SEEN
    last: Last = NO_LAST
    rungs: Mapping[str, str] = field(default_factory=dict)
    loop: LoopState | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is known once a call has ended, for the rules that read it. `status` is `ok` or `failed`."""

    tokens_used: int = 0
    cost_nano: int = 0
    latency_ms: int = 0
    status: Literal["ok", "failed"] = "ok"


@dataclass(slots=True)
class Standing:
    """One budget scope at one moment: its limits (null = unlimited), what is used and what is reserved.

    `stopped` names the units in which a call used more than its reservation; nothing more starts in that scope.
    """

    limit: Limits
    used: Amount
    reserved: Amount
    stopped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """The gate's answer, with the ids of the rules that made it.

    `reserve` and `max_tokens` are what to reserve and send when the verdict is `allow` or `modify`;
    `asks` the triggers that a person must discharge when it is `ask`. `warnings` are for people and change
    nothing. `rungs` are the rungs of the ladder that acted now, as (`<scope>.<unit>`, rung). `downshift` names the
    alias to use instead: such a call is not made, but decided again as a call of that alias. `lack` is what a
    lease must still hold before a call that waits can start, `lacks` the capabilities that a grant must cover.
    """

    verdict: Verdict
    reasons: tuple[Reason, ...]
    reserve: Amount
    max_tokens: int | None = None
    asks: tuple[Trigger, ...] = field(default=())
    warnings: tuple[Reason, ...] = ()
    rungs: tuple[tuple[str, str], ...] = ()
    downshift: str | None = None
    lack: Amount | None = None
    lacks: tuple[Capability, ...] = ()

    @property
    def rules(self) -> tuple[str, ...]:
        """The ids of the rules that spoke, in the order of the gate."""
        return tuple(reason.rule for reason in self.reasons)


@dataclass(frozen=True, slots=True)
class Review:
    """What the rules say of a call that has ended: allow, reject_execution, pause_lifetime or abort_lifetime."""

    verdict: Verdict
    reasons: tuple[Reason, ...] = ()
    warnings: tuple[Reason, ...] = ()

    @property
    def rules(self) -> tuple[str, ...]:
        """The ids of the rules that spoke, sorted."""
        return tuple(reason.rule for reason in self.reasons)


if TYPE_CHECKING:
    from policies.budget import Limits
