"""The names that an expression may read, and the state as a frame sees it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from workflows.engine import measuring
from workflows.engine.clock import rfc3339
from workflows.engine.reducers import DEFAULTS, CannotReduce, reduce
from workflows.language.expressions import ExpressionError
from workflows.language.schema import validate_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workflows.engine.machine import Machine
    from workflows.engine.state import Activation, Frame
    from workflows.language.expressions import Template
    from workflows.language.graph import Channel


NEVER_JOINED: Mapping[str, object] = {"results": [], "values": [], "failed": 0}
"""What a join reads before any scope has closed at it."""


class StateView(Mapping[str, object]):
    """The channels as one frame sees them: its own overlay, then its parents', then the initial value.

    Reading a container gives it away, so the frame that owned it copies before it writes again.
    """

    __slots__ = ("_frame", "_machine")

    def __init__(self, machine: Machine, frame: Frame) -> None:
        self._machine = machine
        self._frame = frame

    def __getitem__(self, channel: str) -> object:
        holder, value = find(self._machine, self._frame, channel)
        if holder is not None:
            self._machine.owned.discard((holder, channel))
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self._machine.graph.channels)

    def __len__(self) -> int:
        return len(self._machine.graph.channels)


def find(m: Machine, frame: Frame, channel: str) -> tuple[str | None, object]:
    """The frame that holds a channel's value for `frame`, and the value; `KeyError` for an unknown channel."""
    at: Frame | None = frame
    while at is not None:
        if channel in at.values:
            return at.path, at.values[channel]
        at = None if at.parent is None else m.state.frames[at.parent]
    return None, initial(m.graph.channels[channel])


def initial(channel: Channel) -> object:
    """What a channel holds before anything is written to it."""
    return DEFAULTS.get(channel.reducer) if channel.initial is None else channel.initial


def scope(m: Machine, frame: Frame, activation: Activation | None = None, **extra: object) -> dict[str, object]:
    """The names for one evaluation. `extra` holds `result` where a node's own result is meant."""
    names: dict[str, object] = {"input": m.run.input, "state": StateView(m, frame), "run": run_names(m)}
    _bind_branches(m, frame, names)
    if frame.bound:
        names["result"] = frame.result
    if frame.error is not None:
        names["error"] = frame.error.model_dump(include={"type", "message", "node", "attempts"})
    if activation is not None:
        names["visit"] = activation.visit
        names.update(frame.joined.get(activation.node) or NEVER_JOINED)
    names.update(extra)
    return names


def render(template: Template, names: Mapping[str, object]) -> object:
    """Render a template; raises `ExpressionError` where that fails or makes a value that is too large or too deep."""
    value = template.render(names)
    if not (template.is_constant or template.is_single):  # these make nothing that was not there before
        fault = measuring.fault(value)
        if fault is not None:
            raise ExpressionError(f"the value cannot be used: {fault}")
    return value


def run_names(m: Machine) -> dict[str, object]:
    """The value of `run`; it never changes, so it is made once."""
    if not m.run_names:
        m.run_names = {
            "id": m.run.workflow_id,
            "graph": m.graph.name,
            "version": m.graph.version,
            "tenant": m.card.tenant,
            "started_at": rfc3339(m.state.started_ms),
        }
    return m.run_names


def _bind_branches(m: Machine, frame: Frame, names: dict[str, object]) -> None:
    if frame.parent is not None:
        _bind_branches(m, m.state.frames[frame.parent], names)
        names.update(frame.bindings)


def write(m: Machine, frame: Frame, writes: Sequence[tuple[str, object]]) -> str | None:
    """Apply a node's writes to a frame, all or none; the message of the first that does not fit, else null."""
    planned: list[tuple[str, object]] = []
    alone = len(writes) == 1  # with several, the first must not have grown in place when the second is refused
    for channel, value in writes:
        fault = measuring.fault(value)
        if fault is not None:
            return f"channel `{channel}`: the value cannot be kept: {fault}"
        try:
            planned.append((channel, _reduced(m, frame, m.graph.channels[channel], value, alone=alone)))
        except CannotReduce as error:
            return f"channel `{channel}`: {error}"
    for (channel, value), (_, new) in zip(writes, planned, strict=True):
        frame.values[channel] = new
        if m.graph.channels[channel].reducer in DEFAULTS:
            m.owned.add((frame.path, channel))
        if frame.parent is not None and not m.graph.channels[channel].local:
            frame.writes.append((channel, value))
    return None


def _reduced(m: Machine, frame: Frame, channel: Channel, value: object, *, alone: bool) -> object:
    holder, old = find(m, frame, channel.name)
    mine = holder == frame.path and (frame.path, channel.name) in m.owned
    owned = mine and alone and channel.schema is None
    new = reduce(channel.reducer, old, value, owned=owned)
    if channel.schema is not None:
        faults = validate_value(channel.schema, new)
        if faults:
            raise CannotReduce(f"its schema refuses the value: {faults[0]}")
    return new
