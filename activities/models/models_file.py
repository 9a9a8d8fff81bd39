"""Reading a models file: what each alias means, every mistake with its path and remedy."""

from __future__ import annotations

import re
from dataclasses import dataclass

from activities.models.endpoint import ANTHROPIC_KEY, ANTHROPIC_URL, Endpoint, key_problem
from activities.models.entry_fields import EntryFields
from policies.reading import Reader, join, shown
from workflows.contracts.run import PriceCard

ALIAS = re.compile(r"[a-z][a-z0-9_-]{0,63}\Z")
PROVIDERS = ("anthropic", "scripted", "openai")
LATER_KEYS = ("fallback", "routing")
COMMON_KEYS = ("provider", "model", "max_tokens", "context", "price", "timeout")
REMOTE_KEYS = (*COMMON_KEYS, "base_url", "api_key")
SCRIPTED_KEYS = (*COMMON_KEYS, "script", "journal")
MAX_TOKENS = 4096
CONTEXT = 200_000
TIMEOUT_S = 600.0
MAX_TIMEOUT_S = 3600.0
TRUSTED_ONLY = "give the file to the worker with `--models`"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelEntry:
    """One alias as its file says. `endpoint` is null, and `script` a file, for the scripted provider."""

    alias: str
    provider: str
    model: str
    max_tokens: int = MAX_TOKENS
    context: int = CONTEXT
    price: PriceCard | None = None
    timeout_s: float = TIMEOUT_S
    endpoint: Endpoint | None = None
    api_key: str | None = None
    script: str | None = None
    journal: str | None = None


def read_models(data: object, reader: Reader, *, trusted: bool) -> list[ModelEntry]:
    """The entries of a models file; what is wrong goes to the reader.

    A file that is not `trusted` lies beside a graph, so whoever wrote the graph wrote it: it may name only
    providers that get no key and leave no machine.
    """
    found: list[ModelEntry] = []
    for path, _, models in reader.entries(data, "", known=("models",)):
        for place, alias, entry in reader.entries(models, path, free=True):
            if not ALIAS.match(alias):
                reader.add("model_alias", place, f"{shown(alias)} is not an alias", "use a-z, 0-9, `_` and `-`")
            one = _read_entry(alias, entry, place, reader, trusted=trusted)
            found += [one] if one else []
    if not found and not reader.problems:
        reader.add("no_models", "models", "no model is named", "write `models: {default: {provider: ..., model: ...}}`")
    return found


def _read_entry(alias: str, entry: object, path: str, reader: Reader, *, trusted: bool) -> ModelEntry | None:
    if not isinstance(entry, dict):
        reader.add("wrong_type", path, f"{shown(entry)} is not a mapping", "write `{provider: ..., model: ...}`")
        return None
    provider = reader.choice(entry.get("provider"), join(path, "provider"), PROVIDERS)
    if provider is None:
        return None
    known = SCRIPTED_KEYS if provider == "scripted" else REMOTE_KEYS
    given = {key: value for _, key, value in reader.entries(entry, path, known=(*known, *LATER_KEYS))}
    fields = EntryFields(given, path, reader)
    for key in LATER_KEYS:
        if key in fields:
            fields.add("not_yet", key, f"`{key}` is not there yet", "take it out")
    if provider == "scripted":
        return _scripted(alias, fields, trusted=trusted)
    if provider == "openai":
        fields.add("not_yet", "provider", "provider `openai` is not there yet", "use `anthropic` or `scripted`")
    return _remote(alias, provider, fields, trusted=trusted)


def _remote(alias: str, provider: str, fields: EntryFields, *, trusted: bool) -> ModelEntry:
    endpoint = fields.endpoint(ANTHROPIC_URL)
    own = endpoint is not None and endpoint.is_own_of(ANTHROPIC_KEY)
    api_key = fields.key() or (ANTHROPIC_KEY if own else None)
    if endpoint is not None and "api_key" not in fields.broken:
        if not trusted and (api_key is not None or not endpoint.is_loopback):
            what = "a models file beside a graph may name only `scripted` and loopback providers without a key"
            fields.add("untrusted_models", "provider", what, TRUSTED_ONLY)
        elif problem := key_problem(endpoint, api_key):
            fields.add("model_key", "api_key", *problem)
    return ModelEntry(
        alias=alias,
        provider=provider,
        model=fields.required_line("model"),
        max_tokens=fields.count("max_tokens", MAX_TOKENS),
        context=fields.count("context", CONTEXT),
        price=fields.price(),
        timeout_s=fields.seconds("timeout", TIMEOUT_S, most=MAX_TIMEOUT_S),
        endpoint=endpoint,
        api_key=api_key,
    )


def _scripted(alias: str, fields: EntryFields, *, trusted: bool) -> ModelEntry:
    journal = fields.line("journal")
    if journal is not None and not trusted:
        what = "a models file beside a graph may not name a file to write to"
        fields.add("untrusted_models", "journal", what, TRUSTED_ONLY)
    return ModelEntry(
        alias=alias,
        provider="scripted",
        model=fields.line("model") or "scripted",
        max_tokens=fields.count("max_tokens", MAX_TOKENS),
        context=fields.count("context", CONTEXT),
        price=fields.price(),
        timeout_s=fields.seconds("timeout", TIMEOUT_S, most=MAX_TIMEOUT_S),
        script=fields.required_line("script"),
        journal=journal,
    )
