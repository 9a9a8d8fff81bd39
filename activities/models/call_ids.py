"""Ids of tool calls in the letters that every provider takes."""

from __future__ import annotations

import hashlib
import re

_TAKEN_AS_IS = re.compile(r"[a-zA-Z0-9_-]{1,40}\Z")
_DIGITS = 32


def wire_id(call_id: str) -> str:
    """An id as every provider takes it. Another provider's, or a script's, may be too long or have other letters."""
    if _TAKEN_AS_IS.match(call_id):
        return call_id
    return f"call_{hashlib.sha256(call_id.encode('utf-8', 'surrogatepass')).hexdigest()[:_DIGITS]}"
