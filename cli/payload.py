"""Values that people type: JSON on the command line, in files, and as `k=v`."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from activities.bounded_file import read_at_most
from cli.exits import invalid, usage
from policies.canonical import NotCanonical, canonical
from workflows.contracts.twins import TwinKey, once

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cli.exits import CommandError

MAX_BYTES = 1024 * 1024
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def json_value(text: str, where: str) -> object:
    """Parse JSON, or what `@file` (`@-` is stdin) holds; `where` names the option in messages. At most 1 MiB."""
    source = _read(text[1:], where) if text.startswith("@") else text
    check_size(len(source.encode("utf-8", "surrogatepass")), where)
    try:
        value = json.loads(source, parse_constant=_refuse_constant, object_pairs_hook=once)
        canonical(value)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise invalid(
            f"{where}: not JSON at {place}: {error.msg.lower()}{_hint(source)}", kind="InvalidInput"
        ) from error
    except (ValueError, RecursionError) as error:
        raise invalid(f"{where}: not usable as JSON: {_in_words(error)}", kind="InvalidInput") from error
    return value


def check_size(size: int, where: str) -> None:
    """Refuse what is larger than 1 MiB before it is sent: it could never run."""
    if size > MAX_BYTES:
        raise _too_large(where, f"{size:,} bytes")


def with_settings(value: object, settings: Iterable[str], schema: object) -> object:
    """The input with each `k=v` put at its top-level key.

    Where the schema says that the key is a string, `v` is one; else it is JSON if it parses, else a string.
    """
    pairs = [_pair(setting) for setting in settings]
    if not pairs:
        return value
    if not isinstance(value, dict):
        raise usage("`--set` needs an input that is a JSON object; the one given by `--input` is not")
    return {**value, **{key: _usable(key, _typed(text, _property(schema, key))) for key, text in pairs}}


def check_name(text: str, what: str) -> str:
    """A tenant's name or a run's key: letters, digits, `.`, `_` and `-`, at most 128."""
    if not _NAME.fullmatch(text):
        raise usage(f"{what} `{text}`: use letters, digits, `.`, `_` and `-`, at most 128, the first a letter or digit")
    return text


def _pair(setting: str) -> tuple[str, str]:
    key, equals, text = setting.partition("=")
    if not equals or not key:
        raise usage(f"`--set {setting}`: write `--set key=value`")
    return key, text


def _usable(key: str, value: object) -> object:
    """The value, if it has a canonical form: argument bytes that are no UTF-8 have none, nor has `1e999`."""
    try:
        canonical(value)
    except NotCanonical as error:
        raise invalid(f"`--set {key}=…`: not usable as JSON: {_in_words(error)}", kind="InvalidInput") from error
    return value


def _in_words(error: Exception) -> str:
    text = str(error)
    for known, words in (
        ("surrogates not allowed", "a text that is not Unicode (half a surrogate pair, or bytes that are no UTF-8)"),
        ("not representable in JCS", "a number that is too large for a double"),
        ("recursion depth", "nested too deep"),
        ("integer string conversion", "a whole number with thousands of digits"),
    ):
        if known in text:
            return words
    return text


def _property(schema: object, key: str) -> object:
    properties = schema.get("properties") if isinstance(schema, dict) else None
    return properties.get(key) if isinstance(properties, dict) else None


def _too_large(where: str, size: str) -> CommandError:
    message = f"{where}: {size} is over the limit of {MAX_BYTES:,} bytes; put large data in files and pass paths"
    return invalid(message, kind="TooLarge")


def _typed(text: str, schema: object) -> object:
    if isinstance(schema, dict) and schema.get("type") == "string":
        return text
    try:
        return json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=once)
    except TwinKey as error:
        raise invalid(f"`--set`: not usable as JSON: {error}", kind="InvalidInput") from error
    except (ValueError, RecursionError):
        return text


def _read(name: str, where: str) -> str:
    try:
        if name == "-":
            return sys.stdin.read(MAX_BYTES + 1)
        data = read_at_most(Path(name), MAX_BYTES)
        if len(data) > MAX_BYTES:
            raise _too_large(f"{where} `{name}`", "the file")
        return data.decode()
    except OSError as error:
        raise invalid(f"{where}: cannot read `{name}`: {_reason(error)}", kind="FileError") from error
    except UnicodeDecodeError as error:
        raise invalid(f"{where}: `{name}` is not UTF-8 text", kind="InvalidInput") from error


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _refuse_constant(name: str) -> object:
    message = f"`{name}` is not a JSON number"
    raise ValueError(message)


def _hint(source: str) -> str:
    looks_like_a_path = re.fullmatch(r"[\w./-]{1,250}\.json", source)
    return f"; to read a file, write `@{source}`" if looks_like_a_path else ""
