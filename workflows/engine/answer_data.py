"""What an answer may bring with it: the form of a human node, or what its outcome needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.canonical import NotCanonical, canonical
from policies.limits import WORDS, read_amounts
from policies.model import Trigger
from policies.reading import Reader
from policies.rungs import NAMES
from policies.secrets import scan
from workflows.engine.gap_offers import PROVIDE, SUBSTITUTE, substitutes
from workflows.engine.gaps import of_pause
from workflows.engine.offers import RAISE, raisable
from workflows.engine.providing import name_of
from workflows.language.schema import validate_value

if TYPE_CHECKING:
    from collections.abc import Callable

    from workflows.contracts.pause import Answer
    from workflows.engine.machine import Machine
    from workflows.engine.state import PauseState

MAX_DATA_BYTES = 1024 * 1024
MAX_GUIDANCE = 8 * 1024
"""Characters of guidance, which a model reads as one more part of its prompt."""


def why_oversized(answer: Answer) -> str | None:
    """Why no pause could take the data: it is no JSON, or too much."""
    try:
        size = len(canonical(answer.data))
    except NotCanonical as error:
        return f"data is not JSON: {error}"
    return f"data has {size:,} bytes; at most {MAX_DATA_BYTES:,} are taken" if size > MAX_DATA_BYTES else None


def why_secret(m: Machine, answer: Answer) -> str | None:
    """Why no pause may take the data: a secret seems to stand in it, which history would keep."""
    found = scan(answer.data, root="answer", allow_paths=m.policy.secret_paths)
    if not found:
        return None
    return f"`{found[0].path}` looks like a secret ({found[0].kind}): answer with a reference, `env:NAME`"


def why_unfit_data(m: Machine, pause: PauseState, answer: Answer) -> str | None:
    """Why this pause cannot take the data with this outcome; null when it can."""
    if Trigger.HUMAN_NODE in pause.triggers:
        faults = [] if pause.form is None else validate_value(pause.form, answer.data)
        return f"data does not fit the form: {'; '.join(faults)}" if faults else None
    judge = _JUDGES.get(answer.outcome)
    if judge is not None:
        return judge(m, pause, answer.data)
    return None if answer.data is None else f"outcome `{answer.outcome}` takes no data"


def amounts_of(data: object) -> dict[str, int] | None:
    """What `raise` asks for, in the ledger's units; null where it is not amounts by unit."""
    reader = Reader()
    found = read_amounts(reader, data, "data", tuple(WORDS))
    return None if reader.problems or not found else found


def guidance_of(data: object) -> str | None:
    """The guidance that comes with `retry`, null for none."""
    return str(data["guidance"]) if isinstance(data, dict) else None


def _result(m: Machine, pause: PauseState, data: object) -> str | None:
    del m, pause
    fits = isinstance(data, dict) and set(data) == {"result"}
    return None if fits else 'data must be {"result": ...}, the result that the call would have had'


def _guidance(m: Machine, pause: PauseState, data: object) -> str | None:
    if data is None:
        return None
    text = data["guidance"] if isinstance(data, dict) and set(data) == {"guidance"} else None
    if not isinstance(text, str) or not 0 < len(text) <= MAX_GUIDANCE:
        return f'data must be {{"guidance": "..."}} with at most {MAX_GUIDANCE:,} characters, or left out'
    call = None if pause.call is None else m.state.calls[pause.call]
    if call is None or call.kind != "model":
        return "guidance is for a model, and no model call is waiting to be made again; answer `retry` without data"
    return None


def _amounts(m: Machine, pause: PauseState, data: object) -> str | None:
    more = amounts_of(data)
    if more is None:
        return 'data must say how much more of what, such as {"cost_usd": 5}'
    left = raisable(m, pause.rungs)
    over = [NAMES[unit] for unit in more if more[unit] > left.get(unit, 0)]
    return f"`{'`, `'.join(over)}`: that is more than `budgets.max_raise` leaves" if over else None


def _probe(m: Machine, pause: PauseState, data: object) -> str | None:
    gap = of_pause(m, pause)
    if gap is not None and gap.probing:
        return "a worker is looking for it already: wait until it has"
    return None if data is None else "`provide` takes no data: what is provided is put where the worker looks for it"


def _substitute(m: Machine, pause: PauseState, data: object) -> str | None:
    gap = of_pause(m, pause)
    others = () if gap is None else [name for name in substitutes(m, gap.kind) if name != gap.name]
    name = name_of(data)
    if not name:
        return f'data must be {{"name": "..."}}, one of {", ".join(others)}'
    if name in others:
        return None
    return f"the run has no `{name}` that could stand for it; it has {', '.join(others)}"


_JUDGES: dict[str, Callable[[Machine, PauseState, object], str | None]] = {
    "complete": _result,
    "retry": _guidance,
    RAISE: _amounts,
    PROVIDE: _probe,
    SUBSTITUTE: _substitute,
}
