"""Host names, and the secrets that may go to them."""

from __future__ import annotations

import string
from dataclasses import dataclass

from policies.globs import BadPatternError

MAX_NAME = 253
MAX_LABEL = 63
_LABEL = frozenset(string.ascii_lowercase + string.digits + "-_")
_NAME = frozenset(string.ascii_letters + string.digits + "_")


@dataclass(frozen=True, slots=True)
class Domain:
    """A host name in lower case; with `below` all its sub-domains as well."""

    name: str
    below: bool

    def covers(self, other: Domain) -> bool:
        """A domain covers itself and, with a leading dot, its sub-domains."""
        if other.below and not self.below:
            return False
        return other.name == self.name or (self.below and other.name.endswith("." + self.name))

    def matches(self, other: Domain) -> bool:
        """The same as `covers`: a host has no second reading."""
        return self.covers(other)


@dataclass(frozen=True, slots=True)
class Secret:
    """The name of a secret, and the hosts that it may be sent to; without any it is sent nowhere."""

    name: str
    host: Domain | None

    def covers(self, other: Secret) -> bool:
        """The same name, going nowhere or to a host that this grant covers."""
        if self.name != other.name:
            return False
        if self.host is None or other.host is None:
            return self.host is other.host
        return self.host.covers(other.host)

    def matches(self, other: Secret) -> bool:
        """What a denial means: a name without hosts is every use of that name."""
        return self.covers(other) or (self.host is None and self.name == other.name)


def parse_domain(text: str) -> Domain:
    """Read `api.example.org` or `.example.org`; raises `BadPatternError`."""
    below = text.startswith(".")
    name = text.removeprefix(".").lower()
    labels = name.split(".")
    if len(name) > MAX_NAME or not all(_is_label(label) for label in labels):
        raise BadPatternError("it is not a host name; write `example.org`, or `.example.org` for its sub-domains too")
    if below and labels[-1].isdigit():
        raise BadPatternError("an address has no sub-domains")
    return Domain(name, below)


def parse_secret(text: str) -> Secret:
    """Read `NAME` or `NAME@host`; raises `BadPatternError`."""
    name, at, host = text.partition("@")
    if not name or name[0].isdigit() or not _NAME.issuperset(name):
        raise BadPatternError("it is not the name of an environment variable")
    return Secret(name, parse_domain(host) if at else None)


def _is_label(label: str) -> bool:
    return 0 < len(label) <= MAX_LABEL and _LABEL.issuperset(label) and not label.startswith("-")
