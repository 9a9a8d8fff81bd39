"""The composition root: from settings to everything that a worker runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from temporalio.worker import Worker

from activities.admit import CARRY_AFTER_EVENTS, Admission, Offer
from activities.approvals import standing
from activities.blobs_places import is_memory
from activities.control_paths import ControlPaths
from activities.dispatch import Dispatch, Reach
from activities.edge import Edge
from activities.models.catalogue import load_catalogue
from activities.probe import Prober, Stock
from activities.redaction import LEAST_CHARS
from activities.skills import NO_SKILLS, Shelf
from activities.tools.confine import Workspace
from activities.tools.reloading import LiveCards, LiveToolbox
from policies.errors import DocumentError, Problem
from worker.audit_key import audit_signer, require_signer
from worker.blob_directory import opened
from worker.connect import worker_identity
from worker.key_grants import check_key_grants
from worker.ledgers import leases_of
from worker.operator_files import load_policy, price_files
from worker.packages import OURS
from worker.redacting import redactor_of, short_secrets
from worker.sandbox import sandboxed
from worker.seal_key import fresh, require_seal_keys, seal_keys
from worker.sealing import Sealing
from workflows.registry import WORKFLOWS
from workflows.shell.heads import sign_with

if TYPE_CHECKING:
    from collections.abc import Mapping

    from temporalio.client import Client

    from activities.models.catalogue import Catalogue
    from activities.redaction import Redactor
    from activities.seal import SealKeys
    from policies.document import PolicyDocument
    from worker.audit_key import AuditSigner
    from worker.settings import Settings
    from workflows.contracts.run import ModelCard, ToolCard

HEARTBEAT_GRAIN = timedelta(milliseconds=100)
"""How often heartbeats reach the server at most, and how late a cancellation may be: streamed text is shown by them."""
STICKY_WAIT = timedelta(milliseconds=500)
"""How long a task waits for the worker that had its run: so long is a killed worker missed."""
DRAIN = timedelta(seconds=10)
CARRY_AFTER = "DETENT_CARRY_AFTER_EVENTS"
CARRY_LEAST, CARRY_MOST = 50, 50_000
"""A run that carries itself over too early never gets on; the server ends one whose history has 51,200 events."""
LOST_AT_THE_END = (
    "blobs are kept in this process's memory: when it ends, conversations and large values are lost, and effects that "
    "must not be repeated can be; clients do not see them: for trying things out only"
)
CODE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Composition:
    """A worker's parts, before there is a server. Without `seals` it can be looked at, and does not work."""

    settings: Settings
    namespace: str
    policy: PolicyDocument
    tools: Mapping[str, ToolCard]
    models: Mapping[str, ModelCard]
    catalogue: Catalogue
    admission: Admission
    prober: Prober
    toolbox: LiveToolbox
    dispatch: Dispatch
    redactor: Redactor
    skills: Shelf = NO_SKILLS
    unredacted: tuple[str, ...] = ()
    seals: SealKeys | None = None
    signer: AuditSigner | None = None

    def lines(self) -> tuple[str, ...]:
        """What an operator wants to see in the log of a worker that starts."""
        named = self.settings.policy or "built in"
        served = ", ".join(self.policy.tenants_for(self.namespace, self.settings.task_queue)) or "none"
        return (
            f"policy `{self.policy.name}` ({named}), digest {self.policy.digest[:16]}; tenants here: {served}",
            f"tools: {', '.join(self.tools)}",
            f"models: {', '.join(self.models)}",
            f"skills: {', '.join(self.skills.names()) or 'none'}",
            *(str(problem) for skill in self.skills.load() for problem in skill.document.warnings),
            f"workspace {self.settings.workspace}; blobs {self.settings.blobs}",
            *((LOST_AT_THE_END,) if is_memory(self.settings.blobs) else ()),
            *self.catalogue.warnings,
            *(
                f"`{name}` has under {LEAST_CHARS} characters, too few to redact: use a longer one"
                for name in self.unredacted
            ),
        )

    async def close(self) -> None:
        """Give up connections to model providers."""
        await self.catalogue.close()


def compose(found: Settings, namespace: str, environ: Mapping[str, str], seals: SealKeys | None = None) -> Composition:
    """Load and connect everything; `DocumentError` for whatever is wrong in the operator's files.

    `seals` are the deployment's keys; by default those that the environment names.
    """
    seals = seals or seal_keys(environ)
    policy = load_policy(found.policy)
    shelf = Shelf(found.skills)
    shelf.load()  # says everything that is wrong with any of them
    toolbox = LiveToolbox(found.tools, shelf=shelf)
    catalogue = load_catalogue(
        found.models, found.graph_models, environ=environ, price_of=policy.price, unpriced=policy.unpriced
    )
    check_key_grants(catalogue, policy, namespace, found.task_queue)
    tools, models = LiveCards(toolbox), catalogue.cards()
    files = (*catalogue.files, *price_files(found.policy, policy))
    edge = Edge(policy, namespace, control_paths(found, files), found.task_queue)
    redactor = redactor_of(catalogue, policy, environ, seals)
    blobs = opened(found.blobs)
    offer = Offer(policy, namespace, found.task_queue, tools, models, _carry_after(environ), shelf)
    reach = Reach(Workspace(found.workspace), toolbox, catalogue, edge, blobs, redactor)
    admission = Admission(offer, seals or fresh(), standing(blobs, namespace))
    toolbox.on_change(admission.forget)
    return Composition(
        settings=found,
        namespace=namespace,
        policy=policy,
        tools=tools,
        models=models,
        catalogue=catalogue,
        admission=admission,
        prober=Prober(Stock(toolbox, catalogue, shelf, environ)),
        toolbox=toolbox,
        dispatch=Dispatch(reach),
        redactor=redactor,
        skills=shelf,
        unredacted=short_secrets(catalogue, policy, environ),
        seals=seals,
        signer=audit_signer(environ),
    )


def _carry_after(environ: Mapping[str, str]) -> int:
    text = environ.get(CARRY_AFTER, "") or str(CARRY_AFTER_EVENTS)
    if not (text.isascii() and text.isdecimal() and CARRY_LEAST <= int(text[:9]) <= CARRY_MOST):
        message = f"`{text}` is not a whole number from {CARRY_LEAST} to {CARRY_MOST:,}"
        raise DocumentError((Problem("setting", message, CARRY_AFTER, f"leave it out for {CARRY_AFTER_EVENTS:,}"),))
    return int(text)


def control_paths(found: Settings, model_files: tuple[Path, ...] = ()) -> ControlPaths:
    """The worker's own files: what no tool may read, and what none may write."""
    files = (
        found.policy,
        found.models,
        found.graph_models,
        *model_files,
        *found.tools,
        *found.skills,
        *found.graphs,
        *(CODE / name for name in OURS),
    )
    blobs = (found.blobs,) if isinstance(found.blobs, Path) else ()
    closed = (*blobs, *found.keys, *(() if found.database is None else (found.database,)))
    return ControlPaths.of(closed=closed, fixed=tuple(path for path in files if path is not None))


def build_worker(client: Client, composition: Composition) -> Worker:
    """A worker of Temporal's with our workflow, the local activity that admits, and the one that calls.

    `DocumentError` without a seal key: such a worker would do what anybody asks. Likewise without the key that
    the policy wants heads of the audit to be signed with.
    """
    seals = require_seal_keys(composition.seals)
    require_signer(composition.policy, composition.signer)
    sign_with(composition.signer)
    leases = leases_of(client, composition.policy, seals)
    return Worker(
        client,
        task_queue=composition.settings.task_queue,
        workflows=WORKFLOWS,
        identity=worker_identity(),
        activities=[
            composition.admission.admit,
            composition.prober.probe,
            composition.dispatch.dispatch,
            leases.lease,
            leases.settle,
        ],
        workflow_runner=sandboxed(),
        interceptors=[Sealing(seals)],
        max_concurrent_activities=composition.settings.concurrency,
        max_heartbeat_throttle_interval=HEARTBEAT_GRAIN,
        default_heartbeat_throttle_interval=HEARTBEAT_GRAIN,
        sticky_queue_schedule_to_start_timeout=STICKY_WAIT,
        graceful_shutdown_timeout=DRAIN,
    )
