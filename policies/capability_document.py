"""The written form of capabilities: a list of mappings from a kind to its patterns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.globs import BadPatternError
from policies.grants import KINDS, Capability, compile_pattern
from policies.reading import Reader

if TYPE_CHECKING:
    from collections.abc import Sequence

    from policies.errors import Problem


MAX_GRANTS = 256
"""Every call is looked at against all of them, in the workflow."""


def parse_grants(data: object, path: str) -> tuple[tuple[Capability, ...], list[Problem]]:
    """Read the grants at `path`, in the order in which they are written, and all that is wrong with them."""
    reader = Reader()
    grants: list[Capability] = []
    for place, entry in reader.items(data, path):
        for at, kind, patterns in reader.entries(entry, place, known=KINDS):
            for where, pattern in reader.items(patterns, at):
                grants += _env(reader, pattern, where) if kind == "env" else _grant(reader, kind, pattern, where)
    if len(grants) > MAX_GRANTS:
        reader.add("too_many", path, f"{len(grants)} patterns are more than {MAX_GRANTS}", "use wider patterns")
    return tuple(grants), reader.problems


def write_grants(grants: Sequence[Capability]) -> list[dict[str, object]]:
    """One entry for each run of grants of one kind, so that reading gives the same grants in the same order."""
    entries: list[tuple[str, list[object]]] = []
    for grant in grants:
        if not entries or entries[-1][0] != grant.kind:
            entries.append((grant.kind, []))
        entries[-1][1].append(_write_env(grant.pattern) if grant.kind == "env" else grant.pattern)
    return [{kind: patterns} for kind, patterns in entries]


def _grant(reader: Reader, kind: str, pattern: object, path: str) -> list[Capability]:
    if not isinstance(pattern, str):
        reader.add("wrong_type", path, f"a {kind} pattern is text")
        return []
    try:
        compile_pattern(kind, pattern)
    except BadPatternError as error:
        reader.add("bad_pattern", path, f"`{pattern}` is no {kind} pattern: {error}")
        return []
    return [Capability(kind, pattern)]


def _env(reader: Reader, entry: object, path: str) -> list[Capability]:
    if isinstance(entry, str):
        entry = {"name": entry}
    fields = {key: (at, value) for at, key, value in reader.entries(entry, path, known=("name", "hosts"))}
    if not fields:
        return []
    at, name = fields.get("name", (path, None))
    if not isinstance(name, str) or "@" in name:
        reader.add("wrong_type", at, "an env entry has the `name` of an environment variable")
        return []
    if "hosts" not in fields:
        return _grant(reader, "env", name, at)
    hosts = reader.texts(fields["hosts"][1], fields["hosts"][0])
    return [found for place, host in hosts for found in _grant(reader, "env", f"{name}@{host}", place)]


def _write_env(pattern: str) -> dict[str, object]:
    name, at, host = pattern.partition("@")
    return {"name": name, "hosts": [host]} if at else {"name": name}
