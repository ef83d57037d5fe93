"""A Pushgateway over real HTTP with the rules of its README: groups by path, PUT replaces, timestamps are refused."""

from __future__ import annotations

import base64
import http.server
import re
from urllib.parse import unquote

from prometheus_client.parser import text_string_to_metric_families


class PushgatewayDouble(http.server.ThreadingHTTPServer):
    """`groups`: grouping labels -> {family name: family}. `faults` are met in turn, one a request: None, a status code,
    "cut before" the group is stored, or "cut after". `user` "name:password" switches basic authentication on."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.reset()

    def reset(self):
        self.groups, self.faults, self.requests, self.user, self.path = {}, [], [], None, ""

    @property
    def address(self):
        return f"127.0.0.1:{self.server_address[1]}"

    @property
    def url(self):
        return f"http://{self.address}"

    def samples(self):
        """Everything that Prometheus would scrape: {(name, (label, value), ...): value}."""
        return {
            (sample.name, *sorted({**sample.labels, **dict(group)}.items())): sample.value
            for group, families in self.groups.items()
            for family in families.values()
            for sample in family.samples
        }


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_PUT(self):
        server = self.server
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server.requests.append((self.path, dict(self.headers)))
        fault = server.faults.pop(0) if server.faults else None
        if fault == "cut before":
            self.close_connection = True
            return None
        if isinstance(fault, int):
            away = {"Location": f"http://bob:hunter2@{server.address}/clean"} if fault < 400 else {}
            return self.answer(fault, "<html>Sorry</html>" if fault >= 500 else "", **away)
        if server.user and self.headers["Authorization"] != f"Basic {base64.b64encode(server.user.encode()).decode()}":
            return self.answer(401, "Unauthorized")
        if "//" in self.path or re.search(r"/\.\.?(/|$)", unquote(self.path)):
            return self.answer(301, "", Location="/clean")
        try:
            group = grouping(self.path.removeprefix(server.path))
            families = parse(body.decode("utf-8"))
            for other, kept in server.groups.items():
                for name in kept.keys() & families.keys():
                    if other != group and kept[name].type != families[name].type:
                        raise ValueError(f"collected metric {name} is not a {kept[name].type}")
        except ValueError as error:
            return self.answer(400, f"pushed metrics are invalid or inconsistent with existing metrics: {error}\n")
        server.groups[group] = families
        if fault == "cut after":
            self.close_connection = True
            return None
        return self.answer(200, "")

    def do_GET(self):
        self.server.requests.append((self.path, dict(self.headers)))
        self.answer(200, "")

    def answer(self, status, text, **headers):
        body = text.encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def grouping(path):
    """The grouping labels of a path."""
    head, metrics, *parts = path.split("/")
    if head or metrics != "metrics" or len(parts) % 2 or parts[0] not in ("job", "job@base64"):
        raise ValueError(f"no group: {path}")
    labels = {}
    for name, value in zip(parts[::2], map(unquote, parts[1::2]), strict=True):
        if name.endswith("@base64"):
            value = base64.urlsafe_b64decode(value.rstrip("=") + "=" * (-len(value.rstrip("=")) % 4)).decode()
        labels[name.removesuffix("@base64")] = value
    if not labels["job"]:
        raise ValueError("job name is required")
    return tuple(sorted(labels.items()))


def parse(text):
    """The families of a Prometheus text 0.0.4."""
    if text and not text.endswith("\n"):
        raise ValueError("unexpected end of input stream")
    for line in text.split("\n"):
        if line.startswith("# HELP") and re.search(r"(?<!\\)(\\\\)*\\[^\\n]", line):
            raise ValueError("invalid escape sequence")
    families = {family.name: family for family in text_string_to_metric_families(text)}
    if any(sample.timestamp is not None for family in families.values() for sample in family.samples):
        raise ValueError("pushed metrics must not have timestamps")
    return families
