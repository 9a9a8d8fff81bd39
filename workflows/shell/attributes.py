"""Search attributes, upserted only where the phase or the number of open pauses changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from temporalio import workflow
from temporalio.common import SearchAttributeKey

from workflows.contracts import names
from workflows.shell import heads

if TYPE_CHECKING:
    from workflows.contracts.run import RunView
    from workflows.engine.engine import Engine

GRAPH = SearchAttributeKey.for_keyword(names.SA_GRAPH)
PHASE = SearchAttributeKey.for_keyword(names.SA_PHASE)
TENANT = SearchAttributeKey.for_keyword(names.SA_TENANT)
PENDING = SearchAttributeKey.for_int(names.SA_PENDING)
COST_USD = SearchAttributeKey.for_float(names.SA_COST_USD)
TOKENS = SearchAttributeKey.for_int(names.SA_TOKENS)


class Attributes:
    """Remembers what was told to the server, so that nothing is told twice."""

    def __init__(self, told: dict[str, object], *, audited: bool = False) -> None:
        self._audited = audited
        self.told = told or {"phase": workflow.info().typed_search_attributes.get(PHASE), "pending": 0}

    def tell(self, engine: Engine) -> None:
        """Upsert what has changed; nothing while only calls come and go.

        A pause that opens puts the head of the audit into the memo, and the end of a run that was paused does.
        """
        before = self.told
        self.told = {"phase": engine.phase, "pending": engine.pauses_open, "asked": engine.pauses_asked}
        if any(self.told[name] != before.get(name) for name in ("phase", "pending")):
            self._upsert(engine.view())
        if self._audited and self._told_anew(before, over=engine.over):
            heads.tell(engine)

    def _told_anew(self, before: dict[str, object], *, over: bool) -> bool:
        asked = before.get("asked", 0)
        return self.told["asked"] != asked or (over and self.told != before and asked != 0)

    def _upsert(self, view: RunView) -> None:
        workflow.upsert_search_attributes(
            [
                GRAPH.value_set(view.graph),
                PHASE.value_set(view.phase),
                TENANT.value_set(view.tenant),
                PENDING.value_set(len(view.pauses)),
                COST_USD.value_set(round(view.usage.cost_usd, 9)),
                TOKENS.value_set(view.usage.tokens),
            ]
        )
