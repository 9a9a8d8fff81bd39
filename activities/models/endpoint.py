"""Where a provider is reached, and which keys may travel there."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from policies.capability import Capability

ANTHROPIC_URL = "https://api.anthropic.com"
ANTHROPIC_KEY = "env:ANTHROPIC_API_KEY"
OPENAI_URL = "https://api.openai.com/v1"
OPENAI_KEY = "env:OPENAI_API_KEY"
CONVENTIONAL_KEYS = {ANTHROPIC_KEY: "api.anthropic.com", OPENAI_KEY: "api.openai.com"}
"""Keys that everybody's environment has under one name, each with the one host that it may be sent to."""

OURS = "env:DETENT_"
"""How references to our own settings begin: keys that seal and sign are among them."""

_HTTPS = 443


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A base URL taken apart. `host` is lower case."""

    url: str
    scheme: str
    host: str
    port: int | None

    @property
    def is_loopback(self) -> bool:
        """Whether nothing sent there leaves this machine."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def is_own_of(self, reference: str) -> bool:
        """Whether this is the provider that a conventional key belongs to, over TLS and on its usual port."""
        at_home = self.scheme == "https" and self.port in {None, _HTTPS}
        return at_home and CONVENTIONAL_KEYS.get(reference) == self.host


def read_endpoint(url: str) -> Endpoint:
    """A base URL; `ValueError` with a message for people if it is none, or holds more than a place."""
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname
    except ValueError as error:
        raise ValueError(f"is not a URL: {error}") from None
    if parts.scheme not in {"http", "https"} or not host or not url.isascii() or not url.isprintable():
        raise ValueError("is not a URL that starts with `https://` or `http://`")
    if "@" in parts.netloc or parts.query or parts.fragment:
        # User names, passwords and query strings are where keys get written down.
        raise ValueError("holds more than scheme, host, port and path")
    found = Endpoint(url=url, scheme=parts.scheme, host=host.lower(), port=port)
    if found.scheme == "http" and not found.is_loopback:
        raise ValueError("is not encrypted: `http://` is for loopback only")
    return found


def key_problem(endpoint: Endpoint, reference: str | None) -> tuple[str, str] | None:
    """What is wrong with sending this key (null: none) there, as message and remedy; null if nothing is."""
    if reference is None:
        if endpoint.is_loopback:
            return None
        return (
            f"no `api_key` for the host `{endpoint.host}`",
            "name the variable that holds its key: `api_key: env:NAME`",
        )
    if reference.startswith(OURS):
        return f"`{reference}` is a setting of Detent's own, and goes nowhere", "name the variable of a provider's key"
    if reference in CONVENTIONAL_KEYS and not endpoint.is_own_of(reference):
        home = CONVENTIONAL_KEYS[reference]
        message = f"`{reference}` goes only to `https://{home}`, not to `{endpoint.host}`"
        return message, "put this host's own key into another variable, and name that one"
    return None


def key_needs(endpoint: Endpoint | None, reference: str | None) -> tuple[Capability, ...]:
    """What a policy must grant (`env: [{name, hosts}]`) for this key to be sent there; nothing for a key at home."""
    if endpoint is None or reference is None or endpoint.is_own_of(reference):
        return ()
    return (Capability("env", f"{reference.removeprefix('env:')}@{endpoint.host}"),)
