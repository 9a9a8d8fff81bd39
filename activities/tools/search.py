"""The built-in tool that searches text with a regular expression."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated, TypedDict

from pydantic import Field
from temporalio.exceptions import FailureError

from activities.tools.confine import Tree
from activities.tools.context import ToolContext
from activities.tools.declare import Effect, Risk, ToolError, need, tool
from activities.tools.finding import Finder, Found
from activities.tools.matching import Matcher, matcher
from activities.tools.offload import Stop
from activities.tools.reading import read_file

MAX_PATTERN_CHARS = 1000
MAX_MATCHES = 10_000
BATCH_BYTES = 1024 * 1024
BATCH_FILES = 256
MARGIN = 0.8
"""The share of the attempt's time that the search may take, so that its own error comes before Temporal's."""


class Match(TypedDict):
    """A line that matches. `line` counts from 1; text over 500 characters is cut, with a note."""

    path: str
    line: int
    text: str


class SearchResult(TypedDict):
    """Lines that match, by path and line.

    `files` counts those that were searched, `skipped` those that may not be shown or are no text, and
    `truncated` says that there are more matches than were asked for.
    """

    matches: list[Match]
    files: int
    skipped: int
    truncated: bool


@tool("text.search", effect=Effect.READ, risk=Risk.LOW, timeout="30s", requires=[need("fs.read", arg="glob")])
async def search(
    context: ToolContext,
    pattern: Annotated[
        str, Field(min_length=1, max_length=MAX_PATTERN_CHARS, description="A Python regular expression.")
    ],
    glob: Annotated[str, Field(description="Which files to search: `src/**/*.py`.")] = "**/*",
    max_matches: Annotated[int, Field(ge=1, le=MAX_MATCHES, description="The most lines to give.")] = 200,
) -> SearchResult:
    """Find lines that match a regular expression, in text files of at most 8 MiB."""
    found, skipped = await context.in_workspace(lambda tree, stop: _find(context, tree, stop, glob))
    tally = _Tally(max_matches, skipped=skipped)
    async with matcher(pattern, timeout_s=context.timeout_s * MARGIN) as running:
        for batch in _batches(found):
            await _search(context, running, batch, tally)
            if len(tally.matches) > max_matches:
                break
    return SearchResult(
        matches=tally.matches[:max_matches],
        files=tally.files,
        skipped=tally.skipped,
        truncated=len(tally.matches) > max_matches,
    )


@dataclass(slots=True)
class _Tally:
    """What a search has found so far."""

    most: int
    skipped: int
    files: int = 0
    matches: list[Match] = field(default_factory=list)


def _find(context: ToolContext, tree: Tree, stop: Stop, glob: str) -> tuple[list[Found], int]:
    finder = Finder(tree, context.access, stop)
    return finder.find(glob), finder.skipped


def _batches(found: Sequence[Found]) -> Iterator[list[Found]]:
    """Files by the mebibyte: few exchanges with the process, and little in memory at once."""
    batch: list[Found] = []
    size_bytes = 0
    for file in found:
        if batch and (size_bytes + file.size_bytes > BATCH_BYTES or len(batch) == BATCH_FILES):
            yield batch
            batch, size_bytes = [], 0
        batch.append(file)
        size_bytes += file.size_bytes
    if batch:
        yield batch


async def _search(context: ToolContext, running: Matcher, batch: Sequence[Found], tally: _Tally) -> None:
    texts = await context.in_workspace(lambda tree, stop: _read(context, tree, stop, batch))
    lines, not_text = await running.match([data for _, data in texts], tally.most + 1 - len(tally.matches))
    tally.matches += [Match(path=texts[file][0], line=line, text=text) for file, line, text in lines]
    tally.files += len(texts) - not_text
    tally.skipped += len(batch) - len(texts) + not_text


def _read(context: ToolContext, tree: Tree, stop: Stop, batch: Sequence[Found]) -> list[tuple[str, bytes]]:
    """The files that can be read now; one that was removed or replaced since it was found is skipped."""
    texts: list[tuple[str, bytes]] = []
    for file in batch:
        stop.check()
        with contextlib.suppress(ToolError, FailureError):
            texts.append((file.path, read_file(tree, context.access, file.path).data))
    return texts
