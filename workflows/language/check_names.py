"""Expressions: each compiles, and uses only names that have a value where it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from policies.reading import nearest, quoted
from workflows.language.bound_names import bound_names
from workflows.language.check_plan import NAMES
from workflows.language.expressions import ExpressionError, compile_condition, compile_template
from workflows.language.sites import sites

if TYPE_CHECKING:
    from collections.abc import Collection

    from policies.expressions import Path
    from workflows.language.bound_names import Bound
    from workflows.language.findings import Findings
    from workflows.language.regions import Layout
    from workflows.language.sites import Site
    from workflows.language.spec import GraphSpec

RUN: Final = ("id", "graph", "version", "tenant", "started_at")
ERROR: Final = ("type", "message", "node", "attempts")
RESULTS: Final = {
    "model": ("text", "output", "usage", "stop_reason"),
    "agent": ("text", "output", "usage", "turns", "stop_reason"),
    "human": ("outcome", "payload", "by", "at"),
    "wait": ("woken_by", "payload"),
    "validate": ("passed", "failures"),
    "plan": ("next", "reason"),
}
"""The fields of a node's own result, for the kinds whose results are always alike."""


def check_names(graph: GraphSpec, layout: Layout, findings: Findings, *, complete: bool) -> None:
    """Report expressions that do not compile or use unknown names.

    What depends on how nodes are reached is looked at only in a document that could be read completely.
    """
    bound = bound_names(graph, layout) if complete else None
    for site in sites(graph):
        where = f"node `{site.node}`: " if site.node else ""
        try:
            paths = (compile_condition if site.bare else compile_template)(site.text).paths
        except ExpressionError as error:
            findings.error("bad_expression", site.path, f"{where}{error}")
            continue
        reached = bound if bound is not None and (site.node is None or site.node in bound.branch) else None
        for path in paths:
            _Names(graph, reached, site, findings).check(path)


class _Names:
    """The names at one site."""

    def __init__(self, graph: GraphSpec, bound: Bound | None, site: Site, findings: Findings) -> None:
        self._graph = graph
        self._bound = bound
        self._site = site
        self._findings = findings

    def check(self, path: Path) -> None:
        """Report a path that has no value here."""
        step = path.steps[0] if path.steps and isinstance(path.steps[0], str) else None
        match path.name:
            case "state":
                self._field("unknown_channel", path, step, self._graph.state, "there is no channel")
            case "run":
                self._field("unknown_name", path, step, RUN, "`run` has no")
            case "input":
                self._input(path, step)
            case _:
                self._bound_name(path, step)

    def _tell(self, code: str, message: str, hint: str | None) -> None:
        where = f"node `{self._site.node}`: " if self._site.node else ""
        self._findings.error(code, self._site.path, where + message, hint)

    def _field(self, code: str, path: Path, step: str | None, known: Collection[str], message: str) -> None:
        if step is not None and step not in known:
            self._tell(code, f"`{path}`: {message} `{step}`", nearest(step, sorted(known)))

    def _input(self, path: Path, step: str | None) -> None:
        schema = self._graph.input or {}
        known = schema.get("properties")
        if step is None or not isinstance(known, dict) or step in known:
            return
        message = f"`{path}`: the schema of `input` does not declare `{step}`"
        if schema.get("additionalProperties") is False:
            self._tell("unknown_input", message, nearest(step, sorted(known)))
        elif schema.get("additionalProperties") is None and known:
            self._findings.warning("unknown_input", self._site.path, message, nearest(step, sorted(known)))

    def _bound_name(self, path: Path, step: str | None) -> None:
        branch = self._branch_names()
        if path.name in branch or (path.name not in NAMES and self._bound is None):
            return
        if path.name not in NAMES:
            known = [*NAMES, *sorted(branch)]
            hint = nearest(path.name, known) or f"bound names are {quoted(known)}"
            self._tell("unknown_name", f"`{path.name}` is not bound here", hint)
            return
        if self._bound is not None:
            self._where(path, self._bound)
        self._field("unknown_name", path, step, self._fields(path.name, step), f"`{path.name}` has no")

    def _branch_names(self) -> Collection[str]:
        """The names that branches bind here; nothing where that is not known."""
        site, bound = self._site, self._bound
        if bound is None:
            return ()
        if site.role == "output":
            return bound.at_end
        if site.role == "value":
            return bound.branch_end[site.anchor.rpartition(".")[0]]
        return bound.branch[str(site.node)]

    def _fields(self, name: str, step: str | None) -> Collection[str]:
        """The fields that a name is known to have; whatever is asked for where that is not known."""
        if name == "error":
            return ERROR
        if name == "result" and self._site.role == "own":
            return RESULTS.get(self._graph.nodes[str(self._site.node)].kind, (step or "",))
        return (step or "",)

    def _where(self, path: Path, bound: Bound) -> None:
        """Report a name that means something, but has no value here."""
        site, node = self._site, str(self._site.node)
        hint = None
        match path.name:
            case "visit" if site.role in ("output", "value"):
                hint = "`visit` is bound in the fields of a node"
            case "results" | "values" | "failed" if site.role in ("output", "value") or node not in bound.joins:
                hint = "it is bound in the own fields of a scope's join"
            case "error" if site.role in ("output", "value") or node not in bound.error:
                hint = "it is bound in a node that `on_failure: {to: …}` leads to"
            case "index":
                hint = "it is bound in the branches of a `map`"
            case "result" if site.role == "entry" and node not in bound.result:
                hint = "nothing has run before: it is bound after a task"
            case _:
                return
        self._tell("unbound_name", f"`{path.name}` has no value here", hint)
