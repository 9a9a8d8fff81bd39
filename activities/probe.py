"""Whether this worker has what a run lacks: a tool, a skill, a model, a key. It never says a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError
from temporalio import activity

from activities.failures import failure
from activities.models.catalogue import Catalogue
from activities.models.secret import resolve
from activities.skills import Shelf
from activities.tools.registry import Toolbox
from policies.errors import DocumentError
from workflows.contracts.failures import FailureType
from workflows.contracts.names import PROBE
from workflows.contracts.probe import Found, Wanted

TOOLS = frozenset({"tool", "tool_changed"})


@dataclass(frozen=True, slots=True)
class Stock:
    """What a worker has. `environ` is where keys are looked for."""

    toolbox: Toolbox
    catalogue: Catalogue
    shelf: Shelf
    environ: Mapping[str, str]


class Prober:
    """Looks, and gives the cards that runs pin."""

    def __init__(self, stock: Stock) -> None:
        self._stock = stock

    @activity.defn(name=PROBE)
    async def probe(self, raw: object) -> dict[str, object]:
        """A `Found` for a `Wanted`; typed failures for what is none, or is of another tenant's run."""
        tenant = (activity.info().workflow_id or "").partition("/")[0]
        found = await self.find(_read(raw, tenant))
        return found.model_dump(mode="json", exclude_none=True)

    async def find(self, wanted: Wanted) -> Found:
        """What there is at this moment; tools are looked for anew, in case their file has just been written."""
        if wanted.kind in TOOLS:
            return await self._tool(wanted.name)
        look = {"model": self._model, "credential": self._key, "skill": self._skill}.get(wanted.kind)
        return Found(failed=f"this worker cannot take in a `{wanted.kind}`") if look is None else look(wanted.name)

    async def _tool(self, name: str) -> Found:
        await self._stock.toolbox.refresh()
        tool = self._stock.toolbox.get(name)
        if tool is None:
            hint = "its log says what is wrong with files that do not load"
            return Found(failed=f"this worker has no tool `{name}`; {hint}")
        return Found(card=tool.card.model_dump(mode="json", exclude_defaults=True))

    def _model(self, alias: str) -> Found:
        entry = self._stock.catalogue.get(alias)
        if entry is None:
            known = ", ".join(f"`{one}`" for one in self._stock.catalogue.cards()) or "none"
            return Found(failed=f"this worker's models file has no alias `{alias}`; it has {known}")
        return Found(card=entry.card.model_dump(mode="json", exclude_defaults=True))

    def _key(self, alias: str) -> Found:
        """Whether the key is there; whether its provider takes it only a call can tell."""
        entry = self._stock.catalogue.get(alias)
        if entry is None:
            return self._model(alias)
        if entry.key is not None and resolve(entry.key, self._stock.environ) is None:
            return Found(failed=f"`{entry.key}` is not set where this worker runs; set it and start the worker anew")
        return Found()

    def _skill(self, name: str) -> Found:
        try:
            skill = self._stock.shelf.find(name)
        except DocumentError as error:
            said = "; ".join(problem.message for problem in error.problems)  # the place is the operator's business
            return Found(failed=f"skill `{name}` is not sound on this worker: {said}")
        if skill is None:
            return Found(failed=f"this worker has no skill `{name}`")
        return Found(card=skill.card.model_dump(mode="json", exclude_defaults=True))


def _read(raw: object, tenant: str) -> Wanted:
    try:
        wanted = Wanted.model_validate(raw)
    except ValidationError:
        message = f"what `{PROBE}` was asked does not parse: all workers of a task queue must be of one version"
        raise failure(FailureType.INTERNAL, message) from None
    if wanted.tenant != tenant:
        raise failure(FailureType.TENANT_NOT_ALLOWED, f"a run of tenant `{tenant}` asks for one of `{wanted.tenant}`")
    return wanted
