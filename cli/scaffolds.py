"""The first version of a tool, a graph or a policy: it loads, runs, and is there to be changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflows.engine.gap_prompts import tool_source

if TYPE_CHECKING:
    from collections.abc import Mapping

EXAMPLE = {"text": "hello"}


def tool(name: str, example: Mapping[str, object] | None = None) -> str:
    """A file for `--tools DIR`, with arguments like those of the example."""
    return tool_source(name, EXAMPLE if example is None else example)


def graph(name: str) -> str:
    """A graph that lists files; it needs no key, and the built-in policy lets it run."""
    return f"""\
graph: {name}
version: 1.0.0
description: Say what this graph is for.
state:
  files: {{initial: []}}
capabilities:
  - tool: [fs.glob]
  - fs.read: ["**"]
budget: {{steps: 20, wall_clock: 5m}}
start: look
nodes:
  look:
    kind: tool
    tool: fs.glob
    with: {{pattern: "**/*"}}
    writes: {{files: "${{result.paths}}"}}
    next: end
output: {{files: "${{state.files}}", found: "${{size(state.files)}}"}}
"""


def policy(name: str) -> str:
    """A policy that lets runs read, and has people asked before anything is written where it matters."""
    return f"""\
policy: {name}
version: 1
tenants:
  default:
    allow:                                # nothing else is
      - tool: ["fs.*", text.search, load_skill, request_capability]
      - fs.read: ["**"]
      - fs.write: ["reports/**"]
      - model: ["*"]
    deny:                                 # always wins
      - fs.read: ["**/.env", "**/*.pem"]
    protected: ["**/.git/**"]
    budgets:
      execution: {{tokens: 10000, cost_usd: 1, wall_clock: 300s}}
      lifetime: {{tokens: 100000, cost_usd: 10, steps: 100, wall_clock: 1h, tool_calls: 200}}
    risk: {{low: auto, medium: auto, high: ask, critical: deny}}
triggers:
  on_risky_tool: {{ui: modal, deadline: 1h, on_timeout: deny}}
  on_protected_path: {{ui: modal, deadline: 1h, on_timeout: deny}}
  on_gap: {{ui: modal, deadline: 24h, on_timeout: decline}}
"""
