"""Reads a document into its model, and goes on with what is readable when parts are not.

So a graph with one mistyped field still has its unknown tools, names and joins reported in the same run.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pydantic import ValidationError

from policies.errors import Problem
from policies.reading import shown
from workflows.language.faults import place_of, problems_of
from workflows.language.spec import GraphSpec
from workflows.language.spec_values import CHANNEL_NAME


@dataclass(frozen=True, slots=True)
class Reading:
    """What could be read. `broken` are the nodes that could not, `complete` is whether everything could."""

    graph: GraphSpec | None
    problems: tuple[Problem, ...]
    broken: frozenset[str]

    @property
    def complete(self) -> bool:
        """Whether nothing was left out."""
        return self.graph is not None and not self.problems


def read(document: object) -> Reading:
    """Read a plain document."""
    if not isinstance(document, dict):
        problem = Problem(
            "wrong_type", f"{shown(document)} is not a graph", "", "write `graph: name`, `start:`, `nodes:` …"
        )
        return Reading(None, (problem,), frozenset())
    try:
        return Reading(GraphSpec.model_validate(document), (), frozenset())
    except ValidationError as error:
        places = [place_of(details) for details in error.errors(include_url=False)]
        return _rest(document, tuple(problems_of(error)), places)


def _rest(document: dict[str, object], problems: tuple[Problem, ...], places: list[tuple[str | int, ...]]) -> Reading:
    """What is left once the fields, channels and nodes with problems are taken out."""
    nodes = document.get("nodes")
    if not isinstance(nodes, dict):
        return Reading(None, problems, frozenset())
    broken = frozenset(str(place[1]) for place in places if place[0] == "nodes" and len(place) > 1)
    whole = {name: node for name, node in nodes.items() if name not in broken}
    bad_fields = {place[0] for place in places if place[0] != "nodes"}
    kept = {key: value for key, value in document.items() if key not in bad_fields}
    rest = {"graph": "unnamed", "version": "0.0.0", "start": next(iter(whole), "none"), **kept, "nodes": whole}
    rest["state"] = _channels(
        document.get("state"), {place[1] for place in places if place[0] == "state" and len(place) > 1}
    )
    try:
        return Reading(GraphSpec.model_validate(rest), problems, broken)
    except ValidationError:
        return Reading(None, problems, broken)


def _channels(state: object, broken: set[str | int]) -> dict[str, object]:
    """The channels, those that could not be read with nothing but their name."""
    if not isinstance(state, dict):
        return {}
    named = {name: {} if name in broken else channel for name, channel in state.items()}
    return {name: channel for name, channel in named.items() if re.match(CHANNEL_NAME, name)}
