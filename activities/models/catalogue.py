"""From models files to a catalogue: what is read is checked whole, and priced, before anything uses it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from activities.bounded_file import read_at_most
from activities.models.aliases import Catalogue, Entry
from activities.models.anthropic import Anthropic
from activities.models.endpoint import ANTHROPIC_URL, key_needs, read_endpoint
from activities.models.models_file import TRUSTED_ONLY, ModelEntry, read_models
from activities.models.pricing import price_card, unpriced_warning
from activities.models.provider import Provider
from activities.models.replies import ScriptReply, read_replies
from activities.models.scripted import Scripted
from policies.canonical import digest
from policies.errors import DocumentError, Problem
from policies.prices import Price, builtin_price
from policies.reading import Reader, shown
from workflows.contracts.run import ModelCard, PriceCard
from workflows.language.yaml import Loaded, attach, load

__all__ = ["Catalogue", "Entry", "PriceOf", "builtin_catalogue", "load_catalogue"]

MAX_FILE_BYTES = 256 * 1024
BUILTIN = {"default": "claude-sonnet-4-6", "small": "claude-haiku-4-5"}
"""The aliases of a worker that was given no models file."""

PriceOf = Callable[[str], Price | None]


@dataclass(frozen=True, slots=True)
class _Source:
    """What a models file is read with: the directory that its paths are relative to, and whose word it is."""

    directory: Path
    environ: Mapping[str, str]
    price_of: PriceOf
    trusted: bool
    unpriced: bool


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
            source = _Source(file.parent, environ, price_of, trusted, unpriced)
            added = _read_file(file, source, warnings)
            warnings += [f"{file}: alias `{alias}` is the operator's already" for alias in added if alias in entries]
            entries = {**added, **entries}
    return Catalogue(entries, warnings)


def builtin_catalogue(
    *, environ: Mapping[str, str], price_of: PriceOf = builtin_price, unpriced: bool = False
) -> Catalogue:
    """The aliases `default` and `small`; `DocumentError` without a price for them, unless `unpriced`."""
    models = {alias: {"provider": "anthropic", "model": model} for alias, model in BUILTIN.items()}
    reader = Reader()
    source = _Source(Path(), environ, price_of, trusted=True, unpriced=unpriced)
    warnings: list[str] = []
    entries = _build(read_models({"models": models}, reader, trusted=True), reader, source, warnings)
    reader.finish()
    return Catalogue(entries, warnings)


def _read_file(file: Path, source: _Source, warnings: list[str]) -> dict[str, Entry]:
    loaded = load(_read(file), str(file))
    reader = Reader()
    entries = _build(read_models(loaded.data, reader, trusted=source.trusted), reader, source, warnings)
    _finish(reader, loaded, file)
    return entries


def _build(models: list[ModelEntry], reader: Reader, source: _Source, warnings: list[str]) -> dict[str, Entry]:
    entries: dict[str, Entry] = {}
    for model in models:
        price = _price(model, reader, source, warnings)
        card = _card(model, price, model.endpoint.url if model.endpoint else None)
        files = tuple(source.directory / name for name in (model.script, model.journal) if name)
        needs = key_needs(model.endpoint, model.api_key)
        entries[model.alias] = Entry(card, _provider(model, reader, source), model.api_key, files, needs)
    return entries


def _price(model: ModelEntry, reader: Reader, source: _Source, warnings: list[str]) -> PriceCard | None:
    """What the model costs; null where nobody knows and the policy lets that pass. A script costs nothing."""
    if model.price is not None:
        return model.price
    known = source.price_of(model.model)
    if known is not None:
        return price_card(known)
    if model.provider == "scripted":
        warnings.append(f"model `{model.alias}` has no price: its calls count as free")
    elif source.unpriced:
        warnings.append(unpriced_warning(model.alias))
        return None
    elif model.model:
        what = f"no price is known for `{model.model}`, and what has no price is not free"
        reader.add("no_price", f"models.{model.alias}.price", what, "write `price: {input: 3, output: 15}`")
    return PriceCard()


def _provider(model: ModelEntry, reader: Reader, source: _Source) -> Provider:
    if model.provider != "scripted":
        return Anthropic(model.endpoint or read_endpoint(ANTHROPIC_URL), model.api_key, source.environ)
    path = f"models.{model.alias}"
    journal = source.directory / model.journal if model.journal else None
    if journal is not None and not journal.parent.is_dir():
        reader.add(
            "no_directory", f"{path}.journal", f"{shown(str(journal.parent))} is not a directory", "make it first"
        )
    file = _script_file(model, f"{path}.script", reader, source)
    return Scripted(_read_script(file) if file else (), journal=journal)


def _read_script(file: Path) -> tuple[ScriptReply, ...]:
    loaded = load(_read(file), str(file))
    reader = Reader()
    replies = read_replies(loaded.data, reader)
    _finish(reader, loaded, file)
    return replies


def _script_file(model: ModelEntry, path: str, reader: Reader, source: _Source) -> Path | None:
    """The script, if it may be read: a graph's author may not have the worker read beyond the graph's directory."""
    if not model.script:
        return None
    file = source.directory / model.script
    if not source.trusted and not file.resolve().is_relative_to(source.directory.resolve()):
        reader.add("untrusted_models", path, "the script lies outside the directory of the models file", TRUSTED_ONLY)
        return None
    if not file.is_file():
        reader.add("no_file", path, f"{shown(str(file))} is not a file", "paths are relative to the models file")
        return None
    return file


def _read(file: Path) -> bytes:
    try:
        return read_at_most(file, MAX_FILE_BYTES)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DocumentError((Problem("unreadable", f"cannot be read: {reason}", file=str(file)),)) from None


def _finish(reader: Reader, loaded: Loaded, file: Path) -> None:
    if reader.problems:
        raise DocumentError(tuple(attach(reader.problems, loaded.places, str(file))))


def _card(model: ModelEntry, known: PriceCard | None, endpoint: str | None) -> ModelCard:
    """The card. Its digest covers what a decision rests on: who answers, where, and at what price.

    What a script answers is not in it, as a provider's weights are not: a run goes on when its script is mended.
    """
    price = known or PriceCard()
    unpriced = {} if known else {"priced": False}
    covered = {
        "alias": model.alias,
        "provider": model.provider,
        "model": model.model,
        "endpoint": endpoint,
        "context": model.context,
        "price": price.model_dump(),
        **unpriced,
    }
    return ModelCard(
        alias=model.alias,
        provider=model.provider,
        model=model.model,
        max_tokens=model.max_tokens,
        context=model.context,
        price=price,
        priced=known is not None,
        digest=digest(covered),
        timeout_s=model.timeout_s,
    )
