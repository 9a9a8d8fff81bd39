"""What stands behind an alias that only says where calls go: it never answers one itself."""

from __future__ import annotations

from activities.models import failures
from activities.models.provider import Ask, Progress, Reply


class Router:
    """Refuses every call: the engine has long chosen another alias when it makes one."""

    async def complete(self, ask: Ask, progress: Progress) -> Reply:
        """Refuse."""
        del progress
        raise failures.model_failed(ask.card.alias, "a router answers no calls: the run must ask one of its routes")

    async def close(self) -> None:
        """Nothing is held open."""
