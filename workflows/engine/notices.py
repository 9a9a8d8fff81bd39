"""What people should know and nobody need answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflows.engine import auditing

if TYPE_CHECKING:
    from workflows.engine.machine import Machine

KEEP_NOTICES = 50


def tell(m: Machine, rule: str, message: str) -> None:
    """Keep one notice of a rule for the view; the last 50 are kept, each once."""
    words = f"{message} [{rule}]"
    if words not in m.state.warned:
        auditing.note(m, "warned", rule=rule)
        m.state.warned.append(words)
        del m.state.warned[:-KEEP_NOTICES]
