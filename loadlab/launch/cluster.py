"""The Kubernetes API as the launcher uses it: objects as plain dicts, and a port of a pod on this machine.

Every call is one HTTP request; what goes wrong is a LaunchError, translated here and nowhere else.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import anyio.from_thread
import httpx
import kr8s
import kr8s.asyncio

from loadlab.errors import ClusterRefused, ClusterUnreachable
from loadlab.launch.credentials import UNAUTHORIZED, renew
from loadlab.launch.forward import forward_port

T = TypeVar("T")

RESOURCES: dict[str, str] = {
    "pods": "v1",
    "services": "v1",
    "configmaps": "v1",
    "secrets": "v1",
    "serviceaccounts": "v1",
    "events": "v1",
    "jobs": "batch/v1",
    "deployments": "apps/v1",
    "networkpolicies": "networking.k8s.io/v1",
}
"""What the launcher asks for -> the API version that it is in."""

IN_CLUSTER = "in-cluster"
"""The name of the context of a process in a pod that has no kubeconfig."""

_SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
TIMEOUT_S = 15.0
RETRIES_S = (0.2, 0.5, 1.0, 2.0)
"""Pauses before a request is made again."""

MAX_PAUSE_S = 10.0
"""A server that asks for a longer pause does not get it."""


def is_inside_cluster() -> bool:
    """True if this process runs in a pod, where the names of Services resolve."""
    return (_SERVICE_ACCOUNT / "token").exists()


class Cluster:
    """One namespace of the cluster that a context of the kubeconfig names. Close it after use.

    Raises ClusterUnreachable when the context is unknown or nothing answers.
    """

    def __init__(self, context: str | None = None, namespace: str | None = None) -> None:
        self._stack = ExitStack()
        self._portal = self._stack.enter_context(anyio.from_thread.start_blocking_portal())
        try:
            self._api = self._connect(context, namespace)
        except BaseException:
            self._stack.close()
            raise
        self.namespace: str = namespace or self._own_namespace() or self._api.namespace
        self.kubeconfig_context: str | None = self._api.auth.active_context or None
        """The context of the kubeconfig that this leads to, also where none was asked for; None in a pod without one.
        Which one is current may change, so helm is told this one."""
        self.context: str = self.kubeconfig_context or context or IN_CLUSTER
        self.server: str = self._api.auth.server

    def _connect(self, context: str | None, namespace: str | None) -> Any:
        async def connect() -> Any:
            api = await kr8s.asyncio.api(context=context, namespace=namespace)
            api.auth._use_context = api.auth.active_context or None  # whichever is current when it is read again
            return api

        try:
            return self._portal.call(connect)
        except Exception as error:  # a kubeconfig, and the program that it names, can be wrong in every way
            named = f"context '{context}'" if context else "the current context"
            raise ClusterUnreachable(
                f"{named} of the kubeconfig leads to no cluster: {_words(error)}. "
                "`kubectl config get-contexts` lists the contexts there are."
            ) from error

    def _own_namespace(self) -> str:
        """The namespace of the pod that this process runs in, where no kubeconfig names another one."""
        path = _SERVICE_ACCOUNT / "namespace"
        return "" if self._api.auth.active_context or not path.exists() else path.read_text().strip()

    def _call(self, work: Callable[[], Coroutine[Any, Any, T]], doing: str) -> T:
        try:
            result: T = self._portal.call(work)
        except (httpx.HTTPError, kr8s.APITimeoutError, OSError, RuntimeError) as error:
            raise ClusterUnreachable(f"{self.server} does not answer while {doing}: {_words(error)}") from error
        return result

    def request(self, method: str, resource: str, name: str = "", *, doing: str, **options: Any) -> httpx.Response:
        """The answer to a request to `resource` in the namespace, whatever its status.

        It is made again, after each of RETRIES_S, when the API server is too busy (429) and, where asking twice does no
        harm, when it fails or cannot be reached.
        """
        repeatable = method != "POST"
        for pause_s in (*RETRIES_S, None):
            try:
                answer = self._ask_once(method, resource, name, doing, dict(options))
            except ClusterUnreachable:
                if pause_s is None or not repeatable:
                    raise
            else:
                busy = answer.status_code == 429 or (repeatable and answer.status_code >= 500)
                if pause_s is None or not busy:
                    break
                asked_for = answer.headers.get("Retry-After", "")
                pause_s = max(pause_s, min(float(asked_for), MAX_PAUSE_S)) if asked_for.isdecimal() else pause_s
            time.sleep(pause_s)
        return answer

    def _ask_once(self, method: str, resource: str, name: str, doing: str, options: dict[str, Any]) -> httpx.Response:
        everywhere = options.pop("everywhere", False)

        async def ask() -> httpx.Response:
            async with self._api.call_api(
                method=method,
                version=RESOURCES[resource],
                namespace=None if everywhere else self.namespace,
                url=f"{resource}/{name}" if name else resource,
                raise_for_status=False,
                timeout=TIMEOUT_S,
                **options,
            ) as response:
                return response  # type: ignore[no-any-return]

        answer = self._call(ask, doing)
        if answer.status_code == UNAUTHORIZED:
            self._renew()
            answer = self._call(ask, doing)
        return answer

    def _renew(self) -> None:
        """Read the credentials anew: those from a program or a file end after a while."""
        try:
            self._portal.call(renew, self._api)
        except Exception as error:
            raise ClusterUnreachable(
                f"{self.server} takes the credentials no more, and there are no new ones: {_words(error)}"
            ) from error

    def list(
        self, resource: str, selector: str = "", *, fields: str = "", everywhere: bool = False
    ) -> list[dict[str, Any]]:
        """The objects whose labels match `selector`, as the API tells them; `everywhere` means all namespaces."""
        params = {key: text for key, text in (("labelSelector", selector), ("fieldSelector", fields)) if text}
        doing = f"listing {resource}"
        answer = self.request("GET", resource, doing=doing, params=params, everywhere=everywhere)
        return list(_checked(answer, doing, self.namespace)["items"])

    def create(self, manifest: dict[str, Any]) -> None:
        """Create an object; one that is there already is an error."""
        resource = manifest["kind"].lower() + "s"
        doing = f"creating the {manifest['kind']} {manifest['metadata']['name']}"
        body = json.dumps(manifest)
        answer = self.request("POST", resource, doing=doing, content=body, headers={"Content-Type": "application/json"})
        _checked(answer, doing, self.namespace)

    def delete(self, resource: str, name: str, *, grace_s: int | None = None) -> None:
        """Delete an object and what it owns; one that is gone already is fine. A pod gets `grace_s` for its end."""
        doing = f"deleting {resource}/{name}"
        params = {"propagationPolicy": "Background"}
        if grace_s is not None:
            params["gracePeriodSeconds"] = str(grace_s)
        answer = self.request("DELETE", resource, name, doing=doing, params=params)
        if answer.status_code != 404:
            _checked(answer, doing, self.namespace)

    def log(self, pod: str, container: str, *, tail: int | None = None, previous: bool = False) -> str | None:
        """What a container of the pod has written; None where there is nothing to be had."""
        params = {"container": container, **({"tailLines": str(tail)} if tail else {})}
        if previous:
            params["previous"] = "true"
        answer = self.request("GET", "pods", f"{pod}/log", doing=f"reading the log of {pod}", params=params)
        return answer.text if answer.status_code == 200 else None

    @contextmanager
    def forward(self, pod: str, port: int) -> Iterator[int]:
        """A port of 127.0.0.1 that leads to `port` of the pod. A broken connection ends; the next one may do."""
        with self._portal.wrap_async_context_manager(forward_port(self._api, self.namespace, pod, port)) as local_port:
            yield local_port

    def close(self) -> None:
        """End the connection and every port."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _checked(answer: httpx.Response, doing: str, namespace: str) -> dict[str, Any]:
    """The JSON of a good answer; ClusterRefused with the cluster's own words for any other."""
    if answer.is_success:
        return dict(answer.json())
    try:
        words = str(answer.json().get("message") or answer.text)
    except ValueError:
        words = answer.text
    hint = " `loadlab rbac` prints a Role that allows it." if answer.status_code == 403 else ""
    raise ClusterRefused(
        f"the cluster refused {doing} in namespace {namespace} (HTTP {answer.status_code}): {words.strip()[:500]}{hint}"
    )


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__
