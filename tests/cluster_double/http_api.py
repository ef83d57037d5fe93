"""The API server's HTTP: from a request to a verb, its checks, and the answer."""

from __future__ import annotations

import contextlib
import gzip
import json
import sys
import time
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from cluster_double import errors, streams
from cluster_double.errors import ApiError
from cluster_double.portforward import serve_port_forward
from cluster_double.rbac import Call, allows
from cluster_double.resources import RESOURCES, discovery
from cluster_double.verbs import Target, parse

if TYPE_CHECKING:
    from cluster_double.cluster import Cluster

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete", "GET": "get"}


class Server(ThreadingHTTPServer):
    """Listens on a free port of 127.0.0.1."""

    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has gone is none of ours; anything else is shown."""
        if not isinstance(sys.exception() if hasattr(sys, "exception") else sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    cluster: Cluster

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        path = [unquote(step) for step in url.path.split("/") if step]
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            self._check_token()
            document = discovery(path) if self.command == "GET" else None
            if document is not None:
                self._hit_fault(None, "get")
                self.answer(200, document)
            else:
                self._serve(path, query, body)
        except ApiError as error:
            retry = {"Retry-After": str(error.details["retryAfterSeconds"])} if error.code == 429 else {}
            self.answer(error.code, error.status(), retry)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        except Exception:  # noqa: BLE001
            self.cluster.broken.append(f"{self.command} {self.path}\n{traceback.format_exc()}")
            self.answer(500, ApiError(500, "InternalError", "the double is broken").status())
        finally:
            with contextlib.suppress(OSError, ValueError):
                self.wfile.flush()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

    def answer(self, code: int, obj: Any, headers: dict[str, str] | None = None) -> None:
        body = json.dumps(obj, separators=(",", ":")).encode()
        packed = len(body) > 100_000 and "gzip" in self.headers.get("Accept-Encoding", "")
        body = gzip.compress(body, 1) if packed else body
        self.send_response(code)
        for name, value in ({"Content-Encoding": "gzip"} if packed else {}).items() | (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _check_token(self) -> None:
        """A wrong token is refused. helm and kubectl send none over plain HTTP, so none is as good as the right one."""
        if "Authorization" in self.headers and self.headers.get("Authorization") != f"Bearer {self.cluster.token}":
            raise ApiError(401, "Unauthorized", "Unauthorized")

    def _serve(self, path: list[str], query: dict[str, str], body: bytes) -> None:
        target = _target(path)
        verb = _VERBS[self.command]
        watching = query.get("watch", "") in ("1", "true")
        if not target.name and verb in ("get", "delete"):
            verb = "deletecollection" if verb == "delete" else "watch" if watching else "list"
        self.cluster.authorize(verb, _with_field_name(target, query))
        self._hit_fault(target, verb)
        cluster, verbs = self.cluster, self.cluster.verbs
        match verb, target.subresource:
            case "watch", "":
                streams.serve_watch(self, cluster, target, query)
            case "list", "":
                self.answer(200, verbs.list(target, query))
            case "get", "log":
                streams.serve_log(self, cluster, target, query)
            case (("get" | "create"), "portforward"):
                serve_port_forward(self, cluster, target, query)
            case "get", _:
                self.answer(200, cluster.store.get(target.resource, target.namespace, target.name))
            case "create", "eviction":
                cluster.store.get(target.resource, target.namespace, target.name)
                options = parse(self.headers.get("Content-Type", ""), body).get("deleteOptions") or {}
                cluster.disrupt(target.namespace, target.name, "EvictionByEvictionAPI", "Eviction API: evicting")
                verbs.delete(target, options, {})
                self.answer(201, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"})
            case "create", "":
                obj = parse(self.headers.get("Content-Type", ""), body)
                made = verbs.create(target, obj, query) if target.resource.stored else cluster.review(target, obj)
                self.answer(201, made)
            case "update", _:
                self.answer(200, verbs.update(target, parse(self.headers.get("Content-Type", ""), body), query))
            case "patch", _:
                kind = self.headers.get("Content-Type", "")
                self.answer(*verbs.patch(target, kind, parse(kind, body), query))
            case "delete", _:
                self.answer(200, verbs.delete(target, parse(self.headers.get("Content-Type", ""), body), query))
            case "deletecollection", _:
                options = parse(self.headers.get("Content-Type", ""), body)
                self.answer(200, verbs.delete_collection(target, options, query))
            case _:
                raise ApiError(
                    405, "MethodNotAllowed", "the server does not allow this method on the requested resource"
                )

    def _hit_fault(self, target: Target | None, verb: str) -> None:
        """What the test has ordered for this request."""
        fault = self.cluster.faults.next_for(self.command, self.path)
        if fault is None:
            return
        time.sleep(fault.delay)
        if fault.status:
            raise fault.error(target, verb, self.cluster.user)


def _target(path: list[str]) -> Target:
    match path:
        case ["api", "v1", *rest]:
            group = ""
        case ["apis", group, "v1", *rest]:
            pass
        case _:
            raise errors.no_such_path()
    namespace = ""
    if rest[:1] == ["namespaces"] and len(rest) > 2 and rest[2] in RESOURCES:
        namespace, rest = rest[1], rest[2:]
    plural, name, subresource, *_ = [*rest, "", "", ""]
    resource = RESOURCES.get(plural)
    if resource is None or resource.group != group or (subresource and subresource not in resource.subresources):
        raise errors.no_such_path()
    return Target(resource, subresource, namespace, name)


def _with_field_name(target: Target, query: dict[str, str]) -> Target:
    """A list of the one object that a field selector names is a call about that name, for RBAC."""
    for field in query.get("fieldSelector", "").split(","):
        if field.startswith("metadata.name=") and not target.name:
            return target._replace(name=field.split("=")[-1])
    return target


def call_of(verb: str, target: Target) -> Call:
    """The call in RBAC's terms. Calls about a Namespace are in that namespace."""
    namespace = target.name if target.resource.name == "namespaces" else target.namespace
    return Call(verb, target.resource.group, target.resource.name, target.subresource, namespace, target.name)


def check(rules: list[dict[str, Any]] | None, verb: str, target: Target, user: str) -> None:
    """Refuse in the words of the real server what no rule allows; None allows everything."""
    call = call_of(verb, target)
    if rules is not None and target.resource.stored and not allows(rules, call):
        raise errors.denied(target.resource, verb, target.subresource, call.namespace, target.name, user)
