"""What a tool fails with, saying no more than its caller may know."""

from __future__ import annotations

import re
from pathlib import Path

from temporalio.exceptions import ApplicationError

from policies.model import Effect
from workflows.contracts.run import ToolCard

MESSAGE_CHARS = 2000
ABSOLUTE = re.compile(r"(?<![\w:/.])/(?:[^\s/'\"`:,;()<>|]+/?)+")
"""An absolute path in a message: not the end of a relative one, nor part of a URL."""


def plain(error: ApplicationError, card: ToolCard, workspace: Path) -> ApplicationError:
    """The same failure without what led to it, and without paths outside the workspace in its words.

    A failure of a tool whose effect is `once` is never tried again: it may have happened before the error did.
    """
    return ApplicationError(
        without_places(error.message, workspace),
        *error.details,
        type=error.type,
        non_retryable=error.non_retryable or card.effect is Effect.ONCE,
        next_retry_delay=error.next_retry_delay,
        category=error.category,
    )


def without_places(text: str, workspace: Path) -> str:
    """The text with paths in the workspace relative to it, other absolute ones left out, and at a bearable length."""

    def place(found: re.Match[str]) -> str:
        path = found.group()
        inside = path == str(workspace) or path.startswith(f"{workspace}/")
        return (path[len(str(workspace)) + 1 :] or ".") if inside else "<a path outside the workspace>"

    told = ABSOLUTE.sub(place, text)
    return told if len(told) <= MESSAGE_CHARS else f"{told[:MESSAGE_CHARS]} …"
