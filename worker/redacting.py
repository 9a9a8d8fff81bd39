"""What a worker knows and may never tell: the values behind its references, and its own credentials."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from activities.models.secret import resolve
from activities.redaction import LEAST_CHARS, Redactor
from policies.domains import parse_secret

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from activities.models.catalogue import Catalogue
    from activities.seal import SealKeys
    from policies.document import PolicyDocument

_OWN = re.compile(r"(?:DETENT|TEMPORAL|OTEL|AWS|AZURE|GOOGLE)_\w*(?:KEY|TOKEN|SECRET|PASSWORD|HEADERS|AUTH)\w*\Z")
_PLACES = ("_FILE", "_PATH", "_FD")
"""Variables that say where a key lies, or where it is read from, hold none."""
_LINE_CHARS = 16
"""A line of a key file as short as this is no part of the key that anybody could use."""


def redactor_of(
    catalogue: Catalogue, policy: PolicyDocument, environ: Mapping[str, str], seals: SealKeys | None = None
) -> Redactor:
    """A redactor of every key of a model, every variable that a policy grants, our own credentials and seal keys."""
    keys = [key for key in (seals.current, seals.previous) if key is not None] if seals else []
    texts = [part for item in known_values(catalogue, policy, environ).items() for part in _parts(*item)]
    return Redactor([*texts, *keys])


def short_secrets(catalogue: Catalogue, policy: PolicyDocument, environ: Mapping[str, str]) -> tuple[str, ...]:
    """The names of values too short to be told from any other word: they are not redacted."""
    values = known_values(catalogue, policy, environ)
    return tuple(sorted(name for name, value in values.items() if len(value) < LEAST_CHARS))


def known_values(catalogue: Catalogue, policy: PolicyDocument, environ: Mapping[str, str]) -> dict[str, str]:
    """The value of each variable that something refers to, by its name."""
    references = {*catalogue.key_references().values(), *(f"env:{name}" for name in _granted(policy))}
    resolved = [resolve(reference, environ) for reference in sorted(references)]
    found = {secret.reference.removeprefix("env:"): secret.value for secret in resolved if secret is not None}
    own = {name: value for name, value in environ.items() if _OWN.match(name) and not name.endswith(_PLACES)}
    return {**own, **found}


def _granted(policy: PolicyDocument) -> Iterator[str]:
    for tenant in policy.tenants.values():
        for granted in (*tenant.allow.grants, *tenant.grantable.grants):
            if granted.kind == "env":
                yield parse_secret(granted.pattern).name


def _parts(name: str, value: str) -> Iterator[str]:
    """A value whole, line by line where it is a file of lines, and each of the headers where it is a list of them."""
    yield value
    lines = value.splitlines()
    if len(lines) > 1:
        yield from (line for line in lines if len(line) > _LINE_CHARS and not line.startswith("-----"))
    if "HEADERS" in name:
        for header in value.split(","):
            text = unquote(header.partition("=")[2]).strip()
            yield from (text, text.rpartition(" ")[2])
