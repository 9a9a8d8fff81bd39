"""A stop that a person must lift, and the answer that lifts it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from workflows.contracts.wire import Document, Wire


class AskedCall(Wire):
    """A call that waits for an answer, as the pause's digest covers it."""

    name: str
    tool_digest: str
    args: Any = None
    args_digest: str
    args_bytes: int
    capabilities: tuple[str, ...] = ()
    effect: str
    risk: str
    model: str | None = None


class PauseView(Wire):
    """An open pause as people and programs see it. `deadline` is RFC 3339, null for none."""

    id: str
    trigger: str
    triggers: tuple[str, ...] = ()
    ui: str
    node: str
    activation: str
    ask: str
    show: str | None = None
    call: AskedCall | None = None
    error: dict[str, Any] | None = None
    outcomes: tuple[str, ...]
    form: dict[str, Any] | None = None
    digest: str
    nonce: str | None = None
    opened_at: str
    deadline: str | None = None
    on_timeout: str
    answerers: tuple[str, ...] = ()
    quorum: int = 1


class Answer(Document):
    """What a person sends, by update or signal `answer`. Unknown fields are refused.

    `digest` may be left out while signatures are not required; `scope` other than `once`, `issued_at`,
    `expires_at` and `signature` are refused until answers can be signed.
    """

    v: Literal[1] = 1
    pause: str = Field(min_length=1, max_length=512)
    digest: str | None = Field(default=None, max_length=64)
    outcome: str = Field(min_length=1, max_length=64)
    scope: Literal["once", "run", "tenant"] = "once"
    data: Any = None
    by: str = Field(default="unknown", min_length=1, max_length=256)
    issued_at: str | None = None
    expires_at: str | None = None
    nonce: str | None = None
    signature: str | None = None


class AnswerReceipt(Wire):
    """What an accepted answer is told."""

    pause: str
    outcome: str
    by: str
    node: str


class Refusal(Wire):
    """An answer that changed nothing, and why."""

    pause: str
    outcome: str
    by: str
    reason: str
    at: str


class Control(Document):
    """The argument of `pause` and `resume`."""

    v: Literal[1] = 1
    by: str = Field(default="unknown", min_length=1, max_length=256)
    reason: str | None = Field(default=None, max_length=2048)
