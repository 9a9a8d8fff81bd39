"""Small graph documents to spoil, each valid until a test changes it."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from policies.model import Effect, Risk
from workflows.contracts.run import NeedCard, ToolCard
from workflows.language.validate import check_graph

if TYPE_CHECKING:
    from policies.errors import Problem

EXAMPLE = """\
graph: code-review
version: 1.0.0
description: Review a directory, write a report once a person accepts it.
input:
  type: object
  required: [path]
  properties: {path: {type: string}}
state:
  files:    {reducer: last, initial: []}
  findings: {reducer: extend}
  report:   {reducer: last}
capabilities:
  - tool: [fs.glob, fs.read, fs.write]
  - fs.read: ["**"]
  - fs.write: ["reports/**"]
  - model: [default]
budget: {tokens: 200000, cost_usd: 2, steps: 300, wall_clock: 1h, tool_calls: 100}
defaults: {timeout: 60s, retry: {max_attempts: 4}, max_visits: 25}
start: list
nodes:
  list:
    kind: tool
    tool: fs.glob
    with: {pattern: "${input.path}/**/*.py"}
    writes: {files: "${result.paths}"}
    next: split
  split:
    kind: plan
    rules:
      - {when: "size(state.files) == 0", to: end}
      - map: {over: "${state.files}", as: file, to: read, join: summarise, mode: settle, max_concurrency: 8}
  read:
    kind: tool
    tool: fs.read
    with: {path: "${file}"}
    next: review
  review:
    kind: model
    model: default
    system: You review Python for real defects. Cite lines.
    prompt: "File ${file}:\\n${result.text}"
    output: {type: object, required: [findings], properties: {findings: {type: array}}}
    writes: {findings: "${result.output.findings}"}
  summarise:
    kind: model
    model: default
    prompt: "${failed} of ${size(results)} files could not be read. Write a report of: ${json(state.findings)}"
    writes: {report: "${result.text}"}
    next: accept
  accept:
    kind: human
    ui: panel
    ask: Ship this report?
    show: "${state.report}"
    outcomes: [accept, reject]
    deadline: 24h
    on_timeout: abort
    routes: {accept: write, reject: summarise}
  write:
    kind: tool
    tool: fs.write
    with: {path: reports/review.md, text: "${state.report}"}
    next: end
output: {report: "${state.report}", files: "${size(state.files)}"}
"""
"""The graph of the language's own page."""

Doc = dict[str, Any]

_SMALL: Doc = {
    "graph": "small",
    "version": "1.0.0",
    "input": {"type": "object", "properties": {"path": {"type": "string"}}, "additionalProperties": False},
    "state": {"note": {}, "notes": {"reducer": "append"}, "mine": {"local": True}},
    "capabilities": [{"tool": ["echo", "look"]}, {"model": ["default"]}, {"fs.read": ["src/**"]}],
    "defaults": {"timeout": "60s"},
    "start": "first",
    "nodes": {
        "first": {"kind": "tool", "tool": "echo", "writes": {"note": "${result.text}"}, "next": "pick"},
        "pick": {
            "kind": "plan",
            "rules": [
                {"when": "size(state.notes) > 3", "to": "end"},
                {
                    "when": "state.note == 'a'",
                    "fork": {"branches": ["one", {"to": "two", "with": {"focus": 1}}], "join": "ask"},
                },
                {"map": {"over": "${state.notes}", "as": "item", "to": "each", "join": "done", "mode": "settle"}},
            ],
        },
        "one": {"kind": "model", "model": "default", "prompt": "x", "writes": {"notes": "${result.text}"}},
        "two": {"kind": "wait", "for": "1s", "writes": {"notes": "${focus}"}},
        "ask": {
            "kind": "human",
            "ask": "Well? ${size(results)}",
            "outcomes": ["yes", "no"],
            "routes": {"yes": "end", "no": "first"},
        },
        "each": {"kind": "tool", "tool": "look", "with": {"path": "src/a.py", "n": "${index}"}, "next": "judge"},
        "judge": {
            "kind": "validate",
            "checks": [
                {"name": "short", "when": "size(item) < 5"},
                {"name": "fits", "schema": {"type": "string"}, "value": "${item}"},
                {"name": "seen", "tool": "look", "with": {"path": "src/b.py"}, "when": "result.ok"},
            ],
            "routes": {"pass": "done", "fail": "fail"},
        },
        "done": {"kind": "tool", "tool": "echo", "on_failure": {"to": "rescue"}, "next": "end"},
        "rescue": {"kind": "model", "model": "default", "prompt": "${error.message}", "next": "end"},
    },
    "output": {"note": "${state.note}"},
}


def small() -> Doc:
    """A fresh copy of a graph with a fork, a map and every kind of node."""
    return copy.deepcopy(_SMALL)


def chain(**nodes: Doc) -> Doc:
    """A graph that starts at the first of some nodes and asks for the tools and models that they may name."""
    return {
        "graph": "chain",
        "version": "1.0.0",
        "state": {"note": {}, "notes": {"reducer": "append"}},
        "capabilities": [{"tool": ["echo", "look"]}, {"model": ["default"]}, {"fs.read": ["src/**"]}],
        "start": next(iter(nodes)),
        "nodes": copy.deepcopy(nodes),
    }


def card(name: str, *needs: NeedCard, **schema: object) -> ToolCard:
    """A tool's card with a given input schema."""
    return ToolCard(
        name=name, effect=Effect.READ, risk=Risk.LOW, timeout_s=1.0, needs=needs, input_schema=schema, digest="0" * 64
    )


LOOK = card(
    "look",
    NeedCard(kind="fs.read", arg="path"),
    type="object",
    properties={"path": {"type": "string"}, "n": {"type": "integer", "default": 1}},
    required=["path"],
    additionalProperties=False,
)
ECHO = card("echo", type="object", properties={})
TOOLS = {"look": LOOK, "echo": ECHO}
MODELS = ("default",)


def problems(document: object, *, allow_gaps: bool = False) -> list[Problem]:
    """What validation says with a small catalog at hand."""
    return check_graph(document, tools=TOOLS, models=MODELS, allow_gaps=allow_gaps)


def told(document: object) -> set[tuple[str, str]]:
    """Code and path of every problem."""
    return {(problem.code, problem.path) for problem in problems(document)}


DROP = object()


def changed(**changes: object) -> Doc:
    """The small graph with parts set (or dropped); `nodes__first__tool=…` sets that one."""
    document = small()
    for path, value in changes.items():
        *steps, last = (int(step) if step.isdigit() else step for step in path.split("__"))
        part: Any = document
        for step in steps:
            part = part[step]
        if value is DROP:
            del part[last]
        else:
            part[last] = value
    return document
