"""The generated documents are those that would be generated now."""

from __future__ import annotations

from docs.generate import stale


def test_the_generated_documents_are_what_would_be_generated_now() -> None:
    assert stale() == []
