"""Objects in which a key stands twice are refused, and nothing else is."""

from __future__ import annotations

import pytest

from workflows.contracts.twins import TwinKey, refuse_twins


@pytest.mark.parametrize(
    "data", [b'{"a":1,"a":2}', b'[{"x":{"a":1,"\\u0061":1}}]', b'{"outcome":"deny","outcome":"approve"}']
)
def test_a_key_that_stands_twice_is_named(data: bytes) -> None:
    with pytest.raises(TwinKey, match="stands twice"):
        refuse_twins(data)


@pytest.mark.parametrize(
    "data", [b'{"a":{"a":1},"b":[{"a":1},{"a":2}]}', b"{", b"\xff", pytest.param(b"[" * 200_000, id="deep")]
)
def test_everything_else_is_for_others_to_judge(data: bytes) -> None:
    refuse_twins(data)
