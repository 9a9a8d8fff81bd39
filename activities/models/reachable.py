"""Which models the calls of a run may go to, beside those that its graph names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from policies.capability import Capability
from workflows.contracts.run import ModelCard
from workflows.language.graph import AgentNode, Graph, ModelNode


def reachable(names: Iterable[str], cards: Mapping[str, ModelCard], downshift: Mapping[str, str]) -> frozenset[str]:
    """The names, what they are routed to and fall back to, what the ladder moves those to, and so on."""
    found: list[str] = sorted(names)
    for alias in found:
        card = cards.get(alias)
        ways = [] if card is None else [*card.routes.values(), *card.fallback]
        ways += [downshift[alias]] if alias in downshift else []
        found += [way for way in dict.fromkeys(ways) if way not in found]
    return frozenset(found)


def idle_fallbacks(graph: Graph, cards: Mapping[str, ModelCard]) -> list[str]:
    """Warnings of fallbacks that a node does not ask for: they are left out when its model fails."""
    return [
        f"fallback: node `{node.name}` does not ask for `{to}`, so calls of `{alias}` do not go there"
        for node in graph.nodes.values()
        if isinstance(node, ModelNode | AgentNode)
        for alias in _asked(node.model, cards)
        for to in (cards[alias].fallback if alias in cards else ())
        if not node.capabilities.covers(Capability("model", to))
    ]


def _asked(alias: str, cards: Mapping[str, ModelCard]) -> list[str]:
    """The models that a node may begin with."""
    card = cards.get(alias)
    return [alias] if card is None or not card.routes else list(dict.fromkeys(card.routes.values()))
