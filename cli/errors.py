"""Every exception that can reach the top, translated into one message and one exit code."""

from __future__ import annotations

import sys

import click

from activities.ports import BlobError
from cli.exits import FOUND, SUSPECT, CommandError, Exit, invalid, unknown, unreachable
from policies.errors import DocumentError


def explain(error: BaseException) -> CommandError:
    """The command error that says what this exception means to the person who typed the command."""
    if isinstance(error, CommandError):
        return error
    if isinstance(error, click.exceptions.Abort | KeyboardInterrupt):
        return CommandError("Interrupted", "interrupted", Exit.INTERRUPTED)
    if isinstance(error, click.ClickException):
        return CommandError("Usage", _usage_message(error), Exit.USAGE)
    if isinstance(error, DocumentError):
        return document_error(error)
    if isinstance(error, BlobError):
        return CommandError("BlobError", str(error), Exit.UNEXPECTED)
    return _of_temporal(error) or _of_the_system(error)


def document_error(error: DocumentError) -> CommandError:
    """A document that cannot be used, with all that is wrong with it."""
    count = len(error.problems)
    kind = FOUND if any(problem.code == SUSPECT for problem in error.problems) else "InvalidDocument"
    return invalid(f"{count} problem{'s' if count != 1 else ''} found", error.problems, kind=kind)


def _usage_message(error: click.ClickException) -> str:
    message = error.format_message()
    context = getattr(error, "ctx", None)
    if context is None:
        return message
    stem = message.rstrip(".")
    return f"{stem}{' ' if stem.endswith('?') else '; '}`{context.command_path} --help` says more"


def _of_temporal(error: BaseException) -> CommandError | None:
    if "temporalio.service" not in sys.modules:  # then it is none of the SDK's, and loading that takes 0.4 s
        return None
    from temporalio.service import RPCError, RPCStatusCode  # noqa: PLC0415 - see above

    if not isinstance(error, RPCError):
        return None
    if error.status == RPCStatusCode.NOT_FOUND:
        return unknown(f"the server knows no such run: {error.message}")
    if error.status in (RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED):
        return unreachable(f"the server does not answer: {error.message}; is it up? `detent doctor` looks")
    if error.status == RPCStatusCode.INVALID_ARGUMENT:
        remedy = "; `detent doctor` says how to register it" if "search attribute" in error.message else ""
        return invalid(f"the server refused the request: {error.message}{remedy}", kind="InvalidRequest")
    return CommandError("ServerError", f"the server says {error.status.name}: {error.message}", Exit.UNEXPECTED)


def _of_the_system(error: BaseException) -> CommandError:
    if isinstance(error, OSError) and error.filename is not None:
        return invalid(f"`{error.filename}`: {(error.strerror or str(error)).lower()}", kind="FileError")
    if isinstance(error, OSError) and error.strerror is not None:  # a full disk behind stdout, no descriptors left
        return CommandError("SystemError", error.strerror.lower(), Exit.UNEXPECTED)
    text = str(error) or type(error).__name__
    return CommandError(
        "Internal", f"{type(error).__name__}: {text}; `--debug` shows where it happened", Exit.UNEXPECTED
    )
