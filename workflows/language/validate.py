"""Everything that is wrong with a graph document, all at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

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
    allow_gaps: bool = False,
) -> list[Problem]:
    """Every problem of a document, in its order; null for `tools` or `models` leaves out what needs them.

    Nothing is raised, whatever the document is. Warnings have severity `warning` and forbid nothing.
    """
    return list(examine(document, tools=tools, models=models, allow_gaps=allow_gaps).problems)


def examine(
    document: object,
    *,
    tools: Mapping[str, ToolCard] | None = None,
    models: Collection[str] | None = None,
    allow_gaps: bool = False,
) -> Examination:
    """`check_graph`, together with what it read on the way."""
    problems = check_plain(document)
    if problems:
        return Examination(None, Layout([Region()]), tuple(problems))
    reading = read(document)
    layout = lay_out(reading.graph) if reading.graph else Layout([Region()])
    return Examination(reading.graph, layout, reading.problems)
