"""The bytes of a signed head name the run and the record that it is of."""

from __future__ import annotations

import pytest

from policies.audit_heads import HEAD_DOMAIN, head_bytes
from policies.canonical import canonical

PARTS: dict[str, object] = {
    "namespace": "default",
    "workflow_id": "default/g/k",
    "first_run_id": "r1",
    "seq": 3,
    "head": "0" * 64,
}


def signed(**changes: object) -> bytes:
    return head_bytes(**{**PARTS, **changes})  # type: ignore[arg-type]  # a table of arguments


def test_a_head_is_signed_with_the_run_that_it_is_of() -> None:
    assert signed() == HEAD_DOMAIN + canonical(PARTS)


@pytest.mark.parametrize("part", list(PARTS))
def test_another_part_gives_other_bytes(part: str) -> None:
    assert signed(**{part: 4 if part == "seq" else "other"}) != signed()
