"""From whatever a run was started with to an engine that can run it, or to the reason why not."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass

from pydantic import ValidationError
from temporalio import workflow
from temporalio.exceptions import CancelledError, FailureError

from policies.errors import DocumentError
from workflows.contracts.failures import ErrorInfo, FailureType
from workflows.contracts.names import ENGINE, SEAL_HEADER
from workflows.contracts.run import Carry, RunCard, RunInput
from workflows.engine.engine import Engine
from workflows.engine.machine import RunFacts
from workflows.engine.snapshots import VERSION as SNAPSHOT_VERSION
from workflows.language.compile import compile_graph
from workflows.shell import ending
from workflows.shell.perform import admit

WIRE_VERSION = 1


class OtherEngine(RuntimeError):
    """The run was begun by another engine: its task fails until a worker of that engine takes it."""


class NewerWire(RuntimeError):
    """What the run goes on from is of a later version: its task fails until a worker of that version takes it."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """A run that may begin or go on. `carried` tells the two apart; `told` are the attributes already upserted."""

    run_input: RunInput
    card: RunCard
    engine: Engine
    carried: bool
    told: dict[str, object]


async def open_run(raw: object) -> Admitted:
    """Admit a new run, or take up a carried one; refused runs end here with a typed failure.

    Whether a carry is the one that the history before sealed is the worker's to say, not ours: keys change, and
    what a workflow decides may not.
    """
    run_input = _parse(raw)
    told = await _admit(raw)
    if run_input.carry is not None:
        return _take_up(run_input)
    card = RunCard.model_validate(told)
    return Admitted(run_input, card, _engine(run_input, card, None), carried=False, told={})


def _parse(raw: object) -> RunInput:
    _refuse_newer("the run's input", raw, WIRE_VERSION)
    try:
        return RunInput.model_validate(raw)
    except ValidationError as error:
        message = f"the run's input does not parse: {first_fault(error)}; start runs with `detent run`"
        ending.refuse(ErrorInfo(type=FailureType.INVALID_DOCUMENT, message=message))


def _refuse_newer(what: str, value: object, known: int) -> None:
    version = value.get("v") if isinstance(value, dict) else None
    if isinstance(version, int) and version > known:
        raise NewerWire(f"{what} is version {version}, this worker reads {known}: deploy a newer worker")


def first_fault(error: ValidationError) -> str:
    """The first thing that is wrong with a value that was sent to us, and where."""
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"`{place}`: {first['msg'].lower()}" if place else "it is not one JSON object"


async def _admit(raw: object) -> object:
    try:
        return await admit(admit_request(raw))
    except CancelledError:
        raise asyncio.CancelledError from None
    except FailureError as error:  # of a local activity, so its own failure and not one around it
        ending.refuse(ending.admission_error(error))


def admit_request(raw: object) -> dict[str, object]:
    """The `AdmitRequest`. It is made without pydantic, which would copy the run's input."""
    info = workflow.info()
    seal = info.headers.get(SEAL_HEADER)
    parent = info.parent and {"workflow_id": info.parent.workflow_id, "run_id": info.parent.run_id}
    return {
        "v": WIRE_VERSION,
        "run": raw,
        "run_id": info.original_execution_run_id,
        "first_run_id": info.first_execution_run_id,
        "continued_run_id": info.continued_run_id,
        "parent": parent,
        "started_ms": int(info.workflow_start_time.timestamp() * 1000),
        "seal": seal and base64.b64encode(seal.data).decode(),
    }


def _take_up(run_input: RunInput) -> Admitted:
    _refuse_newer("the run's carry", run_input.carry, WIRE_VERSION)
    try:
        carry = Carry.model_validate(run_input.carry)
        _refuse_newer("the run's snapshot", carry.snapshot, SNAPSHOT_VERSION)
        engine = _engine(run_input, carry.card, carry.snapshot)
    except (ValidationError, ValueError, TypeError, KeyError, AttributeError) as error:
        message = f"the carry does not parse: {type(error).__name__}"
        ending.refuse(ErrorInfo(type=FailureType.FORGED_INPUT, message=message))
    return Admitted(run_input, carry.card, engine, carried=True, told=dict(carry.told))


def _engine(run_input: RunInput, card: RunCard, snapshot: dict[str, object] | None) -> Engine:
    info = workflow.info()
    facts = RunFacts(
        namespace=info.namespace,
        workflow_id=info.workflow_id,
        run_id=info.run_id,
        first_run_id=info.first_execution_run_id,
        input=run_input.input,
    )
    if card.engine != ENGINE:
        remedy = "deploy a worker of that version, or terminate the run and start it anew"
        raise OtherEngine(f"the run was begun by engine {card.engine}, and this worker has engine {ENGINE}: {remedy}")
    try:
        graph = compile_graph(run_input.graph)
    except DocumentError as error:
        ending.refuse(ErrorInfo(type=FailureType.INVALID_DOCUMENT, message=str(error)))
    return Engine(graph, card, facts) if snapshot is None else Engine.restore(graph, card, facts, snapshot)
