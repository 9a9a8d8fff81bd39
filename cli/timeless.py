"""What a run says of itself, without the times in it."""

from __future__ import annotations

from typing import Any

TIMES = frozenset({"at", "deadline", "elapsed_s", "wall_clock"})
ENDINGS = ("_ms", "_at")
ASKED = ("triggers", "pause")
"""What has one of these beside its `digest` is a pause or the evidence of an answer: the deadline is in that digest."""
THEIRS = frozenset(
    {
        "args",
        "bindings",
        "card",
        "data",
        "graph",
        "input",
        "output",
        "result",
        "show",
        "state_values",
        "values",
        "writes",
    }
)
"""What graphs, tools and people wrote, in which a name that looks like a time is none of ours."""
EVIDENCE = ("permit", "grants")


def timeless(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """The same JSON without times, and without digests that cover one."""
    if isinstance(value, list):
        return [timeless(item) for item in value]
    if not isinstance(value, dict):
        return value
    asked = any(name in value for name in ASKED)
    return {
        name: item if name in THEIRS else timeless(item)
        for name, item in value.items()
        if not _is_time(name) and not (asked and name == "digest")
    }


def timeless_evidence(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """A call's input in which only what people said is without its times."""
    if not isinstance(value, list):
        return value
    return [
        {name: timeless(part) if name in EVIDENCE else part for name, part in item.items()}
        if isinstance(item, dict)
        else item
        for item in value
    ]


def _is_time(name: str) -> bool:
    return name in TIMES or name.endswith(ENDINGS)
