"""The run as people and programs see it: a projection of the state that changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from policies.units import NANO
from workflows.contracts.run import AuditView, BudgetView, NodeView, Phase, RunView, UsageView
from workflows.engine import bindings, leasing, spending
from workflows.engine.clock import rfc3339
from workflows.engine.pause_views import pause_views
from workflows.engine.questions import is_timed
from workflows.engine.queue import stuck
from workflows.engine.state import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from policies.model import Standing
    from workflows.contracts.run import NodeStatus
    from workflows.engine.machine import Machine
    from workflows.engine.state import Activation, Finished


def phase(m: Machine) -> Phase:
    """models-and-tools.md, "RunView": waiting means open pauses and nothing that moves without a person."""
    state = m.state
    if state.over and state.ending is not None:
        return state.ending.phase
    if state.held_by is not None:
        return "paused"
    moving = state.in_flight or (m.queue and not stuck(m)) or state.waits or state.ending is not None
    return "waiting" if state.pauses and not moving else "running"


def timers(m: Machine) -> dict[str, int]:
    """What must be running: wait nodes and the deadlines of pauses that do something when they pass."""
    due = {f"wait:{wait.activation}": wait.due_ms for wait in m.state.waits.values()}
    for pause in m.state.pauses.values():
        if pause.deadline_ms is not None and is_timed(pause):
            due[f"pause:{pause.id}"] = pause.deadline_ms
    if m.state.lease.again_ms is not None:
        due[leasing.TIMER] = m.state.lease.again_ms
    return due


@dataclass(frozen=True, slots=True)
class Glance:
    """A run at a moment, by reference: `finished` are the last activations that ended, of `ended` in all."""

    phase: Phase
    graph: str
    version: str
    finished: Sequence[Finished]
    ended: int
    live: Iterable[Activation]
    budget: Standing
    tenant: Standing | None


def glance(m: Machine) -> Glance:
    """Cheap however long the run is, because it is taken after every event."""
    return Glance(
        phase=phase(m),
        graph=m.graph.name,
        version=m.graph.version,
        finished=m.state.finished,
        ended=m.state.totals.finished,
        live=_visits(m),
        budget=m.ledgers[spending.RUN].standing(),
        tenant=leasing.tenant_standing(m),
    )


def run_view(m: Machine) -> RunView:
    """Everything a person may ask about the run."""
    state = m.state
    ending = state.ending
    return RunView(
        id=m.run.workflow_id,
        run_id=m.run.run_id,
        graph=m.graph.name,
        version=m.graph.version,
        graph_digest=m.graph.digest,
        tenant=m.card.tenant,
        phase=phase(m),
        output=None if ending is None else ending.output,
        error=None if ending is None else ending.error,
        usage=_usage(m),
        budget=_budget(m),
        nodes=tuple(_nodes(m)),
        refusals=tuple(state.refusals),
        pauses=tuple(pause_views(m)),
        state=_values(m),
        warnings=(*m.card.warnings, *state.warned, *leasing.trouble(m)),
        audit=AuditView(seq=state.audit.seq, head=state.audit.head),
        starter=m.card.starter,
        started_at=rfc3339(state.started_ms),
        ended_at=None if state.ended_ms is None else rfc3339(state.ended_ms),
    )


def _visits(m: Machine) -> list[Activation]:
    """The live visits of nodes: an agent's calls are not among them."""
    return [one for one in m.state.activations.values() if one.agent is None]


def _values(m: Machine) -> dict[str, object]:
    if m.state.ending is not None:
        return m.state.ending.values
    root = m.state.frames.get(ROOT)
    return {} if root is None else {name: bindings.find(m, root, name)[1] for name in m.graph.channels}


def _nodes(m: Machine) -> list[NodeView]:
    ended = [_node(done, done.status, done.ended_ms) for done in m.state.finished]
    return [*ended, *(_node(live, live.status, None) for live in _visits(m))]


def _node(visit: Activation | Finished, status: NodeStatus, ended_ms: int | None) -> NodeView:
    return NodeView(
        activation=visit.id,
        node=visit.node,
        kind=visit.kind,
        branch=visit.frame,
        visit=visit.visit,
        status=status,
        started_at=rfc3339(visit.started_ms),
        ended_at=None if ended_ms is None else rfc3339(ended_ms),
        summary=visit.summary,
    )


def _usage(m: Machine) -> UsageView:
    used = m.ledgers[spending.RUN].used
    return UsageView(
        tokens=used.tokens,
        input_tokens=m.state.totals.input_tokens,
        output_tokens=m.state.totals.output_tokens,
        cache_read_tokens=m.state.totals.cache_read_tokens,
        cache_write_tokens=m.state.totals.cache_write_tokens,
        cost_usd=used.cost_nano / NANO,
        steps=used.steps,
        tool_calls=used.tool_calls,
        elapsed_s=used.wall_ms / 1000,
        unpriced=tuple(sorted(alias for alias, card in m.card.models.items() if not card.priced)),
    )


UNITS = (
    ("tokens", "tokens", 1),
    ("cost_usd", "cost_nano", NANO),
    ("steps", "steps", 1),
    ("wall_clock", "wall_ms", 1000),
    ("tool_calls", "tool_calls", 1),
)
"""The units that people use, the ledger's, and how many of the second make one of the first."""


def _budget(m: Machine) -> dict[str, BudgetView]:
    """The run's budget; `execution` is that of the live activation that has used the most tokens."""
    scopes = {"lifetime": m.ledgers[spending.RUN].standing()}
    live = [ledger.standing() for name, ledger in m.ledgers.items() if name != spending.RUN]
    if live:
        scopes["execution"] = max(live, key=lambda standing: standing.used.tokens + standing.reserved.tokens)
    found = {scope: _budget_view(standing) for scope, standing in scopes.items()}
    over = m.ledgers[spending.RUN].overrun
    beyond = {name: _in(getattr(over, field), unit) for name, field, unit in UNITS if getattr(over, field)}
    found["lifetime"] = found["lifetime"].model_copy(update={"overrun": beyond})
    tenant = leasing.tenant_standing(m)
    if tenant is not None:
        leased = {name: _in(getattr(leasing.held(m), field), unit) for name, field, unit in UNITS}
        found["tenant"] = _budget_view(tenant).model_copy(update={"leased": leased})
    return found


def _budget_view(standing: Standing) -> BudgetView:
    limit = {name: getattr(standing.limit, field) for name, field, _ in UNITS}
    return BudgetView(
        limit={name: None if limit[name] is None else _in(limit[name], unit) for name, _, unit in UNITS},
        used={name: _in(getattr(standing.used, field), unit) for name, field, unit in UNITS},
        reserved={name: _in(getattr(standing.reserved, field), unit) for name, field, unit in UNITS},
    )


def _in(amount: int, unit: int) -> int | float:
    return amount if unit == 1 else amount / unit
