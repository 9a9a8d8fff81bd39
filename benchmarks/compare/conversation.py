"""The conversation that all three frameworks hold: so many turns with one tool call each, then a final answer.

It is read by programs in two virtual environments, so it needs nothing beside the standard library.
"""

from __future__ import annotations

import hashlib
import os
import random
import re

RESULT_CHARS = 2_000
LETTERS = "abcdefghijklmnopqrstuvwxyz     "
SYSTEM = "You read a long report page by page, and say what it comes to."
TOOL = "next_page"
TOOL_DESCRIPTION = "Read the next page of the report."
ARGUMENTS = {"report": "harbour-1911"}
FINAL = "All pages were read."

HEARTBEAT_S = 5.0
ATTEMPT_S = 60.0


def prompt(turns: int) -> str:
    """What the agent is asked; a scripted model finds in it how many pages there are."""
    return f"Read all {turns} pages of the report."


def turns_of(text: str) -> int:
    """How many turns a prompt wants."""
    found = re.search(r"all (\d+) pages", text)
    if found is None:
        raise ValueError(f"`{text[:80]}` does not say how many pages there are")
    return int(found[1])


def page(seed: str) -> str:
    """A result of 2,000 characters, another for each seed, so that nobody can keep two of them as one."""
    chance = random.Random(hashlib.sha256(seed.encode()).digest())
    return "".join(chance.choices(LETTERS, k=RESULT_CHARS))


def say_ready() -> None:
    """Tell the program that started us that we poll."""
    os.write(int(os.environ["COMPARE_READY_FD"]), b"ready")
