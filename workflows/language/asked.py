"""What a graph asks for: its capabilities and its budget, read by the same rules as a policy's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.budget import Limits
from policies.capability import CapabilitySet, parse_capabilities
from policies.limits import SCOPES, read_limits
from policies.reading import Reader

if TYPE_CHECKING:
    from policies.errors import Problem


def asked_capabilities(data: object, path: str = "capabilities") -> tuple[CapabilitySet, list[Problem]]:
    """The set asked for, nothing for null, and all that is wrong with it."""
    return (CapabilitySet(), []) if data is None else parse_capabilities(data, path)


def asked_budget(data: object) -> tuple[Limits, list[Problem]]:
    """The limits asked for, unlimited where the graph does not say, and all that is wrong with them."""
    reader = Reader()
    limits = Limits() if data is None else read_limits(reader, data, "budget", Limits(), SCOPES["execution"])
    return limits, reader.problems
