"""Triggers: how a person is asked, and what it means that nobody answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, cast, get_args

from policies.model import Trigger
from policies.units import read_duration, write_duration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from policies.reading import Reader

Ui: TypeAlias = Literal["panel", "modal", "toast"]
UIS: tuple[Ui, ...] = get_args(Ui)

ON_TIMEOUT: dict[Trigger, tuple[str, ...]] = {
    Trigger.RISKY_TOOL: ("deny", "abort", "keep_waiting"),
    Trigger.PROTECTED_PATH: ("deny", "abort", "keep_waiting"),
    Trigger.FAILURE: ("abort", "skip", "keep_waiting"),
}
"""What silence may mean, the default first. It is never a yes: no approve, no grant, no retry."""

LATER = tuple(
    f"on_{name}"
    for name in ("capability", "gap", "budget", "guardrail", "uncertain", "plan", "task", "epic", "human_node")
)
_ACCEPTING = ("approve", "grant", "provide", "continue", "raise", "retry")


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


def read_triggers(reader: Reader, value: object, path: str) -> dict[Trigger, TriggerRule]:
    """The triggers at `path`."""
    rules: dict[Trigger, TriggerRule] = {}
    for place, key, item in reader.entries(value, path, known=tuple(ON_TIMEOUT), later=LATER):
        rules[Trigger(key)] = _read_rule(reader, item, place, Trigger(key))
    return rules


def write_triggers(rules: Mapping[Trigger, TriggerRule]) -> dict[str, object]:
    """The mapping that `read_triggers` reads as these rules."""
    return {trigger.value: _write_rule(rules[trigger]) for trigger in sorted(rules)}


def _read_rule(reader: Reader, value: object, path: str, trigger: Trigger) -> TriggerRule:
    ui: Ui = "modal"
    deadline_ms: int | None = None
    on_timeout = ON_TIMEOUT[trigger][0]
    later = ("answerers", "quorum", "escalate")
    for place, key, item in reader.entries(value, path, known=("ui", "deadline", "on_timeout"), later=later):
        if key == "ui":
            ui = cast("Ui", reader.choice(item, place, UIS) or ui)
        elif key == "deadline":
            deadline_ms = None if item is None else reader.convert(item, place, read_duration)
        else:
            on_timeout = _read_silence(reader, item, place, trigger) or on_timeout
    if ui == "toast" and on_timeout != "skip":
        reader.add("unsafe", path, "a `toast` does not wait", "use `modal`, or `on_timeout: skip` with `on_failure`")
    return TriggerRule(ui, None if deadline_ms is None else deadline_ms / 1000, on_timeout)


def _read_silence(reader: Reader, value: object, path: str, trigger: Trigger) -> str | None:
    if isinstance(value, str) and value in _ACCEPTING:
        allowed = " or ".join(f"`{word}`" for word in ON_TIMEOUT[trigger])
        reader.add("unsafe", path, f"`{value}` may not happen because nobody answered", f"write {allowed}")
        return None
    return reader.choice(value, path, ON_TIMEOUT[trigger])


def _write_rule(rule: TriggerRule) -> dict[str, object]:
    deadline = None if rule.deadline_s is None else write_duration(round(rule.deadline_s * 1000))
    return {"ui": rule.ui, "deadline": deadline, "on_timeout": rule.on_timeout}
