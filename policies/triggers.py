"""Triggers: how a person is asked, and what it means that nobody answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

from policies.model import Trigger

Ui: TypeAlias = Literal["panel", "modal", "toast"]
UIS: tuple[Ui, ...] = get_args(Ui)

KEEP_WAITING, ESCALATE = "keep_waiting", "escalate"

OUTCOMES: Final[dict[Trigger, tuple[str, ...]]] = {
    Trigger.RISKY_TOOL: ("approve", "deny"),
    Trigger.PROTECTED_PATH: ("approve", "deny"),
    Trigger.CAPABILITY: ("grant", "deny"),
    Trigger.GAP: ("provide", "grant", "substitute", "continue_without", "decline"),
    Trigger.BUDGET: ("continue", "raise", "reduce", "abort"),
    Trigger.GUARDRAIL: ("continue", "abort"),
    Trigger.FAILURE: ("retry", "skip", "abort"),
    Trigger.UNCERTAIN: ("retry", "skip", "complete", "abort"),
    Trigger.PLAN: ("approve", "revise", "cancel"),
    Trigger.TASK: ("approve", "skip", "abort"),
    Trigger.EPIC: ("approve", "skip", "abort"),
    Trigger.HUMAN_NODE: (),
}
"""What a person may answer (policy-language.md, "Triggers, outcomes, scopes"); a human node brings its own."""

ACCEPTING: Final = ("approve", "grant", "provide", "continue", "raise", "retry")
"""What may never happen because nobody answered."""

ON_TIMEOUT: Final[dict[Trigger, tuple[str, ...]]] = {
    Trigger.RISKY_TOOL: ("deny", "abort"),
    Trigger.PROTECTED_PATH: ("deny", "abort"),
    Trigger.CAPABILITY: ("deny", "abort"),
    Trigger.GAP: ("decline", "continue_without", "abort"),
    Trigger.BUDGET: ("abort", "reduce"),
    Trigger.GUARDRAIL: ("abort",),
    Trigger.FAILURE: ("abort", "skip"),
    Trigger.UNCERTAIN: ("abort", "skip"),
    Trigger.PLAN: ("cancel", "abort"),
    Trigger.TASK: ("abort", "skip"),
    Trigger.EPIC: ("abort", "skip"),
    Trigger.HUMAN_NODE: (KEEP_WAITING,),
}
"""What silence may mean beside waiting on and escalating, the default first. It is never a yes, and nothing that
needs more than a word (`substitute`, `complete`, `revise`)."""

TOASTS: Final[dict[Trigger, tuple[str, ...]]] = {
    Trigger.FAILURE: ("skip",),
    Trigger.TASK: ON_TIMEOUT[Trigger.TASK],
    Trigger.GAP: ("continue_without",),
}
"""Where a toast, which does not wait, is safe, and what `on_timeout` must be for that."""


@dataclass(frozen=True, slots=True)
class TriggerRule:
    """How a person is asked: where it shows, how long it waits (null: for ever), what silence means, who may answer.

    `answerers` are alternatives (`role:operator`, a person's id; empty: anyone), of whom `quorum` must say the
    same. `not_starter`: not whoever started the run. With `on_timeout: escalate`, `escalate` takes over then.
    """

    ui: Ui = "modal"
    deadline_s: float | None = None
    on_timeout: str = "deny"
    answerers: tuple[str, ...] = ()
    quorum: int = 1
    not_starter: bool = False
    escalate: TriggerRule | None = None
