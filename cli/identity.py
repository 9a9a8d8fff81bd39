"""Who answers, as long as answers are not signed: a name that is claimed, not proven."""

from __future__ import annotations

import getpass

MAX_CHARS = 256


def claimed_id(given: str | None = None) -> str:
    """The id given with `--as`, else the name of this login."""
    if given:
        return given[:MAX_CHARS]
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no name for this user id, as in many containers
        return "unknown"
