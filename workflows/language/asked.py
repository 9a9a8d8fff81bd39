"""What a graph asks for: its capabilities and its budget, read by the same rules as a policy's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.budget import Limits
from policies.capability import Capability, CapabilitySet, parse_capabilities
from policies.limits import SCOPES, read_limits
from policies.reading import Reader
from workflows.contracts.agent_tools import LOAD_SKILL, REQUEST_CAPABILITY

if TYPE_CHECKING:
    from collections.abc import Iterable

    from policies.errors import Problem


def asked_capabilities(data: object, path: str = "capabilities") -> tuple[CapabilitySet, list[Problem]]:
    """The set asked for, nothing for null, and all that is wrong with it."""
    return (CapabilitySet(), []) if data is None else parse_capabilities(data, path)


def agents_own(asked: CapabilitySet, tools: Iterable[str]) -> CapabilitySet:
    """The same set, of tools only the agent's, and those that every agent has (policy-language.md, "Capabilities")."""
    others = [grant for grant in asked.grants if grant.kind != "tool"]
    named = [Capability("tool", tool) for tool in tools]
    own = [Capability("tool", tool) for tool in (LOAD_SKILL, REQUEST_CAPABILITY)]
    return CapabilitySet((*others, *(tool for tool in named if asked.covers(tool)), *own))


def asked_budget(data: object) -> tuple[Limits, list[Problem]]:
    """The limits asked for, unlimited where the graph does not say, and all that is wrong with them."""
    reader = Reader()
    limits = Limits() if data is None else read_limits(reader, data, "budget", Limits(), SCOPES["execution"])
    return limits, reader.problems
