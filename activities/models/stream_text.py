"""The text of an answer while it grows, as progress may show it."""

from __future__ import annotations

from activities.models.provider import TAIL_CHARS, Progress
from activities.models.secret import Secret


class StreamText:
    """Tells progress the end of a growing text, with the key taken out should the provider echo it."""

    def __init__(self, secret: Secret | None, progress: Progress) -> None:
        self._secret, self._progress = secret, progress
        self._window = TAIL_CHARS + (secret.reach if secret else 0)
        self._tail = ""
        self._chars = 0

    def add(self, text: str) -> None:
        """The next part of the text."""
        self._chars += len(text)
        grown = self._tail + text
        # Redacted before it is cut: a cut through the key would leave half of it, which nothing finds any more.
        self._tail = (self._secret.redact(grown) if self._secret else grown)[-self._window :]
        self._progress(self._shown(), self._chars)

    def writing(self, tool: str) -> None:
        """A tool call begins."""
        self._progress(self._shown(), self._chars, tool=self._secret.redact(tool) if self._secret else tool)

    def _shown(self) -> str:
        shown = self._secret.hold_back(self._tail) if self._secret else self._tail
        return shown[-TAIL_CHARS:]
