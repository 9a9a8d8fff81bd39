"""Makes one compiled node from its part of a valid document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypedDict, cast

from workflows.language import graph as compiled
from workflows.language.asked import agents_own, asked_capabilities
from workflows.language.compile_plan import compile_rule, template_or_none
from workflows.language.durations import parse_duration
from workflows.language.expressions import compile_condition, compile_template
from workflows.language.people import read_people
from workflows.language.spec import AgentSpec, HumanSpec, ModelSpec, PlanSpec, ToolSpec, ValidateSpec, WaitSpec
from workflows.language.spec_values import FailureRoute

if TYPE_CHECKING:
    from policies.capability import CapabilitySet
    from workflows.language.expressions import Template
    from workflows.language.regions import Layout
    from workflows.language.spec import AnyNodeSpec, GraphSpec, NodeSpec
    from workflows.language.spec_values import CheckSpec

__all__ = ["MAX_VISITS", "Surroundings", "compile_node", "template_or_none"]

MAX_VISITS: Final = 25
MAX_TURNS: Final = 50
"""Reference row 50: OpenFang's iterations and AutoHands' turns."""
MAX_TOOL_CALLS: Final = 50
"""Reference row 50: TinyAgents' tool calls."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a node is compiled in: the whole document, its layout, and what the graph asks for."""

    graph: GraphSpec
    layout: Layout
    capabilities: CapabilitySet


class _Shared(TypedDict):
    name: str
    description: str
    writes: tuple[tuple[str, Template], ...]
    next: str | None
    routes: dict[str, str]
    retry: compiled.Retry
    timeout_s: float | None
    max_visits: int
    on_failure: compiled.OnFailure
    capabilities: CapabilitySet


def compile_node(around: Surroundings, name: str) -> compiled.AnyNode:
    """The compiled node; `around` must be valid and `name` reachable."""
    node = around.graph.nodes[name]
    shared = _shared(around, name, node)
    match node:
        case ToolSpec():
            return compiled.ToolNode(**shared, tool=node.tool, args=compile_template(node.with_ or {}))
        case ModelSpec():
            return _model(shared, node)
        case AgentSpec():
            return _agent(shared, node, _asked(around, node))
        case HumanSpec():
            return _human(shared, node)
        case WaitSpec():
            seconds = None if node.for_ is None else parse_duration(node.for_)
            return compiled.WaitNode(**shared, for_s=seconds, until=template_or_none(node.until))
        case ValidateSpec():
            return compiled.ValidateNode(**shared, checks=tuple(_check(check) for check in node.checks))
        case _:
            assert isinstance(node, PlanSpec), f"`{node.kind}` does not run yet, so it is never valid"
            return compiled.PlanNode(**shared, rules=tuple(compile_rule(rule) for rule in node.rules or ()))


def _shared(around: Surroundings, name: str, node: AnyNodeSpec) -> _Shared:
    defaults = around.graph.defaults
    timeout = node.timeout or defaults.timeout
    return _Shared(
        name=name,
        description=node.description,
        writes=tuple((channel, compile_template(value)) for channel, value in node.writes.items()),
        next=around.layout.next_of(around.graph, name),
        routes=dict(node.routes or {}),
        retry=_retry(around.graph, node),
        timeout_s=None if timeout is None else parse_duration(timeout),
        max_visits=node.max_visits or defaults.max_visits or MAX_VISITS,
        on_failure=_on_failure(around.graph, name, node),
        capabilities=_capabilities(around, node),
    )


def _retry(graph: GraphSpec, node: NodeSpec) -> compiled.Retry:
    """The node's own, field by field, else the defaults', else the built-in one."""
    said: dict[str, object] = {}
    for retry in (graph.defaults.retry, node.retry):
        said |= {} if retry is None else retry.model_dump(exclude_none=True)
    built_in = compiled.Retry()
    return compiled.Retry(
        max_attempts=cast("int", said.get("max_attempts", built_in.max_attempts)),
        initial_s=parse_duration(said["initial"]) if "initial" in said else built_in.initial_s,
        backoff=cast("float", said.get("backoff", built_in.backoff)),
        max_interval_s=parse_duration(said["max_interval"]) if "max_interval" in said else built_in.max_interval_s,
    )


def _on_failure(graph: GraphSpec, name: str, node: NodeSpec) -> compiled.OnFailure:
    said = graph.defaults.on_failure if node.on_failure is None else node.on_failure
    if isinstance(said, FailureRoute):
        itself = node.on_failure is None and said.to == name
        return compiled.OnFailure("default") if itself else compiled.OnFailure("to", said.to)
    return compiled.OnFailure("default" if said is None else said)


def _capabilities(around: Surroundings, node: NodeSpec) -> CapabilitySet:
    own = _asked(around, node)
    return agents_own(own, node.tools) if isinstance(node, AgentSpec) else own


def _asked(around: Surroundings, node: NodeSpec) -> CapabilitySet:
    if node.capabilities is None:
        return around.capabilities
    return around.capabilities.attenuate(asked_capabilities(node.capabilities)[0])


def _model(shared: _Shared, node: ModelSpec) -> compiled.ModelNode:
    return compiled.ModelNode(
        **shared,
        model=node.model,
        system=template_or_none(node.system),
        prompt=compile_template(node.prompt),
        output=node.output,
        max_tokens=node.max_tokens,
        temperature=node.temperature,
    )


def _agent(shared: _Shared, node: AgentSpec, asked: CapabilitySet) -> compiled.AgentNode:
    return compiled.AgentNode(
        **shared,
        model=node.model,
        instructions=template_or_none(node.instructions),
        prompt=compile_template(node.prompt),
        tools=tuple(dict.fromkeys(node.tools)),
        skills=tuple(dict.fromkeys(node.skills)),
        max_turns=node.max_turns or MAX_TURNS,
        max_tool_calls=MAX_TOOL_CALLS if node.max_tool_calls is None else node.max_tool_calls,
        output=node.output,
        asked=asked,
        session=node.session,
        on_limit=node.on_limit,
    )


def _human(shared: _Shared, node: HumanSpec) -> compiled.HumanNode:
    answerers, not_starter, _ = read_people(node.answerers, "")
    return compiled.HumanNode(
        **shared,
        ui=node.ui,
        ask=compile_template(node.ask),
        show=template_or_none(node.show),
        outcomes=tuple(node.outcomes),
        form=node.form,
        deadline_s=None if node.deadline is None else parse_duration(node.deadline),
        on_timeout=node.on_timeout,
        answerers=answerers,
        quorum=node.quorum or 1,
        not_starter=not_starter,
    )


def _check(check: CheckSpec) -> compiled.Check:
    return compiled.Check(
        name=check.name,
        when=None if check.when is None else compile_condition(check.when),
        schema=check.schema_,
        value=None if check.schema_ is None else compile_template(check.value),
        tool=check.tool,
        args=None if check.tool is None else compile_template(check.with_ or {}),
    )
