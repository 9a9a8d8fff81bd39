"""SKILL.md files: what is read of them, and every mistake with its line and what to do."""

from __future__ import annotations

import pytest

from activities.skill_document import SkillDocument, read_document
from policies.errors import DocumentError, Problem

WHOLE = """\
---
name: code-review
description: >
  Reviews code
  for defects.
license: Apache-2.0
compatibility: needs git
metadata: {author: ann, version: "1.0"}
allowed-tools: fs.read, text.search  Bash(git add:*)
---

# How to review

---
Read it twice.
"""


def read(text: str, directory: str = "code-review") -> SkillDocument:
    return read_document(text.encode(), "s/SKILL.md", directory)


def problems(text: str, directory: str = "code-review") -> list[Problem]:
    with pytest.raises(DocumentError) as caught:
        read(text, directory)
    return list(caught.value.problems)


def front(*lines: str) -> str:
    return "\n".join(["---", *lines, "---", "Do it."])


def test_a_whole_document_is_read() -> None:
    found = read(WHOLE)
    assert (found.name, found.description) == ("code-review", "Reviews code for defects.")
    assert (found.license, found.compatibility) == ("Apache-2.0", "needs git")
    assert found.allowed_tools == ("fs.read", "text.search", "Bash(git add:*)")
    assert found.body == "# How to review\n\n---\nRead it twice."
    assert found.warnings == ()


def test_two_fields_are_enough_in_any_spelling_of_lines() -> None:
    text = front("name: a", "description: b").replace("\n", "\r\n")
    found = read_document(b"\xef\xbb\xbf" + text.encode(), "SKILL.md", "a")
    assert (found.name, found.description, found.body, found.allowed_tools) == ("a", "b", "Do it.", None)


def test_a_list_of_tools_is_read_each_once() -> None:
    found = read(front("name: code-review", "description: b", "allowed-tools: [fs.read, Bash(a b), fs.read]"))
    assert found.allowed_tools == ("fs.read", "Bash(a b)")
    assert read(front("name: code-review", "description: b", "allowed-tools: []")).allowed_tools == ()


def test_a_field_of_others_is_a_warning_with_its_line() -> None:
    (warning,) = read(front("name: code-review", "description: b", "allowed_tools: fs.read")).warnings
    assert (warning.severity, warning.line, warning.path) == ("warning", 4, "allowed_tools")
    assert str(warning).endswith("`allowed_tools` means nothing here, and is ignored; did you mean `allowed-tools`?")


@pytest.mark.parametrize(
    ("lines", "line", "words"),
    [
        (("description: b",), 2, "`name` is missing; write `name: …`"),
        (("name: code-review",), 2, "`description` is missing"),
        (("name: Code-Review", "description: b"), 2, "`Code-Review` is no name of a skill"),
        (("name: code--review", "description: b"), 2, "is no name of a skill"),
        (("name: -code", "description: b"), 2, "is no name of a skill"),
        (("name: code-", "description: b"), 2, "is no name of a skill"),
        (("name: ../etc", "description: b"), 2, "is no name of a skill"),
        (("name: " + "a" * 65, "description: b"), 2, "is no name of a skill"),
        (("name: 7", "description: b"), 2, "is no name of a skill"),
        (("name: other", "description: b"), 2, "its directory is `code-review`"),
        (("name: code-review", "description: 3"), 3, "`3` is not text; put it in quotes"),
        (("name: code-review", 'description: " "'), 3, "`description` is empty"),
        (("name: code-review", "description: " + "a" * 1025), 3, "1,025 characters, over the limit of 1,024"),
        (("name: code-review", "description: b", "compatibility: " + "a" * 501), 4, "over the limit of 500"),
        (("name: code-review", "description: b", "license: [a]"), 4, "is not text"),
        (("name: code-review", "description: b", "metadata: a"), 4, "is not a mapping"),
        (("name: code-review", "description: b", "allowed-tools: 3"), 4, "neither text nor a list"),
        (("name: code-review", "description: b", "allowed-tools: [3]"), 4, "neither text nor a list"),
        (("name: code-review", "description: b", "allowed-tools: " + "a " * 201), 4, "201 tools are named"),
        (("name: code-review", "description: use: it"), 3, "not YAML"),
        (("name: code-review", "description: b", "name: x"), 4, "name"),
        (("name: code-review", "description: &a b"), 3, "anchor"),
        (("- name",), 1, "the front matter is not a mapping"),
    ],
)
def test_a_mistake_is_told_at_its_line(lines: tuple[str, ...], line: int, words: str) -> None:
    (problem,) = problems(front(*lines))
    assert (problem.file, problem.line) == ("s/SKILL.md", line)
    assert words in str(problem)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("# Review", 1, "does not begin with front matter"),
        ("", 1, "does not begin with front matter"),
        ("---\nname: a\n", 1, "front matter does not end"),
    ],
)
def test_front_matter_is_there(text: str, line: int, words: str) -> None:
    (problem,) = problems(text)
    assert problem.line == line
    assert words in str(problem)


def test_what_is_no_text_is_refused_at_its_line() -> None:
    with pytest.raises(DocumentError, match=r"SKILL\.md:3:1: it is not UTF-8 text"):
        read_document(b"---\nname: a\ndescription: \xff\n---\n", "SKILL.md", "a")


def test_all_mistakes_are_told_at_once() -> None:
    assert [problem.line for problem in problems(front("name: A", "description: 3", "license: 4"))] == [2, 3, 4]


def test_a_description_cannot_hide_anything_or_take_another_line() -> None:
    found = read(front("name: code-review", 'description: "a\\nb \\u202Ec\\u200Bd \\e[31m"'))
    assert found.description == "a b \\u202ec\\u200bd \\x1b[31m"
