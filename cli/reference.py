"""The command reference: every command's own help, as one Markdown page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.main import detent, load
from cli.verbs import LATER, VERBS

if TYPE_CHECKING:
    from collections.abc import Iterator

WIDTH = 100

HEAD = """\
# The command line

<!-- Made by `make generate` from the commands' own help; a test compares. Do not edit. -->

stdout is the answer, stderr everything else. `--output json` prints a contract model instead of text;
where there is none to print, stdout is `{"error": {type, message, problems: [...]}}`.

| exit code | means |
|---|---|
| 0 | ok |
| 1 | unexpected |
| 2 | usage |
| 3 | a policy verdict or a person's no ended the run; `policy replay` found what would be more permissive |
| 4 | waiting for a person, and nobody here can answer |
| 5 | the run failed, was cancelled or aborted otherwise; `replay`, `policy test`, `audit verify` or `doctor` disagree |
| 6 | server unreachable, or no worker polls within 10 s |
| 7 | a document, input or payload is invalid |
| 8 | run or pause unknown, closed or already answered |
| 130 | Ctrl-C (the run goes on, unless `--local`) |

Where the cluster is, Temporal's own configuration says: `TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE`, or a profile of
`temporal.toml`. A worker's files come from its flags, or from `DETENT_POLICY`, `DETENT_MODELS`, `DETENT_TOOLS`,
`DETENT_SKILLS`, `DETENT_WORKSPACE`, `DETENT_BLOBS`, `DETENT_BLOBS_RETENTION`, `DETENT_TASK_QUEUE`.

Completion: `eval "$(_DETENT_COMPLETE=bash_source detent)"` in `~/.bashrc` (`zsh_source`, `fish_source` likewise).
"""


def reference() -> str:
    """The whole page."""
    later = ", ".join(f"`detent {name}`" for name in sorted(LATER))
    parts = [HEAD, _section("detent", detent)]
    for verb in VERBS:
        parts += [_section(path, command) for path, command in _commands(f"detent {verb.name}", load(verb.name))]
    parts.append(f"## Not there yet\n\n{later}.\n")
    return "\n".join(parts)


def _commands(path: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        for name in sorted(command.commands):
            yield from _commands(f"{path} {name}", command.commands[name])


def _section(path: str, command: click.Command) -> str:
    names = detent.context_settings["help_option_names"]
    context = click.Context(command, info_name=path, terminal_width=WIDTH, help_option_names=names)
    return f"## `{path}`\n\n```\n{command.get_help(context)}\n```\n"
