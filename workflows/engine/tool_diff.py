"""What has changed between two versions of a tool, in lines that a person can read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.canonical import canonical

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from workflows.contracts.run import NeedCard, ToolCard

SHORT_DIGITS = 12
_OWN = ("properties", "required", "description")
"""Parts of a schema that are told of one by one."""


def tool_diff(old: ToolCard, new: ToolCard) -> str:
    """Declaration, arguments and code, a line each; the last line has the digests of both."""
    lines = [*_declared(old, new), *_described(old.input_schema, new.input_schema)]
    if not lines and old.digest != new.digest:
        lines.append("code: another; what is declared is the same")
    lines.append(f"digest: {old.digest[:SHORT_DIGITS]} → {new.digest[:SHORT_DIGITS]}")
    return "\n".join(lines)


def _declared(old: ToolCard, new: ToolCard) -> Iterator[str]:
    facts = {
        "effect": (old.effect.value, new.effect.value),
        "risk": (old.risk.value, new.risk.value),
        "timeout": (f"{old.timeout_s:g} s", f"{new.timeout_s:g} s"),
        "needs": (_needs(old.needs), _needs(new.needs)),
        "labels": (", ".join(old.labels) or "none", ", ".join(new.labels) or "none"),
    }
    for name, (before, after) in facts.items():
        if before != after:
            yield f"{name}: {before} → {after}"


def _needs(needs: tuple[NeedCard, ...]) -> str:
    named = [f"{need.kind} of `{need.arg}`" if need.value is None else f"{need.kind}:{need.value}" for need in needs]
    return ", ".join(named) or "nothing"


def _described(old: Mapping[str, object], new: Mapping[str, object]) -> Iterator[str]:
    if old.get("description") != new.get("description"):
        yield f"description: {_shown(old.get('description'))} → {_shown(new.get('description'))}"
    before, after = _arguments(old), _arguments(new)
    for name in (*before, *(name for name in after if name not in before)):
        if name not in after:
            yield f"argument `{name}`: gone (it was {before[name]})"
        elif name not in before:
            yield f"argument `{name}`: new, {after[name]}"
        elif before[name] != after[name]:
            yield f"argument `{name}`: {before[name]} → {after[name]}"
    rest = [{key: value for key, value in schema.items() if key not in _OWN} for schema in (old, new)]
    if rest[0] != rest[1]:
        yield f"schema: {_shown(rest[0])} → {_shown(rest[1])}"


def _arguments(schema: Mapping[str, object]) -> dict[str, str]:
    """Each argument with its schema and whether it must be given."""
    properties, required = schema.get("properties"), schema.get("required")
    must = required if isinstance(required, list | tuple) else ()
    named = properties if isinstance(properties, dict) else {}
    return {
        name: f"{_shown(one)}{' (required)' if name in must else ''}" for name, one in sorted(named.items(), key=_name)
    }


def _name(item: tuple[str, object]) -> str:
    return item[0]


def _shown(value: object) -> str:
    return canonical(value).decode()
