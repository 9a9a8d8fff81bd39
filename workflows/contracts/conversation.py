"""A conversation with a model on the wire: parts, tool calls and their results, and where the rest of it lies."""

from __future__ import annotations

from typing import Any, Literal

from workflows.contracts.wire import Wire


class Ref(Wire):
    """A blob: where it is (`blob:<tenant>/<digest>`), what it must hash to (SHA-256, 64 hex digits), its size.

    Only the engine and activities of ours make one; text that looks like one is text.
    """

    uri: str
    digest: str
    size_bytes: int


class Part(Wire):
    """A piece of content: text itself, or a reference that only an activity opens. Exactly one is set.

    `media` is the type of what a reference leads to (`image/png`, `application/pdf`); null for UTF-8 text.
    """

    text: str | None = None
    ref: Ref | None = None
    media: str | None = None


class ToolUse(Wire):
    """A tool call that a model asks for; `id` is the provider's. `fault` says why its arguments could not be read."""

    id: str
    name: str
    args: dict[str, Any] = {}
    fault: str | None = None


class ToolAnswer(Wire):
    """What a tool call came to, as the model reads it. `denied` ones outlive every compaction."""

    id: str
    content: tuple[Part, ...]
    is_error: bool = False
    denied: bool = False


class Message(Wire):
    """One message of a conversation, in no provider's words.

    A user's message has results before content; an assistant's has content before tool calls. `raw` are blocks that
    only `provider` understands and wants to see again as they were (thinking).
    """

    role: Literal["user", "assistant"]
    content: tuple[Part, ...] = ()
    tool_calls: tuple[ToolUse, ...] = ()
    results: tuple[ToolAnswer, ...] = ()
    raw: tuple[dict[str, Any], ...] = ()
    provider: str | None = None


class Content(Wire):
    """A tool's output as a model reads it, cut to `MODEL_CHARS`; what the workflow keeps of it is a reference.

    `ref` leads to the very text, where it is longer than `INLINE_BYTES`; `whole` to all of it, where it was cut. With a
    `media`, `ref` leads to an image or a document instead, and `text` is what is said of it; it is never empty.
    """

    text: str
    ref: Ref | None = None
    whole: Ref | None = None
    media: str | None = None


class Compact(Wire):
    """What to make of the transcript before it is gone on with: the oldest part becomes something shorter.

    `summary`: the call writes it. `elide`: results are replaced by references, without a word from a model. The last
    `keep` messages stay as they are: more where a call would be parted from its result, fewer where they are over half.
    """

    how: Literal["summary", "elide"]
    keep: int


INLINE_BYTES = 512
"""Longer texts are passed on by reference: history keeps each once, in the result of the call that gave it."""
MODEL_CHARS = 50_000
"""How much of one output a model is shown (models-and-tools.md, "Tools")."""
IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
PDF = "application/pdf"
MEDIA_TOKENS = 5_000
"""More than any provider counts for one image, which it scales down first: 4,784 tokens by Anthropic's documentation of
vision; by OpenAI's, 3,779 for 1,536 patches at 2.46 (of `gpt-4o-mini`, which counts more, a small one is asked for).
Also for one page of a document, which is counted as its text, up to 3,000 tokens, and as a small image."""


def weight_of(part: Part) -> int:
    """What a part counts for in sizes and reservations: the most tokens that it can be."""
    if part.ref is not None:
        return weight(part.ref.size_bytes, part.media)
    return len((part.text or "").encode("utf-8", "surrogatepass"))


def weight(size_bytes: int, media: str | None) -> int:
    """The same of what a reference leads to. A token is never less than a byte of text; an image is never more than
    `MEDIA_TOKENS`. A document is estimated: providers count pages, which take more bytes than tokens as a rule.
    """
    if media in IMAGES:
        return MEDIA_TOKENS
    return max(MEDIA_TOKENS, size_bytes) if media == PDF else size_bytes
