"""The JSON Schema of one tenant of a policy."""

from __future__ import annotations

from policies.budget_document import RAISED, RUNGS
from policies.limits import SCOPES
from policies.loop_document import PAIRS, SINGLES, STEPS
from policies.model import Risk
from policies.risk import MODES
from policies.schema_parts import (
    ENTRIES,
    NULL,
    POSITIVE,
    TEXTS,
    amount,
    by_text,
    either,
    grants,
    limits,
    mapping,
    one_of,
)
from policies.window_document import COUNTED
from policies.windows import PERIODS


def tenant_schema() -> dict[str, object]:
    """What `tenants.<tenant>` may hold."""
    levels: dict[str, object] = {level.value: one_of(*MODES) for level in Risk}
    return mapping(
        {
            "namespaces": {**TEXTS, "minItems": 1},
            "task_queues": {**TEXTS, "minItems": 1},
            "allow": grants(),
            "deny": grants(),
            "grantable": grants(),
            "protected": TEXTS,
            "budgets": _budgets(),
            "risk": mapping({**levels, "tools": by_text(one_of(*Risk))}),
            "loop_guard": either(_loop(), NULL),
            "starters": either(ENTRIES, NULL),
        }
    )


def _budgets() -> dict[str, object]:
    window = mapping({**limits(COUNTED), "per": one_of(*PERIODS)})
    fraction: dict[str, object] = {"type": "number", "exclusiveMinimum": 0, "maximum": 1}
    return mapping(
        {
            **{scope: mapping(limits(words)) for scope, words in SCOPES.items()},
            "tenant": either(window, {"type": "array", "minItems": 1, "items": window}, NULL),
            "ladder": either(mapping(dict.fromkeys(RUNGS, either(fraction, NULL))), NULL),
            "downshift": by_text({"type": "string", "minLength": 1}),
            "max_raise": mapping({word: amount(word) for word in RAISED}),
        }
    )


def _loop() -> dict[str, object]:
    threshold = either(POSITIVE, NULL)
    pair = either(mapping(dict.fromkeys(STEPS, threshold)), NULL)
    return mapping({**dict.fromkeys(PAIRS, pair), **dict.fromkeys((*SINGLES, "polling_factor"), threshold)})
