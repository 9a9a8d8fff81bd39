"""The facts that guardrails read, made from a call and its run when a rule first reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, KeysView, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from policies.errors import ExpressionError
from policies.model import Counts, Facts, Outcome, Request, Standing
from policies.reading import shown
from policies.stages import risk_level
from policies.units import NANO

if TYPE_CHECKING:
    from policies.tenant import TenantPolicy

MAX_ARGUMENT_BYTES: Final = 8 * 1024
MAX_ITEMS: Final = 256
"""Reading what is larger is an error of the rule, never a cut."""

NO_OUTCOME: Final = Outcome()


@dataclass(slots=True)
class Moment:
    """A call at the moment that rules look at it: before it is made, or after it with its outcome."""

    policy: TenantPolicy
    request: Request
    facts: Facts
    outcome: Outcome = NO_OUTCOME
    is_after: bool = False


Get: TypeAlias = Callable[[Moment], object]


class Arguments(Mapping[str, object]):
    """A call's arguments; reading one that is too large is an `ExpressionError`. Each is weighed once."""

    __slots__ = ("_light", "_values")

    def __init__(self, args: object) -> None:
        self._values: Mapping[str, object] = args if isinstance(args, Mapping) else {}
        self._light: dict[str, bool] = {}

    def __getitem__(self, name: str) -> object:
        value = self._values[name]
        light = self._light.get(name)
        if light is None:
            light = self._light[name] = _is_light(value)
        if light:
            return value
        raise ExpressionError(
            f"the argument {shown(name)} is over {MAX_ARGUMENT_BYTES} bytes, or has a list of over {MAX_ITEMS} items"
        )

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        _bound("execution.args", self._values)
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


class Tally(Mapping[str, int]):
    """Counts by name, 0 for what was never counted: read as a whole it holds the names of this call, too."""

    __slots__ = ("_counts", "_names")

    def __init__(self, counts: Mapping[str, int], *names: str) -> None:
        self._counts = counts
        self._names = names

    def __getitem__(self, name: str) -> int:
        return self._counts.get(name, 0)

    def __contains__(self, name: object) -> bool:
        return name in self._counts

    def __iter__(self) -> Iterator[str]:
        _bound("seen.counts", self._counts)
        return iter(dict.fromkeys((*self._counts, *self._names)))

    def __len__(self) -> int:
        return len(dict.fromkeys((*self._counts, *self._names)))


def _bound(name: str, values: Mapping[str, object] | list[object]) -> None:
    if len(values) > MAX_ITEMS:
        raise ExpressionError(f"`{name}` has {len(values)} items: a rule reads at most {MAX_ITEMS}")


def _is_light(value: object) -> bool:
    """Whether an argument is small enough to be read; looks at no more of it than that takes."""
    left, stack = MAX_ARGUMENT_BYTES, [value]
    while stack and left >= 0:
        item = stack.pop()
        if isinstance(item, str):
            left -= len(item) if len(item) > left or item.isascii() else len(item.encode(errors="replace"))
        elif isinstance(item, Mapping):
            left -= len(item)
            stack.extend(item.keys() if left >= 0 else ())
            stack.extend(item.values() if left >= 0 else ())
        elif isinstance(item, list | tuple):
            left = -1 if len(item) > MAX_ITEMS else left - len(item)
            stack.extend(item if left >= 0 else ())
    return left >= 0


def _usd(cost_nano: int) -> float:
    return cost_nano / NANO


def _scope(standing: Callable[[Facts], Standing | None], counts: Callable[[Facts], Counts]) -> dict[str, Get]:
    def used(unit: str, part: str = "used") -> Callable[[Facts], int]:
        def get(facts: Facts) -> int:
            found = standing(facts)
            return 0 if found is None else int(getattr(getattr(found, part), unit))

        return get

    tokens, tokens_reserved = used("tokens"), used("tokens", "reserved")
    cost, cost_reserved = used("cost_nano"), used("cost_nano", "reserved")
    steps, tool_calls = used("steps"), used("tool_calls")
    return {
        "tokens_used": lambda at: tokens(at.facts),
        "tokens_reserved": lambda at: tokens_reserved(at.facts),
        "cost_usd": lambda at: _usd(cost(at.facts)),
        "cost_reserved": lambda at: _usd(cost_reserved(at.facts)),
        "steps": lambda at: steps(at.facts),
        "tool_calls": lambda at: tool_calls(at.facts),
        "elapsed_s": lambda at: counts(at.facts).elapsed_ms // 1000,
        "age_s": lambda at: counts(at.facts).age_ms // 1000,
        "depth": lambda at: counts(at.facts).depth,
        "failures": lambda at: counts(at.facts).failures,
        "denials": lambda at: counts(at.facts).denials,
    }


def _seen(field: str) -> Get:
    def get(at: Moment) -> object:
        items = list(getattr(at.facts.seen, field))
        _bound(f"seen.{field}", items)
        return items

    return get


def _last(field: str) -> Get:
    return lambda at: getattr(at.facts.last, field)


_EXECUTION: dict[str, Get] = {
    "kind": lambda at: at.request.kind,
    "name": lambda at: at.request.name,
    "node": lambda at: at.request.node,
    "risk": lambda at: risk_level(at.policy, at.request).value,
    "attempt": lambda at: at.request.attempt,
    "visit": lambda at: at.request.visit,
    "tokens_reserved": lambda at: at.request.reserve.tokens,
    "cost_reserved": lambda at: _usd(at.request.reserve.cost_nano),
    "args": lambda at: Arguments(at.request.args),
    "args_bytes": lambda at: at.request.args_bytes,
    "tokens_used": lambda at: at.outcome.tokens_used,
    "cost_usd": lambda at: _usd(at.outcome.cost_nano),
    "latency_ms": lambda at: at.outcome.latency_ms,
    "status": lambda at: at.outcome.status,
}
GETTERS: Final[Mapping[str, Mapping[str, Get]]] = {
    "execution": _EXECUTION,
    "lifetime": _scope(lambda facts: facts.lifetime, lambda facts: facts.lifetime_counts),
    "tenant": _scope(lambda facts: facts.tenant, lambda facts: facts.tenant_counts),
    "seen": {
        **{field: _seen(field) for field in ("tools", "kinds", "effects", "labels", "hosts", "nodes")},
        "counts": lambda at: Tally(at.facts.seen.counts, at.request.name, at.request.node),
    },
    "last": {field: _last(field) for field in ("kind", "name", "node", "status")},
}
"""How to get each field of the facts that have fields."""


class Section(dict[str, object]):
    """The facts below one name, each made when it is first read."""

    __slots__ = ("_at", "_getters")

    def __init__(self, at: Moment, getters: Mapping[str, Get]) -> None:
        self._at = at
        self._getters = getters

    def __missing__(self, field: str) -> object:
        value = self[field] = self._getters[field](self._at)
        return value

    def __contains__(self, field: object) -> bool:
        return field in self._getters

    def __iter__(self) -> Iterator[str]:
        return iter(self._getters)

    def __len__(self) -> int:
        return len(self._getters)

    def keys(self) -> KeysView[str]:  # type: ignore[override] # a view like any other
        """The names of all fields, read or not."""
        return self._getters.keys()


def bind(at: Moment) -> dict[str, object]:
    """The facts by name; `capability` is bound need by need."""
    found: dict[str, object] = {name: Section(at, getters) for name, getters in GETTERS.items()}
    found["graph"] = at.request.graph
    found["agent"] = at.request.agent or ""
    return found
