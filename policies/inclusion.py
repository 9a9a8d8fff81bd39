"""Whether everything that one glob matches is matched by another: language inclusion, with a bound.

A name is read as `/segment/segment`, so that the root is the empty text. Both globs become automata
without empty moves; the requested one is walked together with the set of states that the granted one
may be in. The alphabet is symbolic: the characters that the grant names, and one that stands for all others.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

MAX_PAIRS = 4000
"""Pairs of states looked at before inclusion counts as not proved; common patterns need some dozens."""

OTHER = "\0"
"""Stands for every character that the grant does not name; NUL is in no pattern that loads."""

_ANY = ""


@dataclass(frozen=True, slots=True)
class _Automaton:
    """`moves[state]` holds (character, or any but the slash; next state); `final` is a mask of states."""

    moves: tuple[tuple[tuple[str, int], ...], ...]
    final: int
    symbols: tuple[str, ...]


@lru_cache(maxsize=4096)
def includes(granted: tuple[str, ...], requested: tuple[str, ...]) -> bool:
    """Whether `granted` provably matches all that `requested` matches; past the bound the answer is no."""
    grant, request = _automaton(granted), _automaton(requested)
    steps: dict[tuple[int, str], int] = {}
    seen = {(0, 1)}
    todo = [(0, 1)]
    while todo:
        state, mask = todo.pop()
        if request.final >> state & 1 and not mask & grant.final:
            return False
        for symbol, target in _symbols(request, state, grant):
            pair = (target, _step(grant, mask, symbol, steps))
            if not pair[1] or len(seen) > MAX_PAIRS:
                return False  # every state of a glob reaches its end, so nothing left to match with is a counterexample
            if pair not in seen:
                seen.add(pair)
                todo.append(pair)
    return True


def _symbols(request: _Automaton, state: int, grant: _Automaton) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    for label, target in request.moves[state]:
        if label == _ANY:
            found += [(symbol, target) for symbol in grant.symbols]
        else:
            found.append((label if label == "/" or label in grant.symbols else OTHER, target))
    return found


def _step(grant: _Automaton, mask: int, symbol: str, steps: dict[tuple[int, str], int]) -> int:
    known = steps.get((mask, symbol))
    if known is not None:
        return known
    after, left = 0, mask
    while left:
        state = left.bit_length() - 1
        left ^= 1 << state
        for label, target in grant.moves[state]:
            if label == symbol or (label == _ANY and symbol != "/"):
                after |= 1 << target
    steps[mask, symbol] = after
    return after


@lru_cache(maxsize=4096)
def _automaton(segments: tuple[str, ...]) -> _Automaton:
    moves: list[list[tuple[str, int]]] = [[]]
    ends: tuple[int, ...] = (0,)
    for segment in segments:
        entered = _add(moves, ends, "/")
        if segment == "**":
            inside = _add(moves, (entered,), _ANY)
            moves[inside] += [(_ANY, inside), ("/", entered)]
            ends = (*ends, inside)
        else:
            ends = (_segment(moves, entered, segment),)
    named = {label for state in moves for label, _ in state} - {_ANY, "/"}
    return _Automaton(tuple(tuple(state) for state in moves), sum(1 << end for end in ends), (*sorted(named), OTHER))


def _segment(moves: list[list[tuple[str, int]]], state: int, segment: str) -> int:
    """A segment is never empty, so a star alone takes one character before it repeats."""
    if segment == "*":
        state = _add(moves, (state,), _ANY)
    for character in segment:
        if character == "*":
            moves[state].append((_ANY, state))
        else:
            state = _add(moves, (state,), character)
    return state


def _add(moves: list[list[tuple[str, int]]], sources: tuple[int, ...], label: str) -> int:
    moves.append([])
    for source in sources:
        moves[source].append((label, len(moves) - 1))
    return len(moves) - 1
