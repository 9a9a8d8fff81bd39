"""Everything that is wrong with a graph document, all at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workflows.language.check_agent import check_agents, check_sessions
from workflows.language.check_fields import check_fields
from workflows.language.check_flow import check_flow
from workflows.language.check_names import check_names
from workflows.language.check_needs import check_needs, routes_of
from workflows.language.check_not_yet import check_not_yet
from workflows.language.check_references import Catalog, check_references
from workflows.language.check_regions import check_regions
from workflows.language.check_state import check_state
from workflows.language.check_writers import check_writers
from workflows.language.findings import Findings, in_order
from workflows.language.plain import check_plain
from workflows.language.recover import read
from workflows.language.regions import Layout, Region, lay_out

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from policies.errors import Problem
    from workflows.contracts.run import ToolCard
    from workflows.language.spec import GraphSpec


@dataclass(frozen=True, slots=True)
class Examination:
    """A document as far as it could be read, its layout, and its problems in the order of the document."""

    graph: GraphSpec | None
    layout: Layout
    problems: tuple[Problem, ...]

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that forbid a run."""
        return tuple(problem for problem in self.problems if problem.severity == "error")


def check_graph(
    document: object,
    *,
    tools: Mapping[str, ToolCard] | None,
    models: Collection[str] | None,
    skills: Collection[str] | None = None,
    allow_gaps: bool = False,
) -> list[Problem]:
    """Every problem of a document, in its order; null for `tools`, `models` or `skills` leaves out what needs them.

    Nothing is raised, whatever the document is. Warnings have severity `warning` and forbid nothing.
    """
    return list(examine(document, tools=tools, models=models, skills=skills, allow_gaps=allow_gaps).problems)


def examine(
    document: object,
    *,
    tools: Mapping[str, ToolCard] | None = None,
    models: Collection[str] | None = None,
    skills: Collection[str] | None = None,
    allow_gaps: bool = False,
) -> Examination:
    """`check_graph`, together with what it read on the way."""
    problems = check_plain(document)
    if problems:
        return Examination(None, Layout([Region()]), tuple(problems))
    reading = read(document)
    findings = Findings(reading.problems)
    if reading.graph is None:
        return Examination(None, Layout([Region()]), in_order(findings.problems, document))
    graph = reading.graph
    layout = lay_out(graph)
    catalog = Catalog(tools, models, skills, allow_gaps)
    check_references(graph, [*graph.nodes, *sorted(reading.broken)], catalog, findings)
    check_not_yet(graph, findings)
    check_fields(graph, findings)
    check_agents(graph, findings)
    check_state(graph, findings)
    whole = reading.complete and not layout.is_too_deep
    check_names(graph, layout, findings, complete=whole)
    check_needs(graph, tools, findings, routes_of(models))
    if reading.complete:  # with a part missing, all the rest would seem out of reach
        check_regions(graph, layout, findings)
    if whole:
        check_flow(graph, layout, findings)
        check_sessions(graph, layout, findings)
        check_writers(graph, layout, findings)
    return Examination(graph, layout, in_order(findings.problems, document))
