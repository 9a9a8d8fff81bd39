"""The vocabulary of a decision: what is asked, what is known, what is answered."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from policies.budget import Amount
    from policies.capability import Capability, CapabilitySet


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
    FAILURE = "on_failure"
    UNCERTAIN = "on_uncertain"
    HUMAN_NODE = "on_human_node"


class Verdict(StrEnum):
    """The answers of the gate, mildest first. `wait` means: fits once siblings have settled."""

    ALLOW = "allow"
    MODIFY = "modify"
    WAIT = "wait"
    ASK = "ask"
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class Reason:
    """One rule that spoke: its id (`capability.denied`, `budget.lifetime.tokens`), verdict, words for people."""

    rule: str
    verdict: Verdict
    message: str


@dataclass(slots=True)  # not frozen, which would triple the time it takes to make one
class Request:
    """One call before it is made, with the arguments that it will be made with.

    `needs` holds every capability that the call needs, the tool or model itself among them;
    `asked` what graph and node asked for; `discharged` the triggers that a person has approved for this
    very call. `reserve` is the worst case the call can use. For a model call `max_tokens` is the output
    bound that `reserve` was computed with and `output_nano` the price of one output token.
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


@dataclass(slots=True)
class Facts:
    """What the run knows when it asks: where it runs, and what each budget scope has left."""

    namespace: str
    execution: Standing
    lifetime: Standing


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
    `asks` the triggers that a person must discharge when it is `ask`.
    """

    verdict: Verdict
    reasons: tuple[Reason, ...]
    reserve: Amount
    max_tokens: int | None = None
    asks: tuple[Trigger, ...] = field(default=())

    @property
    def rules(self) -> tuple[str, ...]:
        """The ids of the rules that spoke, in the order of the gate."""
        return tuple(reason.rule for reason in self.reasons)


if TYPE_CHECKING:
    from policies.budget import Limits
