"""The engine does exactly what the transcripts say."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import transcripts

FILES = sorted((Path(__file__).parents[2] / "scenarios").glob("*.txt"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_transcript_is_what_the_engine_does(path: Path, *, rewrite: bool) -> None:
    transcript = transcripts.read(path)
    played = transcripts.play(transcript)
    if rewrite:
        transcripts.write(path, transcript, played)
    assert played == transcript.exchanges or rewrite


def test_there_are_transcripts() -> None:
    assert len(FILES) > 10
