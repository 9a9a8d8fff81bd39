"""What an operator decides about a worker: from flags, then the environment, then the configuration directory."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from activities.blobs_places import BlobPlace, read_place
from policies.errors import DocumentError, Problem
from policies.units import write_duration
from worker.audit_key import audit_key_files
from worker.retention_age import read_age
from worker.seal_key import key_files
from workflows.contracts.names import TASK_QUEUE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

READY_FD = "DETENT_READY_FD"
"""Names the descriptor that a worker writes to once it polls; for the program that started it."""
CONCURRENCY = 50
CONCURRENCY_MOST = 1000


@dataclass(frozen=True, slots=True)
class Flags:
    """What was said on the command line; null or empty where nothing was."""

    policy: Path | None = None
    models: Path | None = None
    tools: Sequence[Path] = ()
    skills: Sequence[Path] = ()
    workspace: Path | None = None
    blobs: BlobPlace | None = None
    task_queue: str | None = None
    concurrency: int | None = None
    graph_models: Path | None = None
    graphs: Sequence[Path] = ()


@dataclass(frozen=True, slots=True)
class Settings:
    """A worker's settings, with absolute paths.

    `policy` null is the built-in default, `models` null the built-in aliases. `graph_models` is a models
    file found beside a graph: whoever wrote the graph wrote it, so it may name only providers that need no key.
    `database` is the embedded server's, where there is one, and `keys` are the files that hold secret keys: no tool
    may touch them. `graphs` are the graph files, or directories of them, that the worker was told of: no tool writes
    there, or a run could change what a later one is started from. `blobs` is a directory, or the URL of a bucket;
    `retention_ms` is how many milliseconds what no open run reaches is kept there, null for ever.
    """

    workspace: Path
    blobs: BlobPlace
    policy: Path | None = None
    models: Path | None = None
    tools: tuple[Path, ...] = ()
    skills: tuple[Path, ...] = ()
    task_queue: str = TASK_QUEUE
    concurrency: int = CONCURRENCY
    graph_models: Path | None = None
    database: Path | None = None
    keys: tuple[Path, ...] = ()
    graphs: tuple[Path, ...] = ()
    retention_ms: int | None = None


def settings(flags: Flags, environ: Mapping[str, str]) -> Settings:
    """The settings that flags and DETENT_* variables give; `DocumentError` naming each path that is not there.

    Nothing is ever looked for in the workspace: what lies there may have been written by a run.
    """
    config = config_dir(environ)
    found = Settings(
        workspace=_absolute(flags.workspace or _path(environ, "DETENT_WORKSPACE") or Path.cwd()),
        blobs=_placed(flags.blobs) if flags.blobs else blobs_place(environ),
        policy=_optional(flags.policy or _path(environ, "DETENT_POLICY") or _present(config / "policy.yaml")),
        models=_optional(flags.models or _path(environ, "DETENT_MODELS") or _present(config / "models.yaml")),
        tools=_directories(flags.tools, _paths(environ, "DETENT_TOOLS"), config / "tools"),
        skills=_directories(flags.skills, _paths(environ, "DETENT_SKILLS"), config / "skills"),
        task_queue=flags.task_queue or environ.get("DETENT_TASK_QUEUE") or TASK_QUEUE,
        concurrency=_concurrency(flags, environ),
        graph_models=_optional(flags.graph_models or _path(environ, "DETENT_GRAPH_MODELS")),
        database=_optional(_path(environ, "DETENT_DATABASE")),
        keys=_paths(environ, "DETENT_KEY_FILES") + key_files(environ) + audit_key_files(environ),
        graphs=tuple(_absolute(path) for path in flags.graphs) or _paths(environ, "DETENT_GRAPHS"),
        retention_ms=_retention_ms(environ),
    )
    problems = _check(found)
    if problems:
        raise DocumentError(problems)
    return found


def as_environ(found: Settings) -> dict[str, str]:
    """The variables that give another process the same settings."""
    paths = {
        "DETENT_WORKSPACE": found.workspace,
        "DETENT_BLOBS": found.blobs,
        "DETENT_POLICY": found.policy,
        "DETENT_MODELS": found.models,
        "DETENT_GRAPH_MODELS": found.graph_models,
        "DETENT_DATABASE": found.database,
    }
    values = {name: str(path) if path else "" for name, path in paths.items()}
    lists = {
        "DETENT_TOOLS": found.tools,
        "DETENT_SKILLS": found.skills,
        "DETENT_KEY_FILES": found.keys,
        "DETENT_GRAPHS": found.graphs,
    }
    values |= {name: os.pathsep.join(str(path) for path in paths) for name, paths in lists.items()}
    values["DETENT_CONFIG"] = os.devnull  # all is said here: nothing may come from the configuration directory
    values["DETENT_BLOBS_RETENTION"] = "" if found.retention_ms is None else write_duration(found.retention_ms)
    return {**values, "DETENT_TASK_QUEUE": found.task_queue, "DETENT_CONCURRENCY": str(found.concurrency)}


def config_dir(environ: Mapping[str, str]) -> Path:
    """Where operator files lie by default: DETENT_CONFIG, else `detent` in the user's configuration directory."""
    return _user_dir(environ, "DETENT_CONFIG", "XDG_CONFIG_HOME", ".config")


def blobs_place(environ: Mapping[str, str]) -> BlobPlace:
    """Where large values lie: DETENT_BLOBS, else in the user's data directory. Clients and workers must agree on it."""
    explicit = environ.get("DETENT_BLOBS")
    if not explicit:
        return _user_dir(environ, "", "XDG_DATA_HOME", ".local/share") / "blobs"
    try:
        return _placed(read_place(explicit))
    except ValueError as error:
        raise DocumentError((Problem("setting", str(error), "DETENT_BLOBS"),)) from error


def _user_dir(environ: Mapping[str, str], ours: str, xdg: str, fallback: str) -> Path:
    explicit = _path(environ, ours)
    if explicit is not None:
        return _absolute(explicit)
    return _absolute((_path(environ, xdg) or Path(environ.get("HOME", "/")) / fallback) / "detent")


def _directories(flagged: Sequence[Path], named: tuple[Path, ...], usual: Path) -> tuple[Path, ...]:
    """Those of the flags, else of the environment, else the one in the configuration directory if it is there."""
    found = tuple(flagged) or named or tuple(path for path in (_present(usual),) if path)
    return tuple(_absolute(path) for path in found)


def _concurrency(flags: Flags, environ: Mapping[str, str]) -> int:
    text = environ.get("DETENT_CONCURRENCY", "")
    value = flags.concurrency if flags.concurrency is not None else text or CONCURRENCY
    try:
        number = int(value)
    except ValueError:
        number = 0
    if not 1 <= number <= CONCURRENCY_MOST:
        message = f"concurrency `{value}`: not a whole number from 1 to {CONCURRENCY_MOST}"
        raise DocumentError((Problem("setting", message, "DETENT_CONCURRENCY", "leave it out for 50"),))
    return number


def _retention_ms(environ: Mapping[str, str]) -> int | None:
    text = environ.get("DETENT_BLOBS_RETENTION", "")
    if not text:
        return None
    try:
        return read_age(text)
    except ValueError as error:
        problem = Problem("setting", f"`{text}` {error}", "DETENT_BLOBS_RETENTION", "leave it out to keep all")
        raise DocumentError((problem,)) from error


def _check(found: Settings) -> tuple[Problem, ...]:
    files = (("policy", found.policy), ("models", found.models), ("models", found.graph_models))
    dirs = [
        ("workspace", found.workspace),
        *(("tools", path) for path in found.tools),
        *(("skills", path) for path in found.skills),
    ]
    missing = [_absent(name, path, "file") for name, path in files if path and not path.is_file()]
    missing += [_absent(name, path, "directory") for name, path in dirs if not path.is_dir()]
    return tuple(missing)


def _absent(name: str, path: Path, kind: str) -> Problem:
    where = f"`--{name}` or DETENT_{name.upper()}"
    return Problem("setting", f"is not a {kind}", "", f"name an existing {kind} with {where}", str(path))


def _path(environ: Mapping[str, str], name: str) -> Path | None:
    value = environ.get(name)
    return Path(value) if value else None


def _paths(environ: Mapping[str, str], name: str) -> tuple[Path, ...]:
    return tuple(_absolute(Path(part)) for part in environ.get(name, "").split(os.pathsep) if part)


def _present(path: Path) -> Path | None:
    return path if path.exists() else None


def _optional(path: Path | None) -> Path | None:
    return None if path is None else _absolute(path)


def _placed(place: BlobPlace) -> BlobPlace:
    return _absolute(place) if isinstance(place, Path) else place


def _absolute(path: Path) -> Path:
    try:
        return path.expanduser().resolve()
    except (OSError, RuntimeError) as error:  # a loop of links; `~name` of nobody
        why = "nobody here has this name" if str(path).startswith("~") else "its links go round in a circle"
        raise DocumentError((Problem("setting", f"is no path: {why}", file=str(path)),)) from error
