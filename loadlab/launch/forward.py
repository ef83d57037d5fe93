"""A port of this machine that leads to a port of a pod, through the API server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from loadlab.launch.credentials import UNAUTHORIZED, renew

PATIENCE_S = 10.0
PAUSE_S = 0.3
CHUNK = 65536
DATA = 0
"""The websocket's channel of the first port's bytes; the next one is that of its error. Each begins with the port."""


@asynccontextmanager
async def forward_port(api: Any, namespace: str, pod: str, port: int) -> AsyncIterator[int]:
    """Listen on a free port of 127.0.0.1 while the block lasts; every connection to it is one to `port` of the pod.

    A connection that the cluster does not take waits up to PATIENCE_S. One that it refuses or breaks off ends, and
    nothing else: whoever made it may make another one. `api` is a kr8s Api.
    """
    tasks: set[asyncio.Task[Any]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            async with AsyncExitStack() as stack:
                await _carry(await _open(stack, api, namespace, pod, port), reader, writer)
        except (Exception, asyncio.CancelledError):  # noqa: BLE001 - however it ended, the other side sees its end
            pass
        finally:
            tasks.discard(task)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _open(stack: AsyncExitStack, api: Any, namespace: str, pod: str, port: int) -> Any:
    """The websocket that leads to the pod's port. Credentials that have ended are renewed, once."""
    give_up = time.monotonic() + PATIENCE_S
    renewed = False
    while True:
        try:
            return await stack.enter_async_context(
                api.open_websocket(
                    version="v1", namespace=namespace, url=f"pods/{pod}/portforward", params={"ports": str(port)}
                )
            )
        except Exception as error:
            status = getattr(getattr(error, "response", None), "status_code", 0)
            if status == UNAUTHORIZED and not renewed:
                renewed = True
                await renew(api)
                continue
            refused = 400 <= status < 500 and status != 429
            if refused or time.monotonic() > give_up:
                raise
        await asyncio.sleep(PAUSE_S)


async def _carry(socket: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry bytes in both directions until one of them ends."""

    async def to_pod() -> None:
        while data := await reader.read(CHUNK):
            await socket.send_bytes(bytes([DATA]) + data)

    async def from_pod() -> None:
        begun: set[int] = set()
        while True:
            message = await socket.receive_bytes()
            channel = message[0]
            if channel not in begun:  # the number of the port
                begun.add(channel)
            elif channel == DATA:
                writer.write(message[1:])
                await writer.drain()
            else:
                return  # an error, told in words that nobody here can use

    both = [asyncio.create_task(to_pod()), asyncio.create_task(from_pod())]
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in both:
            task.cancel()
        await asyncio.gather(*both, return_exceptions=True)
