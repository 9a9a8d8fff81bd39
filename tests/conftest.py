"""What every test can ask for: one Temporal server for the whole run, and the switch that rewrites transcripts."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.support.server"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--rewrite",
        action="store_true",
        help="write the transcripts of tests/scenarios as they come out, to be reviewed as prose",
    )


def pytest_configure() -> None:
    """Run the same on every machine: without personal settings, without chance, without a key that costs money."""
    for name in [
        name
        for name in os.environ
        if name.startswith(("TEMPORAL_", "DETENT_", "ANTHROPIC_", "OPENAI_", "AWS_", "OTEL_"))
    ]:
        del os.environ[name]
    os.environ["TEMPORAL_CONFIG_FILE"] = os.devnull
    # A deadline would measure the machine. `--hypothesis-profile explore` looks for what nobody has seen yet.
    slow = [HealthCheck.too_slow]
    settings.register_profile("detent", deadline=None, suppress_health_check=slow, derandomize=True, print_blob=True)
    settings.register_profile("explore", deadline=None, suppress_health_check=slow, max_examples=2000, print_blob=True)
    settings.load_profile("detent")


@pytest.fixture(scope="session")
def rewrite(request: pytest.FixtureRequest) -> bool:
    """Whether transcripts are to be written again instead of compared."""
    return bool(request.config.getoption("--rewrite"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what reaches the server, so that `-m "not server"` never starts one."""
    for item in items:
        if "temporal_server" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.server)
