"""Reading a models file: what each alias means, every mistake with its path and remedy."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TypedDict

from activities.models.endpoint import (
    ANTHROPIC_KEY,
    ANTHROPIC_URL,
    OPENAI_KEY,
    OPENAI_URL,
    Endpoint,
    key_problem,
)
from activities.models.entry_fields import EntryFields
from activities.models.messages_options import PLAIN, MessagesOptions
from activities.models.traffic import BreakerRules, Rate
from policies.reading import Reader, join, shown
from workflows.contracts.run import PriceCard

ALIAS = re.compile(r"[a-z][a-z0-9_-]{0,63}\Z")
COMMON_KEYS = ("provider", "model", "max_tokens", "context", "price", "timeout", "fallback", "rate", "breaker")
REMOTE_KEYS = (*COMMON_KEYS, "base_url", "api_key")
KEYS = {
    "anthropic": (*REMOTE_KEYS, "thinking", "cache", "json_schema"),
    "openai": (*REMOTE_KEYS, "json_schema"),
    "scripted": (*COMMON_KEYS, "script", "journal"),
    "router": ("provider", "routes"),
}
"""The providers, and what an entry of each may say."""
HOMES = {"anthropic": (ANTHROPIC_URL, ANTHROPIC_KEY), "openai": (OPENAI_URL, OPENAI_KEY)}
"""Where each provider is, and the key that everybody has for it there."""
MAX_TOKENS = 4096
TIMEOUT_S = 600.0
MAX_TIMEOUT_S = 3600.0
TRUSTED_ONLY = "give the file to the worker with `--models`"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelEntry:
    """One alias as its file says; what is null it does not say.

    `endpoint` is null, and `script` a file, for the scripted provider. A router has `routes` and nothing else.
    """

    alias: str
    provider: str
    model: str
    max_tokens: int = MAX_TOKENS
    context: int | None = None
    price: PriceCard | None = None
    timeout_s: float = TIMEOUT_S
    endpoint: Endpoint | None = None
    api_key: str | None = None
    script: str | None = None
    journal: str | None = None
    fallback: tuple[str, ...] = ()
    routes: dict[str, str] = field(default_factory=dict)
    options: MessagesOptions = PLAIN
    rate: Rate | None = None
    breaker: BreakerRules | None = None


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
    provider = reader.choice(entry.get("provider"), join(path, "provider"), tuple(KEYS))
    if provider is None:
        return None
    given = {key: value for _, key, value in reader.entries(entry, path, known=KEYS[provider])}
    fields = EntryFields(given, path, reader)
    if provider == "router":
        return ModelEntry(alias=alias, provider=provider, model=provider, routes=fields.routes())
    return (_scripted if provider == "scripted" else _remote)(alias, provider, fields, trusted=trusted)


class _Common(TypedDict):
    max_tokens: int
    context: int | None
    price: PriceCard | None
    timeout_s: float
    fallback: tuple[str, ...]
    rate: Rate | None
    breaker: BreakerRules | None


def _common(fields: EntryFields) -> _Common:
    """What every model may have."""
    return {
        "max_tokens": fields.count("max_tokens", MAX_TOKENS),
        "context": fields.count("context", 1) if "context" in fields else None,
        "price": fields.price(),
        "timeout_s": fields.seconds("timeout", TIMEOUT_S, most=MAX_TIMEOUT_S),
        "fallback": fields.aliases("fallback"),
        "rate": fields.rate(),
        "breaker": fields.breaker(),
    }


def _remote(alias: str, provider: str, fields: EntryFields, *, trusted: bool) -> ModelEntry:
    home, home_key = HOMES[provider]
    endpoint = fields.endpoint(home)
    own = endpoint is not None and endpoint.is_own_of(home_key)
    api_key = fields.key() or (home_key if own else None)
    if endpoint is not None and "api_key" not in fields.broken:
        if not trusted and (api_key is not None or not endpoint.is_loopback):
            what = "a models file beside a graph may name only `scripted` and loopback providers without a key"
            fields.add("untrusted_models", "provider", what, TRUSTED_ONLY)
        elif problem := key_problem(endpoint, api_key):
            fields.add("model_key", "api_key", *problem)
    common = _common(fields)
    return ModelEntry(
        alias=alias,
        provider=provider,
        model=fields.required_line("model"),
        endpoint=endpoint,
        api_key=api_key,
        options=MessagesOptions(
            thinking=fields.thinking(common["max_tokens"]),
            caching=fields.switch("cache", default=True),
            json_schema=fields.switch("json_schema", default=True),
        ),
        **common,
    )


def _scripted(alias: str, provider: str, fields: EntryFields, *, trusted: bool) -> ModelEntry:
    journal = fields.line("journal")
    if journal is not None and not trusted:
        what = "a models file beside a graph may not name a file to write to"
        fields.add("untrusted_models", "journal", what, TRUSTED_ONLY)
    return ModelEntry(
        alias=alias,
        provider=provider,
        model=fields.line("model") or "scripted",
        script=fields.required_line("script"),
        journal=journal,
        **_common(fields),
    )
