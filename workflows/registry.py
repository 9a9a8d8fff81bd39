"""What a worker registers of the deterministic half."""

from __future__ import annotations

from workflows.shell.agent_lifetime import AgentLifetime

WORKFLOWS = (AgentLifetime,)
