"""The first command of every run: what the worker knows and a run may not bring with it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, fields
from functools import cache
from importlib.metadata import version

from pydantic import ValidationError
from temporalio import activity

from activities.lineage import check_carry, check_parent, is_carried
from activities.models.pricing import unpriced_warning
from activities.models.reachable import idle_fallbacks
from activities.named import Named, missing, named_by, skill_cards
from activities.run_input import invalid, read_run, refused
from activities.seal import SealKeys, admission_claim, as_text, digest_of
from activities.secret_check import check_secrets
from activities.skills import NO_SKILLS, Shelf
from activities.starting import find_starter
from policies.budget import Limits
from policies.canonical import NotCanonical, canonical, digest
from policies.document import PolicyDocument
from policies.errors import DocumentError, Problem
from policies.tenant import TenantPolicy
from workflows.contracts.admission import AdmitRequest
from workflows.contracts.calls import Permit
from workflows.contracts.failures import FailureType
from workflows.contracts.names import ADMIT, ENGINE
from workflows.contracts.run import ModelCard, RunCard, RunInput, ToolCard
from workflows.language.compile import compile_graph
from workflows.language.graph import Graph
from workflows.language.schema import validate_value
from workflows.language.validate import check_graph

CARRY_AFTER_EVENTS = 10_000
CACHED_GRAPHS = 128
INPUT_LIMIT_BYTES = 1024 * 1024
"""The largest input of a run, as canonical JSON: a value that no call could be given is no use to a run."""

ReadApprovals = Callable[[TenantPolicy, RunCard], Awaitable[tuple[Permit, ...]]]
"""The standing approvals of a tenant that this run's calls may rest on, as the blob store has them."""


async def no_approvals(tenant: TenantPolicy, card: RunCard) -> tuple[Permit, ...]:
    """What there is where nothing keeps any."""
    del tenant, card
    return ()


@dataclass(frozen=True, slots=True)
class Offer:
    """What this worker has for runs: its policy, its tools and models by name, and where it works."""

    policy: PolicyDocument
    namespace: str
    task_queue: str
    tools: Mapping[str, ToolCard]
    models: Mapping[str, ModelCard]
    carry_after_events: int = CARRY_AFTER_EVENTS
    skills: Shelf = NO_SKILLS


@dataclass(frozen=True, slots=True)
class _Checked:
    """A valid graph, with the warnings that came with it."""

    graph: Graph
    warnings: tuple[str, ...]


class Admission:
    """Admits runs. Graphs that were found valid are remembered by digest, until the worker's tools change.

    What it says is sealed, so that no other worker's word passes for it (`worker.sealing`).
    """

    def __init__(self, offer: Offer, seals: SealKeys, read_approvals: ReadApprovals = no_approvals) -> None:
        self._offer = offer
        self._seals = seals
        self._read_approvals = read_approvals
        self._checked: dict[tuple[str, bool, tuple[str, ...]], _Checked] = {}

    def forget(self) -> None:
        """Check graphs anew: the worker's tools have changed."""
        self._checked.clear()

    @activity.defn(name=ADMIT)
    async def admit(self, raw: object) -> dict[str, object]:
        """The run card, or for a carried run only the seal; typed failures that are never retried.

        The problems of a document are the detail of its failure.
        """
        info = activity.info()
        workflow_id = info.workflow_id or ""
        result = await self.answer(_read_request(raw), workflow_id)
        claim = admission_claim(
            namespace=info.namespace, workflow_id=workflow_id, request=digest_of(raw), result=result
        )
        return {**result, "seal": as_text(self._seals.seal("admission", claim))}

    async def answer(self, request: AdmitRequest, workflow_id: str) -> dict[str, object]:
        """What a run is told, without Temporal and without the seal."""
        namespace = self._offer.namespace
        if is_carried(request):
            check_carry(request, self._seals, namespace, workflow_id)
            return {"v": request.v}
        check_parent(request, self._seals, namespace, workflow_id)
        card = self.card(request.run, workflow_id, request.started_ms)
        tenant = self._offer.policy.tenants[card.tenant]
        card = card.model_copy(update={"approvals": await self._read_approvals(tenant, card)})
        return {"v": card.v, **card.model_dump(mode="json", exclude_defaults=True)}

    def card(self, raw: object, workflow_id: str, started_ms: int = 0) -> RunCard:
        """The run card for the run input of a workflow."""
        run = read_run(raw)
        tenant = self._tenant(run, workflow_id)
        let_pass = check_secrets(run, tenant)
        checked = self._check(run)
        _check_id(checked.graph, workflow_id)
        _check_input(checked.graph, run.input)
        names = named_by(checked.graph, tenant.downshift, self._offer.models)
        skills = skill_cards(self._offer.skills, names.skills)
        starter = find_starter(
            run, tenant, namespace=self._offer.namespace, workflow_id=workflow_id, started_ms=started_ms
        )
        return RunCard(
            engine=ENGINE,
            tenant=tenant.name,
            policy=tenant.to_document(),
            policy_digest=tenant.digest,
            tools={name: card for name, card in self._offer.tools.items() if name in names.tools},
            models={name: card for name, card in self._offer.models.items() if name in names.models},
            skills=skills,
            missing=self._missing(checked.graph, skills) if run.allow_gaps else (),
            expressions=_expression_engine(),
            carry_after_events=self._offer.carry_after_events,
            warnings=(
                *checked.warnings,
                *_clipped(checked.graph.limits, tenant.lifetime),
                *self._unpriced(names),
                *self._unmovable(names, tenant.downshift),
                *idle_fallbacks(checked.graph, self._offer.models),
                *let_pass,
            ),
            starter=starter,
            audited=True,
        )

    def _missing(self, graph: Graph, skills: Collection[str]) -> tuple[str, ...]:
        """What the graph itself names; where a ladder leads that is not there, calls just stay."""
        return missing(named_by(graph, {}, {}), self._offer.tools, self._offer.models, skills)

    def _unpriced(self, names: Named) -> list[str]:
        named = [card for name, card in self._offer.models.items() if name in names.models]
        return [unpriced_warning(card.alias) for card in named if not card.priced]

    def _unmovable(self, names: Named, downshift: Mapping[str, str]) -> list[str]:
        missing = [
            (alias, to) for alias, to in downshift.items() if alias in names.models and to not in self._offer.models
        ]
        return [f"downshift: `{to}` is not a model of this worker, so calls of `{alias}` stay" for alias, to in missing]

    def _tenant(self, run: RunInput, workflow_id: str) -> TenantPolicy:
        name = workflow_id.partition("/")[0]
        if run.tenant is not None and run.tenant != name:
            message = f"the run asks for tenant `{run.tenant}`, but its id `{workflow_id}` is of tenant `{name}`"
            raise refused(FailureType.TENANT_NOT_ALLOWED, message)
        served = self._offer.policy.tenants_for(self._offer.namespace, self._offer.task_queue)
        tenant = self._offer.policy.tenant(name)
        if tenant is None or name not in served:
            known = ", ".join(f"`{one}`" for one in served) or "none"
            place = f"namespace `{self._offer.namespace}`, task queue `{self._offer.task_queue}`"
            message = f"tenant `{name}` is not served in {place}: the policy has {known} here; choose with `--tenant`"
            raise refused(FailureType.TENANT_NOT_ALLOWED, message)
        return tenant

    def _check(self, run: RunInput) -> _Checked:
        try:
            key = (digest(run.graph), run.allow_gaps, self._offer.skills.names())
        except NotCanonical as error:
            raise invalid([Problem("graph", f"the graph is not JSON: {error}", "graph")]) from None
        if key not in self._checked:
            if len(self._checked) >= CACHED_GRAPHS:
                self._checked.clear()
            self._checked[key] = self._validated(run)
        return self._checked[key]

    def _validated(self, run: RunInput) -> _Checked:
        offer = self._offer
        problems = check_graph(
            run.graph,
            tools=offer.tools,
            models=offer.models,
            skills=offer.skills.names(),
            allow_gaps=run.allow_gaps,
        )
        if any(problem.severity == "error" for problem in problems):
            raise invalid(problems)
        try:
            return _Checked(compile_graph(run.graph), tuple(str(problem) for problem in problems))
        except DocumentError as error:
            raise invalid(error.problems) from None


def _read_request(raw: object) -> AdmitRequest:
    try:
        return AdmitRequest.model_validate(raw)
    except ValidationError:
        message = "what `run.admit` was asked does not parse: all workers of a task queue must be of one version"
        raise refused(FailureType.INTERNAL, message) from None


def _check_id(graph: Graph, workflow_id: str) -> None:
    parts = workflow_id.split("/", 2)
    if len(parts) == 3 and all(parts) and parts[1] == graph.name:  # noqa: PLR2004 - tenant, graph, key
        return
    message = f"the workflow's id `{workflow_id}` is not of the form `tenant/{graph.name}/key`"
    raise invalid([Problem("workflow_id", message, "", "start runs with `detent run`, or with an id of that form")])


def _check_input(graph: Graph, given: object) -> None:
    try:
        size_bytes = len(canonical(given))
    except NotCanonical as error:
        raise invalid([Problem("input", f"the input is not JSON: {error}", "input")]) from None
    if size_bytes > INPUT_LIMIT_BYTES:
        message = f"the input has {size_bytes:,} bytes, over the limit of {INPUT_LIMIT_BYTES:,}"
        raise invalid([Problem("input", message, "input", "put large data in files and pass paths")])
    if graph.input_schema is None:
        return
    faults = validate_value(graph.input_schema, given)
    if faults:
        raise invalid([Problem("input", fault, "input") for fault in faults])


def _clipped(asked: Limits, given: Limits) -> list[str]:
    clipped = []
    for unit in fields(Limits):
        wanted, most = getattr(asked, unit.name), getattr(given, unit.name)
        if wanted is not None and most is not None and wanted > most:
            clipped.append(f"budget.{unit.name}: the graph asks for {wanted:,}, the policy gives {most:,}: clipped")
    return clipped


@cache
def _expression_engine() -> str:
    """The expression engine and its version, which replay depends on; asking the installation takes a millisecond."""
    return f"cel-expr-python/{version('cel-expr-python')}"
