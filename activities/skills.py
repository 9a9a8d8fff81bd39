"""The skills that a worker has, as they lie in the operator's directories at this moment."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from activities.skill_document import FILE, SkillDocument, read_document
from activities.skill_tree import digest_of, read_tree
from activities.tools.errors import ToolError
from policies.errors import DocumentError, Problem
from workflows.contracts.run import SkillCard

_SKIPPED = (".", "_")
"""How names of directories begin that hold no skill."""


@dataclass(frozen=True, slots=True)
class Skill:
    """A skill as it was read just now, with all its files by path."""

    document: SkillDocument
    files: dict[str, bytes]
    directory: Path

    @property
    def card(self) -> SkillCard:
        """The skill as runs record it."""
        said = self.document
        return SkillCard(
            name=said.name,
            description=said.description,
            digest=digest_of(self.files),
            allowed_tools=said.allowed_tools,
        )


@dataclass(frozen=True, slots=True)
class Shelf:
    """Directories with a directory for each skill. They are read anew each time: a skill may come or change."""

    directories: tuple[Path, ...] = ()

    def names(self) -> tuple[str, ...]:
        """The names of all skills, sorted, whether they can be read or not."""
        return tuple(sorted({place.name for place in self._places() if (place / FILE).is_file()}))

    def find(self, name: str) -> Skill | None:
        """The skill of that name, null if there is none; `DocumentError` for one that is not sound."""
        places = [place for place in self._places() if place.name == name]
        if len(places) > 1:
            raise DocumentError((_repeated(places[1], places[0]),))
        return _read(places[0]) if places else None

    def load(self) -> tuple[Skill, ...]:
        """Every skill, by name; `DocumentError` with everything that is wrong with any of them."""
        found: dict[str, Skill] = {}
        problems = list(_missing(self.directories))
        for place in sorted(self._places(), key=lambda place: place.name):
            try:
                skill = _read(place)
            except DocumentError as error:
                problems += error.problems
                continue
            first = found.setdefault(place.name, skill)
            if first is not skill:
                problems.append(_repeated(place, first.directory))
        if problems:
            raise DocumentError(tuple(problems))
        return tuple(found.values())

    def _places(self) -> Iterator[Path]:
        for directory in self.directories:
            if directory.is_dir():
                yield from (
                    place
                    for place in sorted(directory.iterdir())
                    if not place.name.startswith(_SKIPPED) and (place.is_dir() or place.is_symlink())
                )


NO_SKILLS = Shelf()


def _read(place: Path) -> Skill:
    """Read a skill's directory; `DocumentError` says what is wrong with it, and where."""
    try:
        files = read_tree(place)
    except ToolError as error:
        raise _refusal(place, str(error)) from None
    except OSError as error:
        raise _refusal(place, _why_unopened(place, error)) from None
    text = files.get(FILE)
    if text is None:
        message = f"there is no `{FILE}` in it (in capitals); start the directory's name with `_` if it is no skill"
        raise _refusal(place, message)
    return Skill(read_document(text, str(place / FILE), place.name), files, place)


def _why_unopened(place: Path, error: OSError) -> str:
    if error.errno in (errno.ELOOP, errno.ENOTDIR, errno.EMLINK) and place.is_symlink():
        return "it is a link; copy the skill into the directory of skills"
    return f"it cannot be read: {(error.strerror or str(error)).lower()}"


def _refusal(place: Path, message: str) -> DocumentError:
    return DocumentError((Problem("bad_skill", message, file=str(place)),))


def _repeated(place: Path, first: Path) -> Problem:
    message = f"skill `{place.name}` is there twice: here and in {first}"
    return Problem("duplicate_skill", message, suggestion="take one of them away", file=str(place))


def _missing(directories: tuple[Path, ...]) -> Iterator[Problem]:
    for directory in directories:
        if not directory.is_dir():
            yield Problem("no_directory", "there is no such directory of skills", file=str(directory))
        elif (directory / FILE).is_file():
            hint = f"name the directory above it, `{directory.parent}`"
            yield Problem("bad_skill", "it is a skill, not a directory of skills", suggestion=hint, file=str(directory))
