"""Patch ids, `detent-NNN-slug`: one for every change of the order of commands, never reused, never removed.

None is needed yet: this is the first order of commands. A change adds an id here, guards the new order with
`workflow.patched(id)`, and adds a replay golden of a history from before it.
"""

from __future__ import annotations

PATCHES: tuple[str, ...] = ()
