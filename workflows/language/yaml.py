"""Reads documents: YAML 1.2 (core schema) or JSON text to plain data, and where each part of it stood.

PyYAML's pure scanner and parser give the events; the tree is built here, because the composer and the
resolver of PyYAML are for YAML 1.1 and know aliases, tags and merge keys, all of which are refused.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NoReturn

import yaml

from policies.errors import DocumentError, Problem
from policies.reading import join
from workflows.language.plain import MAX_DEPTH, check_plain, is_text
from workflows.language.yaml_scalars import BadScalarError, merge_surrogates, resolve, spaced

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_BYTES: Final = 256 * 1024
MAX_PROBLEMS: Final = 50
_JSON_STARTS: Final = ("{", "[", '"')


class Places:
    """Where the parts of a document stand in its text."""

    __slots__ = ("_find", "_found")

    def __init__(self, find: Callable[[], dict[str, tuple[int, int]]]) -> None:
        self._find = find
        self._found: dict[str, tuple[int, int]] | None = None

    def locate(self, path: str) -> tuple[int, int] | tuple[None, None]:
        """Line and column, from 1, of the key or item at a path, or of the nearest part that contains it."""
        if self._found is None:
            self._found = self._find()
        while path and path not in self._found:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self._found.get(path, (None, None))


@dataclass(frozen=True, slots=True)
class Loaded:
    """A document: its data, and where each part of it stood."""

    data: object
    places: Places


def load(text: str | bytes, file: str | None = None, *, max_bytes: int = MAX_BYTES) -> Loaded:
    """Read a document; `DocumentError` says what is wrong, with line and column. An empty one is null."""
    try:
        source = _source(text, max_bytes)
        found = _read_json(source)
        if found is not None:
            return Loaded(found.data, Places(lambda: _places(source)))
        composer = _Composer(source)
        data = composer.document()
    except DocumentError as error:
        raise DocumentError(
            tuple(problem.at(file, problem.line, problem.column) for problem in error.problems)
        ) from None
    return Loaded(data, Places(lambda: composer.places))


def attach(problems: Iterable[Problem], places: Places, file: str | None) -> list[Problem]:
    """The problems with the file, line and column that their paths stand at."""
    return [problem.at(file, *places.locate(problem.path)) for problem in problems]


def _source(text: str | bytes, max_bytes: int) -> str:
    if isinstance(text, bytes):
        text = _decoded(text)
    if not is_text(text):
        raise _refusal("encoding", "the document holds half a surrogate pair", 1, 1)
    if len(text) > max_bytes or len(text.encode()) > max_bytes:
        raise _refusal("too_large", f"the document is over {max_bytes} bytes", 1, 1)
    return text.removeprefix("\ufeff")


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _refusal("encoding", "the document is not UTF-8", line, 1) from None


def _refusal(code: str, message: str, line: int, column: int) -> DocumentError:
    return DocumentError((Problem(code, message, line=line, column=column),))


@dataclass(frozen=True, slots=True)
class _Json:
    data: object


def _read_json(source: str) -> _Json | None:
    """The data of strict JSON, much faster than YAML; null where YAML must look, if only to say what is wrong."""
    if not source.lstrip().startswith(_JSON_STARTS):
        return None
    try:
        data = json.loads(source, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return None
    return None if check_plain(data) else _Json(data)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is there twice")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _places(source: str) -> dict[str, tuple[int, int]]:
    """The places of a document that is valid JSON; none, should the YAML reader not take it."""
    composer = _Composer(source)
    try:
        composer.document()
    except DocumentError:
        return {}
    return composer.places


class _Composer:
    """Builds data from events. Problems that leave the rest readable are collected, others end it."""

    def __init__(self, source: str) -> None:
        self.places: dict[str, tuple[int, int]] = {}
        self._problems: list[Problem] = []
        self._events = _events(spaced(source) if source.lstrip().startswith(_JSON_STARTS) else source)

    def document(self) -> object:
        """The one document of the text; `DocumentError` with all problems."""
        data = self._first()
        if self._problems:
            raise DocumentError(tuple(self._problems))
        return data

    def _first(self) -> object:
        next(self._events)  # the start of the stream
        event = next(self._events)
        if isinstance(event, yaml.StreamEndEvent):
            return None
        data = self._value(next(self._events), "", 0)
        next(self._events)  # the end of the document
        event = next(self._events)
        if not isinstance(event, yaml.StreamEndEvent):
            self._add("yaml_documents", "a second document begins here", "", event, "one file holds one document")
        return data

    def _add(self, code: str, message: str, path: str, event: yaml.Event, hint: str | None = None) -> None:
        if len(self._problems) < MAX_PROBLEMS:
            line, column = _position(event)
            self._problems.append(Problem(code, message, path, hint, line=line, column=column))

    def _value(self, event: yaml.Event, path: str, depth: int) -> object:
        self.places.setdefault(path, _position(event))
        if isinstance(event, yaml.AliasEvent):
            self._add("yaml_alias", f"the alias `*{event.anchor}` is refused", path, event, "write the value again")
            return None
        assert isinstance(event, yaml.NodeEvent)
        self._check_properties(event, path)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, path)
        if depth == MAX_DEPTH:
            raise _refusal("yaml_depth", f"nested more than {MAX_DEPTH} deep", *_position(event))
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(path, depth)
        return self._mapping(path, depth)

    def _check_properties(self, event: yaml.NodeEvent, path: str) -> None:
        if event.anchor is not None:
            self._add("yaml_anchor", f"the anchor `&{event.anchor}` is refused", path, event, "take it out")
        tag = getattr(event, "tag", None)
        if tag is not None:
            self._add("yaml_tag", f"the tag `{tag}` is refused", path, event, "take it out")

    def _scalar(self, event: yaml.ScalarEvent, path: str) -> object:
        plain = event.style is None and event.implicit[0]
        try:
            return resolve(event.value) if plain else merge_surrogates(event.value)
        except BadScalarError as error:
            self._add("yaml_value", str(error), path, event)
            return None

    def _sequence(self, path: str, depth: int) -> list[object]:
        items: list[object] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._value(event, f"{path}[{len(items)}]", depth + 1))
        return items

    def _mapping(self, path: str, depth: int) -> dict[str, object]:
        found: dict[str, object] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._key(event, path, depth)
            if key is None:
                self._value(next(self._events), join(path, "?"), depth + 1)
                continue
            place = join(path, key)
            if key in found:
                self._add("yaml_duplicate", f"the key `{key}` is there twice", place, event, "keep one of them")
            self.places.setdefault(place, _position(event))
            found[key] = self._value(next(self._events), place, depth + 1)
        return found

    def _key(self, event: yaml.Event, path: str, depth: int) -> str | None:
        """A key, null (and a problem) for one that is not a text."""
        if isinstance(event, yaml.ScalarEvent) and event.value == "<<" and event.style is None:
            self._add("yaml_merge", "the merge key `<<` is refused", path, event, "write the entries out")
            return None
        before = len(self._problems)
        key = self._value(event, join(path, "?"), depth + 1)
        if isinstance(key, str):
            return key
        if len(self._problems) == before:
            self._add("yaml_key", "a key that is not a text", path, event, "put it in quotes")
        return None


def _position(event: yaml.Event) -> tuple[int, int]:
    assert event.start_mark is not None, "the parser marks every event"
    return event.start_mark.line + 1, event.start_mark.column + 1


def _events(source: str) -> Iterator[yaml.Event]:
    """PyYAML's events; whatever its scanner and parser raise becomes a `DocumentError`."""
    try:
        yield from yaml.parse(source, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        said = ": ".join(part for part in (error.context, error.problem) if part)
        hint = "; put a text with `?` or `:` between braces in quotes" if "'?'" in said or "':'" in said else ""
        raise _refusal("yaml_syntax", f"not YAML: {said}{hint}", line, column) from None
    except yaml.reader.ReaderError as error:
        line = source.count("\n", 0, error.position) + 1
        raise _refusal("yaml_syntax", f"the character U+{error.character:04X} is not allowed", line, 1) from None
    except (ValueError, OverflowError) as error:  # an escape beyond Unicode, a line number beyond sense
        raise _refusal("yaml_syntax", f"not YAML: {error}", 1, 1) from None
