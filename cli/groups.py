"""Groups of sub-commands that know what is not there yet."""

from __future__ import annotations

from typing import Any

import click


class SubGroup(click.Group):
    """A group whose `later` names are refused by name."""

    def __init__(self, *, later: tuple[str, ...] = (), **attributes: Any) -> None:
        super().__init__(**attributes)
        self._later = later

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The sub-command; what the design has and this version has not is said so."""
        if args and args[0] in self._later:
            raise click.UsageError(f"`{ctx.command_path} {args[0]}` is not there yet", ctx)
        return super().resolve_command(ctx, args)
