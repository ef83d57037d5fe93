"""pods/portforward over a websocket: channel 2n carries the data of the n-th port, channel 2n + 1 its error.

The first message on every channel is the port, little-endian. One port is served, as kr8s asks for it.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import socket
import struct
import threading
from typing import TYPE_CHECKING

from cluster_double import errors

if TYPE_CHECKING:
    from cluster_double.cluster import Cluster
    from cluster_double.http_api import Handler
    from cluster_double.verbs import Target

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
BINARY, CLOSE, PING, PONG = 2, 8, 9, 10
CHUNK = 32768


def serve_port_forward(handler: Handler, cluster: Cluster, target: Target, query: dict[str, str]) -> None:
    """Carry bytes between the client and a port of the pod until one of them, or the test, ends it."""
    if handler.headers.get("Upgrade", "").lower() != "websocket":
        raise errors.bad_request("unable to upgrade: this server forwards ports over websockets only")
    offered = handler.headers.get("Sec-WebSocket-Protocol", "")
    if "SPDY" in offered:
        raise errors.bad_request(f"unable to upgrade: this server does not speak {offered}")
    cluster.authorize("create", target)
    pod = cluster.store.get(target.resource, target.namespace, target.name)
    if (phase := pod["status"].get("phase")) != "Running":
        raise errors.bad_request(f"unable to forward port because pod is not running. Current status={phase}")
    if cluster.faults.refuses_port_forwards():
        raise errors.ApiError(500, "InternalError", "error dialing backend: dial tcp: i/o timeout")
    port = int(query["ports"].split(",")[0])
    accept = base64.b64encode(hashlib.sha1((handler.headers["Sec-WebSocket-Key"] + _GUID).encode()).digest()).decode()
    handler.send_response(101)
    for name, value in (("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept)):
        handler.send_header(name, value)
    if offered:
        handler.send_header("Sec-WebSocket-Protocol", offered.split(",")[0].strip())
    handler.end_headers()
    handler.wfile.flush()
    handler.close_connection = True
    client = handler.connection
    for channel in (0, 1):
        _send(client, bytes([channel]) + struct.pack("<H", port))
    with contextlib.ExitStack() as stack:
        try:
            backend = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=60))
        except OSError as error:
            why = (
                f"error forwarding port {port} to pod {pod['metadata']['uid']}, uid : failed to execute portforward in "
                f"network namespace: failed to connect to localhost:{port} inside namespace, IPv4: dial tcp4 "
                f"127.0.0.1:{port}: connect: {error.strerror or error}"
            )
            _send(client, b"\x01" + why.encode())
            _send(client, struct.pack(">H", 1000), CLOSE)
            return
        stack.enter_context(cluster.faults.port_forward(client, backend))
        with contextlib.suppress(OSError):
            _carry(handler, client, backend)


def _carry(handler: Handler, client: socket.socket, backend: socket.socket) -> None:
    backend.settimeout(None)
    backend.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sending = threading.Lock()

    def send(data: bytes, opcode: int = BINARY) -> None:
        with sending:
            _send(client, data, opcode)

    def carry_back() -> None:
        with contextlib.suppress(OSError):
            while data := backend.recv(CHUNK):
                send(b"\0" + data)
            send(struct.pack(">H", 1000), CLOSE)
            client.shutdown(socket.SHUT_WR)

    back = threading.Thread(target=carry_back, daemon=True)
    back.start()
    try:
        frames = _Frames(handler)
        while True:
            opcode, data = frames.read()
            if opcode == CLOSE:
                send(data, CLOSE)
                return
            if opcode == PING:
                send(data, PONG)
            if opcode == BINARY and data[:1] == b"\0":
                backend.sendall(data[1:])
    finally:
        with contextlib.suppress(OSError):
            backend.shutdown(socket.SHUT_RDWR)
        back.join()


class _Frames:
    """Whole messages from a client; frames of one message are put together."""

    def __init__(self, handler: Handler) -> None:
        self._file = handler.rfile

    def read(self) -> tuple[int, bytes]:
        whole, kind = b"", 0
        while True:
            first, second = self._take(2)
            length = second & 127
            if length > 125:
                length = int.from_bytes(self._take(2 if length == 126 else 8), "big")
            mask = self._take(4) if second & 128 else bytes(4)
            data = bytearray(self._take(length))
            key = (mask * (length // 4 + 1))[:length]
            plain = (int.from_bytes(data, "big") ^ int.from_bytes(key, "big")).to_bytes(length, "big")
            kind = kind or first & 15
            whole += plain
            if first & 128:
                return kind, whole

    def _take(self, size: int) -> bytes:
        data: bytes = self._file.read(size)
        if len(data) < size:
            raise ConnectionResetError("the client has gone")
        return data


def _send(client: socket.socket, data: bytes, opcode: int = BINARY) -> None:
    size = len(data)
    if size < 126:
        head = struct.pack(">BB", 128 | opcode, size)
    elif size < 65536:
        head = struct.pack(">BBH", 128 | opcode, 126, size)
    else:
        head = struct.pack(">BBQ", 128 | opcode, 127, size)
    client.sendall(head + data)
