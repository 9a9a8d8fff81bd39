"""What an alias settles about its calls to Anthropic's Messages API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

LEAST_THINKING = 1024
"""The smallest budget that the API takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagesOptions:
    """`thinking` is a budget in tokens (at least `LEAST_THINKING`, under `max_tokens`), or is left to the model.

    `caching`: an agent's turns write their prefix to the provider's cache and read it at the next. `json_schema`: the
    endpoint takes a schema as a grammar; else it is asked for in words.
    """

    thinking: int | Literal["adaptive"] | None = None
    caching: bool = True
    json_schema: bool = True


PLAIN = MessagesOptions()
