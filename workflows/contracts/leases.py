"""What runs and their tenant's ledger tell each other, through the workers between them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from policies.budget import Amount
from policies.windows import Per, Window
from workflows.contracts.wire import Wire

Count = Annotated[int, Field(ge=0)]


class Units(Wire):
    """The units that tenants have budgets of; cost in nano-dollars."""

    tokens: Count = 0
    cost_nano: Count = 0
    steps: Count = 0
    tool_calls: Count = 0

    @classmethod
    def of(cls, amount: Amount) -> Units:
        """An amount without its time, and nothing where it is below zero."""
        return cls(**{unit: max(0, getattr(amount, unit)) for unit in cls.model_fields})

    def amount(self) -> Amount:
        """The same as the engine counts it."""
        return Amount(self.tokens, self.cost_nano, self.steps, 0, self.tool_calls)


class WindowLimits(Wire):
    """One budget of the tenant; null is unlimited."""

    per: Per
    tokens: int | None = None
    cost_nano: int | None = None
    steps: int | None = None
    tool_calls: int | None = None

    @classmethod
    def of(cls, window: Window) -> WindowLimits:
        """A window of the operator's policy."""
        limits = window.limits
        return cls(
            per=window.per,
            tokens=limits.tokens,
            cost_nano=limits.cost_nano,
            steps=limits.steps,
            tool_calls=limits.tool_calls,
        )


class _FromRun(Wire):
    """`used` is all that the run has used since it began, `known` what it knows that the ledger has counted."""

    workflow_id: str = ""
    run_id: str = ""
    fence: Annotated[int, Field(ge=1)]
    used: Units
    known: Units = Units()


class Ask(_FromRun):
    """A run asks for a lease in place of the one it has: `want`, and at least `need`, until a time in UTC milliseconds.

    `windows` come from the run's policy and from that of the worker that passes it on. `parent` would name the lease
    that this one is a part of.
    """

    kind: Literal["ask"] = "ask"
    want: Units
    need: Units
    until_ms: int
    windows: tuple[WindowLimits, ...] = ()
    parent: str | None = None


class Back(_FromRun):
    """A run gives its lease back; `final`: it has ended."""

    kind: Literal["back"] = "back"
    final: bool = False


class Found(_FromRun):
    """A worker read in a closed run's history what it had used."""

    kind: Literal["found"] = "found"


Message = Annotated[Ask | Back | Found, Field(discriminator="kind")]


class Batch(Wire):
    """What one worker has to tell a ledger, in order. `seal` is of all the rest, in base64."""

    v: int = 1
    sent_ms: int
    messages: Annotated[tuple[Message, ...], Field(min_length=1, max_length=200)]
    seal: str = ""


class Reply(Wire):
    """What became of one message.

    `limit` and `used` are, of each unit that is limited, those of the window with the least left. `again`: what is
    refused now may be had once other runs have given back what they hold.
    """

    granted: Units = Units()
    expires_ms: int = 0
    fence: int = 0
    limit: dict[str, int] = {}
    used: Units = Units()
    refused: str | None = None
    again: bool = False


class Doubt(Wire):
    """A lease whose run may be closed: whoever can, looks, and tells with `Found`."""

    workflow_id: str
    run_id: str
    fence: int


class Replies(Wire):
    """The ledger's answers to a batch, one by one, and the leases that it wonders about."""

    replies: tuple[Reply, ...]
    doubts: tuple[Doubt, ...] = ()
    seal: str = ""
