"""Kinds of content that providers tell apart."""

from __future__ import annotations

import base64

from activities.models import failures
from activities.models.provider import Ask
from workflows.contracts.conversation import IMAGES as IMAGES
from workflows.contracts.conversation import PDF as PDF
from workflows.contracts.conversation import Part

EMPTY = "(nothing)"
"""Stands for an answer without words and calls, and for an error without words: no provider takes one of nothing."""


def media_of(part: Part) -> str:
    """The type of a part without its parameters, in lower case; empty for text."""
    return (part.media or "").partition(";")[0].strip().lower()


def is_text(media: str) -> bool:
    """Whether content of this type is text in UTF-8."""
    return not media or media.startswith("text/") or media == "application/json"


def encoded(ask: Ask, part: Part) -> str:
    """What a part holds, in base64."""
    return base64.b64encode(ask.data_of(part)).decode()


def text_in(ask: Ask, part: Part) -> str:
    """The text of a part; what is no UTF-8 in it is shown as such, and stops nothing."""
    return ask.data_of(part).decode(errors="replace") if part.ref is not None else part.text or ""


def withheld(ask: Ask, part: Part, takes: str) -> str:
    """The words that a model reads in place of content that it cannot be shown."""
    size = len(ask.data_of(part))
    return f"[content of type `{media_of(part)}`, {size} bytes, is not shown: this provider takes {takes}]"


def refuse(ask: Ask, part: Part, takes: str) -> Exception:
    """The error of a message of the user's own that holds what its provider does not take."""
    return failures.model_failed(
        ask.card.alias, f"content of type `{media_of(part)}` cannot be sent: this provider takes {takes}"
    )
