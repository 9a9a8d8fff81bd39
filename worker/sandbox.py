"""How workflow code is isolated: Temporal's sandbox, with our pure packages passed through."""

from __future__ import annotations

from temporalio.worker import UnsandboxedWorkflowRunner, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

PURE = ("policies", "workflows.contracts", "workflows.language", "workflows.engine")
"""Ours: tests and import contracts keep clocks, randomness and I/O out of them, so the sandbox need not."""

SHELL = ("workflows.shell", "workflows.ledger")
"""What awaits. An import contract forbids it the same modules, at the price of nothing; loading it again for
every run costs 2 ms for the workflow's own module and 9 ms for all. What is left to the sandbox are built-ins
(`open`, `input`) and whatever is imported while a run goes on."""

LIBRARIES = (
    "_cffi_backend",
    "annotated_types",
    "attr",
    "attrs",
    "cel_expr_python",
    "cryptography",
    "jsonschema",
    "jsonschema_specifications",
    "pydantic",
    "pydantic_core",
    "referencing",
    "rfc8785",
    "rpds",
    "typing_extensions",
    "yaml",
)
"""What they import. Loading these again for every run costs 25 ms and a megabyte; C extensions refuse it.
`cryptography` more than that: loaded again, it ends the process at the first signature that does not hold."""


def sandboxed() -> WorkflowRunner:
    """The runner of workers: what is not passed through is loaded anew for each run and may not touch the world."""
    return SandboxedWorkflowRunner(
        restrictions=SandboxRestrictions.default.with_passthrough_modules(*PURE, *SHELL, *LIBRARIES)
    )


def unsandboxed() -> WorkflowRunner:
    """The runner without isolation: a second opinion for replay, never for work."""
    return UnsandboxedWorkflowRunner()
