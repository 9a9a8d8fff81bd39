"""Answers given ahead on the command line: `--answer NODE=OUTCOME[:JSON]`, for human nodes, each once, in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cli.exits import usage
from cli.payload import json_value
from cli.secrets import refuse_secrets

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from workflows.contracts.pause import PauseView

BY = "preset"


@dataclass(frozen=True, slots=True)
class Preset:
    """One answer given ahead."""

    node: str
    outcome: str
    data: object


def parse_presets(texts: Iterable[str], graph: dict[str, object]) -> list[Preset]:
    """The presets, checked against the graph: only human nodes and their own outcomes (else exit 2)."""
    nodes = graph.get("nodes")
    return [_parse(text, nodes if isinstance(nodes, dict) else {}) for text in texts]


def next_preset(presets: list[Preset], pauses: Sequence[PauseView]) -> tuple[PauseView, Preset] | None:
    """The first preset whose node asks now; it is taken out of `presets`, because each is used once."""
    for preset in presets:
        for pause in pauses:
            if pause.trigger == "on_human_node" and pause.node == preset.node:
                presets.remove(preset)
                return pause, preset
    return None


def _parse(text: str, nodes: dict[str, object]) -> Preset:
    name, equals, rest = text.partition("=")
    outcome, colon, data = rest.partition(":")
    if not equals or not name or not outcome:
        raise usage(f"`--answer {text}`: write `--answer NODE=OUTCOME` or `--answer NODE=OUTCOME:JSON`")
    node = nodes.get(name)
    if not isinstance(node, dict) or node.get("kind") != "human":
        people = sorted(key for key, found in nodes.items() if isinstance(found, dict) and found.get("kind") == "human")
        known = ", ".join(f"`{person}`" for person in people) or "none in this graph"
        raise usage(f"`--answer {text}`: `{name}` is not a human node; human nodes: {known}")
    outcomes = node.get("outcomes")
    if isinstance(outcomes, list) and outcome not in outcomes:
        known = ", ".join(f"`{known}`" for known in outcomes)
        raise usage(f"`--answer {text}`: node `{name}` has no outcome `{outcome}`; it has {known}")
    given = json_value(data, f"`--answer {name}`") if colon else None
    refuse_secrets(given, "answer")
    return Preset(name, outcome, given)
