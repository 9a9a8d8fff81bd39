"""Options that several commands share."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from activities.blobs_places import BlobPlace
    from worker.settings import Flags

FILE = click.Path(dir_okay=False, path_type=Path)
DIRECTORY = click.Path(file_okay=False, path_type=Path)


PARTS = ("policy", "models", "tools", "skills", "workspace", "blobs")


class _Place(click.ParamType[Any]):
    """A directory, or the URL of a bucket."""

    name = "place"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> BlobPlace:
        """What the text says; a usage error for a URL that is none of ours."""
        from activities.blobs_places import read_place  # noqa: PLC0415 - help needs no store

        try:
            return read_place(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """What may be said about a worker that a command starts."""

    policy: Path | None
    models: Path | None
    tools: tuple[Path, ...]
    workspace: Path | None
    blobs: BlobPlace | None = None
    skills: tuple[Path, ...] = ()

    @property
    def given(self) -> list[str]:
        """The names of the options that were used."""
        return [f"--{name}" for name in PARTS if getattr(self, name)]

    def flags(self, **others: Any) -> Flags:
        """The worker's flags, with `others` (task_queue, graph_models) added."""
        from worker.settings import Flags  # noqa: PLC0415 - usage errors and help need no worker

        parts = {name: getattr(self, name) for name in PARTS}
        return Flags(**parts, **others)


def worker_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a worker; the command gets them as one `worker: WorkerOptions`."""

    @functools.wraps(command)
    def gather(*args: Any, **given: Any) -> object:
        parts = {name: given.pop(name) for name in PARTS}
        return command(*args, worker=WorkerOptions(**parts), **given)

    wrapped: Callable[..., Any] = gather
    for option in _WORKER:
        wrapped = option(wrapped)
    return wrapped


tools_option = click.option("--tools", type=DIRECTORY, multiple=True, help="A directory of more tools; repeatable.")
_WORKER = (
    click.option("--blobs", type=_Place(), help="Where large values are kept: a directory, or s3://, gs://, az:// …"),
    click.option("--workspace", type=DIRECTORY, help="The directory that tools work in (default: the current one)."),
    click.option("--skills", type=DIRECTORY, multiple=True, help="A directory of skills; repeatable."),
    tools_option,
    click.option("--models", type=FILE, help="The models file."),
    click.option("--policy", type=FILE, help="The policy file."),
)


def full_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--full`."""
    option = click.option("--full", is_flag=True, help="Show long texts whole instead of head and tail.")
    return option(command)


def run_argument(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the argument RUN, a run's id."""
    return click.argument("run", metavar="RUN")(command)
