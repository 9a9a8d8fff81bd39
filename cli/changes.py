"""What happened between two views of a run: the lines that people and programs follow it by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflows.contracts.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workflows.contracts.pause import PauseView
    from workflows.contracts.run import NodeView, RunView

ENDED = frozenset({"ok", "failed", "cancelled", "skipped"})


class Change(Wire):
    """One thing that happened; `at` is RFC 3339, and what does not belong to a kind is left out.

    Of the run: `phase`. Of nodes: `started`, `ended` (`status`, `summary`). Of calls, with `id` the call, `call` the
    tool or model, `turn` the agent's: `call` (it was made; `text` are its arguments in short), `attempt` (its
    `attempt`-th began; `error` is why the one before failed), `text` (the end of what the attempt has said so far, of
    `chars` in all; a later attempt begins anew), `result` (`status`, `text` the first line, `tokens`, `cost_usd`,
    `latency_ms`, and `total_tokens` and `total_cost_usd` of the run's calls so far), `denied` (`rules`). Of pauses:
    `asked`, `lifted`, `refused`.
    """

    at: str
    kind: str
    activation: str | None = None
    attempt: int | None = None
    node: str | None = None
    node_kind: str | None = None
    status: str | None = None
    summary: str | None = None
    phase: str | None = None
    pause: str | None = None
    outcomes: tuple[str, ...] | None = None
    call: str | None = None
    id: str | None = None
    turn: int | None = None
    text: str | None = None
    chars: int | None = None
    error: str | None = None
    tokens: int | None = None
    cost_usd: float | None = None
    latency_ms: int | None = None
    total_tokens: int | None = None
    total_cost_usd: float | None = None
    rules: tuple[str, ...] | None = None


def changes(before: RunView | None, after: RunView, now: str) -> tuple[Change, ...]:
    """The changes from one view to a later one of the same run, all of it when there is none before.

    Nodes first, then pauses, then the phase; a run that is met open begins with it. `now` is the time of
    what carries none.
    """
    found = [*_of_nodes(before, after, now), *_of_pauses(before, after, now)]
    if before is not None and before.phase == after.phase:
        return tuple(found)
    phase = Change(at=after.ended_at or now, kind="phase", phase=after.phase)
    return (phase, *found) if before is None and after.ended_at is None else (*found, phase)


def _of_nodes(before: RunView | None, after: RunView, now: str) -> Iterator[Change]:
    known = {node.activation: node.status for node in before.nodes} if before else {}
    for node in after.nodes:
        was = known.get(node.activation)
        if was is None:
            yield _node(node, "started", node.started_at or now)
        if node.status in ENDED and was != node.status:
            yield _node(node, "ended", node.ended_at or now)


def _node(node: NodeView, kind: str, at: str) -> Change:
    return Change(
        at=at,
        kind=kind,
        activation=node.activation,
        node=node.node,
        node_kind=node.kind,
        status=node.status,
        summary=node.summary or None,
    )


def _of_pauses(before: RunView | None, after: RunView, now: str) -> Iterator[Change]:
    known = {pause.id: pause for pause in before.pauses} if before else {}
    still = {pause.id for pause in after.pauses}
    for pause in after.pauses:
        if pause.id not in known:
            yield _pause(pause, "asked", pause.opened_at or now)
    for pause in known.values():
        if pause.id not in still:
            yield _pause(pause, "lifted", now)
    seen = set(before.refusals) if before else set()
    for refusal in after.refusals:
        if refusal not in seen:
            yield Change(at=refusal.at, kind="refused", pause=refusal.pause, summary=refusal.reason)


def _pause(pause: PauseView, kind: str, at: str) -> Change:
    return Change(
        at=at,
        kind=kind,
        activation=pause.activation,
        node=pause.node,
        pause=pause.id,
        summary=pause.ask,
        outcomes=pause.outcomes,
    )
