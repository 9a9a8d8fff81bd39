"""Compiling: durations in seconds, defaults filled in, the same document the same graph."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import BaseModel

from policies.budget import Limits
from policies.errors import DocumentError
from tests.unit.language.documents import EXAMPLE, Doc, changed, problems, small
from workflows.language.compile import compile_graph
from workflows.language.durations import format_duration, parse_duration
from workflows.language.graph import HumanNode, PlanNode, Retry, ToolNode, ValidateNode, WaitNode
from workflows.language.spec import NODE_SPECS, GraphSpec, schema
from workflows.language.spec_values import PARTS
from workflows.language.validate import check_graph
from workflows.language.yaml import load

PUBLISHED = Path(__file__).parents[3] / "docs" / "schema" / "agent-graph.json"


def test_the_same_document_is_compiled_once() -> None:
    assert compile_graph(small()) is compile_graph(json.loads(json.dumps(small())))
    assert compile_graph(small()).digest != compile_graph(changed(description="other")).digest


@pytest.mark.parametrize("document", [changed(start="x"), changed(nodes={}), None, {"a": {1}}])
def test_a_document_that_is_not_valid_is_refused_with_all_problems(document: object) -> None:
    with pytest.raises(DocumentError) as caught:
        compile_graph(document)
    assert caught.value.problems == tuple(check_graph(document, tools=None, models=None))


def test_warnings_do_not_keep_a_graph_from_running() -> None:
    assert compile_graph(changed(nodes__one__with={"a": 1})).name == "small"


def test_the_example_comes_out_as_written() -> None:
    graph = compile_graph(load(EXAMPLE).data)
    assert (graph.name, graph.version, graph.start) == ("code-review", "1.0.0", "list")
    assert graph.limits == Limits(200_000, 2_000_000_000, 300, 3_600_000, 100)
    assert graph.input_schema == {"type": "object", "required": ["path"], "properties": {"path": {"type": "string"}}}
    assert graph.channels["findings"].initial == []
    accept = graph.nodes["accept"]
    assert isinstance(accept, HumanNode)
    assert (accept.deadline_s, accept.on_timeout, accept.next) == (86400.0, "abort", None)
    assert graph.nodes["review"].next == "summarise"
    split = graph.nodes["split"]
    assert isinstance(split, PlanNode)
    assert split.rules[1].map is not None
    assert (split.rules[1].map.max_concurrency, split.rules[1].map.mode) == (8, "settle")


def test_retries_are_the_nodes_then_the_defaults_then_built_in() -> None:
    document = changed(
        defaults={"retry": {"max_attempts": 2, "initial": "1s"}, "max_visits": 7, "on_failure": "fail"},
        nodes__first__retry={"initial": "2s", "backoff": 3, "max_interval": "1m"},
        nodes__first__max_visits=3,
        nodes__first__timeout="5s",
    )
    first, one = (compile_graph(document).nodes[name] for name in ("first", "one"))
    assert first.retry == Retry(2, 2.0, 3, 60.0)
    assert one.retry == Retry(2, 1.0, 2.0, 30.0)
    assert (first.max_visits, one.max_visits, first.timeout_s, one.timeout_s) == (3, 7, 5.0, None)
    assert one.on_failure.action == "fail"


def test_without_defaults_the_built_in_ones_hold() -> None:
    graph = compile_graph({**changed(), "defaults": {}})
    first = graph.nodes["first"]
    assert (first.retry, first.max_visits, first.timeout_s, first.on_failure.action) == (Retry(), 25, None, "default")
    assert graph.limits == Limits()


def test_a_node_asks_for_no_more_than_its_graph() -> None:
    document = changed(nodes__first__capabilities=[{"tool": ["echo"]}])
    graph = compile_graph(document)
    assert [str(grant) for grant in graph.nodes["first"].capabilities.grants] == ["tool:echo"]
    assert len(graph.nodes["one"].capabilities.grants) == 4


def test_every_kind_of_node_is_compiled() -> None:
    until = {"kind": "wait", "until": "2030-01-01T00:00:00Z", "next": "ask"}
    nodes = compile_graph(changed(nodes__two=until)).nodes
    two, judge, each, pick = (nodes[name] for name in ("two", "judge", "each", "pick"))
    assert isinstance(two, WaitNode)
    assert two.until is not None
    assert (two.for_s, two.until.render({})) == (None, "2030-01-01T00:00:00Z")
    assert isinstance(judge, ValidateNode)
    short, fits, seen = judge.checks
    assert short.when is not None
    assert fits.schema == {"type": "string"}
    assert fits.value is not None
    assert seen.args is not None
    assert (short.when.holds({"item": "abc"}), fits.value.render({"item": 1}), seen.args.value) == (
        True,
        1,
        {"path": "src/b.py"},
    )
    assert isinstance(each, ToolNode)
    assert each.args.render({"index": 3}) == {"path": "src/a.py", "n": 3}
    assert isinstance(pick, PlanNode)
    forked = pick.rules[1].fork
    assert forked is not None
    assert [(branch.to, [name for name, _ in branch.bind]) for branch in forked.branches] == [
        ("one", []),
        ("two", ["focus"]),
    ]
    assert repr(pick.rules[1].when) == "Condition(\"state.note == 'a'\")"


def test_a_constant_null_value_of_a_check_is_a_value() -> None:
    check = {"name": "fits", "schema": {"type": "null"}, "value": None}
    graph = compile_graph(changed(nodes__judge__checks=[check]))
    judge = graph.nodes["judge"]
    assert isinstance(judge, ValidateNode)
    assert judge.checks[0].value is not None
    assert judge.checks[0].value.render({}) is None


@pytest.mark.parametrize(
    ("text", "seconds"), [("500ms", 0.5), ("30s", 30.0), ("5m", 300.0), ("24h", 86400.0), ("0s", 0.0), ("1500ms", 1.5)]
)
def test_durations_are_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds
    assert parse_duration(format_duration(seconds)) == seconds


@pytest.mark.parametrize("text", ["", "5", "5d", "-1s", "1.5s", "99999999h", None, 5])
def test_what_is_no_duration_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match=r"duration|ten years"):
        parse_duration(text)


def test_durations_are_written_in_their_largest_unit() -> None:
    assert [format_duration(seconds) for seconds in (0.25, 90, 300, 7200)] == ["250ms", "90s", "5m", "2h"]


def test_the_published_schema_is_the_one_of_the_models_and_takes_the_example() -> None:
    published = json.loads(PUBLISHED.read_text())
    assert published == json.loads(json.dumps(schema()))
    Draft202012Validator.check_schema(published)
    assert Draft202012Validator(published).is_valid(load(EXAMPLE).data)
    assert Draft202012Validator(published).is_valid(small())
    assert not Draft202012Validator(published).is_valid(changed(nodes__first__tol=1))


MODELS: tuple[type[BaseModel], ...] = (GraphSpec, *NODE_SPECS.values(), *PARTS)
FIELDS = st.sampled_from(sorted({field.alias or name for m in MODELS for name, field in m.model_fields.items()}))
WORDS = st.sampled_from(
    ["a", "b", "end", "tool", "plan", "human", "${state.a}", "${", "true", "1.0.0", "5s", "all", "settle"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(FIELDS | st.text(max_size=3), inner, max_size=6),
    max_leaves=25,
)


@settings(max_examples=300)
@given(VALUES)
def test_any_json_gives_problems_and_never_a_traceback(document: object) -> None:
    assert all(problem.message and problem.code for problem in problems(document))


PLACES = st.lists(
    st.sampled_from(["nodes", "pick", "rules", "first", "ask", "judge", "state", "input", "each"]), max_size=4
)


@settings(max_examples=300)
@given(PLACES, FIELDS, VALUES)
def test_a_graph_spoiled_anywhere_gives_problems_and_never_a_traceback(
    place: list[str], name: str, value: object
) -> None:
    document = small()
    part: Doc = document
    for step in place:
        inner = part.get(step)
        part = inner if isinstance(inner, dict) else part
    part[name] = value
    if not [problem for problem in problems(document) if problem.severity == "error"]:
        assert compile_graph(document).start == document["start"]
