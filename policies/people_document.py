"""The written form of people, and of what they may do beyond answering."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, cast

from policies.answerer_entries import read_person_id, read_role
from policies.people import ANY, ROLE, Answerers, Approvals, Controls, Person
from policies.people import PERSON as PERSON_PREFIX
from policies.reading import join, shown
from policies.signing import KEY_PREFIX, flaw_of_key
from policies.units import read_span, write_duration

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from policies.reading import Reader

MAX_PEOPLE, MAX_ROLES, MAX_REVOKED = 256, 32, 1024
ANSWERERS = ("require_signature", "people")
PERSON = ("id", "roles", "public_key")
CONTROLS = tuple(field.name for field in fields(Controls))
APPROVALS = ("tenant", "max")
ALLOW, DENY = "allow", "deny"
DIGEST_DIGITS = (16, 64)
"""An approval's digest as `detent approvals ls` shows it, and whole."""
_HEX = frozenset("0123456789abcdef")


def read_answerers(reader: Reader, value: object, path: str) -> Answerers:
    """Who there is; no two with one id or one key."""
    required, people = False, list[tuple[str, Person]]()
    for place, key, item in reader.entries(value, path, known=ANSWERERS):
        if key == "require_signature":
            required = reader.flag(item, place)
        else:
            people = _read_people(reader, item, place)
    _refuse_twins(reader, ((join(place, "id"), person.id) for place, person in people), "id")
    keys = ((join(place, "public_key"), person.public_key) for place, person in people)
    _refuse_twins(reader, ((place, key) for place, key in keys if key is not None), "public_key")
    return Answerers(required, tuple(person for _, person in people))


def write_answerers(answerers: Answerers) -> dict[str, object]:
    """The mapping that `read_answerers` reads as these."""
    people = [{"id": one.id, "roles": list(one.roles), "public_key": one.public_key} for one in answerers.people]
    return {"require_signature": answerers.require_signature, "people": people}


def read_controls(reader: Reader, value: object, path: str) -> Controls:
    """Who may use each control: `any`, or a role, with or without `role:`."""
    found: dict[str, str] = {}
    for place, key, item in reader.entries(value, path, known=CONTROLS):
        word = item.removeprefix(ROLE) if isinstance(item, str) else item
        role = ANY if item == ANY else read_role(reader, word, place)
        if role is not None:
            found[key] = role
    return Controls(**found)


def write_controls(controls: Controls) -> dict[str, object]:
    """The mapping that `read_controls` reads as these."""
    return {name: getattr(controls, name) for name in CONTROLS}


def read_approvals(reader: Reader, value: object, path: str) -> Approvals:
    """Whether an approval may stand for the whole tenant, and how long."""
    approvals = Approvals()
    for place, key, item in reader.entries(value, path, known=APPROVALS):
        if key == "tenant":
            approvals = replace(approvals, tenant=reader.choice(item, place, (ALLOW, DENY)) == ALLOW)
        elif (span_ms := reader.convert(item, place, read_span)) is not None:
            approvals = replace(approvals, max_s=span_ms / 1000)
    return approvals


def write_approvals(approvals: Approvals) -> dict[str, object]:
    """The mapping that `read_approvals` reads as these."""
    return {"tenant": ALLOW if approvals.tenant else DENY, "max": write_duration(round(approvals.max_s * 1000))}


def read_revoked(reader: Reader, value: object, path: str) -> tuple[str, ...]:
    """What no longer holds: standing approvals by their digest, people's keys as they are written, people by id."""
    found: list[str] = []
    places = reader.texts(value, path)
    reader.most(places, path, MAX_REVOKED)
    for place, text in places:
        if text.startswith(KEY_PREFIX):
            found += [text] if _sound(reader, text, place) else []
        elif is_digest(text):
            found.append(text)
        elif (id_ := read_person_id(reader, text.removeprefix(PERSON_PREFIX), place)) is not None:
            found.append(id_)
    return tuple(sorted(set(found)))


def is_digest(text: str) -> bool:
    """Whether an entry of `revoked` is an approval's digest."""
    return len(text) in DIGEST_DIGITS and _HEX.issuperset(text)


def _read_people(reader: Reader, value: object, path: str) -> list[tuple[str, Person]]:
    places = reader.items(value, path)
    reader.most(places, path, MAX_PEOPLE)
    found = ((place, _read_person(reader, item, place)) for place, item in places)
    return [(place, person) for place, person in found if person is not None]


def _read_person(reader: Reader, value: object, path: str) -> Person | None:
    given = {key: (place, item) for place, key, item in reader.entries(value, path, known=PERSON)}
    if "id" not in given:
        if isinstance(value, dict):
            reader.add("missing", path, "a person has an `id`", "write `{id: ada, roles: [operator]}`")
        return None
    id_ = read_person_id(reader, given["id"][1], given["id"][0])
    place, key = given.get("public_key", ("", None))
    key = key if key is None or _sound(reader, key, place) else None
    place, roles = given.get("roles", ("", []))
    return None if id_ is None else Person(id_, _read_roles(reader, roles, place), cast("str | None", key))


def _read_roles(reader: Reader, value: object, path: str) -> tuple[str, ...]:
    places = reader.texts(value, path)
    reader.most(places, path, MAX_ROLES)
    roles = [role for place, text in places if (role := read_role(reader, text.removeprefix(ROLE), place)) is not None]
    return tuple(dict.fromkeys(roles))


def _sound(reader: Reader, key: object, path: str) -> bool:
    flaw = flaw_of_key(key) if isinstance(key, str) else "a public key is text"
    if flaw is not None:
        reader.add("bad_key", path, f"{shown(key)}: {flaw}", "`detent keys show` prints a key as it is written here")
    return flaw is None


def _refuse_twins(reader: Reader, values: Iterable[tuple[str, Hashable]], what: str) -> None:
    met: dict[Hashable, str] = {}
    for place, value in values:
        if value in met:
            reader.add("duplicate", place, f"the `{what}` {shown(value)} is there twice: also at `{met[value]}`")
        met.setdefault(value, place)
