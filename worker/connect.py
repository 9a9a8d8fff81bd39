"""A client of the configured cluster, or an error that says why there is none."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import logging
import os
import socket
import sys
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, NoReturn, TypedDict, cast

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.converter import DataConverter
from temporalio.envconfig import ClientConfig
from temporalio.service import RPCError, RPCStatusCode, TLSConfig

from activities.storage import with_external_storage
from policies.errors import DocumentError, Problem
from worker.plain_failures import PlainFailureConverter
from worker.readable_payloads import ReadablePayloadConverter
from worker.sdk_runtime import sdk_runtime

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from temporalio.client import Plugin

    from activities.ports import BlobStore

DEFAULT_ADDRESS = "127.0.0.1:7233"
DEFAULT_NAMESPACE = "default"
REMEDY = "start one with `detent dev`, or point TEMPORAL_ADDRESS or a profile of temporal.toml at yours"


class Unreachable(Exception):
    """No server answered, or it has no such namespace; the message says where we looked and what to do."""


class Credentials(TypedDict, total=False):
    """What Temporal's configuration says beside address and namespace, as `Client.connect` takes it."""

    api_key: str
    tls: bool | TLSConfig
    rpc_metadata: Mapping[str, str | bytes]


@dataclass(frozen=True, slots=True)
class Target:
    """Where the cluster is, with the credentials that Temporal's own configuration gives."""

    address: str = DEFAULT_ADDRESS
    namespace: str = DEFAULT_NAMESPACE
    extra: Credentials = field(default_factory=Credentials, repr=False)


def target(environ: Mapping[str, str], address: str | None = None, namespace: str | None = None) -> Target:
    """What TEMPORAL_* and temporal.toml say, unless an argument says otherwise; `DocumentError` if unreadable."""
    try:
        config = ClientConfig.load_client_connect_config(override_env_vars=dict(environ))
    except Exception as error:
        if type(error).__name__ != "ConfigError":  # the SDK's bridge raises a type that it does not export
            raise
        file = environ.get("TEMPORAL_CONFIG_FILE")
        problem = Problem("temporal_config", f"temporal's client configuration: {error}".rstrip(), file=file)
        raise DocumentError((problem,)) from error
    configured = config.pop("target_host", DEFAULT_ADDRESS)
    found_address = address or configured
    found_namespace = config.pop("namespace", DEFAULT_NAMESPACE)
    if "://" in found_address:  # the SDK would take it, warn, and look for a host of that name
        message = f"temporal's address `{found_address}` is a URL"
        raise DocumentError((Problem("temporal_config", message, "TEMPORAL_ADDRESS", "write `host:port`"),))
    return Target(found_address, namespace or found_namespace, cast("Credentials", config))


def converter(blobs: BlobStore) -> DataConverter:
    """Pydantic JSON; payloads of 32 KiB and more lie in the blob store, and history keeps a reference."""
    plain = DataConverter(
        payload_converter_class=ReadablePayloadConverter, failure_converter_class=PlainFailureConverter
    )
    return with_external_storage(plain, blobs)


async def connect(
    where: Target, blobs: BlobStore, *, timeout_s: float = 10.0, plugins: Sequence[Plugin] = ()
) -> Client:
    """A client that has reached its namespace; `Unreachable` otherwise, after `timeout_s` at the latest."""
    try:
        async with asyncio.timeout(timeout_s):
            client = await Client.connect(
                where.address,
                namespace=where.namespace,
                identity=identity(),
                data_converter=converter(blobs),
                runtime=sdk_runtime(),
                plugins=plugins,
                **where.extra,
            )
            await _find_namespace(client)
    except TimeoutError as error:
        message = f"no answer from the temporal server at `{where.address}` within {timeout_s:g} s; {REMEDY}"
        raise Unreachable(message) from error
    except (RuntimeError, ValueError) as error:
        message = f"no temporal server at `{where.address}`: {_cause(error)}; {REMEDY}"
        raise Unreachable(message) from error
    return client


def identity() -> str:
    """Who this process acts as, `user@host`: Temporal records it with everything that it does."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user has no name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def worker_identity() -> str:
    """Who a worker acts as, `user@host#process`: there may be several of one user on one host."""
    return f"{identity()}#{os.getpid()}"


def leave(code: int) -> NoReturn:
    """End a short-lived process at once: the SDK can crash in Python's finalisation (sdk-python #300)."""
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # a reader that has gone, a stream that is closed
            stream.flush()
    os._exit(code)


async def _find_namespace(client: Client) -> None:
    request = DescribeNamespaceRequest(namespace=client.namespace)
    try:
        await client.workflow_service.describe_namespace(request, timeout=timedelta(seconds=30))
    except RPCError as error:
        if error.status is RPCStatusCode.PERMISSION_DENIED:  # a key that may run workflows and not look at namespaces
            return
        if error.status is RPCStatusCode.NOT_FOUND:
            message = f"the temporal server has no namespace `{client.namespace}`; set TEMPORAL_NAMESPACE or create it"
            raise Unreachable(message) from error
        raise Unreachable(f"the temporal server refused: {error.message}") from error


def _cause(error: Exception) -> str:
    text = str(error)
    for known, words in (
        ("ConnectionRefused", "connection refused"),
        ("dns error", "the host has no address"),
        ("get_system_info", "something else answers there"),
        ("InvalidContentType", "it does not speak TLS, which TEMPORAL_TLS, TEMPORAL_API_KEY or the profile asks for"),
        ("PrivateKeyParseError", "the client's TLS key cannot be parsed"),
        ("CertificateParseError", "a TLS certificate cannot be parsed"),
        ("invalid target URL", "not an address of the form `host:port`"),
    ):
        if known in text:
            return words
    return text.partition("\n")[0][:300]
