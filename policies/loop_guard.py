"""The loop guard: repeated, ping-pong and no-progress calls, judged on digests alone."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LoopRules:
    """Thresholds, each null for off. Defaults: OpenFang `loop_guard.rs` (reference row 56).

    `same_call` counts calls with equal name and arguments, `same_result` those that also gave an equal
    result, `ping_pong` the calls of an alternating pattern of two, `total` all calls of one node in one
    frame. What polls has `polling_factor` times the thresholds.
    """

    same_call_warn: int | None = 3
    same_call_block: int | None = 5
    same_result_warn: int | None = 2
    same_result_block: int | None = 3
    ping_pong: int | None = 6
    total: int | None = 30
    polling_factor: int = 3


@dataclass(slots=True)
class LoopState:
    """What the guard remembers of one frame: plain data, so that a snapshot holds it.

    `recent` are the digests of the last 30 calls, oldest first; `calls` counts calls by digest,
    `results` by digest of call and result, `totals` by node.
    """

    recent: list[str]
    calls: dict[str, int]
    results: dict[str, int]
    totals: dict[str, int]


def note_call(state: LoopState, fingerprint: str, node: str) -> None:
    """Count a call, made or denied."""
    del state, fingerprint, node


def note_result(state: LoopState, fingerprint: str, result: str) -> None:
    """Count a call's result, by its digest."""
    del state, fingerprint, result
