"""Capabilities: what nodes need is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from policies.capability import Capability, CapabilitySet, resolve_needs
from workflows.contracts.run import ModelCard
from workflows.language.asked import asked_budget, asked_capabilities
from workflows.language.check_agent import OF_AGENTS
from workflows.language.check_arguments import UNKNOWN, check_arguments, constant
from workflows.language.outline import node_path
from workflows.language.schema import with_defaults
from workflows.language.spec import AgentSpec, ModelSpec, ToolSpec, ValidateSpec

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from workflows.contracts.run import ToolCard
    from workflows.language.findings import Findings
    from workflows.language.spec import AnyNodeSpec, GraphSpec


Routes = Mapping[str, Mapping[str, str]]
NO_ROUTES: Final[Routes] = {}
_NEVER: Final = "nothing can grant that: a path is relative to the workspace root and stays inside it"


@dataclass(frozen=True, slots=True)
class _Use:
    """One call of a tool as the document writes it; `path` has `tool` and `with`, `own` is asked(node)."""

    node: str
    path: str
    tool: str
    args: dict[str, object]
    own: CapabilitySet


def routes_of(models: Collection[str] | None) -> Routes:
    """The routes of the routers among a worker's models, where these are given with their cards."""
    cards = models if isinstance(models, Mapping) else {}
    return {alias: card.routes for alias, card in cards.items() if isinstance(card, ModelCard) and card.routes}


def check_needs(
    graph: GraphSpec, tools: Mapping[str, ToolCard] | None, findings: Findings, routes: Routes = NO_ROUTES
) -> None:
    """Report needs that are not asked for, and arguments that a tool does not take.

    `routes` are those of each alias that is a router: whatever it may lead to is called under its own name.
    """
    asked, problems = asked_capabilities(graph.capabilities)
    findings.problems += [*problems, *asked_budget(graph.budget)[1]]
    for name, node in graph.nodes.items():
        own = _own(name, node, asked, findings)
        if isinstance(node, ModelSpec | AgentSpec):
            for alias in (node.model, *dict.fromkeys(routes.get(node.model, {}).values())):
                _asked(own, Capability("model", alias), node_path(name, "model"), name, findings)
        if isinstance(node, AgentSpec):
            _agent(name, node, own, tools or {}, findings)
        for use in _uses(name, node, own):
            _asked(own, Capability("tool", use.tool), f"{use.path}.tool", name, findings)
            card = None if tools is None else tools.get(use.tool)
            if card is not None:
                check_arguments(use.node, use.path, use.args, card, findings)
                _card_needs(use, card, findings)


def _own(name: str, node: AnyNodeSpec, asked: CapabilitySet, findings: Findings) -> CapabilitySet:
    """What a node asks for: the graph's, narrowed by its own."""
    if node.capabilities is None:
        return asked
    path = node_path(name, "capabilities")
    own, problems = asked_capabilities(node.capabilities, path)
    findings.problems += problems
    for grant in own.grants:
        if not asked.covers(grant):
            message = f"node `{name}` asks for `{grant}`, and the graph does not"
            findings.error(
                "capability_wider", path, message, "a node may only ask for less: add it to the graph's, too"
            )
    return asked.attenuate(own)


def _uses(name: str, node: AnyNodeSpec, own: CapabilitySet) -> Iterator[_Use]:
    """The tools that a node calls itself."""
    if isinstance(node, ToolSpec):
        yield _Use(name, node_path(name), node.tool, dict(node.with_ or {}), own)
    if isinstance(node, ValidateSpec):
        for index, check in enumerate(node.checks):
            if check.tool is not None:
                yield _Use(name, node_path(name, f"checks[{index}]"), check.tool, dict(check.with_ or {}), own)


def _agent(name: str, node: AgentSpec, own: CapabilitySet, tools: Mapping[str, ToolCard], findings: Findings) -> None:
    """An agent's tools, with arguments that only its model knows: of each kind that they need, something is asked."""
    for index, tool in enumerate(node.tools):
        path = node_path(name, f"tools[{index}]")
        if tool not in OF_AGENTS:
            _asked(own, Capability("tool", tool), path, name, findings)
        card = tools.get(tool)
        for need in () if card is None else card.needs:
            if need.arg is None:
                _asked(own, Capability(need.kind, str(need.value)), path, name, findings)
            else:
                _kind_asked(own, need.kind, f"node `{name}`: tool `{tool}`", path, findings)


def _kind_asked(own: CapabilitySet, kind: str, who: str, path: str, findings: Findings) -> None:
    if not any(grant.kind == kind for grant in own.grants):
        message = f"{who} needs `{kind}`, of which nothing is asked for"
        findings.error("capability_not_asked", path, message, f"add `- {kind}: [...]` to `capabilities`")


def _asked(own: CapabilitySet, need: Capability, path: str, name: str, findings: Findings) -> None:
    if not own.covers(need):
        message = f"node `{name}` needs `{need}`, which is not asked for"
        grantable = not asked_capabilities([{need.kind: [need.pattern]}])[1]
        hint = f'add `- {need.kind}: ["{need.pattern}"]` to `capabilities`' if grantable else _NEVER
        findings.error("capability_not_asked", path, message, hint)


def _card_needs(use: _Use, card: ToolCard, findings: Findings) -> None:
    """What the tool's own declaration needs: exactly where the argument is constant, else its kind at least."""
    args = with_defaults(card.input_schema, use.args)
    for need in card.needs:
        if need.arg is not None and need.arg not in args:
            continue
        place = f"{use.path}.with.{need.arg}" if need.arg in use.args else f"{use.path}.tool"
        value = need.value if need.arg is None else constant(args[need.arg])
        if value is UNKNOWN:
            _kind_asked(use.own, need.kind, f"node `{use.node}`: tool `{card.name}`", place, findings)
        elif isinstance(value, str | list):  # anything else is no path, which has been told
            for capability in resolve_needs([need], {str(need.arg): value}):
                _asked(use.own, capability, place, use.node, findings)
