"""Documents that a command reads from files, with every problem placed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cli.secrets import HERE, graph_secrets
from policies.errors import DocumentError
from worker.operator_files import read_operator_file
from workflows.language.validate import check_graph
from workflows.language.yaml import attach, load

if TYPE_CHECKING:
    from cli.inventory import Cards
    from cli.options import WorkerOptions
    from policies.errors import Problem
    from workflows.language.yaml import Loaded


@dataclass(frozen=True, slots=True)
class GraphFile:
    """A graph document as it was read, with what was found wrong with it."""

    document: object
    problems: tuple[Problem, ...]

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that keep it from running."""
        return tuple(problem for problem in self.problems if problem.severity == "error")

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """The others."""
        return tuple(problem for problem in self.problems if problem.severity != "error")


def load_document(file: str) -> Loaded:
    """A YAML or JSON document with the places of its parts; `DocumentError` if it does not parse."""
    return load(read_operator_file(Path(file)), file)


def read_graph(
    file: str,
    here: Cards | None = None,
    *,
    allow_gaps: bool = False,
    worker: WorkerOptions = HERE,
) -> GraphFile:
    """Read and check a graph, against what is here where that is given; what is wrong with it is in the result.

    Where secrets stand in it nothing else is said: other problems might quote them.
    """
    try:
        loaded = load_document(file)
    except DocumentError as error:
        return GraphFile(None, error.problems)
    problems = graph_secrets(loaded.data, worker) or check_graph(
        loaded.data,
        tools=None if here is None else here.tools,
        models=None if here is None else here.models,
        skills=None if here is None else here.skills,
        allow_gaps=allow_gaps,
    )
    return GraphFile(loaded.data, tuple(attach(problems, loaded.places, file)))


def require_valid(graph: GraphFile) -> dict[str, object]:
    """The document of a graph without errors; exit 7 with all of them otherwise."""
    if graph.errors or not isinstance(graph.document, dict):
        raise DocumentError(graph.problems)
    return graph.document
