"""How a provider's SDK may reach its endpoint."""

from __future__ import annotations

import os

import httpx2

from activities.models.endpoint import Endpoint

CONNECT_S, IDLE_S, WRITE_S = 10.0, 120.0, 60.0
TIMEOUT = httpx2.Timeout(connect=CONNECT_S, read=IDLE_S, write=WRITE_S, pool=CONNECT_S)


def direct(endpoint: Endpoint) -> dict[str, None]:
    """Hosts that are reached without a proxy: one that the environment names is never for this machine itself."""
    return {f"all://{endpoint.host}": None} if endpoint.is_loopback else {}


def ambient_headers(variable: str) -> list[str]:
    """Names of the headers that an SDK would take from a variable and send of itself."""
    lines = os.environ.get(variable, "").split("\n")
    return [line.partition(":")[0].strip() for line in lines if ":" in line]
