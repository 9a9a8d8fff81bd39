"""A stop that a person must lift, and the answer that lifts it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator

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


class GapView(Wire):
    """What a run lacks, as people and programs see it. What is in `reason`, `example` and `diff` others wrote.

    `asker` is the activation that found it, by `source`; `waiters` are all that wait. `digest` is that of a tool that
    has changed. `failed` is why a worker did not find it the last time, `probing` while one looks. `prompt` says in
    Markdown how to bring it.
    """

    key: str
    kind: str
    name: str
    reason: str
    source: str
    asker: str
    example: dict[str, Any] | None = None
    digest: str = ""
    diff: str = ""
    waiters: tuple[str, ...] = ()
    probing: bool = False
    failed: str = ""
    prompt: str = ""


class PauseView(Wire):
    """An open pause as people and programs see it. `deadline` is RFC 3339, null for none.

    `answerers` are alternatives (empty: anyone); an entry with `&` names several things that one person must be.
    `quorum` of them must say the same; `answered_by` are those who have. `signed`: only signed answers count.
    `lacks` are the capabilities that a `grant` would give, `budget` what `raise` and `reduce` are about, `gap` what
    `provide` would bring. `asked` is what `digest` is the digest of: whoever signs need not believe whoever shows the
    question.
    """

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
    not_starter: bool = False
    signed: bool = False
    answered_by: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    budget: dict[str, Any] | None = None
    gap: GapView | None = None
    asked: dict[str, Any] = {}


class Answer(Document):
    """What a person sends, by update or signal `answer`. Unknown fields are refused.

    `digest` may be left out while signatures are not required; with them `digest`, `issued_at`, `expires_at` and
    `signature` (`policies.signing.answer_bytes`) are needed. Times are RFC 3339. `nonce` may make an answer unlike
    another; it means nothing more.
    """

    v: Literal[1] = 1
    pause: str = Field(min_length=1, max_length=512)
    digest: str | None = Field(default=None, max_length=64)
    outcome: str = Field(min_length=1, max_length=64)
    scope: Literal["once", "run", "tenant"] = "once"
    data: Any = None
    by: str = Field(default="unknown", min_length=1, max_length=256)
    issued_at: str | None = Field(default=None, max_length=64)
    expires_at: str | None = Field(default=None, max_length=64)
    nonce: str | None = Field(default=None, max_length=256)
    signature: str | None = Field(default=None, max_length=256)


class AnswerReceipt(Wire):
    """What an accepted answer is told. `waits_for`: how many more people must say the same before anything happens."""

    pause: str
    outcome: str
    by: str
    node: str
    waits_for: int = 0


class Refusal(Wire):
    """An answer or a control (without a pause) that changed nothing, and why. Nobody has proved who `by` is."""

    pause: str
    outcome: str
    by: str
    reason: str
    at: str


class Control(Document):
    """The argument of `pause`, `resume`, `cancel` and `repin`, and what those of `steer` and `cancel_call` have, too.

    Where the policy wants signatures it is signed, as `policies.signing.control_bytes` says. `policy_digest` is the
    policy that `repin` must find on the worker.
    """

    v: Literal[1] = 1
    by: str = Field(default="unknown", min_length=1, max_length=256)
    reason: str | None = Field(default=None, max_length=2048)
    policy_digest: str | None = Field(default=None, max_length=64)
    issued_at: str | None = Field(default=None, max_length=64)
    expires_at: str | None = Field(default=None, max_length=64)
    signature: str | None = Field(default=None, max_length=256)


MAX_STEER_BYTES = 8 * 1024


class Steer(Control):
    """The argument of `steer`: what to tell an agent (a node or an activation; null: the only one at work).

    `interrupt`: what it wanted and has not begun is not done any more.
    """

    text: str = Field(min_length=1, max_length=MAX_STEER_BYTES)
    agent: str | None = Field(default=None, min_length=1, max_length=512)
    interrupt: bool | None = Field(default=None, strict=True)

    @field_validator("text")
    @classmethod
    def check_text(cls, text: str) -> str:
        """It says something, and is not too long: a letter may have several bytes, and history counts those."""
        if not text.strip():
            raise ValueError("it is blank")
        if len(text.encode()) > MAX_STEER_BYTES:
            raise ValueError(f"at most {MAX_STEER_BYTES:,} bytes")
        return text


class CallControl(Control):
    """The argument of `cancel_call`: a call in flight, as `<activation>:<index>`."""

    call: str = Field(min_length=1, max_length=512)
