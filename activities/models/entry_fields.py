"""The fields of one entry of a models or replies file, each read with its own message and remedy."""

from __future__ import annotations

from typing import Literal

from activities.models.endpoint import Endpoint, read_endpoint
from activities.models.messages_options import LEAST_THINKING
from activities.models.pricing import card_of_rates
from activities.models.secret import KEY_REFERENCE
from activities.models.traffic import BreakerRules, Rate, read_breaker, read_rate
from policies.reading import Reader, join, shown
from policies.units import read_duration, read_price
from workflows.contracts.run import PriceCard

RATES = ("input", "output", "cache_read", "cache_write")
MOST_TOKENS = 10_000_000
MAX_TEXT = 4096
MAX_FALLBACKS = 8
CLASSES = ("simple", "medium", "complex")
"""How hard a call is, as `routes` name it (`workflows.engine.complexity`)."""
_ROUTES = "write `routes: {simple: small, medium: default, complex: large}`"


class EntryFields:
    """The fields of an entry at a path; one that does not fit becomes a problem and reads as nothing."""

    def __init__(self, given: dict[str, object], path: str, reader: Reader) -> None:
        self._given, self._path, self._reader = given, path, reader
        self.broken: set[str] = set()

    def __contains__(self, key: str) -> bool:
        return key in self._given

    def get(self, key: str, default: object = None) -> object:
        """A field as it was given."""
        return self._given.get(key, default)

    def add(self, code: str, key: str, message: str, suggestion: str) -> None:
        """Note a problem with a field."""
        self.broken.add(key)
        self._reader.add(code, join(self._path, key), message, suggestion)

    def missing(self, key: str) -> None:
        """Note that a field must be there."""
        self.add("missing_key", key, f"`{key}` is missing", f"write `{key}: ...`")

    def line(self, key: str) -> str | None:
        """A line of text: printable, at most `MAX_TEXT` characters."""
        value = self._given.get(key)
        if isinstance(value, str) and value.strip() and len(value) <= MAX_TEXT and value.isprintable():
            return value
        if key in self._given:
            self.add("wrong_type", key, f"{shown(value)} is not a line of text", "put it in quotes")
        return None

    def required_line(self, key: str) -> str:
        """A line of text that must be there."""
        if key not in self._given:
            self.missing(key)
        return self.line(key) or ""

    def count(self, key: str, default: int, *, least: int = 1) -> int:
        """A whole number of tokens or uses."""
        value = self._given.get(key, default)
        if type(value) is int and least <= value <= MOST_TOKENS:
            return value
        self.add(
            "wrong_value", key, f"{shown(value)} is not a count", f"write a whole number, {least} to {MOST_TOKENS}"
        )
        return default

    def thinking(self, max_tokens: int) -> int | Literal["adaptive"] | None:
        """How many of `max_tokens` may go into thinking, or that the model may see; null if it is not asked for."""
        value = self._given.get("thinking")
        if value == "adaptive":
            return "adaptive"
        if type(value) is int and LEAST_THINKING <= value < max_tokens:
            return value
        if "thinking" in self._given:
            what = f"{shown(value)} is no budget for thinking where `max_tokens` is {max_tokens}"
            remedy = f"write {LEAST_THINKING} or more tokens, under `max_tokens`, or `adaptive`"
            self.add("wrong_value", "thinking", what, remedy)
        return None

    def switch(self, key: str, *, default: bool) -> bool:
        """True or false."""
        value = self._given.get(key, default)
        if isinstance(value, bool):
            return value
        self.add(
            "wrong_type", key, f"{shown(value)} is not `true` or `false`", f"write `{key}: {str(not default).lower()}`"
        )
        return default

    def aliases(self, key: str) -> tuple[str, ...]:
        """A list of aliases, each once."""
        if key not in self._given:
            return ()
        found: list[str] = []
        for place, alias in self._reader.texts(self._given[key], join(self._path, key)):
            if alias in found:
                self._reader.add("twice", place, f"{shown(alias)} is named twice", "take one of them out")
            else:
                found.append(alias)
        if len(found) > MAX_FALLBACKS:
            self.add("too_many", key, f"{len(found)} aliases are named", f"name at most {MAX_FALLBACKS}")
        return tuple(found)

    def routes(self) -> dict[str, str]:
        """Where calls of each class of complexity go; every class must go somewhere."""
        if "routes" not in self._given:
            self.add("missing_key", "routes", "`routes` is missing", _ROUTES)
            return {}
        path, value = join(self._path, "routes"), self._given["routes"]
        found = {key: alias for _, key, alias in self._reader.entries(value, path, known=CLASSES)}
        for key in CLASSES if isinstance(value, dict) else ():
            if not isinstance(found.get(key), str):
                what = f"{shown(found[key])} is no alias" if key in found else f"`{key}` is missing"
                self._reader.add("missing_key", join(path, key), what, _ROUTES)
        return {key: alias for key, alias in found.items() if isinstance(alias, str)}

    def rate(self) -> Rate | None:
        """How fast the provider may be asked; null: as fast as it lets itself be."""
        return read_rate(self._reader, self._given["rate"], join(self._path, "rate")) if "rate" in self else None

    def breaker(self) -> BreakerRules | None:
        """When the provider is left alone for a while; null: the entry does not say."""
        if "breaker" not in self:
            return None
        return read_breaker(self._reader, self._given["breaker"], join(self._path, "breaker"))

    def seconds(self, key: str, default: float, *, most: float) -> float:
        """A duration in seconds, over zero and at most `most`."""
        if key not in self._given:
            return default
        value = self._given[key]
        try:
            duration_s = read_duration(value) / 1000
        except ValueError as error:
            self.add("wrong_value", key, f"{shown(value)} {error}", "write `90s` or `10m`")
            return default
        if not 0 < duration_s <= most:
            self.add("wrong_value", key, f"{shown(value)} is too short or too long", f"write at most `{most:g}s`")
        return duration_s

    def endpoint(self, default: str) -> Endpoint | None:
        """The base URL, or the provider's own."""
        url = default if "base_url" not in self._given else self.line("base_url")
        try:
            return None if url is None else read_endpoint(url)
        except ValueError as error:
            # The URL itself is not shown: what is wrong with it may be that it holds a key.
            self.add(
                "wrong_value", "base_url", f"the base URL {error}", "write `https://host` or `http://127.0.0.1:8080`"
            )
            return None

    def key(self) -> str | None:
        """The reference of a key, `env:NAME`."""
        value = self._given.get("api_key")
        if isinstance(value, str) and KEY_REFERENCE.match(value):
            return value
        if isinstance(value, str) and value.startswith("keyring:"):
            self.add("not_yet", "api_key", "a key from the keyring is not there yet", "write `env:NAME`")
        elif "api_key" in self._given:
            # Never the value: it is most likely the key itself.
            self.add("model_key", "api_key", "a key is given by reference, never itself", "write `env:NAME`")
        return None

    def price(self) -> PriceCard | None:
        """The rates of an entry, as a card; null if there are none."""
        if "price" not in self._given:
            return None
        path, value = join(self._path, "price"), self._given["price"]
        rates: dict[str, int] = {}
        for place, key, item in self._reader.entries(value, path, known=RATES):
            try:
                rates[key] = read_price(item)
            except ValueError as error:
                self._reader.add("wrong_value", place, f"{shown(item)} {error}", "write USD per million tokens")
        for key in ("input", "output"):
            if isinstance(value, dict) and key not in value:
                self._reader.add("missing_key", join(path, key), f"`{key}` is missing", "write USD per million tokens")
        return card_of_rates(rates) if {"input", "output"} <= rates.keys() else None
