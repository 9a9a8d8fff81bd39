"""Channels and schemas: initial values that fit, and schemas within the subset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from policies.cel_parser import RESERVED as CEL_WORDS
from workflows.language.outline import node_path
from workflows.language.schema import check_schema, validate_value
from workflows.language.spec import AgentSpec, HumanSpec, ModelSpec, ValidateSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workflows.language.findings import Findings
    from workflows.language.spec import AnyNodeSpec, GraphSpec
    from workflows.language.spec_values import ChannelSpec

_HOLDS: Final = {
    **dict.fromkeys(("append", "extend", "union", "messages"), ("a list", (list,))),
    "merge": ("a map", (dict,)),
    **dict.fromkeys(("add", "max", "min"), ("a number", (int, float))),
}
"""What the channels of each reducer hold; the others hold anything."""


def check_state(graph: GraphSpec, findings: Findings) -> None:
    """Everything that is wrong with channels, and with every schema of the graph."""
    bad = {path for path, schema in _schemas(graph) if _report(schema, path, findings)}
    for name, channel in graph.state.items():
        path = f"state.{name}"
        if name in CEL_WORDS:
            findings.error("name_taken", path, f"`{name}` is a word of the language", "give the channel another name")
        if channel.initial is not None:
            _initial(path, channel, findings, schema_is_good=f"{path}.schema" not in bad)


def _initial(path: str, channel: ChannelSpec, findings: Findings, *, schema_is_good: bool) -> None:
    needed, kinds = _HOLDS.get(channel.reducer, ("anything", (object,)))
    if not isinstance(channel.initial, kinds) or (needed == "a number" and isinstance(channel.initial, bool)):
        message = f"a channel with `reducer: {channel.reducer}` starts with {needed}"
        findings.error("bad_initial", f"{path}.initial", message)
    elif channel.schema_ is not None and schema_is_good:
        for fault in validate_value(channel.schema_, channel.initial):
            findings.error("bad_initial", f"{path}.initial", f"its own schema refuses it: {fault}")


def _report(schema: object, path: str, findings: Findings) -> bool:
    found = check_schema(schema, path)
    findings.problems += found
    return bool(found)


def _schemas(graph: GraphSpec) -> Iterator[tuple[str, dict[str, object]]]:
    """Every schema of the graph with its path."""
    if graph.input is not None:
        yield "input", graph.input
    for channel, spec in graph.state.items():
        if spec.schema_ is not None:
            yield f"state.{channel}.schema", spec.schema_
    for name, node in graph.nodes.items():
        yield from _node_schemas(name, node)


def _node_schemas(name: str, node: AnyNodeSpec) -> Iterator[tuple[str, dict[str, object]]]:
    if isinstance(node, ModelSpec | AgentSpec) and node.output is not None:
        yield node_path(name, "output"), node.output
    if isinstance(node, HumanSpec) and node.form is not None:
        yield node_path(name, "form"), node.form
    if isinstance(node, ValidateSpec):
        for index, check in enumerate(node.checks):
            if check.schema_ is not None:
                yield node_path(name, f"checks[{index}]", "schema"), check.schema_
