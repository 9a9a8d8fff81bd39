"""What every command is given: how to print, and where the errors go."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NoReturn

import click

from cli.render.text import json_text
from policies.plain_text import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, TextIO

    from pydantic import BaseModel

Output = Literal["text", "json"]


@dataclass(slots=True)
class Session:
    """The global options. Mutable, because they may stand before the verb or after it."""

    output: Output = "text"
    debug: bool = False

    @property
    def as_json(self) -> bool:
        """Whether a program reads stdout."""
        return self.output == "json"

    @property
    def interactive(self) -> bool:
        """Whether a person sits at a terminal who can be asked."""
        return not self.as_json and _is_tty(sys.stdin) and _is_tty(sys.stderr)

    def answer(self, text: str) -> None:
        """Print to stdout, which holds nothing but the answer; what a terminal would obey is shown, not sent."""
        click.echo(plain(text, "\n"))

    def note(self, text: str) -> None:
        """Print to stderr, in the same way."""
        click.echo(plain(text, "\n"), err=True)

    def print_json(self, value: object, *, line: bool = False) -> None:
        """Print a JSON value to stdout: indented for a person, one line for a program or where lines are asked for."""
        indent = 2 if not line and _is_tty(sys.stdout) else None
        click.echo(json_text(value, indent=indent))

    def print_model(self, model: BaseModel) -> None:
        """Print a contract model as JSON."""
        self.print_json(model.model_dump(mode="json"))


def _is_tty(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except ValueError:  # closed
        return False


def leave(code: int) -> NoReturn:
    """End the process now. The SDK can crash in interpreter finalisation, so that never runs."""
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # the reader has gone: nobody is left to tell
            stream.flush()
    os._exit(code)


def early_output(arguments: Sequence[str]) -> Output:
    """The output format that the arguments ask for, found before they parse: a usage error needs it."""
    words = list(arguments)
    for index, word in enumerate(words):
        if word == "--output=json" or (word == "--output" and words[index + 1 : index + 2] == ["json"]):
            return "json"
    return "text"


def global_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--output` and `--debug`, which work before the verb and after it."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def _set_output(context: click.Context, _: click.Parameter, value: Output | None) -> None:
    if value is not None:
        context.ensure_object(Session).output = value


def _set_debug(context: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's signature
    if value:
        context.ensure_object(Session).debug = True


_OPTIONS = (
    click.option(
        "--output",
        type=click.Choice(["text", "json"]),
        expose_value=False,
        callback=_set_output,
        help="What stdout holds: text for people or JSON for programs.",
    ),
    click.option("--debug", is_flag=True, expose_value=False, callback=_set_debug, help="Show tracebacks."),
)

pass_session = click.make_pass_decorator(Session, ensure=True)
