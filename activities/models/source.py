"""Where a models file lies, what it is read with, and whose word it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from activities.bounded_file import read_at_most
from policies.errors import DocumentError, Problem
from policies.prices import Price
from policies.reading import Reader
from workflows.language.yaml import Loaded, attach, load

MAX_FILE_BYTES = 256 * 1024

PriceOf = Callable[[str], Price | None]


@dataclass(frozen=True, slots=True)
class Source:
    """`directory` is what paths in the file are relative to; a file that is not `trusted` lies beside a graph.

    `price_of` is the policy's list; with `unpriced` a model that it does not have is taken all the same. `warnings` are
    those that were found so far.
    """

    directory: Path
    environ: Mapping[str, str]
    price_of: PriceOf
    trusted: bool
    unpriced: bool
    warnings: list[str] = field(default_factory=list)


def read_yaml(file: Path) -> Loaded:
    """A YAML document with the places of its parts; `DocumentError` if there is none."""
    try:
        data = read_at_most(file, MAX_FILE_BYTES)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DocumentError((Problem("unreadable", f"cannot be read: {reason}", file=str(file)),)) from None
    return load(data, str(file))


def finish(reader: Reader, loaded: Loaded, file: Path) -> None:
    """`DocumentError` with every problem that the reader was told of, each with its line."""
    if reader.problems:
        raise DocumentError(tuple(attach(reader.problems, loaded.places, str(file))))
