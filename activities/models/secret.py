"""Provider keys: references that may be shown, and values that may not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from activities.redaction import forms_of, hold_back, take_out

KEY_REFERENCE = re.compile(r"env:([A-Za-z_][A-Za-z0-9_]*)\Z")


@dataclass(frozen=True, slots=True)
class Secret:
    """A resolved key and the reference that it came from. Neither `repr` nor `str` shows the value."""

    reference: str
    value: str = field(repr=False)

    def redact(self, text: str) -> str:
        """The text without the value, raw, in base64 or URL-encoded."""
        return take_out(text, forms_of(self.value))

    def hold_back(self, text: str) -> str:
        """A redacted text that still grows, without a beginning of the value at its end."""
        return hold_back(text, forms_of(self.value))

    @property
    def reach(self) -> int:
        """How many characters before a cut may still belong to a value that the cut would split."""
        return max(len(form) for form in forms_of(self.value))


def resolve(reference: str, environ: Mapping[str, str]) -> Secret | None:
    """The value behind `env:NAME`; null if the variable is missing or blank."""
    match = KEY_REFERENCE.match(reference)
    value = environ.get(match.group(1), "").strip() if match else ""
    return Secret(reference=reference, value=value) if value else None
