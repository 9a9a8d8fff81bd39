"""What starts a run, read without believing it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from pydantic import ValidationError
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from policies.errors import Problem
from workflows.contracts.failures import FailureType
from workflows.contracts.run import RunInput

INPUT_VERSION = 1
SHOWN = 100

GRANTED = (
    *("policy", "tenants", "rights", "ledger", "lease", "grants", "permits", "approvals"),
    *("catalogue", "models", "tools", "card", "budget", "seal"),
)
"""What the worker gives. A run that brings one hopes that somebody believes it."""
LATER = ("root", "parent", "path", "depth", "ceiling", "limits", "forked_from", "prefix", "carry")
"""Fields of the wire that a start may not set: the carry is the workflow's own, the others are not there yet."""


def read_run(raw: object) -> RunInput:
    """The run input that a workflow was started with; typed failures for what is forged or malformed."""
    if not isinstance(raw, dict):
        raise invalid([Problem("run_input", "a run is started with one JSON object", "", 'send `{"graph": {...}}`')])
    forged = [name for name in GRANTED if name in raw] + [name for name in LATER if raw.get(name) is not None]
    if forged:
        listed = ", ".join(f"`{name}`" for name in forged)
        message = f"the run's input brings {listed}: that comes from the worker alone; leave it out"
        raise refused(FailureType.FORGED_INPUT, message, [Problem("forged", message, name) for name in forged])
    try:
        run = RunInput.model_validate(raw)
    except ValidationError as error:
        raise invalid([_problem(dict(fault)) for fault in error.errors(include_url=False)]) from None
    if run.v > INPUT_VERSION:
        message = f"version {run.v} of the run's input is newer than this worker, which reads {INPUT_VERSION}"
        raise invalid([Problem("run_input", message, "v", "update the worker")])
    return run


def _problem(fault: Mapping[str, object]) -> Problem:
    place = fault.get("loc")
    path = ".".join(str(part) for part in place) if isinstance(place, tuple) else ""
    return Problem("run_input", str(fault.get("msg", "is not valid")).lower(), path)


def invalid(problems: Sequence[Problem]) -> ApplicationError:
    """The failure of a document; its detail is the list of problems, warnings among them."""
    errors = [problem for problem in problems if problem.severity == "error"]
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return refused(FailureType.INVALID_DOCUMENT, f"{errors[0]}{more}", problems)


def refused(kind: FailureType, message: str, problems: Sequence[Problem] = ()) -> ApplicationError:
    """A typed failure of admission that is never retried."""
    found = problems or [Problem(kind.value, message)]
    return ApplicationError(
        message,
        [asdict(one) for one in found[:SHOWN]],
        type=kind.value,
        non_retryable=True,
        category=ApplicationErrorCategory.BENIGN,  # the run says it; the worker's log needs no traceback
    )
