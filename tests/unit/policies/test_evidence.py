"""The mutation table of answers: each row is refused, and would count without the one thing that is wrong with it."""

from __future__ import annotations

from typing import Any

import pytest

from policies.evidence import (
    Ground,
    Speaker,
    Standard,
    missing,
    parse_time,
    speaker_of,
    why_no_control,
    why_unfit,
)
from policies.people import Answerers, Approvals, Person
from policies.signing import control_bytes
from tests.support.signers import public_key, signature, signed

NOW_MS = 1_790_000_000_000
DIGEST = "d" * 64
PEOPLE = Answerers(
    require_signature=True,
    people=(
        Person("ada", ("operator",), public_key("ada")),
        Person("bob", ("operator", "finance"), public_key("bob")),
        Person("bob2", ("operator",), public_key("bob")),
        Person("eve", ("guest",), public_key("eve")),
        Person("mute", ("operator",)),
    ),
)
KEYS = {"bob2": "bob"}
NOBODY = Answerers()
OPERATOR = Standard(("role:operator",), signed=True)
ANSWER = {
    "v": 1,
    "pause": "p1",
    "digest": DIGEST,
    "outcome": "approve",
    "scope": "once",
    "by": "ada",
    "issued_at": "2026-09-21T13:30:00Z",
    "expires_at": "2026-09-21T15:00:00Z",
}


def judged(answer: dict[str, object], **other: Any) -> str | None:
    given: dict[str, Any] = {
        "digest": DIGEST,
        "answerers": PEOPLE,
        "standard": OPERATOR,
        "starter": ("carl", "signed"),
        "revoked": (),
        "now_ms": NOW_MS,
    }
    return why_unfit(answer, **{**given, **other})


def said(name: str = "ada", **fields: object) -> dict[str, object]:
    """A signed answer of this person, with these fields; null takes one out."""
    answer = {key: value for key, value in {**ANSWER, "by": name, **fields}.items() if value is not None}
    return signed(answer, KEYS.get(name, name))


def test_a_signed_answer_counts() -> None:
    assert judged(said()) is None


@pytest.mark.parametrize("field", ["pause", "outcome", "scope", "by", "issued_at", "expires_at", "data", "v", "nonce"])
def test_an_edited_field_breaks_the_signature(field: str) -> None:
    other = {"by": "bob", "issued_at": "2026-09-21T13:30:01Z", "expires_at": "2026-09-21T15:00:01Z", "scope": "run"}
    edited = {**said(), field: other.get(field, "other")}
    assert "signature is not one of" in str(judged(edited))
    assert judged(signed(edited, str(edited["by"]))) is None  # it was the signature, and nothing else


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (said(digest=None), "does not say what"),
        (said(digest="e" * 64), "digest is not that"),
        ({**ANSWER}, "a signature is needed"),
        ({**ANSWER, "signature": ""}, "signature is not one"),
        ({**ANSWER, "signature": 7}, "signature is not one"),
        ({**said("bob"), "by": "ada"}, "signature is not one of `ada`"),
        (said("zed"), "nobody whom"),
        ({**said("ada"), "by": "mute"}, "no public key of `mute`"),
        (said("eve"), "not among those who may: role:operator"),
        (said(issued_at=None), "`issued_at` is needed"),
        (said(expires_at=None), "`expires_at` is needed"),
        (said(issued_at="yesterday"), "not an RFC 3339"),
        (said(expires_at="2026-09-21T15:00:00"), "not an RFC 3339"),
        (said(issued_at="2026-09-21T14:30:00Z"), "in the future"),
        (said(expires_at="2026-09-21T14:13:20Z"), "expired"),
        (said(issued_at="2026-09-20T14:59:59Z"), "longer than 24 hours"),
        (said(scope="tenant"), "no approvals for a whole tenant"),
        ({**said(), "data": 1.0}, "no one form"),
        ({**said(data="Caf\u00e9"), "data": "Cafe\u0301"}, "no one form"),
        ({**said(data=1), "data": 1.0}, "no one form"),
    ],
)
def test_an_answer_is_refused_for(answer: dict[str, object], why: str) -> None:
    assert why in str(judged(answer))


def test_a_twin_would_be_one_number_without_the_check() -> None:
    from_one = said(data=1)
    assert judged(from_one) is None
    assert "no one form" in str(judged({**from_one, "data": 1.0}))


def test_a_signers_clock_may_be_a_minute_ahead() -> None:
    assert judged(said(issued_at="2026-09-21T14:14:20Z")) is None
    assert judged(said(issued_at="2026-09-21T14:14:21Z")) is not None


def test_a_whole_tenant_is_approved_for_as_long_as_the_policy_says() -> None:
    month = said(scope="tenant", expires_at="2026-10-20T00:00:00Z")
    assert judged(month, approvals=Approvals(tenant=True)) is None
    assert "longer than 240 hours" in str(judged(month, approvals=Approvals(tenant=True, max_s=864_000)))
    assert "longer than 24" in str(judged(said(expires_at="2026-10-20T00:00:00Z"), approvals=Approvals(tenant=True)))


def test_a_whole_tenant_is_never_approved_unsigned() -> None:
    unsigned = {**ANSWER, "scope": "tenant"}
    found = judged(unsigned, answerers=NOBODY, standard=Standard(), approvals=Approvals(tenant=True))
    assert "a signature is needed" in str(found)


@pytest.mark.parametrize("revoked", ["ada", public_key("ada"), DIGEST, DIGEST[:16]])
def test_what_is_revoked_no_longer_counts(revoked: str) -> None:
    assert "revoked" in str(judged(said(), revoked=(revoked,)))
    assert judged(said(), revoked=("other", public_key("eve"), "e" * 64)) is None


def test_a_claimed_answer_of_a_revoked_id_does_not_count() -> None:
    assert "revoked" in str(judged({"by": "ada"}, answerers=NOBODY, standard=Standard(), revoked=("ada",)))


def test_who_started_the_run_may_not_answer_for_it() -> None:
    standard = Standard(("role:operator",), not_starter=True, signed=True)
    assert judged(said(), standard=standard) is None
    assert "started the run" in str(judged(said(), standard=standard, starter=("ada", "signed")))
    assert "started the run" in str(judged(said("bob2"), standard=standard, starter=("bob", "signed")))
    assert judged(said(), standard=OPERATOR, starter=("ada", "signed")) is None


@pytest.mark.parametrize("starter", [None, ("carl", "claimed")])
def test_a_start_that_nobody_signed_tells_nobody_who_may_not_answer(starter: tuple[str, str] | None) -> None:
    standard = Standard(not_starter=True, signed=True)
    assert "not signed" in str(judged(said(), standard=standard, starter=starter))


@pytest.mark.parametrize(
    ("entry", "by", "fits"),
    [
        ("any", "zed", True),
        ("ada", "ada", True),
        ("person:ada", "ada", True),
        ("ada", "bob", False),
        ("role:operator", "bob", True),
        ("role:operator", "zed", False),
        ("role:guest", "ada", False),
        ("role:operator&role:finance", "bob", True),
        ("role:operator&role:finance", "ada", False),
        ("role:operator&ada", "ada", True),
        ("not_starter", "ada", False),
    ],
)
def test_an_entry_names_all_that_one_person_must_be(entry: str, by: str, *, fits: bool) -> None:
    answerers = Answerers(people=PEOPLE.people)
    found = judged({**ANSWER, "by": by}, answerers=answerers, standard=Standard((entry,)))
    assert (found is None) == fits
    assert judged({**ANSWER, "by": by}, answerers=answerers, standard=Standard(("nobody", entry))) == (
        None if fits else f"`{by}` is not among those who may: nobody or {entry}"
    )


def test_without_people_a_role_is_anyone_and_a_name_is_a_name() -> None:
    for entry, fits in (("role:operator", True), ("zed", True), ("ada", False)):
        found = judged({"by": "zed"}, answerers=NOBODY, standard=Standard((entry,)))
        assert (found is None) == fits


def test_without_signatures_a_digest_may_be_left_out_but_not_wrong() -> None:
    assert judged({"by": "zed"}, answerers=NOBODY, standard=Standard()) is None
    assert judged({"by": "zed", "digest": "other"}, answerers=NOBODY, standard=Standard()) is not None


def test_a_signature_that_is_not_needed_must_hold_all_the_same() -> None:
    answerers = Answerers(people=PEOPLE.people)
    assert judged(said(), answerers=answerers, standard=Standard()) is None
    assert judged({**said(), "data": 5}, answerers=answerers, standard=Standard()) is not None
    assert "nobody whom" in str(judged(said(), answerers=NOBODY, standard=Standard()))


def test_a_speaker_is_signed_or_claimed() -> None:
    assert speaker_of(said(), PEOPLE) == Speaker("ada", "signed", public_key("ada"))
    assert speaker_of({"by": "ada"}, PEOPLE).name == "claimed:ada"
    assert speaker_of({"by": "zed, ada"}, PEOPLE).name == "claimed:zed_ ada", "one claim never reads as two people"
    assert speaker_of(said("zed"), PEOPLE).assurance == "claimed"
    assert speaker_of(said(), PEOPLE).name == "ada"


def test_a_quorum_counts_people_and_keys_once() -> None:
    ada, bob, again = said("ada"), said("bob"), said("bob2")
    assert missing([], PEOPLE, 2) == 2
    assert missing([ada, ada], PEOPLE, 2) == 1
    assert missing([bob, again], PEOPLE, 2) == 1
    assert missing([ada, bob, again], PEOPLE, 2) == 0
    assert missing([{"by": "x"}, {"by": "y"}], NOBODY, 1) == 0


@pytest.mark.parametrize("text", [None, 5, "", "now", "2026-01-01", "2026-01-01T00:00:00"])
def test_only_times_with_a_zone_are_times(text: object) -> None:
    assert parse_time(text) is None


def test_times_are_utc_milliseconds() -> None:
    assert parse_time("1970-01-01T01:00:00.5+01:00") == 500


RUN = {"namespace": "default", "workflow_id": "t/g/k", "first_run_id": "r1"}
CONTROL = {key: ANSWER[key] for key in ("v", "by", "issued_at", "expires_at")}


def controlled(control: dict[str, object], action: str = "resume", who: str = "operator", **over: Any) -> str | None:
    ground = over.pop("ground", Ground(PEOPLE, NOW_MS))
    return why_no_control(control, ground, action=action, who=who, **{**RUN, **over})


def control_of(name: str, action: str = "resume", **fields: object) -> dict[str, object]:
    control = {**CONTROL, "by": name, **fields}
    return {**control, "signature": signature(name, control_bytes(control, action=action, **RUN))}


def test_a_signed_control_is_obeyed_where_its_role_is_asked_for() -> None:
    assert controlled(control_of("ada")) is None
    assert "not among" in str(controlled(control_of("eve")))
    assert controlled(control_of("eve"), who="any") is None


@pytest.mark.parametrize("field", ["namespace", "workflow_id", "first_run_id"])
def test_a_control_of_another_run_is_not_obeyed(field: str) -> None:
    assert "signature is not" in str(controlled(control_of("ada"), **{field: "other"}))


def test_a_control_for_another_action_is_not_obeyed() -> None:
    assert "signature is not" in str(controlled(control_of("ada", "pause"), "resume"))


def test_what_anyone_may_do_needs_no_signature_except_repin() -> None:
    assert controlled({"by": "zed"}, "pause", "any") is None
    assert "a signature is needed" in str(controlled({"by": "ada"}, "resume"))
    assert "a signature is needed" in str(controlled({"by": "ada"}, "repin", "any"))
    assert "a signature is needed" in str(controlled({"by": "ada"}, "repin", ground=Ground(NOBODY, NOW_MS)))
    assert controlled({"by": "ada"}, "resume", ground=Ground(NOBODY, NOW_MS)) is None


def test_an_old_or_revoked_control_is_not_obeyed() -> None:
    assert "expired" in str(controlled(control_of("ada", expires_at="2026-09-21T14:00:00Z")))
    assert "revoked" in str(controlled(control_of("ada"), ground=Ground(PEOPLE, NOW_MS, ("ada",))))
