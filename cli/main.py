"""The command `detent`: loads a verb only when it is called, and turns every error into a message and an exit code."""

from __future__ import annotations

import importlib
import logging
import os
import sys
from typing import TYPE_CHECKING, Any, NoReturn

import click

from cli.context import Session, early_output, global_options, leave
from cli.errors import explain
from cli.exits import CommandError, Exit
from cli.render.problems import error_lines, error_object
from cli.streams import mend_streams
from cli.verbs import LATER, VERBS

if TYPE_CHECKING:
    from collections.abc import Sequence

VERSION = "0.1.0"


class Detent(click.Group):
    """The group of all verbs. Its commands are stubs with a name and a line of help until one is called."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for verb in VERBS:
            self.add_command(click.Command(verb.name, help=verb.help, short_help=verb.help))

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The verbs in the order of the table: what people do first stands first."""
        return [verb.name for verb in VERBS]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Load the verb that was called."""
        if args and args[0] in LATER:
            raise click.UsageError(f"`detent {args[0]}` is not there yet", ctx)
        name, _, rest = super().resolve_command(ctx, args)
        return name, load(name) if name else None, rest

    def main(self, args: Sequence[str] | None = None, **extra: Any) -> NoReturn:  # type: ignore[override]  # ours never returns a value
        """Run a command line and exit with its code; errors have been printed by then."""
        arguments = list(sys.argv[1:] if args is None else args)
        session = extra.pop("obj", None) or Session()
        session.output = early_output(arguments)
        logging.getLogger().addHandler(logging.NullHandler())  # else Python prints the SDK's warnings between our lines
        extra |= {"standalone_mode": False, "prog_name": "detent"}
        sys.exit(self._guarded(arguments, session, extra))

    def _guarded(self, arguments: list[str], session: Session, extra: dict[str, Any]) -> int:
        try:
            code = super().main(arguments, obj=session, **extra)
        except click.exceptions.Exit as ended:
            code = ended.exit_code
        except BrokenPipeError:  # the reader of stdout has seen enough
            sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - lives as long as the process
            code = Exit.OK
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the last door: nobody above prints a message
            code = _report(error, session)
        return code if isinstance(code, int) else Exit.OK


def load(name: str) -> click.Command:
    """Import a verb's command; `KeyError` if there is no such verb."""
    module, attribute = {verb.name: verb.place for verb in VERBS}[name].split(":")
    command: click.Command = getattr(importlib.import_module(module), attribute)
    return command


def _report(error: BaseException, session: Session) -> int:
    """Print an error as its reader wants it and return the exit code."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return Exit.USAGE
    found = explain(error)
    if session.debug and not isinstance(error, click.ClickException | KeyboardInterrupt):
        import traceback  # noqa: PLC0415 - only here

        session.note("".join(traceback.format_exception(error)).rstrip("\n"))
    _print_error(found, session)
    return int(found.code)


def _print_error(found: CommandError, session: Session) -> None:
    if session.as_json and found.code != Exit.INTERRUPTED:
        session.print_json(error_object(found))
    for line in error_lines(found):
        session.note(line)


def _print_version(context: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's signature
    if value and not context.resilient_parsing:
        click.echo(f"detent {VERSION}")
        context.exit()


@click.group(cls=Detent, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, expose_value=False, is_eager=True, callback=_print_version, help="Print the version."
)
@global_options
def detent() -> None:
    """Run agent graphs durably on Temporal, one policy gate before every call.

    stdout is the answer, stderr everything else.
    """


def main() -> NoReturn:
    """The console script. It ends without interpreter finalisation."""
    mend_streams()
    code: object = Exit.UNEXPECTED
    try:
        detent.main()
    except SystemExit as ended:
        code = ended.code
    leave(code if isinstance(code, int) else Exit.OK)


if __name__ == "__main__":
    main()
