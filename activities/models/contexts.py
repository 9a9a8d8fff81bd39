"""How many tokens known models can read, for entries of a models file that leave it out."""

from __future__ import annotations

from policies.prices import known_as

UNKNOWN = 200_000
"""What is taken of a model that is not known here."""

_CLAUDE = 200_000
_CONTEXTS: dict[str, int] = {
    "claude-opus-4-6": _CLAUDE,
    "claude-opus-4-5": _CLAUDE,
    "claude-opus-4-1": _CLAUDE,
    "claude-opus-4": _CLAUDE,
    "claude-sonnet-4-6": _CLAUDE,
    "claude-sonnet-4-5": _CLAUDE,
    "claude-sonnet-4": _CLAUDE,
    "claude-3-7-sonnet": _CLAUDE,
    "claude-haiku-4-5": _CLAUDE,
    "claude-3-5-haiku": _CLAUDE,
    "gpt-5.1": 272_000,
    "gpt-5": 272_000,
    "gpt-5-mini": 272_000,
    "gpt-5-nano": 272_000,
    "gpt-4.1": 1_047_576,
    "gpt-4.1-mini": 1_047_576,
    "gpt-4.1-nano": 1_047_576,
    "gpt-4o": 128_000,
    "gpt-4o-mini": 128_000,
    "o3": 200_000,
    "o3-mini": 200_000,
    "o4-mini": 200_000,
}
"""Without a beta: a million tokens is something to ask a provider for. Of the GPT-5 models it is what they read; their
answer has room of its own."""


def builtin_context(model: str) -> int | None:
    """The context of a model by its id, with or without its date; null if it is not known."""
    return next((_CONTEXTS[name] for name in known_as(model) if name in _CONTEXTS), None)


def unknown_warning(alias: str, model: str) -> str:
    """What an operator must know of a model whose context nobody said."""
    return f"model `{alias}`: the context of `{model}` is not known, {UNKNOWN:,} tokens are taken: write `context: ...`"
