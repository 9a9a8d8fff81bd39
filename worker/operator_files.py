"""The operator's files, read with their places so that every mistake can be found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from activities.bounded_file import read_at_most
from policies.document import PolicyDocument, builtin_policy, parse_policy
from policies.errors import DocumentError, Problem
from policies.price_document import parse_prices
from workflows.language.yaml import attach, load

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from policies.prices import Price

MAX_BYTES = 256 * 1024


def load_policy(path: Path | None) -> PolicyDocument:
    """The policy of a file, or the built-in one without; `DocumentError` with every problem and its place."""
    if path is None:
        return builtin_policy()
    loaded = load(read_operator_file(path), str(path))
    try:
        return parse_policy(loaded.data, lambda name: _load_prices(path.parent / name))
    except DocumentError as error:
        ours = [problem for problem in error.problems if problem.file is None]
        others = [problem for problem in error.problems if problem.file is not None]
        raise DocumentError((*attach(ours, loaded.places, str(path)), *others)) from None


def price_files(path: Path | None, policy: PolicyDocument) -> tuple[Path, ...]:
    """The file of prices that a policy's file names, if it does."""
    return () if path is None or policy.prices_file is None else (path.parent / policy.prices_file,)


def _load_prices(path: Path) -> Mapping[str, Price]:
    loaded = load(read_operator_file(path), str(path))
    try:
        return parse_prices(loaded.data)
    except DocumentError as error:
        raise DocumentError(tuple(attach(error.problems, loaded.places, str(path)))) from None


def read_operator_file(path: Path) -> bytes:
    """The bytes of a file of at most 256 KiB; `DocumentError` if it cannot be read or is larger."""
    try:
        data = read_at_most(path, MAX_BYTES)
    except OSError as error:
        problem = Problem("unreadable", f"cannot be read: {(error.strerror or str(error)).lower()}", file=str(path))
        raise DocumentError((problem,)) from None
    if len(data) > MAX_BYTES:
        raise DocumentError((Problem("too_large", f"is over {MAX_BYTES // 1024} KiB", file=str(path)),))
    return data
