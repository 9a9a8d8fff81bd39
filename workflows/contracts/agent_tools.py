"""The tools that every agent may have and no directory brings: asking for what is missing, and loading skills."""

from __future__ import annotations

from typing import Any, Final

REQUEST_CAPABILITY: Final = "request_capability"
"""Answered by the engine, never by an activity (reference row 109)."""
LOAD_SKILL: Final = "load_skill"
REQUEST_DIGEST: Final = "0" * 12
"""Stands in a toolset where a tool's digest would: what the engine answers itself has no other version."""
REQUEST_KINDS: Final = ("tool", "skill", "mcp_server", "agent", "model", "capability")
REQUEST_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "description": (
        "Ask people for something that you lack: a tool, a skill, a capability. Say what you need it for. "
        "The work goes on once they have answered; what they decline is not to be had."
    ),
    "required": ["kind", "name", "reason"],
    "additionalProperties": False,
    "properties": {
        "kind": {"type": "string", "enum": list(REQUEST_KINDS)},
        "name": {"type": "string", "description": "such as `web.fetch`; `net:HOST` for a capability"},
        "reason": {"type": "string", "description": "what it is needed for"},
        "example_input": {"type": "object", "description": "arguments that it would be called with"},
    },
}
