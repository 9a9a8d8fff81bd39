"""The mutation table of evidence: each row is refused by the edge, and would pass were its evidence not looked at.

`refusal` shows both; that the same evidence passes unedited is the first test's.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.edge import Scene, _Judge
from activities.permits import asked_capabilities
from policies.capability import Capability, CapabilitySet, resolve_needs
from policies.document import PolicyDocument
from policies.model import Trigger
from policies.people import Answerers, Person
from policies.triggers import TriggerRule
from tests.support.signers import public_key, signed
from tests.unit.tools.calls import HERE, NOW_MS, TOOLS, Caller, policy
from tests.unit.tools.evidence import answer_to, asked_about, permit_of, signed_answer
from workflows.contracts.calls import Call, Permit
from workflows.contracts.run import ToolCard

PEOPLE = (
    Person("ada", ("operator",), public_key("ada")),
    Person("bob", ("operator",), public_key("bob")),
    Person("eve", ("guest",), public_key("eve")),
)
RISKY = Trigger.RISKY_TOOL
Edit = dict[str, Any]
Asked = dict[str, Any]


def signing(quorum: int = 1, *, not_starter: bool = False, **fields: Any) -> PolicyDocument:
    """A policy whose operators sign a yes to reading a file, of which that many are needed."""
    document = policy(risk={"low": "ask"})
    rule = TriggerRule(answerers=("role:operator",), quorum=quorum, not_starter=not_starter)
    changes = {"answerers": Answerers(require_signature=True, people=PEOPLE), "triggers": {RISKY: rule}, **fields}
    tenant = dataclasses.replace(document.tenants["default"], **changes)
    return dataclasses.replace(document, tenants={"default": tenant})


SIGNED = signing()


@pytest.fixture(name="root")
def make_root(tmp_path: Path) -> Path:
    for name in ("a.txt", "b.txt", "Caf\u00e9", "Cafe\u0301"):
        (tmp_path / name).write_text(name)
    return tmp_path


def caller(root: Path, make: Callable[[Asked], Permit], document: PolicyDocument = SIGNED) -> Caller:
    """Whoever reads a file with the evidence that is made of the true question about it."""

    def permit(call: Call, card: ToolCard, known: PolicyDocument) -> Permit:
        return make(asked_about(call, card, known, RISKY.value))

    return Caller(root, document, permit=permit)


def yes(asked: Asked) -> Permit:
    """Evidence that nothing is wrong with."""
    return permit_of(asked, [signed_answer(asked)])


async def refusal(one: Caller, path: str = "a.txt", **args: object) -> str:
    with pytest.raises(ApplicationError) as caught:
        await one("fs.read", path=path, **args)
    assert caught.value.type == "PolicyDenied"
    assert caught.value.non_retryable
    assert caught.value.details[0]["rule"] == "edge.evidence"
    pass_unexamined(one, {"path": path, **args})
    return caught.value.message


def pass_unexamined(one: Caller, args: dict[str, object]) -> None:
    """The attack works where the edge takes the call's word for what people said."""
    tool = TOOLS.get("fs.read")
    assert tool is not None
    call = one.proven(tool, args)
    said = () if call.permit is None else call.permit.triggers
    granted = tuple(found for grant in call.grants for found in asked_capabilities(grant))
    judge = _Judge(call, one.policy.tenants["default"], discharged=(*said, RISKY.value), granted=CapabilitySet(granted))
    judge.require(resolve_needs(tool.card.needs, args))
    judge.require_risk(tool.card)


async def test_a_signed_yes_is_believed(root: Path) -> None:
    call = caller(root, yes)
    assert (await call("fs.read", path="a.txt"))["text"] == "a.txt"


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        ({"outcome": "deny"}, "another question, or says something else"),
        ({"scope": "run"}, "another question, or says something else"),
        ({"pause": "p2"}, "another question, or says something else"),
        ({"digest": "0" * 64}, "digest is not that"),
        ({"digest": None}, "does not say what it answers"),
        ({"by": "bob"}, "signature is not one of `bob`"),
        ({"by": "zed"}, "nobody whom"),
        ({"data": {"more": 1}}, "signature is not one of `ada`"),
        ({"issued_at": "2026-09-21T14:01:00Z"}, "signature is not one"),
        ({"expires_at": "2026-09-21T15:01:00Z"}, "signature is not one"),
        ({"v": 2}, "signature is not one"),
        ({"extra": 1}, "signature is not one"),
        ({"signature": ""}, "signature is not one"),
        ({"signature": None}, "a signature is needed"),
    ],
)
async def test_an_edited_answer_is_not_believed(root: Path, edit: Edit, why: str) -> None:
    def make(asked: Asked) -> Permit:
        answer = {key: value for key, value in {**signed_answer(asked), **edit}.items() if value is not None}
        return permit_of(asked, [answer])

    assert why in await refusal(caller(root, make))


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"by": "eve"}, "not among those who may: role:operator"),
        ({"expires_at": "2026-09-21T14:13:19Z"}, "expired"),
        ({"issued_at": "2026-09-21T14:30:00Z"}, "in the future"),
        ({"issued_at": "2026-09-20T14:00:00Z"}, "longer than 24 hours"),
        ({"expires_at": None}, "`expires_at` is needed"),
    ],
)
async def test_a_well_signed_answer_may_still_be_wrong(root: Path, fields: Edit, why: str) -> None:
    assert why in await refusal(caller(root, lambda asked: permit_of(asked, [signed_answer(asked, **fields)])))


@pytest.mark.parametrize("revoked", ["ada", public_key("ada")])
async def test_a_revoked_person_or_key_is_not_believed(root: Path, revoked: str) -> None:
    assert "revoked" in await refusal(caller(root, yes, signing(revoked=(revoked,))))
    stored = dataclasses.replace(caller(root, yes), scene=dataclasses.replace(HERE, revoked=(revoked,)))
    assert "revoked" in await refusal(stored)


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        ({"namespace": "other"}, "another namespace"),
        ({"workflow_id": "default/g/other"}, "another run"),
        ({"first_run_id": "run-0"}, "another run"),
        ({"pause_id": "p2"}, "another question"),
        ({"activation": "a#2"}, "another visit"),
        ({"triggers": ["on_protected_path"]}, "another question"),
        ({"outcomes": ["deny"]}, "was not offered"),
        ({"calls": []}, "no call"),
        ({"policy_digest": "0" * 64}, "another policy"),
        ({"quorum": 2.0}, "nobody knows how many"),
        ({"quorum": 2}, "1 more must say the same"),
        ({"answerers": ["role:boss"]}, "not among those who may: role:operator&role:boss"),
        ({"answerers": ["bob"]}, "not among those who may"),
    ],
)
async def test_a_yes_to_another_question_is_not_believed(root: Path, edit: Edit, why: str) -> None:
    """Everything is signed well: only the question is not the one that this call would have been asked about."""

    def make(asked: Asked) -> Permit:
        other = {**asked, **edit}
        return permit_of(other, [signed_answer(other)], pause="p1", triggers=[RISKY.value])

    assert why in await refusal(caller(root, make))


@pytest.mark.parametrize(
    "field", ["name", "tool_digest", "args_digest", "args_bytes", "capabilities", "effect", "risk"]
)
async def test_a_yes_to_another_call_is_not_believed(root: Path, field: str) -> None:
    def make(asked: Asked) -> Permit:
        other = {**asked, "calls": [{**asked["calls"][0], field: "other"}]}
        return permit_of(other, [signed_answer(other)])

    assert f"`{field}` is another" in await refusal(caller(root, make))


async def test_a_question_that_was_edited_after_the_answer_has_another_digest(root: Path) -> None:
    def make(asked: Asked) -> Permit:
        return permit_of({**asked, "deadline": "2026-09-22T00:00:00Z"}, [signed_answer(asked)], digest="0" * 64)

    assert "has the digest" in await refusal(caller(root, make))


@pytest.mark.parametrize("path", ["b.txt", "Cafe\u0301"])
async def test_arguments_that_were_edited_after_the_answer_are_not_covered(root: Path, path: str) -> None:
    approved = {"b.txt": "a.txt", "Cafe\u0301": "Caf\u00e9"}[path]
    tool = TOOLS.get("fs.read")
    assert tool is not None
    asked = asked_about(Caller(root, SIGNED).call("fs.read", {"path": approved}), tool.card, SIGNED, RISKY.value)
    evidence = permit_of(asked, [signed_answer(asked)])
    assert (await Caller(root, SIGNED, permit=evidence)("fs.read", path=approved))["text"] == approved
    assert "`args_digest` is another" in await refusal(Caller(root, SIGNED, permit=evidence), path)
    run_wide = permit_of(asked, [signed_answer(asked, scope="run")], scope="run")
    assert "did not need" in await refusal(Caller(root, SIGNED, permit=run_wide), path)


async def test_a_policy_that_changed_after_the_answer_is_drift(root: Path) -> None:
    then = caller(root, yes)
    tool = TOOLS.get("fs.read")
    assert tool is not None
    call = then.call("fs.read", {"path": "a.txt"})
    evidence = yes(asked_about(call, tool.card, SIGNED, RISKY.value))
    now = dataclasses.replace(then, policy=signing(protected=("x/**",)))
    with pytest.raises(ApplicationError, match="under another policy") as caught:
        now.edge.check_tool(call.model_copy(update={"permit": evidence}), tool.card, HERE)
    assert caught.value.type == "PolicyDrift"
    then.edge.check_tool(call.model_copy(update={"permit": evidence}), tool.card, HERE)


async def test_a_yes_that_discharges_something_else_does_not_help(root: Path) -> None:
    def make(asked: Asked) -> Permit:
        return permit_of(asked, [signed_answer(asked, outcome="deny")], outcome="deny")

    with pytest.raises(ApplicationError) as caught:
        await caller(root, make)("fs.read", path="a.txt")
    assert caught.value.details[0]["rule"] == "risk.low"


async def test_a_reason_that_nobody_knows_is_not_believed(root: Path) -> None:
    def make(asked: Asked) -> Permit:
        other = {**asked, "triggers": ["on_whim"]}
        return permit_of(other, [signed_answer(other)])

    assert "does not know" in await refusal(caller(root, make))


async def test_what_was_asked_must_be_json(root: Path) -> None:
    def make(asked: Asked) -> Permit:
        return permit_of(asked, [signed_answer(asked)]).model_copy(
            update={"asked": {**asked, "deadline": float("nan")}}
        )

    assert "not JSON" in await refusal(caller(root, make))


async def test_a_quorum_is_of_different_keys_that_say_the_same(root: Path) -> None:
    two = signing(2)

    def by(*people: str, **fields: object) -> Callable[[Asked], Permit]:
        return lambda asked: permit_of(
            asked, [signed_answer(asked, by=one, **(fields if one == people[-1] else {})) for one in people]
        )

    assert (await caller(root, by("ada", "bob"), two)("fs.read", path="a.txt"))["text"] == "a.txt"
    assert "1 more" in await refusal(caller(root, by("ada"), two))
    assert "1 more" in await refusal(caller(root, by("ada", "ada"), two))
    assert "2 more" in await refusal(caller(root, by(), two))
    assert "says something else" in await refusal(caller(root, by("ada", "bob", data=1), two))
    assert "not among" in await refusal(caller(root, by("ada", "eve"), two))


async def test_whoever_started_the_run_is_not_believed(root: Path) -> None:
    strict = signing(not_starter=True)

    def by(starter: object) -> Callable[[Asked], Permit]:
        def make(asked: Asked) -> Permit:
            told = {**asked, "starter": starter} if starter else asked
            return permit_of(told, [signed_answer(told)])

        return make

    assert await caller(root, by({"id": "bob", "assurance": "signed"}), strict)("fs.read", path="a.txt")
    assert "started the run" in await refusal(caller(root, by({"id": "ada", "assurance": "signed"}), strict))
    assert "not signed" in await refusal(caller(root, by({"id": "bob", "assurance": "claimed"}), strict))
    assert "not signed" in await refusal(caller(root, by(None), strict))
    assert await caller(root, by({"id": "ada", "assurance": "signed"}))("fs.read", path="a.txt")


async def test_where_a_question_passed_on_its_new_people_are_believed(root: Path) -> None:
    later = TriggerRule(answerers=("role:guest",))
    rule = TriggerRule(answerers=("role:operator",), on_timeout="escalate", escalate=later)
    passing = signing(triggers={RISKY: rule})

    def by(person: str, answerers: list[str]) -> Callable[[Asked], Permit]:
        def make(asked: Asked) -> Permit:
            told = {**asked, "answerers": answerers}
            return permit_of(told, [signed_answer(told, by=person)])

        return make

    assert await caller(root, by("eve", ["role:guest"]), passing)("fs.read", path="a.txt")
    assert await caller(root, by("ada", ["role:operator"]), passing)("fs.read", path="a.txt")
    assert "not among" in await refusal(caller(root, by("eve", ["role:operator"]), passing))
    assert "not among" in await refusal(caller(root, by("eve", ["role:guest"])))


async def test_without_people_the_question_must_be_right_all_the_same(root: Path) -> None:
    plain = policy(risk={"low": "ask"})
    assert await caller(root, lambda asked: permit_of(asked, [answer_to(asked)]), plain)("fs.read", path="a.txt")
    undigested = caller(root, lambda asked: permit_of(asked, [answer_to(asked, digest=None)]), plain)
    assert await undigested("fs.read", path="a.txt")
    other = caller(root, lambda asked: permit_of(asked, [answer_to(asked, digest="0" * 64)]), plain)
    assert "digest is not that" in await refusal(other)
    nobody = caller(root, lambda asked: permit_of(asked, []), plain)
    assert "1 more" in await refusal(nobody)
    empty = Permit(pause="p1", triggers=(RISKY.value,), outcome="approve", by="ada", digest="0" * 64)
    assert "has the digest" in await refusal(Caller(root, plain, permit=empty))


async def test_a_runs_approval_covers_what_its_call_could_do(root: Path) -> None:
    tool = TOOLS.get("fs.read")
    assert tool is not None
    asked = asked_about(Caller(root, SIGNED).call("fs.read", {"path": "a.txt"}), tool.card, SIGNED, RISKY.value)
    approvals = {scope: permit_of(asked, [signed_answer(asked, scope=scope)], scope=scope) for scope in ("once", "run")}
    once, run = (Caller(root, SIGNED, permit=approvals[scope]) for scope in ("once", "run"))
    assert (await run("fs.read", path="a.txt", limit=1))["text"] == "a.txt"
    assert "`args_digest` is another" in await refusal(once, "a.txt", limit=1)
    assert "did not need" in await refusal(run, "b.txt")


GRANTABLE = CapabilitySet((Capability("fs.read", "b.txt"),))
ONLY_A = CapabilitySet((Capability("tool", "**"), Capability("fs.read", "a.txt")))


def granting(root: Path, grantable: CapabilitySet = GRANTABLE, edit: Edit | None = None) -> Caller:
    """Whoever reads `b.txt`, which the policy does not allow, with a person's grant of it."""
    document = signing(allow=ONLY_A, grantable=grantable, triggers={Trigger.CAPABILITY: TriggerRule()})
    tenant = dataclasses.replace(document.tenants["default"], risk=policy().tenants["default"].risk)
    document = dataclasses.replace(document, tenants={"default": tenant})
    tool = TOOLS.get("fs.read")
    assert tool is not None
    call = Caller(root, document).call("fs.read", {"path": "b.txt"})
    asked = {**asked_about(call, tool.card, document, Trigger.CAPABILITY.value), **(edit or {})}
    grant = permit_of(asked, [signed_answer(asked, outcome="grant")], outcome="grant")
    return Caller(root, document, grants=(grant,))


async def test_a_grant_widens_what_a_run_may_do_within_what_may_be_granted(root: Path) -> None:
    assert (await granting(root)("fs.read", path="b.txt"))["text"] == "b.txt"
    without = dataclasses.replace(granting(root), grants=())
    for one in (without, granting(root, CapabilitySet())):
        error = await one.fails("fs.read", path="b.txt")
        assert error.details[0]["rule"] == "capability.not_granted"


@pytest.mark.parametrize(
    "edit", [{"workflow_id": "default/g/x"}, {"first_run_id": "x"}, {"policy_digest": "0"}, {"triggers": ["on_budget"]}]
)
async def test_a_grant_to_another_run_widens_nothing(root: Path, edit: Edit) -> None:
    await refusal(granting(root, edit=edit), "b.txt")


async def test_a_grant_that_nobody_signed_widens_nothing(root: Path) -> None:
    one = granting(root)
    (grant,) = one.grants
    bare = [{key: value for key, value in answer.items() if key != "signature"} for answer in grant.answers]
    forged = dataclasses.replace(one, grants=(grant.model_copy(update={"answers": tuple(bare)}),))
    assert "a signature is needed" in await refusal(forged, "b.txt")
    again = signed({**bare[0], "scope": "tenant"}, "ada")
    wide = dataclasses.replace(one, grants=(grant.model_copy(update={"answers": (again,), "scope": "tenant"}),))
    assert "grants this run nothing" in await refusal(wide, "b.txt")


async def test_a_denial_beats_every_yes(root: Path) -> None:
    document = signing(deny=CapabilitySet((Capability("fs.read", "a.txt"),)))
    with pytest.raises(ApplicationError) as caught:
        await caller(root, yes, document)("fs.read", path="a.txt")
    assert caught.value.details[0]["rule"] == "capability.denied"


async def test_a_later_attempt_is_judged_by_when_the_call_was_made(root: Path) -> None:
    one = caller(root, yes)
    late = dataclasses.replace(one, scene=Scene("default", "default/g/k", NOW_MS + 3_600_000))
    assert "expired" in await refusal(late)
