"""Whether everything that one glob matches is matched by another: language inclusion, with a bound.

A name is read as `/segment/segment`, so that the root is the empty text. Both globs become automata
without empty moves; the requested one is walked together with the set of states that the granted one
may be in. The alphabet is symbolic: the characters that the grant names, and one that stands for all others.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

MAX_WORK = 20_000
"""States looked at before inclusion counts as not proved, some milliseconds; common patterns need some hundreds."""

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
    walk, request = _Walk(_automaton(granted)), _automaton(requested)
    seen = {(0, 1)}
    todo = [(0, 1)]
    while todo:
        state, mask = todo.pop()
        if request.final >> state & 1 and not mask & walk.grant.final:
            return False
        for symbol, target in _symbols(request, state, walk.grant):
            pair = (target, walk.step(mask, symbol))
            if not pair[1]:
                return False  # every state of a glob reaches its end, so nothing left to match with is a counterexample
            if pair not in seen:
                seen.add(pair)
                todo.append(pair)
    return True


class _Walk:
    """The grant's side of a walk: sets of states as masks, each step taken once, and all of them counted."""

    __slots__ = ("_known", "_left", "grant")

    def __init__(self, grant: _Automaton) -> None:
        self.grant = grant
        self._known: dict[tuple[int, str], int] = {}
        self._left = MAX_WORK

    def step(self, mask: int, symbol: str) -> int:
        """Where a symbol leads from a set of states; nowhere once the work is more than is worth it."""
        self._left -= 1
        after = self._known.get((mask, symbol))
        if after is None and self._left > 0:
            after = self._known[mask, symbol] = self._enter(mask, symbol)
        return after if after and self._left > 0 else 0

    def _enter(self, mask: int, symbol: str) -> int:
        after = 0
        while mask:
            state = mask.bit_length() - 1
            mask ^= 1 << state
            self._left -= 1
            for label, target in self.grant.moves[state]:
                if label == symbol or (label == _ANY and symbol != "/"):
                    after |= 1 << target
        return after


def _symbols(request: _Automaton, state: int, grant: _Automaton) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    for label, target in request.moves[state]:
        if label == _ANY:
            found += [(symbol, target) for symbol in grant.symbols]
        else:
            found.append((label if label == "/" or label in grant.symbols else OTHER, target))
    return found


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
