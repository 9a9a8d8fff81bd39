"""Makes the compiled graph, which the engine runs, from a valid document."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from policies.canonical import digest
from policies.errors import DocumentError
from workflows.language.asked import asked_budget, asked_capabilities
from workflows.language.compile_node import Surroundings, compile_node, template_or_none
from workflows.language.graph import Channel, Graph
from workflows.language.plain import check_plain
from workflows.language.validate import examine

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from workflows.language.spec_values import ChannelSpec

KEPT: Final = 128
_STARTS: Final[Mapping[str, Callable[[], object]]] = {
    **dict.fromkeys(("append", "extend", "union", "messages"), list),
    "merge": dict,
    "add": int,
}
"""What a channel starts with where the document does not say; null for every other reducer."""


@dataclass(frozen=True, slots=True, eq=False)
class _Pinned:
    """A document by its digest."""

    digest: str
    document: object

    def __hash__(self) -> int:
        return hash(self.digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Pinned) and self.digest == other.digest


def compile_graph(document: object) -> Graph:
    """Compile a graph document; `DocumentError` with every problem if it is not valid in itself.

    The same document gives the same graph, and the last 128 are kept. Tools and models are not looked at.
    """
    problems = check_plain(document)
    if problems:
        raise DocumentError(tuple(problems))
    return _compile(_Pinned(digest(document), document))


@lru_cache(maxsize=KEPT)
def _compile(pinned: _Pinned) -> Graph:
    found = examine(pinned.document)
    if found.graph is None or found.errors:
        raise DocumentError(found.errors)
    spec = found.graph
    around = Surroundings(spec, found.layout, asked_capabilities(spec.capabilities)[0])
    return Graph(
        name=spec.graph,
        version=spec.version,
        description=spec.description,
        digest=pinned.digest,
        start=spec.start,
        nodes={name: compile_node(around, name) for name in spec.nodes},
        channels={name: _channel(name, channel) for name, channel in spec.state.items()},
        input_schema=spec.input,
        output=template_or_none(spec.output),
        limits=asked_budget(spec.budget)[0],
    )


def _channel(name: str, channel: ChannelSpec) -> Channel:
    start = _STARTS.get(channel.reducer)
    initial = start() if channel.initial is None and start is not None else channel.initial
    return Channel(name, channel.reducer, initial, channel.schema_, channel.local)
