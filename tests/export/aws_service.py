"""A CloudWatch as strict as the real one: a proxy that refuses what Amazon refuses, in front of moto's server."""

from __future__ import annotations

import gzip
import http.client
import http.server
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from aws_rules import problems
from botocore.parsers import RpcV2CBORParser

CBOR = "/service/GraniteServiceVersion20100801/operation/"
JSON = "GraniteServiceVersion20100801."
"""How boto3 names an operation: in the path where it speaks CBOR, in a header where it speaks JSON."""

Fault = str | BaseException | None
REFUSALS = {
    "throttled": (400, "ThrottlingException", "Throttling;Sender", "Rate exceeded"),
    "broken": (500, "InternalServiceFault", "InternalServiceFault;Receiver", "try again"),
    "expired": (403, "ExpiredTokenException", "ExpiredToken;Sender", "The security token included in it is expired"),
    "denied": (403, "AccessDeniedException", "AccessDenied;Sender", "not authorized to perform"),
}


class StrictCloudWatch(http.server.ThreadingHTTPServer):
    """Decodes and checks every request, keeps what it accepted, and passes it on to moto where `forward` is set.

    accepted: the parameters of every PutMetricData that was accepted, in order.
    calls: the names of all operations, in order.
    refused: what was wrong with requests.
    faults: what the next PutMetricData requests meet, one each: None, a key of REFUSALS, "page" (of a
        proxy), "cut before", "cut after".
    """

    daemon_threads = True

    def __init__(self, moto: tuple[str, int]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.moto = moto
        self.reset()

    def reset(self) -> None:
        self.accepted: list[dict[str, Any]] = []
        self.sizes: list[int] = []
        self.encodings: list[str | None] = []
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.times: list[float] = []
        self.refused: list[str] = []
        self.faults: list[Fault] = []
        self.forward = True
        self.clock: Callable[[], float] = time.time

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def operations(self) -> list[str]:
        return [name for name, _ in self.calls]


class _Handler(http.server.BaseHTTPRequestHandler):
    server: StrictCloudWatch
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = gzip.decompress(sent) if self.headers.get("Content-Encoding") == "gzip" else sent
        target = self.headers.get("X-Amz-Target", "")
        if self.path.startswith(CBOR):
            operation, parameters = self.path.removeprefix(CBOR), _read_cbor(body)
        elif target.startswith(JSON):
            operation, parameters = target.removeprefix(JSON), _read_json(body)
        else:  # STS, and whatever has no rules here
            self._pass_on(sent)
            return
        self.server.calls.append((operation, parameters))
        self.server.times.append(time.monotonic())
        is_data = operation == "PutMetricData"
        fault = self.server.faults.pop(0) if is_data and self.server.faults else None
        if fault in REFUSALS:
            self._refuse(*REFUSALS[fault])
            return
        if fault == "page":
            page = b"<html><head><title>Bad</title></head><body>Sorry</body></html>"
            self.send_response(502)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)
            return
        if fault == "cut before":
            self.close_connection = True
            return
        found = problems(operation, parameters, body_bytes=len(body), now=self.server.clock())
        if found:
            self.server.refused += found
            self._refuse(400, "InvalidParameterValueException", "InvalidParameterValue;Sender", "; ".join(found[:5]))
            return
        if is_data:
            self.server.accepted.append(parameters)
            self.server.sizes.append(len(body))
            self.server.encodings.append(self.headers.get("Content-Encoding"))
        if fault == "cut after":
            self.close_connection = True
            return
        if self.server.forward:
            self._pass_on(sent)
        else:
            self._answer(200, {}, {})

    def _refuse(self, status: int, code: str, query_code: str, message: str) -> None:
        answer = {"__type": f"com.amazonaws.cloudwatch#{code}", "message": message}
        self._answer(status, answer, {"x-amzn-query-error": query_code})

    def _answer(self, status: int, answer: dict[str, str], headers: dict[str, str]) -> None:
        self.send_response(status)
        if self.path.startswith(CBOR):
            body = bytes([0xA0 + len(answer)]) + b"".join(_cbor(text) for pair in answer.items() for text in pair)
            headers = headers | {"Smithy-Protocol": "rpc-v2-cbor", "Content-Type": "application/cbor"}
        else:
            body = json.dumps(answer).encode()
            headers = headers | {"Content-Type": "application/x-amz-json-1.0"}
        for name, value in (headers | {"Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _pass_on(self, sent: bytes) -> None:
        moto = http.client.HTTPConnection(*self.server.moto, timeout=60)
        headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
        moto.request("POST", self.path, sent, headers | {"Host": "{}:{}".format(*self.server.moto)})
        answer = moto.getresponse()
        body = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("connection", "transfer-encoding", "content-length", "date", "server"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        moto.close()

    def log_message(self, *_: object) -> None:
        pass


def _read_cbor(body: bytes) -> dict[str, Any]:
    parser = RpcV2CBORParser()
    return parser.parse_data_item(parser.get_peekable_stream_from_bytes(body))


def _read_json(body: bytes) -> dict[str, Any]:
    parameters = json.loads(body)
    for datum in parameters.get("MetricData", []):
        datum["Timestamp"] = datetime.fromtimestamp(datum["Timestamp"], UTC)
    return parameters


def _cbor(text: str) -> bytes:
    data = text.encode()
    return b"\x79" + len(data).to_bytes(2, "big") + data
