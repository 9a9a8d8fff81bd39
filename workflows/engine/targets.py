"""What a control is about, besides the run: an agent that is told something, a call that is given up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.secrets import scan
from workflows.contracts.pause import CallControl, Steer
from workflows.engine import cancelling, steering

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workflows.contracts.pause import Control
    from workflows.engine.machine import Machine


def why_no_target(m: Machine, control: Control) -> str | None:
    """Why there is nothing, or too much, that a control could be about; null for controls of the whole run."""
    if isinstance(control, Steer):
        return steering.why_no_agent(m, control.agent)
    if isinstance(control, CallControl):
        return cancelling.why_kept(m, control.call)
    return None


def why_unkept(control: Control, allow_paths: Sequence[str]) -> str | None:
    """Why history may not keep what a control says: a secret seems to stand in it."""
    said = {name: getattr(control, name, None) for name in ("text", "reason")}
    found = scan(said, root="control", allow_paths=allow_paths)
    if not found:
        return None
    return f"`{found[0].path}` looks like a secret ({found[0].kind}): write a reference, `env:NAME`"
