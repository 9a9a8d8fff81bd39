"""Every name that Temporal and other programs see. They are recorded in histories, so they never change."""

from __future__ import annotations

WORKFLOW = "AgentLifetime"
ADMIT = "run.admit"
PROBE = "run.probe"
TASK_QUEUE = "detent"

UPDATE_ANSWER = "answer"
SIGNAL_ANSWER = "answer"
UPDATE_PAUSE = "pause"
UPDATE_RESUME = "resume"
UPDATE_CANCEL = "cancel"
UPDATE_REPIN = "repin"
UPDATE_STEER = "steer"
UPDATE_CANCEL_CALL = "cancel_call"
QUERY_VIEW = "view"
QUERY_PAUSES = "pauses"

LEDGER = "TenantLedger"
LEDGER_QUEUE = "detent.ledger"
"""The ledgers of a namespace have a queue of their own: a run keeps its place in a worker while it asks its ledger."""
UPDATE_BATCH = "batch"
QUERY_BOOK = "book"
LEASE = "tenant.lease"
SETTLE = "tenant.settle"
LEASES = frozenset({LEASE, SETTLE})

SA_GRAPH = "DetentGraph"
SA_PHASE = "DetentPhase"
SA_TENANT = "DetentTenant"
SA_PENDING = "DetentPending"
SA_COST_USD = "DetentCostUsd"
SA_TOKENS = "DetentTokens"
SEARCH_ATTRIBUTES: tuple[tuple[str, str], ...] = (
    (SA_GRAPH, "Keyword"),
    (SA_PHASE, "Keyword"),
    (SA_TENANT, "Keyword"),
    (SA_PENDING, "Int"),
    (SA_COST_USD, "Double"),
    (SA_TOKENS, "Int"),
)

MEMO_RESULT = "detent_result"
MEMO_AUDIT = "detent_audit"
SEAL_HEADER = "detent-seal"
HISTORY_HEADER = "detent-history"
ENGINE = 2
"""The engine number: it goes into every decision digest, and a run keeps the one it was started with.

2: the whole policy layer. A run of engine 1 had neither seal nor audit, and no worker of this engine goes on with it.
"""


def workflow_id(tenant: str, graph: str, key: str) -> str:
    """The id of a run, `tenant/graph/key`."""
    return f"{tenant}/{graph}/{key}"


def ledger_id(tenant: str) -> str:
    """The workflow id of a tenant's ledger; no run has one of this form, because `TenantLedger` is not its type."""
    return f"detent/tenant/{tenant}"
