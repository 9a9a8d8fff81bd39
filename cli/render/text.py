"""Text from outside, made harmless: shown as it is written, never obeyed by a terminal or a markup language."""

from __future__ import annotations

import hashlib
import json
import re

from policies.plain_text import escape, plain

SHOWN_BYTES = 2048
HEAD_CHARS = 1200
TAIL_CHARS = 400


def line(text: object, limit: int | None = None) -> str:
    """Text as one line: line breaks, control, bidirectional and invisible characters escaped; cut to `limit`."""
    shown = plain(str(text))
    return shown if limit is None or len(shown) <= limit else shown[: max(limit - 1, 0)] + "…"


def block(text: str) -> str:
    """Text of several lines: as `line`, but line breaks stand and tabs become spaces."""
    return "\n".join(line(part.replace("\t", "    ")) for part in text.replace("\r\n", "\n").split("\n"))


def fence(text: str, *, full: bool = False) -> list[str]:
    """Text inside a fence of backticks that is longer than any in it; over 2 KB head and tail unless `full`."""
    shown = block((text if full else shorten(text)).removesuffix("\n"))
    longest = max((len(run) for run in re.findall("`+", shown)), default=0)
    bar = "`" * max(3, longest + 1)
    return [bar, *shown.split("\n"), bar]


def shorten(text: str) -> str:
    """Text of at most 2 KB as it is; more as head and tail around its size and SHA-256."""
    data = text.encode("utf-8", "surrogatepass")
    if len(data) <= SHOWN_BYTES:
        return text
    middle = f"… {len(data):,} bytes in all, sha256 {hashlib.sha256(data).hexdigest()}; `--full` shows them …"
    return f"{text[:HEAD_CHARS]}\n{middle}\n{text[-TAIL_CHARS:]}"


def json_text(value: object, *, indent: int | None = None) -> str:
    """JSON that a terminal cannot be drawn on with: unsafe characters are JSON escapes, the value is the same."""
    text = json.dumps(value, ensure_ascii=False, indent=indent, allow_nan=False)
    return escape(text, lambda character: json.dumps(character)[1:-1], "\n")
