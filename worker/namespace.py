"""What Detent needs of a Temporal namespace: search attributes and, on our own server, retention."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, UpdateNamespaceRequest

from workflows.contracts.names import SEARCH_ATTRIBUTES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from temporalio.client import Client

RETENTION = timedelta(days=3650)
RPC_TIMEOUT = timedelta(seconds=5)


async def missing_search_attributes(client: Client) -> tuple[tuple[str, str], ...]:
    """Our search attributes that the client's namespace lacks or has with another type, as (name, type)."""
    request = ListSearchAttributesRequest(namespace=client.namespace)
    answer = await client.operator_service.list_search_attributes(request, timeout=RPC_TIMEOUT)
    return tuple((name, kind) for name, kind in SEARCH_ATTRIBUTES if answer.custom_attributes.get(name) != _type(kind))


def how_to_register(missing: Sequence[tuple[str, str]]) -> str:
    """The command that registers search attributes, for whoever operates the cluster."""
    pairs = " ".join(f"--name {name} --type {kind}" for name, kind in missing)
    return f"temporal operator search-attribute create {pairs}"


async def prepare_namespace(client: Client) -> None:
    """Register what is missing and keep closed runs (a development server deletes them after a day); safe to repeat."""
    missing = await missing_search_attributes(client)
    if missing:
        request = AddSearchAttributesRequest(namespace=client.namespace)
        for name, kind in missing:
            request.search_attributes[name] = _type(kind)
        await client.operator_service.add_search_attributes(request, timeout=RPC_TIMEOUT)
    await _keep_closed_runs(client)


async def _keep_closed_runs(client: Client) -> None:
    described = await client.workflow_service.describe_namespace(
        DescribeNamespaceRequest(namespace=client.namespace), timeout=RPC_TIMEOUT
    )
    if described.config.workflow_execution_retention_ttl.ToTimedelta() >= RETENTION:
        return
    config = NamespaceConfig()
    config.workflow_execution_retention_ttl.FromTimedelta(RETENTION)
    request = UpdateNamespaceRequest(namespace=client.namespace, config=config)
    await client.workflow_service.update_namespace(request, timeout=RPC_TIMEOUT)


def _type(kind: str) -> IndexedValueType.ValueType:
    return IndexedValueType.Value(f"INDEXED_VALUE_TYPE_{kind.upper()}")
