"""The loop guard: repeated, ping-pong and no-progress calls, judged on digests alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from policies.model import Facts, Reason, Request, Verdict

if TYPE_CHECKING:
    from policies.tenant import TenantPolicy

RECENT: Final = 30
"""Calls that the search for patterns looks back over."""
MAX_DIGESTS: Final = 256
"""Entries of each of the counters; the rarest make room."""
PERIODS: Final = ((2, 2), (3, 3))
"""A pattern's length, and how many halves of `ping_pong` calls make it one: two by two 6 calls, three by three 9."""
MAX_NAMES: Final = 64
"""Arguments whose names are looked at; what takes more does not poll."""
POLLING: Final = ("status", "poll", "wait")
"""What in the name of a tool, or of an argument, says that the call is made again and again on purpose."""


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

    `recent` are the fingerprints of the last 30 calls, oldest first; `calls` counts calls by fingerprint,
    `results` by fingerprint and digest of the result, `totals` by node.
    """

    recent: list[str]
    calls: dict[str, int]
    results: dict[str, int]
    totals: dict[str, int]


def note_call(state: LoopState, fingerprint: str, node: str) -> None:
    """Count a call, made or denied."""
    state.recent.append(fingerprint)
    del state.recent[:-RECENT]
    _count(state.calls, fingerprint)
    _count(state.totals, node)


def note_result(state: LoopState, fingerprint: str, result: str) -> None:
    """Count a call's result, by its digest."""
    _count(state.results, f"{fingerprint} {result}")


def polls(request: Request) -> bool:
    """Whether a call asks how far something has come: its name or an argument's says status, poll or wait."""
    args = request.args
    names = [request.name, *args] if isinstance(args, Mapping) and len(args) <= MAX_NAMES else [request.name]
    return any(word in str(name).lower() for name in names for word in POLLING)


def judge_loop(policy: TenantPolicy, request: Request, facts: Facts) -> tuple[Reason, ...]:
    """What the calls before this one in its frame say of it; a reason that allows is a warning.

    The call itself counts: the third equal call is warned about and the fifth denied. Of equal results those count
    that earlier calls gave: after three of them the next call is denied. The 31st call of a node is rejected.
    """
    rules, state = policy.loop, facts.loop
    if rules is None or state is None or request.kind != "tool":
        return ()
    found = _judge(rules, state, request, 1)
    if not found or not polls(request):  # what says nothing at once says nothing at a multiple
        return found
    return _judge(rules, state, request, rules.polling_factor)


def _judge(rules: LoopRules, state: LoopState, request: Request, factor: int) -> tuple[Reason, ...]:
    return (
        *_same_call(rules, state, request, factor),
        *_same_result(rules, state, request, factor),
        *_ping_pong(rules, state, request, factor),
        *_total(rules, state, request, factor),
    )


def _same_call(rules: LoopRules, state: LoopState, request: Request, factor: int) -> tuple[Reason, ...]:
    count = state.calls.get(request.fingerprint, 0) + 1
    warn, block = _times(rules.same_call_warn, factor), _times(rules.same_call_block, factor)
    if (warn is None or count < warn) and (block is None or count < block):
        return ()
    about = f"`{request.name}` is called with the same arguments for the {_nth(count)} time"
    return _graded("loop.same_call", count, about, warn, block)


def _same_result(rules: LoopRules, state: LoopState, request: Request, factor: int) -> tuple[Reason, ...]:
    bounds = [bound for bound in (rules.same_result_warn, rules.same_result_block) if bound is not None]
    if not bounds or state.calls.get(request.fingerprint, 0) < min(bounds) * factor:
        return ()  # fewer calls than that cannot have given as many results
    mark = f"{request.fingerprint} "
    count = max((seen for key, seen in state.results.items() if key.startswith(mark)), default=0)
    about = f"`{request.name}` with the same arguments gave the same result {count} times"
    warn, block = _times(rules.same_result_warn, factor), _times(rules.same_result_block, factor)
    return _graded("loop.same_result", count, about, warn, block)


def _ping_pong(rules: LoopRules, state: LoopState, request: Request, factor: int) -> tuple[Reason, ...]:
    if rules.ping_pong is None:
        return ()
    for period, halves in PERIODS:
        if len(state.recent) < period or state.recent[-period] != request.fingerprint:
            continue  # it does not even repeat once
        calls = [*state.recent, request.fingerprint]
        length = max(min(rules.ping_pong * halves // 2 * factor, RECENT), 2 * period)
        last = calls[-length:]
        if len(last) == length and len(set(last[:period])) > 1 and last[period:] == last[:-period]:
            message = f"the last {length} calls repeat a pattern of {period}: nothing new comes of it"
            return (Reason("loop.ping_pong", Verdict.DENY, message),)
    return ()


def _total(rules: LoopRules, state: LoopState, request: Request, factor: int) -> tuple[Reason, ...]:
    count, most = state.totals.get(request.node, 0), _times(rules.total, factor)
    if most is None or count < most:
        return ()
    message = f"node `{request.node}` has made {count} calls, of {most} that it may make"
    return (Reason("loop.total", Verdict.REJECT, message),)


def _graded(rule: str, count: int, about: str, warn: int | None, block: int | None) -> tuple[Reason, ...]:
    if block is not None and count >= block:
        return (Reason(rule, Verdict.DENY, f"{about}: it is denied from {block} on; try something else"),)
    if warn is not None and count >= warn:
        return (Reason(rule, Verdict.ALLOW, about),)
    return ()


def _times(threshold: int | None, factor: int) -> int | None:
    return None if threshold is None else threshold * factor


def _nth(count: int) -> str:
    if count % 100 in {11, 12, 13}:
        return f"{count}th"
    ending = {1: "st", 2: "nd", 3: "rd"}.get(count % 10, "th")
    return f"{count}{ending}"


def _count(counts: dict[str, int], key: str) -> None:
    """One more; where that makes too many entries, the rarest of the others goes, by name where several are."""
    counts[key] = counts.get(key, 0) + 1
    if len(counts) > MAX_DIGESTS:
        del counts[min((other for other in counts if other != key), key=lambda other: (counts[other], other))]
