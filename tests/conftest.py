"""What every test can ask for: one Temporal server for the whole run, and the switch that rewrites transcripts."""

from __future__ import annotations

import pytest

pytest_plugins = ["tests.support.server"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--rewrite",
        action="store_true",
        help="write the transcripts of tests/scenarios as they come out, to be reviewed as prose",
    )


@pytest.fixture(scope="session")
def rewrite(request: pytest.FixtureRequest) -> bool:
    """Whether transcripts are to be written again instead of compared."""
    return bool(request.config.getoption("--rewrite"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what reaches the server, so that `-m "not server"` never starts one."""
    for item in items:
        if "temporal_server" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.server)
