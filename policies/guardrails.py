"""Guardrails: the operator's own rules, and the facts that they may read."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, get_args

from policies.expressions import Path, Program, compile_expression
from policies.text_pieces import split_text

if TYPE_CHECKING:
    from collections.abc import Mapping

GuardScope: TypeAlias = Literal["execution", "lifetime", "tenant"]
GUARD_SCOPES: tuple[GuardScope, ...] = get_args(GuardScope)
Action: TypeAlias = Literal["reject_execution", "pause_lifetime", "abort_lifetime", "ask", "deny", "warn"]
ACTIONS: tuple[Action, ...] = get_args(Action)
BEFORE_ONLY: Final[tuple[Action, ...]] = ("ask", "deny")
"""What can only be said of a call that has not been made."""

Sort: TypeAlias = Literal["text", "number", "texts", "numbers", "any"]
"""What a fact is: a text, an int or double, a list of texts, a map from names to ints, any JSON value."""

_SCOPE: dict[str, Sort] = dict.fromkeys(
    (
        *("tokens_used", "tokens_reserved", "cost_usd", "cost_reserved", "steps", "tool_calls", "elapsed_s"),
        *("age_s", "depth", "failures", "denials"),
    ),
    "number",
)
FIELDS: Final[Mapping[str, Sort | Mapping[str, Sort]]] = {
    "execution": {
        "kind": "text",
        "name": "text",
        "node": "text",
        "risk": "text",
        "attempt": "number",
        "visit": "number",
        "tokens_reserved": "number",
        "cost_reserved": "number",
        "args": "any",
        "args_bytes": "number",
        "tokens_used": "number",
        "cost_usd": "number",
        "latency_ms": "number",
        "status": "text",
    },
    "lifetime": _SCOPE,
    "tenant": _SCOPE,
    "graph": "text",
    "agent": "text",
    "capability": {"kind": "text", "value": "text"},
    "seen": {
        **dict.fromkeys(("tools", "kinds", "effects", "labels", "hosts", "nodes"), "texts"),
        "counts": "numbers",
    },
    "last": {"kind": "text", "name": "text", "node": "text", "status": "text"},
}
"""The facts by name, as the bindings of a rule have them; `agent` is empty outside of agents."""

AFTER: Final = frozenset(("tokens_used", "cost_usd", "latency_ms", "status"))
"""The fields of `execution` that are known only after a call."""

NAMES: Final = frozenset(FIELDS)


@dataclass(frozen=True)
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

    @cached_property
    def condition(self) -> Program:
        """`when`, compiled; `ExpressionError` if it does not compile."""
        return compile_expression(self.when, NAMES, want_bool=True)

    @cached_property
    def words(self) -> tuple[str | Program, ...]:
        """`message` in literal texts and programs; `ExpressionError` if one does not compile."""
        return split_text(self.message, NAMES)

    @cached_property
    def paths(self) -> tuple[Path, ...]:
        """The facts that the rule reads, in its condition and its message."""
        told = (path for piece in self.words if isinstance(piece, Program) for path in piece.paths)
        return tuple(dict.fromkeys((*self.condition.paths, *told)))

    @cached_property
    def is_after(self) -> bool:
        """Whether it reads what is known only after a call, and so runs only then."""
        return any(path.name == "execution" and path.steps and path.steps[0] in AFTER for path in self.paths)
