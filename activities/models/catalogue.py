"""From models files to a catalogue: what is read is checked whole, and priced, before anything uses it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from activities.models.aliases import Catalogue, Entry
from activities.models.cards import card_of
from activities.models.endpoint import key_needs
from activities.models.lane import Lane
from activities.models.lanes import lanes_of
from activities.models.models_file import ModelEntry, read_models
from activities.models.providers import provider_of
from activities.models.references import check_references
from activities.models.source import PriceOf, Source, finish, read_yaml
from policies.prices import builtin_price
from policies.reading import Reader

__all__ = ["Catalogue", "Entry", "PriceOf", "builtin_catalogue", "load_catalogue"]

BUILTIN = {"default": "claude-sonnet-4-6", "small": "claude-haiku-4-5"}
"""The aliases of a worker that was given no models file."""
NO_ENTRIES: Mapping[str, Entry] = MappingProxyType({})


def load_catalogue(
    operator: Path | None,
    beside_graph: Path | None,
    *,
    environ: Mapping[str, str],
    price_of: PriceOf = builtin_price,
    unpriced: bool = False,
) -> Catalogue:
    """The catalogue of the operator's models file and of one that lies beside a graph; the built-in one without either.

    The operator's aliases stand; the other file, which may name only providers without keys, can but add to
    them. `price_of` is the policy's list; with `unpriced` a model that it does not have is taken all the same.
    Raises `DocumentError` with every problem of the first bad file.
    """
    if operator is None and beside_graph is None:
        return builtin_catalogue(environ=environ, price_of=price_of, unpriced=unpriced)
    entries: dict[str, Entry] = {}
    warnings: list[str] = []
    for file, trusted in ((operator, True), (beside_graph, False)):
        if file is not None:
            source = Source(file.parent, environ, price_of, trusted, unpriced, warnings)
            added = _read_file(file, source, entries)
            warnings += [f"{file}: alias `{alias}` is the operator's already" for alias in added if alias in entries]
            entries = {**added, **entries}
    return Catalogue(entries, warnings)


def builtin_catalogue(
    *, environ: Mapping[str, str], price_of: PriceOf = builtin_price, unpriced: bool = False
) -> Catalogue:
    """The aliases `default` and `small`; `DocumentError` without a price for them, unless `unpriced`."""
    models = {alias: {"provider": "anthropic", "model": model} for alias, model in BUILTIN.items()}
    reader = Reader()
    source = Source(Path(), environ, price_of, trusted=True, unpriced=unpriced)
    entries = _build(read_models({"models": models}, reader, trusted=True), reader, source)
    reader.finish()
    return Catalogue(entries, source.warnings)


def _read_file(file: Path, source: Source, before: Mapping[str, Entry]) -> dict[str, Entry]:
    loaded = read_yaml(file)
    reader = Reader()
    entries = _build(read_models(loaded.data, reader, trusted=source.trusted), reader, source, before)
    finish(reader, loaded, file)
    return entries


def _build(
    models: list[ModelEntry], reader: Reader, source: Source, before: Mapping[str, Entry] = NO_ENTRIES
) -> dict[str, Entry]:
    """The entries of one file; `before` are those of a file that stands above it, whose aliases it may name."""
    providers = {model.alias: model.provider for model in models}
    providers.update({alias: entry.card.provider for alias, entry in before.items()})
    check_references(models, providers, reader)
    lanes = lanes_of(models, reader)
    return {model.alias: _entry(model, reader, source, lanes.get(model.alias)) for model in models}


def _entry(model: ModelEntry, reader: Reader, source: Source, lane: Lane | None) -> Entry:
    return Entry(
        card=card_of(model, reader, source),
        provider=provider_of(model, reader, source),
        key=model.api_key,
        files=tuple(source.directory / name for name in (model.script, model.journal) if name),
        needs=key_needs(model.endpoint, model.api_key),
        lane=lane,
    )
