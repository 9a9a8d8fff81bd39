"""What a worker registers of the deterministic half."""

from __future__ import annotations

from workflows.ledger.tenant_ledger import TenantLedger
from workflows.shell.agent_lifetime import AgentLifetime

WORKFLOWS = (AgentLifetime,)
LEDGERS = (TenantLedger,)
"""What a worker registers on the queue of the ledgers."""
