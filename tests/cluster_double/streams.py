"""Answers that go on: watches and followed logs."""

from __future__ import annotations

import json
import select
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cluster_double import errors
from cluster_double.selecting import selector
from cluster_double.store import Change

if TYPE_CHECKING:
    from cluster_double.cluster import Cluster
    from cluster_double.http_api import Handler
    from cluster_double.verbs import Target

POLL_S = 0.2


class Chunks:
    """A body of unknown length."""

    def __init__(self, handler: Handler, content_type: str) -> None:
        self._handler = handler
        handler.send_response(200)
        handler.send_header("Content-Type", content_type)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.wfile.flush()

    def send(self, data: bytes) -> None:
        if data:
            self._handler.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            self._handler.wfile.flush()

    def end(self) -> None:
        self._handler.wfile.write(b"0\r\n\r\n")

    def has_reader(self) -> bool:
        """A client sends nothing more: whatever can be read is its end."""
        connection = self._handler.connection
        return not select.select([connection], [], [], 0)[0]


def serve_watch(handler: Handler, cluster: Cluster, target: Target, query: dict[str, str]) -> None:
    """Changes since `resourceVersion`, or everything there is and then the changes."""
    store, generation = cluster.store, cluster.faults.watch_generation
    chosen = selector(query.get("labelSelector", ""), query.get("fieldSelector", ""))
    asked = query.get("resourceVersion", "")
    deadline = time.monotonic() + float(query.get("timeoutSeconds") or 3600)
    initial = asked in ("", "0") or query.get("sendInitialEvents") == "true"
    with store.changed:
        since = store.version if initial else int(asked)
        first = store.all(target.resource.name, target.namespace or None) if initial else []
        if since < store.forgotten:
            raise errors.expired()
    out = Chunks(handler, "application/json")
    lines = [_line("ADDED", obj) for obj in first if chosen(obj)]
    if query.get("sendInitialEvents") == "true":
        marked = {"annotations": {"k8s.io/initial-events-end": "true"}, "resourceVersion": str(since)}
        head = {"kind": target.resource.kind, "apiVersion": target.resource.api_version}
        lines.append(_line("BOOKMARK", {**head, "metadata": marked}))
    out.send(b"".join(lines))
    while time.monotonic() < deadline and out.has_reader() and not cluster.closing:
        with store.changed:
            if store.version == since:
                store.changed.wait(POLL_S)
            fresh = list(_newer(store.history, since))
            since = store.version
        if cluster.faults.watch_generation != generation:
            handler.close_connection = True  # in the middle of the body, as when a proxy gives up
            return
        out.send(b"".join(_lines(fresh, target, chosen)))
    out.end()


def _newer(history: list[Change], since: int) -> Iterator[Change]:
    start = len(history)
    while start and history[start - 1].version > since:
        start -= 1
    yield from history[start:]


def _lines(changes: list[Change], target: Target, chosen: Any) -> Iterator[bytes]:
    for change in changes:
        if change.resource != target.resource.name or target.namespace not in ("", change.namespace):
            continue
        was = change.before is not None and chosen(change.before)
        if change.after is not None and chosen(change.after):
            yield _line("MODIFIED" if was else "ADDED", change.after)
        elif was and change.before is not None:
            yield _line("DELETED", change.before)


def _line(kind: str, obj: dict[str, Any]) -> bytes:
    return json.dumps({"type": kind, "object": obj}, separators=(",", ":")).encode() + b"\n"


def serve_log(handler: Handler, cluster: Cluster, target: Target, query: dict[str, str]) -> None:
    """A container's output, from its file."""
    pod = cluster.store.get(target.resource, target.namespace, target.name)
    names = [it["name"] for part in ("initContainers", "containers") for it in pod["spec"].get(part) or ()]
    container = query.get("container") or pod["spec"]["containers"][0]["name"]
    if not query.get("container") and len(pod["spec"]["containers"]) > 1:
        listed = " ".join(it["name"] for it in pod["spec"]["containers"])
        why = f"a container name must be specified for pod {target.name}, choose one of: [{listed}]"
        raise errors.bad_request(why)
    if container not in names:
        raise errors.bad_request(f"container {container} is not valid for pod {target.name}")
    path = cluster.kubelet.log_path(pod, container, previous=query.get("previous") == "true")
    if path is None:
        if query.get("previous") == "true":
            why = f'previous terminated container "{container}" in pod "{target.name}" not found'
        else:
            waiting = cluster.kubelet.waiting_reason(pod, container)
            why = f'container "{container}" in pod "{target.name}" is waiting to start: {waiting}'
        raise errors.bad_request(why)
    tail = query.get("tailLines")
    data = path.read_bytes()
    start = 0 if tail is None else _start_of_last_lines(data, int(tail))
    out = Chunks(handler, "text/plain")
    out.send(data[start : start + int(query["limitBytes"])] if "limitBytes" in query else data[start:])
    if query.get("follow") == "true":
        _follow(out, cluster, pod, container, path, len(data))
    out.end()


def _start_of_last_lines(data: bytes, count: int) -> int:
    lines = data.splitlines(keepends=True)
    return len(data) - sum(len(line) for line in (lines[-count:] if count else []))


def _follow(out: Chunks, cluster: Cluster, pod: Any, container: str, path: Path, position: int) -> None:
    with path.open("rb") as file:
        file.seek(position)
        while out.has_reader() and not cluster.closing:
            running = cluster.kubelet.is_running(pod, container)
            data = file.read()
            out.send(data)
            if not running and not data:
                return
            if not data:
                time.sleep(POLL_S / 4)
