"""Who there is and what they may do; what nobody could answer or prove does not load."""

from __future__ import annotations

import pytest

from policies.document import parse_policy
from policies.people import Answerers, Approvals, Controls, Person, admits, can_sign
from tests.support.signers import public_key
from tests.unit.policies.documents import DIGEST, FULL, PEOPLE, changed, problems_of, small

ADA, BOB = PEOPLE[0], PEOPLE[1]
IDENTITY = "ed25519:AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="


def signed(people: object = PEOPLE, **parts: object) -> dict[str, object]:
    return small(answerers={"require_signature": True, "people": people}, **parts)


def claimed(people: object = PEOPLE, **parts: object) -> dict[str, object]:
    return small(answerers={"people": people}, **parts)


def asking(**rule: object) -> dict[str, object]:
    return {"on_risky_tool": rule}


def test_people_have_roles_and_keys() -> None:
    house = parse_policy(FULL).house
    assert house.answerers == Answerers(
        require_signature=True,
        people=(
            Person("ada", ("operator", "lead"), public_key("ada")),
            Person("bob", ("operator",), public_key("bob")),
            Person("cyd@example.org", ("auditor",)),
        ),
    )
    assert house.controls == Controls("operator", "any", "operator", "lead", "any")
    assert house.approvals == Approvals(tenant=True, max_s=7 * 86_400.0)
    assert parse_policy(small()).house.approvals == Approvals(tenant=False, max_s=30 * 86_400.0)


def test_a_role_may_be_written_as_answerers_write_it() -> None:
    (person,) = parse_policy(claimed([{"id": "ada", "roles": ["role:lead", "lead"]}])).house.answerers.people
    assert person.roles == ("lead",)


@pytest.mark.parametrize(
    ("people", "path", "code"),
    [
        ({}, "people", "wrong_type"),
        (["ada"], "people[0]", "wrong_type"),
        ([{}], "people[0]", "missing"),
        ([{"id": "ada", "name": "Ada"}], "people[0].name", "unknown_key"),
        ([{"id": ""}], "people[0].id", "wrong_value"),
        ([{"id": 7}], "people[0].id", "wrong_value"),
        ([{"id": "ada l"}], "people[0].id", "wrong_value"),
        ([{"id": "ada&bob"}], "people[0].id", "wrong_value"),
        ([{"id": "role:operator"}], "people[0].id", "wrong_value"),
        ([{"id": "claimed:ada"}], "people[0].id", "wrong_value"),
        ([{"id": "аda"}], "people[0].id", "wrong_value"),
        ([{"id": "-ada"}], "people[0].id", "wrong_value"),
        ([{"id": "a" * 129}], "people[0].id", "wrong_value"),
        *(([{"id": name}], "people[0].id", "wrong_value") for name in ("any", "unknown", "preset", "not_starter")),
        ([{"id": "ada", "roles": "lead"}], "people[0].roles", "wrong_type"),
        ([{"id": "ada", "roles": ["Lead"]}], "people[0].roles[0]", "wrong_value"),
        ([{"id": "ada", "roles": ["any"]}], "people[0].roles[0]", "wrong_value"),
        ([{"id": "ada", "roles": ["lead"] * 33}], "people[0].roles", "too_many"),
        ([{"id": f"p{number}"} for number in range(257)], "people", "too_many"),
        ([ADA, {"id": "ada"}], "people[1].id", "duplicate"),
        ([ADA, {**BOB, "public_key": public_key("ada")}], "people[1].public_key", "duplicate"),
        ([{"id": "ada", "public_key": 5}], "people[0].public_key", "bad_key"),
        ([{"id": "ada", "public_key": "rsa:AAAA"}], "people[0].public_key", "bad_key"),
        ([{"id": "ada", "public_key": "ed25519:AAAA"}], "people[0].public_key", "bad_key"),
        ([{"id": "ada", "public_key": IDENTITY}], "people[0].public_key", "bad_key"),
    ],
)
def test_people_who_could_not_be_told_apart_or_trusted_are_refused(people: object, path: str, code: str) -> None:
    assert problems_of(claimed(people)) == [(code, f"answerers.{path}")]


def test_signatures_need_somebody_who_can_sign() -> None:
    nobody = [("no_signer", "answerers.people")]
    assert problems_of(signed([])) == nobody
    assert problems_of(signed([{"id": "ada"}], triggers=asking(quorum=2))) == nobody
    assert problems_of(signed([ADA], revoked=[public_key("ada")])) == nobody
    assert parse_policy(signed([ADA])).house.answerers.require_signature


@pytest.mark.parametrize(
    ("parts", "path"),
    [
        ({"triggers": asking(quorum=2)}, "triggers.on_risky_tool.quorum"),
        ({"triggers": asking(not_starter=True)}, "triggers.on_risky_tool.not_starter"),
        ({"triggers": asking(answerers=["not_starter"])}, "triggers.on_risky_tool.not_starter"),
        ({"triggers": {"on_human_node": {"quorum": 2}}}, "triggers.on_human_node.quorum"),
        (
            {"triggers": asking(deadline="1h", on_timeout="escalate", escalate={"answerers": ["any"], "quorum": 2})},
            "triggers.on_risky_tool.escalate.quorum",
        ),
        ({"triggers": {"on_capability": {}}}, "triggers.on_capability"),
        ({"approvals": {"tenant": "allow"}}, "approvals.tenant"),
    ],
)
def test_what_must_be_signed_needs_signatures(parts: dict[str, object], path: str) -> None:
    assert problems_of(claimed(**parts)) == [("unsigned", path)]
    assert problems_of(small(**parts)) == [("unsigned", path)]
    assert parse_policy(signed(**parts)).tenants


def test_a_raise_is_not_offered_rather_than_refused_without_signatures() -> None:
    document = small(tenants={"default": {"budgets": {"max_raise": {"cost_usd": 20}}}})
    assert parse_policy(document).tenants["default"].max_raise == {"cost_nano": 20 * 10**9}


@pytest.mark.parametrize(
    ("rule", "enough"),
    [
        ({"quorum": 2}, True),
        ({"quorum": 3}, False),
        ({"answerers": ["role:operator"], "quorum": 2}, True),
        ({"answerers": ["role:operator", "ada"], "quorum": 3}, False),
        ({"answerers": ["role:lead"], "quorum": 2}, False),
        ({"answerers": ["role:lead", "bob"], "quorum": 2}, True),
        ({"answerers": ["cyd@example.org"]}, False),
        ({"answerers": ["role:auditor", "bob"], "quorum": 2}, False),
    ],
)
def test_a_quorum_is_of_people_who_can_sign(rule: dict[str, object], enough: bool) -> None:
    document = signed(triggers=asking(**rule))
    if enough:
        assert parse_policy(document).tenants
    else:
        assert problems_of(document) == [("quorum", "triggers.on_risky_tool.quorum")]


def test_a_revoked_key_counts_for_no_quorum() -> None:
    document = signed(triggers=asking(quorum=2))
    assert parse_policy(document).tenants
    revoked = document | {"revoked": [public_key("bob"), DIGEST]}
    assert problems_of(revoked) == [("quorum", "triggers.on_risky_tool.quorum")]


def test_an_escalation_must_be_answerable_too() -> None:
    escalate = {"answerers": ["role:lead"], "quorum": 2}
    rule = {"deadline": "1h", "on_timeout": "escalate", "escalate": escalate}
    assert problems_of(signed(triggers=asking(**rule))) == [("quorum", "triggers.on_risky_tool.escalate.quorum")]


@pytest.mark.parametrize("entry", ["role:operatr", "adam", "person:adam"])
def test_nobody_is_asked_who_is_not_there(entry: str) -> None:
    place = "triggers.on_risky_tool.answerers"
    assert problems_of(claimed(triggers=asking(answerers=[entry]))) == [("unknown_answerer", place)]
    assert parse_policy(small(triggers=asking(answerers=[entry]))).tenants, "without people, anyone may be anybody"


@pytest.mark.parametrize(
    ("controls", "code"),
    [
        ({"pause": "leed"}, "unknown_answerer"),
        ({"pause": "Any"}, "wrong_value"),
        ({"pause": "role:any"}, "wrong_value"),
        ({"pause": None}, "wrong_value"),
        ({"pauze": "any"}, "unknown_key"),
    ],
)
def test_a_control_is_for_anyone_or_for_a_role(controls: dict[str, object], code: str) -> None:
    ((found, path),) = problems_of(claimed(controls=controls))
    assert (found, path) == (code, f"controls.{next(iter(controls))}")


def test_controls_are_the_operators_even_where_nobody_is_one() -> None:
    assert parse_policy(claimed([{"id": "ada"}])).house.controls.resume == "operator"


@pytest.mark.parametrize(
    ("approvals", "path", "code"),
    [
        ({"tenant": True}, "approvals.tenant", "wrong_value"),
        ({"max": "0s"}, "approvals.max", "wrong_value"),
        ({"max": "3651d"}, "approvals.max", "wrong_value"),
        ({"min": "1d"}, "approvals.min", "unknown_key"),
    ],
)
def test_standing_approvals_end(approvals: dict[str, object], path: str, code: str) -> None:
    assert problems_of(signed(approvals=approvals)) == [(code, path)]


@pytest.mark.parametrize(
    ("entry", "code", "path"),
    [
        ("", "wrong_value", "revoked[0]"),
        ("role:lead", "wrong_value", "revoked[0]"),
        ("any", "wrong_value", "revoked[0]"),
        ("ed25519:AAAA", "bad_key", "revoked[0]"),
        (IDENTITY, "bad_key", "revoked[0]"),
        (DIGEST + "0", "unknown_answerer", "revoked"),
        ("adda", "unknown_answerer", "revoked"),
    ],
)
def test_what_is_revoked_is_an_approval_a_key_or_a_person(entry: str, code: str, path: str) -> None:
    assert problems_of(claimed(revoked=[entry])) == [(code, path)]


def test_a_revoked_person_proves_nothing() -> None:
    house = parse_policy(claimed(revoked=["person:bob", DIGEST[:16]])).house
    assert house.revoked == (DIGEST[:16], "bob")
    assert problems_of(signed([ADA], revoked=["ada"])) == [("no_signer", "answerers.people")]
    assert problems_of(signed(triggers=asking(quorum=2), revoked=["bob"])) == [
        ("quorum", "triggers.on_risky_tool.quorum")
    ]


def test_what_is_revoked_twice_is_revoked_once() -> None:
    assert parse_policy(small(revoked=[DIGEST, public_key("bob"), DIGEST])).house.revoked == (
        DIGEST,
        public_key("bob"),
    )
    assert problems_of(small(revoked=[DIGEST] * 1025)) == [("too_many", "revoked")]


@pytest.mark.parametrize(
    ("starters", "code"),
    [
        (["role:operatr"], "unknown_answerer"),
        (["role:auditor"], "no_signer"),
        ([], "wrong_value"),
        (["not_starter"], "wrong_value"),
        ("ada", "wrong_type"),
    ],
)
def test_whoever_must_sign_a_start_has_a_key(starters: object, code: str) -> None:
    place = "tenants.default.starters"
    document = claimed(tenants={"default": {"starters": starters}})
    assert [(found, path.split("[")[0]) for found, path in problems_of(document)] == [(code, place)]


def test_starts_may_have_to_be_signed_where_answers_need_not() -> None:
    for starters, kept in ((["ada"], ("ada",)), (["any"], ("any",)), (None, ())):
        tenant = parse_policy(claimed(tenants={"default": {"starters": starters}})).tenants["default"]
        assert tenant.starters == kept
    assert problems_of(small(tenants={"default": {"starters": ["any"]}})) == [("no_signer", "tenants.default.starters")]


@pytest.mark.parametrize(
    ("entries", "admitted"),
    [
        ([], True),
        (["any"], True),
        (["ada"], True),
        (["person:ada"], True),
        (["role:lead"], True),
        (["bob", "role:lead"], True),
        (["role:lead&ada"], True),
        (["any&role:lead"], True),
        (["bob"], False),
        (["role:ada"], False),
        (["lead"], False),
        (["role:lead&role:auditor"], False),
        (["role:lead&bob"], False),
    ],
)
def test_an_entry_admits_whom_it_names(entries: list[str], admitted: bool) -> None:
    assert admits(entries, "ada", ("operator", "lead")) is admitted


def test_whoever_cannot_prove_it_may_not_answer() -> None:
    ada, cyd = Person("ada", ("lead",), "k"), Person("cyd", ("lead",))
    assert Answerers(require_signature=True, people=(ada, cyd)).able(["role:lead"]) == (ada,)
    assert Answerers(require_signature=True, people=(ada, cyd)).able([], revoked=["k"]) == ()
    assert Answerers(people=(ada, cyd)).able(["role:lead"]) == (ada, cyd)
    assert Answerers(people=(ada, cyd)).find("cyd") is cyd
    assert Answerers().find("cyd") is None
    assert (can_sign(ada), can_sign(cyd), can_sign(ada, ["k"])) == (True, False, False)


def test_changed_parts_are_told_at_their_place() -> None:
    assert problems_of(changed("answerers/people/1/id", "ada")) == [("duplicate", "answerers.people[1].id")]


@pytest.mark.parametrize("odd", [[], {}, [["ada"]], {"env": "ADA"}, 1, None, True])
def test_id_that_is_no_text_is_a_mistake_like_any_other(odd: object) -> None:
    assert "answerers.people[0].id" in str(problems_of(claimed([{**ADA, "id": odd}])))
