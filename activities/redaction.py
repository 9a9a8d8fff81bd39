"""Takes the values of references out of whatever leaves a worker."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote_from_bytes

from temporalio.exceptions import ApplicationError

if TYPE_CHECKING:
    from temporalio.api.common.v1 import Payload

REDACTED = "[redacted]"
CRUMB = 3
"""So few characters at the edge of a text are no part of a value that anybody could tell."""
LEAST_CHARS = 8
"""Shorter values are words that results hold by chance; whoever composes a worker says so to the operator."""


class Redactor:
    """Knows secret values (keys of bytes, too) in every spelling: raw, base64 anywhere in a text, URL-encoded, hex."""

    def __init__(self, values: Iterable[str | bytes] = ()) -> None:
        known = [value for value in values if len(value) >= LEAST_CHARS]
        self._raw = tuple(value for value in known if isinstance(value, bytes))
        self._forms = _longest_first({form for value in known for form in forms_of(value)})
        self._encoded = tuple(form.encode("utf-8", "surrogateescape") for form in self._forms)

    def text(self, text: str) -> str:
        """The text without the values."""
        return take_out(text, self._forms)

    def finds_in(self, data: bytes) -> bool:
        """Whether bytes that are no text hold one of the values, in UTF-8 or UTF-16; not where they are compressed."""
        wide = (form.encode(code, "surrogatepass") for form in self._forms for code in ("utf-16-le", "utf-16-be"))
        return any(form in data for form in (*self._raw, *self._encoded, *wide))

    def excerpt(self, text: str) -> str:
        """The same of a part of a text, which may begin with the end of a value, or end with the beginning of one."""
        if len(text) > CRUMB and any(text in form for form in self._forms):
            return ""
        return _without_end_of_value(hold_back(self.text(text), self._forms), self._forms)

    def value(self, value: object) -> object:
        """A JSON value without them, in keys, too."""
        if not self._forms:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.value(key): self.value(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(item) for item in value]
        return value

    def error(self, error: ApplicationError) -> ApplicationError:
        """The same error without them in message and details, and without what led to it."""
        return ApplicationError(
            self.text(error.message),
            *(self.value(detail) for detail in error.details),
            type=error.type,
            non_retryable=error.non_retryable,
            next_retry_delay=error.next_retry_delay,
            category=error.category,
        )

    def payload(self, payload: Payload) -> Payload:
        """A payload of JSON without them; almost always the same one, found clean by a look at its bytes."""
        if not any(form in payload.data for form in self._encoded):
            return payload
        clean = self.value(json.loads(payload.data))
        redacted = type(payload)()
        redacted.CopyFrom(payload)
        redacted.data = json.dumps(clean, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
        return redacted


@lru_cache(maxsize=256)
def forms_of(value: str | bytes) -> tuple[str, ...]:
    """The spellings of a value to look for, longest first so that none is cut by a shorter one."""
    raw = value if isinstance(value, bytes) else value.encode("utf-8", "surrogateescape")
    forms = {*_base64_forms(raw), *((raw.hex(), raw.hex().upper()) if len(raw) >= LEAST_CHARS else ())}
    if isinstance(value, str):
        escaped = quote_from_bytes(raw, safe="")
        spaced = escaped.replace("%20", "+")
        forms |= {value, escaped, spaced, _lower_escapes(escaped), _lower_escapes(spaced)}
        forms |= {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
    return _longest_first({form for form in forms if form})


def take_out(text: str, forms: Iterable[str]) -> str:
    """The text with each of the forms replaced."""
    for form in forms:
        if form in text:
            text = text.replace(form, REDACTED)
    return text


def hold_back(text: str, forms: Iterable[str]) -> str:
    """A redacted text that still grows, without a beginning of a form at its end."""
    begun = (form[:length] for form in forms for length in range(len(form) - 1, CRUMB, -1))
    longest = max((len(start) for start in begun if text.endswith(start)), default=0)
    return text[: len(text) - longest]


def _without_end_of_value(text: str, forms: Iterable[str]) -> str:
    """A redacted text that is the rest of a longer one, without an end of a form at its beginning."""
    ended = (form[-length:] for form in forms for length in range(len(form) - 1, CRUMB, -1))
    return text[max((len(end) for end in ended if text.startswith(end)), default=0) :]


def _base64_forms(raw: bytes) -> set[str]:
    """A value by itself, and the part of its base64 that is the same whatever stands before and behind it."""
    found: set[str] = set()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        whole = encode(raw).decode()
        found |= {whole, whole.rstrip("=")}
        for before in range(3):
            text = encode(bytes(before) + raw).decode()
            inner = text[-(-before * 8 // 6) : (before + len(raw)) * 8 // 6]
            found |= {inner} if len(inner) >= LEAST_CHARS else set()
    return found


def _lower_escapes(text: str) -> str:
    """`%2F` as `%2f`."""
    first, *rest = text.split("%")
    return "%".join([first, *(part[:2].lower() + part[2:] for part in rest)])


def _longest_first(forms: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(forms, key=lambda form: (-len(form), form)))
