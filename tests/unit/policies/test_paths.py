"""A path has one spelling in the workspace, or none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.globs import BadPatternError
from policies.paths import normalise, parse_path


@pytest.mark.parametrize(
    ("path", "normal"),
    [
        ("a//b", "a/b"),
        ("./a", "a"),
        ("a/./b/", "a/b"),
        (".", "."),
        ("./", "."),
        (r"..\outside\secret", r"..\outside\secret"),
        ("~/.ssh/id_rsa", "~/.ssh/id_rsa"),
        ("$HOME/x", "$HOME/x"),
        ("..%2fx", "..%2fx"),
        ("\uff0e\uff0e/x", "\uff0e\uff0e/x"),
        ("...", "..."),
        ("a\u00a0b", "a\u00a0b"),
        ("👩\u200d💻", "👩\u200d💻"),
    ],
)
def test_a_path_is_spelled_one_way(path: str, normal: str) -> None:
    assert normalise(path) == normal


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("", "empty"),
        ("/etc/passwd", "absolute"),
        ("//etc/passwd", "absolute"),
        ("..", "out of the workspace"),
        ("./../x", "out of the workspace"),
        ("a/../b", "out of the workspace"),
        ("sub/deep/../../../x", "out of the workspace"),
        ("a.txt\0.png", r"U\+0000"),
        ("a\nb", r"U\+000A"),
        ("a\x7fb", r"U\+007F"),
        ("a\x85b", r"U\+0085"),
        ("a\u202eb", r"U\+202E"),
        ("a\u2066b", r"U\+2066"),
        ("a\udc80b", r"U\+DC80"),
    ],
)
def test_a_path_that_leads_elsewhere_has_no_spelling(path: str, why: str) -> None:
    with pytest.raises(BadPatternError, match=why):
        normalise(path)


@given(st.text(alphabet="a./\\*~", max_size=12))
def test_a_spelling_is_final_and_stays_inside(path: str) -> None:
    try:
        normal = normalise(path)
    except BadPatternError:
        return
    assert normalise(normal) == normal
    assert normal == "." or not {"", ".", ".."} & set(normal.split("/"))


def test_a_pattern_must_be_in_its_one_spelling() -> None:
    with pytest.raises(BadPatternError, match="write `a/b`"):
        parse_path("./a//b")
