"""What a policy asks of people that the people whom it knows cannot give."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.model import Trigger
from policies.people import ANY, PERSON, ROLE, can_sign
from policies.people_document import CONTROLS, is_digest
from policies.reading import join, nearest
from policies.signing import KEY_PREFIX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from policies.house_rules import HouseRules
    from policies.people import Answerers
    from policies.reading import Reader
    from policies.triggers import TriggerRule

OPERATOR = "operator"
"""The role that controls have where a policy says nothing; that nobody has it is told, and not refused."""
SIGN = "write `answerers: {require_signature: true, people: [...]}`"


def check_people(reader: Reader, house: HouseRules) -> None:
    """Refuse what nobody could answer, and what would have to be signed where nothing is."""
    answerers = house.answerers
    if answerers.require_signature and not any(can_sign(person, house.revoked) for person in answerers.people):
        message = "signatures are required, and nobody has a key that holds"
        reader.add(
            "no_signer", "answerers.people", message, "give somebody a `public_key`; `detent keys new` makes one"
        )
        return
    people = [one for one in house.revoked if not is_digest(one) and not one.startswith(KEY_PREFIX)]
    _check_named(reader, answerers, people, "revoked")
    for trigger in sorted(house.triggers):
        _check_rule(reader, house, house.triggers[trigger], f"triggers.{trigger.value}")
    if Trigger.CAPABILITY in house.triggers:
        _need_signature(reader, answerers, "triggers.on_capability", "a grant widens what a run may do")
    if house.approvals.tenant:
        _need_signature(reader, answerers, "approvals.tenant", "an approval that stands for the whole tenant")
    for name in CONTROLS:
        role = getattr(house.controls, name)
        if role not in {ANY, OPERATOR}:
            _check_named(reader, answerers, [ROLE + role], f"controls.{name}")


def check_starters(reader: Reader, house: HouseRules, starters: Sequence[str], path: str) -> None:
    """Refuse that starts must be signed where none of those named has a key."""
    known = len(reader.problems)
    _check_named(reader, house.answerers, starters, path)
    able = [one for one in house.answerers.able(starters) if can_sign(one, house.revoked)]
    if not able and len(reader.problems) == known:
        message = "nobody who is named here has a key to sign a start with"
        reader.add("no_signer", path, message, "give somebody a `public_key`, or leave `starters` out")


def _check_rule(reader: Reader, house: HouseRules, rule: TriggerRule, path: str) -> None:
    answerers = house.answerers
    known = len(reader.problems)
    _check_named(reader, answerers, rule.answerers, join(path, "answerers"))
    if rule.quorum > 1:
        _need_signature(reader, answerers, join(path, "quorum"), "a quorum counts distinct keys")
    if rule.not_starter:
        _need_signature(reader, answerers, join(path, "not_starter"), "only a signature tells who started a run")
    if answerers.people and len(reader.problems) == known:
        _check_quorum(reader, house, rule, join(path, "quorum"))
    if rule.escalate is not None:
        _check_rule(reader, house, rule.escalate, join(path, "escalate"))


def _check_quorum(reader: Reader, house: HouseRules, rule: TriggerRule, path: str) -> None:
    able = len(house.answerers.able(rule.answerers, house.revoked))
    if rule.quorum > able:
        with_keys = " with a key" if house.answerers.require_signature else ""
        people = "1 person" if able == 1 else f"{able} people"
        message = f"{rule.quorum} must answer, and only {people}{with_keys} may"
        reader.add("quorum", path, message, "name more in `answerers`, or ask fewer")


def _check_named(reader: Reader, answerers: Answerers, entries: Sequence[str], path: str) -> None:
    """Every role has somebody and every person is there, where people are given at all."""
    people = answerers.people
    roles = sorted({role for person in people for role in person.roles})
    for entry in entries if people else ():
        if entry.startswith(ROLE) and entry.removeprefix(ROLE) not in roles:
            hint = nearest(entry.removeprefix(ROLE), roles)
            reader.add("unknown_answerer", path, f"nobody has the role `{entry.removeprefix(ROLE)}`", hint)
        elif entry != ANY and not entry.startswith(ROLE) and answerers.find(entry.removeprefix(PERSON)) is None:
            hint = nearest(entry, [person.id for person in people])
            reader.add("unknown_answerer", path, f"there is no person `{entry}` in `answerers.people`", hint)


def _need_signature(reader: Reader, answerers: Answerers, path: str, why: str) -> None:
    if not answerers.require_signature:
        reader.add("unsigned", path, f"needs signatures: {why}", SIGN)
