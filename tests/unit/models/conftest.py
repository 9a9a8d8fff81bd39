"""A catalogue whose Anthropic provider reaches a server on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from activities.models.catalogue import Catalogue, load_catalogue

KEY = "sk-ant-canary-0123456789+/=abcdef"


@pytest.fixture
async def catalogue_at(tmp_path: Path) -> AsyncIterator[Callable[..., Catalogue]]:
    """Make catalogues of one alias `default` at a URL; they are closed at the end."""
    made: list[Catalogue] = []

    def make(url: str, extra: str = "", environ: dict[str, str] | None = None) -> Catalogue:
        file = tmp_path / "models.yaml"
        entry = f"provider: anthropic, model: claude-haiku-4-5, base_url: '{url}', api_key: env:CANARY_KEY"
        file.write_text(f"models: {{default: {{{entry}{extra}}}}}\n")
        environ = {"CANARY_KEY": KEY} if environ is None else environ
        made.append(load_catalogue(file, None, environ=environ))
        return made[-1]

    yield make
    for catalogue in made:
        await catalogue.close()
