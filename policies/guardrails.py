"""Guardrails: the operator's own rules, before and after a call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

GuardScope: TypeAlias = Literal["execution", "lifetime", "tenant"]
GUARD_SCOPES: tuple[GuardScope, ...] = get_args(GuardScope)
Action: TypeAlias = Literal["reject_execution", "pause_lifetime", "abort_lifetime", "ask", "deny", "warn"]
ACTIONS: tuple[Action, ...] = get_args(Action)


@dataclass(frozen=True, slots=True)
class Guardrail:
    """One rule: when its expression is true, its action follows. `message` may hold `${expr}` over the same facts.

    A rule that a person has let pass with `continue` stays latched for the run unless `repeat`.
    """

    id: str
    scope: GuardScope
    when: str
    then: Action
    message: str = ""
    repeat: bool = False
