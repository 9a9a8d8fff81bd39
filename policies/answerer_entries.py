"""The written form of who may answer: a list of roles and people, each an alternative."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.people import ANY, PERSON, ROLE
from policies.reading import PERSON_NAME, RULE_NAME, shown

if TYPE_CHECKING:
    from policies.reading import Reader

MAX_ENTRIES = 64
MAX_PERSON = 128
NOT_STARTER = "not_starter"


def read_entries(reader: Reader, value: object, path: str) -> tuple[str, ...]:
    """`role:operator`, `ada` or `person:ada`, which is the same; nothing where everybody is meant (`[any]`)."""
    entries: list[str] = []
    places = reader.texts(value, path)
    reader.most(places, path, MAX_ENTRIES)
    for place, text in places:
        if text == ANY:
            entries.append(ANY)
        elif (entry := read_entry(reader, text, place)) is not None:
            entries.append(entry)
    if ANY in entries and len(places) > 1:
        reader.add("wrong_value", path, "`any` is everybody: the others change nothing", "write `[any]`")
    if value in ([], ()):
        reader.add("wrong_value", path, "nobody is named", "write `[any]`, or leave it out")
    return tuple(dict.fromkeys(entry for entry in entries if entry != ANY))


def write_entries(entries: tuple[str, ...]) -> list[str]:
    """The list that `read_entries` reads as these."""
    return list(entries) or [ANY]


def read_entry(reader: Reader, text: str, path: str) -> str | None:
    """One entry, in the one form that is kept: `role:NAME`, or a person's id."""
    if text.startswith(ROLE):
        return None if read_role(reader, text.removeprefix(ROLE), path) is None else text
    return read_person_id(reader, text.removeprefix(PERSON), path)


def read_role(reader: Reader, value: object, path: str) -> str | None:
    """The name of a role."""
    if value == ANY:
        reader.add("wrong_value", path, "`any` is the word for everybody: it cannot be a role")
        return None
    return reader.name(value, path, RULE_NAME)


def read_person_id(reader: Reader, value: object, path: str) -> str | None:
    """A person's id. What answers without a name, or by itself, goes by ids of its own."""
    if value in (ANY, NOT_STARTER, "unknown", "preset"):
        reader.add("wrong_value", path, f"{shown(value)} stands for somebody without a name: it cannot be an id")
        return None
    return reader.name(value, path, PERSON_NAME, MAX_PERSON)
