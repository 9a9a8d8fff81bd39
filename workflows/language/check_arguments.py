"""Arguments: those that a document gives to a tool are those that the tool takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from policies.reading import nearest, quoted
from workflows.language.expressions import ExpressionError, compile_template
from workflows.language.schema import validate_value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workflows.contracts.run import ToolCard
    from workflows.language.findings import Findings

UNKNOWN: Final = object()
"""What an argument with expressions is before it is rendered."""


def check_arguments(node: str, path: str, args: Mapping[str, object], card: ToolCard, findings: Findings) -> None:
    """Report arguments that are unknown, missing, or constant and wrong."""
    schema = card.input_schema
    properties = schema.get("properties")
    known = properties if isinstance(properties, dict) else {}
    where = f"node `{node}`: tool `{card.name}`"
    missing = [argument for argument in schema.get("required", ()) if argument not in args]
    if missing:
        findings.error("missing_argument", f"{path}.with", f"{where} needs {quoted(missing)}", "give it in `with`")
    for argument, value in args.items():
        place = f"{path}.with.{argument}"
        if argument in known:
            for fault in _faults(schema, argument, known[argument], constant(value)):
                findings.error("bad_argument", place, f"{where}: {fault}")
        elif known and schema.get("additionalProperties") in (None, False):
            hint = nearest(argument, sorted(known)) or f"it takes {quoted(sorted(known))}"
            findings.error("unknown_argument", place, f"{where} takes no `{argument}`", hint)


def _faults(schema: Mapping[str, object], argument: str, rule: object, value: object) -> list[str]:
    if value is UNKNOWN:
        return []
    return validate_value({"properties": {argument: rule}, "$defs": schema.get("$defs", {})}, {argument: value})


def constant(value: object) -> object:
    """The value of a template without expressions, `UNKNOWN` for any other."""
    try:
        template = compile_template(value)
        return template.render({}) if template.is_constant else UNKNOWN
    except ExpressionError:
        return UNKNOWN
