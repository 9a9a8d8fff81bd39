"""Reads a SKILL.md, the open format of skills: what its front matter says, and the instructions after it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from policies.errors import DocumentError, Problem
from policies.plain_text import plain
from policies.reading import nearest, shown
from workflows.language.yaml import Places, attach, load

FILE = "SKILL.md"
MAX_NAME, MAX_DESCRIPTION, MAX_COMPATIBILITY = 64, 1024, 500
MAX_TOOLS = 200
FIELDS = ("name", "description", "license", "compatibility", "metadata", "allowed-tools")
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_TOOL = re.compile(r"(?:[^\s,()]|\([^()]*\))+")
"""One entry of `allowed-tools`: what is in brackets may hold blanks, as in `shell(git status)`."""
_FENCE = "---"


@dataclass(frozen=True, slots=True)
class SkillDocument:
    """What a SKILL.md says. `description` is one line, with what does not show escaped; `allowed_tools` null: not said.

    `body` is Markdown that nobody here vouches for.
    """

    name: str
    description: str
    body: str
    license: str | None = None
    compatibility: str | None = None
    allowed_tools: tuple[str, ...] | None = None
    warnings: tuple[Problem, ...] = ()


def read_document(data: bytes, file: str, directory: str) -> SkillDocument:
    """The document in a file's bytes; `DocumentError` with everything that is wrong, each with its line.

    `directory` is the name of the skill's directory, which must be the skill's own.
    """
    front, body = _parts(_text(data, file), file)
    try:
        loaded = load(front, file)
    except DocumentError as error:
        hint = "put a text with `: ` or `#` in it in quotes"
        raise DocumentError(tuple(_below(problem, hint) for problem in error.problems)) from None
    found = loaded.data
    if not isinstance(found, dict):
        raise _refusal(file, 1, "the front matter is not a mapping", "write `name: …` and `description: …`")
    problems = list(_placed([*_faults(found, directory), *_unknown(found)], loaded.places, file))
    if any(problem.severity == "error" for problem in problems):
        raise DocumentError(tuple(problems))
    tools = _tools(found.get("allowed-tools"))
    return SkillDocument(
        name=str(found["name"]),
        description=plain(" ".join(str(found["description"]).split())),
        body=body,
        license=found.get("license"),
        compatibility=found.get("compatibility"),
        allowed_tools=None if tools is None else tuple(dict.fromkeys(tools)),
        warnings=tuple(problems),
    )


def _text(data: bytes, file: str) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _refusal(file, line, "it is not UTF-8 text", "save it as UTF-8") from None
    return text.replace("\r\n", "\n")


def _parts(text: str, file: str) -> tuple[str, str]:
    """The front matter without its fences, and what follows it."""
    lines = text.split("\n")
    if lines[0].rstrip() != _FENCE:
        raise _refusal(file, 1, f"it does not begin with front matter: its first line is not `{_FENCE}`", _EXAMPLE)
    for index in range(1, len(lines)):
        if lines[index].rstrip() == _FENCE:
            return "\n".join(lines[1:index]), "\n".join(lines[index + 1 :]).strip("\n")
    raise _refusal(file, 1, f"its front matter does not end: there is no second `{_FENCE}`", _EXAMPLE)


_EXAMPLE = f"write `{_FENCE}`, `name: …`, `description: …`, `{_FENCE}`, each on a line of its own"


def _faults(found: dict[str, object], directory: str) -> Iterator[Problem]:
    for field in ("name", "description"):
        if field not in found:
            yield Problem("missing_field", f"`{field}` is missing", "", f"write `{field}: …` in the front matter")
    if "name" in found:
        yield from _name_faults(found["name"], directory)
    for field, most in (("description", MAX_DESCRIPTION), ("license", None), ("compatibility", MAX_COMPATIBILITY)):
        if field in found:
            yield from _text_faults(field, found[field], most)
    if "metadata" in found and not isinstance(found["metadata"], dict):
        yield Problem("wrong_type", f"{shown(found['metadata'])} is not a mapping", "metadata", "write `key: value`")
    if "allowed-tools" in found:
        yield from _tools_faults(found["allowed-tools"])


def _name_faults(name: object, directory: str) -> Iterator[Problem]:
    if not isinstance(name, str) or len(name) > MAX_NAME or not _NAME.fullmatch(name):
        rule = f"lower-case letters, digits and single hyphens between them, at most {MAX_NAME}"
        yield Problem("bad_name", f"{shown(name)} is no name of a skill: {rule}", "name", "such as `code-review`")
    elif name != directory:
        message = f"the skill is `{name}`, and its directory is {shown(directory)}"
        yield Problem("bad_name", message, "name", "give both the same name")


def _text_faults(field: str, value: object, most: int | None) -> Iterator[Problem]:
    if not isinstance(value, str):
        yield Problem("wrong_type", f"{shown(value)} is not text", field, "put it in quotes")
    elif not value.strip():
        yield Problem("out_of_range", f"`{field}` is empty", field, "say what the skill does, and when to use it")
    elif most is not None and len(value) > most:
        message = f"`{field}` has {len(value):,} characters, over the limit of {most:,}"
        yield Problem("out_of_range", message, field, "say the rest after the front matter")


def _tools_faults(value: object) -> Iterator[Problem]:
    path, tools = "allowed-tools", _tools(value)
    if tools is None:
        hint = "write names with blanks between them, or a list"
        yield Problem("wrong_type", f"{shown(value)} is neither text nor a list of texts", path, hint)
    elif len(tools) > MAX_TOOLS:
        yield Problem("out_of_range", f"{len(tools)} tools are named, over the limit of {MAX_TOOLS}", path)


def _tools(value: object) -> list[str] | None:
    """The tools that a skill names; null for what is neither text nor a list of texts."""
    if isinstance(value, str):
        return _TOOL.findall(value)
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return [item.strip() for item in value if item.strip()]
    return None


def _unknown(found: dict[str, object]) -> Iterator[Problem]:
    """Fields of other programs' own: they mean nothing here, which whoever installs the skill should know."""
    for field in found:
        if field not in FIELDS:
            hint = nearest(field, FIELDS) or "it is no field of the open format"
            message = f"`{field}` means nothing here, and is ignored"
            yield Problem("unknown_field", message, field, hint, severity="warning")


def _placed(problems: list[Problem], places: Places, file: str) -> Iterator[Problem]:
    for problem in attach(problems, places, file):
        yield problem.at(file, (problem.line or 0) + 1, problem.column)


def _below(problem: Problem, hint: str) -> Problem:
    """A problem of the front matter's YAML, at its line in the file."""
    placed = problem.at(problem.file, (problem.line or 0) + 1, problem.column)
    return placed if placed.suggestion else replace(placed, suggestion=hint)


def _refusal(file: str, line: int, message: str, hint: str) -> DocumentError:
    return DocumentError((Problem("bad_skill", message, suggestion=hint, file=file, line=line, column=1),))
