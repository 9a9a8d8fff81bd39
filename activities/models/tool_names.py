"""Names of tools in the letters that providers take, and back."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator

from activities.models.provider import Ask

MOST_CHARS = 64
"""What every provider takes; some take more."""

_TAKEN_AS_IS = re.compile(rf"[a-zA-Z0-9_-]{{1,{MOST_CHARS}}}\Z")
_ODD = re.compile(r"[^a-zA-Z0-9_-]")
_DIGITS = 12


class ToolNames:
    """The names of one request: each of ours has one of the wire, and no two the same.

    `offered` are the names of the tools that the model may ask for; they do not depend on `spoken`, those that occur
    in the conversation, so that what the model is offered is written alike from turn to turn. A name that a provider
    takes keeps itself wherever it can; in others the odd letters become `_`, and where that would be some other
    name's, digits of the name's digest follow.
    """

    def __init__(self, offered: Iterable[str], spoken: Iterable[str] = ()) -> None:
        self._wire: dict[str, str] = {}
        self._ours: dict[str, str] = {}
        self._add(sorted(set(offered)))
        self._add(sorted(set(spoken) - self._wire.keys()))

    def wire(self, name: str) -> str:
        """A name of ours in the provider's letters."""
        return self._wire[name]

    def ours(self, wire: str) -> str:
        """The name that a provider's means; one that nobody gave it as it is."""
        return self._ours.get(wire, wire)

    def _add(self, names: list[str]) -> None:
        for name in names:
            if _TAKEN_AS_IS.match(name) and name not in self._ours:
                self._set(name, name)
        rest = [name for name in names if name not in self._wire]
        wanted = Counter(map(_plain, rest))
        for name in rest:
            plain = _plain(name)
            forms = _with_digits(name) if wanted[plain] > 1 else _after(plain, _with_digits(name))
            self._set(name, next(form for form in forms if form not in self._ours))

    def _set(self, name: str, wire: str) -> None:
        self._wire[name], self._ours[wire] = wire, name


def names_of(ask: Ask) -> ToolNames:
    """The names of the request that a question becomes."""
    spoken = (use.name for message in ask.conversation for use in message.tool_calls)
    return ToolNames((offer.name for offer in ask.tools), spoken)


def _plain(name: str) -> str:
    return _ODD.sub("_", name)[:MOST_CHARS] or "_"


def _after(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def _with_digits(name: str) -> Iterator[str]:
    """Ever other forms: whoever names a tool may have taken the first of them on purpose."""
    begin, digits = _plain(name)[: MOST_CHARS - _DIGITS - 1], name.encode("utf-8", "surrogatepass")
    while True:
        digits = hashlib.sha256(digits).hexdigest().encode()
        yield f"{begin}_{digits[:_DIGITS].decode()}"
