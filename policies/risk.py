"""Risk: what each level leads to, and the levels that the operator gives to tools."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, cast, get_args

from policies.grants import matcher
from policies.model import Risk
from policies.reading import shown

if TYPE_CHECKING:
    from policies.reading import Reader

Mode: TypeAlias = Literal["auto", "ask", "deny"]
MODES: tuple[Mode, ...] = get_args(Mode)
LEVELS = tuple(Risk)


@dataclass(frozen=True, slots=True)
class RiskRules:
    """What each level leads to; `tools` are (pattern, level), which take the place of what a tool declares."""

    low: Mode = "auto"
    medium: Mode = "auto"
    high: Mode = "ask"
    critical: Mode = "deny"
    tools: tuple[tuple[str, Risk], ...] = ()

    def level(self, tool: str, declared: Risk) -> Risk:
        """The highest level that the operator gave the tool; what it declares itself where no pattern fits."""
        name = matcher("tool", tool)
        given = [
            level
            for pattern, level in self.tools
            if name and (found := matcher("tool", pattern)) and found.matches(name)
        ]
        return max(given, key=LEVELS.index, default=declared)

    def mode(self, level: Risk) -> Mode:
        """What a call of that level leads to."""
        return cast("Mode", getattr(self, level))


def read_risk(reader: Reader, value: object, path: str) -> RiskRules:
    """The risk rules at `path`; what they leave out keeps its default."""
    modes: dict[str, Mode] = {}
    tools: list[tuple[str, Risk]] = []
    for place, key, item in reader.entries(value, path, known=(*LEVELS, "tools")):
        if key == "tools":
            tools = _read_tools(reader, item, place)
        elif (mode := reader.choice(item, place, MODES)) is not None:
            modes[key] = cast("Mode", mode)
    return RiskRules(**modes, tools=tuple(tools))


def write_risk(rules: RiskRules) -> dict[str, object]:
    """The mapping that `read_risk` reads as these rules."""
    tools = {pattern: level.value for pattern, level in rules.tools}
    return {**{level.value: rules.mode(level) for level in LEVELS}, "tools": tools}


def _read_tools(reader: Reader, value: object, path: str) -> list[tuple[str, Risk]]:
    tools: list[tuple[str, Risk]] = []
    for place, pattern, item in reader.entries(value, path, free=True):
        if matcher("tool", pattern) is None:
            reader.add("bad_pattern", place, f"{shown(pattern)} is no pattern of tool names")
        elif (level := reader.choice(item, place, LEVELS)) is not None:
            tools.append((pattern, Risk(level)))
    return sorted(tools)
