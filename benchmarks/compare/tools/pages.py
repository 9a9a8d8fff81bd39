"""The tool of our side: the next page of a report, another one for each call."""  # noqa: INP001 - an operator's file is in no package

from __future__ import annotations

from activities.tools.declare import Effect, Risk, ToolContext, tool
from benchmarks.compare import conversation


@tool(conversation.TOOL, effect=Effect.READ, risk=Risk.LOW, timeout="60s")
async def next_page(context: ToolContext, report: str) -> str:
    """Read the next page of the report."""
    return conversation.page(f"{report} {context.idempotency_key}")
