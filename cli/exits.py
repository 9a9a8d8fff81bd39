"""Exit codes: the one place where a run or an error becomes a number."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from policies.errors import Problem
    from workflows.contracts.failures import ErrorInfo
    from workflows.contracts.run import RunView


class Exit(IntEnum):
    """What the process returns."""

    OK = 0
    UNEXPECTED = 1
    USAGE = 2
    REFUSED = 3
    WAITING = 4
    FAILED = 5
    UNREACHABLE = 6
    INVALID = 7
    UNKNOWN = 8
    INTERRUPTED = 130


FOUND = "SecretFound"
SUSPECT = "secret"
"""The type of an error about secrets, and the code of each problem in it."""


class CommandError(Exception):
    """A command that cannot be done: what was wrong, where, and what to do. `kind` is the `type` of the JSON form."""

    def __init__(self, kind: str, message: str, code: Exit, problems: tuple[Problem, ...] = ()) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.code = code
        self.problems = problems


def usage(message: str) -> CommandError:
    """Wrong words on the command line."""
    return CommandError("Usage", message, Exit.USAGE)


def not_yet(what: str) -> CommandError:
    """Something that the design has and this version has not."""
    return CommandError("NotThereYet", f"`{what}` is not there yet", Exit.USAGE)


def unreachable(message: str) -> CommandError:
    """No server, or no worker behind it."""
    return CommandError("Unreachable", message, Exit.UNREACHABLE)


def invalid(message: str, problems: tuple[Problem, ...] = (), kind: str = "InvalidDocument") -> CommandError:
    """A document, input or payload that cannot be used."""
    return CommandError(kind, message, Exit.INVALID, problems)


def unknown(message: str) -> CommandError:
    """A run or a pause that is not there, is closed, or was answered before."""
    return CommandError("Unknown", message, Exit.UNKNOWN)


REFUSALS = frozenset({"PolicyDenied", "PolicyDrift", "BudgetExceeded", "Declined", "TenantNotAllowed"})
INVALIDS = frozenset({"InvalidDocument", "ForgedInput", "SecretFound"})
MAX_CAUSES = 16


def code_of_view(view: RunView) -> Exit:
    """The exit code of a command that followed this run to where it is now.

    A running or held run is no failure: whoever detached from it asked for that.
    """
    if view.phase == "waiting":
        return Exit.WAITING
    if view.phase in ("failed", "cancelled", "aborted"):
        return _code_of_ending(view.error)
    return Exit.OK


def _code_of_ending(error: ErrorInfo | None) -> Exit:
    types = _causes(error)
    if any(name in REFUSALS for name in types):
        return Exit.REFUSED
    return Exit.INVALID if types[:1] and types[0] in INVALIDS else Exit.FAILED


def _causes(error: ErrorInfo | None) -> list[str]:
    """The error's type and those under it: a scope that failed because a branch was denied was denied."""
    types: list[str] = []
    current: object = error.model_dump() if error else None
    while isinstance(current, dict) and len(types) < MAX_CAUSES:
        types.append(str(current.get("type", "")))
        details = current.get("details")
        current = details.get("error") if isinstance(details, dict) else None
    return types
