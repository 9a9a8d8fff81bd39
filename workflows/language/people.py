"""Whom a human node asks: the entries of `answerers`, in the policy's own words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.answerer_entries import NOT_STARTER, read_entries
from policies.reading import Reader

if TYPE_CHECKING:
    from collections.abc import Sequence

    from policies.errors import Problem


def read_people(listed: Sequence[str] | None, path: str) -> tuple[tuple[str, ...], bool, list[Problem]]:
    """The entries (empty: anyone), whether whoever started the run is barred, and what is wrong with them."""
    if listed is None:
        return (), False, []
    reader = Reader()
    named = [entry for entry in listed if entry != NOT_STARTER]
    barred = len(named) < len(listed)
    entries = () if barred and not named else read_entries(reader, named, path)
    return entries, barred, reader.problems
