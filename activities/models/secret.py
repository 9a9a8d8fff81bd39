"""Provider keys: references that may be shown, and values that may not."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus

REDACTED = "[redacted]"
CRUMB = 3
"""So few characters at the end of a text are no beginning of a key that anybody could tell."""
KEY_REFERENCE = re.compile(r"env:([A-Za-z_][A-Za-z0-9_]*)\Z")


@dataclass(frozen=True, slots=True)
class Secret:
    """A resolved key and the reference that it came from. Neither `repr` nor `str` shows the value."""

    reference: str
    value: str = field(repr=False)

    def redact(self, text: str) -> str:
        """The text without the value, raw, in base64 or URL-encoded."""
        for form in _forms(self.value):
            text = text.replace(form, REDACTED)
        return text

    def hold_back(self, text: str) -> str:
        """A redacted text that still grows, without a beginning of the value at its end."""
        begun = (form[:length] for form in _forms(self.value) for length in range(len(form) - 1, CRUMB, -1))
        longest = max((len(start) for start in begun if text.endswith(start)), default=0)
        return text[: len(text) - longest]

    @property
    def reach(self) -> int:
        """How many characters before a cut may still belong to a value that the cut would split."""
        return max(len(form) for form in _forms(self.value))


def resolve(reference: str, environ: Mapping[str, str]) -> Secret | None:
    """The value behind `env:NAME`; null if the variable is missing or blank."""
    match = KEY_REFERENCE.match(reference)
    value = environ.get(match.group(1), "").strip() if match else ""
    return Secret(reference=reference, value=value) if value else None


def _forms(value: str) -> tuple[str, ...]:
    """The spellings of a value to look for, longest first so that none is cut by a shorter one."""
    raw = value.encode()
    standard = base64.b64encode(raw).decode()
    urlsafe = base64.urlsafe_b64encode(raw).decode()
    forms = {
        value,
        quote(value, safe=""),
        quote_plus(value),
        standard,
        urlsafe,
        standard.rstrip("="),
        urlsafe.rstrip("="),
    }
    return tuple(sorted((form for form in forms if form), key=lambda form: (-len(form), form)))
