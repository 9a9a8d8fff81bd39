"""What a call of `load_skill` says beyond what its model wants: which version is meant, and what the agent has."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from workflows.contracts.run import SkillCard


def skill_args(wanted: Mapping[str, object], card: SkillCard, tools: Sequence[str]) -> dict[str, object]:
    """The arguments of the call. What a model says of `digest` and `tools` itself means nothing.

    The whole digest: whoever wrote the skill could find another text for a short one.
    """
    args: dict[str, object] = {key: value for key, value in wanted.items() if key not in ("digest", "tools")}
    args["digest"] = card.digest
    if card.allowed_tools and args.get("path") is None:
        args["tools"] = [tool for tool in tools if any(tool == named.partition("(")[0] for named in card.allowed_tools)]
    return args
