"""Everything a run remembers. It is plain data: `snapshot` writes it as JSON and reads it back.

A *frame* is the run or one branch, and has exactly one token (`token`: the activation it is on).
A *scope* is what a fork or map opened. An *activation* is one visit of one node. A *call* is one model or
tool call, from the moment a node wants it until its outcome has arrived. A *pause* waits for a person.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from policies.budget import NOTHING, Amount
from policies.loop_guard import LoopState
from policies.model import Effect, Risk, Trigger
from workflows.contracts.failures import ErrorInfo
from workflows.contracts.pause import Refusal
from workflows.contracts.run import NodeStatus, Phase
from workflows.engine.agent_state import AgentState, Conversation
from workflows.engine.gap_state import GapState
from workflows.engine.lease_state import LeaseState
from workflows.engine.memory_state import AuditState, SeenState
from workflows.engine.permit_state import GrantState, PermitState
from workflows.engine.steps import Step

ROOT = ""


@dataclass(slots=True)
class Frame:
    """The run (`path` is empty) or one branch. `order` is its place among live frames: indices from the root.

    `result` is bound where `bound` says so; it is of a task of the frame's own, and not its parent's, once it `worked`.
    `last` is kind, name, node and status of its last call, `loop` what the loop guard remembers of its calls, `talk`
    where the conversation of its last agent stands.
    """

    path: str
    order: tuple[int, ...] = ()
    parent: str | None = None
    scope: str | None = None
    index: int = 0
    bindings: dict[str, object] = field(default_factory=dict)
    writes: list[tuple[str, object]] = field(default_factory=list)
    values: dict[str, object] = field(default_factory=dict)
    visits: dict[str, int] = field(default_factory=dict)
    bound: bool = False
    worked: bool = False
    result: object = None
    error: ErrorInfo | None = None
    joined: dict[str, dict[str, object]] = field(default_factory=dict)
    token: str | None = None
    last: list[str] = field(default_factory=list)
    loop: LoopState | None = None
    talk: Conversation | None = None


BranchStatus = Literal["pending", "running", "ok", "failed", "cancelled"]


@dataclass(slots=True)
class BranchState:
    """One branch of a scope; `writes` is its log once it has ended well."""

    index: int
    to: str
    optional: bool
    bindings: dict[str, object]
    status: BranchStatus = "pending"
    slot: bool = False
    value: object = None
    error: ErrorInfo | None = None
    writes: list[tuple[str, object]] = field(default_factory=list)


@dataclass(slots=True)
class Scope:
    """What one rule of a plan opened; its id is the plan's activation, `rule` the rule's place in the plan."""

    id: str
    frame: str
    plan: str
    rule: int
    join: str
    mode: Literal["all", "settle"]
    max_concurrency: int
    branches: list[BranchState]
    slots: int = 0
    next_start: int = 0
    unfinished: int = 0
    closing: bool = False
    failed_branch: int | None = None


@dataclass(slots=True)
class Activation:
    """One visit of a node that has not ended; its frame's token is on it.

    At most one of `call` and `pause` is set for long: the call that is wanted, the pause that is open.
    `check` is the place in a validate node's checks, `failures` what they found. A call of an agent has an activation
    of its own, which names the agent's in `agent` and is no visit of a node: it has a budget, a clock and a pause.
    """

    id: str
    frame: str
    node: str
    visit: int
    kind: str
    seq: int
    started_ms: int
    status: NodeStatus = "running"
    calls: int = 0
    call: str | None = None
    pause: str | None = None
    generation: int = 0
    recalls: int = 0
    busy_since_ms: int | None = None
    check: int = 0
    failures: list[dict[str, object]] = field(default_factory=list)
    summary: str = ""
    agent: str | None = None


@dataclass(slots=True)
class Finished:
    """An activation that has ended. Kept small: it becomes a view only when somebody looks."""

    id: str
    frame: str
    node: str
    visit: int
    kind: str
    status: NodeStatus
    started_ms: int
    ended_ms: int
    summary: str


CallStatus = Literal["queued", "held", "asked", "in_flight"]


@dataclass(slots=True)
class CallState:
    """One wanted call. `doomed`: its frame is gone; the outcome is settled and otherwise ignored.

    `passed` are the rules that a person let pass for this call alone. Of a model call, `carried_bytes` is the size of
    the transcript that it goes on from, `tried` the aliases that failed before it, `first_tokens` the
    `max_tokens` that the first of them was asked with. `given_up`: who had it cancelled.
    """

    id: str
    activation: str
    index: int
    kind: Literal["tool", "model"]
    name: str
    activity: str
    args: dict[str, object]
    args_digest: str
    args_bytes: int
    effect: Effect
    risk: Risk
    input_tokens: int = 0
    max_tokens: int | None = None
    status: CallStatus = "queued"
    permit: PermitState | None = None
    reserve: Amount = NOTHING
    doomed: bool = False
    started_ms: int = 0
    downshifted: bool = False
    passed: tuple[str, ...] = ()
    carried_bytes: int = 0
    tried: tuple[str, ...] = ()
    first_tokens: int = 0
    given_up: str | None = None


@dataclass(slots=True)
class PauseState:
    """An open pause. `call` is the call that waits, if one does; `error` the failure that is asked about.

    `asked` is what the digest covers, `answers` those given so far where several must agree, `refused` how many were
    refused. `rules` are the rules that asked, `lacks` the capabilities that a grant would give, `rungs` the rungs of
    the ladder that an answer lets pass, `limit` the one that an agent has reached. A pause without an activation holds
    the whole run.
    """

    id: str
    triggers: tuple[Trigger, ...]
    ui: str
    activation: str
    ask: str
    show: str | None
    outcomes: tuple[str, ...]
    form: dict[str, object] | None
    opened_ms: int
    deadline_ms: int | None
    on_timeout: str
    answerers: tuple[str, ...] = ()
    quorum: int = 1
    not_starter: bool = False
    asked: dict[str, object] = field(default_factory=dict)
    answers: list[dict[str, object]] = field(default_factory=list)
    refused: int = 0
    rules: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    rungs: tuple[tuple[str, str], ...] = ()
    escalated: bool = False
    digest: str = ""
    call: str | None = None
    error: ErrorInfo | None = None
    limit: str = ""


@dataclass(slots=True)
class WaitState:
    """A wait node's timer."""

    activation: str
    due_ms: int


@dataclass(slots=True)
class Ending:
    """How the run will end once nothing is in flight any more."""

    phase: Phase
    output: object = None
    error: ErrorInfo | None = None
    values: dict[str, object] = field(default_factory=dict)


@dataclass(slots=True)
class Totals:
    """Counters for people; the ledgers are what limits."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    visits: int = 0
    finished: int = 0
    pauses: int = 0
    probes: int = 0


@dataclass(slots=True)
class RunState:
    """The whole run. `finished` holds the last 200 activations that ended, `closed_pauses` the last 200 pauses.

    `rungs` is the highest rung of the ladder that acted by scope and unit, `latched` the rules that people let pass
    and by whom, `halted` the pause that holds the whole run, `warned` what people were warned of (at most 50),
    `approvals` those of scope `run`, `grants` what people granted, `events` how many events were applied, `spent`
    the signatures of controls that were obeyed. `agents` are the live ones by activation, `gaps` the open ones by key,
    `declined` those that people declined, with who did: nobody is asked about them again, nor about what they said to
    go on without (`forgone`). `substitutes` is what stands for `kind:name` instead.
    """

    started_ms: int = 0
    now_ms: int = 0
    ended_ms: int | None = None
    frames: dict[str, Frame] = field(default_factory=dict)
    scopes: dict[str, Scope] = field(default_factory=dict)
    activations: dict[str, Activation] = field(default_factory=dict)
    calls: dict[str, CallState] = field(default_factory=dict)
    pauses: dict[str, PauseState] = field(default_factory=dict)
    waits: dict[str, WaitState] = field(default_factory=dict)
    finished: list[Finished] = field(default_factory=list)
    closed_pauses: list[str] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    deferred: dict[str, Step] = field(default_factory=dict)
    totals: Totals = field(default_factory=Totals)
    in_flight: int = 0
    held_by: str | None = None
    spent: list[str] = field(default_factory=list)
    draining: bool = False
    ending: Ending | None = None
    over: bool = False
    events: int = 0
    audit: AuditState = field(default_factory=AuditState)
    lease: LeaseState = field(default_factory=LeaseState)
    seen: SeenState = field(default_factory=SeenState)
    rungs: dict[str, str] = field(default_factory=dict)
    latched: dict[str, str] = field(default_factory=dict)
    halted: str | None = None
    warned: list[str] = field(default_factory=list)
    approvals: list[PermitState] = field(default_factory=list)
    grants: list[GrantState] = field(default_factory=list)
    agents: dict[str, AgentState] = field(default_factory=dict)
    gaps: dict[str, GapState] = field(default_factory=dict)
    declined: dict[str, str] = field(default_factory=dict)
    forgone: dict[str, str] = field(default_factory=dict)
    substitutes: dict[str, str] = field(default_factory=dict)
