"""The written form of triggers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from policies.answerer_entries import NOT_STARTER, read_entries, write_entries
from policies.model import Trigger
from policies.reading import RULE_NAME, join, quoted
from policies.triggers import ACCEPTING, ESCALATE, KEEP_WAITING, ON_TIMEOUT, TOASTS, UIS, TriggerRule, Ui
from policies.units import read_count, read_span, write_duration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from policies.reading import Reader

KEYS = ("ui", "deadline", "on_timeout", "answerers", "quorum", "not_starter", "escalate")
ESCALATED = ("deadline", "on_timeout", "answerers", "quorum", "not_starter")


def read_triggers(reader: Reader, value: object, path: str) -> dict[Trigger, TriggerRule]:
    """The triggers at `path`."""
    rules: dict[Trigger, TriggerRule] = {}
    for place, key, item in reader.entries(value, path, known=tuple(trigger.value for trigger in Trigger)):
        trigger = Trigger(key)
        found = _read_fields(reader, item, place, trigger)
        rules[trigger] = found.rule()
        _check(reader, rules[trigger], place, trigger)
    return rules


def write_triggers(rules: Mapping[Trigger, TriggerRule]) -> dict[str, object]:
    """The mapping that `read_triggers` reads as these rules."""
    written: dict[str, object] = {}
    for trigger in sorted(rules):
        rule = rules[trigger]
        escalate = {} if rule.escalate is None else {"escalate": _write_rule(rule.escalate)}
        written[trigger.value] = {"ui": rule.ui, **_write_rule(rule), **escalate}
    return written


@dataclass(slots=True)
class _Fields:
    """What one rule says, with what it leaves out at its default."""

    on_timeout: str
    ui: Ui = "modal"
    deadline_ms: int | None = None
    answerers: tuple[str, ...] = ()
    quorum: int = 1
    not_starter: bool = False
    escalate: _Fields | None = None
    given: set[str] = field(default_factory=set)

    def rule(self) -> TriggerRule:
        """The rule. Whoever started the run gets no say by waiting until somebody else is asked."""
        deadline_s = None if self.deadline_ms is None else self.deadline_ms / 1000
        later = self.escalate
        if later is not None:
            later.ui, later.not_starter = self.ui, later.not_starter or self.not_starter
        escalate = None if later is None else later.rule()
        return TriggerRule(
            self.ui, deadline_s, self.on_timeout, self.answerers, self.quorum, self.not_starter, escalate
        )


def _read_fields(reader: Reader, value: object, path: str, trigger: Trigger, known: tuple[str, ...] = KEYS) -> _Fields:
    fields = _Fields(ON_TIMEOUT[trigger][0])
    for place, key, item in reader.entries(value, path, known=known):
        fields.given.add(key)
        if key == "escalate":
            fields.escalate = _read_escalation(reader, item, place, trigger)
        elif key == "answerers":
            _read_answerers(reader, item, place, fields)
        else:
            _read_field(reader, item, place, key, fields, trigger)
    return fields


def _read_field(  # noqa: PLR0913, PLR0917  a value, its place and what it is for
    reader: Reader, value: object, path: str, key: str, fields: _Fields, trigger: Trigger
) -> None:
    match key:
        case "ui":
            fields.ui = cast("Ui", reader.choice(value, path, UIS) or fields.ui)
        case "deadline":
            fields.deadline_ms = None if value is None else reader.convert(value, path, read_span)
        case "on_timeout":
            fields.on_timeout = _read_silence(reader, value, path, trigger) or fields.on_timeout
        case "quorum":
            fields.quorum = reader.convert(value, path, _read_quorum) or fields.quorum
        case _:
            fields.not_starter = reader.flag(value, path) or fields.not_starter


def _read_escalation(reader: Reader, value: object, path: str, trigger: Trigger) -> _Fields:
    found = _read_fields(reader, value, path, trigger, ESCALATED)
    if isinstance(value, dict) and "answerers" not in found.given:
        reader.add("missing", path, "an escalation names its `answerers`", "write `answerers: [role:lead]`")
    if found.on_timeout == ESCALATE:
        reader.add("wrong_value", join(path, "on_timeout"), "an escalation does not escalate further")
    return found


def _read_answerers(reader: Reader, value: object, path: str, fields: _Fields) -> None:
    """`not_starter` among the answerers is another way to say `not_starter: true`."""
    if isinstance(value, list | tuple) and NOT_STARTER in value:
        fields.not_starter = True
        value = [item for item in value if item != NOT_STARTER] or ["any"]
    fields.answerers = read_entries(reader, value, path)


def _read_quorum(value: object) -> int:
    quorum = read_count(value)
    if not quorum:
        raise ValueError("is no number of people: write 1 or more")
    return quorum


def _read_silence(reader: Reader, value: object, path: str, trigger: Trigger) -> str | None:
    if trigger is Trigger.HUMAN_NODE:
        return reader.name(value, path, RULE_NAME)
    allowed = (*ON_TIMEOUT[trigger], KEEP_WAITING, ESCALATE)
    if isinstance(value, str) and value in ACCEPTING:
        message = f"`{value}` may not happen because nobody answered"
        reader.add("unsafe", path, message, f"write one of {quoted(allowed)}")
        return None
    return reader.choice(value, path, allowed)


def _check(reader: Reader, rule: TriggerRule, path: str, trigger: Trigger) -> None:
    """What only shows when the whole rule is there. A human node has its own deadline and its own silence."""
    if rule.ui == "toast" and rule.on_timeout not in TOASTS.get(trigger, ()):
        safe = "`on_failure` with `on_timeout: skip`, `on_task`, and `on_gap` with `on_timeout: continue_without`"
        reader.add("unsafe", path, "a `toast` does not wait", f"use `modal`; a toast is safe for {safe}")
    escalates = rule.on_timeout == ESCALATE
    if escalates and rule.escalate is None:
        message = "`on_timeout: escalate` does not say to whom"
        reader.add("missing", join(path, "escalate"), message, "write `escalate: {answerers: [role:lead]}`")
    if trigger is Trigger.HUMAN_NODE:
        return
    if escalates and rule.deadline_s is None:
        reader.add("missing", join(path, "deadline"), "without a `deadline` nothing ever escalates", "write `1h`")
    if rule.escalate is not None and not escalates:
        message = "nothing escalates unless `on_timeout` says so"
        reader.add("wrong_value", join(path, "escalate"), message, "write `on_timeout: escalate`")


def _write_rule(rule: TriggerRule) -> dict[str, object]:
    return {
        "deadline": None if rule.deadline_s is None else write_duration(round(rule.deadline_s * 1000)),
        "on_timeout": rule.on_timeout,
        "answerers": write_entries(rule.answerers),
        "quorum": rule.quorum,
        "not_starter": rule.not_starter,
    }
