"""Which aliases share a way to their provider: those of one provider at one address with one key."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from activities.models.lane import Lane
from activities.models.traffic import OFF, BreakerRules
from policies.reading import Reader

if TYPE_CHECKING:
    from collections.abc import Sequence

    from activities.models.models_file import ModelEntry

Account = tuple[str, str, str]
"""Provider, address and reference of the key: whom a provider counts the calls of."""


def lanes_of(models: Sequence[ModelEntry], reader: Reader) -> dict[str, Lane]:
    """The lane of each alias that has one. What one alias says of `rate` or `breaker` holds for all that share it.

    Two that say different things are told to the reader: only one of them could hold. A script fails because its author
    wants it to, so nothing holds its calls back unless an alias says so.
    """
    found: dict[Account, Lane] = {}
    for account, sharing in _by_account(models).items():
        rate = _agreed("rate", [(model.alias, model.rate) for model in sharing], reader)
        rules = _agreed("breaker", [(model.alias, model.breaker) for model in sharing], reader)
        scripted = account[0] == "scripted"
        if not scripted or rate or rules:
            rules = rules or (OFF if scripted else BreakerRules())
            found[account] = Lane(rate, None if rules == OFF else rules)
    return {model.alias: found[_account(model)] for model in models if _account(model) in found}


Said = TypeVar("Said")


def _agreed(key: str, said: Sequence[tuple[str, Said | None]], reader: Reader) -> Said | None:
    """What the aliases say, null if none says anything."""
    first: tuple[str, Said] | None = None
    for alias, value in said:
        if value is None:
            continue
        if first is None:
            first = alias, value
        elif value != first[1]:
            what = f"`{key}` is another than that of `{first[0]}`, and both ask the same provider with the same key"
            reader.add("two_limits", f"models.{alias}.{key}", what, "write it once: it holds for both")
    return None if first is None else first[1]


def _by_account(models: Sequence[ModelEntry]) -> dict[Account, list[ModelEntry]]:
    groups: dict[Account, list[ModelEntry]] = {}
    for model in models:
        if not model.routes:
            groups.setdefault(_account(model), []).append(model)
    return groups


def _account(model: ModelEntry) -> Account:
    where = model.endpoint.url if model.endpoint else model.script or ""
    return model.provider, where, model.api_key or ""
