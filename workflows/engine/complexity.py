"""How hard a model call looks, from what is asked alone (reference row 57)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Complexity = Literal["simple", "medium", "complex"]

SIMPLE_BELOW, COMPLEX_FROM = 100, 500
CHARS_PER_POINT = 4
TOOL, MARKER, MESSAGE = 20, 30, 15
FREE_MESSAGES = 10
FREE_SYSTEM_CHARS, SYSTEM_CHARS_PER_POINT = 500, 10
MARKERS = (
    "```",
    "def ",
    "class ",
    "import ",
    "function ",
    "fn ",
    "async ",
    "await ",
    "struct ",
    "impl ",
    "return ",
)
"""What code has in it, in one language or another; each counts once."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a call is about: its text and system text, how many tools it may use, how many messages there are."""

    text: str
    system: str = ""
    tools: int = 0
    messages: int = 1


def score(asked: Asked) -> int:
    """Points for the length of the text, tools, code in it, a long conversation, a long system text."""
    text = asked.text.lower()
    return (
        len(asked.text) // CHARS_PER_POINT
        + TOOL * asked.tools
        + MARKER * sum(marker in text for marker in MARKERS)
        + MESSAGE * max(0, asked.messages - FREE_MESSAGES)
        + max(0, len(asked.system) - FREE_SYSTEM_CHARS) // SYSTEM_CHARS_PER_POINT
    )


def complexity_of(points: int) -> Complexity:
    """The class that a score falls into."""
    if points < SIMPLE_BELOW:
        return "simple"
    return "complex" if points >= COMPLEX_FROM else "medium"
