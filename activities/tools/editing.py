"""Replacing one piece of text by another."""

from __future__ import annotations

from activities.tools.errors import ToolError, show


def edited(text: str, old: str, new: str, *, again: bool, path: str) -> str:
    """The text with the one `old` replaced by `new`.

    `again` says that an earlier attempt may have done it already: then the text is right as it is when
    `new` is there and `old` is nowhere else. So that this can be told when `new` has `old` in it, a first
    attempt refuses to make such a replacement where `new` stands already.
    """
    if again and _done(text, old, new):
        return text
    count = text.count(old)
    if count == 0:
        raise ToolError(f"{show(path)}: `old` is not in the file; read it and copy the text exactly")
    if count > 1:
        raise ToolError(f"{show(path)}: `old` is in the file {count} times; add text around it until it is there once")
    if old in new and new in text:
        raise ToolError(f"{show(path)}: `new` is in the file already; nothing is to be replaced")
    return text.replace(old, new)


def _done(text: str, old: str, new: str) -> bool:
    if not new:
        return old not in text
    return new in text and all(old not in part for part in text.split(new))
