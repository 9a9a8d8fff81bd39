"""Canonical JSON, the bytes that digests are made of.

RFC 8785 for everything that RFC 8785 can say. Integers beyond 2^53-1, which it refuses, are written
exactly: graphs have 64-bit integers, and two different amounts must never share a digest.
"""

from __future__ import annotations

import hashlib
import json

import rfc8785

MAX_DEPTH = 64
_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), check_circular=False)


class NotCanonical(ValueError):
    """The value has no canonical form: NaN, a lone surrogate, a key that is no string, nesting over 64."""


def canonical(value: object) -> bytes:
    """The canonical UTF-8 bytes of a JSON value; `NotCanonical` if it has none."""
    try:
        if _is_plain(value, 0):
            return _ENCODER.encode(value).encode()
        return _write(value).encode()
    except (UnicodeEncodeError, rfc8785.CanonicalizationError) as error:
        raise NotCanonical(str(error)) from error


def digest(value: object) -> str:
    """SHA-256 of the canonical bytes, as 64 hex digits."""
    return hashlib.sha256(canonical(value)).hexdigest()


def _is_plain(value: object, depth: int) -> bool:
    """Whether the C encoder already writes this value as RFC 8785 does: no doubles, ASCII keys."""
    kind = type(value)
    if kind is str or kind is int or kind is bool or value is None:
        return True
    if depth > MAX_DEPTH:
        raise NotCanonical(f"nesting over {MAX_DEPTH}")
    if isinstance(value, dict):
        return all(type(k) is str and k.isascii() and _is_plain(v, depth + 1) for k, v in value.items())
    if isinstance(value, list | tuple):
        return all(_is_plain(item, depth + 1) for item in value)
    return False


def _write(value: object) -> str:
    if isinstance(value, dict):
        if not all(type(key) is str for key in value):
            raise NotCanonical("a key that is not a string")
        items = sorted(value.items(), key=lambda item: item[0].encode("utf-16-be"))
        return "{" + ",".join(f"{_write(key)}:{_write(item)}" for key, item in items) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(_write(item) for item in value) + "]"
    if isinstance(value, float):
        return rfc8785.dumps(value).decode()
    if value is None or isinstance(value, str | int):
        return json.dumps(value, ensure_ascii=False)
    raise NotCanonical(f"{type(value).__name__} is not JSON")
