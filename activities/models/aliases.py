"""The models that a worker has: aliases, their cards, and the providers behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from activities.models.lane import Lane
from activities.models.provider import Provider
from activities.models.secret import resolve
from activities.models.traffic import Rate
from policies.capability import Capability
from workflows.contracts.run import ModelCard


@dataclass(frozen=True, slots=True)
class Entry:
    """One alias: its card, the provider that answers, and the reference of its key (null: it needs none).

    `files` are what the provider reads and writes beside the models file; no tool may write them. `needs` is what
    a tenant's policy must grant for the key to travel: a provider's own key to its own host needs nothing. `lane` is
    the way to the provider, which aliases of one provider, address and key share; null: calls just go.
    """

    card: ModelCard
    provider: Provider
    key: str | None = None
    files: tuple[Path, ...] = ()
    needs: tuple[Capability, ...] = ()
    lane: Lane | None = None


class Catalogue:
    """The aliases of a worker. `warnings` are for people."""

    def __init__(self, entries: Mapping[str, Entry], warnings: Sequence[str] = ()) -> None:
        self._entries = dict(sorted(entries.items()))
        self.warnings = tuple(warnings)

    def get(self, alias: str) -> Entry | None:
        """One alias; null if the catalogue does not have it."""
        return self._entries.get(alias)

    @property
    def files(self) -> tuple[Path, ...]:
        """The scripts and journals of all aliases."""
        return tuple(file for entry in self._entries.values() for file in entry.files)

    def cards(self) -> dict[str, ModelCard]:
        """The card of each alias, in order of the aliases."""
        return {alias: entry.card for alias, entry in self._entries.items()}

    def needs(self) -> dict[str, tuple[Capability, ...]]:
        """What a policy must grant for the key of each alias to travel, where it must grant something."""
        return {alias: entry.needs for alias, entry in self._entries.items() if entry.needs}

    def key_references(self) -> dict[str, str]:
        """The reference of the key of each alias that needs one."""
        return {alias: entry.key for alias, entry in self._entries.items() if entry.key is not None}

    def rates(self) -> dict[str, Rate]:
        """How fast the provider of each alias may be asked, where that is limited; aliases of one share it."""
        lanes = {alias: entry.lane for alias, entry in self._entries.items()}
        return {alias: lane.rate for alias, lane in lanes.items() if lane is not None and lane.rate is not None}

    def missing_keys(self, environ: Mapping[str, str]) -> dict[str, str]:
        """The reference of the key of each alias whose key is not there."""
        return {alias: key for alias, key in self.key_references().items() if resolve(key, environ) is None}

    async def close(self) -> None:
        """Close every provider."""
        for entry in self._entries.values():
            await entry.provider.close()
