"""What `detent new` writes loads and runs as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from activities.tools.reloading import LiveToolbox
from cli import scaffolds
from policies.advice import advice
from policies.document import parse_policy
from tests.unit.tools.calls import Caller
from workflows.language.compile import compile_graph
from workflows.language.validate import check_graph
from workflows.language.yaml import load

ALL = parse_policy({"policy": "p", "version": 1, "tenants": {"default": {"allow": [{"tool": ["**"]}]}}})


@pytest.mark.parametrize(
    "example",
    [
        None,
        {},
        {"a": "x", "b": 1, "c": 1.5, "d": True, "e": [1], "f": {"k": "v"}, "g": None, "h": [], "i": [1, "x"]},
    ],
)
async def test_a_tool_loads_and_runs(tmp_path: Path, example: dict[str, object] | None) -> None:
    (tmp_path / "count.py").write_text(scaffolds.tool("text.count", example), encoding="utf-8")
    toolbox = LiveToolbox([tmp_path], entry_points=False)
    given = scaffolds.EXAMPLE if example is None else example
    output = await Caller(tmp_path, policy=ALL, tools=toolbox)("text.count", **given)
    assert output == {"written": False, "given": given}


def test_a_graph_is_valid_and_names_only_what_every_worker_has() -> None:
    document = load(scaffolds.graph("my-graph"), None).data
    toolbox = LiveToolbox([], entry_points=False)
    assert check_graph(document, tools=toolbox.cards(), models={}) == []
    assert compile_graph(document).name == "my-graph"


def test_a_policy_loads_and_says_nothing_in_vain() -> None:
    found = parse_policy(load(scaffolds.policy("my-policy"), None).data)
    assert (found.name, advice(found)) == ("my-policy", ())
