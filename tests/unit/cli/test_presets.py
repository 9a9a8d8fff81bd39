"""Answers given ahead."""

from __future__ import annotations

import pytest

from cli.exits import CommandError, Exit
from cli.presets import Preset, next_preset, parse_presets
from tests.unit.cli.pauses import pause

GRAPH: dict[str, object] = {
    "nodes": {
        "accept": {"kind": "human", "outcomes": ["accept", "reject"]},
        "write": {"kind": "tool", "tool": "fs.write"},
    }
}


def test_a_preset_names_a_node_an_outcome_and_data() -> None:
    assert parse_presets(['accept=reject:{"why": "a:b=c"}', "accept=accept"], GRAPH) == [
        Preset("accept", "reject", {"why": "a:b=c"}),
        Preset("accept", "accept", None),
    ]


@pytest.mark.parametrize("text", ["", "accept", "accept=", "=accept", "nobody=accept", "write=approve", "accept=maybe"])
def test_a_preset_that_fits_no_human_node_is_a_usage_error(text: str) -> None:
    with pytest.raises(CommandError) as raised:
        parse_presets([text], GRAPH)
    assert raised.value.code == Exit.USAGE


def test_data_that_is_not_json_is_invalid() -> None:
    with pytest.raises(CommandError) as raised:
        parse_presets(["accept=accept:{"], GRAPH)
    assert raised.value.code == Exit.INVALID


def test_presets_are_used_in_order_and_once() -> None:
    presets = [Preset("accept", "reject", None), Preset("accept", "accept", None)]
    first = next_preset(presets, [pause("p1")])
    second = next_preset(presets, [pause("p2")])
    assert (first or second) is not None
    assert [found[1].outcome for found in (first, second) if found] == ["reject", "accept"]
    assert next_preset(presets, [pause("p3")]) is None


def test_a_preset_waits_for_its_node() -> None:
    presets = [Preset("later", "go", None), Preset("accept", "accept", None)]
    found = next_preset(presets, [pause("p1")])
    assert found is not None
    assert found[1].node == "accept"
    assert presets == [Preset("later", "go", None)]


def test_a_preset_never_answers_what_policy_asks() -> None:
    presets = [Preset("accept", "approve", None)]
    asked = pause("p1", trigger="on_risky_tool", outcomes=("approve", "deny"))
    assert next_preset(presets, [asked]) is None
