"""The run as the Temporal UI shows it under "User Metadata": a page of Markdown."""

from __future__ import annotations

import hashlib
import json
import re
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING

from policies.plain_text import plain
from workflows.engine.summaries import short
from workflows.engine.views import UNITS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from policies.model import Standing
    from workflows.contracts.pause import AskedCall, PauseView
    from workflows.engine.engine import Engine
    from workflows.engine.state import Activation, Finished
    from workflows.engine.views import Glance

MAX_ROWS = 100
MAX_PAUSES = 25
CELL_CHARS = 200
SHOWN_BYTES, HEAD_CHARS, TAIL_CHARS = 2048, 1200, 400
GAP = "\u2003"
"""The Temporal UI draws tables without padding, so each cell brings its own."""
LABELS = {"wall_clock": "wall_clock (s)"}
MARKS = {"ok": "done", "failed": "FAILED"}
_SPECIAL = str.maketrans({char: f"\\{char}" for char in "\\`*_{}[]<>()#+-.!|~&"})
_ADDRESS = re.compile(r"://|www\.|[^ ]@[^ ]", re.IGNORECASE)


class Display:
    """Makes the page anew after every event, so it keeps the rows of what has ended and never looks back."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._rows: deque[str] = deque(maxlen=MAX_ROWS)
        self._seen = 0
        self._asked: tuple[tuple[str, int], ...] = ()
        self._pauses: list[str] = []

    def page(self) -> str:
        """Phase, open pauses with the JSON that answers each, budget, and at most 100 rows of nodes."""
        now = self._engine.glance()
        fresh = now.ended - self._seen
        if fresh:
            self._rows.extend(_row(done, MARKS.get(done.status, done.status)) for done in now.finished[-fresh:])
            self._seen = now.ended
        parts = [f"**{now.graph}@{_cell(now.version)}** is **{now.phase}**", *self._open_pauses()]
        tenant = [] if now.tenant is None else [_budget(now.tenant, "tenant")]
        return "\n\n".join([*parts, _budget(now.budget, "run"), *tenant, self._nodes(now)])

    def _open_pauses(self) -> list[str]:
        """Written once for each state of the questions that are open."""
        asked = self._engine.questions()
        if asked != self._asked:
            self._asked, self._pauses = asked, _pauses(self._engine.pauses())
        return self._pauses

    def _nodes(self, now: Glance) -> str:
        head = ["| activation | kind | status | |", "|---|---|---|---|"]
        live = [_row(visit, visit.status) for visit in islice(now.live, MAX_ROWS)]
        kept = list(islice(self._rows, max(0, len(self._rows) + len(live) - MAX_ROWS), None))
        left = now.ended - len(kept)
        return "\n".join([*head, *kept, *live]) + (f"\n\n{left} earlier rows are in the history" if left else "")


def _row(visit: Activation | Finished, mark: str) -> str:
    return f"| {_cell(visit.id)}{GAP} | {visit.kind}{GAP} | {mark}{GAP} | {_cell(visit.summary)} |"


def _pause(pause: PauseView) -> str:
    until = "" if pause.deadline is None else f" (until {pause.deadline}, then {pause.on_timeout})"
    lines = [f"### {pause.id} waits for you{until}", _ask(pause.ask), *_people(pause)]
    if pause.call is not None:
        lines.append(f"call `{_code(pause.call.name)}`, arguments SHA-256 `{pause.call.args_digest[:16]}`")
        lines.append(_arguments(pause.call))
    if pause.show is not None:
        lines.append(fence(pause.show))
    return "\n\n".join([*lines, *_answers(pause)])


def _pauses(pauses: list[PauseView]) -> list[str]:
    more = len(pauses) - MAX_PAUSES
    shown = [_pause(pause) for pause in pauses[:MAX_PAUSES]]
    return [*shown, f"{more} more pauses wait: `detent pending` lists them"] if more > 0 else shown


def _ask(text: str) -> str:
    """What is asked: on one line if it is short, else in a fence, as all of it may matter."""
    return fence(text) if len(text) > CELL_CHARS or "\n" in text else _cell(text)


def _people(pause: PauseView) -> list[str]:
    """Who may answer, how many it takes, and who has."""
    lines = []
    if pause.answerers or pause.not_starter:
        who = " or ".join(pause.answerers) or "anyone"
        lines.append(_cell(f"may answer: {who}{', but not whoever started the run' if pause.not_starter else ''}"))
    if pause.quorum > 1:
        said = f"; so far: {', '.join(pause.answered_by)}" if pause.answered_by else ""
        lines.append(_cell(f"{pause.quorum} of them must say the same{said}"))
    if pause.lacks:
        lines.append(_cell(f"grants: {', '.join(pause.lacks)}"))
    return lines


def _answers(pause: PauseView) -> list[str]:
    """The JSON that answers a pause; nothing on this page can sign."""
    if pause.signed:
        outcomes = ", ".join(f"`{outcome}`" for outcome in pause.outcomes)
        command = f"detent answer RUN {pause.id} OUTCOME --as ID --key-file FILE"
        return [f"Answers must be signed: `{command}` with one of {outcomes}; digest `{pause.digest}`"]
    who = {"v": 1, "pause": pause.id}
    answers = [
        json.dumps({**who, "outcome": outcome, "by": "you", **_data(pause, outcome), "digest": pause.digest})
        for outcome in pause.outcomes
    ]
    return ["Send one of these as update `answer`:", fence("\n".join(answers))]


def _arguments(call: AskedCall) -> str:
    if call.args is None:
        return f"{call.args_bytes:,} bytes of arguments are too many to show: see the run's history"
    return fence(json.dumps(call.args, ensure_ascii=True, indent=1, sort_keys=True))


def _data(pause: PauseView, outcome: str) -> dict[str, object]:
    if pause.form is not None:
        return {"data": _example(pause.form)}
    return {"data": {"result": None}} if (pause.trigger, outcome) == ("on_uncertain", "complete") else {}


def _example(form: Mapping[str, object]) -> object:
    """Something to write over: of each required entry of a form, what kind of value it takes."""
    properties, required = form.get("properties"), form.get("required")
    if not isinstance(properties, dict) or not isinstance(required, list):
        return _placeholder({"type": "object", **form})
    return {str(name): _placeholder(properties.get(name)) for name in required}


def _placeholder(rule: object) -> object:
    if not isinstance(rule, dict):
        return None
    choices = rule.get("enum")
    if isinstance(choices, list) and choices:
        return choices[0]
    kinds: dict[object, object] = {
        "string": "...",
        "integer": 0,
        "number": 0,
        "boolean": False,
        "array": [],
        "object": {},
    }
    return kinds.get(rule.get("type"))


def _budget(budget: Standing, owner: str) -> str:
    rows = [f"| budget of the {owner} | used | reserved | limit |", "|---|---|---|---|"]
    for name, field, unit in UNITS:
        limit = getattr(budget.limit, field)
        top = "none" if limit is None else f"{limit / unit:,.12g}"
        used, held = getattr(budget.used, field), getattr(budget.reserved, field)
        rows.append(f"| {LABELS.get(name, name)}{GAP} | {used / unit:,.12g}{GAP} | {held / unit:,.12g}{GAP} | {top} |")
    return "\n".join(rows)


def fence(text: str) -> str:
    """Text from outside inside a fence longer than any in it; over 2 KB head and tail around its size and SHA-256."""
    safe = plain(_shortened(text), "\n")
    ticks = "`" * max(3, _longest_run(safe) + 1)
    return f"{ticks}\n{safe}\n{ticks}"


def _shortened(text: str) -> str:
    data = text.encode("utf-8", "surrogatepass")
    if len(data) <= SHOWN_BYTES:
        return text
    middle = f"… {len(data):,} bytes in all, SHA-256 {hashlib.sha256(data).hexdigest()} …"
    return f"{text[:HEAD_CHARS]}\n{middle}\n{text[-TAIL_CHARS:]}"


def _longest_run(text: str) -> int:
    longest = run = 0
    for char in text:
        run = run + 1 if char == "`" else 0
        longest = max(longest, run)
    return longest


def _cell(text: str) -> str:
    """Text as one cell of a table: one line, nothing in it is markup.

    The Temporal UI makes links of what looks like an address, however it is escaped, except within code.
    """
    line = short(text, CELL_CHARS)
    return _code_span(line) if _ADDRESS.search(line) else line.translate(_SPECIAL)


def _code_span(line: str) -> str:
    ticks = "`" * (_longest_run(line) + 1)
    return f"{ticks} {line.replace('|', chr(0xA6))} {ticks}"


def _code(text: str) -> str:
    return short(text).replace("`", "'")
