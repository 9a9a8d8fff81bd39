"""A pause for people: the line that asks comes first and from us, what comes from outside stands fenced below."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from rich.text import Text

from cli.render.text import fence, json_text, line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workflows.contracts.pause import GapView, PauseView

WIDTH = 9


def pause_lines(pause: PauseView, run: str, *, full: bool = False, how: bool = True) -> list[Text]:
    """All of a pause; with `how`, the command that answers it."""
    lines = [title(pause), *_facts(pause)]
    for label, text in _outside(pause):
        lines.append(Text(label, style="dim"))
        lines += [Text(part) for part in fence(text, full=full)]
    if how:
        lines.append(_fact("answer", how_to_answer(pause, run)))
    return lines


def gap_lines(gap: GapView, run: str, *, full: bool = False) -> list[Text]:
    """What is lacking, with the words of who asks, and the commands that bring it."""
    lines = [_fact("lacks", f"{line(gap.kind)} {line(gap.name)}"), _fact("found by", line(gap.source))]
    lines.append(_fact("waits", ", ".join(map(line, gap.waiters))))
    if gap.probing:
        lines.append(_fact("looking", "a worker looks for it"))
    parts = (("why", gap.reason), ("example", json_text(gap.example, indent=2) if gap.example is not None else ""))
    for label, text in (*parts, ("changed", gap.diff), ("not found", gap.failed)):
        if text:
            lines.append(Text(label, style="dim"))
            lines += [Text(part) for part in fence(text, full=full)]
    where, name = shlex.quote(line(run)), shlex.quote(line(gap.name))
    lines.append(_fact("how", f"detent gap show {where} --prompt"))
    return [*lines, _fact("provide", f"detent provide {where} {name}")]


def title(pause: PauseView) -> Text:
    """`◆ p1 at accept asks  (on_human_node)`; the id and the node are the engine's."""
    why = f"  {', '.join(map(line, pause.triggers or (pause.trigger,)))}"
    place = f" at `{line(pause.node)}`" if pause.node else " of the whole run"
    return Text.assemble(("◆ ", "yellow"), (line(pause.id), "bold"), place, (why, "dim"))


def how_to_answer(pause: PauseView, run: str) -> str:
    """The command that answers, to be copied."""
    outcomes = "|".join(line(outcome) for outcome in pause.outcomes)
    data = " --data JSON" if pause.form is not None else ""
    signs = " --as ID --key-file F" if pause.signed else ""
    return f"detent answer {shlex.quote(line(run))} {shlex.quote(line(pause.id))} {outcomes}{data}{signs}"


def _facts(pause: PauseView) -> Iterator[Text]:
    call = pause.call
    if call is not None:
        yield _fact("call", f"{line(call.name)}  effect {line(call.effect)}, risk {line(call.risk)}")
        if call.capabilities:
            yield _fact("needs", ", ".join(line(need) for need in call.capabilities))
    yield from _lacking(pause)
    yield _fact("digest", line(pause.digest))
    if pause.answerers or pause.signed or pause.quorum > 1:
        yield _fact("who", _who(pause))
    yield _fact("outcomes", ", ".join(line(outcome) for outcome in pause.outcomes))
    most = (pause.budget or {}).get("max_raise")
    if most:
        yield _fact("raise", f"--data with at most {json_text(most)}")
    if pause.deadline is not None:
        yield _fact("deadline", f"{line(pause.deadline)}, then {line(pause.on_timeout)}")


def _lacking(pause: PauseView) -> Iterator[Text]:
    if pause.gap is not None:
        yield _fact("lacks", f"{line(pause.gap.kind)} {line(pause.gap.name)}")
        if pause.gap.failed:
            yield _fact("tried", line(pause.gap.failed, 200))
    if pause.lacks:
        yield _fact("lacks", ", ".join(line(lack) for lack in pause.lacks))


def _who(pause: PauseView) -> str:
    """Who may answer, and how many must say the same."""
    who = " or ".join(line(entry) for entry in pause.answerers) or "anyone"
    parts = [who, *(["not whoever started the run"] if pause.not_starter else [])]
    parts += [f"{pause.quorum} must say the same"] if pause.quorum > 1 else []
    parts += ["signed"] if pause.signed else []
    parts += [f"so far {', '.join(map(line, pause.answered_by))}"] if pause.answered_by else []
    return "; ".join(parts)


def _outside(pause: PauseView) -> Iterator[tuple[str, str]]:
    yield "asks", pause.ask
    if pause.show:
        yield "shows", pause.show
    if pause.call is not None:
        args = pause.call.args
        size = f"{pause.call.args_bytes:,} bytes, sha256 {pause.call.args_digest}"
        yield "arguments", size if args is None else json_text(args, indent=2)
    if pause.form is not None:
        yield "form", json_text(pause.form)


def _fact(label: str, value: str) -> Text:
    return Text.assemble((f"  {label:<{WIDTH}}", "dim"), value)
