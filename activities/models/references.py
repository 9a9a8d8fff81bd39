"""What the aliases of a models file say of each other: whom they fall back to, and where routers lead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.reading import Reader, nearest, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from activities.models.models_file import ModelEntry

ROUTER = "router"


def check_references(models: Sequence[ModelEntry], providers: Mapping[str, str], reader: Reader) -> None:
    """Tell the reader of aliases that are not there, lead to a router, or come back to where they began.

    `providers` are the providers of all aliases that can be named, those of the models among them.
    """
    for model in models:
        for path, alias in _named(model):
            if alias not in providers:
                hint = nearest(alias, sorted(providers)) or f"name one of {', '.join(f'`{one}`' for one in providers)}"
                reader.add("unknown_model", path, f"{shown(alias)} is not an alias that is known here", hint)
            elif providers[alias] == ROUTER:
                what = f"`{alias}` is a router, and only a model can answer here"
                reader.add("router_named", path, what, "name a model")
    _check_cycles(models, reader)


def _named(model: ModelEntry) -> Iterator[tuple[str, str]]:
    path = f"models.{model.alias}"
    yield from ((f"{path}.fallback[{index}]", alias) for index, alias in enumerate(model.fallback))
    yield from ((f"{path}.routes.{key}", alias) for key, alias in model.routes.items())


def _check_cycles(models: Sequence[ModelEntry], reader: Reader) -> None:
    """Each circle is told once, at the last of its aliases that the file names."""
    edges = {model.alias: model.fallback for model in models}
    done: set[str] = set()
    for alias in edges:
        circle = _circle(alias, edges, done)
        if circle:
            way = " → ".join(f"`{one}`" for one in circle)
            what = f"calls would fall back in a circle: {way}"
            reader.add("fallback_circle", f"models.{circle[-2]}.fallback", what, f"take `{circle[-1]}` out")


def _circle(start: str, edges: Mapping[str, tuple[str, ...]], done: set[str]) -> list[str] | None:
    """The first circle that is reached from an alias, its first member at both ends; what was looked at is `done`."""
    way: list[str] = []
    ahead = [iter((start,))]
    while ahead:
        alias = next(ahead[-1], None)
        if alias is None:
            ahead.pop()
            if way:
                done.add(way.pop())
        elif alias in way:
            circle = [*way[way.index(alias) :], alias]
            done.update(way)
            return circle
        elif alias not in done:
            way.append(alias)
            ahead.append(iter(edges.get(alias, ())))
    return None
