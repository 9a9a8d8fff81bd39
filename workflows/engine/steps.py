"""The moves that a token still has to make for one event; those that wait for a slot are kept in the state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from workflows.contracts.failures import ErrorInfo


@dataclass(frozen=True, slots=True)
class Enter:
    """The frame's token reaches a node, its join, `end` or `fail`."""

    frame: str
    target: str
    step: Literal["enter"] = "enter"


@dataclass(frozen=True, slots=True)
class Succeed:
    """An activation has its result; `outcome` picks the route of a node that has routes. `skipped`: no writes."""

    activation: str
    result: object
    outcome: str | None = None
    skipped: bool = False
    step: Literal["succeed"] = "succeed"


@dataclass(frozen=True, slots=True)
class Fail:
    """An activation failed; `call` is the call that can be made again, if there is one."""

    activation: str
    error: ErrorInfo
    call: str | None = None
    step: Literal["fail"] = "fail"


@dataclass(frozen=True, slots=True)
class Requeue:
    """A call goes before the gate again."""

    activation: str
    call: str
    step: Literal["requeue"] = "requeue"


@dataclass(frozen=True, slots=True)
class Restart:
    """A node that failed before it called anything starts anew."""

    activation: str
    step: Literal["restart"] = "restart"


@dataclass(frozen=True, slots=True)
class Resolved:
    """What an activation waited for is there (`provided`), or it is to go on without, or is not to have it."""

    activation: str
    gap: str
    outcome: Literal["provided", "granted", "substituted", "without", "declined"]
    message: str = ""
    step: Literal["resolved"] = "resolved"


@dataclass(frozen=True, slots=True)
class Lifted:
    """People let an agent go on beyond its limit (`continue`), or have it stop with what it has (`reduce`)."""

    activation: str
    limit: str
    outcome: str
    step: Literal["lifted"] = "lifted"


@dataclass(frozen=True, slots=True)
class Advance:
    """An agent goes on: what its turn waited for is done with."""

    activation: str
    step: Literal["advance"] = "advance"


Step = Annotated[Enter | Succeed | Fail | Requeue | Restart | Resolved | Lifted | Advance, Field(discriminator="step")]
